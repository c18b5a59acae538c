//! A replicated store begins: groups, links, and the thread between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use ed25519_dalek::VerifyingKey;
use pyralog_cluster::{CLUSTER_GROUP, CLUSTER_VOTERS_MAX};
use pyralog_link::{Event as LinkEvent, LinkOptions, Links, Peer, TransportKey};
use pyralog_log::{LogReader, Membership};
use pyralog_raft::{Committed, Machine, RaftConfig, RaftError, RaftNode};

use super::arrange::Arranging;
use super::checkpoints::Checkpoints;
use super::commands::Commands;
use super::drive::Driving;
use super::everywhere::Everywhere;
use super::group::ClusterGroup;
use super::hello::Hello;
use super::inbox::{Event, Inbox};
use super::met::Met;
use super::refusals::Refusals;
use super::snapshot::{Arrived, Fetcher, Pinned, ServeJob, Server, is_ask};
use super::waiting::{Forwards, Waiting};
use super::{CHANNEL_FILES, CHANNEL_HOST, CHANNEL_RAFT, ClusterOptions};
use crate::behind::NodeJob;
use crate::error::HostError;
use crate::grow::Maker;
use crate::note::NamedVerifier;
use crate::options::HostOptions;
use crate::shared::Shared;
use crate::stage::Staging;

/// Questions for files that may wait, of all peers.
const ASKS: usize = 256;
/// Pieces of files that may wait; fewer are asked for at a time.
const PIECES: usize = 64;

/// What a replicated store has beside the parts of every store.
pub(crate) struct Clustered {
    pub options: ClusterOptions,
    pub store_id: [u8; 16],
    pub reader: Arc<dyn LogReader>,
    /// To the thread that writes node files.
    pub jobs: Sender<NodeJob>,
}

/// Makes the thread's work: opens the groups, creating those that are new here, and starts the links.
///
/// # Errors
/// `Format` when the options do not fit together or the store; `Io` when nothing can be listened on.
pub(crate) fn begin(
    shared: &Arc<Shared>,
    clustered: Clustered,
    (mut staging, maker): (Staging, Maker),
    options: &HostOptions,
) -> Result<Driving, HostError> {
    let Clustered {
        options: cluster,
        store_id,
        reader,
        jobs,
    } = clustered;
    let known = check(&cluster, options)?;
    let config = RaftConfig {
        frame_bytes: options.wal_file_bytes as usize,
        ..RaftConfig::new(cluster.node, cluster.seed)
    };
    let signed = reader.groups().into_iter().filter_map(|group| {
        let state = reader.state(group)?;
        Some((group, state.signed?))
    });
    let signed = signed.collect();
    let files = &shared.world.files;
    let group = ClusterGroup::open(files, &shared.dir, reader.as_ref())?;
    let replayed = Replayed(shared, group.applied.0);
    let mut raft = RaftNode::open(config, reader, &replayed).map_err(stopped)?;
    let voters = cluster.founders();
    let here: BTreeSet<u32> = raft.groups().into_iter().collect();
    for shard in shared
        .shards
        .iter()
        .filter(|shard| !here.contains(&shard.number))
    {
        if shard.applied_index.load(Ordering::Acquire) > 0 {
            return Err(HostError::Format(format!(
                "{} was written by a lone node: its store cannot be taken into a cluster, whose members begin together; give this member an empty directory",
                shard.origin
            )));
        }
        let members = Membership::of(&voters);
        let created = raft.create_group(staging.store.as_mut(), shard.number, &members);
        created.map_err(stopped)?;
    }
    if !here.contains(&CLUSTER_GROUP) {
        let members = Membership::of(&group_founders(&voters));
        let created = raft.create_group(staging.store.as_mut(), CLUSTER_GROUP, &members);
        created.map_err(stopped)?;
    }
    let inbox = shared.inbox.clone().ok_or(HostError::Closed)?;
    let (asks, pieces) = (bounded(ASKS), bounded(PIECES));
    let ways = Ways {
        inbox: Arc::clone(&inbox),
        asks: asks.0.clone(),
        pieces: pieces.0.clone(),
    };
    let links = Arc::new(start_links(&cluster, (shared, store_id), ways)?);
    let server = Server::start(asks, shared, (&links, &inbox))?;
    let fetcher = Fetcher::start(pieces, shared, (&links, &inbox), jobs)?;
    let needed = usize::from(cluster.cosigners);
    let distance = Duration::from_millis(shared.checkpoint_ms_min);
    Ok(Driving {
        shared: Arc::clone(shared),
        stampers: shared.shards.iter().map(|_| None).collect(),
        staging,
        raft,
        links,
        inbox,
        me: cluster.node,
        waiting: Waiting::default(),
        everywhere: Everywhere::default(),
        forwards: Forwards::default(),
        up: BTreeSet::new(),
        refusals: Refusals::default(),
        homeless: VecDeque::new(),
        reads: BTreeMap::new(),
        next_read: 0,
        checkpoints: Checkpoints::new(known, (needed, distance), signed),
        grown: BTreeSet::new(),
        leaders: shared.shards.iter().map(|_| (None, 0)).collect(),
        kept: shared.shards.iter().map(|_| 0).collect(),
        owed: BTreeMap::new(),
        seal_points: Vec::new(),
        wants_sync: true,
        server,
        fetcher,
        pinned: Pinned::default(),
        options: cluster,
        maker,
        templates: options.partitions.clone(),
        group,
        group_release: None,
        commands: Commands::default(),
        arranging: Arranging::new(),
    })
}

/// The first voters of the cluster group (GR10).
fn group_founders(founders: &[u16]) -> Vec<u16> {
    let mut founders = founders.to_vec();
    founders.sort_unstable();
    founders.truncate(CLUSTER_VOTERS_MAX);
    founders
}

/// Members with their cosigning keys.
fn check(
    cluster: &ClusterOptions,
    options: &HostOptions,
) -> Result<BTreeMap<u16, NamedVerifier>, HostError> {
    let refuse = |what: String| Err(HostError::Format(what));
    let mut known = BTreeMap::new();
    for member in &cluster.members {
        let Ok(key) = VerifyingKey::from_bytes(&member.cosigner) else {
            return refuse(format!(
                "the cosigning key of node {} is no Ed25519 key",
                member.node
            ));
        };
        let verifier = NamedVerifier::cosigner(&member.cosigner_name, key);
        if known.insert(member.node, verifier).is_some() {
            return refuse(format!(
                "node {} is named twice among the members",
                member.node
            ));
        }
    }
    if !known.contains_key(&cluster.node) {
        return refuse(format!(
            "node {} is not among its cluster's members",
            cluster.node
        ));
    }
    let (needed, members) = (usize::from(cluster.cosigners), cluster.founders().len());
    if needed <= members / 2 || needed > members {
        return refuse(format!(
            "checkpoints with {needed} signatures of {members} replicas: give more than half of them, and no more than there are"
        ));
    }
    for partition in &options.partitions {
        if partition.durability != pyralog_log::Durability::Sync {
            return refuse(format!(
                "{} promises durability `{}`: replicated logs are always synced, set durability to sync",
                partition.origin,
                partition.durability.name()
            ));
        }
    }
    Ok(known)
}

fn start_links(
    cluster: &ClusterOptions,
    (shared, store_id): (&Arc<Shared>, [u8; 16]),
    ways: Ways,
) -> Result<Links, HostError> {
    let secret = TransportKey::from_bytes(cluster.transport_seed);
    let mut options = LinkOptions::new(cluster.id, cluster.node, secret, cluster.listen);
    for member in &cluster.members {
        let address = member.address.parse();
        let address = address.map_err(|error| {
            HostError::Format(format!("address of node {}: {error}", member.node))
        })?;
        options.peers.push(Peer {
            node: member.node,
            public: member.transport,
            addresses: vec![address],
        });
    }
    let met = Met::open(Arc::clone(&shared.world.files), shared.dir.join("members"))?;
    let met = Arc::new(met);
    let judge_met = Arc::clone(&met);
    let (clock, judging) = (
        Arc::clone(&shared.world.clock),
        Arc::clone(&shared.world.clock),
    );
    let lead_ms_max = shared.lead_ms_max;
    options.hello = Arc::new(move |_| Hello::new(store_id, clock()).encode());
    options.judge = Arc::new(move |node, bytes| {
        let hello = Hello::decode(bytes)?;
        hello.judge(judging(), lead_ms_max)?;
        judge_met.judge(node, &hello.store_id)
    });
    let events = move |event| {
        if let LinkEvent::Up { peer, hello } = &event
            && let Ok(hello) = Hello::decode(hello)
        {
            // A failure leaves the member unknown: it is met again with its next link.
            let _ = met.meet(*peer, hello.store_id);
        }
        ways.take(event);
    };
    Links::start(options, Box::new(events))
        .map_err(|error| HostError::Io(format!("links of the cluster: {error}")))
}

/// Where messages of peers go.
struct Ways {
    inbox: Arc<Inbox>,
    asks: Sender<ServeJob>,
    pieces: Sender<Arrived>,
}

impl Ways {
    fn take(&self, event: LinkEvent) {
        if let LinkEvent::Message {
            peer,
            channel: CHANNEL_FILES,
            bytes,
        } = event
        {
            // What does not fit is lost, as on any network: whoever fetches asks again.
            if is_ask(&bytes) {
                let _ = self.asks.try_send(ServeJob::Asked { peer, bytes });
            } else {
                let _ = self.pieces.try_send(Arrived::Message { peer, bytes });
            }
        } else if let Some(event) = taken_in(event) {
            self.inbox.event(event);
        }
    }
}

/// What the thread of the groups hears of the links.
fn taken_in(event: LinkEvent) -> Option<Event> {
    Some(match event {
        LinkEvent::Up { peer, .. } | LinkEvent::Heard { peer, .. } => Event::Heard(peer),
        LinkEvent::Down { peer, .. } => Event::Lost { peer, down: true },
        LinkEvent::Silent { peer, .. } => Event::Lost { peer, down: false },
        LinkEvent::Message {
            peer,
            channel: CHANNEL_RAFT,
            bytes,
        } => Event::Bundle { peer, bytes },
        LinkEvent::Message {
            peer,
            channel: CHANNEL_HOST,
            bytes,
        } => Event::Host { peer, bytes },
        LinkEvent::Refused { peer, address, why } => Event::Refused {
            peer,
            why: match peer {
                Some(node) => format!("node {node} at {address}: {why}"),
                None => format!("{address}: {why}"),
            },
        },
        LinkEvent::Message { .. } => return None,
    })
}

/// The partitions as replay left them, and up to where the cluster group is applied.
struct Replayed<'a>(&'a Shared, u64);

impl Machine for Replayed<'_> {
    fn apply(&mut self, _: u32, _: Committed<'_>) -> Result<(), String> {
        Err("entries are applied when the groups run".to_owned())
    }

    fn applied(&self, group: u32) -> u64 {
        if group == CLUSTER_GROUP {
            return self.1;
        }
        let shard = self.0.shards.get(group as usize);
        shard.map_or(0, |shard| shard.applied_index.load(Ordering::Acquire))
    }

    fn installed(&mut self, _: u32, _: u64) -> Result<(), String> {
        Err("snapshots are taken over when the groups run".to_owned())
    }
}

fn stopped(error: RaftError) -> HostError {
    match error {
        RaftError::Log(error) => error.into(),
        other => HostError::Format(other.to_string()),
    }
}
