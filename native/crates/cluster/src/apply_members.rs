//! Commands about members (GR4): who comes, is heard of, leaves.

use std::collections::BTreeSet;

use crate::apply::Applied;
use crate::check::{self, Checked, refused};
use crate::limits::{MEMBERS_MAX, VOTERS_MAX};
use crate::member::{Member, MemberChange, MemberStatus, NewMember};
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done, Refusal};
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
            leaving: false,
            since: self.at.index,
        };
        self.members.insert(number, member);
        Ok(Done::Changed)
    }

    pub(crate) fn confirm_member(&mut self, number: u16) -> Applied {
        let member = self.member(number)?;
        let next = match (member.status, member.leaving) {
            (MemberStatus::Joining | MemberStatus::Dead, false) => MemberStatus::Active,
            (MemberStatus::Joining | MemberStatus::Dead, true) => MemberStatus::Draining,
            (status, _) => status,
        };
        self.turn(number, next, member.leaving)
    }

    pub(crate) fn update_member(&mut self, number: u16, change: MemberChange) -> Applied {
        let mut about = self.member(number)?.about.clone();
        let own = about.address.clone();
        about.address = change.address.unwrap_or(about.address);
        about.rpc = change.rpc.unwrap_or(about.rpc);
        about.labels = change.labels.unwrap_or(about.labels);
        about.weight = change.weight.unwrap_or(about.weight);
        check::new_member(&about)?;
        let here = self.members.values().filter(|member| member.here());
        let mut addresses = here.map(|member| &member.about.address);
        if about.address != own && addresses.any(|other| *other == about.address) {
            let words = format!("{} is the address of another member", about.address);
            return Err(refused(Code::Conflict, words));
        }
        if let Some(member) = self.members.get_mut(&number) {
            member.about = about;
        }
        Ok(Done::Changed)
    }

    pub(crate) fn drain(&mut self, number: u16) -> Applied {
        let next = match self.member(number)?.status {
            MemberStatus::Active => MemberStatus::Draining,
            status => status,
        };
        self.turn(number, next, true)
    }

    pub(crate) fn undrain(&mut self, number: u16) -> Applied {
        let next = match self.member(number)?.status {
            MemberStatus::Draining => MemberStatus::Active,
            status => status,
        };
        self.turn(number, next, false)
    }

    pub(crate) fn mark_dead(&mut self, number: u16) -> Applied {
        let member = self.member(number)?;
        if member.status == MemberStatus::Joining {
            let words = format!("member {number} was never heard of: it keeps nothing, remove it");
            return Err(refused(Code::Conflict, words));
        }
        self.turn(number, MemberStatus::Dead, member.leaving)
    }

    pub(crate) fn remove_member(&mut self, number: u16) -> Applied {
        if self.members.get(&number).is_some_and(|one| !one.here()) {
            return Ok(Done::Changed);
        }
        self.member(number)?;
        let mut keeping = self
            .partitions
            .iter()
            .filter(|(_, one)| one.replicas.has(number));
        let (first, others) = (keeping.next(), keeping.count());
        if let Some((first, _)) = first.filter(|_| !on(Mutant::RemoveKeepers)) {
            let words = format!(
                "member {number} keeps partition {first} and {others} more: drain it, and remove it when it is empty"
            );
            return Err(refused(Code::InUse, words));
        }
        if self.own.wanted.contains(&number) || self.own.voters().contains(&number) {
            let words = format!("member {number} votes in the cluster group: drain it first");
            return Err(refused(Code::InUse, words));
        }
        self.turn(number, MemberStatus::Removed, true)
    }

    /// A member that is not removed.
    fn member(&self, number: u16) -> Result<&Member, Refusal> {
        let member = self.members.get(&number).filter(|member| member.here());
        member.ok_or_else(|| {
            let words = format!("node {number} is no member of this cluster");
            refused(Code::Unknown, words)
        })
    }

    fn turn(&mut self, number: u16, status: MemberStatus, leaving: bool) -> Applied {
        let since = self.at.index;
        if let Some(member) = self.members.get_mut(&number) {
            member.leaving = leaving;
            if member.status != status {
                (member.status, member.since) = (status, since);
            }
        }
        Ok(Done::Changed)
    }

    /// Numbers are of one node for ever; names, addresses and keys are of one at a time.
    pub(crate) fn check_new_member(&self, about: &NewMember) -> Checked {
        check::new_member(about)?;
        if self.members.contains_key(&about.number) && !on(Mutant::ReuseNumbers) {
            let words = format!(
                "number {} is, or was, that of another member; take one that was never used",
                about.number
            );
            return Err(refused(Code::Conflict, words));
        }
        if self.coordinator_now(about.number).is_some() {
            let words = format!(
                "number {} is that of a coordinator at present; take another, or wait until it is free",
                about.number
            );
            return Err(refused(Code::Held, words));
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
