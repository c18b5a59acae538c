//! Links between nodes: latency, loss, doubling, reordering, partitions, also in one direction.

use std::collections::{BTreeMap, BTreeSet};

use super::chance::Chance;
use super::weather::Weather;
use crate::Priority;

#[derive(Default)]
pub(super) struct Net {
    /// Directions that nothing passes.
    pub blocked: BTreeSet<(u16, u16)>,
    /// Lives of links: what was sent in an earlier one is lost.
    lives: BTreeMap<(u16, u16), u64>,
    /// When the newest bundle of a direction and priority arrives.
    newest: BTreeMap<(u16, u16, Priority), u64>,
    pub lost: u64,
    pub doubled: u64,
    pub reordered: u64,
}

impl Net {
    fn pair(a: u16, b: u16) -> (u16, u16) {
        (a.min(b), a.max(b))
    }

    pub fn life(&self, a: u16, b: u16) -> u64 {
        self.lives.get(&Self::pair(a, b)).copied().unwrap_or(0)
    }

    /// The link breaks: what is on its way is lost.
    pub fn cut(&mut self, a: u16, b: u16) {
        *self.lives.entry(Self::pair(a, b)).or_default() += 1;
    }

    /// When a bundle sent now arrives: not at all, once, or more often.
    pub fn arrivals(
        &mut self,
        (from, to, priority): (u16, u16, Priority),
        now: u64,
        (weather, chance): (&Weather, &mut Chance),
    ) -> Vec<u64> {
        if self.blocked.contains(&(from, to)) {
            self.lost += 1;
            return Vec::new();
        }
        let delay = chance.between(weather.delay.0, weather.delay.1);
        if !weather.wild {
            let newest = self.newest.entry((from, to, priority)).or_default();
            *newest = (now + delay).max(*newest + 1);
            return vec![*newest];
        }
        if chance.percent(weather.loss) {
            self.lost += 1;
            return Vec::new();
        }
        let mut at = vec![now + delay];
        if chance.percent(weather.double) {
            self.doubled += 1;
            at.push(now + delay + chance.between(0, 300 * weather.delay.1));
        }
        let newest = self.newest.entry((from, to, priority)).or_default();
        self.reordered += u64::from(at[0] < *newest);
        *newest = at[0].max(*newest);
        at
    }
}
