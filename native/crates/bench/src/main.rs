//! Native floors and figures for `npm run bench -- log`: one line of JSON a figure on standard output.
//!
//! `pyralog-bench --dir DIR [--quick] [--in-flight 1,2,4,8]`, or `--floor BYTES` for the raw floor of batches of that
//! size alone, `--state` for the state tree and signatures (`npm run bench -- state`), `--segment` for sealed segments,
//! `--link` for links between nodes beside raw TCP, or
//! `--store PART` for the store as a whole or a part of it, with `--soak SECONDS` for
//! its memory. Everything is written under DIR,
//! which must exist; the caller removes it.

mod amplification;
mod appends;
mod apply;
mod batches;
mod counting;
mod cpu;
mod durable;
mod error;
mod failover;
mod figure;
mod floor;
mod ids;
mod link;
mod link_pair;
mod link_raw;
mod merkle;
mod open;
mod opening;
mod partitions;
mod plan;
mod sample;
mod segment;
mod signatures;
mod single;
mod soak;
mod state;
mod subject;
mod turns;

use std::process::ExitCode;

use batches::Proposals;
use error::BenchError;
use plan::{Only, Plan};
use subject::Subject;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pyralog-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BenchError> {
    let plan = Plan::parse(std::env::args().skip(1))?;
    if let Some(floor) = plan.floor {
        return durable::floor_only(&plan.dir, &floor);
    }
    match plan.only {
        Some(Only::State) => {
            state::measure(&plan)?;
            return signatures::measure(&plan);
        }
        Some(Only::Segment) => return segment::measure(&plan),
        Some(Only::Link) => return link::measure(&plan),
        None => {}
    }
    if let Some(part) = &plan.store {
        return measure_store(&plan, part);
    }
    let store = plan.dir.join("store");
    let (subject, _) = Subject::open(&store)?;
    let mut proposals = Proposals::default();
    // Latencies first: gigabytes of batches leave a disk busy for a while.
    single::measure(&plan, &subject, &mut proposals)?;
    durable::measure(&plan, &subject, &mut proposals)?;
    subject.close()?;
    open::measure(&store)?;
    apply::measure(&plan)?;
    merkle::measure(&plan)?;
    ids::measure(&plan)
}

/// `npm run bench -- store`: what the native store does by itself, or one part of it.
fn measure_store(plan: &Plan, part: &str) -> Result<(), BenchError> {
    let wanted = |name| part == name || part == "all";
    match part {
        opening::VICTIM => return opening::append_until_killed(plan),
        failover::VICTIM => return failover::be_the_leader(plan),
        failover::FAILOVER => return failover::measure(plan),
        _ => {}
    }
    if wanted("singles") {
        let (subject, _) = Subject::open(&plan.dir.join("singles"))?;
        single::measure(plan, &subject, &mut Proposals::default())?;
        subject.close()?;
    }
    if wanted("appends") {
        appends::measure(plan)?;
    }
    if wanted("partitions") {
        partitions::measure(plan)?;
    }
    if part == "apply" {
        apply::measure(plan)?;
    }
    if wanted("ids") {
        ids::measure(plan)?;
        ids::measure_windows(plan)?;
    }
    if wanted("opening") {
        opening::measure(plan)?;
    }
    if wanted("amplification") {
        amplification::measure(plan)?;
    }
    // In a process of its own, or memory that others gave back hides what grows.
    if part == "soak" {
        soak::measure(plan)?;
    }
    Ok(())
}
