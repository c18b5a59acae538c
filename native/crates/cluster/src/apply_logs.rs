//! Commands about logs and where they are kept (GR6).

use std::collections::BTreeSet;

use crate::apply::Applied;
use crate::check::{self, refused};
use crate::found::even_ranges;
use crate::limits::{LOGS_MAX, NEW_PARTITIONS_MAX, PARTITIONS_MAX};
use crate::outcome::{Code, Done};
use crate::partition::{Acknowledgement, Log, Replicas};
use crate::state::ClusterState;

impl ClusterState {
    pub(crate) fn create_log(
        &mut self,
        name: &str,
        partitions: u16,
        acknowledgement: Acknowledgement,
    ) -> Applied {
        check::log_name(name)?;
        if let Some(known) = self.logs.get(name) {
            return self.created_before((name, known), (partitions, acknowledgement));
        }
        if !(1..=NEW_PARTITIONS_MAX).contains(&partitions) {
            return Err(check::invalid("a new log has 1 to 1,024 partitions"));
        }
        if self.logs.len() >= LOGS_MAX {
            return Err(refused(Code::Limit, "a cluster has at most 4,096 logs"));
        }
        let first = self.next_partition;
        let behind = first + u32::from(partitions);
        if behind as usize > PARTITIONS_MAX {
            let words = "a cluster has at most 65,536 partitions, those of before among them";
            return Err(refused(Code::Limit, words));
        }
        let all: BTreeSet<u32> = self
            .partitions
            .keys()
            .copied()
            .chain(first..behind)
            .collect();
        let mut targets = self.targets(&all);
        if targets.is_empty() {
            let words = "no member is active: there is nowhere to keep a log";
            return Err(refused(Code::Conflict, words));
        }
        for (number, range) in (first..behind).zip(even_ranges(u64::from(partitions))) {
            let mut partition = self.new_partition((number, name), range);
            let founders = targets.remove(&number).unwrap_or_default();
            partition.replicas = Replicas::founded(founders);
            self.partitions.insert(number, partition);
        }
        self.next_partition = behind;
        let log = Log {
            acknowledgement,
            founded_with: partitions,
            since: self.at.index,
        };
        self.logs.insert(name.to_owned(), log);
        let numbers = (first..behind).collect();
        Ok(Done::Partitions { numbers })
    }

    pub(crate) fn set_acknowledgement(&mut self, name: &str, when: Acknowledgement) -> Applied {
        let log = self.logs.get_mut(name);
        let log = log.ok_or_else(|| refused(Code::Unknown, format!("there is no log {name}")))?;
        log.acknowledgement = when;
        Ok(Done::Changed)
    }

    fn created_before(
        &self,
        (name, known): (&str, &Log),
        (partitions, acknowledgement): (u16, Acknowledgement),
    ) -> Applied {
        if known.founded_with != partitions || known.acknowledgement != acknowledgement {
            let words = format!("there is a log {name} already, made otherwise");
            return Err(refused(Code::Conflict, words));
        }
        let made = self.partitions.iter();
        let made = made.filter(|(_, one)| one.log == name && one.generation == 1);
        let numbers = made.map(|(number, _)| *number).collect();
        Ok(Done::Partitions { numbers })
    }
}
