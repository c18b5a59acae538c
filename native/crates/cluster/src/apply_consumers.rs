//! Commands of consumers (GR15, GR16).

use std::collections::BTreeSet;

use pyralog_types::SAFE_INTEGER_MAX;

use crate::apply::Applied;
use crate::check::{self, Checked, refused};
use crate::command::Strategy;
use crate::consumers::{Consumer, ConsumerGroup};
use crate::limits::{CONSUMED_LOGS_MAX, CONSUMER_GROUPS_MAX, CONSUMERS_MAX};
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done, Refusal};
use crate::state::ClusterState;

/// What a consumer asks for.
pub(crate) struct Joining<'a> {
    pub group: &'a str,
    pub consumer: &'a str,
    pub logs: BTreeSet<String>,
    pub strategy: Strategy,
    pub ttl_ms: u64,
}

impl ClusterState {
    pub(crate) fn join_consumers(&mut self, joining: Joining<'_>) -> Applied {
        let Joining {
            group: name,
            consumer,
            ttl_ms,
            ..
        } = joining;
        self.check_joining(&joining)?;
        let expires_ms = self.at.time_ms.saturating_add(ttl_ms);
        let made = || ConsumerGroup {
            logs: joining.logs,
            strategy: joining.strategy,
            generation: 0,
            consumers: [].into(),
            target: [].into(),
            offsets: [].into(),
        };
        let group = self.consumers.entry(name.to_owned()).or_insert_with(made);
        let held = group.consumers.get(consumer).map(|one| one.held.clone());
        let new = held.is_none();
        let member = Consumer {
            ttl_ms,
            expires_ms,
            held: held.unwrap_or_default(),
        };
        group.consumers.insert(consumer.to_owned(), member);
        self.due.not_after(expires_ms);
        if new {
            self.rebalance(name);
        }
        self.standing(name, consumer)
    }

    fn check_joining(&self, joining: &Joining<'_>) -> Checked {
        let (name, logs) = (joining.group, &joining.logs);
        check::chosen_name("consumer group", name)?;
        check::for_a_time("consumer", joining.consumer, joining.ttl_ms)?;
        if logs.is_empty() || logs.len() > CONSUMED_LOGS_MAX {
            return Err(check::invalid("a consumer group reads 1 to 64 logs"));
        }
        if let Some(log) = logs.iter().find(|log| !self.logs.contains_key(*log)) {
            return Err(refused(Code::Unknown, format!("there is no log {log}")));
        }
        let Some(group) = self.consumers.get(name) else {
            if self.consumers.len() >= CONSUMER_GROUPS_MAX {
                let words =
                    "a cluster has at most 4,096 consumer groups; forget one that is not used";
                return Err(refused(Code::Limit, words));
            }
            return Ok(());
        };
        if group.logs != *logs || group.strategy != joining.strategy {
            let words = format!("consumer group {name} reads other logs, or is spread otherwise");
            return Err(refused(Code::Conflict, words));
        }
        let new = !group.consumers.contains_key(joining.consumer);
        if new && group.consumers.len() >= CONSUMERS_MAX {
            let words = format!("consumer group {name} has {CONSUMERS_MAX} members already");
            return Err(refused(Code::Limit, words));
        }
        Ok(())
    }

    pub(crate) fn leave_consumers(&mut self, name: &str, consumer: &str) -> Applied {
        let group = self.consumers.get_mut(name);
        if group.is_some_and(|group| group.consumers.remove(consumer).is_some()) {
            self.rebalance(name);
        }
        Ok(Done::Changed)
    }

    pub(crate) fn consumer_heartbeat(
        &mut self,
        (name, consumer): (&str, &str),
        released: &BTreeSet<u32>,
    ) -> Applied {
        let now = self.at.time_ms;
        let (group, _) = self.consumer(name, consumer)?;
        let asked_back = |number: &u32| group.target.get(number).is_none_or(|to| to != consumer);
        let gone: BTreeSet<u32> = released.iter().copied().filter(asked_back).collect();
        if let Some(group) = self.consumers.get_mut(name) {
            if let Some(one) = group.consumers.get_mut(consumer) {
                one.expires_ms = now.saturating_add(one.ttl_ms);
                one.held.retain(|number| !gone.contains(number));
            }
            group.give_free();
        }
        self.standing(name, consumer)
    }

    pub(crate) fn commit_offsets(
        &mut self,
        (name, consumer): (&str, &str),
        generation: u64,
        offsets: &[(u32, u64)],
    ) -> Applied {
        let (group, member) = self.consumer(name, consumer)?;
        let known = |(number, offset): &(u32, u64)| group.offsets.get(number) == Some(offset);
        if offsets.iter().all(known) {
            return Ok(Done::Changed);
        }
        let stale = generation != group.generation && !on(Mutant::StaleOffsets);
        if stale {
            let words = format!(
                "generation {generation} of consumer group {name} is over, {} is current: ask what is assigned now",
                group.generation
            );
            return Err(refused(Code::Stale, words));
        }
        let mut ended = false;
        let mut named = BTreeSet::new();
        for (number, offset) in offsets {
            if !named.insert(number) {
                let words = format!("partition {number} is named twice");
                return Err(check::invalid(words));
            }
            if !member.held.contains(number) {
                let words = format!("partition {number} is not {consumer}'s to read");
                return Err(refused(Code::Stale, words));
            }
            let seal = self
                .partitions
                .get(number)
                .and_then(|one| one.seal.as_ref());
            let size = seal.map(|seal| seal.size);
            if *offset > size.unwrap_or(SAFE_INTEGER_MAX) {
                let words = format!("offset {offset} is behind the end of partition {number}");
                return Err(check::invalid(words));
            }
            ended |= size == Some(*offset);
        }
        if let Some(group) = self.consumers.get_mut(name) {
            group.offsets.extend(offsets.iter().copied());
        }
        if ended {
            self.rebalance(name);
        }
        Ok(Done::Changed)
    }

    pub(crate) fn forget_consumers(&mut self, name: &str) -> Applied {
        let group = self.consumers.get(name);
        if let Some(group) = group.filter(|group| !group.consumers.is_empty()) {
            let words = format!(
                "consumer group {name} has {} members: have them leave first",
                group.consumers.len()
            );
            return Err(refused(Code::InUse, words));
        }
        self.consumers.remove(name);
        Ok(Done::Changed)
    }

    fn consumer(&self, name: &str, consumer: &str) -> Result<(&ConsumerGroup, &Consumer), Refusal> {
        let group = self.consumers.get(name);
        let both = group.and_then(|group| Some((group, group.consumers.get(consumer)?)));
        both.ok_or_else(|| {
            let words = format!(
                "{consumer} is not in consumer group {name}, or was silent for too long: join it"
            );
            refused(Code::Unknown, words)
        })
    }

    /// Where a consumer stands.
    fn standing(&self, name: &str, consumer: &str) -> Applied {
        let (group, member) = self.consumer(name, consumer)?;
        let asked_back = |number: &&u32| group.target.get(number).is_none_or(|to| to != consumer);
        Ok(Done::Consumer {
            generation: group.generation,
            assigned: member.held.clone(),
            revoked: member.held.iter().filter(asked_back).copied().collect(),
            expires_ms: member.expires_ms,
        })
    }
}
