//! The threads of a host: what each runs, and the order in which they stop.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use crate::ahead::{Job, hash_ahead};
use crate::background::Background;
use crate::behind::{NodeJob, write_nodes};
use crate::cluster::Driving;
use crate::commit::{Committing, Group};
use crate::error::HostError;
use crate::maintain::maintain;
use crate::seal::seal_behind;
use crate::shared::{Nudge, Shared};
use crate::stage::Staging;

/// Who applies.
pub(crate) enum Applier {
    /// A lone node.
    Alone(Box<Staging>),
    /// A member of a cluster.
    Replicated(Box<Driving>),
}

impl Applier {
    fn run(self) -> Result<(), HostError> {
        match self {
            Self::Alone(staging) => staging.run(),
            Self::Replicated(driving) => driving.run(),
        }
    }
}

/// What the threads take with them.
pub(crate) struct Work {
    pub applier: Applier,
    pub committing: Arc<Committing>,
    pub group_queue: Receiver<Group>,
    pub background: Background,
    /// Proposals to be hashed ahead of the disk.
    pub unhashed: Receiver<Option<Job>>,
    pub node_jobs: Receiver<NodeJob>,
    pub jobs: Sender<NodeJob>,
    /// Entries of the log that nobody has checked.
    pub log_unread: bool,
}

/// All of them, running.
pub(crate) struct Threads {
    apply: JoinHandle<Result<(), HostError>>,
    sync: JoinHandle<Result<(), HostError>>,
    background: JoinHandle<()>,
    hash: JoinHandle<()>,
    nodes: JoinHandle<()>,
    seal: JoinHandle<()>,
    maintain: JoinHandle<()>,
    check: JoinHandle<()>,
    /// Stops the thread that writes node files.
    jobs: Sender<NodeJob>,
}

impl Threads {
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(shared: &Arc<Shared>, work: Work) -> Result<Self, HostError> {
        let (applying, syncing) = (Arc::clone(shared), Arc::clone(shared));
        let (sealing, maintaining) = (Arc::clone(shared), Arc::clone(shared));
        let (checking, hashing) = (Arc::clone(shared), Arc::clone(shared));
        Ok(Self {
            apply: spawn("pyralog-apply", move || {
                guard(&applying, || work.applier.run())
            })?,
            sync: spawn("pyralog-sync", move || {
                guard(&syncing, || {
                    work.committing.run(&work.group_queue);
                    Ok(())
                })
            })?,
            background: spawn("pyralog-background", move || work.background.run())?,
            hash: spawn("pyralog-hash", move || {
                hash_ahead(&work.unhashed, &hashing.spent);
            })?,
            seal: spawn("pyralog-seal", move || seal_behind(&sealing))?,
            maintain: spawn("pyralog-maintain", move || maintain(&maintaining))?,
            check: spawn("pyralog-check", move || {
                checking.check_behind(work.log_unread);
            })?,
            nodes: spawn("pyralog-nodes", move || write_nodes(&work.node_jobs))?,
            jobs: work.jobs,
        })
    }

    /// Lets them finish what they have, and waits for all of them.
    ///
    /// # Errors
    /// What the last writes came to.
    pub fn stop(self, shared: &Shared) -> Result<(), HostError> {
        shared.maintaining.stop();
        shared.close_queue();
        let result = self.apply.join().unwrap_or(Err(HostError::Closed));
        let synced = self.sync.join().unwrap_or(Err(HostError::Closed));
        let _ = shared.nudge.send(Nudge::Stop); // an error means that it stopped already
        let _ = self.jobs.send(NodeJob::Stop); // as above
        shared.ahead.stop();
        shared.sealing.stop();
        let stopped = self.background.join().and(self.nodes.join());
        let stopped = stopped.and(self.hash.join()).and(self.seal.join());
        let stopped = stopped.and(self.maintain.join()).and(self.check.join());
        if stopped.is_err() {
            return Err(panicked());
        }
        result.and(synced)
    }
}

/// Runs a thread's body; when it panics, nothing more is let in and everybody who waits is told.
fn guard(shared: &Shared, body: impl FnOnce() -> Result<(), HostError>) -> Result<(), HostError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let error = panicked();
        shared.fail(&error);
        shared.give_up_waiters(&error);
        shared.close_queue();
        while let Some(calls) = shared.queue.take(usize::MAX) {
            for call in calls {
                call.reply.send(Err(error.clone()));
            }
        }
        if let Some(inbox) = &shared.inbox {
            for call in inbox.take(usize::MAX, Instant::now()).calls {
                call.reply.send(Err(error.clone()));
            }
        }
        Err(error)
    })
}

fn panicked() -> HostError {
    HostError::Io(
        "a thread of the core panicked; open the core again and report the message above"
            .to_owned(),
    )
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, HostError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| HostError::Io(format!("cannot start a thread: {error}")))
}
