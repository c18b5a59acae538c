//! What the log should hold: the plain model that the simulation compares with.

use std::collections::BTreeMap;

use crate::{
    Durability, HardState, LogReader, LogStore, Membership, NewEntry, PartitionConfig, TreeState,
};

/// A small generator, so that a seed is all a run needs.
#[derive(Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupModel {
    /// Entries released, from the first on; the rest is in `entries`.
    pub released: u64,
    pub entries: Vec<(u64, Vec<u8>)>,
    pub hard_state: HardState,
    pub signed: Option<TreeState>,
    pub sidecar: Option<TreeState>,
    pub config: Option<PartitionConfig>,
    pub members: Option<Membership>,
}

/// The groups that have any record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model(pub BTreeMap<u32, GroupModel>);

impl Model {
    /// Stages something random and does the same to the model. A refusal leaves the model as it was.
    pub(crate) fn stage(
        &mut self,
        store: &mut dyn LogStore,
        random: &mut Random,
    ) -> Result<(), crate::LogError> {
        let number = random.below(5) as u32 * 7;
        let mut group = self.0.get(&number).cloned().unwrap_or_default();
        match random.below(16) {
            14 => {
                let members = membership(random);
                store.members(number, &members)?;
                group.members = Some(members);
            }
            15 if random.one_in(3) => {
                // Ahead of the last entry as a rule, and sometimes among those that are held.
                let last = group.released + group.entries.len() as u64;
                let behind = (group.released + 1).max((last + random.below(9)).saturating_sub(3));
                store.begin_behind(number, behind, random.below(9))?;
                group.released = behind;
                group.entries.clear();
            }
            12 if !group.entries.is_empty() => {
                let count = 1 + random.below(group.entries.len() as u64);
                group.released += count;
                group.entries.drain(..count as usize);
                store.release(number, group.released + 1)?;
            }
            0 => {
                group.hard_state = HardState {
                    term: random.below(9),
                    vote: random.below(3),
                    commit: random.below(99),
                };
                store.hard_state(number, group.hard_state)?;
            }
            1 => {
                let state = tree_state(random);
                store.sign_state(number, &state)?;
                group.signed = Some(state);
            }
            2 => {
                let state = tree_state(random);
                store.sidecar_state(number, &state)?;
                group.sidecar = Some(state);
            }
            3 => {
                let config = PartitionConfig {
                    dedup_window_ms: random.next(),
                    dedup_records: random.next(),
                    sha256: random.one_in(2),
                    durability: [Durability::Sync, Durability::Interval, Durability::Memory]
                        [random.below(3) as usize],
                    origin: format!("pyralog/test/{}", random.below(100)),
                };
                store.configure(number, &config)?;
                group.config = Some(config);
            }
            4 if !group.entries.is_empty() => {
                let keep = random.below(group.entries.len() as u64);
                store.truncate_from(number, group.released + keep + 1)?;
                group.entries.truncate(keep as usize);
            }
            _ => append(&mut group, number, store, random)?,
        }
        self.0.insert(number, group);
        Ok(())
    }

    /// What a reader sees.
    pub(crate) fn read(reader: &dyn LogReader) -> Result<Self, String> {
        let mut model = Self::default();
        for number in reader.groups() {
            let state = reader.state(number).ok_or("a group without a state")?;
            let mut entries = Vec::new();
            reader
                .replay(number, state.first_index, &mut |index, term, bytes| {
                    assert_eq!(index, state.first_index + entries.len() as u64);
                    entries.push((term, bytes.to_vec()));
                    Ok(())
                })
                .map_err(|error| format!("replay: {error}"))?;
            if state.last_index + 1 != state.first_index + entries.len() as u64 {
                return Err(format!(
                    "group {number} says it ends at {}",
                    state.last_index
                ));
            }
            model.0.insert(
                number,
                GroupModel {
                    released: state.first_index - 1,
                    entries,
                    hard_state: state.hard_state,
                    signed: state.signed,
                    sidecar: state.sidecar,
                    config: state.config,
                    members: state.members,
                },
            );
        }
        Ok(model)
    }
}

fn append(
    group: &mut GroupModel,
    number: u32,
    store: &mut dyn LogStore,
    random: &mut Random,
) -> Result<(), crate::LogError> {
    let count = 1 + random.below(3);
    let entries: Vec<(u64, Vec<u8>)> = (0..count)
        .map(|_| {
            let length = match random.below(8) {
                0 => 0,
                1 => random.below(9000),
                _ => random.below(300),
            };
            (random.below(3), random.bytes(length))
        })
        .collect();
    let parts: Vec<[&[u8]; 2]> = entries
        .iter()
        .map(|(_, bytes)| {
            let (head, tail) = bytes.split_at(bytes.len() / 3);
            [head, tail]
        })
        .collect();
    let new: Vec<NewEntry<'_>> = entries
        .iter()
        .zip(&parts)
        .map(|((term, _), parts)| NewEntry { term: *term, parts })
        .collect();
    let last = store.append(number, &new)?;
    group.entries.extend(entries);
    assert_eq!(last, group.released + group.entries.len() as u64);
    Ok(())
}

fn membership(random: &mut Random) -> Membership {
    let mut list = || {
        let count = random.below(4);
        (0..count).map(|_| random.below(1024) as u16).collect()
    };
    let [voters, learners, outgoing, learners_next] = [list(), list(), list(), list()];
    Membership {
        index: random.next(),
        term: random.next(),
        voters,
        learners,
        outgoing,
        learners_next,
        auto_leave: random.one_in(2),
    }
}

fn tree_state(random: &mut Random) -> TreeState {
    TreeState {
        size: random.next(),
        root: [random.next() as u8; 32],
        sha256_root: random.one_in(2).then(|| [random.next() as u8; 32]),
    }
}
