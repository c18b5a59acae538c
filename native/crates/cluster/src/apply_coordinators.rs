//! Numbers of coordinators (GR13).

use crate::apply::Applied;
use crate::check::{self, refused};
use crate::coordinator::Coordinator;
use crate::limits::NODE_MAX;
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done, Refusal};
use crate::state::ClusterState;

impl ClusterState {
    pub(crate) fn assign_coordinator(&mut self, holder: &str, ttl_ms: u64) -> Applied {
        check::for_a_time("coordinator", holder, ttl_ms)?;
        let now = self.at.time_ms;
        let number = self.number_for(holder)?;
        if let Some(before) = self.coordinator_now(number)
            && before.holder == holder
        {
            return Ok(granted(number, before));
        }
        let before = self.coordinators.get(&number);
        let from_ms = before.map_or(now, |before| now.max(before.expires_ms));
        let coordinator = Coordinator {
            holder: holder.to_owned(),
            fence: self.fence(),
            from_ms: if on(Mutant::SameTimes) { now } else { from_ms },
            expires_ms: from_ms.saturating_add(ttl_ms),
        };
        let done = granted(number, &coordinator);
        self.coordinators.insert(number, coordinator);
        Ok(done)
    }

    pub(crate) fn renew_coordinator(&mut self, number: u16, fence: u64, ttl_ms: u64) -> Applied {
        check::ttl(ttl_ms)?;
        let held = self.coordinator_now(number);
        let mut held = held.filter(|one| one.fence == fence).cloned().ok_or_else(|| {
            let words = format!(
                "number {number} is not held with fencing number {fence} any more: ask for one again"
            );
            refused(Code::Stale, words)
        })?;
        held.expires_ms = held.expires_ms.max(self.at.time_ms.saturating_add(ttl_ms));
        let done = granted(number, &held);
        self.coordinators.insert(number, held);
        Ok(done)
    }

    /// The number is free at once; the next holder's times begin behind what this one was granted.
    pub(crate) fn release_coordinator(&mut self, number: u16, fence: u64) -> Applied {
        self.check_fence(fence)?;
        if let Some(held) = self.coordinators.get_mut(&number)
            && held.fence == fence
        {
            held.holder.clear();
        }
        Ok(Done::Changed)
    }

    /// Who has a number at present.
    pub(crate) fn coordinator_now(&self, number: u16) -> Option<&Coordinator> {
        let held = self.coordinators.get(&number)?;
        (!held.holder.is_empty() && held.expires_ms > self.at.time_ms).then_some(held)
    }

    /// A member's own number; else the one that the holder has, or the highest that nobody has and no member ever had.
    fn number_for(&self, holder: &str) -> Result<u16, Refusal> {
        let mut here = self.members.values().filter(|member| member.here());
        if let Some(member) = here.find(|member| member.about.name == holder) {
            return Ok(member.about.number);
        }
        let strangers = || {
            (1..=NODE_MAX)
                .rev()
                .filter(|number| !self.members.contains_key(number))
        };
        let now = |number: &u16| self.coordinator_now(*number);
        let own = strangers().find(|number| now(number).is_some_and(|held| held.holder == holder));
        let free = || strangers().find(|number| now(number).is_none());
        own.or_else(free).ok_or_else(|| {
            refused(
                Code::Limit,
                "all numbers of coordinators are held: wait until one runs out",
            )
        })
    }

    /// A fencing number (GR11).
    pub(crate) fn fence(&mut self) -> u64 {
        let fence = self.next_fence;
        if !on(Mutant::SameFence) {
            self.next_fence += 1;
        }
        fence
    }

    /// Refuses what was never given out.
    pub(crate) fn check_fence(&self, fence: u64) -> Result<(), Refusal> {
        if (1..self.next_fence).contains(&fence) {
            return Ok(());
        }
        let words = format!("{fence} is no fencing number that was ever given out");
        Err(check::invalid(words))
    }
}

fn granted(number: u16, held: &Coordinator) -> Done {
    Done::Coordinator {
        number,
        fence: held.fence,
        from_ms: held.from_ms,
        expires_ms: held.expires_ms,
    }
}
