//! What a record costs one core beside the disk: hashing it, then applying it to a partition in memory.
//!
//! Explains the durable figures: a log can be no faster than the slower of its threads. Rates are of processor time, so
//! that others on the machine count less.

use std::time::Duration;

use pyralog_partition::{DedupWindow, Partition, Prepared, SealLimits, Stamper, Trees};
use pyralog_types::batch::{Entry, IdRun, encode_digests};

use crate::batches::Proposals;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

/// The window of a node (notary.md N3): beyond it every record also makes one be forgotten.
const WINDOW: DedupWindow = DedupWindow {
    millis: 86_400_000,
    records: 2_097_152,
};
const SHA256: u8 = 0x12;
const TIME_MS: u64 = 1_790_000_000_000;

/// One partition and the stamps of its entries.
struct Replay {
    partition: Partition,
    prepared: Prepared,
    stamper: Stamper,
    next_id: u64,
    log_index: u64,
    hashing: Duration,
    applying: Duration,
}

impl Replay {
    fn create() -> Result<Self, BenchError> {
        Ok(Self {
            partition: Partition::create(Trees::in_memory(false)?, WINDOW),
            prepared: Prepared::default(),
            stamper: Stamper::behind(0),
            next_id: 1,
            log_index: 1,
            hashing: Duration::ZERO,
            applying: Duration::ZERO,
        })
    }

    /// Stamps and applies one proposal of `count` records.
    fn take(&mut self, proposal: &[u8], count: u32) -> Result<(), BenchError> {
        let ids = [IdRun {
            first: self.next_id,
            count,
        }];
        self.next_id += u64::from(count);
        let mut bytes = Vec::with_capacity(proposal.len() + 32);
        self.stamper.stamp(TIME_MS, &ids, &mut bytes);
        bytes.extend_from_slice(proposal);
        let start = cpu::thread();
        let entry =
            Entry::parse(&bytes).map_err(|error| BenchError::WrongAnswer(error.to_string()))?;
        self.prepared.refill(&entry.proposal);
        let hashed = cpu::thread();
        let applied = self
            .partition
            .apply((&entry, &mut self.prepared), self.log_index, 1)?;
        if let Some(sealed) = self
            .partition
            .seal_point(SealLimits::default(), self.log_index)
        {
            self.partition.forget_before(sealed.size);
        }
        self.hashing += hashed.saturating_sub(start);
        self.applying += cpu::thread().saturating_sub(hashed);
        self.log_index += 1;
        if applied.count == count {
            return Ok(());
        }
        let message = format!(
            "{} of {count} new records were taken for old ones",
            count - applied.count
        );
        Err(BenchError::WrongAnswer(message))
    }
}

/// Records of 100 bytes without and with keys in entries of 1,024 and 1,000, and digests in entries of 8,192.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let mut proposals = Proposals::default();
    series(plan, "1,024 x 100 B", 1024, || proposals.make(1024, 100))?;
    series(plan, "1,000 x 100 B with keys", 1000, || {
        proposals.make_keyed(1000)
    })?;
    let mut serial = 0_u64;
    series(plan, "8,192 digests", 8192, || {
        let mut digests = vec![0x5a; 8192 * 32];
        for digest in digests.chunks_exact_mut(32) {
            digest[..8].copy_from_slice(&serial.to_le_bytes());
            serial += 1;
        }
        encode_digests(SHA256, b"", &digests)
    })
}

fn series(
    plan: &Plan,
    name: &str,
    count: u32,
    mut make: impl FnMut() -> Vec<u8>,
) -> Result<(), BenchError> {
    let mut replay = Replay::create()?;
    let per_round = plan.leaves.div_ceil(4 * count as usize);
    // A full window first: a partition that has run for a while.
    let warm = if plan.fill_window {
        WINDOW.records as usize / count as usize
    } else {
        0
    };
    for _ in 0..warm {
        replay.take(&make(), count)?;
    }
    let (mut hashing, mut applying) = <(Samples, Samples)>::default();
    for _ in 0..plan.rounds {
        let ready: Vec<Vec<u8>> = (0..per_round).map(|_| make()).collect();
        (replay.hashing, replay.applying) = Default::default();
        for proposal in &ready {
            replay.take(proposal, count)?;
        }
        let records = (per_round * count as usize) as f64;
        hashing.push(records / replay.hashing.as_secs_f64());
        applying.push(records / replay.applying.as_secs_f64());
    }
    let figure = |metric: String, value| Figure::new(metric, value, "records/s");
    figure(format!("hashing records, {name}"), hashing.median())
        .cpu(1e6 / hashing.median())
        .print()?;
    figure(format!("applying records, {name}"), applying.median())
        .cpu(1e6 / applying.median())
        .print()?;
    Ok(())
}
