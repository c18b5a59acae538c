//! The stop file: what a clean stop leaves so that the next opening need not read the log (W17).
//!
//! It says where the log ends and what its records come to. An opening believes it only when the log still ends there,
//! which nothing that is appended leaves so, and removes it before anything can be appended. Where it is missing or not
//! believed, the log is read as after a crash.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::format::{FIRST_FRAME, HEADER_BYTES};
use super::listing::Listing;
use super::prepare::sync_names;
use super::scan::{At, Found, Scan, look};
use super::shared::WalFile;
use super::sync::{Synced, Syncer};
use super::window::Window;
use crate::error::LogError;
use crate::files::FileLayer;

/// The stop file in the log's directory.
pub(crate) const STOP: &str = "STOP";

/// The last byte goes with what an index says: 2 says who is in a group. One of before is not believed.
const MAGIC: [u8; 8] = *b"PYRLSTP\x02";
const ID: Range<usize> = 8..24;
const WORDS: usize = 7;
const WORDS_END: usize = 24 + WORDS * 8;
const FIXED_BYTES: usize = WORDS_END + HEADER_BYTES;
const HASH_BYTES: usize = 32;

/// A stop file that is believed.
pub(crate) struct Stopped {
    bytes: Vec<u8>,
    index: Range<usize>,
    state: Range<usize>,
}

impl Stopped {
    /// What the records of the log come to.
    pub(crate) fn index(&self) -> &[u8] {
        &self.bytes[self.index.clone()]
    }

    /// What whoever stopped wanted to find again.
    pub(crate) fn state(&self) -> &[u8] {
        &self.bytes[self.state.clone()]
    }
}

impl Syncer {
    /// Ends the log with a synced marker (W4) and writes the stop file behind it (W17).
    ///
    /// # Errors
    /// As [`Syncer::mark_stop`]; `Io` when the stop file cannot be written, which costs a longer opening and nothing else.
    pub(crate) fn stop(&mut self, index: &[u8], state: &[u8]) -> Result<(), LogError> {
        self.mark_stop()?;
        let shared = self.shared();
        let Synced {
            sequence,
            file: Some(file),
            start,
            end,
        } = self.synced()
        else {
            return Ok(());
        };
        let mut header = [0; HEADER_BYTES];
        file.file
            .read_exact_at(&mut header, *start)
            .map_err(|error| LogError::io("read", &file.path, error))?;
        let frames = shared.first_frames.lock().clone();
        let mut out = Vec::with_capacity(FIXED_BYTES + index.len() + state.len() + 4096);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&shared.store_id);
        let words: [u64; WORDS] = [
            file.header.incarnation,
            *start,
            *end,
            sequence + 1,
            frames.len() as u64,
            index.len() as u64,
            state.len() as u64,
        ];
        out.extend(words.into_iter().flat_map(u64::to_le_bytes));
        out.extend_from_slice(&header);
        for (incarnation, first) in frames {
            out.extend_from_slice(&incarnation.to_le_bytes());
            out.extend_from_slice(&first.to_le_bytes());
        }
        out.extend_from_slice(index);
        out.extend_from_slice(state);
        let hash = blake3::hash(&out);
        out.extend_from_slice(hash.as_bytes());
        let path = shared.wal_dir.join(STOP);
        shared
            .layer
            .replace_file(&path, &out)
            .map_err(|error| LogError::io("write", &path, error))
    }
}

/// Makes sure that no later opening finds a stop file: called before anything can be appended.
pub(crate) fn remove(layer: &dyn FileLayer, wal_dir: &Path) -> Result<(), LogError> {
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::KeepStop) {
        return Ok(());
    }
    // One that was never finished may stand beside it.
    let mut removed = false;
    for name in [STOP, "STOP.tmp"] {
        let path = wal_dir.join(name);
        match layer.remove(&path) {
            Ok(()) => removed = true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(LogError::io("remove", &path, error)),
        }
    }
    if removed {
        sync_names(layer, wal_dir)?;
    }
    Ok(())
}

/// The stop file, and where the log ends, if it can be believed. Every doubt means that it cannot: the log says the same.
pub(crate) fn believe(
    (layer, wal_dir): (&dyn FileLayer, &Path),
    listing: &Listing,
    store_id: [u8; 16],
) -> Option<(Stopped, Scan)> {
    let bytes = layer.read_file(&wal_dir.join(STOP)).ok()??;
    let (body, hash) = bytes.split_last_chunk::<HASH_BYTES>()?;
    if body.len() < FIXED_BYTES
        || body[..8] != MAGIC
        || body[ID] != store_id
        || blake3::hash(body).as_bytes() != hash
    {
        return None;
    }
    let words = body[ID.end..WORDS_END].as_chunks::<8>().0;
    let words: [u64; WORDS] = std::array::from_fn(|at| u64::from_le_bytes(words[at]));
    let [incarnation, start, end, next, ..] = words;
    let [frames, index, state] = [words[4], words[5], words[6]].map(|word| word as usize);
    let index_from = FIXED_BYTES + frames.checked_mul(16)?;
    let state_from = index_from.checked_add(index)?;
    if state_from.checked_add(state)? != body.len() || listing.fault.is_some() {
        return None;
    }
    let number = listing
        .files
        .iter()
        .position(|file| file.header.incarnation == incarnation)?;
    let header = &body[WORDS_END..FIXED_BYTES];
    if !ends_there(listing, (number, header), (start, end, next)) {
        return None;
    }
    let kept = listing.files.first()?.header.incarnation;
    let pairs = body[FIXED_BYTES..index_from].as_chunks::<16>().0.iter();
    let first_frames: BTreeMap<u64, u64> = pairs
        .map(pair_of)
        .filter(|(incarnation, _)| *incarnation >= kept)
        .collect();
    let place = |position| At {
        file: number,
        position,
    };
    let scan = Scan {
        at: place(end),
        expected: next,
        end: Found::Marker,
        last: Some(place(start)),
        unrecorded: Vec::new(),
        recorded: next - 1,
        frames: 0,
        records: 0,
        first_frames,
        refused: None,
    };
    let stopped = Stopped {
        index: index_from..state_from,
        state: state_from..body.len(),
        bytes,
    };
    Some((stopped, scan))
}

/// Whether the last frame is the one that was, the synced marker stands behind it, and no later file begins with another.
fn ends_there(
    listing: &Listing,
    (number, header): (usize, &[u8]),
    (start, end, next): (u64, u64, u64),
) -> bool {
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::BelieveStop) {
        return true;
    }
    let file: &WalFile = &listing.files[number];
    let mut window = Window::new();
    let last = window.slice(file.file.as_ref(), start, HEADER_BYTES);
    if !last.is_ok_and(|last| last == header) || look(&mut window, file, end, next) != Found::Marker
    {
        return false;
    }
    listing.files[number + 1..].iter().all(|later| {
        window.clear();
        look(&mut window, later, FIRST_FRAME, next) == Found::Zeros
    })
}

fn pair_of(bytes: &[u8; 16]) -> (u64, u64) {
    let words = bytes.as_chunks::<8>().0;
    (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
}
