//! After a clean stop the log is not read, and what the stop file says is believed of no other log (W17).

use std::path::{Path, PathBuf};

use super::model::{Model, Random};
use super::{DIR, FILE_BYTES, open};
use crate::mutant::{Mutant, with};
use crate::{FaultFiles, FileLayer, NewEntry, OpenLog};

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

/// What is found of a flipped bit by an opening that reads the log, and by the check behind one that does not; `None` when
/// the stop file is not believed then.
fn found(seed: u64, flip: (&Path, usize, u32), forget: bool) -> Option<bool> {
    let (disk, _) = stopped(seed);
    let (path, at, bit) = flip;
    disk.flip_bit(path, at, bit);
    if forget {
        disk.vanish(&stop_file());
    }
    let log = open(&disk).unwrap();
    if forget {
        return Some(log.recovery.damage.is_some());
    }
    let checked = log.reader.check(&mut || true);
    log.recovery.stopped.then_some(checked.is_err())
}

#[test]
fn a_check_behind_the_opening_finds_what_an_opening_finds_that_reads_all() {
    let (mut random, mut damaged) = (Random(9), 0);
    for seed in 0..150 {
        let (disk, _) = stopped(seed);
        let log = open(&disk).unwrap();
        assert!(log.recovery.stopped);
        log.reader.check(&mut || true).unwrap();
        let wal = PathBuf::from(DIR).join("wal");
        let names = disk.list(&wal).unwrap();
        let mut paths: Vec<PathBuf> = names.iter().map(|name| wal.join(name)).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "wal"));
        let path = &paths[random.below(paths.len() as u64) as usize];
        // Its header is checked by every opening.
        let at = 4_096 + random.below(FILE_BYTES / 2) as usize;
        let flip = (path.as_path(), at, random.below(8) as u32);
        let Some(behind) = found(seed, flip, false) else {
            continue;
        };
        let read = found(seed, flip, true).unwrap();
        assert_eq!(behind, read, "seed {seed}, {flip:?}");
        damaged += u32::from(behind);
    }
    assert!(damaged > 20, "{damaged}");
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
