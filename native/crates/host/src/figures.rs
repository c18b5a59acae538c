//! Figures of an open host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::HostError;
use crate::host::Host;
use crate::maintain::Maintenance;
use crate::shared::Shard;

/// Figures since opening.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // each is explained in native/types.ts
pub struct Stats {
    pub fdatasyncs: u64,
    pub group_commits: u64,
    pub entries: u64,
    pub records: u64,
    pub duplicates: u64,
    pub duplicates_by_key: u64,
    pub conflicts: u64,
    pub checkpoints: u64,
    pub wal_bytes: u64,
    pub queue_bytes: u64,
    pub sync_seconds_sum: f64,
    pub accepted_records: u64,
    pub disk_full: bool,
    pub clock: Option<String>,
    pub read_only: bool,
    pub poisoned: bool,
    pub failure: Option<String>,
}

impl Host {
    /// Figures since opening.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failure = self.shared.failure();
        // Damage found behind the opening (Z9) is damage like any other.
        let read_only = failure.as_ref().is_some_and(HostError::is_damage);
        Stats {
            fdatasyncs: get(&counters.fdatasyncs),
            group_commits: get(&counters.fdatasyncs),
            entries: get(&counters.entries),
            records: get(&counters.records),
            duplicates: get(&counters.duplicates),
            duplicates_by_key: get(&counters.duplicates_by_key),
            conflicts: get(&counters.conflicts),
            checkpoints: get(&counters.checkpoints),
            wal_bytes: get(&counters.wal_bytes),
            queue_bytes: self.shared.waiting_bytes() as u64,
            sync_seconds_sum: Duration::from_nanos(get(&counters.sync_nanos)).as_secs_f64(),
            accepted_records: self.shared.shards.iter().map(Shard::accepted).sum(),
            disk_full: counters.disk_full.load(Ordering::Relaxed)
                || self.shared.sealing.disk_full(),
            clock: self
                .shared
                .ids
                .refusal((self.shared.world.clock)())
                .map(|refusal| refusal.to_string()),
            read_only,
            poisoned: failure.is_some() && !read_only,
            failure: failure.as_ref().map(ToString::to_string),
        }
    }

    /// Memory of filters that stand side by side for lookups by key, bytes (Z13).
    #[must_use]
    pub fn panel_bytes(&self) -> usize {
        self.shared.segments.panel_bytes()
    }

    /// What maintenance came to, and what it does now.
    #[must_use]
    pub fn maintenance(&self) -> Maintenance {
        self.shared.maintaining.figures(&self.shared.segments)
    }
}
