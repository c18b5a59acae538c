//! Contestants that take turns, each charged with all it left to be done behind it.

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
        }
        Ok(())
    }

    fn push(&mut self, operations: f64, wall: Duration, used: Duration) {
        self.rate.push(operations / wall.as_secs_f64());
        self.micros.push(used.as_secs_f64() * 1e6 / operations);
    }
}
