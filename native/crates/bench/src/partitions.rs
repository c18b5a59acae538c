//! Hundreds of partitions at once: as many small batches on the way to one partition, and one to each of many.

use std::fs;

use pyralog_host::SealLimits;

use crate::batches::Proposals;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::subject::Subject;
use crate::turns::Turns;

const PARTITIONS: usize = 600;
/// Records of a batch.
const RECORDS: u32 = 100;
/// Batches that each partition gets in a turn.
const BATCHES: usize = 8;

/// Rate of both, by turns.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let mut proposals = Proposals::default();
    let (one_dir, many_dir) = (plan.dir.join("one"), plan.dir.join("many"));
    let seal = SealLimits::default();
    let (lone, _) = Subject::open_many(&one_dir, 1, seal)?;
    let (many, _) = Subject::open_many(&many_dir, PARTITIONS, seal)?;
    let (mut of_one, mut of_many) = <(Turns, Turns)>::default();
    let records = PARTITIONS * BATCHES * RECORDS as usize;
    for round in 0..=plan.rounds {
        let counted = round > 0;
        let mut batches = || -> Vec<Vec<u8>> {
            (0..PARTITIONS * BATCHES)
                .map(|_| proposals.make_keyed(RECORDS))
                .collect()
        };
        let (first, second) = (batches(), batches());
        of_one.take(records, counted, || {
            lone.propose_all(first, PARTITIONS)?;
            Ok(())
        })?;
        of_many.take(records, counted, || {
            many.propose_among(PARTITIONS, second, PARTITIONS)?;
            Ok(())
        })?;
    }
    Figure::new(
        "native, 600 partitions at once",
        of_many.rate.median(),
        "records/s",
    )
    .cpu(of_many.micros.median())
    .floor(of_one.rate.median())
    .print()?;
    Figure::new(
        "native, 600 partitions at once: CPU a record",
        of_many.micros.median(),
        "us",
    )
    .cpu(of_many.micros.median())
    .floor(of_one.micros.median())
    .print()?;
    lone.close()?;
    many.close()?;
    fs::remove_dir_all(one_dir)?;
    fs::remove_dir_all(many_dir)?;
    Ok(())
}
