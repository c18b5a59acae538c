//! Applying entries (GR1): never a panic, whatever the bytes.

use crate::check::refused;
use crate::command::Command;
use crate::entry::decode_entry;
use crate::outcome::{Code, Done, Outcome, Refusal};
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
        done.into()
    }

    /// Passes over an entry that has no command: a leader's first, a change of members.
    pub fn pass(&mut self, at: At) {
        if at.index <= self.at.index {
            return;
        }
        let time_ms = self.at.time_ms.max(at.time_ms);
        self.at = At { time_ms, ..at };
    }

    fn perform(&mut self, command: Command) -> Applied {
        match command {
            Command::Tick => Ok(Done::Changed),
            Command::AddMember { member } => self.add_member(member),
            Command::CreateLog {
                name,
                partitions,
                acknowledgement,
            } => self.create_log(&name, partitions, acknowledgement),
            _ => Err(refused(
                Code::Newer,
                "this version does not take commands of this kind yet",
            )),
        }
    }
}
