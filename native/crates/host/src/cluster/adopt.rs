//! Members, partitions and groups on this node become what the cluster agreed on (CG8).

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use pyralog_cluster::{CLUSTER_GROUP, ClusterState, Command, Member, MemberChange};
use pyralog_link::Peer;
use pyralog_log::Membership;

use super::MemberOptions;
use super::arrange::log_of;
use super::drive::Driving;
use crate::error::HostError;
use crate::note::NamedVerifier;
use crate::options::PartitionOptions;

impl Driving {
    /// Members, partitions and groups as the state has them.
    pub fn adopt(&mut self, state: &ClusterState) -> Result<(), HostError> {
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
    pub fn tell_own_place(&mut self, state: &ClusterState) {
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
    pub fn keep_group(&mut self) {
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
}
