//! Contestants that take turns, each charged with all it left to be done behind it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cpu;
use crate::error::BenchError;
use crate::sample::Samples;

/// Figures of one contestant, one a turn.
#[derive(Default)]
pub struct Turns {
    /// Operations a second, until the last one was answered.
    pub rate: Samples,
    /// Processor time of an operation in microseconds, with what other threads did of it afterwards.
    pub micros: Samples,
    /// Of that the processor time of each thread that lived all the turn, by its name and over all turns.
    threads: BTreeMap<String, Duration>,
    operations: f64,
}

impl Turns {
    /// One turn of so many operations. Runs when nothing else of this process does and ends when nothing does any more;
    /// watching for that is not charged. Turns of a warm-up are not `counted`.
    pub fn take(
        &mut self,
        operations: usize,
        counted: bool,
        work: impl FnOnce() -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        cpu::quiesce();
        let before = cpu::by_thread();
        let own = cpu::thread();
        let used = cpu::process();
        let start = Instant::now();
        work()?;
        let wall = start.elapsed();
        let watching = cpu::thread();
        cpu::quiesce();
        let watched = cpu::thread().saturating_sub(watching);
        let used = cpu::process().saturating_sub(used).saturating_sub(watched);
        if counted {
            self.push(operations as f64, wall, used);
            self.push_threads(&before, watching.saturating_sub(own));
        }
        Ok(())
    }

    /// The thread that took the turn is charged `own`: not with its watching.
    fn push_threads(&mut self, before: &BTreeMap<String, Duration>, own: Duration) {
        let caller = cpu::thread_name();
        for (name, after) in cpu::by_thread() {
            let used = match before.get(&name) {
                _ if name == caller => own,
                Some(before) => after.saturating_sub(*before),
                None => after,
            };
            *self.threads.entry(name).or_default() += used;
        }
    }

    /// Processor time of an operation on threads of these names, in microseconds.
    pub fn micros_on(&self, wanted: impl Fn(&str) -> bool) -> f64 {
        let times = self.threads.iter().filter(|(name, _)| wanted(name));
        let sum: Duration = times.map(|(_, time)| *time).sum();
        sum.as_secs_f64() * 1e6 / self.operations
    }

    fn push(&mut self, operations: f64, wall: Duration, used: Duration) {
        self.rate.push(operations / wall.as_secs_f64());
        self.micros.push(used.as_secs_f64() * 1e6 / operations);
        self.operations += operations;
    }
}
