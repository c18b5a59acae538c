//! What the cluster agreed on is brought about (CG8): links to its members, partitions and groups on this node, and, of the groups
//! that it leads, the members they should have (GR9).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ed25519_dalek::VerifyingKey;
use pyralog_cluster::{
    Acknowledgement, CLUSTER_GROUP, ClusterState, Command, Founding, GroupView, Labels, Member,
    MemberChange, MemberStatus, NewMember, NewPartition, Replication, Reported, Silent, Step,
    VOTERS_MAX, WEIGHT_USUAL, plan_group, plan_placement,
};
use pyralog_link::Peer;
use pyralog_log::Membership;
use pyralog_raft::{Change, GroupStatus};

use super::MemberOptions;
use super::drive::Driving;
use super::group::founding_entry;
use crate::answer::Reply;
use crate::error::HostError;
use crate::note::NamedVerifier;
use crate::options::PartitionOptions;

/// How often groups are looked at though nothing changed.
const LOOK: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 500 });

/// When what is to be arranged was looked at last.
pub(crate) struct Arranging {
    look_at: Instant,
    /// Members that are not heard of, and since when.
    silent: BTreeMap<u16, Instant>,
    /// Members whose links are as the state has them.
    linked: BTreeMap<u16, (String, [u8; 32])>,
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
    fn order(&mut self, command: &Command) {
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

    /// Members, partitions and groups as the state has them.
    fn adopt(&mut self, state: &ClusterState) -> Result<(), HostError> {
        self.adopt_members(state)?;
        for (number, partition) in state.partitions() {
            if *number as usize == self.shared.shards.len()
                && let Some(template) = self.template(&partition.log)
            {
                self.grow(&PartitionOptions {
                    origin: partition.origin.clone(),
                    ..template
                })?;
            }
            let mine = partition.replicas.has(self.me);
            let founders = &partition.replicas.founders;
            if mine && !founders.is_empty() && self.raft.status(*number).is_none() {
                let founders: Vec<u16> = founders.iter().copied().collect();
                self.create(*number, &Membership::of(&founders))?;
            }
        }
        Ok(())
    }

    fn create(&mut self, group: u32, founders: &Membership) -> Result<(), HostError> {
        let store = self.staging.store.as_mut();
        self.raft
            .create_group(store, group, founders)
            .map_err(|error| HostError::GroupStopped(error.to_string()))?;
        self.wants_sync = true;
        Ok(())
    }

    /// A partition begins here, empty.
    fn grow(&mut self, options: &PartitionOptions) -> Result<(), HostError> {
        let store = self.staging.store.as_mut();
        self.maker.add(&self.shared, store, options)?;
        self.staging.grew();
        self.stampers.push(None);
        self.leaders.push((None, 0));
        self.kept.push(0);
        self.wants_sync = true;
        Ok(())
    }

    /// Settings of a log's partitions are those of its first one, or of any.
    fn template(&self, log: &str) -> Option<PartitionOptions> {
        let same = |one: &&PartitionOptions| log_of(&one.origin) == log;
        let known = self.templates.iter();
        let template = known.clone().find(same).or(self.templates.first());
        template.cloned()
    }

    fn adopt_members(&mut self, state: &ClusterState) -> Result<(), HostError> {
        let here = |(_, one): &(&u16, &Member)| one.here();
        let wanted: BTreeMap<u16, (String, [u8; 32])> = state
            .members()
            .iter()
            .filter(here)
            .map(|(node, one)| (*node, (one.about.address.clone(), one.about.tunnel)))
            .collect();
        if wanted == self.arranging.linked {
            return Ok(());
        }
        let mut peers = Vec::new();
        let mut known = BTreeMap::new();
        for (node, one) in state.members().iter().filter(here) {
            let about = &one.about;
            // Where the members file has it, too: all may have moved while none could say so.
            let configured = self.configured(*node);
            let configured = configured.filter(|one| one.transport == about.tunnel);
            let addresses = configured.map(|one| one.address.clone()).into_iter();
            let addresses: BTreeSet<String> = addresses.chain([about.address.clone()]).collect();
            let parsed = addresses.iter().filter_map(|address| address.parse().ok());
            peers.push(Peer {
                node: *node,
                public: about.tunnel,
                addresses: parsed.collect(),
            });
            let key = VerifyingKey::from_bytes(&about.cosigner);
            if let Ok(key) = key {
                known.insert(*node, NamedVerifier::cosigner(&about.cosigner_name, key));
            }
        }
        self.links
            .set_peers(&peers)
            .map_err(|error| HostError::Format(format!("members of the cluster: {error}")))?;
        self.up.retain(|node| wanted.contains_key(node));
        self.checkpoints.known = known;
        self.arranging.linked = wanted;
        Ok(())
    }

    fn configured(&self, node: u16) -> Option<&MemberOptions> {
        self.options.members.iter().find(|one| one.node == node)
    }

    /// This node tells where it is reached, when that is not what the cluster knows.
    fn tell_own_place(&mut self, state: &ClusterState) {
        let (Some(member), Some(own)) = (state.members().get(&self.me), self.configured(self.me))
        else {
            return;
        };
        let about = &member.about;
        let moved = about.address != own.address;
        let rpc = about.rpc != own.rpc && !own.rpc.is_empty();
        if !member.here() || !(moved || rpc) {
            return;
        }
        let change = MemberChange {
            address: moved.then(|| own.address.clone()),
            rpc: rpc.then(|| own.rpc.clone()),
            ..MemberChange::default()
        };
        let number = self.me;
        self.order(&Command::UpdateMember { number, change });
    }

    /// Writes the state from time to time, and lets go of the entries before it.
    fn keep_group(&mut self) {
        if self.group.is_due() {
            let kept = self.offer_group();
            self.arranging.problem = kept.err().map(|error| error.to_string());
        }
    }

    /// What members that are too far behind are given is the state of now.
    pub fn offer_group(&mut self) -> Result<(), HostError> {
        let Some(status) = self.raft.status(CLUSTER_GROUP) else {
            return Ok(());
        };
        let Some(kept) = self.group.kept(&status.members) else {
            return Ok(());
        };
        self.group.save(&kept)?;
        let offer = pyralog_raft::Offer {
            index: kept.point.index,
            term: kept.point.term,
            data: kept.encode(),
        };
        self.raft
            .offer_snapshot(CLUSTER_GROUP, offer)
            .map_err(|refusal| HostError::GroupStopped(refusal.to_string()))?;
        self.group_release = Some(kept.point.index + 1);
        Ok(())
    }

    /// The members of each group led here: told to the cluster, and changed as it wants them.
    fn tend_groups(&mut self, state: &ClusterState, silent: &Silent) {
        let preferred = self.preferred(state);
        let partitions = state.partitions().keys().copied();
        let groups: Vec<u32> = partitions.chain([CLUSTER_GROUP]).collect();
        for group in groups {
            if self.raft.leads(group).is_none() {
                continue;
            }
            let Some(status) = self.raft.status(group) else {
                continue;
            };
            let reported = self.reported(&status);
            let known = state.replicas(group).and_then(|one| one.reported.as_ref());
            if known != Some(&reported) {
                self.order(&Command::ReportReplicas { group, reported });
            }
            let to = preferred.get(&group).copied();
            if let Some(step) = plan_group(state, (group, &self.view(&status)), to, silent) {
                self.carry_out(&step);
            }
        }
    }

    /// Who should lead in place of this node: only while it leads more than its part, so that what an operator handed over stays
    /// there.
    fn preferred(&self, state: &ClusterState) -> BTreeMap<u32, u16> {
        let active = state
            .members()
            .values()
            .filter(|one| one.eligible())
            .count();
        let partitions = state.partitions().keys();
        let led = partitions.filter(|group| self.raft.leads(**group).is_some());
        let part = state.partitions().len().div_ceil(active.max(1));
        if led.count() <= part {
            return BTreeMap::new();
        }
        state.preferred_leaders()
    }

    fn reported(&self, status: &GroupStatus) -> Reported {
        let members = &status.members;
        let set = |lists: [&Vec<u16>; 2]| lists.into_iter().flatten().copied().collect();
        Reported {
            epoch: status.term as u32,
            index: members.index,
            leader: self.me,
            voters: set([&members.voters, &members.outgoing]),
            learners: set([&members.learners, &members.learners_next]),
        }
    }

    fn view(&self, status: &GroupStatus) -> GroupView {
        let reported = self.reported(status);
        let others = status.progress.iter().filter(|one| one.node != self.me);
        GroupView {
            leader: self.me,
            voters: reported.voters,
            learners: reported.learners,
            changing: !status.members.outgoing.is_empty(),
            last: status.last,
            matched: others.map(|one| (one.node, one.matched)).collect(),
        }
    }

    /// A step that is refused now is planned again.
    fn carry_out(&mut self, step: &Step) {
        let (group, change) = match step {
            Step::AddLearner { group, node } => (
                *group,
                Change {
                    learners: vec![*node],
                    ..Change::default()
                },
            ),
            Step::Replace { group, add, remove } => (
                *group,
                Change {
                    voters: vec![*add],
                    remove: remove.iter().copied().collect(),
                    ..Change::default()
                },
            ),
            Step::RemoveReplica { group, node } => (
                *group,
                Change {
                    remove: vec![*node],
                    ..Change::default()
                },
            ),
            Step::TransferLeader { group, to } => {
                let _ = self.raft.transfer(*group, *to);
                return;
            }
            Step::MarkDead { .. } | Step::Confirm { .. } | Step::Place { .. } => {
                if let Some(command) = step.command() {
                    self.order(&command);
                }
                return;
            }
        };
        let _ = self.raft.change(group, &change);
    }

    /// Members that are not heard of, and for how long.
    fn silent(&mut self, state: &ClusterState, now: Instant) -> Silent {
        let members = state.members().iter();
        let away: BTreeSet<u16> = members
            .filter(|(node, one)| {
                one.status != MemberStatus::Removed && **node != self.me && !self.up.contains(node)
            })
            .map(|(node, _)| *node)
            .collect();
        self.arranging.silent.retain(|node, _| away.contains(node));
        let silent = &mut self.arranging.silent;
        away.into_iter()
            .map(|node| {
                let since = *silent.entry(node).or_insert(now);
                (node, (now - since).as_millis() as u64)
            })
            .collect()
    }

    /// Signatures that make a checkpoint of a partition: more than half of its voters and those that may lie together (GR10),
    /// and not fewer than the configuration asks for.
    pub fn needed(&self, partition: usize) -> usize {
        let configured = self.checkpoints.needed;
        let Some(state) = &self.group.state else {
            return configured;
        };
        let voters = self.voters(partition).len();
        let least = usize::midpoint(voters, usize::from(state.replication().faults)) + 1;
        least.max(configured.min(voters))
    }

    /// Who is asked to sign a partition's checkpoints.
    pub fn voters(&self, partition: usize) -> BTreeSet<u16> {
        let status = self.raft.status(partition as u32);
        let voters = status.map_or_else(Vec::new, |status| status.members.voters);
        if voters.is_empty() {
            return self.checkpoints.known.keys().copied().collect();
        }
        voters.into_iter().collect()
    }
}

/// The log of an origin `<scope>/<log>/<partition>` (I4).
fn log_of(origin: &str) -> &str {
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
