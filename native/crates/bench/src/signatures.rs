//! Signatures, packed as they cross into the core, on one core.

use std::time::Instant;

use pyralog_sig::{public_key, sign, verify_packed};

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

/// Signatures of a round: a full block's.
const BATCH: usize = 1000;

/// Checking and making signatures of 200-byte messages.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let seed = [7; 32];
    let key = public_key(&seed);
    let message = |i: usize| [i as u8; 200];
    let mut packed = Vec::new();
    let start = Instant::now();
    for i in 0..BATCH {
        packed.extend(key);
        packed.extend(sign(&seed, &message(i)));
        packed.extend(200_u32.to_le_bytes());
        packed.extend(message(i));
    }
    let signing = start.elapsed().as_secs_f64() / BATCH as f64;
    let mut micros = Samples::default();
    let mut cpus = Samples::default();
    for _ in 0..plan.rounds {
        let (cpu, start) = (cpu::process(), Instant::now());
        let verdicts = verify_packed(&packed)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6 / BATCH as f64);
        cpus.push(cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / BATCH as f64);
        if verdicts != [1; BATCH] {
            let message = "a sound signature was refused".to_owned();
            return Err(BenchError::WrongAnswer(message));
        }
    }
    Figure::new("signature checked", micros.median(), "us")
        .cpu(cpus.median())
        .print()?;
    Figure::new("signature made", signing * 1e6, "us").print()?;
    Ok(())
}
