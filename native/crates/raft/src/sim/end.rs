//! The end of a run: whether all is well again, and the checks over all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::linear::{Kind, Operation};
use super::world::World;
use crate::Role;

impl World {
    /// RS7: what is applied first anywhere is durable on a majority of the voters.
    pub(super) fn check_commits(&mut self) {
        let fresh = std::mem::take(&mut self.judge.lock().unwrap().fresh);
        for (number, group, index, epoch) in fresh {
            let Some(running) = &self.nodes[&number].running else {
                continue;
            };
            let holds = |node: u16| {
                let reader = self.nodes[&node].reader.as_ref();
                let state = reader.and_then(|reader| reader.state(group));
                let released = state.is_some_and(|state| state.first_index > index);
                let term = reader.and_then(|reader| reader.term(group, index));
                released || term == Some(u64::from(epoch))
            };
            let majority = |voters: &[u16]| {
                let held = voters.iter().filter(|node| holds(**node)).count();
                voters.is_empty() || held * 2 > voters.len()
            };
            let memberships = running.raft.memberships(group);
            let committed = memberships
                .iter()
                .rev()
                .take(4)
                .any(|members| majority(&members.voters) && majority(&members.outgoing));
            if !committed {
                let holders: Vec<u16> = self
                    .nodes
                    .keys()
                    .copied()
                    .filter(|node| holds(*node))
                    .collect();
                self.judge.lock().unwrap().fault(|| {
                    format!("RS7: node {number} applied entry {index} of epoch {epoch} in group {group}, which only {holders:?} hold durably")
                });
            }
        }
    }

    /// Members of each group that run and are to be the same.
    fn members(&self, group: u32) -> Option<(u16, Vec<u16>)> {
        let (_, leader, members) = self
            .nodes
            .values()
            .filter_map(|node| {
                let status = node.running.as_ref()?.raft.status(group)?;
                let leads = status.role == Role::Leader;
                leads.then_some((status.term, node.number, status.members))
            })
            .max_by_key(|(term, ..)| *term)?;
        let mut all = [members.voters.clone(), members.learners.clone()].concat();
        all.sort_unstable();
        members.outgoing.is_empty().then_some((leader, all))
    }

    fn applied(&self, node: u16, group: u32) -> u64 {
        let running = self.nodes[&node].running.as_ref();
        let status = running.and_then(|running| running.raft.status(group));
        status.map_or(0, |status| status.applied)
    }

    pub(super) fn is_well(&self) -> bool {
        let idle = self
            .clients
            .iter()
            .all(|client| client.left == 0 && client.operation.is_none());
        idle && self.founding.keys().all(|group| {
            let Some((leader, members)) = self.members(*group) else {
                return false;
            };
            let running = self.nodes[&leader].running.as_ref();
            let last = running
                .and_then(|one| one.raft.status(*group))
                .map_or(0, |status| status.last);
            members
                .iter()
                .all(|node| self.applied(*node, *group) == last)
        })
    }

    pub(super) fn unwell(&self) -> String {
        let mut out = String::new();
        for client in &self.clients {
            if client.operation.is_some() || client.left > 0 {
                let _ = write!(out, "\nclient {}: {:?}", client.number, client.operation);
            }
        }
        for (number, node) in &self.nodes {
            for group in self.founding.keys() {
                let status = node
                    .running
                    .as_ref()
                    .and_then(|one| one.raft.status(*group));
                let _ = write!(out, "\nnode {number} group {group}: {status:?}");
            }
        }
        out
    }

    /// What can be said when all is over.
    pub(super) fn last_checks(&mut self) -> Result<(), String> {
        self.same_replicas()?;
        let records = self.records();
        self.exactly_once(&records)?;
        // Operations that were never answered may have happened or not.
        let mut judge = self.judge.lock().unwrap();
        let answered: BTreeSet<(u16, u64)> = judge
            .answers
            .iter()
            .map(|answer| (answer.client, answer.number))
            .collect();
        for ((client, number), (group, key, value, _)) in &records {
            if !answered.contains(&(*client, *number)) {
                let kind = Kind::Swap {
                    to: *value,
                    before: None,
                };
                judge
                    .history
                    .entry((*group, *key))
                    .or_default()
                    .push(Operation {
                        start: 0,
                        end: u64::MAX,
                        kind,
                    });
            }
        }
        judge.linear();
        judge.verdict()
    }

    /// RS9: all members of a group have the same tree and the same leaves.
    fn same_replicas(&self) -> Result<(), String> {
        for group in self.founding.keys() {
            let Some((leader, members)) = self.members(*group) else {
                return Err(format!("RS11: group {group} has no leader"));
            };
            let state = |node: u16| {
                let replica = &self.nodes[&node]
                    .running
                    .as_ref()?
                    .machine
                    .groups
                    .get(group)?;
                let size = replica.partition.size();
                let root = replica.partition.trees().roots_at(size).ok()?.blake3;
                Some((size, root, replica.values.clone(), replica.before.clone()))
            };
            for node in members {
                if state(node) != state(leader) {
                    return Err(format!(
                        "RS9: nodes {node} and {leader} differ in group {group}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Records by client and number: group, key, value, offset; as the leaders' partitions have them.
    fn records(&self) -> BTreeMap<(u16, u64), (u32, u8, u32, u64)> {
        let mut records = BTreeMap::new();
        for group in self.founding.keys() {
            let Some((leader, _)) = self.members(*group) else {
                continue;
            };
            let Some(running) = &self.nodes[&leader].running else {
                continue;
            };
            let entries = &running.machine.groups[group].records;
            for (offset, record) in (0..).zip(entries) {
                let (client, number, key, value) = *record;
                let twice = records.insert((client, number), (*group, key, value, offset));
                if twice.is_some() {
                    let reason =
                        || format!("RS8: operation {number} of client {client} stands twice");
                    self.judge.lock().unwrap().fault(reason);
                }
            }
        }
        records
    }

    /// RS8 and RS10: what was answered stands there, once, where the answer said.
    fn exactly_once(
        &self,
        records: &BTreeMap<(u16, u64), (u32, u8, u32, u64)>,
    ) -> Result<(), String> {
        self.judge.lock().unwrap().verdict()?;
        for answer in &self.judge.lock().unwrap().answers {
            let found = records.get(&(answer.client, answer.number));
            let stands = found.is_some_and(|(group, _, _, offset)| {
                *group == answer.group && *offset == answer.offset
            });
            if !stands {
                return Err(format!(
                    "RS10: client {} was told that its operation {} stands at offset {} of group {}; there is {found:?}",
                    answer.client, answer.number, answer.offset, answer.group
                ));
            }
        }
        Ok(())
    }
}
