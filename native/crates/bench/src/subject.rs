//! The log under test: the host with its threads, on real files, without Node.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use pyralog_host::{
    Answer, Cosigner, Durability, Host, HostError, HostOptions, MaintenanceOptions,
    PartitionOptions, Policy, Recovery, Reply, SealLimits, Wait, World,
};
use pyralog_log::{FileLayer, RealFiles};
use pyralog_partition::DedupWindow;
use pyralog_types::batch::OUTCOME_BYTES;

use crate::batches::records_of;
use crate::error::BenchError;

/// A node's default (wal.md W1); floors use files of this size too.
pub const WAL_FILE_BYTES: u64 = 64 << 20;

/// Segments are sealed by then, or never: ten million records are, on a machine that has something else to do.
const SEAL_TIME_MAX: Duration = Duration::from_mins(5);

type Outcome = Result<Answer, HostError>;

/// What a store is opened as.
pub struct Setup {
    /// Logs in it.
    pub partitions: usize,
    /// When segments close.
    pub seal: SealLimits,
    /// Submissions remembered in each log (N3).
    pub remembered: u64,
    /// What its files pass through.
    pub files: Arc<dyn FileLayer>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            partitions: 1,
            seal: SealLimits::default(),
            remembered: 2_097_152,
            files: Arc::new(RealFiles),
        }
    }
}

/// An open host with its partitions, set up as a node does by default.
pub struct Subject {
    host: Host,
    /// Answers of [`Subject::propose`]; one caller at a time.
    answers: (Sender<Outcome>, Receiver<Outcome>),
}

impl Subject {
    /// Opens or creates the log in `dir`.
    ///
    /// # Errors
    /// What the host says.
    pub fn open(dir: &Path) -> Result<(Self, Recovery), BenchError> {
        Self::open_many(dir, 1, SealLimits::default())
    }

    /// Opens or creates as many logs in one store.
    ///
    /// # Errors
    /// What the host says.
    pub fn open_many(
        dir: &Path,
        partitions: usize,
        seal: SealLimits,
    ) -> Result<(Self, Recovery), BenchError> {
        let setup = Setup {
            partitions,
            seal,
            ..Setup::default()
        };
        Self::open_as(dir, setup)
    }

    /// Opens or creates logs in one store.
    ///
    /// # Errors
    /// What the host says.
    pub fn open_as(dir: &Path, setup: Setup) -> Result<(Self, Recovery), BenchError> {
        let scope = "pyralog/bench-0000000000000000/local";
        let options = HostOptions {
            dir: dir.to_owned(),
            wal_file_bytes: WAL_FILE_BYTES,
            partitions: (0..setup.partitions)
                .map(|number| PartitionOptions {
                    origin: format!("{scope}/bench/{number}"),
                    sha256: false,
                    window: DedupWindow {
                        millis: 86_400_000,
                        records: setup.remembered,
                    },
                    policy: Policy::default(),
                    durability: Durability::Sync,
                })
                .collect(),
            coordinator: 0,
            cosigner: Cosigner {
                name: format!("{scope}/node-0"),
                seed: [1; 32],
            },
            log_seed: None,
            checkpoint_ms_min: 25,
            lead_ms_max: 7_200_000,
            queue_bytes_max: 64 << 20,
            seal: setup.seal,
            maintenance: MaintenanceOptions::default(),
            sync_interval_ms: 100,
            change_durability: false,
            cluster: None,
            offline: false,
        };
        let host = Host::open(World::real(setup.files), &options)?;
        let recovery = host.recovery().clone();
        Ok((
            Self {
                host,
                answers: mpsc::channel(),
            },
            recovery,
        ))
    }

    /// Appends one proposal and waits until it is durable.
    ///
    /// # Errors
    /// What the host says, or that its answer is wrong.
    pub fn propose(&self, proposal: Vec<u8>) -> Result<(), BenchError> {
        let records = records_of(&proposal);
        self.send(0, proposal, &self.answers.0);
        check(self.answers.1.recv(), records)
    }

    /// Appends all proposals with at most `in_flight` unanswered; returns the number of fdatasyncs.
    ///
    /// # Errors
    /// As [`Subject::propose`].
    pub fn propose_all(
        &self,
        proposals: Vec<Vec<u8>>,
        in_flight: usize,
    ) -> Result<u64, BenchError> {
        self.propose_among(1, proposals, in_flight)
    }

    /// As [`Subject::propose_all`], to so many partitions by turns.
    ///
    /// # Errors
    /// As [`Subject::propose`].
    pub fn propose_among(
        &self,
        partitions: usize,
        proposals: Vec<Vec<u8>>,
        in_flight: usize,
    ) -> Result<u64, BenchError> {
        let (answer, answered) = mpsc::channel();
        let before = self.host.stats().fdatasyncs;
        let count = proposals.len();
        let records = proposals.first().map_or(0, |first| records_of(first));
        for (sent, proposal) in proposals.into_iter().enumerate() {
            if sent >= in_flight {
                check(answered.recv(), records)?;
            }
            self.send(sent % partitions, proposal, &answer);
        }
        for _ in 0..count.min(in_flight) {
            check(answered.recv(), records)?;
        }
        Ok(self.host.stats().fdatasyncs - before)
    }

    fn send(&self, partition: usize, proposal: Vec<u8>, answer: &Sender<Outcome>) {
        let answer = answer.clone();
        let reply = move |outcome| {
            // Nobody listens any more after a wrong answer; the run has failed by then.
            let _gone = answer.send(outcome);
        };
        self.host
            .propose(partition, proposal, Wait::Durable, Reply::new(reply));
    }

    /// The host itself.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Waits until the store has so many sealed segments.
    ///
    /// # Errors
    /// [`BenchError::WrongAnswer`] when they do not come.
    pub fn await_segments(&self, wanted: u64) -> Result<(), BenchError> {
        let start = Instant::now();
        while self.host.maintenance().segments < wanted {
            if start.elapsed() > SEAL_TIME_MAX {
                let have = self.host.maintenance().segments;
                let why = format!("{have} of {wanted} segments were sealed");
                return Err(BenchError::WrongAnswer(why));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Records in the log.
    ///
    /// # Errors
    /// What the host says.
    pub fn size(&self) -> Result<u64, BenchError> {
        Ok(self.host.durable_size(0)?)
    }

    /// Drains and closes the log.
    ///
    /// # Errors
    /// What the host says.
    pub fn close(self) -> Result<(), BenchError> {
        Ok(self.host.close()?)
    }
}

fn check(received: Result<Outcome, mpsc::RecvError>, records: usize) -> Result<(), BenchError> {
    let gone = |_| BenchError::WrongAnswer("a proposal was never answered".to_owned());
    let outcomes = received.map_err(gone)??.outcomes;
    let new = outcomes
        .chunks_exact(OUTCOME_BYTES)
        .filter(|outcome| outcome[0] == 0)
        .count();
    if new == records {
        return Ok(());
    }
    Err(BenchError::WrongAnswer(format!(
        "{new} of {records} new records were taken as such"
    )))
}
