//! What an answer stands for (W16): what callers see of each policy, and what power cuts leave of it.

use std::collections::HashSet;
use std::sync::mpsc::channel;

use pyralog_log::FaultFiles;
use pyralog_types::batch::{Outcome, OutcomeStatus, Row};

use super::crash::{Random, seeds};
use super::{Clock, digests, options, outcomes, start_in, value};
use crate::options::Mutant;
use crate::{Answer, Durability, Host, HostError, HostOptions, PartitionOptions, Reply, Wait};

const SYNCED: usize = 0;
const INTERVAL: usize = 1;
const MEMORY: usize = 2;
/// No sync comes by itself while a test runs.
const NEVER_MS: u64 = 3_600_000;

/// A partition of each policy.
fn policies(sync_interval_ms: u64) -> HostOptions {
    let [partition] = <[PartitionOptions; 1]>::try_from(options().partitions).unwrap();
    let all = [Durability::Sync, Durability::Interval, Durability::Memory];
    let partitions = all.into_iter().map(|durability| PartitionOptions {
        origin: format!("pyralog/test-00/local/{}/0", durability.name()),
        durability,
        ..partition.clone()
    });
    HostOptions {
        partitions: partitions.collect(),
        sync_interval_ms,
        ..options()
    }
}

fn open(disk: &FaultFiles, options: &HostOptions) -> Host {
    Host::open(Clock::new().world(disk), options).unwrap()
}

fn propose(host: &Host, partition: usize, (first, count): (u64, u64), wait: Wait) -> Answer {
    let answer = start_in(host, partition, digests(first, count), wait);
    answer.recv().unwrap().unwrap()
}

fn sizes(host: &Host) -> [u64; 3] {
    [SYNCED, INTERVAL, MEMORY].map(|partition| host.durable_size(partition).unwrap())
}

#[test]
fn accepted_records_show_once_somebody_waits_for_the_disk() {
    let disk = FaultFiles::new(1);
    let host = open(&disk, &policies(NEVER_MS));
    for (partition, count) in [(INTERVAL, 3), (MEMORY, 4)] {
        let answer = propose(&host, partition, (0, count), Wait::Durable);
        assert!(!answer.durable && answer.checkpoint.is_none());
        assert_eq!(outcomes(&answer)[0].status, OutcomeStatus::New);
    }
    assert_eq!(sizes(&host), [0, 0, 0]);
    assert!(host.read(INTERVAL, 0, 1_000).unwrap().is_empty());
    assert_eq!(host.stats().accepted_records, 7);
    let id = outcomes(&propose(&host, INTERVAL, (0, 1), Wait::Durable))[0].scarab_id;
    assert_eq!(host.offset_of_id(INTERVAL, id).unwrap(), None);

    // One sync is everybody's.
    assert!(propose(&host, SYNCED, (0, 1), Wait::Durable).durable);
    assert_eq!(sizes(&host), [1, 3, 4]);
    assert_eq!(host.stats().accepted_records, 0);
    assert_eq!(host.offset_of_id(INTERVAL, id).unwrap(), Some(0));
    host.close().unwrap();
}

#[test]
fn a_checkpoint_waits_for_the_disk_whatever_the_policy() {
    for partition in [INTERVAL, MEMORY] {
        let host = open(&FaultFiles::new(1), &policies(NEVER_MS));
        assert!(!propose(&host, partition, (0, 2), Wait::Durable).durable);
        assert!(
            host.checkpoint(partition)
                .unwrap()
                .is_none_or(|c| c.size == 0)
        );
        let wait = Wait::Checkpoint { paths: true };
        let answer = propose(&host, partition, (2, 1), wait);
        assert!(answer.durable);
        assert_eq!(answer.checkpoint.unwrap().size, 3);
        assert_eq!(sizes(&host)[partition], 3);
    }
}

#[test]
fn the_interval_syncs_what_nobody_waits_for() {
    for partition in [INTERVAL, MEMORY] {
        let host = open(&FaultFiles::new(1), &policies(1));
        propose(&host, partition, (0, 2), Wait::Durable);
        let (send, receive) = channel();
        let reply = Reply::new(
            move |answer: Result<std::sync::Arc<crate::SignedCheckpoint>, HostError>| {
                send.send(answer.unwrap().size).unwrap();
            },
        );
        host.checkpoint_at(partition, 2, reply);
        assert_eq!(receive.recv().unwrap(), 2);
        assert_eq!(sizes(&host)[partition], 2);
    }
}

#[test]
fn a_failed_sync_of_what_was_accepted_refuses_all_that_follows() {
    let disk = FaultFiles::new(1);
    let host = open(&disk, &policies(1));
    while !host.stats().poisoned {
        disk.fail_next_sync(); // the background may have taken the one before
        let answer = start_in(&host, INTERVAL, digests(0, 1), Wait::Durable);
        if let Ok(answer) = answer.recv().unwrap() {
            assert!(!answer.durable);
        }
    }
    let refused = start_in(&host, MEMORY, digests(9, 1), Wait::Durable);
    assert_eq!(
        refused.recv().unwrap().unwrap_err().code(),
        "storage/poisoned"
    );
}

#[test]
fn a_clean_stop_loses_nothing_that_was_accepted() {
    let disk = FaultFiles::new(1);
    let host = open(&disk, &policies(NEVER_MS));
    for partition in [INTERVAL, MEMORY] {
        propose(&host, partition, (0, 5), Wait::Durable);
    }
    host.close().unwrap();
    disk.crash();
    let host = open(&disk, &policies(NEVER_MS));
    assert!(host.recovery().clean, "{:?}", host.recovery());
    assert_eq!(sizes(&host), [0, 5, 5]);
}

#[test]
fn a_policy_is_changed_by_saying_so_and_nothing_else_with_it() {
    let disk = FaultFiles::new(1);
    let host = open(&disk, &policies(NEVER_MS));
    propose(&host, SYNCED, (0, 5), Wait::Durable);
    host.close().unwrap();
    let mut wanted = policies(NEVER_MS);
    wanted.partitions[SYNCED].durability = Durability::Interval;
    wanted.partitions[SYNCED].window.records = 500_000;
    let refused = Host::open(Clock::new().world(&disk), &wanted)
        .err()
        .unwrap();
    assert_eq!(refused.code(), "storage/format");
    assert!(
        refused.to_string().contains("changeDurability"),
        "{refused}"
    );

    wanted.change_durability = true;
    open(&disk, &wanted).close().unwrap();
    wanted.change_durability = false;
    let host = open(&disk, &wanted);
    let again = propose(&host, SYNCED, (0, 5), Wait::Durable);
    assert!(!again.durable);
    assert!(
        outcomes(&again)
            .iter()
            .all(|o| o.status == OutcomeStatus::Duplicate)
    );
    host.close().unwrap();
    let config = || {
        let log = pyralog_log::WalLogStore::open(
            std::sync::Arc::new(disk.clone()),
            &options().dir,
            &pyralog_log::WalOptions {
                file_bytes: options().wal_file_bytes,
            },
        );
        log.unwrap().reader.state(0).unwrap().config.unwrap()
    };
    assert_eq!(config().durability, Durability::Interval);
    // The window at the log's beginning: replay from there must decide as the first run did (B7).
    assert_eq!(config().dedup_records, 1_000_000);
}

/// What the world was told of one partition.
#[derive(Default)]
struct Told {
    /// Digest number, outcome, and whether it was said to be durable.
    records: Vec<(u64, Outcome, bool)>,
    /// Records that were shown as durable.
    shown: u64,
    /// Ids of records that a power cut lost.
    lost: HashSet<u64>,
    losses: u64,
}

impl Told {
    /// What was durable is there, and of the rest a beginning, without a hole.
    fn check(&mut self, host: &Host, partition: usize) -> Result<(), String> {
        let size = host.durable_size(partition).map_err(|e| e.to_string())?;
        if size < self.shown {
            return Err(format!(
                "{} records were shown, {size} are left",
                self.shown
            ));
        }
        let rows = host
            .read(partition, 0, usize::MAX)
            .map_err(|e| e.to_string())?;
        let rows = Row::parse_all(&rows).unwrap();
        if rows.len() as u64 != size
            || rows
                .iter()
                .any(|row| self.lost.contains(&row.leaf.scarab_id))
        {
            return Err("the id of a lost record was given again".to_owned());
        }
        for (number, outcome, durable) in std::mem::take(&mut self.records) {
            let row = rows.get(outcome.offset as usize);
            match row {
                Some(row)
                    if row.value == value(number) && row.leaf.scarab_id == outcome.scarab_id =>
                {
                    self.records.push((number, outcome, durable));
                }
                None if !durable => {
                    self.losses += 1;
                    self.lost.insert(outcome.scarab_id);
                }
                found => return Err(format!("record {number}, durable {durable}: {found:?}")),
            }
        }
        Ok(())
    }
}

/// Load on all partitions until the power goes off.
fn load(
    host: &Host,
    disk: &FaultFiles,
    random: &mut Random,
    (told, next): (&mut [Told], &mut u64),
) {
    let mut rounds = 0..300;
    while !disk.is_off() && rounds.next().is_some() {
        let mut waiting = Vec::new();
        for _ in 0..=random.below(5) {
            let partition = [INTERVAL, MEMORY, INTERVAL, MEMORY, SYNCED][random.below(5) as usize];
            let wait = match random.below(12) {
                0 => Wait::Checkpoint { paths: false },
                _ => Wait::Durable,
            };
            let count = 1 + random.below(20);
            let answer = start_in(host, partition, digests(*next, count), wait);
            waiting.push((partition, *next, answer));
            *next += count;
        }
        for (partition, first, answer) in waiting {
            let Ok(answer) = answer.recv().unwrap() else {
                continue;
            };
            let records = (first..).zip(outcomes(&answer));
            let records = records.map(|(number, outcome)| (number, outcome, answer.durable));
            told[partition].records.extend(records);
        }
        for (partition, told) in told.iter_mut().enumerate() {
            told.shown = told.shown.max(host.durable_size(partition).unwrap());
        }
    }
}

/// Returns how many accepted records were lost.
fn run(seed: u64, mutant: Option<Mutant>) -> Result<u64, String> {
    let disk = FaultFiles::new(seed);
    disk.allow_short_writes();
    let clock = Clock::new();
    let mut random = Random(seed);
    let mut told = [Told::default(), Told::default(), Told::default()];
    let mut next = 0;
    let options = HostOptions {
        wal_file_bytes: 64 << 10,
        ..policies([1, 5, NEVER_MS][seed as usize % 3])
    };
    for round in 0..4 {
        let mut world = clock.world(&disk);
        world.mutant = mutant;
        let host = Host::open(world, &options).map_err(|e| format!("round {round}: {e}"))?;
        if let Some(damage) = &host.recovery().damage {
            return Err(format!(
                "round {round}: a crash looks like damage: {damage}"
            ));
        }
        for (partition, told) in told.iter_mut().enumerate() {
            told.check(&host, partition)
                .map_err(|e| format!("round {round}, partition {partition}: {e}"))?;
        }
        if round == 3 {
            host.close().map_err(|e| e.to_string())?;
            break;
        }
        disk.power_off_after(10 + random.below(120));
        load(&host, &disk, &mut random, (&mut told, &mut next));
        let _ = host.close(); // without power it cannot end well
        drop(host);
        disk.crash();
    }
    let durable = told[SYNCED].records.iter().all(|(_, _, durable)| *durable);
    if !durable || told[SYNCED].losses > 0 {
        return Err("a log that syncs answered `accepted`".to_owned());
    }
    Ok(told.iter().map(|told| told.losses).sum())
}

#[test]
fn a_power_cut_takes_the_last_of_what_was_accepted_and_nothing_durable() {
    let mut lost = 0;
    for seed in seeds() {
        lost += run(seed, None).unwrap_or_else(|e| panic!("SEED={seed}: {e}"));
    }
    assert!(seeds().count() < 40 || lost > 100, "{lost} records lost");
}

#[test]
fn a_host_that_says_durable_before_the_sync_is_caught() {
    let caught = (0..40).any(|seed| run(seed, Some(Mutant::DurableBeforeSync)).is_err());
    assert!(
        caught,
        "the checks would let `durable` before the sync pass"
    );
}
