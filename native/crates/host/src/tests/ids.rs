//! Ids that callers reserve are nobody else's, whatever happens (S2–S5, S8).

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyralog_log::{FaultFiles, File};
use pyralog_obelisk::SequencerError;
use pyralog_types::batch::Row;

use super::crash::{Random, seeds};
use super::{Clock, START_MS, digests, open, options, outcomes, propose, start};
use crate::files::Windows;
use crate::options::Mutant;
use crate::{Host, HostError, IdRun, RESERVED_IDS_MAX, Wait};

fn ids_of(runs: &[IdRun]) -> impl Iterator<Item = u64> + '_ {
    let run = |run: &IdRun| run.first..run.first + u64::from(run.count);
    runs.iter().flat_map(run)
}

/// Ids of all records, those that nobody was told of among them.
fn of_records(host: &Host) -> Vec<u64> {
    let rows = host.read(0, 0, usize::MAX).unwrap();
    let rows = Row::parse_all(&rows).unwrap();
    rows.iter().map(|row| row.leaf.scarab_id).collect()
}

/// Records and reservations by turns over power cuts, with a clock that is set back at will.
fn run(seed: u64, mutant: Option<Mutant>) -> Result<(), String> {
    let disk = FaultFiles::new(seed);
    let clock = Clock::new();
    let mut random = Random(seed);
    let mut reserved = HashSet::new();
    let mut next = 0;
    for _ in 0..5 {
        let mut world = clock.world(&disk);
        world.mutant = mutant;
        if random.below(2) == 0 {
            let back = random.below(600_000);
            clock.0.fetch_sub(back, Ordering::Relaxed);
        }
        let host = Host::open(world, &options()).map_err(|error| error.to_string())?;
        let stored = of_records(&host);
        if stored.iter().any(|id| reserved.contains(id)) {
            return Err("a record has a reserved id".to_owned());
        }
        let stored: HashSet<u64> = stored.into_iter().collect();
        disk.power_off_after(4 + random.below(60));
        let mut turns = 0..400;
        while !disk.is_off() && turns.next().is_some() {
            let answer = start(&host, digests(next, 3), Wait::Durable);
            next += 3;
            let count = 1 + random.below(20_000) as u32;
            let given = host.reserve_ids(count).unwrap_or_default();
            let mut last = 0;
            for id in ids_of(&given) {
                if id <= last || stored.contains(&id) || !reserved.insert(id) {
                    return Err(format!("id {id} was given before"));
                }
                last = id;
            }
            if let Ok(answer) = answer.recv().unwrap()
                && let Some(record) = outcomes(&answer)
                    .iter()
                    .find(|record| reserved.contains(&record.scarab_id))
            {
                return Err(format!("record {} has a reserved id", record.scarab_id));
            }
        }
        let _ = host.close(); // without power it cannot end well
        drop(host);
        disk.crash();
    }
    Ok(())
}

#[test]
fn no_id_comes_back_over_power_cuts() {
    for seed in seeds() {
        run(seed, None).unwrap_or_else(|error| panic!("SEED={seed}: {error}"));
    }
}

#[test]
fn windows_that_are_used_before_they_are_durable_are_noticed() {
    let mutant = Some(Mutant::WindowsBeforeSync);
    assert!((0..40).any(|seed| run(seed, mutant).is_err()));
}

#[test]
fn reserved_ids_that_stay_in_the_sequence_are_noticed() {
    let mutant = Some(Mutant::ReserveWithoutTaking);
    assert!((0..40).any(|seed| run(seed, mutant).is_err()));
}

#[test]
fn many_threads_and_records_share_one_sequence() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    let given: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let takers: Vec<_> = (1..=4)
            .map(|n| {
                let host = &host;
                scope.spawn(move || {
                    let runs = (0..50).flat_map(|_| host.reserve_ids(n * 3_000).unwrap());
                    ids_of(&runs.collect::<Vec<_>>()).collect::<Vec<_>>()
                })
            })
            .collect();
        for n in 0..50 {
            propose(&host, digests(n * 10, 10), Wait::Durable).unwrap();
        }
        takers.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for ids in &given {
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
    let mut all: HashSet<u64> = of_records(&host).into_iter().collect();
    assert_eq!(all.len(), 500);
    assert!(given.iter().flatten().all(|id| all.insert(*id)));
    assert_eq!(all.len(), 500 + 50 * 3_000 * (1 + 2 + 3 + 4));
}

#[test]
fn a_clock_set_back_too_far_refuses_until_it_comes_up_again() {
    let clock = Clock::new();
    let disk = FaultFiles::new(2);
    let host = Host::open(clock.world(&disk), &options()).unwrap();
    let before = host.reserve_ids(10).unwrap()[0].first;
    // The background thread does so too, sooner or later.
    host.shared.ids.reserve_ahead(START_MS).unwrap();
    clock.0.store(START_MS - 7_300_000, Ordering::Relaxed);
    let size = |disk: &FaultFiles| disk.content("/store/sequencer".as_ref()).unwrap().len();
    let windows = size(&disk);
    for _ in 0..3 {
        let refused = host.reserve_ids(10).unwrap_err();
        assert_eq!(refused.code(), "log/clock-behind", "{refused}");
    }
    assert!(host.stats().clock.unwrap().contains("set back"));
    assert_eq!(size(&disk), windows, "no window was reserved in vain");
    clock.0.store(START_MS - 7_100_000, Ordering::Relaxed);
    let after = host.reserve_ids(10).unwrap()[0].first;
    assert!(after > before);
    assert_eq!(host.stats().clock, None);
}

#[test]
fn counts_out_of_range_and_closed_hosts_are_refused() {
    let disk = FaultFiles::new(3);
    let host = open(&disk);
    for count in [0, RESERVED_IDS_MAX + 1, u32::MAX] {
        let refused = host.reserve_ids(count).unwrap_err();
        assert_eq!(refused.code(), "log/out-of-range", "{refused}");
    }
    let runs = host.reserve_ids(RESERVED_IDS_MAX).unwrap();
    assert_eq!(ids_of(&runs).count(), RESERVED_IDS_MAX as usize);
    host.close().unwrap();
    let refused = host.reserve_ids(1).unwrap_err();
    assert!(matches!(refused, HostError::Closed), "{refused}");
}

#[test]
fn a_window_that_may_not_be_durable_ends_it() {
    let disk = FaultFiles::new(4);
    let clock = Clock::new();
    let host = Host::open(clock.world(&disk), &options()).unwrap();
    clock.0.fetch_add(3_600_000, Ordering::Relaxed);
    disk.fail_next_sync();
    let refused = host.reserve_ids(1).unwrap_err();
    assert_eq!(refused.code(), "storage/poisoned", "{refused}");
    let refused = host.reserve_ids(1).unwrap_err();
    assert_eq!(refused.code(), "storage/poisoned", "{refused}");
    let refused = propose(&host, digests(0, 1), Wait::Durable).unwrap_err();
    assert_eq!(refused.code(), "storage/poisoned", "{refused}");
}

/// A file whose length cannot grow while the disk is full.
#[derive(Default)]
struct FullFile {
    length: AtomicU64,
    full: AtomicBool,
}

impl File for FullFile {
    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.length.load(Ordering::Relaxed))
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.length.store(length, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_full_disk_refuses_windows_until_there_is_room() {
    let file = Arc::new(FullFile::default());
    let windows = Windows::of(file.clone()).unwrap();
    windows.reserve(3).unwrap();
    file.full.store(true, Ordering::Relaxed);
    windows.reserve(2).unwrap();
    for _ in 0..2 {
        let refused = windows.reserve(4).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        let host = open(&FaultFiles::new(5));
        let told = host.shared.refused_ids(SequencerError::Io(refused));
        assert_eq!(told.code(), "storage/disk-full", "{told}");
        propose(&host, digests(0, 1), Wait::Durable).unwrap();
    }
    file.full.store(false, Ordering::Relaxed);
    windows.reserve(4).unwrap();
    windows.close();
    windows.reserve(4).unwrap();
    assert!(windows.reserve(5).is_err());
    assert_eq!(file.len().unwrap(), 4);
}
