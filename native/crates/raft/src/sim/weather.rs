//! What kind of run a seed makes.

use super::chance::Chance;

pub(super) const MILLI: u64 = 1_000;
pub(super) const SECOND: u64 = 1_000_000;
/// One tick of a node (RF8), µs.
pub(super) const TICK: u64 = 50 * MILLI;

#[allow(clippy::struct_excessive_bools)] // each is a kind of weather of its own
pub(super) struct Weather {
    pub nodes: u16,
    pub groups: u32,
    /// Links lose, double and reorder; else they are as real ones, which lose only their end.
    pub wild: bool,
    /// Percent of bundles lost and doubled on wild links.
    pub loss: u64,
    pub double: u64,
    /// Latency of links, µs.
    pub delay: (u64, u64),
    /// Time a sync takes, µs.
    pub sync: (u64, u64),
    /// Nodes hear of lost peers (LK8).
    pub detector: bool,
    /// Time between faults, µs.
    pub calm: (u64, u64),
    /// When faults end, µs.
    pub until: u64,
    pub members_change: bool,
    pub snapshots: bool,
}

impl Weather {
    pub fn of(chance: &mut Chance) -> Self {
        let wild = chance.one_in(3);
        let slow = chance.one_in(5);
        Self {
            nodes: *chance.pick(&[3, 3, 4, 5]),
            groups: *chance.pick(&[1, 2, 2, 3]),
            wild,
            loss: if wild { chance.below(15) } else { 0 },
            double: if wild { chance.below(10) } else { 0 },
            delay: if slow {
                (MILLI, 60 * MILLI)
            } else {
                (50, 2 * MILLI)
            },
            sync: if slow {
                (5 * MILLI, 40 * MILLI)
            } else {
                (200, 3 * MILLI)
            },
            detector: !chance.one_in(3),
            calm: *chance.pick(&[
                (20 * MILLI, 200 * MILLI),
                (50 * MILLI, 600 * MILLI),
                (300 * MILLI, 3 * SECOND),
            ]),
            until: chance.between(4, 20) * SECOND,
            members_change: chance.percent(65),
            snapshots: chance.percent(65),
        }
    }
}
