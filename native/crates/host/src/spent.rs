//! Memory of calls that were answered, for calls to come. What a batch takes is too large for an allocator to keep: each
//! would get it from the operating system anew, page by page, for as much time as hashing it takes.

use parking_lot::Mutex;
use pyralog_partition::Prepared;
use pyralog_types::batch::CheckedProposal;

/// Pieces kept of each kind: as many calls as are under way at once with the disk busy.
const PIECES_MAX: usize = 4;
/// Larger ones go back: they are rare, and time to make them is nothing beside what is done with them.
const BYTES_MAX: usize = 2 << 20;

/// Pieces of memory without content.
#[derive(Default)]
pub(crate) struct Spent {
    prepared: Mutex<Vec<Prepared>>,
    bytes: Mutex<Vec<Vec<u8>>>,
}

impl Spent {
    /// For the hashes of a proposal.
    pub fn prepared(&self) -> Prepared {
        self.prepared.lock().pop().unwrap_or_default()
    }

    /// Hashes that were applied.
    pub fn put_prepared(&self, prepared: Prepared) {
        if prepared.bytes() <= BYTES_MAX {
            put(&mut self.prepared.lock(), prepared);
        }
    }

    /// Empty, for the bytes of a proposal.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().pop().unwrap_or_default()
    }

    /// A proposal that was staged.
    pub fn put_proposal(&self, proposal: CheckedProposal) {
        let mut bytes = proposal.into_bytes();
        if bytes.capacity() <= BYTES_MAX {
            bytes.clear();
            put(&mut self.bytes.lock(), bytes);
        }
    }
}

fn put<T>(pieces: &mut Vec<T>, piece: T) {
    if pieces.len() < PIECES_MAX {
        pieces.push(piece);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use pyralog_types::batch::encode_digests;

    use super::*;

    #[test]
    fn keeps_a_few_pieces_of_moderate_size_and_nothing_of_what_was_in_them() {
        let spent = Spent::default();
        let proposal = |digests: usize| {
            let bytes = encode_digests(0x12, b"me", &vec![7; 32 * digests]);
            CheckedProposal::parse(bytes).unwrap()
        };
        for _ in 0..2 * PIECES_MAX {
            let small = proposal(100);
            spent.put_prepared(Prepared::of_proposal(&small.proposal()));
            spent.put_proposal(small);
            let large = proposal(65_536);
            spent.put_prepared(Prepared::of_proposal(&large.proposal()));
            spent.put_proposal(large);
        }
        assert_eq!(spent.prepared.lock().len(), PIECES_MAX);
        assert_eq!(spent.bytes.lock().len(), PIECES_MAX);
        for _ in 0..=PIECES_MAX {
            assert!(spent.prepared().bytes() < BYTES_MAX);
            assert!(spent.bytes().is_empty());
        }
    }
}
