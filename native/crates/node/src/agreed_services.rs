//! Coordinator numbers, locks and consumer groups across the boundary (GR11 to GR17); documented in native/types.ts.
#![allow(missing_docs)]

use std::collections::BTreeSet;

use napi_derive::napi;
use pyralog_cluster::{ClusterState, Command, ConsumerGroup, Done as CommandDone, Lock, Strategy};

use crate::convert::whole;
use crate::error::{Result, bad_argument};

/// `kind` says which fields count.
#[napi(object)]
pub struct NativeServiceCommand {
    pub kind: String,
    /// Of a lock, a consumer group, or who asks for a coordinator number.
    pub name: String,
    /// Who asks: owner of a lock, member of a consumer group.
    pub who: Option<String>,
    pub ttl_ms: Option<f64>,
    pub wait: Option<bool>,
    pub number: Option<u32>,
    pub fence: Option<f64>,
    pub logs: Option<Vec<String>>,
    pub sticky: Option<bool>,
    pub generation: Option<f64>,
    pub partitions: Option<Vec<u32>>,
    /// Beside each of the partitions.
    pub offsets: Option<Vec<f64>>,
}

impl NativeServiceCommand {
    fn missing(&self, what: &str) -> napi::Error<crate::error::Code> {
        bad_argument(format!("a command `{}` needs {what}", self.kind))
    }

    fn who(&self) -> Result<String> {
        self.who.clone().ok_or_else(|| self.missing("who"))
    }

    fn number(&self, value: Option<f64>, what: &str) -> Result<u64> {
        whole(value.ok_or_else(|| self.missing(what))?, what)
    }

    fn coordinator(&self) -> Result<u16> {
        let number = self.number.ok_or_else(|| self.missing("number"))?;
        u16::try_from(number).map_err(|_| self.missing("a number up to 1,023"))
    }

    pub fn to_cluster(&self) -> Result<Command> {
        let name = self.name.clone();
        let ttl = || self.number(self.ttl_ms, "ttlMs");
        let fence = || self.number(self.fence, "fence");
        Ok(match self.kind.as_str() {
            "assign-coordinator" => Command::AssignCoordinator {
                holder: name,
                ttl_ms: ttl()?,
            },
            "renew-coordinator" => Command::RenewCoordinator {
                number: self.coordinator()?,
                fence: fence()?,
                ttl_ms: ttl()?,
            },
            "release-coordinator" => Command::ReleaseCoordinator {
                number: self.coordinator()?,
                fence: fence()?,
            },
            "acquire-lock" => Command::AcquireLock {
                lock: name,
                owner: self.who()?,
                ttl_ms: ttl()?,
                wait: self.wait.unwrap_or(false),
            },
            "renew-lock" => Command::RenewLock {
                lock: name,
                fence: fence()?,
                ttl_ms: ttl()?,
            },
            "release-lock" => Command::ReleaseLock {
                lock: name,
                fence: fence()?,
            },
            "withdraw-lock" => Command::WithdrawLock {
                lock: name,
                owner: self.who()?,
            },
            _ => return self.consumer_command(),
        })
    }

    fn consumer_command(&self) -> Result<Command> {
        let group = self.name.clone();
        Ok(match self.kind.as_str() {
            "join-consumers" => Command::JoinConsumers {
                group,
                consumer: self.who()?,
                logs: self.logs.iter().flatten().cloned().collect(),
                strategy: if self.sticky == Some(false) {
                    Strategy::Range
                } else {
                    Strategy::CooperativeSticky
                },
                ttl_ms: self.number(self.ttl_ms, "ttlMs")?,
            },
            "leave-consumers" => Command::LeaveConsumers {
                group,
                consumer: self.who()?,
            },
            "consumer-heartbeat" => Command::ConsumerHeartbeat {
                group,
                consumer: self.who()?,
                released: self.partitions.iter().flatten().copied().collect(),
            },
            "commit-offsets" => Command::CommitOffsets {
                group,
                consumer: self.who()?,
                generation: self.number(self.generation, "generation")?,
                offsets: self.offsets()?,
            },
            "forget-consumers" => Command::ForgetConsumers { group },
            other => return Err(bad_argument(format!("there is no command `{other}`"))),
        })
    }

    fn offsets(&self) -> Result<Vec<(u32, u64)>> {
        let (partitions, offsets) = (
            self.partitions.as_deref().unwrap_or_default(),
            self.offsets.as_deref().unwrap_or_default(),
        );
        if partitions.len() != offsets.len() {
            return Err(self.missing("one offset beside each partition"));
        }
        let pairs = partitions.iter().zip(offsets);
        pairs
            .map(|(partition, offset)| Ok((*partition, whole(*offset, "an offset")?)))
            .collect()
    }
}

/// What a command came to; which fields there are follows from the command.
#[napi(object)]
#[derive(Default)]
pub struct NativeDone {
    pub partitions: Option<Vec<u32>>,
    pub number: Option<u32>,
    pub fence: Option<f64>,
    pub from_ms: Option<f64>,
    pub expires_ms: Option<f64>,
    pub before: Option<u32>,
    pub generation: Option<f64>,
    pub assigned: Option<Vec<u32>>,
    pub revoked: Option<Vec<u32>>,
}

fn list(of: BTreeSet<u32>) -> Vec<u32> {
    of.into_iter().collect()
}

impl From<CommandDone> for NativeDone {
    fn from(done: CommandDone) -> Self {
        let mut out = Self::default();
        match done {
            CommandDone::Changed => {}
            CommandDone::Partitions { numbers } => out.partitions = Some(numbers),
            CommandDone::Coordinator {
                number,
                fence,
                from_ms,
                expires_ms,
            } => {
                out.number = Some(u32::from(number));
                out.fence = Some(fence as f64);
                out.from_ms = Some(from_ms as f64);
                out.expires_ms = Some(expires_ms as f64);
            }
            CommandDone::Lock { fence, expires_ms } => {
                out.fence = Some(fence as f64);
                out.expires_ms = Some(expires_ms as f64);
            }
            CommandDone::Waiting { before } => out.before = Some(before),
            CommandDone::Consumer {
                generation,
                assigned,
                revoked,
                expires_ms,
            } => {
                out.generation = Some(generation as f64);
                out.assigned = Some(list(assigned));
                out.revoked = Some(list(revoked));
                out.expires_ms = Some(expires_ms as f64);
            }
        }
        out
    }
}

#[napi(object)]
pub struct NativeConsumer {
    pub name: String,
    pub held: Vec<u32>,
    pub expires_ms: f64,
}

#[napi(object)]
pub struct NativeConsumerGroup {
    pub name: String,
    pub logs: Vec<String>,
    pub generation: f64,
    pub consumers: Vec<NativeConsumer>,
    pub partitions: Vec<u32>,
    /// Beside each of the partitions.
    pub offsets: Vec<f64>,
}

impl From<(&String, &ConsumerGroup)> for NativeConsumerGroup {
    fn from((name, group): (&String, &ConsumerGroup)) -> Self {
        let consumers = group.consumers.iter().map(|(name, one)| NativeConsumer {
            name: name.clone(),
            held: one.held.iter().copied().collect(),
            expires_ms: one.expires_ms as f64,
        });
        Self {
            name: name.clone(),
            logs: group.logs.iter().cloned().collect(),
            generation: group.generation as f64,
            consumers: consumers.collect(),
            partitions: group.offsets.keys().copied().collect(),
            offsets: group
                .offsets
                .values()
                .map(|offset| *offset as f64)
                .collect(),
        }
    }
}

#[napi(object)]
pub struct NativeLock {
    pub name: String,
    pub owner: String,
    pub fence: f64,
    pub expires_ms: f64,
    pub waiting: u32,
}

impl From<(&String, &Lock)> for NativeLock {
    fn from((name, lock): (&String, &Lock)) -> Self {
        Self {
            name: name.clone(),
            owner: lock.owner.clone(),
            fence: lock.fence as f64,
            expires_ms: lock.expires_ms as f64,
            waiting: lock.waiters.len() as u32,
        }
    }
}

/// Locks and consumer groups of a state.
pub fn services_of(state: &ClusterState) -> (Vec<NativeLock>, Vec<NativeConsumerGroup>) {
    let locks = state.locks().iter().map(Into::into).collect();
    let consumers = state.consumers().iter().map(Into::into).collect();
    (locks, consumers)
}
