//! After a clean stop the log is not read, and what the stop file says is believed of no other log (W17).

use std::path::PathBuf;

use super::model::{Model, Random};
use super::{DIR, FILE_BYTES, open};
use crate::mutant::{Mutant, with};
use crate::{FaultFiles, NewEntry, OpenLog};

fn stop_file() -> PathBuf {
    PathBuf::from(DIR).join("wal/STOP")
}

fn append(log: &mut OpenLog, bytes: &[u8]) {
    let entry = NewEntry {
        term: 1,
        parts: &[bytes],
    };
    log.store.append(7, &[entry]).unwrap();
    let frame = log.store.seal().unwrap();
    log.committer.commit(frame).unwrap();
}

/// A log of several files that was stopped, and what it holds.
fn stopped(seed: u64) -> (FaultFiles, Model) {
    let disk = FaultFiles::new(seed);
    let (mut random, mut model) = (Random(seed), Model::default());
    let mut log = open(&disk).unwrap();
    for _ in 0..40 {
        model.stage(log.store.as_mut(), &mut random).unwrap();
        let frame = log.store.seal().unwrap();
        log.committer.commit(frame).unwrap();
        log.reclaimer.as_ref().unwrap().reclaim().unwrap();
    }
    log.committer.stop(b"state").unwrap();
    (disk, model)
}

#[test]
fn a_stopped_log_is_not_read_and_holds_the_same() {
    for seed in 0..30 {
        let (disk, model) = stopped(seed);
        let file = disk.content(&stop_file()).unwrap();
        let log = open(&disk).unwrap();
        assert_eq!(log.stopped.as_deref(), Some(&b"state"[..]));
        assert!(log.recovery.stopped && log.recovery.clean());
        assert_eq!(log.recovery.frames, 0);
        assert_eq!(Model::read(log.reader.as_ref()).unwrap(), model);
        let states = |log: &OpenLog| {
            let groups = log.reader.groups();
            let states = groups.iter().map(|group| log.reader.state(*group).unwrap());
            states.collect::<Vec<_>>()
        };
        let seen = states(&log);
        drop(log);
        // Nobody finds it twice.
        assert_eq!(disk.content(&stop_file()), None);
        let mut log = open(&disk).unwrap();
        assert!(log.stopped.is_none() && !log.recovery.stopped);
        assert_eq!(states(&log), seen);
        assert_eq!(Model::read(log.reader.as_ref()).unwrap(), model);
        append(&mut log, b"goes on");
        drop(log);

        // One that comes back from somewhere is that of another log by now.
        disk.plant(&stop_file(), file);
        let log = open(&disk).unwrap();
        assert!(log.stopped.is_none());
        assert_eq!(
            log.reader.state(7).unwrap().last_index,
            log.store.staged_index(7)
        );
    }
}

/// Whether a stop file is believed of a log that went on, in the same file or in the next.
fn believed_of_a_longer_log(bytes: usize) -> bool {
    let disk = FaultFiles::new(1);
    let mut log = open(&disk).unwrap();
    append(&mut log, &vec![1; FILE_BYTES as usize / 2]);
    log.committer.stop(b"").unwrap();
    drop(log);
    let file = disk.content(&stop_file()).unwrap();
    let mut log = open(&disk).unwrap();
    append(&mut log, &vec![2; bytes]);
    drop(log);
    disk.plant(&stop_file(), file);
    let log = open(&disk).unwrap();
    log.stopped.is_some() || log.reader.state(7).unwrap().last_index != 2
}

#[test]
fn a_stop_file_says_nothing_of_a_log_that_went_on() {
    for bytes in [100, FILE_BYTES as usize * 3 / 4] {
        assert!(!believed_of_a_longer_log(bytes));
        let mutant = Mutant::BelieveStop;
        assert!(
            with(mutant, || believed_of_a_longer_log(bytes)),
            "the check would let an old stop file pass"
        );
    }
}

#[test]
fn a_damaged_stop_file_is_not_believed() {
    let (disk, model) = stopped(3);
    let file = disk.content(&stop_file()).unwrap();
    let mut random = Random(5);
    for _ in 0..60 {
        let mut bytes = file.clone();
        let at = random.below(bytes.len() as u64) as usize;
        if random.one_in(4) {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << random.below(8);
        }
        disk.plant(&stop_file(), bytes);
        let log = open(&disk).unwrap();
        assert!(log.stopped.is_none() && log.recovery.clean());
        assert_eq!(Model::read(log.reader.as_ref()).unwrap(), model);
    }
    disk.plant(&stop_file(), file);
    assert!(open(&disk).unwrap().recovery.stopped);
}
