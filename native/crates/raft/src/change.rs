//! Changes of members, and members as the engine has them.

use pyralog_log::Membership;
use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, ConfState};

use crate::config::NODE_MAX;
use crate::error::Refusal;

/// A change of a group's members. One node at a time is changed simply, several by joint consensus, which the leader ends by
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Nodes that vote from now on, new ones or learners of before.
    pub voters: Vec<u16>,
    /// Nodes that get the entries and do not count, new ones or voters of before.
    pub learners: Vec<u16>,
    /// Nodes that leave.
    pub remove: Vec<u16>,
}

impl Change {
    /// The change as the engine takes it.
    pub(crate) fn encode(&self, members: &Membership) -> Result<ConfChangeV2, Refusal> {
        let lists = [
            (ConfChangeType::AddNode, &self.voters),
            (ConfChangeType::AddLearnerNode, &self.learners),
            (ConfChangeType::RemoveNode, &self.remove),
        ];
        let mut steps = Vec::new();
        for (kind, list) in lists {
            for node in list {
                if *node == 0 || *node > NODE_MAX {
                    return Err(Refusal::BadChange("a node has a number that no node has"));
                }
                let mut step = ConfChangeSingle::default();
                step.set_change_type(kind);
                step.node_id = u64::from(*node);
                steps.push(step);
            }
        }
        let mut nodes: Vec<u64> = steps.iter().map(|step| step.node_id).collect();
        nodes.sort_unstable();
        if nodes.windows(2).any(|two| two[0] == two[1]) {
            return Err(Refusal::BadChange("a node is named twice"));
        }
        if steps.is_empty() {
            return Err(Refusal::BadChange("nothing changes"));
        }
        let stays = |node: &u16| !self.remove.contains(node) && !self.learners.contains(node);
        if self.voters.is_empty() && !members.voters.iter().any(stays) {
            return Err(Refusal::BadChange("nobody would be left to vote"));
        }
        let mut change = ConfChangeV2::default();
        change.set_changes(steps.into());
        Ok(change)
    }
}

fn wide(list: &[u16]) -> Vec<u64> {
    list.iter().map(|node| u64::from(*node)).collect()
}

/// Members as the engine has them.
pub(crate) fn conf_state_of(members: &Membership) -> ConfState {
    let mut state = ConfState::default();
    state.set_voters(wide(&members.voters));
    state.set_learners(wide(&members.learners));
    state.set_voters_outgoing(wide(&members.outgoing));
    state.set_learners_next(wide(&members.learners_next));
    state.auto_leave = members.auto_leave;
    state
}

/// The engine's members, made so by the entry at (index, term); each list ascending.
pub(crate) fn members_of((index, term): (u64, u64), state: &ConfState) -> Membership {
    let narrow = |list: &[u64]| {
        let mut list: Vec<u16> = list.iter().map(|node| *node as u16).collect();
        list.sort_unstable();
        list
    };
    Membership {
        index,
        term,
        voters: narrow(&state.voters),
        learners: narrow(&state.learners),
        outgoing: narrow(&state.voters_outgoing),
        learners_next: narrow(&state.learners_next),
        auto_leave: state.auto_leave,
    }
}
