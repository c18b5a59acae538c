//! Copysets: which nodes hold a group together (PM5). Few sets, so that nodes lost at once seldom hold all of a group.

use std::collections::{BTreeMap, BTreeSet};

use crate::member::Labels;
use crate::mutant::{Mutant, on};
use crate::ring::{point_in_circle, point_of_partition};

/// Circles of all nodes, each in an order of its own; neighbours in a circle hold groups together.
pub(crate) struct Copysets<'a> {
    circles: Vec<Vec<u16>>,
    labels: &'a BTreeMap<u16, Labels>,
    size: usize,
}

impl<'a> Copysets<'a> {
    /// For groups of `size` replicas and a scatter width: in a circle a node has up to `size` − 1 companions on either side.
    pub(crate) fn new(labels: &'a BTreeMap<u16, Labels>, size: usize, scatter_width: u16) -> Self {
        let companions = (2 * size.saturating_sub(1)).max(1);
        let count = usize::from(scatter_width).div_ceil(companions).max(1);
        let circle = |circle: usize| {
            let mut nodes: Vec<u16> = labels.keys().copied().collect();
            nodes.sort_by_key(|node| (point_in_circle(circle as u16, *node), *node));
            nodes
        };
        Self {
            circles: (0..count).map(circle).collect(),
            labels,
            size,
        }
    }

    /// The set that begins with a partition's first node, in the partition's circle: going round, first who stands in a
    /// zone that has none yet, then in a rack, then anybody (PM4).
    pub(crate) fn of(&self, partition: u32, primary: u16) -> BTreeSet<u16> {
        let scattered = on(Mutant::ScatterEverywhere);
        let own = point_of_partition(partition).rotate_right(32);
        let circle = &self.circles[(own % self.circles.len() as u64) as usize];
        let begin = circle.iter().position(|node| *node == primary).unwrap_or(0);
        let skip = if scattered {
            1 + own as usize % circle.len()
        } else {
            1
        };
        let round = circle.iter().cycle().skip(begin + skip).take(circle.len());
        let round: Vec<u16> = round.copied().filter(|node| *node != primary).collect();
        let mut set = BTreeSet::from([primary]);
        while set.len() < self.size {
            let left = || round.iter().copied().filter(|node| !set.contains(node));
            let apart = |same: fn(&Labels, &Labels) -> bool| {
                let alone = |node: &u16| {
                    set.iter()
                        .all(|other| !same(&self.labels[node], &self.labels[other]))
                };
                left().find(alone)
            };
            let next = if on(Mutant::IgnoreRacks) {
                None
            } else {
                apart(|a, b| a.zone == b.zone).or_else(|| apart(|a, b| a == b))
            };
            let Some(next) = next.or_else(|| left().next()) else {
                break;
            };
            set.insert(next);
        }
        set
    }
}
