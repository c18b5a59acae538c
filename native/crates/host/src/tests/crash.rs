//! Power cuts under load: nothing acknowledged is lost, nothing signed is taken back, no id comes twice (N7, C6, S3).

use std::collections::HashSet;

use pyralog_log::FaultFiles;
use pyralog_types::batch::{Outcome, Row};

use super::{Clock, check_notes, digests, options, outcomes, sealing, start, value};
use crate::options::Mutant;
use crate::{Algorithm, Host, HostError, HostOptions, Wait};

/// What the world outside was told.
#[derive(Default)]
struct Told {
    /// Digest number and what was answered for it.
    records: Vec<(u64, Outcome)>,
    /// Notes that were handed out.
    notes: Vec<String>,
    ids: HashSet<u64>,
}

/// Deterministic choices.
pub(super) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Load until the power goes off; remembers what was answered.
fn load(
    (host, disk): (&Host, &FaultFiles),
    mut rounds: std::ops::Range<u64>,
    random: &mut Random,
    told: &mut Told,
    next: &mut u64,
) {
    while !disk.is_off() && rounds.next().is_some() {
        let mut waiting = Vec::new();
        for _ in 0..=random.below(6) {
            let count = 1 + random.below(30);
            let wait = match random.below(3) {
                0 => Wait::Checkpoint { paths: true },
                1 => Wait::Checkpoint { paths: false },
                _ => Wait::Durable,
            };
            waiting.push((*next, start(host, digests(*next, count), wait)));
            *next += count;
        }
        for (first, answer) in waiting {
            let Ok(answer) = answer.recv().unwrap() else {
                continue;
            };
            let records = (first..).zip(outcomes(&answer));
            told.records.extend(records);
            told.notes.extend(answer.checkpoint.map(|c| c.note.clone()));
        }
        let newest = host.checkpoint(0).unwrap();
        told.notes.extend(newest.map(|c| c.note.clone()));
    }
}

/// Whether the store still says everything that was told.
fn check(host: &Host, told: &mut Told) -> Result<(), String> {
    for (number, outcome) in &told.records {
        let row = host.read(0, outcome.offset, 0).map_err(|e| e.to_string())?;
        let rows = Row::parse_all(&row).unwrap();
        let row = rows.first().ok_or(format!("record {number} is lost"))?;
        if row.value != value(*number) || row.leaf.scarab_id != outcome.scarab_id {
            return Err(format!("record {number} is another one now"));
        }
        let found = host.offset_of_id(0, outcome.scarab_id).unwrap();
        if found != Some(outcome.offset) {
            return Err(format!("id of record {number} leads to {found:?}"));
        }
        let found = host.offsets_of_digest(0, &value(*number), 2).unwrap();
        if found != [outcome.offset] {
            return Err(format!("digest of record {number} leads to {found:?}"));
        }
    }
    let durable = host.durable_size(0).unwrap();
    for (number, outcome) in told.records.iter().step_by(7) {
        for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
            host.inclusion(0, (outcome.offset, durable), algorithm)
                .map_err(|e| format!("record {number} is not proved: {e}"))?;
        }
    }
    check_notes(host, &told.notes)?;
    let size = host.durable_size(0).unwrap();
    let rows = host.read(0, 0, usize::MAX).map_err(|e| e.to_string())?;
    let rows = Row::parse_all(&rows).unwrap();
    let ids: HashSet<u64> = rows.iter().map(|row| row.leaf.scarab_id).collect();
    if rows.len() as u64 != size || ids.len() != rows.len() || !told.ids.is_subset(&ids) {
        return Err("an id came twice or a record was lost".to_owned());
    }
    told.ids = ids;
    Ok(())
}

fn run(seed: u64, mutant: Option<Mutant>) -> Result<(), String> {
    run_with(seed, mutant, &options()).map(|_| ())
}

/// Returns how many segments there were in the end, and the first log file.
fn run_with(
    seed: u64,
    mutant: Option<Mutant>,
    options: &HostOptions,
) -> Result<(usize, u64), String> {
    let disk = FaultFiles::new(seed);
    disk.allow_short_writes();
    let clock = Clock::new();
    let mut random = Random(seed);
    let mut told = Told::default();
    let mut next = 0;
    let mut stopped = false;
    for round in 0..4 {
        let mut world = clock.world(&disk);
        world.mutant = mutant;
        // The clock may have been set back while the node was down (S3, S4).
        if random.below(2) == 0 {
            clock.0.fetch_sub(
                random.below(3_600_000),
                std::sync::atomic::Ordering::Relaxed,
            );
        }
        let host = Host::open(world, options).map_err(|e| format!("round {round}: {e}"))?;
        if let Some(damage) = &host.recovery().damage {
            return Err(format!(
                "round {round}: a crash looks like damage: {damage}"
            ));
        }
        check(&host, &mut told).map_err(|e| format!("round {round}: {e}"))?;
        if std::mem::take(&mut stopped) && host.recovery().entries > 0 {
            return Err(format!(
                "round {round}: it was stopped, and entries are replayed"
            ));
        }
        if round == 3 {
            let repeated = told.records.iter().rev().take(20);
            for (number, outcome) in repeated {
                let answer = start(&host, digests(*number, 1), Wait::Durable);
                let answer = match answer.recv().unwrap() {
                    Err(HostError::ClockBehind(_)) => break, // set back too far above
                    other => other,
                };
                let again = outcomes(&answer.map_err(|e| e.to_string())?);
                if again[0].offset != outcome.offset {
                    return Err(format!("record {number} was taken twice"));
                }
            }
            host.close().map_err(|e| e.to_string())?;
            let first = (1..999).find(|n| disk.content(&wal(*n)).is_some()).unwrap();
            return Ok((host.shared.segments.of(0).len(), first));
        }
        if random.below(3) == 0 {
            load((&host, &disk), 0..6, &mut random, &mut told, &mut next);
            if let Some(failure) = host.shared.failure() {
                return Err(format!(
                    "round {round}: nothing failed, and it says: {failure}"
                ));
            }
            if random.below(2) == 0 {
                disk.power_off_after(random.below(40)); // while it stops
            }
            stopped = host.close().is_ok() && !disk.is_off();
            told.notes
                .extend(host.checkpoint(0).unwrap().map(|c| c.note.clone()));
            drop(host);
            disk.crash();
            continue;
        }
        disk.power_off_after(10 + random.below(if options.seal.rows < 100 { 800 } else { 120 }));
        // A host that refuses everything (a mutant's) writes nothing, so that its power never fails.
        load((&host, &disk), 0..500, &mut random, &mut told, &mut next);
        let newest = host.checkpoint(0).unwrap();
        told.notes.extend(newest.map(|c| c.note.clone()));
        let _ = host.close(); // without power it cannot end well
        drop(host);
        disk.crash();
    }
    Ok((0, 0))
}

fn wal(incarnation: u64) -> std::path::PathBuf {
    format!("/store/wal/{incarnation:016x}.wal").into()
}

/// Seeds to run: `SEED=…` replays one, `RUNS=…` takes more of them.
pub(super) fn seeds() -> std::ops::Range<u64> {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: Option<u64> = variable("SEED");
    let runs = variable("RUNS").unwrap_or(if seed.is_some() { 1 } else { 40 });
    let first = seed.unwrap_or(0);
    first..first + runs
}

#[test]
fn nothing_acknowledged_or_signed_is_lost() {
    for seed in seeds() {
        run(seed, None).unwrap_or_else(|e| panic!("SEED={seed}: {e}"));
    }
}

#[test]
fn nothing_is_lost_while_records_become_segments_and_files_are_used_again() {
    let (mut segments, mut reused) = (0, 0);
    let options = HostOptions {
        wal_file_bytes: 64 << 10,
        ..sealing()
    };
    for seed in seeds() {
        let (sealed, first) =
            run_with(seed, None, &options).unwrap_or_else(|e| panic!("SEED={seed}: {e}"));
        segments += sealed;
        reused += u64::from(first > 1);
    }
    if seeds().count() >= 40 {
        assert!(
            segments > 100 && reused > 5,
            "{segments} segments, {reused} reused"
        );
    }
}

#[test]
fn a_host_that_lets_the_log_go_before_the_manifest_knows_is_caught() {
    let mutant = Some(Mutant::ReleaseBeforeManifest);
    let caught = (0..40).any(|seed| run_with(seed, mutant, &sealing()).is_err());
    assert!(caught, "the checks would let lost segments pass");
}

#[test]
fn a_host_that_answers_before_the_sync_is_caught() {
    let caught = (0..40).any(|seed| run(seed, Some(Mutant::ReplyBeforeSync)).is_err());
    assert!(caught, "the checks would let answers before the sync pass");
}

#[test]
fn a_host_that_signs_before_the_sync_is_caught() {
    let caught = (0..40).any(|seed| run(seed, Some(Mutant::SignBeforeSync)).is_err());
    assert!(
        caught,
        "the checks would let signatures before the sync pass"
    );
}
