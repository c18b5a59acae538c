//! The cluster group: what the members agree on beside their logs (GR1), where its state is kept (CG9), and who waits for a
//! command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_cluster::{At, CLUSTER_GROUP, ClusterState, Code, Done, Outcome, Refusal};
use pyralog_log::{FileLayer, LogReader, Membership};
use pyralog_raft::{Committed, Content, SealPoint};

use super::kept::{FILE, Kept};
use super::wire::Writer;
use crate::answer::Reply;
use crate::error::HostError;

/// Entries between writes of the file; those behind it are applied again at an opening.
const SAVE_EVERY: u64 = if cfg!(test) { 8 } else { 256 };
/// Kind of the entry that founds the cluster (GR1).
const FOUNDING: u32 = 4;

/// The group on this node.
pub(crate) struct ClusterGroup {
    files: Arc<dyn FileLayer>,
    path: PathBuf,
    /// `None` until the cluster was founded, or a member that joined heard how it stands.
    pub state: Option<Arc<ClusterState>>,
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
            group.state = Some(Arc::new(kept.state));
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
                    Arc::make_mut(state).pass(at);
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
            (Some(state), None) => Arc::make_mut(state).apply_entry(at, bytes),
            (None, None) => refused(Code::Unknown, "the cluster is not founded yet; try again"),
            (None, Some(state)) => match ClusterState::decode(state) {
                Ok(mut state) => {
                    state.pass(At {
                        index: at.0,
                        epoch: at.1,
                        time_ms: 0,
                    });
                    self.state = Some(Arc::new(state));
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
            state: self.state.as_deref()?.clone(),
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
        self.state = Some(Arc::new(kept.state));
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
