//! Applying entries (GR1): never a panic, whatever the bytes.

use crate::apply_consumers::Joining;
use crate::check::refused;
use crate::command::Command;
use crate::entry::decode_entry;
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done, Outcome, Refusal};
use crate::settings::Replication;
use crate::state::{At, ClusterState};

/// What a command came to.
pub(crate) type Applied = Result<Done, Refusal>;

impl ClusterState {
    /// Applies an entry of the cluster group as it stands in the log. What is no command is refused, and counts as applied.
    pub fn apply_entry(&mut self, (index, epoch): (u64, u32), entry: &[u8]) -> Outcome {
        let (time_ms, command) = decode_entry(entry).unwrap_or((self.at.time_ms, entry));
        let at = At {
            index,
            epoch,
            time_ms,
        };
        self.apply(at, command)
    }

    /// Applies a command. One that is refused changes nothing but where the state stands and what its time ends.
    pub fn apply(&mut self, at: At, command: &[u8]) -> Outcome {
        if at.index <= self.at.index {
            let words = format!(
                "entry {} was applied before: the state stands at {}",
                at.index, self.at.index
            );
            return Err(refused(Code::Stale, words)).into();
        }
        self.pass(at);
        let done = Command::decode(command).and_then(|command| self.perform(command));
        if done.is_err() && on(Mutant::HalfRefused) {
            self.next_fence += 1;
        }
        done.into()
    }

    /// Passes over an entry that has no command: a leader's first, a change of members.
    pub fn pass(&mut self, at: At) {
        if at.index <= self.at.index {
            return;
        }
        let latest = if on(Mutant::TimeGoesBack) {
            0
        } else {
            self.at.time_ms
        };
        let time_ms = latest.max(at.time_ms);
        self.at = At { time_ms, ..at };
        self.expire();
    }

    fn perform(&mut self, command: Command) -> Applied {
        match command {
            Command::Tick => Ok(Done::Changed),
            Command::AddMember { member } => self.add_member(member),
            Command::ConfirmMember { number } => self.confirm_member(number),
            Command::UpdateMember { number, change } => self.update_member(number, change),
            Command::Drain { number } => self.drain(number),
            Command::Undrain { number } => self.undrain(number),
            Command::MarkDead { number } => self.mark_dead(number),
            Command::RemoveMember { number } => self.remove_member(number),
            other => self.perform_on_logs(other),
        }
    }

    fn perform_on_logs(&mut self, command: Command) -> Applied {
        match command {
            Command::CreateLog {
                name,
                partitions,
                acknowledgement,
            } => self.create_log(&name, partitions, acknowledgement),
            Command::SetAcknowledgement {
                log,
                acknowledgement,
            } => self.set_acknowledgement(&log, acknowledgement),
            Command::SetReplication { voters, faults } => {
                self.set_replication(Replication { voters, faults })
            }
            Command::SetPlanning { planning } => self.set_planning(planning),
            Command::SetSetting { name, value } => self.set_setting(name, value),
            Command::Place { group, voters } => self.place(group, voters),
            Command::ReportReplicas { group, reported } => self.report_replicas(group, reported),
            Command::BeginSplit { partition, cuts } => self.begin_split(partition, cuts),
            Command::BeginMerge { left, right } => self.begin_merge(left, right),
            Command::Sealed { partition, seal } => self.sealed(partition, seal),
            Command::Activate { partition } => self.activate(partition),
            other => self.perform_for_callers(other),
        }
    }

    fn perform_for_callers(&mut self, command: Command) -> Applied {
        match command {
            Command::AssignCoordinator { holder, ttl_ms } => {
                self.assign_coordinator(&holder, ttl_ms)
            }
            Command::RenewCoordinator {
                number,
                fence,
                ttl_ms,
            } => self.renew_coordinator(number, fence, ttl_ms),
            Command::ReleaseCoordinator { number, fence } => {
                self.release_coordinator(number, fence)
            }
            Command::AcquireLock {
                lock,
                owner,
                ttl_ms,
                wait,
            } => self.acquire_lock(&lock, (&owner, ttl_ms), wait),
            Command::RenewLock {
                lock,
                fence,
                ttl_ms,
            } => self.renew_lock(&lock, fence, ttl_ms),
            Command::ReleaseLock { lock, fence } => self.release_lock(&lock, fence),
            Command::WithdrawLock { lock, owner } => self.withdraw_lock(&lock, &owner),
            other => self.perform_for_consumers(other),
        }
    }

    fn perform_for_consumers(&mut self, command: Command) -> Applied {
        match command {
            Command::JoinConsumers {
                group,
                consumer,
                logs,
                strategy,
                ttl_ms,
            } => self.join_consumers(Joining {
                group: &group,
                consumer: &consumer,
                logs,
                strategy,
                ttl_ms,
            }),
            Command::LeaveConsumers { group, consumer } => self.leave_consumers(&group, &consumer),
            Command::ConsumerHeartbeat {
                group,
                consumer,
                released,
            } => self.consumer_heartbeat((&group, &consumer), &released),
            Command::CommitOffsets {
                group,
                consumer,
                generation,
                offsets,
            } => self.commit_offsets((&group, &consumer), generation, &offsets),
            Command::ForgetConsumers { group } => self.forget_consumers(&group),
            _ => Err(refused(
                Code::Newer,
                "this version does not take such commands",
            )),
        }
    }
}
