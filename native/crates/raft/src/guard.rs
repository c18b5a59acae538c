//! How a group is reached: behind its promised proposals, and with what the engine takes for impossible caught (RF13).

use std::panic::{AssertUnwindSafe, catch_unwind};

use raft::eraftpb::{Message, MessageType};

use crate::error::Refusal;
use crate::group::Group;
use crate::node::RaftNode;
use crate::round::Event;
use crate::status::GroupStatus;

impl RaftNode {
    /// A group that runs.
    pub(crate) fn group_mut(&mut self, group: u32) -> Result<&mut Group, Refusal> {
        if let Some(stopped) = self.stopped.get(&group) {
            let reason = stopped.stopped.clone().unwrap_or_default();
            return Err(Refusal::Stopped(reason));
        }
        let one = self.groups.get_mut(&group);
        one.ok_or(Refusal::NoSuchGroup(group))
    }

    /// A group that this node leads and that takes proposals.
    pub(crate) fn leading(&mut self, group: u32) -> Result<&mut Group, Refusal> {
        let one = self.group_mut(group)?;
        if one.is_leader() && one.engine.raft.lead_transferee.is_none() {
            return Ok(one);
        }
        let hint = match one.engine.raft.lead_transferee {
            Some(to) if one.is_leader() => Some(to as u16),
            _ => one.leader(),
        };
        Err(Refusal::NotLeader { hint })
    }

    /// The group has something to do: it is looked at in the next round, and awake from now on.
    pub(crate) fn touch(&mut self, group: u32) {
        self.dirty.insert(group);
        self.wake(group);
    }

    /// Does something to a group's engine, behind the proposals that have their indexes. A panic of the engine stops the group
    /// (RF13), and so does an epoch that is too large.
    pub(crate) fn step(&mut self, group: u32, body: impl FnOnce(&mut Group)) {
        self.guarded(group, |one| {
            one.flush()?;
            body(one);
            Ok(())
        });
        self.touch(group);
    }

    pub(crate) fn guarded(
        &mut self,
        group: u32,
        body: impl FnOnce(&mut Group) -> Result<(), String>,
    ) {
        let seed = self.config.seed;
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            body(one)?;
            one.draw_timeout(seed);
            Ok(())
        }));
        let reason = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(reason)) => reason,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                format!(
                    "the engine met what cannot be: {}",
                    text.unwrap_or_default()
                )
            }
        };
        self.stop(group, reason);
    }

    /// Stops a group: it neither votes nor answers any more, and says why.
    pub(crate) fn stop(&mut self, group: u32, reason: String) {
        let refusal = Refusal::Stopped(reason.clone());
        if let Some(status) = self.drop_group(group, &refusal) {
            let reason = Some(reason.clone());
            let stopped = GroupStatus {
                stopped: reason,
                ..status
            };
            self.stopped.insert(group, stopped);
        }
        self.events.push(Event::Stopped { group, reason });
    }

    pub(crate) fn drop_group(&mut self, group: u32, why: &Refusal) -> Option<GroupStatus> {
        self.dirty.remove(&group);
        self.awake.remove(&group);
        self.uncommitted.remove(&group);
        let mut one = self.groups.remove(&group)?;
        one.reads.fail(why, &mut self.outcomes);
        // What is read of an engine that panicked may not be trusted to be consistent, and is only shown.
        Some(one.status())
    }

    /// A message to this node itself.
    pub(crate) fn own_message(&self, kind: MessageType) -> Message {
        let mut message = Message::default();
        message.set_msg_type(kind);
        message.from = u64::from(self.config.node);
        message.to = message.from;
        message
    }
}
