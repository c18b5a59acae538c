//! Torn, flipped, missing: nothing acknowledged vanishes unsaid, nothing wrong is served.

use std::fs;
use std::path::{Path, PathBuf};

use super::{flush, open, put, walk};
use crate::{LsmError, Range, journal};

const BATCHES: u8 = 20;

/// What a batch wrote; nothing that compresses.
fn value(number: u8) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(300).collect()
}

/// A closed store of [`BATCHES`] batches; the first half is in a table, too, when `tables`.
fn filled(dir: &Path, tables: bool) {
    let store = open(dir).unwrap();
    for number in 0..BATCHES {
        store
            .commit_and_wait(put(&[number], &value(number)))
            .unwrap();
        if tables && number == BATCHES / 2 {
            flush(&store);
        }
    }
    store.close();
    // The journal is laid out 64 MiB ahead; a page of that will do.
    let bytes = fs::read(journal_of(dir)).unwrap();
    fs::write(journal_of(dir), &bytes[..used(&bytes) + 4096]).unwrap();
}

fn journal_of(dir: &Path) -> PathBuf {
    dir.join("data/0.jnl")
}

fn used(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1)
}

/// How many batches are there, from the first on, each as it was written.
fn batches(dir: &Path) -> Result<u8, LsmError> {
    let store = open(dir)?;
    let entries = walk(&store.snapshot()?, Range::default());
    let mut count = 0;
    for (key, found) in entries? {
        assert_eq!(key, [count], "a batch is missing in the middle");
        assert_eq!(found, value(count), "a value is not what was written");
        count += 1;
    }
    for number in 0..BATCHES {
        let found = store.get(&[number])?;
        assert_eq!(found, (number < count).then(|| value(number)));
    }
    store.close();
    Ok(count)
}

#[test]
fn cuts_a_tail_that_is_torn_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), false);
    let good = fs::read(journal_of(dir.path())).unwrap();
    let end = used(&good);
    let last = 13 + 21 + 1 + 304 + 13;
    for cut in [1, 5, 13, 14, 200, last - 13, last - 1] {
        fs::write(journal_of(dir.path()), &good[..end - cut]).unwrap();
        assert_eq!(batches(dir.path()), Ok(BATCHES - 1), "{cut} bytes short");
        // Or the pages are there, but not written.
        let mut zeros = good.clone();
        zeros[end - cut..end].fill(0);
        fs::write(journal_of(dir.path()), &zeros).unwrap();
        assert_eq!(batches(dir.path()), Ok(BATCHES - 1), "{cut} zeros");
        // Or the middle is missing, which the tree itself refuses to open.
        let mut hole = good.clone();
        hole[end - last + 50..end - last + 100].fill(0);
        fs::write(journal_of(dir.path()), &hole).unwrap();
        assert_eq!(batches(dir.path()), Ok(BATCHES - 1));
    }
    fs::write(journal_of(dir.path()), &good[..end - last]).unwrap();
    assert_eq!(batches(dir.path()), Ok(BATCHES - 1));
    let store = open(dir.path()).unwrap();
    store
        .commit_and_wait(put(&[BATCHES - 1], &value(BATCHES - 1)))
        .unwrap();
    store.close();
    assert_eq!(
        batches(dir.path()),
        Ok(BATCHES),
        "it goes on where it was cut"
    );
}

#[test]
fn refuses_damage_in_front_of_acknowledged_batches() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), false);
    let good = fs::read(journal_of(dir.path())).unwrap();
    let end = used(&good) - 352;
    for at in (0..end).step_by(37) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(journal_of(dir.path()), &bad).unwrap();
        match batches(dir.path()) {
            Err(refused) => assert_eq!(refused.code(), "storage/corrupt", "{refused}"),
            // A sequence number that is another one but still in order changes nothing.
            Ok(count) => assert_eq!(count, BATCHES, "byte {at}"),
        }
    }
    fs::write(journal_of(dir.path()), &good).unwrap();
    assert_eq!(batches(dir.path()), Ok(BATCHES));
}

#[test]
fn serves_nothing_wrong_wherever_a_bit_flips() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), true);
    let data = dir.path().join("data");
    let good: Vec<_> = files_below(&data)
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    let mut refusals = 0;
    for (number, (bytes, path)) in good.iter().enumerate() {
        let length = bytes.len().min(8192);
        for at in (number % 3..length).step_by(1 + length / 16) {
            restore(&data, &good);
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(path, &bad).unwrap();
            match batches(dir.path()) {
                Ok(count) => assert!(count >= BATCHES - 1, "{} byte {at}", path.display()),
                Err(refused) => {
                    let codes = ["storage/corrupt", "storage/format", "storage/io"];
                    assert!(codes.contains(&refused.code()), "{refused}");
                    refusals += 1;
                }
            }
        }
    }
    assert!(refusals > 20, "{refusals} refusals");
    restore(&data, &good);
    assert_eq!(batches(dir.path()), Ok(BATCHES));
}

/// Opening may have changed other files: start again from what was there.
fn restore(data: &Path, good: &[(Vec<u8>, PathBuf)]) {
    fs::remove_dir_all(data).unwrap();
    for (bytes, path) in good {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn refuses_to_open_when_a_file_is_missing() {
    for name in [
        "version",
        "keyspaces/0/current",
        "keyspaces/1/current",
        "0.jnl",
    ] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), true);
        fs::remove_file(dir.path().join("data").join(name)).unwrap();
        let refused = open(dir.path()).err().unwrap();
        assert_eq!(refused.code(), "storage/corrupt", "{name}: {refused}");
        assert!(
            dir.path().join("data/keyspaces/1").exists(),
            "nothing is removed"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), false);
    fs::remove_file(dir.path().join("format")).unwrap();
    assert_eq!(open(dir.path()).err().unwrap().code(), "storage/corrupt");
    fs::write(dir.path().join("format"), "another 9\n").unwrap();
    assert_eq!(open(dir.path()).err().unwrap().code(), "storage/format");
}

#[test]
fn begins_again_when_a_creation_did_not_finish() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap().close();
    fs::remove_file(dir.path().join("format")).unwrap();
    fs::remove_file(dir.path().join("data/version")).unwrap();
    filled(dir.path(), false);
    assert_eq!(batches(dir.path()), Ok(BATCHES));
}

#[test]
fn holds_journals_against_each_other() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), false);
    let good = fs::read(journal_of(dir.path())).unwrap();
    let good = &good[..used(&good)];
    let half = good.len() - 352 * 10;
    let next = dir.path().join("data/1.jnl");
    let lay = |first: &[u8], second: &[u8]| {
        fs::write(journal_of(dir.path()), [first, &[0; 4096]].concat()).unwrap();
        fs::write(&next, [second, &[0; 4096]].concat()).unwrap();
        journal::check(&dir.path().join("data"))
    };
    let both = lay(&good[..half], &good[half..]).unwrap();
    assert_eq!((both.files, both.batches), (2, u64::from(BATCHES)));
    let torn = lay(&good[..half - 9], &good[half..]).unwrap_err();
    assert_eq!(
        torn.code(),
        "storage/corrupt",
        "batches follow in the next file"
    );
    let swapped = lay(&good[half..], &good[..half]).unwrap_err();
    assert_eq!(swapped.code(), "storage/corrupt", "numbers go back");
    // Nothing was written any more after a write that failed, but a file was begun.
    let last = lay(&good[..good.len() - 9], &[]).unwrap();
    assert_eq!(last.cut_bytes, 352 - 9);
    assert_eq!(batches(dir.path()), Ok(BATCHES - 1));
    // A batch that reaches to its end was synced before the next file was begun: it rotted.
    let mut rotten = good.to_vec();
    rotten[good.len() - 100] ^= 1;
    let refused = lay(&rotten, &[]).unwrap_err();
    assert_eq!(refused.code(), "storage/corrupt", "an acknowledged batch");
    lay(&good[..half], &good[half..]).unwrap();
    fs::rename(&next, dir.path().join("data/2.jnl")).unwrap();
    let gap = journal::check(&dir.path().join("data")).unwrap_err();
    assert_eq!(gap.code(), "storage/corrupt", "a file is missing");
}

#[test]
fn reads_the_journal_that_the_tree_writes() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), false);
    let report = journal::check(&dir.path().join("data")).unwrap();
    assert_eq!((report.files, report.cut_bytes), (1, 0));
    assert_eq!(report.batches, u64::from(BATCHES));
}
