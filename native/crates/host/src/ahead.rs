//! Hashing the records of proposals that wait, on a second core, while those before them are applied and synced.
//!
//! The queue keeps its order: a call only carries where its hashes will come from. Small proposals, and those that find
//! nothing to wait for, are hashed where they are applied, so that a single append is not handed over once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use pyralog_partition::Prepared;
use pyralog_types::batch::CheckedProposal;

use crate::spent::Spent;

/// Proposals below this cost less to hash than to hand over.
const BYTES_MIN: usize = 16 << 10;
/// Proposals hashed or waiting for it; bounds the memory of hashes nobody has asked for yet.
const WAITING_MAX: usize = 4;

/// A checked proposal to be hashed.
pub(crate) struct Job {
    proposal: Arc<CheckedProposal>,
    done: Sender<Prepared>,
}

/// The way to the thread that hashes ahead.
pub(crate) struct Ahead {
    /// `None` stops it.
    jobs: Sender<Option<Job>>,
    /// Calls without an answer.
    unanswered: AtomicUsize,
}

impl Ahead {
    /// The way, and what [`hash_ahead`] runs on.
    pub fn new() -> (Self, Receiver<Option<Job>>) {
        let (jobs, received) = bounded(WAITING_MAX);
        let unanswered = AtomicUsize::new(0);
        (Self { jobs, unanswered }, received)
    }

    /// Counts a call, and has its checked proposal hashed when that is worth it; the hashes come out of what is returned.
    pub fn begin(&self, proposal: &Arc<CheckedProposal>) -> Option<Receiver<Prepared>> {
        let others = self.unanswered.fetch_add(1, Ordering::Relaxed);
        if proposal.proposal().bytes().len() < BYTES_MIN || others == 0 {
            return None;
        }
        let (done, prepared) = bounded(1);
        let proposal = Arc::clone(proposal);
        self.jobs.try_send(Some(Job { proposal, done })).ok()?;
        Some(prepared)
    }

    /// A counted call is answered.
    pub fn end(&self) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
    }

    /// Ends the thread once it has done what it was given.
    pub fn stop(&self) {
        let _ = self.jobs.send(None); // an error means that it stopped already
    }
}

/// Body of the thread.
pub(crate) fn hash_ahead(jobs: &Receiver<Option<Job>>, spent: &Spent) {
    while let Ok(Some(Job { proposal, done })) = jobs.recv() {
        let mut prepared = spent.prepared();
        prepared.refill(&proposal.proposal());
        drop(proposal); // whoever applies it gives its memory back
        // An error means that the call was given up meanwhile.
        let _ = done.send(prepared);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use pyralog_types::batch::encode_digests;

    use super::*;

    #[test]
    fn hashes_large_proposals_while_there_is_something_to_wait_for() {
        let (ahead, jobs) = Ahead::new();
        let proposal = |digests| {
            let bytes = encode_digests(0x12, b"", &[7; 32].repeat(digests));
            Arc::new(CheckedProposal::parse(bytes).unwrap())
        };
        let (large, small) = (proposal(1024), proposal(1));
        assert!(ahead.begin(&large).is_none()); // nothing to wait for
        ahead.end();
        assert!(ahead.begin(&large).is_none());
        assert!(ahead.begin(&small).is_none());
        let offered: Vec<_> = (0..=WAITING_MAX).map(|_| ahead.begin(&large)).collect();
        let taken: Vec<_> = offered.into_iter().flatten().collect();
        assert_eq!(taken.len(), WAITING_MAX); // the thread has not begun

        let stopper = std::thread::spawn(move || ahead.stop());
        hash_ahead(&jobs, &Spent::default());
        stopper.join().unwrap();
        for prepared in taken {
            assert_eq!(prepared.recv().unwrap().len(), 1024);
        }
    }
}
