//! Durable batches of records of 100 bytes into a partition whose segments are sealed meanwhile, by turns with the floor:
//! append, fdatasync and one BLAKE3 of the same bytes.

use crate::batches::Proposals;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::floor::{self, FloorFile, Hashing};
use crate::plan::Plan;
use crate::subject::{Subject, WAL_FILE_BYTES};
use crate::turns::Turns;

/// Records of a segment (store.md Z2): a turn writes a whole number of them, so that each pays for its seals.
const SEGMENT_RECORDS: usize = 262_144;

/// The thread that makes segments.
const SEAL: &str = "pyralog-seal";

/// One load.
struct Load {
    name: &'static str,
    records: u32,
    in_flight: usize,
}

const LOADS: [Load; 2] = [
    Load {
        name: "batches of 1,000",
        records: 1_000,
        in_flight: 1,
    },
    Load {
        name: "batches of 8,192",
        records: 8_192,
        in_flight: 4,
    },
];

/// Rate and processor time of each load.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let mut proposals = Proposals::default();
    let (subject, _) = Subject::open(&plan.dir.join("appends"))?;
    let mut file = FloorFile::create(&plan.dir.join("appends-floor"), WAL_FILE_BYTES)?;
    for load in LOADS {
        let turn = (SEGMENT_RECORDS / load.records as usize + 1) * plan.segments_a_turn;
        let records = turn * load.records as usize;
        let (mut floor, mut log) = <(Turns, Turns)>::default();
        for round in 0..=plan.rounds {
            let batches: Vec<Vec<u8>> = (0..turn)
                .map(|_| proposals.make_keyed(load.records))
                .collect();
            let counted = round > 0;
            let run_floor = |floor: &mut Turns, file: &mut FloorFile| {
                floor.take(records, counted, || {
                    floor::run(file, &batches, load.in_flight, Hashing::Stream)?;
                    Ok(())
                })
            };
            if round % 2 == 0 {
                run_floor(&mut floor, &mut file)?;
            }
            let owned = batches.clone();
            log.take(records, counted, || {
                subject.propose_all(owned, load.in_flight)?;
                Ok(())
            })?;
            if round % 2 == 1 {
                run_floor(&mut floor, &mut file)?;
            }
        }
        print(&load, &floor, &log)?;
    }
    subject.close()
}

fn print(load: &Load, floor: &Turns, log: &Turns) -> Result<(), BenchError> {
    let cpu = log.micros.median();
    Figure::new(format!("native, {}: CPU a record", load.name), cpu, "us")
        .cpu(cpu)
        .floor(floor.micros.median())
        .print()?;
    // The caller checks and copies, the others hash, apply and write: what a batch waits for.
    let path = ["pyralog-apply", "pyralog-hash", "pyralog-sync"];
    let caller = cpu::thread_name();
    let on_path = |name: &str| name == caller || path.contains(&name);
    let part = |part: &str, micros| {
        let metric = format!("native, {}: CPU a record, {part}", load.name);
        Figure::new(metric, micros, "us").print()
    };
    part("append path", log.micros_on(on_path))?;
    part("sealing", log.micros_on(|name| name == SEAL))?;
    let others = log.micros_on(|name| name != SEAL && !on_path(name));
    part("log files and the rest", others)?;
    Figure::new(
        format!("native, {}: durable", load.name),
        log.rate.median(),
        "records/s",
    )
    .cpu(cpu)
    .floor(floor.rate.median())
    .print()?;
    Ok(())
}
