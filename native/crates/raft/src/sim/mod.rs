//! The simulated cluster (docs/spec/raft-sim.md): nodes of production code over simulated disks, links and time.
//! `RUNS=… SEED=… cargo test -p pyralog-raft simulation` repeats or prolongs it, `TRAIL=1` prints what happens, `COUNTS=1` how
//! often each fault struck.

mod chance;
mod client;
mod end;
mod faults;
mod heal;
mod host;
mod judge;
mod linear;
mod machine;
mod mutants;
mod net;
mod node;
mod people;
mod seals;
mod watch;
mod weather;
mod world;

use std::collections::BTreeMap;

use self::world::World;

/// Kinds of faults and turns of events, and how often each struck.
type Counts = BTreeMap<&'static str, u64>;

/// What a run came to.
struct Outcome {
    pub hash: [u8; 32],
    pub counts: Counts,
}

/// One run; an error says which rule does not hold, and what happened last.
fn play(seed: u64) -> Result<Outcome, String> {
    World::new(seed).play()
}

/// `RUNS` or `SEED` from the environment.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The first of these seeds that fails.
fn first_failure(seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    seeds
        .into_iter()
        .find_map(|seed| play(seed).err().map(|reason| (seed, reason)))
}

/// What must have struck at least once over the seeds of a usual run (RS14).
const EXPECTED: [&str; 35] = [
    "call repeated late",
    "campaign",
    "change",
    "crash",
    "crash behind a snapshot",
    "crash in the middle of a sync",
    "crash of all",
    "crash while opening",
    "doubled",
    "election",
    "failing disk",
    "fuse",
    "joint change",
    "jump of the clock",
    "leader cut off",
    "link reset",
    "loss",
    "members changed",
    "orderly stop",
    "partition",
    "partition one way",
    "pause",
    "peer lost",
    "read",
    "reordered",
    "sealed",
    "sectors kept",
    "sectors lost",
    "slow disk",
    "snapshot installed",
    "sync errors",
    "torn",
    "transfer",
    "write",
    "write errors",
];

#[test]
fn simulation_keeps_every_rule() {
    let first = variable("SEED").unwrap_or(1);
    let runs = variable("RUNS").unwrap_or(500);
    let mut total = Counts::new();
    for seed in first..first + runs {
        match play(seed) {
            Ok(outcome) => {
                for (name, count) in outcome.counts {
                    *total.entry(name).or_default() += count;
                }
            }
            Err(reason) => panic!("SEED={seed} RUNS=1: {reason}"),
        }
    }
    if runs >= 500 {
        let silent: Vec<_> = EXPECTED
            .iter()
            .filter(|name| !total.contains_key(*name))
            .collect();
        assert!(
            silent.is_empty(),
            "never struck: {silent:?}; struck: {total:?}"
        );
    }
    if variable("COUNTS").is_some() {
        eprintln!("{total:?}");
    }
}

/// RS1.
#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..=8 {
        let hashes = [play(seed), play(seed)].map(|run| run.map(|run| run.hash));
        assert_eq!(hashes[0], hashes[1], "seed {seed}");
    }
}
