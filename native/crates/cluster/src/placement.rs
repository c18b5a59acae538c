//! Where replicas should be (PM2 to PM6): a function of the members that may have some and of the partitions there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::copyset::Copysets;
use crate::limits::CLUSTER_VOTERS_MAX;
use crate::member::{Labels, Member, MemberStatus};
use crate::partition::Replicas;
use crate::ring::Ring;
use crate::state::ClusterState;

/// Keeps nothing, ever.
const UNFIT: u8 = 4;

/// Nodes of each partition, by the ring and the copysets alone.
pub(crate) type Targets = BTreeMap<u32, BTreeSet<u16>>;

impl ClusterState {
    /// The slot of a key (PM1).
    #[must_use]
    pub fn slot_of(key: &[u8]) -> u32 {
        let hash = blake3::hash(key);
        let (first, _) = hash
            .as_bytes()
            .split_first_chunk()
            .unwrap_or((&[0; 4], &[]));
        u32::from_le_bytes(*first)
    }

    /// Where these partitions should be, among others. Empty when no member may have replicas.
    pub(crate) fn targets(&self, partitions: &BTreeSet<u32>) -> Targets {
        let eligible = || self.members.iter().filter(|(_, one)| one.eligible());
        let weights: BTreeMap<u16, u16> = eligible()
            .map(|(node, one)| (*node, one.about.weight))
            .collect();
        let labels: BTreeMap<u16, Labels> = eligible()
            .map(|(node, one)| (*node, one.about.labels.clone()))
            .collect();
        let size = usize::from(self.replication.voters);
        let copysets = Copysets::new(&labels, size, self.planning.scatter_width);
        let primaries = Ring::new(&weights).primaries(partitions).into_iter();
        primaries
            .map(|(number, primary)| (number, copysets.of(number, primary)))
            .collect()
    }

    /// A target, filled up with those of the present voters that are best when too few members may have some (PM6): no
    /// group gets smaller by itself.
    pub(crate) fn filled(
        &self,
        mut target: BTreeSet<u16>,
        present: &Replicas,
        size: usize,
    ) -> BTreeSet<u16> {
        let may = |node: &u16| !target.contains(node) && self.unfit(*node) < UNFIT;
        let mut rest: Vec<u16> = present.voters().iter().copied().filter(may).collect();
        rest.sort_by_key(|node| (self.unfit(*node), *node));
        let lacks = size.saturating_sub(target.len());
        target.extend(rest.into_iter().take(lacks));
        target
    }

    fn unfit(&self, node: u16) -> u8 {
        match self.members.get(&node).map(|one| one.status) {
            Some(MemberStatus::Active) => 0,
            Some(MemberStatus::Draining) => 1,
            Some(MemberStatus::Joining) => 2,
            Some(MemberStatus::Dead) => 3,
            Some(MemberStatus::Removed) | None => UNFIT,
        }
    }

    /// Who should vote in the cluster group: 5 of five members or more, 3 of three or four, else all; those who do, as far as
    /// may be, then others, apart from each other. It is smaller than 3 only where partitions may be.
    pub(crate) fn own_target(&self) -> BTreeSet<u16> {
        let eligible: BTreeMap<u16, &Member> = self
            .members
            .iter()
            .filter(|(_, one)| one.eligible())
            .map(|(node, one)| (*node, one))
            .collect();
        let size = match eligible.len() {
            CLUSTER_VOTERS_MAX.. => CLUSTER_VOTERS_MAX,
            3 | 4 => 3,
            few => few,
        };
        let present = self.own.wanted.iter().copied();
        let mut target: BTreeSet<u16> = present
            .filter(|node| eligible.contains_key(node))
            .take(size)
            .collect();
        while target.len() < size {
            let labels = |node: &u16| &eligible[node].about.labels;
            let shared = |node: &u16| {
                let same = target.iter().filter(|other| labels(other) == labels(node));
                let zone = target
                    .iter()
                    .filter(|other| labels(other).zone == labels(node).zone);
                (same.count(), zone.count())
            };
            let left = eligible.keys().filter(|node| !target.contains(node));
            let Some(next) = left.min_by_key(|node| (shared(node), **node)).copied() else {
                break;
            };
            target.insert(next);
        }
        let least = usize::from(self.replication.voters).min(3);
        self.filled(target, &self.own, least)
    }

    /// Who should lead each partition (PM9): the one of its wanted and active replicas that should lead fewest so far,
    /// partitions in order of their numbers. All who ask get the same answer, so nobody hands back what another handed on.
    #[must_use]
    pub fn preferred_leaders(&self) -> BTreeMap<u32, u16> {
        let mut leads: BTreeMap<u16, u32> = BTreeMap::new();
        let mut leaders = BTreeMap::new();
        for (number, one) in &self.partitions {
            let wanted = one.replicas.wanted.iter().copied();
            let fit = wanted.filter(|node| self.members.get(node).is_some_and(Member::eligible));
            let count = |node: &u16| leads.get(node).copied().unwrap_or(0);
            if let Some(node) = fit.min_by_key(|node| (count(node), *node)) {
                leaders.insert(*number, node);
                *leads.entry(node).or_default() += 1;
            }
        }
        leaders
    }
}
