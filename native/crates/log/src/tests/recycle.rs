//! Released entries, files that are let go and used again (W12–W15).

use std::path::Path;

use super::model::{Model, Random};
use super::{FILE_BYTES, open, wal_file};
use crate::{Durability, FaultFiles, HardState, NewEntry, OpenLog, PartitionConfig, TreeState};

/// Appends an entry of `length` bytes and commits it.
fn append(log: &mut OpenLog, group: u32, length: usize) -> u64 {
    let bytes = vec![group as u8; length];
    let entry = NewEntry {
        term: 3,
        parts: &[&bytes],
    };
    let index = log.store.append(group, &[entry]).unwrap();
    commit(log);
    index
}

fn commit(log: &mut OpenLog) {
    if let Some(frame) = log.store.seal() {
        log.committer.commit(frame).unwrap();
    }
}

/// Fills files until this many are in use.
fn fill(log: &mut OpenLog, group: u32, files: u64) {
    while log.reclaimer.as_ref().unwrap().usage().files < files {
        append(log, group, 9_000);
    }
}

fn wal_files(disk: &FaultFiles) -> Vec<u64> {
    (1..40)
        .filter(|n| disk.content(&wal_file(*n)).is_some())
        .collect()
}

#[test]
fn released_entries_give_their_files_back_and_the_states_stay() {
    let disk = FaultFiles::new(1);
    let mut log = open(&disk).unwrap();
    let tree = TreeState {
        size: 9,
        root: [7; 32],
        sha256_root: Some([8; 32]),
    };
    let config = PartitionConfig {
        dedup_window_ms: 5,
        dedup_records: 6,
        sha256: true,
        durability: Durability::Memory,
        origin: "pyralog/test/1".into(),
    };
    let hard = HardState {
        term: 3,
        vote: 1,
        commit: 2,
    };
    log.store.configure(1, &config).unwrap();
    log.store.hard_state(1, hard).unwrap();
    log.store.sign_state(1, &tree).unwrap();
    log.store.sidecar_state(1, &tree).unwrap();
    log.store.configure(2, &config).unwrap();
    fill(&mut log, 1, 4);
    let last = log.reader.state(1).unwrap().last_index;
    assert_eq!(log.reclaimer.as_ref().unwrap().reclaim().unwrap(), 0);

    // Up to one behind the last; beyond is refused, behind is nothing.
    assert!(log.store.release(1, last + 2).is_err());
    log.store.release(1, last).unwrap();
    log.store.release(1, 1).unwrap();
    assert_eq!(log.reader.state(1).unwrap().first_index, 1);
    commit(&mut log);
    let state = log.reader.state(1).unwrap();
    assert_eq!((state.first_index, state.last_index), (last, last));
    assert!(log.reader.entry(1, last - 1).unwrap().is_none());
    assert_eq!(log.reader.term(1, last - 1), Some(3));
    assert_eq!(log.reader.term(1, last - 2), None);
    let reclaimer = log.reclaimer.as_ref().unwrap();
    assert_eq!(reclaimer.reclaim().unwrap(), 3);
    assert_eq!(reclaimer.usage().files, 1);

    // Two are kept for reuse, one is gone; the next ones are made of them.
    assert_eq!(wal_files(&disk).len(), 3);
    for file in 5..=7 {
        log.preparer.as_ref().unwrap().prepare_next().unwrap();
        fill(&mut log, 1, file - 3);
    }
    assert_eq!(wal_files(&disk), [4, 5, 6, 7]);
    let held = Model::read(log.reader.as_ref()).unwrap();
    drop(log);

    let mut log = open(&disk).unwrap();
    assert!(log.recovery.damage.is_none(), "{:?}", log.recovery);
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), held);
    let state = log.reader.state(1).unwrap();
    assert_eq!(
        (state.hard_state, state.signed, state.sidecar, state.config),
        (hard, Some(tree), Some(tree), Some(config.clone()))
    );
    let other = log.reader.state(2).unwrap();
    assert_eq!((other.config, other.last_index), (Some(config), 0));
    assert_eq!(log.reader.term(1, last - 1), Some(3));
    assert_eq!(append(&mut log, 2, 10), 1);
    assert_eq!(append(&mut log, 1, 10), state.last_index + 1);
}

#[test]
fn a_group_without_entries_goes_on_where_it_was() {
    let disk = FaultFiles::new(2);
    let mut log = open(&disk).unwrap();
    append(&mut log, 1, 10);
    append(&mut log, 1, 10);
    fill(&mut log, 2, 3);
    log.store.release(1, 3).unwrap();
    log.store.release(2, 3).unwrap();
    commit(&mut log);
    for _ in 0..2 {
        log.reclaimer.as_ref().unwrap().reclaim().unwrap();
        drop(log);
        log = open(&disk).unwrap();
        let state = log.reader.state(1).unwrap();
        assert_eq!((state.first_index, state.last_index), (3, 2));
        assert_eq!(log.reader.term(1, 2), Some(3));
        assert_eq!(log.store.staged_index(1), 2);
    }
    assert_eq!(append(&mut log, 1, 10), 3);
}

#[test]
fn an_entry_that_holds_a_file_is_written_again() {
    let disk = FaultFiles::new(3);
    let mut log = open(&disk).unwrap();
    for _ in 0..3 {
        append(&mut log, 1, 100);
    }
    fill(&mut log, 2, 4);
    append(&mut log, 1, 50);
    let last = log.reader.state(2).unwrap().last_index;
    log.store.release(2, last).unwrap();
    commit(&mut log);
    let reclaimer = log.reclaimer.take().unwrap();
    assert_eq!(reclaimer.reclaim().unwrap(), 0);
    let holding = reclaimer.holding(u64::MAX);
    assert_eq!(holding, [(1, 1), (1, 2), (1, 3)]);
    assert_eq!(reclaimer.holding(1), [(1, 1)]);
    for (group, index) in holding {
        let entry = log.reader.entry(group, index).unwrap().unwrap();
        assert!(log.store.again(group, &entry).unwrap());
        let gone = crate::StoredEntry { index: 99, ..entry };
        assert!(!log.store.again(group, &gone).unwrap());
    }
    commit(&mut log);
    let held = Model::read(log.reader.as_ref()).unwrap();
    assert_eq!(reclaimer.reclaim().unwrap(), 3);
    assert!(reclaimer.holding(u64::MAX).is_empty());
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), held);
    drop((log, reclaimer));
    let log = open(&disk).unwrap();
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), held);
    assert_eq!(log.reader.state(1).unwrap().last_index, 4);
}

#[test]
fn old_bytes_of_a_recycled_file_are_neither_frames_nor_a_torn_tail() {
    let disk = recycled();
    let log = open(&disk).unwrap();
    assert!(log.recovery.clean(), "{:?}", log.recovery);
    assert_eq!(log.reader.state(1).unwrap().last_index, 11);
}

/// A log whose newest frame stands in a recycled file, with old frames behind it and the marker gone.
fn recycled() -> FaultFiles {
    let disk = FaultFiles::new(4);
    let mut log = open(&disk).unwrap();
    for _ in 0..10 {
        append(&mut log, 1, 12_000);
    }
    log.store.release(1, 11).unwrap();
    commit(&mut log);
    log.reclaimer.as_ref().unwrap().reclaim().unwrap();
    log.preparer.as_ref().unwrap().prepare_next().unwrap();
    // Fills the file it is in, so that this one begins the recycled one.
    append(&mut log, 1, 40_000);
    disk
}

#[test]
fn damage_in_a_recycled_file_is_told_from_its_old_bytes() {
    let disk = recycled();
    let recycled_file = *wal_files(&disk).last().unwrap();
    let mut log = open(&disk).unwrap();
    // Frame 13 in front of 14: a flipped bit in 13 is damage, since 14 stands behind it.
    for _ in 0..2 {
        append(&mut log, 1, 100);
    }
    drop(log);
    let path = wal_file(recycled_file);
    let before = disk.content(&path).unwrap();
    let at = before
        .windows(100)
        .position(|bytes| bytes == [1; 100])
        .unwrap();
    let second = 4096 + 64 + 32 + 40_000;
    assert!(at < second);
    disk.flip_bit(&path, second + 200, 1);
    let log = open(&disk).unwrap();
    assert!(log.recovery.damage.is_some(), "{:?}", log.recovery);
    assert_eq!(log.reader.state(1).unwrap().last_index, 11);
    assert_ne!(disk.content(&path).unwrap(), before);
}

#[test]
fn a_torn_frame_in_a_recycled_file_is_cut() {
    let disk = recycled();
    let recycled_file = *wal_files(&disk).last().unwrap();
    let mut log = open(&disk).unwrap();
    append(&mut log, 1, 2_000);
    drop(log);
    // Its header is there, its last sector is not: what stood there before is.
    let path = wal_file(recycled_file);
    let header = frame_end(&disk, recycled_file) - 64;
    disk.flip_bit(&path, header - 700, 5);
    let log = open(&disk).unwrap();
    assert!(log.recovery.damage.is_none(), "{:?}", log.recovery);
    assert!(log.recovery.cut_bytes >= 2_000, "{:?}", log.recovery);
    assert_eq!(log.reader.state(1).unwrap().last_index, 11);
    drop(log);
    assert!(open(&disk).unwrap().recovery.clean());
}

/// Position behind the newest frame: where its marker stands, or will.
fn frame_end(disk: &FaultFiles, file: u64) -> usize {
    let content = disk.content(&wal_file(file)).unwrap();
    let header = crate::wal::FileHeader::decode(&content[..64]).unwrap();
    assert!(header.recycled);
    let mut at = 4096;
    while let Ok(frame) =
        crate::wal::FrameHeader::decode(header.salt, header.incarnation, &content[at..at + 64])
    {
        if frame.is_marker() {
            break;
        }
        at += (64 + frame.payload_bytes as usize).next_multiple_of(64);
    }
    at + 64
}

#[test]
fn a_store_of_version_one_is_brought_up_to_date() {
    let disk = FaultFiles::new(5);
    let mut log = open(&disk).unwrap();
    append(&mut log, 1, 10);
    drop(log);
    let path = Path::new(super::DIR).join("wal/STORE");
    let new = disk.content(&path).unwrap();
    let mut old = new.clone();
    old[8] = 1;
    let crc = crc32c::crc32c(&old[..60]).to_le_bytes();
    old[60..].copy_from_slice(&crc);
    disk.plant(&path, old);
    let log = open(&disk).unwrap();
    assert!(log.recovery.clean());
    assert_eq!(log.reader.state(1).unwrap().last_index, 1);
    assert_eq!(disk.content(&path).unwrap(), new);
}

#[test]
fn damage_in_the_records_of_the_store_file_is_refused() {
    let disk = recycled();
    let path = Path::new(super::DIR).join("wal/STORE");
    let whole = disk.content(&path).unwrap();
    assert!(whole.len() > 64);
    let mut random = Random(9);
    for _ in 0..50 {
        let at = random.below(whole.len() as u64) as usize;
        let mut bad = whole.clone();
        bad[at] ^= 1 << random.below(8);
        disk.plant(&path, bad);
        assert!(open(&disk).is_err(), "byte {at}");
    }
    disk.plant(&path, whole[..whole.len() - 8].to_vec());
    assert!(open(&disk).is_err());
    disk.plant(&path, whole);
    assert!(open(&disk).unwrap().recovery.clean());
}

#[test]
fn file_sizes_may_change_between_lives() {
    let disk = recycled();
    let options = crate::WalOptions {
        file_bytes: 2 * FILE_BYTES,
    };
    let layer = std::sync::Arc::new(disk.clone());
    let log = crate::WalLogStore::open(layer, Path::new(super::DIR), &options).unwrap();
    log.preparer.as_ref().unwrap().prepare_next().unwrap();
    let newest = *wal_files(&disk).last().unwrap();
    let content = disk.content(&wal_file(newest)).unwrap();
    assert_eq!(content.len() as u64, 2 * FILE_BYTES);
}

/// Two frames are written into a recycled file without a sync, and a crash loses the first and keeps the second. The place
/// of the first is taken by a frame as long: the second must not come back behind it.
pub(crate) fn lose_the_first_of_two() -> Result<(), String> {
    let mut met = 0;
    for seed in 0..60 {
        let disk = FaultFiles::new(seed);
        let mut log = open(&disk).unwrap();
        fill(&mut log, 1, 3);
        let last = log.reader.state(1).unwrap().last_index;
        log.store.release(1, last + 1).unwrap();
        commit(&mut log);
        log.reclaimer.as_ref().unwrap().reclaim().unwrap();
        log.preparer.as_ref().unwrap().prepare_next().unwrap();
        let mut index = last;
        while log.reclaimer.as_ref().unwrap().usage().files < 2 {
            index = append(&mut log, 1, 9_000);
        }
        let write = |log: &mut OpenLog, bytes: &[u8]| {
            let parts = [bytes];
            let entry = NewEntry {
                term: 3,
                parts: &parts,
            };
            log.store.append(1, &[entry]).unwrap();
            let frame = log.store.seal().unwrap();
            log.committer.write(frame).unwrap();
        };
        write(&mut log, &[1; 1_500]);
        write(&mut log, &[2; 40]);
        assert_eq!(log.reader.state(1).unwrap().last_index, index);
        disk.crash();
        drop(log);
        let mut log = open(&disk).map_err(|error| error.to_string())?;
        if log.reader.state(1).unwrap().last_index > index {
            continue; // the first frame survived
        }
        met += u64::from(log.recovery.cut_bytes > 0);
        write(&mut log, &[3; 1_500]);
        log.committer.sync().unwrap();
        drop(log);
        disk.crash();
        let log = open(&disk).map_err(|error| error.to_string())?;
        let found = log.reader.state(1).unwrap().last_index;
        if found != index + 1 || log.recovery.damage.is_some() {
            return Err(format!("seed {seed}: {found}, {:?}", log.recovery));
        }
    }
    assert!(met > 3, "a second frame without the first in {met} crashes");
    Ok(())
}
