//! What the thread of the groups does about snapshots: has them offered, hears of them, and takes over what came (RF15).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyralog_log::Membership;
use pyralog_manifest::ManifestError;
use pyralog_raft::{Offer, Refusal};

use super::list::{Offered, Told};
use super::prepare::{Prepared, give_up};
use super::serve::ServeJob;
use crate::cluster::drive::Driving;
use crate::error::HostError;
use crate::files::SIDECARS_DIR;
use crate::shared::{Counters, Shard};

/// A list is not made again before this has gone by.
const AGAIN: Duration = Duration::from_secs(1);

/// A need that nobody spoke of for so long is over.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// What is offered of each partition led here, or why nothing is.
#[derive(Debug, Default)]
pub(crate) struct Pinned {
    /// Newest entry in what is offered, or why nothing is.
    offered: BTreeMap<u32, Result<u64, String>>,
    asked: BTreeMap<u32, Instant>,
}

impl Pinned {
    /// Its files are not kept any more.
    pub fn forget(&mut self, partition: u32) {
        self.offered.remove(&partition);
    }

    pub fn refused(&mut self, partition: u32, why: String) {
        self.offered.insert(partition, Err(why));
    }

    /// First entry that whoever fetches the snapshot will need.
    pub fn first_needed(&self, partition: u32) -> Option<u64> {
        let index = self.offered.get(&partition)?.as_ref().ok()?;
        Some(index + 1)
    }

    /// Why none can be offered.
    pub fn problem(&self, partition: u32) -> Option<&String> {
        self.offered.get(&partition)?.as_ref().err()
    }

    fn may_ask(&mut self, partition: u32) -> bool {
        let asked = self.asked.get(&partition);
        let may = asked.is_none_or(|at| at.elapsed() >= AGAIN);
        if may {
            self.asked.insert(partition, Instant::now());
        }
        may
    }
}

impl Driving {
    /// A replica needs a snapshot of a partition that is led here.
    pub fn want_offer(&mut self, partition: u32) {
        let led = self.raft.leads(partition).is_some();
        let known = self.shared.shard(partition as usize).is_ok();
        if led && known && self.pinned.may_ask(partition) {
            self.server.tell(ServeJob::Offer(partition));
        }
    }

    /// The list is made, and its files are kept.
    pub fn offer_snapshot(&mut self, partition: u32, offer: Offer) {
        let index = offer.index;
        let first = self.raft.status(partition).map_or(0, |status| status.first);
        if self.raft.leads(partition).is_none() || index + 1 < first {
            // Another leads, or the log went on meanwhile: whoever still needs one asks again.
            return self.server.tell(ServeJob::Unwanted(partition));
        }
        match self.raft.offer_snapshot(partition, offer) {
            Ok(()) => {
                self.pinned.offered.insert(partition, Ok(index));
            }
            Err(refusal) => self.pinned.refused(partition, refusal.to_string()),
        }
    }

    /// A leader tells of a snapshot that this replica needs.
    pub fn snapshot_offered(
        &mut self,
        (group, from): (u32, u16),
        (offer, members): (&Offer, Membership),
    ) {
        let Ok(told) = Told::decode(&offer.data) else {
            Counters::add(&self.shared.counters.bad_messages, 1);
            return;
        };
        if self.shared.shard(group as usize).is_ok() {
            let offered = Offered {
                from,
                index: offer.index,
                term: offer.term,
                members,
                told,
            };
            self.fetcher.want(group, offered);
        }
    }

    /// Files are kept while a replica is known to fetch them, and a little longer; and why there is none is told as long as
    /// somebody needs one.
    pub fn look_after_snapshots(&mut self) {
        let Pinned { offered, asked } = &mut self.pinned;
        asked.retain(|_, at| at.elapsed() < FORGOTTEN);
        offered.retain(|partition, what| what.is_ok() || asked.contains_key(partition));
        for partition in self.pinned.offered.keys() {
            let Some(status) = self.raft.status(*partition) else {
                continue;
            };
            if !status.progress.iter().any(|one| one.snapshot) {
                self.server.tell(ServeJob::Unwanted(*partition));
            }
        }
    }

    /// What of a partition the log may let go: not what somebody who fetches a snapshot will need next; all that is sealed,
    /// when every replica has it; else what was sealed at the seal point before.
    pub fn may_let_go(&self, partition: usize, (before, newest): (u64, u64)) -> u64 {
        let group = partition as u32;
        let status = self.raft.status(group).unwrap_or_default();
        let leads = !status.progress.is_empty();
        let all_have = leads && status.progress.iter().all(|one| one.matched + 1 >= newest);
        if all_have { newest } else { before }
    }

    /// Takes a snapshot over, in the place of what is here: files to their places, one manifest edit, and from then on the
    /// partition is the one that was prepared. The engine hears of it in the next round.
    ///
    /// # Errors
    /// Nothing was changed, or the store is opened again.
    pub fn take_over(&mut self, prepared: Prepared) -> Result<(), HostError> {
        let host = Arc::clone(&self.shared);
        let shard = host.shard(prepared.partition as usize)?;
        if let Some(failure) = host.failure() {
            return Err(failure);
        }
        let here = shard.applied_index.load(Ordering::Acquire) >= prepared.index;
        if here || self.raft.leads(prepared.partition).is_some() {
            give_up(&host, prepared.partition, &prepared.numbers);
            return Ok(()); // the log brought it here meanwhile
        }
        if let Err(error) = self.commit(&prepared) {
            let unknown = matches!(
                &error,
                HostError::Manifest(why)
                    if matches!(**why, ManifestError::Io { .. } | ManifestError::Poisoned { .. })
            );
            if unknown {
                host.fail(&error);
            } else {
                for (from, to) in prepared.renames.iter().rev() {
                    let _ = host.segments.files.rename(to, from); // what is lost is fetched again
                }
                give_up(&host, prepared.partition, &prepared.numbers);
            }
            return Err(error);
        }
        #[cfg(test)]
        if host.world.mutant == Some(crate::options::Mutant::DieBehindEdit) {
            host.fail(&HostError::Closed);
            return Err(HostError::Closed);
        }
        self.put_nodes(&prepared.nodes);
        swap(shard, prepared.index, prepared.state);
        Counters::add(&host.counters.snapshots_taken, 1);
        self.grown.insert(prepared.partition as usize);
        let known = self.raft.install(prepared.partition);
        known.map_err(|refusal: Refusal| HostError::GroupStopped(refusal.to_string()))
    }

    fn commit(&self, prepared: &Prepared) -> Result<(), HostError> {
        let segments = &self.shared.segments;
        let files = segments.files.as_ref();
        let edits = std::slice::from_ref(&prepared.edit);
        segments.manifest.plan(edits)?; // before anything is moved
        for (from, to) in &prepared.renames {
            let renamed = files.rename(from, to);
            renamed.map_err(|error| HostError::of_file(files, from, &error))?;
        }
        for dir in [segments.manifest.segments_dir(), segments.snapshots_dir()] {
            let synced = files.sync_dir(dir);
            synced.map_err(|error| HostError::of_file(files, dir, &error))?;
        }
        segments.manifest.commit(edits)?;
        Ok(())
    }

    /// A node file that does not get its name is made again at the next opening (M6).
    fn put_nodes(&self, renames: &[(PathBuf, PathBuf)]) {
        let files = &self.shared.world.files;
        for (from, to) in renames {
            let _ = files.rename(from, to);
        }
        let _ = files.sync_dir(&self.shared.dir.join(SIDECARS_DIR));
    }
}

/// Readers find the records in segments before they do not find them in the log any more.
fn swap(shard: &Shard, index: u64, state: pyralog_partition::Partition) {
    let (size, log_time) = (state.size(), state.last_timestamp());
    shard.sealed.fetch_max(size, Ordering::AcqRel);
    let before = std::mem::replace(&mut *shard.state.write(), state);
    shard.log_time.store(log_time, Ordering::Release);
    shard.applied_index.store(index, Ordering::Release);
    shard.applied.store(size, Ordering::Release);
    shard.durable.store(size, Ordering::Release);
    *shard.hot.lock() = None;
    drop(before);
}
