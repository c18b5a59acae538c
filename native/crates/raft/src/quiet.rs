//! Ticks, and groups that need none (RF8, RF10).

use raft::eraftpb::{Message, MessageType};
use raft::{ProgressState, StateRole};

use crate::config::QUIET_TICKS;
use crate::group::Group;
use crate::node::RaftNode;

/// In the context of a leader's last heartbeat before it goes quiet.
pub(crate) const QUIET: &[u8] = b"quiet";

impl RaftNode {
    /// 50 ms have passed (RF8). Only groups that are awake take notice.
    pub fn tick(&mut self) {
        self.ticks += 1;
        let ticks = self.ticks;
        let awake: Vec<u32> = self.awake.iter().copied().collect();
        for group in awake {
            let mut ready = false;
            let mut outcomes = Vec::new();
            self.guarded(group, |one| {
                one.flush()?;
                one.tick();
                if !one.reads.is_empty() {
                    one.reads.tick(ticks, &mut outcomes);
                    ready = true;
                }
                one.leave_joint();
                one.nudge_snapshots();
                ready |= one.engine.has_ready();
                Ok(())
            });
            self.outcomes.append(&mut outcomes);
            if ready || !self.outcomes.is_empty() {
                self.dirty.insert(group);
            }
            self.go_quiet(group);
        }
    }

    /// The group gets ticks again.
    pub(crate) fn wake(&mut self, group: u32) {
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        one.idle_ticks = 0;
        self.stir(group);
    }

    /// As [`RaftNode::wake`], for what says nothing new.
    pub(crate) fn stir(&mut self, group: u32) {
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        if std::mem::take(&mut one.quiet) {
            one.engine.raft.election_elapsed = 0;
        }
        self.awake.insert(group);
    }

    fn go_quiet(&mut self, group: u32) {
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        if !one.is_idle() {
            one.idle_ticks = 0;
            return;
        }
        one.idle_ticks += 1;
        if one.idle_ticks >= QUIET_TICKS {
            let heartbeats = one.last_heartbeats();
            one.outbox.extend(heartbeats);
            one.fall_quiet();
            self.awake.remove(&group);
            self.dirty.insert(group);
        }
    }

    /// A leader's last heartbeat came: its followers that have everything need no ticks either.
    pub(crate) fn hear_quiet(&mut self, group: u32) {
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        if let Some(message) = one.last_word.take()
            && one.may_fall_quiet(&message)
        {
            one.fall_quiet();
            self.awake.remove(&group);
        }
    }
}

impl Group {
    fn tick(&mut self) {
        if !self.may_campaign() && !self.is_leader() {
            // Its leader's lease ends all the same: others may ask for its vote.
            self.engine.raft.election_elapsed += 1;
            return;
        }
        let raft = &mut self.engine.raft;
        let elapsed = raft.election_elapsed;
        raft.tick();
        if raft.state != StateRole::Leader && raft.election_elapsed < elapsed {
            self.seen.draws += 1; // it campaigned, maybe not for the first time in this term
        }
    }

    /// A change that its leader did not live to end is ended by the next one.
    fn leave_joint(&mut self) {
        if self.is_leader()
            && self.members().auto_leave
            && !self.members().outgoing.is_empty()
            && !self.engine.raft.has_pending_conf()
        {
            let change = raft::eraftpb::ConfChangeV2::default();
            let _again_with_the_next_tick = self.engine.propose_conf_change(Vec::new(), change);
        }
    }

    /// Whether all members hold all entries and know the commit, and nothing waits (RF10). Only a leader can tell.
    fn is_idle(&self) -> bool {
        let raft = &self.engine.raft;
        let last = raft.raft_log.last_index();
        self.is_leader()
            && raft.raft_log.committed == last
            && self.applied == last
            && self.is_clean()
            && self.reads.is_empty()
            && self.inbox.is_empty()
            && self.proposals.is_empty()
            && raft.lead_transferee.is_none()
            && raft.prs().iter().all(|(id, one)| {
                *id == raft.id
                    || (one.matched == last
                        && one.committed_index == last
                        && one.state == ProgressState::Replicate)
            })
    }

    fn may_fall_quiet(&self, message: &Message) -> bool {
        let raft = &self.engine.raft;
        let log = &raft.raft_log;
        let follows = raft.state == StateRole::Follower
            && raft.leader_id == message.from
            && raft.term == message.term;
        let whole = log.last_index() == message.index
            && log.committed == message.index
            && self.applied == message.index;
        follows && whole && self.is_clean() && self.reads.is_empty()
    }

    fn last_heartbeats(&self) -> Vec<Message> {
        let raft = &self.engine.raft;
        let mut to: Vec<u64> = raft.prs().iter().map(|(id, _)| *id).collect();
        to.sort_unstable();
        let others = to.into_iter().filter(|id| *id != raft.id);
        let heartbeat = |to| {
            let mut message = Message::default();
            message.set_msg_type(MessageType::MsgHeartbeat);
            message.from = raft.id;
            message.to = to;
            message.term = raft.term;
            message.commit = raft.raft_log.committed;
            message.index = raft.raft_log.last_index();
            message.context = QUIET.to_vec().into();
            message
        };
        others.map(heartbeat).collect()
    }

    fn fall_quiet(&mut self) {
        self.quiet = true;
        self.idle_ticks = 0;
        let floor = self.applied + 1;
        self.engine.mut_store().trim(floor, true);
        self.engine.raft.maybe_free_inflight_buffers();
    }
}
