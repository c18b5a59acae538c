//! Walking a range in chunks.

use fjall::Readable;
use parking_lot::Mutex;

use crate::pack::push;
use crate::seal::unseal;
use crate::{LsmError, Snapshot};

/// Keys from `from` (inclusive) to `to` (exclusive), in order of their bytes.
#[derive(Debug, Clone, Default)]
pub struct Range {
    /// First key; from the beginning when absent.
    pub from: Option<Vec<u8>>,
    /// Behind the last key; to the end when absent.
    pub to: Option<Vec<u8>>,
    /// From the last key to the first.
    pub reverse: bool,
    /// At most this many entries; all when absent.
    pub limit: Option<u64>,
}

/// A walk over a range. Nothing is read before the first chunk is asked for.
pub struct Cursor {
    snapshot: Snapshot,
    state: Mutex<State>,
}

enum State {
    Fresh(Range),
    Walking(Walk),
    Done,
}

struct Walk {
    entries: fjall::Iter,
    reverse: bool,
    left: u64,
}

impl Walk {
    fn next(&mut self) -> Option<fjall::Guard> {
        self.left = self.left.checked_sub(1)?;
        if self.reverse {
            self.entries.next_back()
        } else {
            self.entries.next()
        }
    }
}

impl Cursor {
    pub(crate) fn new(snapshot: Snapshot, range: Range) -> Self {
        Self {
            snapshot,
            state: Mutex::new(State::Fresh(range)),
        }
    }

    /// The next entries, packed (see [`crate::Ops`]'s module): it ends behind the entry that reaches `bytes_max`. Two
    /// callers get chunks one behind the other.
    ///
    /// # Errors
    /// [`LsmError::Corrupt`], [`LsmError::Closed`], [`LsmError::Io`]; the walk is then over.
    pub fn chunk(&self, bytes_max: usize) -> Result<Vec<u8>, LsmError> {
        let mut state = self.state.lock();
        let mut walk = match std::mem::replace(&mut *state, State::Done) {
            State::Done => return Ok(vec![1]),
            State::Walking(walk) => walk,
            State::Fresh(range) => match self.begin(&range)? {
                None => return Ok(vec![1]),
                Some(walk) => walk,
            },
        };
        let mut packed = vec![0];
        let more = self.snapshot.shared.with(|_| {
            while packed.len() < bytes_max {
                let Some(entry) = walk.next() else {
                    return Ok(false);
                };
                let (key, sealed) = entry.into_inner()?;
                push(&mut packed, &key);
                push(&mut packed, unseal(&key, &sealed)?);
            }
            Ok(true)
        })?;
        if more {
            *state = State::Walking(walk);
        } else {
            packed[0] = 1;
        }
        Ok(packed)
    }

    /// `None` for a range that is empty by itself.
    fn begin(&self, range: &Range) -> Result<Option<Walk>, LsmError> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let empty = match (&range.from, &range.to) {
            (Some(from), Some(to)) => from >= to,
            (None, Some(to)) => to.is_empty(),
            _ => false,
        };
        if empty || range.limit == Some(0) {
            return Ok(None);
        }
        // Every key is longer than an empty one.
        let from = match &range.from {
            Some(from) if !from.is_empty() => Included(from.as_slice()),
            _ => Unbounded,
        };
        let to = range.to.as_deref().map_or(Unbounded, Excluded);
        let walk = |open: &crate::open::Open| {
            let bounds: (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>) = (from, to);
            Ok(Some(Walk {
                entries: self.snapshot.at.range::<&[u8], _>(&open.entries, bounds),
                reverse: range.reverse,
                left: range.limit.unwrap_or(u64::MAX),
            }))
        };
        self.snapshot.shared.with(walk)
    }
}
