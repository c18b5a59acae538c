//! A node: production code over a simulated disk. Its lives end in crashes and orderly stops.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use pyralog_log::{
    FaultFiles, LogError, LogReader, Membership, OpenLog, StagedFrame, WalLogStore, WalOptions,
};
use pyralog_partition::Stamper;
use pyralog_types::batch::{IdRun, RecordRef, ValueRef, encode_proposal};

use super::client::Call;
use super::judge::Judge;
use super::machine::{Kept, Replicas, value_of};
use crate::entry::is_change;
use crate::mutant::{Mutant, on};
use crate::{RaftConfig, RaftNode, Refusal, SealPoint};

const DIR: &str = "/store";
const FILE_BYTES: u64 = 64 << 10;

/// What a node holds of a partition besides its log: the sealed part, durable.
#[derive(Clone)]
pub(super) struct Sealed {
    pub point: SealPoint,
    pub entries: Vec<Kept>,
}

/// What a leader adds to proposals.
pub(super) struct Lead {
    term: u64,
    stamper: Stamper,
    next_id: u64,
}

/// A node that runs.
pub(super) struct Running {
    pub log: OpenLog,
    pub raft: RaftNode,
    pub machine: Replicas,
    /// Sealed frames that are not written yet.
    pub frames: VecDeque<StagedFrame>,
    /// The newest frame whose sync is under way.
    pub syncing: Option<u64>,
    /// Who waits for an entry, and its term.
    pub waiting: BTreeMap<(u32, u64), (u64, Call)>,
    pub reads: BTreeMap<u64, Call>,
    pub leads: BTreeMap<u32, Lead>,
    /// Tickets given.
    pub tickets: u64,
}

pub(super) struct Node {
    pub number: u16,
    pub disk: FaultFiles,
    pub life: u64,
    pub running: Option<Running>,
    /// Until when it does not run, though it is up.
    pub paused: u64,
    pub sealed: BTreeMap<u32, Sealed>,
    /// How far its wall clock is off, ms.
    pub clock: i64,
    /// How many times longer its disk takes.
    pub slow: u64,
    /// The durable records of its newest life.
    pub reader: Option<Arc<dyn LogReader>>,
    pub round_due: bool,
}

impl Node {
    pub fn new(number: u16, seed: u64) -> Self {
        Self {
            number,
            disk: FaultFiles::new(seed ^ u64::from(number) << 32),
            life: 0,
            running: None,
            paused: 0,
            sealed: BTreeMap::new(),
            clock: 0,
            slow: 1,
            reader: None,
            round_due: false,
        }
    }

    /// Begins a life. An error breaks a rule; `false` means that the disk failed again.
    pub fn open(
        &mut self,
        seed: u64,
        founding: &BTreeMap<u32, Membership>,
        judge: &Arc<Mutex<Judge>>,
    ) -> Result<bool, String> {
        self.life += 1;
        let options = WalOptions {
            file_bytes: FILE_BYTES,
        };
        let layer = Arc::new(self.disk.clone());
        let log = match WalLogStore::open(layer, Path::new(DIR), &options) {
            Ok(log) => log,
            Err(_) if self.disk.is_off() => return Ok(false),
            // A fault that was to strike the life before.
            Err(LogError::Io { .. } | LogError::Poisoned(_)) => return Ok(false),
            Err(error) => return Err(format!("RS12: node {} does not open: {error}", self.number)),
        };
        if let Some(damage) = &log.recovery.damage {
            return Err(format!("RS12: a crash was taken for damage: {damage}"));
        }
        match self.start(log, (seed, founding), judge) {
            Ok(running) => {
                self.reader = Some(running.log.reader.clone());
                self.running = Some(running);
                Ok(true)
            }
            Err(_) if self.disk.is_off() => Ok(false),
            Err(reason) if reason.contains("failed") => Ok(false), // as above
            Err(reason) => Err(format!(
                "RS12: node {} does not start: {reason}",
                self.number
            )),
        }
    }

    fn start(
        &self,
        mut log: OpenLog,
        (seed, founding): (u64, &BTreeMap<u32, Membership>),
        judge: &Arc<Mutex<Judge>>,
    ) -> Result<Running, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let store = log.store.as_mut();
        for (group, sealed) in &self.sealed {
            sealed
                .point
                .begin(store, log.reader.as_ref(), *group)
                .map_err(|error| text(&error))?;
        }
        if let Some(frame) = store.seal() {
            log.committer.commit(frame).map_err(|error| text(&error))?;
        }
        let mut machine = Replicas::new(self.number, Arc::clone(judge));
        for group in founding.keys() {
            self.restore(*group, (&log, &mut machine), judge)?;
        }
        machine.forget_seen();
        let config = RaftConfig {
            frame_bytes: FILE_BYTES as usize,
            ..RaftConfig::new(self.number, seed)
        };
        let mut raft = RaftNode::open(config, Arc::clone(&log.reader), &machine)
            .map_err(|error| text(&error))?;
        for group in raft.groups() {
            if let Some(status) = raft.status(group) {
                let place = (self.number, group);
                let mut judge = judge.lock().unwrap();
                judge.members_known(place, status.applied, &status.members);
            }
        }
        let known = raft.groups();
        for (group, members) in founding {
            if !known.contains(group) {
                raft.create_group(log.store.as_mut(), *group, members)
                    .map_err(|error| text(&error))?;
            }
        }
        if let Some(frame) = log.store.seal() {
            log.committer.commit(frame).map_err(|error| text(&error))?;
        }
        Ok(Running {
            log,
            raft,
            machine,
            frames: VecDeque::new(),
            syncing: None,
            waiting: BTreeMap::new(),
            reads: BTreeMap::new(),
            leads: BTreeMap::new(),
            tickets: self.life << 32,
        })
    }

    /// The machine as of the newest seal point, and what was committed durably behind it (RF6).
    fn restore(
        &self,
        group: u32,
        (log, machine): (&OpenLog, &mut Replicas),
        judge: &Arc<Mutex<Judge>>,
    ) -> Result<(), String> {
        let state = log.reader.state(group).unwrap_or_default();
        let sealed = self.sealed.get(&group);
        if let Some(sealed) = sealed {
            machine.restore(group, sealed.entries.clone())?;
        }
        let from = sealed.map_or(0, |sealed| sealed.point.index);
        let mut terms = vec![0; state.first_index.max(1) as usize - 1];
        let mut replayed = Ok(());
        log.reader
            .replay(
                group,
                state.first_index.max(1),
                &mut |index, term, bytes| {
                    terms.push(term);
                    let commit = if on(Mutant::ReplayTooFar) {
                        u64::MAX
                    } else {
                        state.hard_state.commit
                    };
                    if index > from && index <= commit && replayed.is_ok() {
                        let is_data = !bytes.is_empty() && !is_change(bytes);
                        let kept = Kept {
                            epoch: term as u32,
                            data: is_data.then(|| bytes.to_vec()),
                        };
                        replayed = machine.replay(group, index, kept);
                    }
                    Ok(())
                },
            )
            .map_err(|error| error.to_string())?;
        judge.lock().unwrap().opened((self.number, group), terms);
        replayed
    }

    /// Ends a life: the power fails.
    pub fn crash(&mut self) {
        self.running = None;
        self.round_due = false;
        self.paused = 0;
        self.disk.crash();
    }

    pub fn wall_ms(&self, now: u64) -> u64 {
        let ms = 1_790_000_000_000 + (now / 1000).cast_signed() + self.clock;
        u64::try_from(ms).unwrap_or(0)
    }
}

impl Running {
    /// Takes a client's write, if this node leads and has applied all that was before its term.
    pub fn propose(&mut self, call: &Call, wall_ms: u64) -> Result<(), Option<u16>> {
        let group = call.group;
        let hint = |raft: &RaftNode| raft.status(group).and_then(|status| status.leader);
        let Some(term) = self.raft.leads(group) else {
            return Err(hint(&self.raft));
        };
        let replica = self.machine.replica(group);
        if u64::from(replica.begun) != term {
            return Err(Some(self.raft.number())); // soon
        }
        let partition = &replica.partition;
        let lead = self.leads.entry(group).or_insert_with(|| Lead {
            term: 0,
            stamper: Stamper::default(),
            next_id: 0,
        });
        if lead.term != term {
            *lead = Lead {
                term,
                stamper: Stamper::behind(partition.last_timestamp()),
                next_id: partition.last_id() + 1,
            };
        }
        let mut entry = Vec::new();
        let ids = [IdRun {
            first: lead.next_id,
            count: 1,
        }];
        lead.stamper.stamp(wall_ms, &ids, &mut entry);
        let submitter = call.client.to_le_bytes();
        let number = call.number.to_le_bytes();
        let value = value_of(call.key, call.to.unwrap_or(0));
        entry.extend_from_slice(&encode_proposal(&[RecordRef {
            schema_id: 0,
            submitter: &submitter,
            idempotency_key: Some(&number),
            key: None,
            headers: None,
            value: ValueRef::Bytes(&value),
        }]));
        match self.raft.propose(group, entry) {
            Ok(position) => {
                lead.next_id += 1;
                self.waiting
                    .insert((group, position.index), (position.term, *call));
                Ok(())
            }
            Err(Refusal::NotLeader { hint }) => Err(hint),
            Err(_) => Err(None),
        }
    }
}
