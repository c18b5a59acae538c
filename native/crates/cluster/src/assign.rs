//! Who of a consumer group should read which partition (GR17).

use std::collections::{BTreeMap, BTreeSet};

use crate::consumers::ConsumerGroup;
use crate::mutant::{Mutant, on};

/// Who should read each partition.
pub(crate) type Target = BTreeMap<u32, String>;

/// Neighbours to one member: of each log runs as long as each other, within one; the first members have the longer ones.
pub(crate) fn range(logs: &[Vec<u32>], members: &[&str]) -> Target {
    let mut target = Target::new();
    if members.is_empty() {
        return target;
    }
    for partitions in logs {
        let (each, longer) = (
            partitions.len() / members.len(),
            partitions.len() % members.len(),
        );
        let mut rest = partitions.as_slice();
        for (i, member) in members.iter().enumerate() {
            let (run, behind) = rest.split_at(each + usize::from(i < longer));
            rest = behind;
            target.extend(run.iter().map(|number| (*number, (*member).to_owned())));
        }
    }
    target
}

/// Equal numbers, within one, with as few moves as will do: members keep what they have up to their share, those with the
/// most have the larger shares, and what nobody keeps goes to those that lack some.
pub(crate) fn sticky(partitions: &[u32], group: &ConsumerGroup) -> Target {
    let members = group.consumers.len();
    if members == 0 {
        return Target::new();
    }
    let mut has: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for name in group.consumers.keys() {
        has.insert(name, Vec::new());
    }
    let mut free = Vec::new();
    for number in partitions {
        let reads = reader(*number, group).filter(|_| !on(Mutant::NotSticky));
        match reads.and_then(|name| has.get_mut(name)) {
            Some(list) => list.push(*number),
            None => free.push(*number),
        }
    }
    let mut order: Vec<&str> = has.keys().copied().collect();
    order.sort_by_key(|name| (std::cmp::Reverse(has[name].len()), *name));
    let (each, larger) = (partitions.len() / members, partitions.len() % members);
    let share: BTreeMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, each + usize::from(i < larger)))
        .collect();
    for (name, list) in &mut has {
        // What it reads already it keeps before what it was only meant to read.
        let held = &group.consumers[*name].held;
        list.sort_by_key(|number| (!held.contains(number), *number));
        free.extend(list.split_off(list.len().min(share[name])));
    }
    free.sort_unstable();
    let mut free = free.into_iter();
    for (name, list) in &mut has {
        let lacks = share[name] - list.len();
        list.extend(free.by_ref().take(lacks));
    }
    let given = has.into_iter();
    given
        .flat_map(|(name, list)| list.into_iter().map(move |one| (one, name.to_owned())))
        .collect()
}

/// Who was to read a partition so far: the one who should, else the one who does.
fn reader(number: u32, group: &ConsumerGroup) -> Option<&str> {
    if let Some(name) = group.target.get(&number) {
        return Some(name);
    }
    let mut holders = group.consumers.iter();
    let holds = holders.find(|(_, one)| one.held.contains(&number));
    holds.map(|(name, _)| name.as_str())
}

/// Partitions that somebody has.
pub(crate) fn held(group: &ConsumerGroup) -> BTreeSet<u32> {
    let consumers = group.consumers.values();
    consumers.flat_map(|one| one.held.iter().copied()).collect()
}
