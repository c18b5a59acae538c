//! Hundreds of partitions at once: as many small batches on the way to one partition, and one to each of many.
//!
//! Both do the same for each record: no segment is sealed in either, because these turns would fill segments of the one
//! partition only, and so neither log lets go of a file. They take short turns, one first and then the other, and what is
//! told is the middle one of the shares of all pairs of turns: a neighbour on the machine that disturbs a turn mostly
//! disturbs both of a pair.

use std::fs;

use pyralog_host::SealLimits;

use crate::batches::Proposals;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;
use crate::subject::Subject;
use crate::turns::Turns;

const PARTITIONS: usize = 600;
/// Records of a batch.
const RECORDS: u32 = 100;
/// Batches that each partition gets in a turn.
const BATCHES: usize = 4;
/// No segment is ever full.
const NO_SEALS: SealLimits = SealLimits {
    rows: u64::MAX,
    bytes: u64::MAX,
};

/// One of the two stores, and its turns.
struct Contestant {
    subject: Subject,
    partitions: usize,
    turns: Turns,
}

impl Contestant {
    fn open(plan: &Plan, (name, partitions): (&str, usize)) -> Result<Self, BenchError> {
        let (subject, _) = Subject::open_many(&plan.dir.join(name), partitions, NO_SEALS)?;
        Ok(Self {
            subject,
            partitions,
            turns: Turns::default(),
        })
    }

    fn take(&mut self, proposals: &mut Proposals, counted: bool) -> Result<(), BenchError> {
        let batches: Vec<Vec<u8>> = (0..PARTITIONS * BATCHES)
            .map(|_| proposals.make_keyed(RECORDS))
            .collect();
        let records = batches.len() * RECORDS as usize;
        let Self {
            subject,
            partitions,
            turns,
        } = self;
        turns.take(records, counted, || {
            subject.propose_among(*partitions, batches, PARTITIONS)?;
            Ok(())
        })
    }

    fn close(self, plan: &Plan, name: &str) -> Result<(), BenchError> {
        self.subject.close()?;
        Ok(fs::remove_dir_all(plan.dir.join(name))?)
    }
}

/// Rate of both, by turns.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let mut proposals = Proposals::default();
    let (one, many) = (("one", 1), ("many", PARTITIONS));
    let (mut lone, mut all) = (Contestant::open(plan, one)?, Contestant::open(plan, many)?);
    for round in 0..=2 * plan.rounds {
        let counted = round > 0;
        let order = if round % 2 == 0 {
            [&mut lone, &mut all]
        } else {
            [&mut all, &mut lone]
        };
        for contestant in order {
            contestant.take(&mut proposals, counted)?;
        }
    }
    print(&lone.turns, &all.turns)?;
    lone.close(plan, one.0)?;
    all.close(plan, many.0)
}

fn print(lone: &Turns, all: &Turns) -> Result<(), BenchError> {
    const NAME: &str = "native, 600 partitions at once";
    let cpu = all.micros.median();
    Figure::new(NAME, all.rate.median(), "records/s")
        .cpu(cpu)
        .floor(lone.rate.median())
        .print()?;
    let shares = |all: &Samples, lone: &Samples| all.shares_of(lone).median();
    let share = format!("{NAME}: share of one");
    Figure::new(share, shares(&all.rate, &lone.rate), "of 1").print()?;
    Figure::new(format!("{NAME}: CPU a record"), cpu, "us")
        .cpu(cpu)
        .floor(cpu / shares(&all.micros, &lone.micros))
        .print()?;
    Ok(())
}
