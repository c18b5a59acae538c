//! Opening and creating.
//!
//! The directory holds `lock`, `format`, and the tree in `data/`. `format` is written when everything else of a new store
//! is on disk: without it nothing was ever acknowledged, so what a crash left of a creation is removed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use pyralog_log::{FileLayer, FileLock, RealFiles};

use crate::journal::{self, JournalReport};
use crate::{LsmError, LsmOptions};

const FORMAT: &[u8] = b"pyralog-lsm 1\n";
const KEYSPACE: &str = "entries";
/// What a store that was ever complete always has: the tree itself takes these missing for a store that is new.
const LANDMARKS: [&str; 3] = ["version", "keyspaces/0/current", "keyspaces/1/current"];
const MEMTABLE_BYTES: u64 = 16 << 20;
/// The least the tree allows.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// An open tree. Fields are dropped in this order: the lock goes last.
pub(crate) struct Open {
    pub(crate) entries: Keyspace,
    pub(crate) tree: Database,
    _lock: Box<dyn FileLock>,
}

/// Opens or creates the store in `dir`.
pub(crate) fn open(dir: &Path, options: &LsmOptions) -> Result<(Open, JournalReport), LsmError> {
    RealFiles.create_dir(dir)?;
    let place = || dir.display().to_string();
    let lock = RealFiles
        .lock(&dir.join("lock"))?
        .ok_or_else(|| LsmError::Locked(place()))?;
    let data = dir.join("data");
    let format = RealFiles.read_file(&dir.join("format"))?;
    let report = match format.as_deref() {
        Some(FORMAT) => check_old(&data)?,
        Some(_) => {
            return Err(LsmError::Format(format!(
                "{} holds another format",
                place()
            )));
        }
        None => {
            remove_unfinished(&data)?;
            JournalReport::default()
        }
    };
    let (tree, entries) = open_tree(&data, options)?;
    if format.is_none() {
        RealFiles.sync_dir(dir)?;
        RealFiles.replace_file(&dir.join("format"), FORMAT)?;
    }
    let open = Open {
        entries,
        tree,
        _lock: lock,
    };
    Ok((open, report))
}

fn check_old(data: &Path) -> Result<JournalReport, LsmError> {
    for landmark in LANDMARKS {
        if !data.join(landmark).try_exists()? {
            return Err(LsmError::Corrupt(format!("its file {landmark} is missing")));
        }
    }
    journal::check(data)
}

fn remove_unfinished(data: &Path) -> Result<(), LsmError> {
    if !data.try_exists()? {
        return Ok(());
    }
    if !journal::is_untouched(data)? {
        return Err(LsmError::Corrupt(
            "its file format is missing though it was used".to_owned(),
        ));
    }
    fs::remove_dir_all(data)?;
    Ok(())
}

/// The tree answers damage it does not expect with a panic; to us it is damage like any other.
fn open_tree(data: &Path, options: &LsmOptions) -> Result<(Database, Keyspace), LsmError> {
    let attempt = || {
        let tree = Database::builder(data)
            .cache_size(options.cache_bytes)
            .worker_threads(options.worker_threads.max(1))
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .journal_compression(fjall::CompressionType::None)
            .manual_journal_persist(true)
            .open()?;
        let create = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let entries = tree.keyspace(KEYSPACE, create)?;
        Ok((tree, entries))
    };
    catch_unwind(AssertUnwindSafe(attempt))
        .unwrap_or_else(|_| Err(LsmError::Corrupt("its files are damaged".to_owned())))
}
