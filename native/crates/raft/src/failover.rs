//! Fast failover (RF11): members that lost their leader tell each other where they stand, and the best of them campaigns at
//! once. It speeds elections up and decides none: votes do.

use std::collections::BTreeMap;

use raft::eraftpb::MessageType;
use raft::{ProgressState, SnapshotStatus, StateRole};

use crate::bundle::{LogEnd, positions_bytes, put_positions};
use crate::config::{POSITION_TICKS, mix};
use crate::group::Group;
use crate::node::RaftNode;
use crate::outbox::Priority;

/// Where a member stands that lost a leader.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    from: u16,
    lost: u16,
    end: LogEnd,
    tick: u64,
}

impl RaftNode {
    /// The link to a peer is lost, or the peer fell silent (LK8).
    pub fn peer_lost(&mut self, peer: u16) {
        self.lost.insert(peer, self.ticks);
        let mut lists: BTreeMap<u16, Vec<LogEnd>> = BTreeMap::new();
        let groups: Vec<u32> = self.groups.keys().copied().collect();
        for group in groups {
            self.lose_peer(group, peer, &mut lists);
        }
        for (to, list) in lists {
            for part in list.chunks(10_000) {
                let bundle = self
                    .outbox
                    .open((to, Priority::Urgent), positions_bytes(part.len()));
                put_positions(bundle, peer, part);
            }
        }
    }

    /// The peer is heard again.
    pub fn peer_heard(&mut self, peer: u16) {
        self.lost.remove(&peer);
    }

    fn lose_peer(&mut self, group: u32, peer: u16, lists: &mut BTreeMap<u16, Vec<LogEnd>>) {
        let (node, tick) = (self.config.node, self.ticks);
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        if !one.members().contains(peer) {
            return;
        }
        if one.is_leader() {
            let id = u64::from(peer);
            self.step(group, |one| {
                let state = one.engine.raft.prs().get(id).map(|progress| progress.state);
                if state == Some(ProgressState::Snapshot) {
                    one.engine.report_snapshot(id, SnapshotStatus::Failure);
                }
                one.engine.report_unreachable(id);
            });
            return;
        }
        if one.leader() == Some(peer) && one.is_voter(node) {
            let end = one.log_end();
            one.hear(Heard {
                from: node,
                lost: peer,
                end,
                tick,
            });
            for to in one.voters() {
                if to != node && to != peer {
                    lists.entry(to).or_default().push(end);
                }
            }
        }
        self.touch(group);
        self.campaign_if_best(group, peer);
    }

    /// A peer tells where it stands in groups whose leader it lost.
    pub(crate) fn positions(&mut self, from: u16, lost: u16, ends: Vec<LogEnd>) {
        let tick = self.ticks;
        for end in ends {
            let Some(one) = self.groups.get_mut(&end.group) else {
                continue;
            };
            one.hear(Heard {
                from,
                lost,
                end,
                tick,
            });
            self.campaign_if_best(end.group, lost);
        }
    }

    fn campaign_if_best(&mut self, group: u32, lost: u16) {
        let (node, tick) = (self.config.node, self.ticks);
        let recently = self.lost.contains_key(&lost);
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        if !recently || !one.is_best(lost, (node, tick)) || !one.may_campaign() {
            return;
        }
        one.heard.clear();
        let mut message = self.own_message(MessageType::MsgTimeoutNow);
        message.from = u64::from(lost);
        self.step(group, |one| {
            let _refused_unless_following = one.engine.step(message);
        });
    }
}

impl Group {
    fn voters(&self) -> Vec<u16> {
        let members = self.members();
        let mut all = [members.voters.as_slice(), members.outgoing.as_slice()].concat();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn is_voter(&self, node: u16) -> bool {
        self.voters().contains(&node)
    }

    fn log_end(&self) -> LogEnd {
        let (last_index, last_term) = self.end();
        LogEnd {
            group: self.number,
            term: self.engine.raft.term,
            last_term,
            last_index,
        }
    }

    fn hear(&mut self, heard: Heard) {
        self.heard
            .retain(|one| one.from != heard.from && heard.tick < one.tick + POSITION_TICKS);
        self.heard.push(heard);
    }

    /// Whether a majority of the voters lost this leader lately, this node among them, and this node stands best.
    fn is_best(&self, lost: u16, (node, tick): (u16, u64)) -> bool {
        let raft = &self.engine.raft;
        if raft.state != StateRole::Follower || self.leader() != Some(lost) {
            return false;
        }
        let fresh = |one: &&Heard| {
            one.lost == lost && one.end.term == raft.term && tick < one.tick + POSITION_TICKS
        };
        let heard: Vec<&Heard> = self.heard.iter().filter(fresh).collect();
        let majority = |voters: &[u16]| {
            let sent = voters
                .iter()
                .filter(|voter| heard.iter().any(|one| one.from == **voter));
            voters.is_empty() || sent.count() * 2 > voters.len()
        };
        let members = self.members();
        let spread = |from: u16| mix(u64::from(self.number) << 16 | u64::from(from));
        let rank = |one: &Heard| {
            let end = (one.end.last_term, one.end.last_index);
            (end, std::cmp::Reverse(spread(one.from)))
        };
        let voters = heard.iter().filter(|one| self.is_voter(one.from));
        let best = voters.max_by_key(|one| rank(one));
        majority(&members.voters)
            && majority(&members.outgoing)
            && best.is_some_and(|best| best.from == node)
    }
}
