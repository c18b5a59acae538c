//! What ends by itself when its time has come (GR12).

use crate::codec::{Fault, Reader, Wire};
use crate::mutant::{Mutant, on};
use crate::state::ClusterState;

/// A time before which nothing ends. It may be too early, never too late; so it is no part of the state, and states are equal
/// whatever theirs is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Due(u64);

impl Due {
    pub(crate) fn not_after(&mut self, time_ms: u64) {
        self.0 = self.0.min(time_ms);
    }
}

impl PartialEq for Due {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Due {}

impl Wire for Due {
    fn put(&self, _: &mut Vec<u8>) {}

    fn get(_: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self::default())
    }
}

impl ClusterState {
    /// When something ends next, if anything does: an entry `tick` is to be proposed then, unless another comes first.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<u64> {
        let locks = self.locks.values().map(|lock| lock.expires_ms);
        let groups = self.consumers.values();
        let consumers = groups.flat_map(|group| group.consumers.values());
        locks.chain(consumers.map(|one| one.expires_ms)).min()
    }

    /// Ends what has run out, in the order of names.
    pub(crate) fn expire(&mut self) {
        let now = self.at.time_ms;
        if now < self.due.0 || on(Mutant::NeverExpire) {
            return;
        }
        let over = self.locks.iter().filter(|(_, lock)| lock.expires_ms <= now);
        let over: Vec<String> = over.map(|(name, _)| name.clone()).collect();
        for name in over {
            self.pass_on(&name);
        }
        let lost = self.consumers.iter().filter(|(_, group)| {
            let mut consumers = group.consumers.values();
            consumers.any(|one| one.expires_ms <= now)
        });
        let lost: Vec<String> = lost.map(|(name, _)| name.clone()).collect();
        for name in lost {
            if let Some(group) = self.consumers.get_mut(&name) {
                group.consumers.retain(|_, one| one.expires_ms > now);
            }
            self.rebalance(&name);
        }
        self.due = Due(self.next_due_ms().unwrap_or(u64::MAX));
    }
}
