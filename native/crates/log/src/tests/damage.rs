//! Damage in synced data is reported and never cut (W8); what belongs to somebody else is refused.

use super::model::{Model, Random};
use super::{DIR, FILE_BYTES, open, wal_file};
use crate::wal::FramePosition;
use crate::{FaultFiles, LogError, NewEntry, OpenLog, WalLogStore, WalOptions};
use std::path::Path;
use std::sync::Arc;

/// A log with frames that were acknowledged, and what it held after each of them.
pub(crate) struct Written {
    pub disk: FaultFiles,
    pub frames: Vec<(FramePosition, u64)>,
    pub models: Vec<Model>,
}

/// Writes frames until `files` files are in use.
pub(crate) fn write(seed: u64, files: u64) -> Written {
    let disk = FaultFiles::new(seed);
    let mut random = Random(seed);
    let mut log = open(&disk).unwrap();
    let mut written = Written {
        disk,
        frames: Vec::new(),
        models: vec![Model::default()],
    };
    loop {
        let mut model = written.models.last().unwrap().clone();
        for _ in 0..2 {
            model.stage(log.store.as_mut(), &mut random).unwrap();
        }
        let frame = log.store.seal().unwrap();
        let committed = log.committer.commit(frame).unwrap();
        written.frames.push((committed.position, committed.bytes));
        written.models.push(model);
        if committed.position.incarnation == files && committed.position.position > FILE_BYTES / 2 {
            break;
        }
    }
    log.committer.mark_stop().unwrap();
    written
}

/// Opens a log that must be damaged: read-only, a prefix of what was written, not a byte on disk changed.
pub(crate) fn expect_damage(written: &Written, what: &str) -> Result<OpenLog, String> {
    let contents = |disk: &FaultFiles| {
        (1..9)
            .map(|n| disk.content(&wal_file(n)))
            .collect::<Vec<_>>()
    };
    let before = contents(&written.disk);
    let mut log = open(&written.disk).map_err(|error| format!("{what}: {error}"))?;
    if log.recovery.damage.is_none() || log.recovery.cut_bytes > 0 {
        return Err(format!("{what} went unnoticed: {:?}", log.recovery));
    }
    let found = Model::read(log.reader.as_ref())?;
    if written.models.get(log.recovery.frames as usize) != Some(&found) {
        return Err(format!("{what}: what is shown was never acknowledged"));
    }
    let entry = NewEntry {
        term: 1,
        parts: &[b"x"],
    };
    match log.store.append(0, &[entry]) {
        Err(LogError::ReadOnly(_)) => {}
        other => return Err(format!("{what}: a damaged log answers {other:?}")),
    }
    if before != contents(&written.disk) {
        return Err(format!("{what}: a damaged log was changed"));
    }
    Ok(log)
}

/// Flips one bit in each of many logs, anywhere in their frames.
pub(crate) fn flip_bits(seeds: std::ops::Range<u64>) -> Result<(), String> {
    for seed in seeds {
        let written = write(seed, 1 + seed % 3);
        let mut random = Random(seed ^ 0xf11b);
        let which = random.below(written.frames.len() as u64) as usize;
        let (place, bytes) = written.frames[which];
        let byte = place.position + random.below(bytes);
        written.disk.flip_bit(
            &wal_file(place.incarnation),
            byte as usize,
            random.next() as u32,
        );
        let log = expect_damage(
            &written,
            &format!("SEED={seed}: a flipped bit in frame {which}"),
        )?;
        if log.recovery.frames != which as u64 {
            return Err(format!("SEED={seed}: {} frames shown", log.recovery.frames));
        }
    }
    Ok(())
}

/// Overwrites whole frames with zeros: a write that was acknowledged and lost.
pub(crate) fn lose_frames(seeds: std::ops::Range<u64>) -> Result<(), String> {
    for seed in seeds {
        let written = write(seed, 1 + seed % 3);
        let mut random = Random(seed ^ 0x2e05);
        let which = random.below(written.frames.len() as u64) as usize;
        let (place, bytes) = written.frames[which];
        let path = wal_file(place.incarnation);
        let mut content = written.disk.content(&path).unwrap();
        let start = place.position as usize;
        content[start..start + bytes as usize].fill(0);
        written.disk.plant(&path, content);
        expect_damage(&written, &format!("SEED={seed}: frame {which} of zeros"))?;
    }
    Ok(())
}

#[test]
fn flipped_bits_are_reported_and_never_cut() {
    flip_bits(1..150).unwrap();
}

#[test]
fn lost_writes_are_reported() {
    lose_frames(1..80).unwrap();
}

#[test]
fn misdirected_writes_are_reported() {
    for seed in 1..80 {
        let mut written = write(seed, 1);
        let mut random = Random(seed);
        {
            let mut log = open(&written.disk).unwrap();
            for turn in 0..2 {
                let mut model = written.models.last().unwrap().clone();
                model.stage(log.store.as_mut(), &mut random).unwrap();
                if turn == 0 {
                    let sector = 8 + random.below(FILE_BYTES / 512 - 8);
                    written.disk.misdirect_next_write(sector * 512 + 64);
                }
                let frame = log.store.seal().unwrap();
                log.committer.commit(frame).unwrap();
                written.models.push(model);
            }
        }
        // One frame stands where another was, or nothing where one should: either way a valid one is behind it.
        expect_damage(&written, &format!("SEED={seed}: a misdirected write")).unwrap();
        assert_eq!(written.disk.counts().misdirected, 1);
    }
}

#[test]
fn damage_in_the_last_frame_is_known_by_its_marker() {
    let written = write(5, 1);
    let (place, _) = *written.frames.last().unwrap();
    written
        .disk
        .flip_bit(&wal_file(1), place.position as usize + 20, 3);
    let log = expect_damage(&written, "a flipped bit").unwrap();
    let damage = log.recovery.damage.clone().unwrap();
    assert_eq!(damage.file, wal_file(1));
    assert_eq!(damage.position, place.position);
    assert!(damage.detail.contains("is not shown"), "{damage}");
}

#[test]
fn missing_files_are_reported() {
    for missing in 1..=2 {
        let written = write(7, 3);
        written.disk.vanish(&wal_file(missing));
        let log = expect_damage(&written, "a missing file").unwrap();
        let damage = log.recovery.damage.clone().unwrap();
        assert_eq!(damage.file, wal_file(missing));
        assert!(damage.detail.contains("missing"), "{damage}");
    }
}

#[test]
fn all_files_missing_is_no_new_store() {
    let written = write(7, 1);
    written.disk.vanish(&wal_file(1));
    expect_damage(&written, "no files").unwrap();
}

#[test]
fn truncated_files_are_reported() {
    for (which, keep) in [
        (1, 30_000),
        (2, 10),
        (3, 5000),
        (3, FILE_BYTES as usize - 1),
    ] {
        let written = write(11, 3);
        let mut content = written.disk.content(&wal_file(which)).unwrap();
        content.truncate(keep);
        written.disk.plant(&wal_file(which), content);
        expect_damage(&written, &format!("file {which} of {keep} bytes")).unwrap();
    }
}

#[test]
fn files_of_another_store_are_reported() {
    let written = write(13, 3);
    let other = write(14, 3);
    written
        .disk
        .plant(&wal_file(2), other.disk.content(&wal_file(2)).unwrap());
    let log = expect_damage(&written, "a foreign file").unwrap();
    let damage = log.recovery.damage.clone().unwrap();
    assert!(damage.detail.contains("another store"), "{damage}");
}

#[test]
fn swapped_files_are_reported() {
    let written = write(15, 3);
    let second = written.disk.content(&wal_file(2)).unwrap();
    written.disk.plant(&wal_file(3), second);
    expect_damage(&written, "a renamed file").unwrap();
}

#[test]
fn a_missing_or_broken_store_file_is_refused() {
    let path = Path::new(DIR).join("wal/STORE");
    let written = write(17, 1);
    let store = written.disk.content(&path).unwrap();
    written.disk.vanish(&path);
    assert_eq!(open(&written.disk).err().unwrap().code(), "storage/format");
    let mut newer = store.clone();
    newer[8] += 1;
    let crc = crc32c::crc32c(&newer[..60]).to_le_bytes();
    newer[60..].copy_from_slice(&crc);
    written.disk.plant(&path, newer);
    let error = open(&written.disk).err().unwrap();
    assert_eq!(error.code(), "storage/format");
    assert!(error.to_string().contains("newer"), "{error}");
    let mut broken = store.clone();
    broken[20] ^= 1;
    written.disk.plant(&path, broken);
    assert_eq!(open(&written.disk).err().unwrap().code(), "storage/corrupt");
    written.disk.plant(&path, store);
    assert!(open(&written.disk).unwrap().recovery.clean());
}

#[test]
fn a_store_of_the_version_before_opens_and_is_brought_up_to_date() {
    let path = Path::new(DIR).join("wal/STORE");
    let written = write(17, 1);
    let mut store = written.disk.content(&path).unwrap();
    let now = store.clone();
    store[8] = 2;
    let crc = crc32c::crc32c(&store[..60]).to_le_bytes();
    store[60..64].copy_from_slice(&crc);
    written.disk.plant(&path, store);
    assert!(open(&written.disk).unwrap().recovery.clean());
    assert_eq!(written.disk.content(&path), Some(now));
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_gone() {
    let disk = FaultFiles::new(1);
    let log = open(&disk).unwrap();
    assert_eq!(open(&disk).err().unwrap().code(), "storage/locked");
    drop(log);
    assert!(open(&disk).is_ok());
}

/// The stale body of a recycled file, under a new header, with the sequence numbers that recovery expects there.
pub(crate) fn recycle() -> Result<(), String> {
    let written = write(21, 2);
    let path = wal_file(2);
    let second = written.disk.content(&path).unwrap();
    let mut header = crate::wal::FileHeader::decode(&second[..64]).unwrap();
    header.salt ^= 0x5a5a;
    let mut recycled = second.clone();
    recycled[..64].copy_from_slice(&header.encode());
    written.disk.plant(&path, recycled);
    let first_file = written
        .frames
        .iter()
        .filter(|(place, _)| place.incarnation == 1)
        .count();
    let log = open(&written.disk).map_err(|error| error.to_string())?;
    if log.recovery.frames != first_file as u64 {
        return Err(format!(
            "{} stale frames passed",
            log.recovery.frames - first_file as u64
        ));
    }
    Ok(())
}

#[test]
fn stale_frames_of_a_recycled_file_never_pass() {
    recycle().unwrap();
}

#[test]
fn records_that_fit_nowhere_are_refused() {
    let disk = FaultFiles::new(2);
    let mut log = open(&disk).unwrap();
    let large = vec![7; FILE_BYTES as usize];
    let entry = NewEntry {
        term: 1,
        parts: &[&large],
    };
    assert!(matches!(
        log.store.append(0, &[entry]),
        Err(LogError::TooLarge { .. })
    ));
    let half = vec![7; FILE_BYTES as usize / 2];
    let entry = NewEntry {
        term: 1,
        parts: &[&half],
    };
    assert_eq!(log.store.append(0, &[entry]).unwrap(), 1);
    assert!(matches!(
        log.store.append(0, &[entry]),
        Err(LogError::FrameFull { .. })
    ));
    let frame = log.store.seal().unwrap();
    log.committer.commit(frame).unwrap();
    assert_eq!(log.store.append(0, &[entry]).unwrap(), 2);
}

#[test]
fn frames_left_out_poison_the_log() {
    let disk = FaultFiles::new(3);
    let mut log = open(&disk).unwrap();
    let entry = NewEntry {
        term: 1,
        parts: &[b"x"],
    };
    log.store.append(0, &[entry]).unwrap();
    drop(log.store.seal());
    log.store.append(0, &[entry]).unwrap();
    let frame = log.store.seal().unwrap();
    assert!(matches!(
        log.committer.commit(frame),
        Err(LogError::Poisoned(_))
    ));
    drop(log);
    assert!(open(&disk).unwrap().recovery.clean());
}

#[test]
fn impossible_file_sizes_are_refused() {
    let disk = FaultFiles::new(4);
    for file_bytes in [0, 1000, FILE_BYTES + 1, u64::MAX] {
        let answer = WalLogStore::open(
            Arc::new(disk.clone()),
            Path::new(DIR),
            &WalOptions { file_bytes },
        );
        assert_eq!(answer.err().unwrap().code(), "storage/format");
    }
}

#[test]
fn files_of_several_sizes_make_one_log() {
    let written = write(31, 2);
    let options = WalOptions {
        file_bytes: 3 * FILE_BYTES,
    };
    let disk: Arc<FaultFiles> = Arc::new(written.disk.clone());
    let mut log = WalLogStore::open(disk.clone(), Path::new(DIR), &options).unwrap();
    let mut model = written.models.last().unwrap().clone();
    let large = vec![9; 2 * FILE_BYTES as usize];
    let entry = NewEntry {
        term: 5,
        parts: &[&large],
    };
    log.store.append(0, &[entry]).unwrap();
    model
        .0
        .entry(0)
        .or_default()
        .entries
        .push((5, large.clone()));
    let frame = log.store.seal().unwrap();
    log.committer.commit(frame).unwrap();
    drop(log);
    let log = open(&written.disk).unwrap();
    assert!(log.recovery.clean());
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), model);
}
