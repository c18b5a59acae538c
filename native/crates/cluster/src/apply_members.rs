//! Commands about members (GR4).

use std::collections::BTreeSet;

use crate::apply::Applied;
use crate::check::{self, Checked, refused};
use crate::limits::{MEMBERS_MAX, VOTERS_MAX};
use crate::member::{Member, MemberStatus, NewMember};
use crate::outcome::{Code, Done};
use crate::state::ClusterState;

impl ClusterState {
    pub(crate) fn add_member(&mut self, about: NewMember) -> Applied {
        let known = self.members.get(&about.number);
        if known.is_some_and(|known| known.about == about && known.here()) {
            return Ok(Done::Changed);
        }
        self.check_new_member(&about)?;
        let here = self.members.values().filter(|member| member.here());
        if here.count() >= MEMBERS_MAX {
            return Err(refused(Code::Limit, "a cluster has at most 64 members"));
        }
        let number = about.number;
        let member = Member {
            about,
            status: MemberStatus::Joining,
            since: self.at.index,
        };
        self.members.insert(number, member);
        Ok(Done::Changed)
    }

    /// Numbers are of one node for ever; names, addresses and keys are of one at a time.
    pub(crate) fn check_new_member(&self, about: &NewMember) -> Checked {
        check::new_member(about)?;
        if self.members.contains_key(&about.number) {
            let words = format!(
                "number {} is, or was, that of another member; take one that was never used",
                about.number
            );
            return Err(refused(Code::Conflict, words));
        }
        if !about.cosigner_name.starts_with(&format!("{}/", self.scope)) {
            return Err(check::invalid(format!(
                "the cosigning key {} is of another cluster than {}",
                about.cosigner_name, self.scope
            )));
        }
        for other in self.members.values().filter(|member| member.here()) {
            let (other, same) = (&other.about, "is that of member");
            let twice = if other.name == about.name {
                "the name"
            } else if other.address == about.address {
                "the address"
            } else if other.tunnel == about.tunnel {
                "the transport key"
            } else if other.cosigner == about.cosigner {
                "the cosigning key"
            } else {
                continue;
            };
            let words = format!("{twice} of {} {same} {} too", about.name, other.number);
            return Err(refused(Code::Conflict, words));
        }
        Ok(())
    }

    /// Nodes that may vote in a group.
    pub(crate) fn check_voters(&self, voters: &BTreeSet<u16>) -> Checked {
        if voters.is_empty() || voters.len() > VOTERS_MAX {
            return Err(check::invalid("a group has 1 to 7 voters"));
        }
        for node in voters {
            if !self.members.get(node).is_some_and(Member::here) {
                let words = format!("node {node} is no member of this cluster");
                return Err(refused(Code::Unknown, words));
            }
        }
        Ok(())
    }
}
