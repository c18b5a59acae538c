//! Node files of partitions that grow: synced behind the log, and said to be in it once they are (M6).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyralog_log::TreeState;
use pyralog_partition::trusted_size;

use crate::error::HostError;
use crate::frame::state_with;
use crate::shared::Shard;
use crate::stage::Staging;

/// Records between syncs of the node files; after a crash so many leaves are hashed again, a tenth of a second.
/// Tests cut the power in the midst of it.
const SIDECAR_RECORDS: u64 = if cfg!(test) { 100 } else { 262_144 };

/// Progress of one partition's node files.
pub(crate) struct Sidecar {
    /// Size up to which they are synced, and the log says so.
    synced: u64,
    /// State that a sync on its way will make durable.
    begun: Option<TreeState>,
}

impl Sidecar {
    pub fn synced(size: u64) -> Self {
        Self {
            synced: size,
            begun: None,
        }
    }
}

impl Staging {
    /// Has the node files of partitions that grew synced by their own thread, and says so in the log once they are (M6).
    pub(crate) fn look_after_sidecars(&mut self, mut touched: BTreeSet<usize>) {
        let host = Arc::clone(&self.shared);
        if host.failure().is_some() {
            return;
        }
        touched.append(&mut self.syncing);
        for partition in touched {
            let Some(shard) = host.shards.get(partition) else {
                continue;
            };
            let Some(durable) = shard.late.ended() else {
                self.syncing.insert(partition);
                continue;
            };
            if let Some(state) = self.sidecars[partition].begun.take()
                && durable
            {
                self.record_sidecar(partition, &state);
            }
            let size = shard.applied.load(Ordering::Acquire);
            if size < self.sidecars[partition].synced + SIDECAR_RECORDS {
                continue;
            }
            self.syncing.insert(partition);
            let mut state = shard.state.write();
            let begun = shard.late.begin(|| state.trees_mut().sync());
            drop(state);
            let begun = begun.map_err(HostError::from);
            self.sidecars[partition].begun = begun.and_then(|()| trusted_state_of(shard)).ok();
        }
    }

    /// A node file is rebuildable: a failure here costs hashing at the next opening, nothing else.
    fn record_sidecar(&mut self, partition: usize, state: &TreeState) {
        if self.store.sidecar_state(partition as u32, state).is_ok() {
            self.sidecars[partition].synced = state.size;
        }
    }

    /// Syncs all node files that grew and says so in the log (M6).
    pub(crate) fn sync_sidecars(&mut self) {
        for partition in 0..self.sidecars.len() {
            let host = Arc::clone(&self.shared);
            let shard = &host.shards[partition];
            let size = trusted_size(shard.state.read().size());
            if size == self.sidecars[partition].synced || host.failure().is_some() {
                continue;
            }
            let synced = shard.state.write().trees_mut().sync();
            if let Ok(state) = synced
                .map_err(HostError::from)
                .and_then(|()| trusted_state_of(shard))
            {
                self.record_sidecar(partition, &state);
            }
        }
    }
}

/// The state up to which synced node files can be trusted (M6).
fn trusted_state_of(shard: &Shard) -> Result<TreeState, HostError> {
    let partition = shard.state.read();
    let roots = partition.trees().roots_at(trusted_size(partition.size()))?;
    Ok(state_with(&roots))
}
