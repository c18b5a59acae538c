//! The end of a group commit's first half: states to sign and releases join the entries, and the frame goes to the disk.

use std::sync::atomic::Ordering;

use pyralog_log::{LogError, TreeState};
use pyralog_partition::Roots;

use crate::commit::{Group, Staged};
use crate::error::HostError;
use crate::shared::Shard;
use crate::stage::Staging;

/// A group below this is synced by the thread that staged it, when nothing else is on the way.
const INLINE_BYTES: usize = 256 << 10;

impl Staging {
    /// Closes the open frame with the states to sign (C6) and sends it to the disk.
    pub(crate) fn seal(&mut self) {
        if self.store.staged_bytes() == 0 {
            return;
        }
        self.stage_releases();
        let calls = std::mem::take(&mut self.calls);
        match self.stage_states() {
            Ok(states) => {
                self.submit(calls, states);
            }
            Err(error) => {
                self.shared.fail(&error);
                for call in calls {
                    call.reply
                        .send(Err(HostError::OutcomeUnknown(error.to_string())));
                }
            }
        }
    }

    /// Tells the log what segments hold now (W12), and has the oldest file let go. What does not fit waits for the next frame.
    pub(crate) fn stage_releases(&mut self) {
        for (partition, first_kept) in self.shared.sealing.take_releases() {
            if self.store.release(partition as u32, first_kept).is_err() {
                self.shared.sealing.put_release(partition, first_kept);
            } else {
                self.releases = true;
            }
        }
        self.stage_again();
    }

    /// Writes again what alone keeps the log's oldest file (W15).
    fn stage_again(&mut self) {
        let holding = std::mem::take(&mut *self.shared.holding.lock());
        for (group, index) in holding {
            let entry = self
                .shared
                .reader()
                .map(|reader| reader.entry(group, index));
            let Ok(Ok(Some(entry))) = entry else {
                continue;
            };
            if self.store.staged_bytes() + entry.bytes.len() > self.frame_bytes {
                return;
            }
            self.releases |= self.store.again(group, &entry).unwrap_or(false);
        }
    }

    fn stage_states(&mut self) -> Result<Vec<(usize, TreeState)>, HostError> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let mut states = Vec::with_capacity(touched.len());
        for partition in touched {
            let state = state_of(self.shared.shard(partition)?)?;
            if let Err(error) = self.store.sign_state(partition as u32, &state) {
                let LogError::FrameFull { .. } = error else {
                    return Err(error.into());
                };
                // The entries go ahead; their calls wait for the frame with the state.
                self.submit(Vec::new(), Vec::new());
                self.store.sign_state(partition as u32, &state)?;
            }
            states.push((partition, state));
        }
        Ok(states)
    }

    /// The same for a replicated store, whose calls wait for a majority. Returns the frame's number.
    pub(crate) fn seal_replicated(&mut self) -> Option<u64> {
        self.stage_again();
        self.submit(Vec::new(), Vec::new())
    }

    /// Stages a state that is about to be signed (C6); false when the log takes nothing more.
    pub(crate) fn stage_state(&mut self, partition: u32, state: &TreeState) -> bool {
        let staged = match self.store.sign_state(partition, state) {
            Err(LogError::FrameFull { .. }) => {
                self.submit(Vec::new(), Vec::new());
                self.store.sign_state(partition, state)
            }
            staged => staged,
        };
        staged.is_ok()
    }

    pub(crate) fn submit(
        &mut self,
        calls: Vec<Staged>,
        states: Vec<(usize, TreeState)>,
    ) -> Option<u64> {
        let bytes = self.store.staged_bytes();
        let frame = self.store.seal()?;
        let sequence = frame.sequence();
        let waits = calls.iter().any(|call| call.late.is_none());
        let late = self.late.take().filter(|_| !waits);
        let group = Group {
            frame,
            calls,
            states,
            releases: std::mem::take(&mut self.releases),
            late,
        };
        let alone = self.shared.in_flight.fetch_add(1, Ordering::AcqRel) == 0;
        if alone && bytes <= INLINE_BYTES && self.shared.nothing_waits() {
            self.committing.commit(group);
        } else if let Err(lost) = self.groups.send(group) {
            // The thread that syncs is gone, which only a panic explains.
            let error = HostError::Closed;
            self.shared.fail(&error);
            for call in lost.0.calls {
                call.reply
                    .send(Err(HostError::OutcomeUnknown(error.to_string())));
            }
        }
        Some(sequence)
    }
}

/// The state to sign: everything applied.
pub(crate) fn state_of(shard: &Shard) -> Result<TreeState, HostError> {
    let partition = shard.state.read();
    let roots = partition.trees().roots_at(partition.size())?;
    Ok(state_with(&roots))
}

pub(crate) fn state_with(roots: &Roots) -> TreeState {
    TreeState {
        size: roots.size,
        root: roots.blake3,
        sha256_root: roots.sha256,
    }
}
