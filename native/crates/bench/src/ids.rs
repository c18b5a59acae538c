//! The Obelisk sequencer on a real file: ids a second in runs and one by one, and what its durable windows cost.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use pyralog_obelisk::{Sequencer, SequencerOptions, SizeFile, WindowFile};

use crate::batches::Proposals;
use crate::counting::CountingFiles;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;
use crate::subject::{Setup, Subject};

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

/// What it costs to make a reservation durable (scarab.md S2), and what is asked of the file to start behind all that were
/// (S3): by the sequencer of a host, whose files are counted.
pub fn measure_windows(plan: &Plan) -> Result<(), BenchError> {
    let mut file = SizeFile::open(&plan.dir.join("windows"))?;
    let mut micros = Samples::default();
    let used = cpu::thread();
    let extensions = (plan.singles / 4) as u64;
    let first = file.windows()? + 1;
    for window in first..first + extensions {
        let start = Instant::now();
        file.reserve(window)?;
        micros.push_micros(start.elapsed());
    }
    let used = cpu::thread().saturating_sub(used).as_secs_f64() * 1e6 / extensions as f64;
    for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
        Figure::new(
            format!("sequencer, durable extension {name}"),
            micros.quantile(q),
            "us",
        )
        .cpu(used)
        .print()?;
    }
    let store = plan.dir.join("sequenced");
    let (subject, _) = Subject::open(&store)?;
    subject.propose(Proposals::default().make_keyed(1))?;
    subject.close()?;
    let files = CountingFiles::default();
    let setup = Setup {
        files: Arc::new(files.clone()),
        ..Setup::default()
    };
    let (subject, _) = Subject::open_as(&store, setup)?;
    let looks = files.sequencer_looks() as f64;
    Figure::new("sequencer, reads and stats at open", looks, "calls").print()?;
    subject.close()
}

fn unix_ms() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_millis() as u64
}
