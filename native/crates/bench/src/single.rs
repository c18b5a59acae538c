//! One durable append after the other, by turns with the raw `pwrite` and `fdatasync` of the same bytes.

use std::time::Instant;

use crate::batches::Proposals;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::floor::FloorFile;
use crate::plan::Plan;
use crate::sample::Samples;
use crate::subject::{Subject, WAL_FILE_BYTES};

/// Appends of one contestant before the other has its turn: short beside anything that disturbs a machine for a while.
const TURN: usize = 25;

/// p50 and p99 of both.
pub fn measure(
    plan: &Plan,
    subject: &Subject,
    proposals: &mut Proposals,
) -> Result<(), BenchError> {
    let mut file = FloorFile::create(&plan.dir.join("floor-single"), WAL_FILE_BYTES)?;
    let mut raw = Samples::default();
    let mut log = Samples::default();
    let mut micros = Samples::default();
    for turn in 0..=plan.singles.div_ceil(TURN) {
        let batches = proposals.many(TURN, 1, 100);
        for batch in &batches {
            let start = Instant::now();
            file.write(batch)?;
            file.sync()?;
            if turn > 0 {
                raw.push_micros(start.elapsed());
            }
        }
        let cpu = cpu::process();
        for batch in batches {
            let start = Instant::now();
            subject.propose(batch)?;
            if turn > 0 {
                log.push_micros(start.elapsed());
            }
        }
        micros.push((cpu::process().saturating_sub(cpu)).as_secs_f64() * 1e6 / TURN as f64);
    }
    for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
        Figure::new(
            format!("single durable append {name}"),
            log.quantile(q),
            "us",
        )
        .cpu(micros.median())
        .floor(raw.quantile(q))
        .print()?;
    }
    Ok(())
}
