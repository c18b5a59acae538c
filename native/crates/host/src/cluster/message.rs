//! What hosts say to each other beside Raft: cosignatures, calls and commands handed to the leader and their answers (CO1–CO6).
//!
//! Little-endian, fields of fixed length first; a decoder refuses what does not add up and never panics. Only bytes that
//! came over an authenticated link get here.

use pyralog_types::Hash;

use super::wire::{BadMessage, Reader, Writer};
use crate::answer::{Answer, Wait};
use crate::error::HostError;

/// State that a leader asks its replicas to sign (CO2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub partition: u32,
    pub epoch: u32,
    pub size: u64,
    pub time_ms: u64,
    pub root: Hash,
    pub sha256_root: Option<Hash>,
}

impl Asked {
    fn put(&self, out: &mut Writer) {
        out.u32(self.partition).u32(self.epoch);
        out.u64(self.size).u64(self.time_ms).bytes(&self.root);
        out.option(self.sha256_root.as_ref(), |out, root| out.bytes(root));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, BadMessage> {
        Ok(Self {
            partition: from.u32()?,
            epoch: from.u32()?,
            size: from.u64()?,
            time_ms: from.u64()?,
            root: from.array()?,
            sha256_root: from.option(Reader::array)?,
        })
    }
}

/// Why a replica did not sign (CO3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Declined {
    /// It has not applied that many records yet.
    Behind = 1,
    /// Its own log has another root at that size: somebody's log is forked.
    OtherRoot = 2,
    /// The time is one it will not vouch for.
    Time = 3,
    /// It cannot sign now: its log is damaged or refuses writes.
    Unable = 4,
}

impl Declined {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Behind, Self::OtherRoot, Self::Time, Self::Unable]
            .into_iter()
            .find(|reason| *reason as u8 == byte)
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Leader to replica: sign this.
    Cosign(Asked),
    /// Replica to leader: signature over the checkpoint with that size and time, or why there is none.
    Cosigned {
        partition: u32,
        size: u64,
        time_ms: u64,
        result: Result<[u8; 64], Declined>,
    },
    /// Leader to replicas: a checkpoint that has all its signatures, by node.
    Checkpoint {
        asked: Asked,
        signatures: Vec<(u16, [u8; 64])>,
    },
    /// Replica to leader: somebody here waits for a checkpoint of that size.
    Wanted { partition: u32, size: u64 },
    /// A proposal for the leader.
    Forward {
        ticket: u64,
        partition: u32,
        wait: Wait,
        proposal: Vec<u8>,
    },
    /// What a forwarded proposal came to.
    Forwarded {
        ticket: u64,
        answer: Result<Answer, Refused>,
    },
    /// A command for the leader of the cluster group.
    Command { ticket: u64, command: Vec<u8> },
    /// What it came to.
    Commanded {
        ticket: u64,
        outcome: Result<Vec<u8>, Refused>,
    },
}

/// A refusal as it travels: whether the proposal may be in the log, and the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub kind: RefusedKind,
    pub text: String,
}

/// What a refusal means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RefusedKind {
    /// Whether the proposal is in the log is not known.
    Unknown = 0,
    /// The node asked does not lead; nothing was taken.
    NotLeader = 1,
    /// Nothing was taken; try again.
    Overloaded = 2,
    /// Nothing was taken; no room on the leader's disk.
    DiskFull = 3,
    /// Nothing was taken, and trying again does not help.
    Refused = 4,
}

impl RefusedKind {
    pub const ALL: [Self; 5] = [
        Self::Unknown,
        Self::NotLeader,
        Self::Overloaded,
        Self::DiskFull,
        Self::Refused,
    ];
}

impl Refused {
    /// As it travels.
    pub fn of(error: &HostError) -> Self {
        let kind = match error.code() {
            "log/outcome-unknown" => RefusedKind::Unknown,
            "log/not-leader" => RefusedKind::NotLeader,
            "log/overloaded" | "log/clock-behind" => RefusedKind::Overloaded,
            "storage/disk-full" => RefusedKind::DiskFull,
            _ => RefusedKind::Refused,
        };
        Self {
            kind,
            text: error.to_string(),
        }
    }

    /// As the caller is told.
    pub fn into_error(self, leader: u16) -> HostError {
        let text = format!("node {leader}, which leads the partition: {}", self.text);
        match self.kind {
            RefusedKind::Unknown => HostError::OutcomeUnknown(text),
            RefusedKind::NotLeader => HostError::NotLeader { hint: None },
            RefusedKind::Overloaded => HostError::LeaderBusy(text),
            RefusedKind::DiskFull => HostError::LeaderFull(text),
            RefusedKind::Refused => HostError::Malformed(text),
        }
    }
}

const COSIGN: u8 = 1;
const COSIGNED: u8 = 2;
const CHECKPOINT: u8 = 3;
const WANTED: u8 = 4;
const FORWARD: u8 = 5;
const FORWARDED: u8 = 6;
const COMMAND: u8 = 7;
const COMMANDED: u8 = 8;

impl Message {
    /// Bytes of a message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        match self {
            Self::Cosign(asked) => {
                out.u8(COSIGN);
                asked.put(&mut out);
            }
            Self::Cosigned {
                partition,
                size,
                time_ms,
                result,
            } => {
                out.u8(COSIGNED).u32(*partition).u64(*size).u64(*time_ms);
                match result {
                    Ok(signature) => out.u8(0).bytes(signature),
                    Err(declined) => out.u8(*declined as u8),
                };
            }
            Self::Checkpoint { asked, signatures } => {
                out.u8(CHECKPOINT);
                asked.put(&mut out);
                for (node, signature) in signatures {
                    out.bytes(&node.to_le_bytes()).bytes(signature);
                }
            }
            Self::Wanted { partition, size } => {
                out.u8(WANTED).u32(*partition).u64(*size);
            }
            Self::Forward {
                ticket,
                partition,
                wait,
                proposal,
            } => {
                let wait = match wait {
                    Wait::Durable => 0,
                    Wait::Checkpoint { paths } => 1 + u8::from(*paths),
                    Wait::AllDurable => 3,
                    Wait::AllCheckpoint { paths } => 4 + u8::from(*paths),
                };
                out.u8(FORWARD).u64(*ticket).u32(*partition).u8(wait);
                out.bytes(proposal);
            }
            Self::Forwarded { ticket, answer } => {
                out.u8(FORWARDED).u64(*ticket);
                out.answer(answer);
            }
            Self::Command { ticket, command } => {
                out.u8(COMMAND).u64(*ticket).bytes(command);
            }
            Self::Commanded { ticket, outcome } => {
                out.u8(COMMANDED).u64(*ticket);
                match outcome {
                    Ok(outcome) => out.u8(0).bytes(outcome),
                    Err(refused) => out.u8(1).refused(refused),
                };
            }
        }
        out.0
    }

    /// The message of these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut from = Reader(bytes);
        let message = match from.u8()? {
            COSIGN => Self::Cosign(Asked::take(&mut from)?),
            COSIGNED => Self::Cosigned {
                partition: from.u32()?,
                size: from.u64()?,
                time_ms: from.u64()?,
                result: match from.u8()? {
                    0 => Ok(from.array()?),
                    reason => Err(Declined::from_byte(reason).ok_or(BadMessage)?),
                },
            },
            CHECKPOINT => Self::Checkpoint {
                asked: Asked::take(&mut from)?,
                signatures: {
                    let mut signatures = Vec::new();
                    while !from.0.is_empty() {
                        signatures.push((u16::from_le_bytes(from.array()?), from.array()?));
                    }
                    signatures
                },
            },
            WANTED => Self::Wanted {
                partition: from.u32()?,
                size: from.u64()?,
            },
            FORWARD => Self::Forward {
                ticket: from.u64()?,
                partition: from.u32()?,
                wait: match from.u8()? {
                    0 => Wait::Durable,
                    1 => Wait::Checkpoint { paths: false },
                    2 => Wait::Checkpoint { paths: true },
                    3 => Wait::AllDurable,
                    4 => Wait::AllCheckpoint { paths: false },
                    5 => Wait::AllCheckpoint { paths: true },
                    _ => return Err(BadMessage),
                },
                proposal: from.rest(),
            },
            FORWARDED => Self::Forwarded {
                ticket: from.u64()?,
                answer: from.answer()?,
            },
            COMMAND => Self::Command {
                ticket: from.u64()?,
                command: from.rest(),
            },
            COMMANDED => Self::Commanded {
                ticket: from.u64()?,
                outcome: if from.flag()? {
                    Err(from.refused()?)
                } else {
                    Ok(from.rest())
                },
            },
            _ => return Err(BadMessage),
        };
        from.0.is_empty().then_some(message).ok_or(BadMessage)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::answer::SignedCheckpoint;

    fn all() -> Vec<Message> {
        let checkpoint = SignedCheckpoint {
            size: 7,
            note: "a note\n".to_owned(),
            sha256_note: Some("another".to_owned()),
        };
        let answer = Answer {
            epoch: 3,
            outcomes: vec![1; 40],
            durable: true,
            checkpoint: Some(Arc::new(checkpoint.clone())),
            paths: Some(vec![0]),
        };
        let refused = Refused {
            kind: RefusedKind::DiskFull,
            text: "no room".to_owned(),
        };
        let asked = Asked {
            partition: 1,
            epoch: 2,
            size: 3,
            time_ms: 4,
            root: [5; 32],
            sha256_root: Some([6; 32]),
        };
        let cosigned = |result| Message::Cosigned {
            partition: 1,
            size: 2,
            time_ms: 3,
            result,
        };
        let forward = |wait| Message::Forward {
            ticket: 1,
            partition: 2,
            wait,
            proposal: vec![1, 2, 3],
        };
        vec![
            Message::Cosign(asked.clone()),
            Message::Cosign(Asked {
                sha256_root: None,
                ..asked.clone()
            }),
            cosigned(Ok([9; 64])),
            cosigned(Err(Declined::OtherRoot)),
            Message::Checkpoint {
                asked: asked.clone(),
                signatures: vec![(1, [7; 64]), (3, [8; 64])],
            },
            Message::Wanted {
                partition: 1,
                size: 1 << 40,
            },
            forward(Wait::Durable),
            forward(Wait::Checkpoint { paths: false }),
            forward(Wait::Checkpoint { paths: true }),
            forward(Wait::AllDurable),
            forward(Wait::AllCheckpoint { paths: false }),
            forward(Wait::AllCheckpoint { paths: true }),
            Message::Forwarded {
                ticket: 1,
                answer: Ok(answer),
            },
            Message::Command {
                ticket: 7,
                command: vec![1, 2, 3],
            },
            Message::Commanded {
                ticket: 7,
                outcome: Ok(vec![0, 1]),
            },
            Message::Commanded {
                ticket: 7,
                outcome: Err(refused.clone()),
            },
            Message::Forwarded {
                ticket: 2,
                answer: Err(refused),
            },
        ]
    }

    #[test]
    fn comes_back_as_it_was() {
        for message in all() {
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn refuses_what_does_not_add_up() {
        for message in all() {
            let bytes = message.encode();
            // What a call, a command or its outcome carries is the rest of the message, whatever its length.
            let rest = match &message {
                Message::Forward { proposal, .. } => proposal.len(),
                Message::Command { command, .. } => command.len(),
                Message::Commanded {
                    outcome: Ok(outcome),
                    ..
                } => outcome.len(),
                _ => 0,
            };
            let shortest = match &message {
                _ if rest > 0 => bytes.len() - rest,
                // Fewer signatures are a message, too.
                Message::Checkpoint { .. } => continue,
                _ => bytes.len(),
            };
            for length in 0..shortest {
                assert_eq!(Message::decode(&bytes[..length]), Err(BadMessage));
            }
            if rest == 0 {
                let longer = [&bytes[..], &[0]].concat();
                assert_eq!(Message::decode(&longer), Err(BadMessage));
            }
        }
        assert_eq!(Message::decode(&[99]), Err(BadMessage));
    }
}
