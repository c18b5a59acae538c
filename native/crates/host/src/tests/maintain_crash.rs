//! Power cuts while maintenance works: what was acknowledged and not lawfully removed is there, byte by byte, and everything
//! that ever was can be proved (Y13 to Y16, N7).

use std::collections::BTreeMap;
use std::sync::Arc;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_types::batch::{Outcome, Row};

use super::crash::{Random, seeds};
use super::maintain::{
    Receipt, check_receipts, made, maintained, read_all, receipts, records, until_idle,
};
use super::unsynced::Unsynced;
use super::{Clock, check_notes, outcomes, start};
use crate::{Host, HostOptions, Maintenance, Policy, Wait, World};

/// Raw bytes that the rows of one segment never reach.
const SEGMENT_BYTES: u64 = 5_000;
const RETAINED: u64 = 9_000;

#[derive(Default)]
struct Told {
    /// Number of the record and what was answered.
    records: Vec<(u64, Outcome)>,
    notes: Vec<String>,
    receipts: Vec<Receipt>,
    next: u64,
}

fn policy(seed: u64) -> Policy {
    let policy = Policy::default();
    match seed % 5 {
        0 => Policy {
            latest_by_key: true,
            ..policy
        },
        1 => Policy {
            retain_bytes: Some(RETAINED),
            ..policy
        },
        2 => Policy {
            merge_bytes: 6_000,
            ..policy
        },
        3 => Policy {
            cold_after_ms: Some(0),
            ..policy
        },
        _ => Policy {
            latest_by_key: true,
            retain_bytes: Some(RETAINED),
            cold_after_ms: Some(0),
            ..policy
        },
    }
}

fn load(host: &Host, disk: &FaultFiles, random: &mut Random, told: &mut Told) {
    let mut rounds = 0..500;
    while !disk.is_off() && rounds.next().is_some() {
        let mut waiting = Vec::new();
        for _ in 0..=random.below(4) {
            let count = 1 + random.below(20);
            let wait = match random.below(2) {
                0 => Wait::Checkpoint { paths: true },
                _ => Wait::Durable,
            };
            waiting.push((told.next, start(host, records(told.next, count), wait)));
            told.next += count;
        }
        for (first, answer) in waiting {
            if let Ok(answer) = answer.recv().unwrap() {
                told.records.extend((first..).zip(outcomes(&answer)));
                told.notes.extend(answer.checkpoint.map(|c| c.note.clone()));
            }
        }
    }
}

/// Rows by offset, and the offset of the newest of each key.
type Kept = (BTreeMap<u64, Vec<u8>>, BTreeMap<Vec<u8>, u64>);

fn kept(host: &Host) -> Result<Kept, String> {
    let (mut rows, mut newest) = (BTreeMap::new(), BTreeMap::new());
    let bytes = read_all(host).map_err(|e| e.to_string())?;
    for row in Row::parse_all(&bytes).unwrap() {
        if !row.key.is_empty() {
            newest.insert(row.key.to_vec(), row.leaf.offset);
        }
        let all = [row.key, row.headers, row.value].concat();
        rows.insert(row.leaf.offset, all);
    }
    Ok((rows, newest))
}

fn check_records(host: &Host, told: &Told, policy: &Policy) -> Result<(), String> {
    let (rows, newest) = kept(host)?;
    let first = host.first_offset(0).unwrap();
    if first > 0 {
        let segments = host.shared.segments.of(0);
        let raw: u64 = segments.iter().map(|s| s.meta.raw_bytes).sum();
        // What compaction took later did count when retention did its sum.
        let too_few = !policy.latest_by_key && raw + SEGMENT_BYTES <= RETAINED;
        if policy.retain_bytes.is_none() || too_few {
            return Err(format!("{first} records went, and {raw} bytes are left"));
        }
    }
    for (number, outcome) in &told.records {
        let made = made(*number);
        let key = made.key.clone().unwrap_or_default();
        let Some(row) = rows.get(&outcome.offset) else {
            let superseded = newest.get(&key).is_some_and(|at| *at > outcome.offset);
            if outcome.offset < first || (policy.latest_by_key && superseded) {
                continue;
            }
            return Err(format!("record {number} at {} is lost", outcome.offset));
        };
        if *row != [key, made.headers.unwrap_or_default(), made.value].concat() {
            return Err(format!("record {number} is another one now"));
        }
        let found = host.offset_of_id(0, outcome.scarab_id);
        if found.clone().ok() != Some(Some(outcome.offset)) {
            return Err(format!("id of record {number} leads to {found:?}"));
        }
    }
    Ok(())
}

fn check(host: &Host, told: &mut Told, policy: &Policy) -> Result<(), String> {
    // Maintenance works meanwhile: a verdict counts when nothing moved while it was found.
    let version = || host.shared.segments.manifest.current().number();
    loop {
        let before = version();
        let verdict = check_records(host, told, policy);
        if verdict.is_ok() || version() == before {
            verdict?;
            break;
        }
    }
    check_notes(host, &told.notes)?;
    check_receipts(host, &told.receipts);
    let fresh = receipts(host).into_iter().step_by(7);
    told.receipts.extend(fresh);
    Ok(())
}

fn add(sum: &mut Maintenance, figures: &Maintenance) {
    sum.merges += figures.merges;
    sum.retentions += figures.retentions;
    sum.ageings += figures.ageings;
}

fn run(seed: u64, unsynced: bool) -> Result<Maintenance, String> {
    let disk = FaultFiles::new(seed);
    disk.allow_short_writes();
    let clock = Clock::new();
    let mut random = Random(seed);
    let mut told = Told::default();
    let options: HostOptions = HostOptions {
        wal_file_bytes: 64 << 10,
        ..maintained(policy(seed))
    };
    let policy = &options.partitions[0].policy;
    let mut sum = Maintenance::default();
    for round in 0..5 {
        let mut world: World = clock.world(&disk);
        if unsynced {
            world.files = Arc::new(Unsynced(disk.clone())) as Arc<dyn FileLayer>;
        }
        let told_so = |e: String| format!("round {round}: {e}");
        let host = Host::open(world, &options).map_err(|e| told_so(e.to_string()))?;
        if let Some(damage) = &host.recovery().damage {
            return Err(told_so(format!("a crash looks like damage: {damage}")));
        }
        check(&host, &mut told, policy).map_err(told_so)?;
        if round == 4 {
            until_idle(&host);
            check(&host, &mut told, policy).map_err(told_so)?;
            let figures = host.maintenance();
            if figures.failures > 0 || figures.quarantined > 0 {
                return Err(told_so(format!("{figures:?}")));
            }
            add(&mut sum, &figures);
            host.close().map_err(|e| e.to_string())?;
            break;
        }
        disk.power_off_after(10 + random.below(900));
        load(&host, &disk, &mut random, &mut told);
        let _ = host.close(); // without power it cannot end well
        add(&mut sum, &host.maintenance());
        drop(host);
        disk.crash();
    }
    Ok(sum)
}

#[test]
fn nothing_is_lost_but_what_the_policy_takes() {
    let mut sum = Maintenance::default();
    for seed in seeds() {
        let figures = run(seed, false).unwrap_or_else(|e| panic!("SEED={seed}: {e}"));
        add(&mut sum, &figures);
    }
    if seeds().count() >= 40 {
        let enough = sum.merges > 40 && sum.retentions > 40 && sum.ageings > 40;
        assert!(enough, "{sum:?}");
    }
}

#[test]
fn an_edit_before_its_files_are_synced_is_caught() {
    let caught = (0..40).any(|seed| {
        std::panic::catch_unwind(|| run(seed, true)).map_or(true, |outcome| outcome.is_err())
    });
    assert!(caught, "the checks would let unsynced segments pass");
}
