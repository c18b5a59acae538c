//! Calls of acknowledgement policy `all` (CG10): their entry is committed and applied, and they are answered once every voter
//! has it on disk.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pyralog_partition::Applied;
use pyralog_raft::{GroupStatus, Role};

use super::apply::answer;
use super::drive::Driving;
use super::waiting::Proposed;
use crate::error::HostError;

/// How long a voter is waited for before a call is told that one lacks its records.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call whose entry is applied here.
pub(crate) struct Held {
    pub epoch: u32,
    pub applied: Applied,
    pub proposed: Proposed,
    until: Instant,
}

/// Calls that wait for the last voter, by group and index.
#[derive(Default)]
pub(crate) struct Everywhere {
    held: BTreeMap<u32, BTreeMap<u64, Held>>,
}

impl Everywhere {
    pub fn put(&mut self, group: u32, (index, epoch): (u64, u32), call: (Applied, Proposed)) {
        let (applied, proposed) = call;
        let held = Held {
            epoch,
            applied,
            proposed,
            until: Instant::now() + PATIENCE,
        };
        self.held.entry(group).or_default().insert(index, held);
    }

    fn groups(&self) -> Vec<u32> {
        self.held.keys().copied().collect()
    }

    /// Those up to an index.
    fn take_up_to(&mut self, group: u32, index: u64) -> Vec<Held> {
        let Some(held) = self.held.get_mut(&group) else {
            return Vec::new();
        };
        let later = held.split_off(&index.saturating_add(1));
        let ready = std::mem::replace(held, later);
        self.drop_empty();
        ready.into_values().collect()
    }

    /// Those that waited too long.
    fn take_overdue(&mut self, group: u32, now: Instant) -> Vec<Held> {
        let Some(held) = self.held.get_mut(&group) else {
            return Vec::new();
        };
        let overdue = held.extract_if(.., |_, call| call.until <= now);
        let overdue = overdue.map(|(_, call)| call).collect();
        self.drop_empty();
        overdue
    }

    fn drop_empty(&mut self) {
        self.held.retain(|_, held| !held.is_empty());
    }
}

/// What every voter has on disk, and who has the least.
fn least_of(status: &GroupStatus) -> (u64, Option<u16>) {
    let members = &status.members;
    let voters = members.voters.iter().chain(&members.outgoing);
    voters
        .map(|voter| {
            let one = status.progress.iter().find(|one| one.node == *voter);
            (one.map_or(0, |one| one.matched), Some(*voter))
        })
        .min()
        .unwrap_or((0, None))
}

impl Driving {
    /// Answers those whose entry every voter has by now; gives up those that cannot know it, or waited too long.
    pub fn answer_held(&mut self, now: Instant) {
        for group in self.everywhere.groups() {
            let status = self.raft.status(group).unwrap_or_default();
            if status.role != Role::Leader {
                let why = "this node leads the partition no more";
                give_up(self.everywhere.take_up_to(group, u64::MAX), why);
                continue;
            }
            let (least, slowest) = least_of(&status);
            for held in self.everywhere.take_up_to(group, least) {
                if let Ok(shard) = self.shared.shard(group as usize) {
                    let applied = (held.epoch, held.applied);
                    answer(&self.shared, shard, applied, held.proposed);
                }
            }
            let overdue = self.everywhere.take_overdue(group, now);
            if let Some(node) = slowest {
                let seconds = PATIENCE.as_secs();
                give_up(
                    overdue,
                    &format!("node {node} had not synced it within {seconds} s"),
                );
            }
        }
    }
}

fn give_up(calls: Vec<Held>, why: &str) {
    for held in calls {
        let why = format!(
            "a majority has it, and not known is whether all do, as the log's policy asks: {why}"
        );
        let reply = held.proposed.reply;
        reply.send(Err(HostError::OutcomeUnknown(why)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use std::time::{Duration, Instant};

    use pyralog_log::Membership;
    use pyralog_partition::Applied;
    use pyralog_raft::{GroupStatus, MemberProgress};

    use super::{Everywhere, PATIENCE, least_of};
    use crate::answer::{Reply, Wait};
    use crate::cluster::waiting::Proposed;

    fn call() -> (Applied, Proposed) {
        let proposed = Proposed {
            term: 1,
            wait: Wait::AllDurable,
            prepared: None,
            reply: Reply::new(|_| {}),
        };
        (Applied::default(), proposed)
    }

    #[test]
    fn calls_are_ready_up_to_what_all_have_and_overdue_after_their_patience() {
        let mut everywhere = Everywhere::default();
        for index in 1..=4 {
            everywhere.put(0, (index, 1), call());
        }
        everywhere.put(1, (9, 1), call());
        assert_eq!(everywhere.take_up_to(0, 2).len(), 2);
        assert_eq!(everywhere.take_up_to(0, 2).len(), 0);
        let now = Instant::now();
        assert_eq!(everywhere.take_overdue(0, now).len(), 0);
        let later = now + PATIENCE + Duration::from_secs(1);
        assert_eq!(everywhere.take_overdue(0, later).len(), 2);
        assert_eq!(everywhere.groups(), [1]);
        assert_eq!(everywhere.take_up_to(1, u64::MAX).len(), 1);
        assert!(everywhere.groups().is_empty());
    }

    #[test]
    fn all_are_the_voters_of_before_and_after_a_change_and_no_learners() {
        let progress = |node, matched| MemberProgress {
            node,
            matched,
            commit: 0,
            active: true,
            snapshot: false,
        };
        let mut status = GroupStatus {
            members: Membership::of(&[1, 2, 3]),
            progress: vec![
                progress(1, 9),
                progress(2, 7),
                progress(3, 8),
                progress(4, 1),
            ],
            ..GroupStatus::default()
        };
        status.members.learners = vec![4];
        assert_eq!(least_of(&status), (7, Some(2)));
        status.members.outgoing = vec![4];
        assert_eq!(least_of(&status), (1, Some(4)));
        // Nothing is known of one that is not told of.
        status.members.outgoing = vec![5];
        assert_eq!(least_of(&status), (0, Some(5)));
    }
}
