//! Changes on their way into a tree: hashed and in the order of their paths (U5).

use crate::StateError;
use crate::hash::{Hash, path_of, value_hash};

/// Length that stands for "delete" in packed changes (U5).
const DELETED: u32 = u32::MAX;

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
        Self::of_hashed(
            entries
                .map(|(key, value)| hashed(&Entry { key, value }))
                .collect(),
        )
    }

    /// Reads packed changes (U5): u32le key length, key, u32le value length (2^32 - 1 deletes), value, and so on.
    ///
    /// # Errors
    /// [`StateError::Malformed`] when the bytes end in the middle of an entry.
    pub fn parse(packed: &[u8]) -> Result<Self, StateError> {
        let mut changes = Vec::new();
        each(packed, |entry| changes.push(hashed(entry)))?;
        Ok(Self::of_hashed(changes))
    }

    /// Whether packed changes are whole, without hashing them.
    ///
    /// # Errors
    /// As [`Changes::parse`].
    pub fn check(packed: &[u8]) -> Result<(), StateError> {
        each(packed, |_| ())
    }

    /// Sorts what is hashed. Tests come in here with paths of their own making.
    pub(crate) fn of_hashed(mut changes: Vec<Change>) -> Self {
        changes.sort_by_key(|change| change.path); // stable: the last of equal paths is the last named
        changes.dedup_by(|later, earlier| {
            let same = later.path == earlier.path;
            if same {
                *earlier = *later;
            }
            same
        });
        Self(changes)
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

/// Hands over each entry; the bytes must be nothing but whole entries.
fn each(packed: &[u8], mut take: impl FnMut(&Entry<'_>)) -> Result<(), StateError> {
    let mut rest = packed;
    while !rest.is_empty() {
        let broken = StateError::Malformed {
            at: packed.len() - rest.len(),
            size: packed.len(),
        };
        let (entry, behind) = Entry::first(rest).ok_or(broken)?;
        take(&entry);
        rest = behind;
    }
    Ok(())
}

fn hashed(entry: &Entry<'_>) -> Change {
    Change {
        path: path_of(entry.key),
        value: entry.value.map(value_hash),
    }
}
