//! The Obelisk sequencer on a real file: ids a second in runs and one by one.

use std::hint::black_box;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use pyralog_obelisk::{Sequencer, SequencerOptions, SizeFile};

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

/// Both figures. Windows (scarab.md S2) are reserved on disk as they are entered, and that time is in them.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let file = SizeFile::open(&plan.dir.join("sequencer"))?;
    let options = SequencerOptions {
        coordinator: 0,
        lead_ms_max: 7_200_000,
    };
    let mut sequencer = Sequencer::open(file, options)?;
    for (metric, ids) in [
        ("sequencer, runs of 1,024", 1024),
        ("sequencer, one by one", 1),
    ] {
        let calls = plan.operations;
        let count = f64::from(calls) * f64::from(ids);
        let mut rates = Samples::default();
        let mut micros = Samples::default();
        for round in 0..=plan.rounds {
            let used = cpu::process();
            let start = Instant::now();
            for _ in 0..calls {
                black_box(sequencer.issue(ids, unix_ms())?);
            }
            if round > 0 {
                rates.push(count / start.elapsed().as_secs_f64());
                micros.push(cpu::process().saturating_sub(used).as_secs_f64() * 1e6 / count);
            }
        }
        Figure::new(metric, rates.median(), "ids/s")
            .cpu(micros.median())
            .print()?;
    }
    Ok(())
}

fn unix_ms() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_millis() as u64
}
