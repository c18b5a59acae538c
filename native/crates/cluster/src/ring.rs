//! The Ankh ring: consistent hashing with virtual nodes (PM2). A node that joins or leaves moves only what is next to its
//! own points.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::WEIGHT_USUAL;
use crate::mutant::{Mutant, on};

/// Points of a member of the usual weight.
const POINTS: u32 = 64;
/// A member gets at most a quarter more than its share of the partitions (PM3).
const SLACK: (u64, u64) = (5, 4);

/// Points of nodes on a circle of 2^64.
pub(crate) struct Ring {
    points: BTreeSet<(u64, u16)>,
    weights: BTreeMap<u16, u16>,
}

fn point(context: &str, parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let (first, _) = hash
        .as_bytes()
        .split_first_chunk()
        .unwrap_or((&[0; 8], &[]));
    u64::from_le_bytes(*first)
}

/// Where a partition stands on the ring, and which circle of copysets it is of (PM5).
pub(crate) fn point_of_partition(number: u32) -> u64 {
    point("pyralog v1 ankh partition", &[&number.to_le_bytes()])
}

/// Where a node stands in a circle of copysets (PM5).
pub(crate) fn point_in_circle(circle: u16, node: u16) -> u64 {
    let parts: [&[u8]; 2] = [&circle.to_le_bytes(), &node.to_le_bytes()];
    point("pyralog v1 copyset circle", &parts)
}

impl Ring {
    /// Of nodes with their weights.
    pub(crate) fn new(weights: &BTreeMap<u16, u16>) -> Self {
        let mut points = BTreeSet::new();
        let others = if on(Mutant::Reshuffle) {
            weights.len() as u32
        } else {
            0
        };
        for (node, weight) in weights {
            let count = (POINTS * u32::from(*weight) / u32::from(WEIGHT_USUAL)).max(1);
            for i in 0..count {
                let i = i + others * 65_536;
                let parts: [&[u8]; 2] = [&node.to_le_bytes(), &i.to_le_bytes()];
                points.insert((point("pyralog v1 ankh node", &parts), *node));
            }
        }
        let weights = weights.clone();
        Self { points, weights }
    }

    /// Nodes from a point on, round the circle; a node comes as often as it has points.
    fn from(&self, point: u64) -> impl Iterator<Item = u16> + '_ {
        let behind = self.points.range((point, 0)..);
        let before = self.points.range(..(point, 0));
        behind.chain(before).map(|(_, node)| *node)
    }

    /// The first node of each partition: the next on the ring that has not more than its share yet (Mirrokni et al.,
    /// "Consistent Hashing with Bounded Loads"), partitions in order of their numbers.
    pub(crate) fn primaries(&self, partitions: &BTreeSet<u32>) -> BTreeMap<u32, u16> {
        let all: u64 = self.weights.values().map(|one| u64::from(*one)).sum();
        let share = |node: &u16| {
            let weight = u64::from(self.weights[node]) * partitions.len() as u64 * SLACK.0;
            weight.div_ceil((all * SLACK.1).max(1))
        };
        let mut left: BTreeMap<u16, u64> = self
            .weights
            .keys()
            .map(|node| (*node, share(node)))
            .collect();
        let mut primaries = BTreeMap::new();
        for number in partitions {
            let mut nodes = self.from(point_of_partition(*number));
            let Some(node) = nodes.find(|node| left[node] > 0) else {
                continue;
            };
            left.entry(node).and_modify(|left| *left -= 1);
            primaries.insert(*number, node);
        }
        primaries
    }
}
