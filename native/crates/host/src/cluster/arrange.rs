//! What the cluster agreed on is brought about (CG8): links to its members, partitions and groups on this node, and, of the groups
//! that it leads, the members they should have (GR9).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pyralog_cluster::{
    Acknowledgement, ClusterState, Command, Founding, Labels, NewMember, NewPartition, Replication,
    VOTERS_MAX, WEIGHT_USUAL, plan_placement,
};

use super::drive::Driving;
use super::group::founding_entry;
use crate::answer::Reply;

/// How often groups are looked at though nothing changed.
const LOOK: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 500 });

/// When what is to be arranged was looked at last.
pub(crate) struct Arranging {
    look_at: Instant,
    /// Members that are not heard of, and since when.
    pub silent: BTreeMap<u16, Instant>,
    /// Members whose links are as the state has them.
    pub linked: BTreeMap<u16, (String, [u8; 32])>,
    /// Why something could not be brought about, until it was.
    pub problem: Option<String>,
}

impl Arranging {
    pub fn new() -> Self {
        Self {
            look_at: Instant::now(),
            silent: BTreeMap::new(),
            linked: BTreeMap::new(),
            problem: None,
        }
    }
}

impl Driving {
    /// Looks after the cluster group and what follows from its state: when that changed, and from time to time.
    pub fn arrange(&mut self, now: Instant) {
        if !std::mem::take(&mut self.group.changed) && now < self.arranging.look_at {
            return;
        }
        self.arranging.look_at = now + LOOK;
        if self.shared.failure().is_some() {
            return;
        }
        let Some(state) = self.group.state.clone() else {
            return self.found();
        };
        let adopted = self.adopt(&state);
        self.arranging.problem = adopted.err().map(|error| error.to_string());
        self.keep_group();
        self.tell_own_place(&state);
        let silent = self.silent(&state, now);
        self.tend_groups(&state, &silent);
        if self.group.leads.is_some() {
            for step in plan_placement(&state, &silent) {
                if let Some(command) = step.command() {
                    self.order(&command);
                }
            }
            let now_ms = (self.shared.world.clock)();
            if state.next_due_ms().is_some_and(|due| due <= now_ms) {
                self.order(&Command::Tick);
            }
        }
    }

    /// Proposes a command that nobody waits for: what does not come about is ordered again.
    pub fn order(&mut self, command: &Command) {
        self.command(command.encode(), Reply::new(|_| {}));
    }

    /// The first leader of the cluster group writes down what the cluster was founded with.
    fn found(&mut self) {
        if self.group.leads.is_none() || self.group.is_waited_for() {
            return;
        }
        match ClusterState::found(&self.founding()) {
            Ok(state) => self.propose_to_group(founding_entry(&state), Reply::new(|_| {})),
            Err(refusal) => self.arranging.problem = Some(refusal.to_string()),
        }
    }

    fn founding(&self) -> Founding {
        let founders: BTreeSet<u16> = self.options.founders().into_iter().collect();
        let members = self.options.members.iter();
        let members = members.filter(|member| founders.contains(&member.node));
        let origins = self.shared.shards.iter();
        let partitions = origins.map(|shard| NewPartition {
            number: shard.number,
            log: log_of(&shard.origin).to_owned(),
            voters: founders.clone(),
        });
        let scope = self.shared.shards.get(0);
        Founding {
            id: self.options.id,
            scope: scope.map_or_else(String::new, |shard| scope_of(&shard.origin).to_owned()),
            members: members
                .map(|member| NewMember {
                    number: member.node,
                    name: node_of(&member.cosigner_name).to_owned(),
                    address: member.address.clone(),
                    tunnel: member.transport,
                    cosigner_name: member.cosigner_name.clone(),
                    cosigner: member.cosigner,
                    rpc: member.rpc.clone(),
                    labels: Labels::default(),
                    weight: WEIGHT_USUAL,
                })
                .collect(),
            partitions: partitions.collect(),
            acknowledgement: Acknowledgement::Majority,
            replication: Replication {
                voters: founders.len().min(VOTERS_MAX) as u8,
                faults: self.options.faults as u8,
            },
        }
    }
}

/// The log of an origin `<scope>/<log>/<partition>` (I4).
pub(super) fn log_of(origin: &str) -> &str {
    origin.rsplit('/').nth(1).unwrap_or_default()
}

/// What a cluster's origins begin with (I4).
fn scope_of(origin: &str) -> &str {
    let mut parts = origin.rsplitn(3, '/');
    parts.nth(2).unwrap_or_default()
}

/// The node's name at the end of its key's (I4).
fn node_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}
