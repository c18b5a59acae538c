//! Opening a log: what crashed is repaired, what is damaged is only reported.
//!
//! Each frame says how far the log was synced when it was written. What stands behind the last frame that any of them
//! records as synced may be there whole, in pieces or not at all: the first bad frame and everything behind it is a torn
//! tail. Nobody was told that it is durable, and it is cut (W7), so that what is lost is an end of the log and never a part
//! in its midst. A bad frame that is recorded as synced was damaged later: then nothing is changed on disk, and the log
//! opens for reading up to there (W8).
//!
//! What this cannot tell: damage in the very last synced frame, when neither a frame nor a marker records it as
//! synced, looks like a torn tail. That is what markers are for, and why a clean stop writes and syncs one (W4).

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::format::{STORE_VERSION, StoreHeader, payload_max, records_of_store};
use super::listing::{Listing, all_empty, incarnations, list, read_store, store_path};
use super::prepare::{UNFINISHED, create_file, valid_size};
use super::reclaim::{leftovers, write_store};
use super::scan::{Found, Scan, scan};
use super::shared::{Opened, Shared, WalFile, path_of};
use super::stage::Stager;
use super::stop::{self, Stopped, believe};
use super::sync::{Synced, Syncer};
use super::tail::{Garbage, Tail, examine};
use super::window::Window;
use super::{Preparer, Recovery, Visitor, Wal, WalOptions, WalReader};
use crate::error::{Damage, LogError};
use crate::files::FileLayer;

/// The lock file in the store's directory (W11).
const LOCK: &str = "LOCK";

/// See [`Wal::open`].
pub(crate) fn open(
    layer: Arc<dyn FileLayer>,
    dir: &Path,
    options: &WalOptions,
    visit: &mut Visitor<'_>,
) -> Result<(Wal, Recovery), LogError> {
    if !valid_size(options.file_bytes) || payload_max(options.file_bytes) == 0 {
        return Err(LogError::Format {
            file: dir.to_path_buf(),
            detail: format!(
                "log files of {} bytes are not possible; choose a multiple of 65536",
                options.file_bytes
            ),
        });
    }
    let wal_dir = dir.join("wal");
    layer
        .create_dir(&wal_dir)
        .map_err(|error| LogError::io("create", &wal_dir, error))?;
    let path = dir.join(LOCK);
    let lock = layer
        .lock(&path)
        .map_err(|error| LogError::io("lock", &path, error))?
        .ok_or(LogError::Locked(path))?;

    let (mut store, released) = match read_store(layer.as_ref(), &wal_dir)? {
        Some(store) => store,
        None => (create_store(layer.as_ref(), &wal_dir, options)?, Vec::new()),
    };
    let listing = list(layer.as_ref(), &wal_dir, &store)?;
    let mut window = Window::new();
    let place = (layer.as_ref(), wal_dir.as_path());
    let believed = believe(place, &listing, store.store_id);
    let (stopped, mut scan, tail) = if let Some((stopped, scan)) = believed {
        (Some(stopped), scan, Tail::default())
    } else {
        visit_store(&wal_dir, &released, visit)?;
        let scan = scan(&listing.files, &mut window, store.first_sequence, visit);
        let tail = examine(&listing.files, &mut window, &scan);
        (None, scan, tail)
    };
    let damage = damage_of(&listing, &scan, &tail);

    let mut recovery = Recovery {
        frames: scan.frames,
        records: scan.records,
        files: listing.files.len() as u64,
        cut_bytes: 0,
        damage: damage.clone(),
        stopped: stopped.is_some(),
    };
    let mut free = Vec::new();
    if damage.is_none() {
        stop::remove(layer.as_ref(), &wal_dir)?;
        remove_unfinished(layer.as_ref(), &wal_dir)?;
        if store.version < STORE_VERSION {
            store.version = STORE_VERSION;
            write_store(layer.as_ref(), &wal_dir, &store, &released)?;
        }
        free = leftovers(layer.as_ref(), &wal_dir, &store, options.file_bytes)?;
        recovery.cut_bytes = cut(&listing.files, &tail.garbage)?;
        settle(&listing.files, &mut window, &scan)?;
    }
    let opened = Opened {
        layer,
        wal_dir,
        file_bytes: options.file_bytes,
        first_frames: std::mem::take(&mut scan.first_frames),
        free,
        prepared: listing
            .files
            .iter()
            .skip(scan.at.file + 1)
            .cloned()
            .collect::<VecDeque<_>>(),
        next_incarnation: store.first_incarnation + listing.files.len() as u64,
        files: listing.files,
        store,
        next_frame: scan.expected,
        damage,
        lock,
    };
    Ok((handles(opened, &scan, stopped)?, recovery))
}

/// Makes the handles; a log whose last frame is durable by now says so at once (W4).
fn handles(opened: Opened, scan: &Scan, stopped: Option<Stopped>) -> Result<Wal, LogError> {
    let file = opened.files.get(scan.at.file).cloned();
    let shared = Arc::new(Shared::new(opened));
    let last = Synced {
        sequence: scan.expected - 1,
        file: scan.last.and(file.clone()),
        start: scan.last.map_or(0, |last| last.position),
        end: scan.at.position,
    };
    let mut syncer = Syncer::new(Arc::clone(&shared), last);
    if shared.damage.is_none() {
        syncer.mark_idle()?;
    }
    Ok(Wal {
        stager: Stager::new(Arc::clone(&shared), file, scan.at.position, scan.expected),
        syncer,
        reader: WalReader(Arc::clone(&shared)),
        preparer: Preparer(shared),
        stopped,
    })
}

/// Whether the end of the log is damage (W8), and what is lost from view.
fn damage_of(listing: &Listing, scan: &Scan, tail: &Tail) -> Option<Damage> {
    let lost = format!(
        "frame {} and everything behind it is not shown",
        scan.expected
    );
    if let Some(refused) = &scan.refused {
        return Some(Damage {
            detail: format!("{}; {lost}", refused.detail),
            ..refused.clone()
        });
    }
    let file = listing.files.get(scan.at.file);
    if let (Some(file), Some(evidence)) = (file, &tail.evidence) {
        let reason = match scan.end {
            Found::Bad(reason) => reason,
            _ => "no frame begins there",
        };
        return Some(file.damage(
            scan.at.position,
            format!("{reason}, and {evidence}: this is no torn write; {lost}"),
        ));
    }
    listing.fault.as_ref().map(|fault| Damage {
        detail: format!("{}; {lost}", fault.detail),
        ..fault.clone()
    })
}

/// First use: a log file, then the store file, so that a store file without log files is known for what it is.
fn create_store(
    layer: &dyn FileLayer,
    wal_dir: &Path,
    options: &WalOptions,
) -> Result<StoreHeader, LogError> {
    let path = store_path(wal_dir);
    let present = incarnations(layer, wal_dir)?;
    if !all_empty(layer, wal_dir, &present)? {
        return Err(LogError::Format {
            file: path,
            detail: "the file is missing though there are log files with frames; restore it from a backup".into(),
        });
    }
    for incarnation in present {
        let leftover = path_of(wal_dir, incarnation);
        layer
            .remove(&leftover)
            .map_err(|error| LogError::io("remove", &leftover, error))?;
    }
    let mut store = StoreHeader {
        store_id: [0; 16],
        first_incarnation: 1,
        first_sequence: 1,
        version: STORE_VERSION,
        records_bytes: 0,
    };
    layer
        .random(&mut store.store_id)
        .map_err(|error| LogError::io("choose an id for", wal_dir, error))?;
    create_file(
        layer,
        wal_dir,
        store.store_id,
        (store.first_incarnation, options.file_bytes),
    )?;
    write_store(layer, wal_dir, &store, &[])?;
    Ok(store)
}

/// Hands over what stands in the store file instead of in files that were let go (W13).
fn visit_store(wal_dir: &Path, bytes: &[u8], visit: &mut Visitor<'_>) -> Result<(), LogError> {
    let damaged = |detail: String| {
        LogError::Corrupt(Damage {
            file: store_path(wal_dir),
            position: 0,
            detail: format!("{detail}; restore the file from a backup"),
        })
    };
    let records = records_of_store(bytes).map_err(|reason| damaged(reason.to_string()))?;
    records
        .iter()
        .try_for_each(|record| visit(record).map_err(damaged))
}

fn remove_unfinished(layer: &dyn FileLayer, wal_dir: &Path) -> Result<(), LogError> {
    let path = wal_dir.join(UNFINISHED);
    match layer.remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::io("remove", &path, error))
        }
        _ => Ok(()),
    }
}

/// Overwrites a torn tail with zeros and syncs (W7); returns how many bytes it was.
fn cut(files: &[Arc<WalFile>], garbage: &[Garbage]) -> Result<u64, LogError> {
    let mut cut_bytes = 0;
    for range in garbage {
        let file = &files[range.file];
        cut_bytes += range.end - range.start;
        #[cfg(test)]
        if crate::mutant::on(crate::mutant::Mutant::KeepTail) {
            continue;
        }
        let zeros = vec![0; (range.end - range.start) as usize];
        file.file
            .write_all_at(&zeros, range.start)
            .and_then(|()| file.file.sync_data())
            .map_err(|error| LogError::io("cut the torn tail of", &file.path, error))?;
    }
    Ok(cut_bytes)
}

/// Writes the frames again that nothing records as synced, and syncs them: they may have been read from a cache, and after
/// a failed fdatasync a cache holds what the disk does not (W9).
fn settle(files: &[Arc<WalFile>], window: &mut Window, scan: &Scan) -> Result<(), LogError> {
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::TrustCache) {
        return Ok(());
    }
    window.clear();
    let frames = &scan.unrecorded;
    for (number, frame) in frames.iter().enumerate() {
        let file = &files[frame.at.file];
        let next = frames.get(number + 1);
        let last_of_file = next.is_none_or(|next| next.at.file != frame.at.file);
        let written = window
            .slice(file.file.as_ref(), frame.at.position, frame.bytes)
            .and_then(|bytes| file.file.write_all_at(bytes, frame.at.position));
        let synced = match written {
            Ok(()) if last_of_file => file.file.sync_data(),
            other => other,
        };
        synced.map_err(|error| LogError::io("sync the last frames of", &file.path, error))?;
        if last_of_file {
            window.clear();
        }
    }
    Ok(())
}
