//! The host itself: opens, hands out, closes.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use pyralog_partition::Stamper;
use pyralog_types::batch::CheckedProposal;

use crate::ahead::Ahead;
use crate::answer::{Answer, Call, Reply, Wait};
use crate::background::Background;
use crate::behind::NodeJob;
use crate::cluster::{Clustered, Inbox, begin};
use crate::commit::Committing;
use crate::error::HostError;
use crate::grow::{Maker, shards_of};
use crate::ids::Ids;
use crate::late::Lateness;
use crate::open::{Opened, open};
use crate::options::{HostOptions, Recovery, World};
use crate::seal::Sealing;
use crate::shared::{Found, Shared};
use crate::sidecars::Sidecar;
use crate::stage::Staging;
use crate::threads::{Applier, Threads, Work};

/// Groups hashed ahead of the disk.
const PIPELINE: usize = 2;

/// An open store with its threads. Every method can be called from any thread.
pub struct Host {
    pub(crate) shared: Arc<Shared>,
    pub(crate) recovery: Recovery,
    threads: Mutex<Option<Threads>>,
}

impl Host {
    /// Opens the store, replays it and starts the threads. A damaged log opens read-only ([`Recovery::damage`]).
    ///
    /// # Errors
    /// `Format` when options do not fit the directory, and the log's (`Locked`, `DiskFull`, `Io` …).
    pub fn open(world: World, options: &HostOptions) -> Result<Self, HostError> {
        let (jobs, node_jobs) = unbounded();
        let opened = open(&world, options, &jobs)?;
        let last_ids = opened.replayed.iter().map(|r| r.partition.last_id());
        let ids = Ids::open(&world, options, last_ids)?;
        Self::start(opened, (world, options), ids, (jobs, node_jobs))
    }

    fn start(
        opened: Opened,
        (world, options): (World, &HostOptions),
        ids: Ids,
        (jobs, node_jobs): (Sender<NodeJob>, Receiver<NodeJob>),
    ) -> Result<Self, HostError> {
        let Opened {
            log,
            replayed,
            recovery,
            damage,
            segments,
            log_unread,
            partitions,
        } = opened;
        let sealing = Sealing::default();
        let maker = Maker {
            jobs: jobs.clone(),
            log_seed: options.log_seed,
            replicated: options.cluster.is_some(),
        };
        let stampers = replayed
            .iter()
            .map(|r| Stamper::behind(r.partition.last_timestamp()))
            .collect();
        let sidecars = replayed
            .iter()
            .map(|r| Sidecar::synced(r.sidecar))
            .collect();
        let shards = shards_of(replayed, (&maker, &partitions), (&segments, &sealing));
        let (nudge, nudges) = bounded(1);
        let inbox = options.cluster.as_ref();
        let inbox = inbox.map(|_| Arc::new(Inbox::new(options.queue_bytes_max)));
        let clustered = options.cluster.clone().map(|options| Clustered {
            options,
            store_id: log.store_id,
            reader: Arc::clone(&log.reader),
            jobs: jobs.clone(),
        });
        let (groups, group_queue) = bounded(PIPELINE);
        let (ahead, unhashed) = Ahead::new();
        let found = Found {
            shards,
            segments,
            sealing,
            reader: log.reader,
            damage,
            inbox,
        };
        let shared = Arc::new(Shared::new((world, options), found, (ids, ahead, nudge)));
        let committing = Arc::new(Committing::new(
            Arc::clone(&shared),
            log.committer,
            Lateness::of(options),
        ));
        let staging = Staging::new(
            Arc::clone(&shared),
            (log.store, stampers, sidecars),
            (Arc::clone(&committing), groups),
            options,
        );
        let background = Background {
            shared: Arc::clone(&shared),
            preparer: log.preparer,
            reclaimer: log.reclaimer,
            nudges,
        };
        let applier = match clustered {
            None => Applier::Alone(Box::new(staging)),
            Some(clustered) => {
                let driving = begin(&shared, clustered, (staging, maker), options)?;
                Applier::Replicated(Box::new(driving))
            }
        };
        let work = Work {
            applier,
            committing,
            group_queue,
            background,
            unhashed,
            node_jobs,
            jobs,
            log_unread,
        };
        let threads = Threads::start(&shared, work)?;
        Ok(Self {
            shared,
            recovery,
            threads: Mutex::new(Some(threads)),
        })
    }

    /// How the opening went.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Puts a packed proposal in the queue (N2, N4). `reply` is called exactly once: at once with a refusal, later from a
    /// thread of the host with the outcome.
    pub fn propose(&self, partition: usize, bytes: Vec<u8>, wait: Wait, reply: Reply<Answer>) {
        let checked = self
            .shared
            .shard(partition)
            .map(|_| ())
            .and_then(|()| self.shared.failure().map_or(Ok(()), Err))
            .and_then(|()| self.shared.sealing.refusal().map_or(Ok(()), Err))
            .and_then(|()| CheckedProposal::parse(bytes).map_err(Into::into));
        let proposal = match checked {
            Ok(proposal) => Arc::new(proposal),
            Err(error) => return reply.send(Err(error)),
        };
        let shared = Arc::clone(&self.shared);
        let call = Call {
            partition,
            ahead: self.shared.ahead.begin(&proposal),
            proposal,
            wait,
            reply: Reply::new(move |answer| {
                shared.ahead.end();
                reply.send(answer);
            }),
        };
        let pushed = match &self.shared.inbox {
            Some(inbox) => inbox.call(call),
            // It is all there is.
            None => self.shared.queue.push(Call {
                wait: call.wait.beside(),
                ..call
            }),
        };
        if let Err((call, error)) = pushed {
            call.reply.send(Err(error));
        }
    }

    /// Empty memory for the bytes of a proposal: that of one before, when there is any.
    #[must_use]
    pub fn buffer(&self) -> Vec<u8> {
        self.shared.spent.bytes()
    }

    /// Drains the queue, calls maintenance off, syncs node files and log, stops the threads, gives the lock back. Waits for all of it; calling it
    /// again does nothing.
    ///
    /// # Errors
    /// What the last writes came to; everything is closed all the same.
    pub fn close(&self) -> Result<(), HostError> {
        let mut threads = self.threads.lock();
        let Some(running) = threads.take() else {
            return Ok(());
        };
        let worked = running.stop(&self.shared);
        let listed = self.shared.segments.close();
        self.shared.give_up_waiters(&HostError::Closed);
        let reader = self.shared.reader.write().take();
        self.shared.ids.close();
        drop(reader); // and with it the lock, when nobody reads any more
        worked.and(listed)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Whoever wants to know how closing went has called `close`.
        let _ = self.close();
    }
}
