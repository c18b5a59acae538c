//! Changes on their way into a tree: hashed and in the order of their paths (U5).

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle, available_parallelism};

use crate::StateError;
use crate::hash::{Hash, path_of, value_hash};

/// Length that stands for "delete" in packed changes (U5).
const DELETED: u32 = u32::MAX;

/// Threads that hash a whole state; more wait for memory.
const THREADS_MAX: usize = 4;
/// Entries that are worth a thread: milliseconds of hashing.
const SHARE_MIN: usize = 16_384;

/// One key's new value hash, or its deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Where the key stands.
    pub path: Hash,
    /// Hash of its value; `None` deletes it.
    pub value: Option<Hash>,
}

/// Changes ready to be applied: at most one for each key, in the order of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Changes of keys and values; `None` deletes. Of a key named twice the last one counts.
    pub fn of<'a>(entries: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Self {
        let entries = entries.into_iter();
        let entries: Vec<_> = entries.map(|(key, value)| Entry { key, value }).collect();
        Self::of_hashed(&hash_all(&entries))
    }

    /// Reads packed changes (U5): u32le key length, key, u32le value length (2^32 - 1 deletes), value, and so on.
    ///
    /// # Errors
    /// [`StateError::Malformed`] when the bytes end in the middle of an entry.
    pub fn parse(packed: &[u8]) -> Result<Self, StateError> {
        let entries: Vec<_> = read(packed).collect::<Result<_, _>>()?;
        Ok(Self::of_hashed(&hash_all(&entries)))
    }

    /// Whether packed changes are whole, without hashing them.
    ///
    /// # Errors
    /// As [`Changes::parse`].
    pub fn check(packed: &[u8]) -> Result<(), StateError> {
        read(packed).try_for_each(|entry| entry.map(|_| ()))
    }

    /// Sorts what is hashed. Tests come in here with paths of their own making.
    pub(crate) fn of_hashed(changes: &[Change]) -> Self {
        let path = |at: &u32| changes[*at as usize].path;
        // Eight bytes of a path tell nearly all apart, and moving 16 bytes about is cheaper than moving 65.
        let mut order: Vec<(u64, u32)> = changes.iter().map(prefix).zip(0..).collect();
        order.sort_unstable_by(|(a, at), (b, bt)| {
            a.cmp(b)
                .then_with(|| path(at).cmp(&path(bt)))
                .then_with(|| at.cmp(bt))
        });
        let mut sorted: Vec<Change> = Vec::with_capacity(changes.len());
        for (_, at) in order {
            let change = changes[at as usize];
            match sorted.last_mut() {
                Some(earlier) if earlier.path == change.path => *earlier = change,
                _ => sorted.push(change),
            }
        }
        Self(sorted)
    }

    pub(crate) fn as_slice(&self) -> &[Change] {
        &self.0
    }

    /// Keys named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An entry as it is packed.
struct Entry<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// The first entry, and what follows it.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (length, rest) = rest.split_first_chunk()?;
        match u32::from_le_bytes(*length) {
            DELETED => Some((Self { key, value: None }, rest)),
            length => {
                let (value, rest) = rest.split_at_checked(length as usize)?;
                let value = Some(value);
                Some((Self { key, value }, rest))
            }
        }
    }
}

/// Entries of bytes that must be nothing but whole entries.
fn read(packed: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, StateError>> {
    let mut rest = packed;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let broken = StateError::Malformed {
            at: packed.len() - rest.len(),
            size: packed.len(),
        };
        let Some((entry, behind)) = Entry::first(rest) else {
            rest = &[];
            return Some(Err(broken));
        };
        rest = behind;
        Some(Ok(entry))
    })
}

/// Hashes entries in their order. A block's are hashed on this thread, a whole state's on several.
fn hash_all(entries: &[Entry<'_>]) -> Vec<Change> {
    let threads = available_parallelism().map_or(1, usize::from);
    let threads = threads.min(THREADS_MAX).min(entries.len() / SHARE_MIN);
    if threads < 2 {
        return entries.iter().map(hashed).collect();
    }
    thread::scope(|scope| {
        let hash = |share: &[Entry<'_>]| share.iter().map(hashed).collect::<Vec<_>>();
        let shares = entries.chunks(entries.len().div_ceil(threads));
        let running: Vec<_> = shares
            .map(|share| scope.spawn(move || hash(share)))
            .collect();
        let ended = running.into_iter().map(ScopedJoinHandle::join);
        ended
            .flat_map(|share| share.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn hashed(entry: &Entry<'_>) -> Change {
    Change {
        path: path_of(entry.key),
        value: entry.value.map(value_hash),
    }
}

/// The first eight bytes of a change's path, in its order.
fn prefix(change: &Change) -> u64 {
    change.path[..8]
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}
