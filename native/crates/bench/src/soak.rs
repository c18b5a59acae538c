//! Memory of a store that appends, reads and looks up at a steady rate while segments are sealed: it must not grow.
//!
//! Judged is what the process has for itself. Mapped segments are the system's to keep or to drop; they are beside it.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use pyralog_host::SealLimits;

use crate::batches::Proposals;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::subject::{Setup, Subject};

/// Records of a batch, one a tick.
const BATCH: u32 = 1_024;
const TICK: Duration = Duration::from_millis(20);
/// What readers do a tick.
const LOOKUPS: u64 = 64;
const READS: u64 = 4;
const READ_BYTES: usize = 64 << 10;
/// Small, so that every bound of the store is reached early, and many segments are sealed on the way.
const SEGMENT_RECORDS: u64 = 32_768;
const REMEMBERED: u64 = 65_536;
/// Share of the time after which the store is as full of state as it gets.
const WARM_SHARE: u32 = 4;
const SAMPLES_A_SECOND: u32 = 10;

/// Memory at one moment, MB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Memory {
    at_s: f64,
    own: f64,
    all: f64,
}

/// All figures.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let dir = plan.dir.join("soak");
    let setup = Setup {
        seal: SealLimits {
            rows: SEGMENT_RECORDS,
            ..SealLimits::default()
        },
        remembered: REMEMBERED,
        ..Setup::default()
    };
    let (subject, _) = Subject::open_as(&dir, setup)?;
    let samples = run(plan.soak, &subject)?;
    let records = subject.size()? as f64;
    subject.close()?;
    fs::remove_dir_all(dir)?;
    let seconds = plan.soak.as_secs_f64();
    Figure::new("soak, time", seconds, "s").print()?;
    Figure::new("soak, appended", records / seconds, "records/s").print()?;
    print(&samples)
}

fn run(length: Duration, subject: &Subject) -> Result<Vec<Memory>, BenchError> {
    let mut proposals = Proposals::default();
    let mut random = 1_u64;
    let mut samples = Vec::new();
    let start = Instant::now();
    let mut next_tick = start;
    while start.elapsed() < length {
        subject.propose(proposals.make_keyed(BATCH))?;
        let size = subject.size()?;
        for turn in 0..LOOKUPS {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let number = (random >> 20) % size;
            let found = subject
                .host()
                .offset_of_key(0, &number.to_be_bytes(), None)?;
            if found != Some(number) {
                let why = format!("key {number} was found at {found:?}");
                return Err(BenchError::WrongAnswer(why));
            }
            if turn < READS {
                let rows = subject.host().read(0, number, READ_BYTES)?;
                if rows.is_empty() {
                    let why = format!("nothing was read at {number}");
                    return Err(BenchError::WrongAnswer(why));
                }
            }
        }
        let due = samples.len() as u32 * Duration::from_secs(1) / SAMPLES_A_SECOND;
        if start.elapsed() >= due {
            samples.push(memory(start.elapsed())?);
        }
        next_tick += TICK;
        let now = Instant::now();
        std::thread::sleep(next_tick.saturating_duration_since(now));
        next_tick = next_tick.max(now); // what was missed is not made good
    }
    Ok(samples)
}

/// The process's own memory, and all of it that is resident.
fn memory(at: Duration) -> io::Result<Memory> {
    let status = fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0 / 1e6)
            .ok_or_else(|| io::Error::other(format!("/proc/self/status has no {name}")))
    };
    Ok(Memory {
        at_s: at.as_secs_f64(),
        own: of("RssAnon:")?,
        all: of("VmRSS:")?,
    })
}

fn print(samples: &[Memory]) -> Result<(), BenchError> {
    let none = || BenchError::WrongAnswer("memory was never looked at".to_owned());
    let first = samples.first().ok_or_else(none)?;
    let last = samples.last().ok_or_else(none)?;
    let warm = &samples[samples.len() / WARM_SHARE as usize..];
    let (early, late) = warm.split_at(warm.len() / 2);
    let all = samples.iter().map(|sample| sample.all).fold(0.0, f64::max);
    Figure::new("soak, memory at the start", first.own, "MB").print()?;
    Figure::new("soak, memory at the end", last.own, "MB").print()?;
    Figure::new("soak, memory at its peak", peak(samples), "MB").print()?;
    Figure::new("soak, with mapped files", all, "MB").print()?;
    Figure::new("soak, growth", slope(warm).max(0.0) * 60.0, "MB/min").print()?;
    // Bounded: later not more than before, but for what batches and seals under way come to.
    Figure::new("soak, peak memory of the later half", peak(late), "MB")
        .floor(peak(early))
        .print()?;
    Ok(())
}

fn peak(samples: &[Memory]) -> f64 {
    samples.iter().map(|sample| sample.own).fold(0.0, f64::max)
}

/// Least squares, MB a second.
fn slope(samples: &[Memory]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&Memory) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (at, own) = (mean(|sample| sample.at_s), mean(|sample| sample.own));
    let (mut along, mut spread) = (0.0, 0.0);
    for sample in samples {
        along += (sample.at_s - at) * (sample.own - own);
        spread += (sample.at_s - at).powi(2);
    }
    if spread > 0.0 { along / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(own: impl Fn(f64) -> f64) -> Vec<Memory> {
        let each = |second: u32| Memory {
            at_s: f64::from(second),
            own: own(f64::from(second)),
            all: 0.0,
        };
        (0..10).map(each).collect()
    }

    #[test]
    fn slope_is_what_memory_grows_by() {
        assert!((slope(&samples(|at| 5.0 + 2.0 * at)) - 2.0).abs() < 1e-9);
        assert!(slope(&samples(|_| 5.0)).abs() < 1e-9);
        assert!(slope(&samples(|at| 5.0 - at)) < 0.0);
        assert!(slope(&samples(|_| 5.0)[..1]).abs() < 1e-9);
    }

    #[test]
    fn peak_is_the_largest() {
        assert!((peak(&samples(|at| at)) - 9.0).abs() < 1e-9);
    }
}
