//! The thread of a replicated store: it steps the groups, stages what they write, and sends what they say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyralog_cluster::CLUSTER_GROUP;
use pyralog_link::{Links, Priority};
use pyralog_log::LogError;
use pyralog_partition::{Snapshot, Stamper};
use pyralog_raft::{Priority as RaftPriority, RaftError, RaftNode};

use super::apply::Applying;
use super::arrange::Arranging;
use super::checkpoints::Checkpoints;
use super::commands::Commands;
use super::everywhere::Everywhere;
use super::group::ClusterGroup;
use super::inbox::{Event, Inbox, Taken};
use super::refusals::Refusals;
use super::snapshot::{Fetcher, Pinned, Server};
use super::waiting::{Forwards, Homeless, Waiting};
use super::{CHANNEL_HOST, CHANNEL_RAFT, ClusterOptions};
use crate::answer::Reply;
use crate::error::HostError;
use crate::grow::Maker;
use crate::options::PartitionOptions;
use crate::shared::Shared;
use crate::stage::{GROUP_BYTES, Staging};

/// A tick of Raft (RF8).
const TICK: Duration = Duration::from_millis(50);

/// What the thread owns.
pub(crate) struct Driving {
    pub shared: Arc<Shared>,
    pub staging: Staging,
    pub raft: RaftNode,
    pub links: Arc<Links>,
    /// Peers that are heard of.
    pub up: BTreeSet<u16>,
    /// Why peers' links came to nothing.
    pub refusals: Refusals,
    pub inbox: Arc<Inbox>,
    pub me: u16,
    pub waiting: Waiting,
    /// Calls that wait for every voter (CG10).
    pub everywhere: Everywhere,
    pub forwards: Forwards,
    pub homeless: VecDeque<(Instant, Homeless)>,
    /// Reads that wait for their index, by ticket (RF12).
    pub reads: BTreeMap<u64, (usize, Reply<u64>)>,
    pub next_read: u64,
    /// Of partitions led here: behind what is applied.
    pub stampers: Vec<Option<Stamper>>,
    pub checkpoints: Checkpoints,
    /// Partitions that grew since their checkpoints were looked at.
    pub grown: BTreeSet<usize>,
    /// Who leads each partition, and in which term, as was heard last.
    pub leaders: Vec<(Option<u16>, u64)>,
    /// First entry of each partition that the newest segment lets go.
    pub kept: Vec<u64>,
    /// What the log is still to be told that it may let go: first entry kept.
    pub owed: BTreeMap<usize, u64>,
    /// Seal points passed, to be handed over behind the frame that may hold their entries.
    pub seal_points: Vec<(usize, Snapshot)>,
    /// Something in the open frame is waited for.
    pub wants_sync: bool,
    /// Snapshots for replicas that are behind, and those that bring this one further (RF15).
    pub server: Server,
    pub fetcher: Fetcher,
    pub pinned: Pinned,
    /// What this node was started with.
    pub options: ClusterOptions,
    /// Makes partitions that come.
    pub maker: Maker,
    /// Settings of the partitions that were there at the opening.
    pub templates: Vec<PartitionOptions>,
    /// What the members agree on beside their logs.
    pub group: ClusterGroup,
    /// First entry of the cluster group that the log is still to be told to keep.
    pub group_release: Option<u64>,
    pub commands: Commands,
    pub arranging: Arranging,
}

impl Driving {
    /// Until the inbox is closed; then ends the log cleanly. Whoever still waits when it ends otherwise is told.
    pub fn run(mut self) -> Result<(), HostError> {
        let ended = self.step_until_closed();
        self.inbox.close();
        for call in self.inbox.take(usize::MAX, Instant::now()).calls {
            let why = ended.as_ref().err().cloned().unwrap_or(HostError::Closed);
            call.reply.send(Err(why));
        }
        ended.and_then(|()| self.finish())
    }

    fn step_until_closed(&mut self) -> Result<(), HostError> {
        let mut tick_at = Instant::now() + TICK;
        loop {
            let until = self
                .checkpoints
                .wake_at()
                .map_or(tick_at, |at| at.min(tick_at));
            let taken = self.inbox.take(GROUP_BYTES, until);
            if taken.closed && taken.calls.is_empty() {
                return Ok(());
            }
            self.take_in(taken);
            let now = Instant::now();
            if now >= tick_at {
                // A machine that slept has not heard nothing for so long: ticks that it missed are not made up for.
                tick_at = now + TICK;
                self.raft.tick();
                self.look_after_homeless(now);
                self.commands.give_up(None, now);
                self.ask_leaders_for_checkpoints();
                self.look_after_snapshots();
            }
            self.go_round(tick_at)?;
            self.arrange(now);
        }
    }

    fn take_in(&mut self, taken: Taken) {
        if let Some(sequence) = taken.durable {
            self.durable(sequence);
        }
        for event in taken.events {
            self.event(event);
        }
        for call in taken.calls {
            self.call(call);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Bundle { peer, bytes } => {
                if let Err(bad) = self.raft.receive(peer, &bytes) {
                    self.links.end(peer, &bad.to_string());
                }
            }
            Event::Host { peer, bytes } => self.hear(peer, &bytes),
            Event::Heard(peer) => {
                self.up.insert(peer);
                self.refusals.over(peer);
                self.raft.peer_heard(peer);
            }
            Event::Lost { peer, down } => {
                self.up.remove(&peer);
                self.raft.peer_lost(peer);
                self.commands.give_up(Some(peer), Instant::now());
                if down {
                    self.forwards.give_up(peer);
                }
            }
            Event::Refused { peer, why } => {
                let member = peer.filter(|node| self.checkpoints.known.contains_key(node));
                self.refusals.tell(member, why, Instant::now());
            }
            Event::Awaited(partition) => self.checkpoints.awaited(partition),
            Event::Ask(ask) => ask(self),
        }
    }

    /// Rounds until nothing more can be done without the disk or a peer, or something came in, or the next tick is due: neither
    /// waits until a long backlog is applied.
    fn go_round(&mut self, tick_at: Instant) -> Result<(), HostError> {
        loop {
            let full = self.round()?;
            self.answer_held(Instant::now());
            self.have_checkpoints_signed();
            let grown = std::mem::take(&mut self.grown);
            self.staging.look_after_sidecars(grown);
            self.seal()?;
            // Synced on this thread, nothing else being on the way: what that allows is done at once.
            let durable = self.inbox.take_durable();
            if let Some(sequence) = durable {
                self.durable(sequence);
            } else if !full && !self.raft.has_work() {
                return Ok(());
            }
            if !full && (!self.inbox.is_empty() || Instant::now() >= tick_at) {
                return Ok(());
            }
        }
    }

    /// One round of the groups; true when the open frame is full.
    fn round(&mut self) -> Result<bool, HostError> {
        let mut seal_points = Vec::new();
        let mut begun = Vec::new();
        let mut applying = Applying {
            shared: &self.shared,
            group: &mut self.group,
            waiting: &mut self.waiting,
            everywhere: &mut self.everywhere,
            seal_points: &mut seal_points,
            grown: &mut self.grown,
            begun: &mut begun,
        };
        let round = self.raft.round(self.staging.store.as_mut(), &mut applying);
        let round = round.map_err(|error| self.stop_for(error))?;
        for message in round.send {
            // What does not fit or has no link is lost, as on any network: the engine sends again.
            let priority = link_priority(message.priority);
            let _ = self
                .links
                .send(message.to, CHANNEL_RAFT, priority, message.bundle);
        }
        for event in round.events {
            self.raft_event(event);
        }
        for (group, epoch) in begun {
            if self.raft.leads(group) == Some(u64::from(epoch)) {
                self.lead(group);
            }
        }
        for (ticket, result) in round.reads {
            self.read_ready(ticket, result);
        }
        let full_disk = matches!(round.refused, Some(LogError::DiskFull { .. }));
        let disk_full = &self.shared.counters.disk_full;
        disk_full.store(full_disk, Ordering::Relaxed);
        self.wants_sync |= round.needs_sync;
        // They wait for the thread that seals, which waits for entries that this frame may hold.
        self.seal_points.append(&mut seal_points);
        Ok(round.full)
    }

    /// Closes the open frame if somebody waits for what is in it.
    fn seal(&mut self) -> Result<(), HostError> {
        self.stage_releases();
        if self.wants_sync || self.checkpoints.has_staged() {
            let store = self.staging.store.as_mut();
            let staged = self.raft.stage_commits(store);
            staged.map_err(|error| self.stop_for(error))?;
            self.wants_sync = false;
            if let Some(sequence) = self.staging.seal_replicated() {
                self.raft.sealed(sequence);
                self.checkpoints.sealed(sequence);
            }
        }
        for (partition, snapshot) in std::mem::take(&mut self.seal_points) {
            self.shared.sealing.push(partition, snapshot);
        }
        Ok(())
    }

    /// Entries that stand in segments may go. While a replica lacks some, those since the seal point before the newest stay: one
    /// that is a little behind gets them from the log, and another a snapshot (RF15).
    fn stage_releases(&mut self) {
        for (partition, first_kept) in self.shared.sealing.take_releases() {
            let Some(kept) = self.kept.get_mut(partition) else {
                continue;
            };
            let before = std::mem::replace(kept, first_kept);
            let first_kept = self.may_let_go(partition, (before, first_kept));
            self.owed.insert(partition, first_kept);
        }
        let store = self.staging.store.as_mut();
        let (raft, pinned) = (&mut self.raft, &self.pinned);
        if let Some(first_kept) = self.group_release {
            let _refused = raft.release(store, CLUSTER_GROUP, first_kept);
            let first = raft
                .status(CLUSTER_GROUP)
                .map_or(u64::MAX, |status| status.first);
            self.group_release = (first < first_kept).then_some(first_kept);
        }
        // While something of a group is on its way it lets nothing go; and a log that takes nothing now does so later.
        self.owed.retain(|partition, first_kept| {
            let group = *partition as u32;
            let needed = pinned.first_needed(group).unwrap_or(u64::MAX);
            let _refused = raft.release(store, group, needed.min(*first_kept));
            let first = raft.status(group).map_or(u64::MAX, |status| status.first);
            first < *first_kept
        });
    }

    fn stop_for(&self, error: RaftError) -> HostError {
        let error = match error {
            RaftError::Log(error) => error.into(),
            other => HostError::GroupStopped(other.to_string()),
        };
        self.shared.fail(&error);
        error
    }

    fn durable(&mut self, sequence: u64) {
        self.raft.durable(sequence);
        self.sign_durable(sequence);
    }

    pub fn tell(&self, peer: u16, bytes: Vec<u8>) {
        tell(&self.links, peer, bytes);
    }

    fn finish(mut self) -> Result<(), HostError> {
        self.waiting.give_all_up(&HostError::Closed);
        self.homeless.clear();
        self.group.give_up("the node stops");
        self.links.close();
        self.fetcher.stop();
        self.server.stop();
        // The next opening shows what is committed as far as the log knows (RF6).
        let store = self.staging.store.as_mut();
        let staged = self.raft.stage_commits(store);
        staged.map_err(|error| self.stop_for(error))?;
        self.staging.finish()
    }
}

/// Sends what a host says to another one.
pub(crate) fn tell(links: &Links, peer: u16, bytes: Vec<u8>) {
    // Lost without a link: whoever waits for the answer asks again, or is told with the link's loss.
    let _ = links.send(peer, CHANNEL_HOST, Priority::Normal, bytes);
}

fn link_priority(priority: RaftPriority) -> Priority {
    match priority {
        RaftPriority::Urgent => Priority::Urgent,
        RaftPriority::Normal => Priority::Normal,
        RaftPriority::Bulk => Priority::Bulk,
    }
}
