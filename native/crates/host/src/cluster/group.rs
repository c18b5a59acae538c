//! The cluster group: what the members agree on beside their logs (GR1), where its state is kept (CG9), and who waits for a
//! command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_cluster::{At, CLUSTER_GROUP, ClusterState, Code, Done, Outcome, Refusal};
use pyralog_log::{FileLayer, LogReader, Membership, OpenLog};
use pyralog_raft::{Committed, Content, SealPoint};

use super::wire::{BadMessage, Reader, Writer};
use crate::answer::Reply;
use crate::error::HostError;

/// Where the state is kept, in the store's directory.
const FILE: &str = "cluster.state";
const MAGIC: &[u8; 8] = b"PYRLCLF\x01";
/// Entries between writes of the file; those behind it are applied again at an opening.
const SAVE_EVERY: u64 = if cfg!(test) { 8 } else { 256 };
/// Kind of the entry that founds the cluster (GR1).
const FOUNDING: u32 = 4;

/// The state as it is kept and as it travels: a seal point of the cluster group (RF15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Newest entry in it, its term, and the members of the group there.
    pub point: SealPoint,
    pub state: ClusterState,
}

impl Kept {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        out.u64(self.point.index).u64(self.point.term);
        let members = &self.point.members;
        for list in [
            &members.voters,
            &members.learners,
            &members.outgoing,
            &members.learners_next,
        ] {
            out.u32(list.len() as u32);
            for node in list {
                out.bytes(&node.to_le_bytes());
            }
        }
        out.u8(u8::from(members.auto_leave));
        out.long(&self.state.encode());
        let hash = *blake3::hash(&out.0).as_bytes();
        out.bytes(&hash);
        out.0
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let (body, hash) = bytes.split_last_chunk::<32>().ok_or(BadMessage)?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(BadMessage);
        }
        let mut from = Reader(body);
        if &from.array::<8>()? != MAGIC {
            return Err(BadMessage);
        }
        let (index, term) = (from.u64()?, from.u64()?);
        let mut lists: [Vec<u16>; 4] = Default::default();
        for list in &mut lists {
            for _ in 0..from.u32()? {
                list.push(u16::from_le_bytes(from.array()?));
            }
        }
        let [voters, learners, outgoing, learners_next] = lists;
        let members = Membership {
            index,
            term,
            voters,
            learners,
            outgoing,
            learners_next,
            auto_leave: from.u8()? == 1,
        };
        let state = ClusterState::decode(&from.long()?).map_err(|_| BadMessage)?;
        from.0.is_empty().then_some(()).ok_or(BadMessage)?;
        let point = SealPoint {
            index,
            term,
            members,
        };
        Ok(Self { point, state })
    }

    /// What the store in `dir` keeps.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be believed.
    pub fn read(files: &dyn FileLayer, dir: &Path) -> Result<Option<Self>, HostError> {
        let path = dir.join(FILE);
        let bytes = files.read_file(&path);
        let bytes = bytes.map_err(|error| HostError::Io(format!("{}: {error}", path.display())))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        Self::decode(&bytes).map(Some).map_err(|BadMessage| {
            HostError::Corrupt(format!(
                "{} is damaged: remove this member from its cluster and let it join again with an empty directory",
                path.display()
            ))
        })
    }
}

/// Lets the log of the cluster group go on behind what the store keeps, if the node died before the log knew (RF15).
///
/// # Errors
/// `Corrupt`, or what the log says.
pub(crate) fn begin_behind(
    log: &mut OpenLog,
    files: &dyn FileLayer,
    dir: &Path,
) -> Result<(), HostError> {
    let Some(kept) = Kept::read(files, dir)? else {
        return Ok(());
    };
    let reader = Arc::clone(&log.reader);
    let staged = kept
        .point
        .begin(log.store.as_mut(), reader.as_ref(), CLUSTER_GROUP)?;
    if staged && let Some(frame) = log.store.seal() {
        log.committer.commit(frame)?;
    }
    Ok(())
}

/// The group on this node.
pub(crate) struct ClusterGroup {
    files: Arc<dyn FileLayer>,
    path: PathBuf,
    /// `None` until the cluster was founded, or a member that joined heard how it stands.
    pub state: Option<ClusterState>,
    /// Newest entry applied and its epoch.
    pub applied: (u64, u32),
    /// Newest entry that the file has.
    saved: u64,
    /// Commands proposed here, by index, with their term.
    waiting: BTreeMap<u64, (u64, Reply<Outcome>)>,
    /// The state changed since it was looked at.
    pub changed: bool,
    /// Who leads the group, as was heard last.
    pub leader: Option<u16>,
    /// Everything before this term is applied, and this node leads in it.
    pub leads: Option<u32>,
}

impl ClusterGroup {
    /// As the store keeps it, with the committed entries behind that.
    ///
    /// # Errors
    /// `Corrupt`, or what reading the log came to.
    pub fn open(
        files: &Arc<dyn FileLayer>,
        dir: &Path,
        reader: &dyn LogReader,
    ) -> Result<Self, HostError> {
        let kept = Kept::read(files.as_ref(), dir)?;
        let mut group = Self {
            files: Arc::clone(files),
            path: dir.join(FILE),
            state: None,
            applied: (0, 0),
            saved: 0,
            waiting: BTreeMap::new(),
            changed: true,
            leader: None,
            leads: None,
        };
        if let Some(kept) = kept {
            group.applied = (kept.point.index, kept.point.term as u32);
            group.saved = kept.point.index;
            group.state = Some(kept.state);
        }
        let known = reader.state(CLUSTER_GROUP).unwrap_or_default();
        for index in group.applied.0 + 1..=known.hard_state.commit.min(known.last_index) {
            let entry = reader.entry(CLUSTER_GROUP, index)?;
            let entry = entry.ok_or_else(|| {
                HostError::Corrupt(format!(
                    "the log lacks entry {index} of the cluster group, and {} ends before it",
                    group.path.display()
                ))
            })?;
            let content = match entry.bytes.as_slice() {
                [] => Content::Begin,
                bytes => Content::Data(bytes),
            };
            group.apply(Committed {
                index,
                epoch: entry.term as u32,
                content,
            });
        }
        Ok(group)
    }

    /// Applies a committed entry, and answers whoever waits for it.
    pub fn apply(&mut self, entry: Committed<'_>) {
        let (index, epoch) = (entry.index, entry.epoch);
        if index <= self.applied.0 {
            return;
        }
        let outcome = match entry.content {
            Content::Data(bytes) => self.apply_bytes((index, epoch), bytes),
            Content::Begin | Content::Members(_) => {
                let at = At {
                    index,
                    epoch,
                    time_ms: 0,
                };
                if let Some(state) = &mut self.state {
                    state.pass(at);
                }
                Outcome::Done {
                    done: Done::Changed,
                }
            }
        };
        self.applied = (index, epoch);
        self.changed = true;
        if let Some((term, reply)) = self.waiting.remove(&index) {
            reply.send(if term == u64::from(epoch) {
                Ok(outcome)
            } else {
                Err(HostError::NotLeader { hint: None })
            });
        }
    }

    fn apply_bytes(&mut self, at: (u64, u32), bytes: &[u8]) -> Outcome {
        let refused = |code, words: &str| Outcome::Refused {
            refusal: Refusal {
                code,
                words: words.to_owned(),
            },
        };
        match (&mut self.state, founding_of(bytes)) {
            (Some(_), Some(_)) => refused(Code::Conflict, "the cluster was founded before"),
            (Some(state), None) => state.apply_entry(at, bytes),
            (None, None) => refused(Code::Unknown, "the cluster is not founded yet; try again"),
            (None, Some(state)) => match ClusterState::decode(state) {
                Ok(mut state) => {
                    state.pass(At {
                        index: at.0,
                        epoch: at.1,
                        time_ms: 0,
                    });
                    self.state = Some(state);
                    Outcome::Done {
                        done: Done::Changed,
                    }
                }
                Err(error) => refused(Code::Malformed, &error.to_string()),
            },
        }
    }

    /// A command stands in the log at this place.
    pub fn proposed(&mut self, (index, term): (u64, u64), reply: Reply<Outcome>) {
        if let Some((_, before)) = self.waiting.insert(index, (term, reply)) {
            before.send(Err(HostError::NotLeader { hint: None }));
        }
    }

    /// Whether somebody waits for a command.
    pub fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// This node leads the group no more: nobody knows what became of these (RF7).
    pub fn give_up(&mut self, why: &str) {
        for (_, (_, reply)) in std::mem::take(&mut self.waiting) {
            reply.send(Err(HostError::OutcomeUnknown(why.to_owned())));
        }
    }

    /// Whether enough came since the file was written.
    pub fn is_due(&self) -> bool {
        self.applied.0 >= self.saved + SAVE_EVERY
    }

    /// What a member that is far behind is given: the state as it is now; `None` before the founding.
    pub fn kept(&self, members: &Membership) -> Option<Kept> {
        let (index, epoch) = self.applied;
        Some(Kept {
            point: SealPoint {
                index,
                term: u64::from(epoch),
                members: members.clone(),
            },
            state: self.state.clone()?,
        })
    }

    /// Writes the file. What the log held before it may go.
    ///
    /// # Errors
    /// What the disk says.
    pub fn save(&mut self, kept: &Kept) -> Result<(), HostError> {
        let written = self.files.replace_file(&self.path, &kept.encode());
        written.map_err(|error| HostError::Io(format!("{}: {error}", self.path.display())))?;
        self.saved = kept.point.index;
        Ok(())
    }

    /// Takes over what the leader gave, durably.
    ///
    /// # Errors
    /// What the disk says.
    pub fn take_over(&mut self, kept: Kept) -> Result<(), HostError> {
        if kept.point.index <= self.applied.0 {
            return Ok(());
        }
        self.save(&kept)?;
        self.applied = (kept.point.index, kept.point.term as u32);
        self.state = Some(kept.state);
        self.changed = true;
        Ok(())
    }
}

/// The entry that founds a cluster: u64 and u32 zero, u32 kind = 4, the state before the first command.
pub(crate) fn founding_entry(state: &ClusterState) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.u64(0).u32(0).u32(FOUNDING).bytes(&state.encode());
    out.0
}

fn founding_of(entry: &[u8]) -> Option<&[u8]> {
    let (head, state) = entry.split_first_chunk::<16>()?;
    let mut founding = [0; 16];
    founding[12..].copy_from_slice(&FOUNDING.to_le_bytes());
    (*head == founding).then_some(state)
}
