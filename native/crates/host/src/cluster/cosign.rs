//! Checkpoints under the keys of several replicas (CO1–CO4): the leader asks, each replica holds the state against its own
//! log, makes it durable and signs, and the leader puts the note together once `k` have.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::message::{Asked, Declined};
use crate::note::Body;
use crate::shared::Shard;

/// After so long without enough signatures those missing are asked for again.
pub(crate) const AGAIN: Duration = Duration::from_millis(200);

/// A checkpoint on its way.
pub(crate) struct Round {
    pub asked: Asked,
    /// Signatures by node; this one's own is among them once its state is durable.
    pub signatures: BTreeMap<u16, [u8; 64]>,
    pub declined: BTreeMap<u16, Declined>,
    pub asked_at: Instant,
}

impl Round {
    pub fn new(asked: Asked, now: Instant) -> Self {
        Self {
            asked,
            signatures: BTreeMap::new(),
            declined: BTreeMap::new(),
            asked_at: now,
        }
    }

    /// Whether to ask again those who have not signed.
    pub fn is_stale(&self, now: Instant) -> bool {
        now.duration_since(self.asked_at) >= AGAIN
    }
}

/// What a checkpoint of this state says.
pub(crate) fn body<'a>(origin: &'a str, asked: &'a Asked) -> Body<'a> {
    Body {
        origin,
        size: asked.size,
        root: &asked.root,
        sha256_root: asked.sha256_root.as_ref(),
        epoch: asked.epoch,
        time_ms: asked.time_ms,
    }
}

/// Rounds by partition, and signatures that wait for their state to be durable here.
#[derive(Default)]
pub(crate) struct Cosigning {
    pub rounds: BTreeMap<usize, Round>,
    /// By frame: whom to answer (0 is this node itself) about which state.
    pub unsynced: Vec<(u64, u16, Asked)>,
    /// The same for states staged in the open frame.
    pub staged: Vec<(u16, Asked)>,
}

impl Cosigning {
    /// The open frame got this number.
    pub fn sealed(&mut self, sequence: u64) {
        let staged = std::mem::take(&mut self.staged);
        let staged = staged.into_iter();
        self.unsynced
            .extend(staged.map(|(peer, asked)| (sequence, peer, asked)));
    }

    /// States that are durable now: these signatures may leave (C6).
    pub fn durable(&mut self, sequence: u64) -> Vec<(u16, Asked)> {
        let durable = self.unsynced.partition_point(|(at, ..)| *at <= sequence);
        let ready = self.unsynced.drain(..durable);
        ready.map(|(_, peer, asked)| (peer, asked)).collect()
    }
}

/// Whether this replica's own log shows the state that it is asked to sign (CO3).
pub(crate) fn judge(
    shard: &Shard,
    asked: &Asked,
    (wall_ms, lead_ms_max): (u64, u64),
) -> Result<(), Declined> {
    let partition = shard.state.read();
    let newest = partition.size() == asked.size;
    if partition.size() < asked.size {
        return Err(Declined::Behind);
    }
    let roots = partition.trees().roots_at(asked.size);
    let roots = roots.map_err(|_| Declined::Unable)?;
    if roots.blake3 != asked.root || roots.sha256 != asked.sha256_root {
        return Err(Declined::OtherRoot);
    }
    // Before a record it covers, or so far ahead that "no later than" would say nothing: not a time to vouch for.
    if (newest && asked.time_ms < partition.last_timestamp())
        || asked.time_ms > wall_ms.saturating_add(lead_ms_max)
    {
        return Err(Declined::Time);
    }
    Ok(())
}
