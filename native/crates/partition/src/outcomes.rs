//! What is answered to each record of an entry (B4), and which leaf records are new.

use pyralog_merkle::RecordBytes;
use pyralog_types::batch::{Entry, OUTCOME_BYTES, Outcome, OutcomeStatus};

use crate::apply::Applied;
use crate::dedup::Match;
use crate::leaf::fill_head;
use crate::runs::{Run, Runs};

/// A record of an entry that is not new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub position: u32,
    /// It was found by an idempotency key.
    pub keyed: bool,
    pub found: Match,
}

/// Answers all records of an entry of which `known` are not new: the others get consecutive offsets from that of `run` on,
/// and their leaf records, completed, stand first in `blocks` afterwards.
pub(crate) fn outcomes_of(
    (entry, blocks): (&Entry<'_>, &mut [RecordBytes]),
    run: Run,
    known: &[Known],
    runs: &Runs,
) -> Applied {
    let mut applied = Applied {
        outcomes: Vec::with_capacity(blocks.len() * OUTCOME_BYTES),
        base_offset: run.base_offset,
        ..Applied::default()
    };
    let mut known = known.iter();
    let mut next_known = known.next();
    for (position, id) in entry.ids().take(blocks.len()).enumerate() {
        let outcome = match next_known.filter(|known| known.position as usize == position) {
            Some(one) => {
                next_known = known.next();
                applied.refuse(one, run, runs)
            }
            None => applied.accept(blocks, (position, id), run),
        };
        applied.outcomes.extend_from_slice(&outcome.to_bytes());
    }
    applied
}

impl Applied {
    /// Makes the record at `position` the next leaf: fills in its head and moves it behind the leaves before it.
    #[inline]
    fn accept(
        &mut self,
        blocks: &mut [RecordBytes],
        (position, id): (usize, u64),
        run: Run,
    ) -> Outcome {
        let slot = self.count as usize;
        if slot != position {
            blocks[slot] = blocks[position];
        }
        let offset = run.base_offset + u64::from(self.count);
        fill_head(&mut blocks[slot], (run.timestamp, id), offset, run.epoch);
        self.count += 1;
        Outcome {
            status: OutcomeStatus::New,
            epoch: run.epoch,
            offset,
            scarab_id: id,
            timestamp: run.timestamp,
        }
    }

    /// Answers with the record that stands there already; its entry may be the one in hand.
    #[cold]
    fn refuse(&mut self, known: &Known, run: Run, runs: &Runs) -> Outcome {
        let (status, offset, scarab_id) = match known.found {
            Match::Duplicate { offset, id } => {
                self.duplicates += 1;
                self.duplicates_by_key += u32::from(known.keyed);
                (OutcomeStatus::Duplicate, offset, id)
            }
            Match::Conflict { offset, id } => {
                self.conflicts += 1;
                (OutcomeStatus::Conflict, offset, id)
            }
        };
        let stands = runs.by_offset(offset).unwrap_or(&run);
        Outcome {
            status,
            epoch: stands.epoch,
            offset,
            scarab_id,
            timestamp: stands.timestamp,
        }
    }
}
