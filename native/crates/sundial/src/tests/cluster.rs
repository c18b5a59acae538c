//! What members find out about each other (SD1 to SD7).

use std::collections::BTreeSet;
use std::time::Duration;

use super::net::Net;
use crate::Health;
use crate::mutant::{Mutant, with};

const SEEDS: [u64; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

fn none() -> BTreeSet<(u16, u16)> {
    BTreeSet::new()
}

fn all_but(gone: u16, count: u16) -> BTreeSet<(u16, u16)> {
    (1..=count)
        .filter(|node| *node != gone)
        .map(|node| (node, gone))
        .collect()
}

#[test]
fn members_find_each_other() {
    for seed in SEEDS {
        for count in [2, 3, 7] {
            let mut net = Net::new(count, seed);
            net.run(2);
            assert_eq!(net.silent(), none(), "seed {seed}, {count} members");
        }
    }
}

#[test]
fn who_dies_is_found_by_all_and_taken_in_again() {
    for seed in SEEDS {
        let mut net = Net::new(5, seed);
        net.run(3);
        net.kill(4);
        net.run(8);
        assert_eq!(net.silent(), all_but(4, 5), "seed {seed}");
        assert!((2_000..8_000).contains(&net.silent_for(1)[&4]));
        net.start(4);
        net.run(3);
        assert_eq!(net.silent(), none(), "seed {seed}");
    }
}

#[test]
fn loss_kills_nobody() {
    for seed in SEEDS {
        let mut net = Net::new(5, seed);
        net.run(3);
        let begin = net.now;
        net.loss = 15;
        net.run(60);
        assert_eq!(net.told_since(begin, Health::Silent), [], "seed {seed}");
    }
}

/// Members that were taken for dead while nothing came from 1 to 2.
fn deaths_of_a_one_way_cut(seed: u64) -> usize {
    let mut net = Net::new(5, seed);
    net.run(3);
    let begin = net.now;
    net.cut.insert((1, 2));
    net.run(30);
    net.told_since(begin, Health::Silent).len()
}

#[test]
fn a_way_that_is_cut_kills_nobody_whom_others_reach() {
    for seed in SEEDS {
        assert_eq!(deaths_of_a_one_way_cut(seed), 0, "seed {seed}");
    }
    let suspects = |seed| {
        let mut net = Net::new(5, seed);
        net.run(3);
        net.cut.insert((1, 2));
        net.run(30);
        net.told_since(Duration::from_secs(1_003), Health::Suspected)
            .len()
    };
    let with_help: usize = SEEDS.map(suspects).iter().sum();
    let alone: usize = SEEDS
        .map(|seed| with(Mutant::NoIndirect, || suspects(seed)))
        .iter()
        .sum();
    assert!(
        alone > with_help,
        "SD4: {alone} suspicions, {with_help} with the help of others"
    );
}

#[test]
fn a_suspicion_that_is_false_is_refuted() {
    let mut refuted = 0;
    for seed in SEEDS {
        let mut net = Net::new(5, seed);
        net.run(3);
        let begin = net.now;
        net.paused.insert(3);
        net.run(2);
        net.paused.clear();
        net.run(5);
        assert_eq!(net.told_since(begin, Health::Silent), [], "seed {seed}");
        assert_eq!(net.silent(), none(), "seed {seed}");
        refuted += net.told_since(begin, Health::Suspected).len();
        let alive = net
            .seen_by(1)
            .values()
            .all(|health| *health == Health::Alive);
        assert!(alive, "seed {seed}");
    }
    assert!(refuted > 0, "somebody was suspected in some run");
}

/// Whom the one who was paused took for dead, and whether all are well in the end.
fn long_pause(seed: u64) -> (Vec<(u16, u16)>, bool) {
    let mut net = Net::new(5, seed);
    net.run(3);
    net.paused.insert(3);
    net.run(20);
    let (found, woken) = (net.silent(), net.now);
    net.paused.clear();
    net.run(5);
    let mut wrong = net.told_since(woken, Health::Silent);
    wrong.retain(|(by, _)| *by == 3);
    let found: BTreeSet<_> = found.into_iter().filter(|(by, _)| *by != 3).collect();
    (wrong, found == all_but(3, 5) && net.silent() == none())
}

#[test]
fn who_was_stopped_takes_nobody_else_for_dead() {
    for seed in SEEDS {
        assert_eq!(long_pause(seed), (vec![], true), "seed {seed}");
    }
    let stays = |seed: &u64| with(Mutant::StayDead, || !long_pause(*seed).1);
    assert!(SEEDS.iter().any(stays), "SD2");
}

/// Deaths that are told when all stop at once, one of them a little before the others.
fn deaths_of_a_sleep(seed: u64) -> usize {
    let mut net = Net::new(5, seed);
    net.run(3);
    let begin = net.now;
    net.paused.insert(4);
    net.run(2);
    net.paused.extend([1, 2, 3, 5]);
    net.run(20);
    net.paused.clear();
    net.run(5);
    net.told_since(begin, Health::Silent).len()
}

#[test]
fn a_machine_that_slept_finds_nobody_dead() {
    for seed in SEEDS {
        assert_eq!(deaths_of_a_sleep(seed), 0, "seed {seed}");
    }
    let blamed = |seed: &u64| with(Mutant::CountOwnPauses, || deaths_of_a_sleep(*seed) > 0);
    assert!(SEEDS.iter().any(blamed), "SD6");
}

/// Whether two halves that were apart are one again.
fn healed(seed: u64) -> bool {
    let mut net = Net::new(6, seed);
    net.run(3);
    for a in 1..=3 {
        for b in 4..=6 {
            net.cut.extend([(a, b), (b, a)]);
        }
    }
    net.run(30);
    assert_eq!(
        net.silent().len(),
        18,
        "each takes the three others for dead"
    );
    net.cut.clear();
    net.run(5);
    net.silent() == none()
}

#[test]
fn halves_become_one_again() {
    for seed in SEEDS {
        assert!(healed(seed), "seed {seed}");
    }
    assert!(
        SEEDS
            .iter()
            .any(|seed| with(Mutant::GreetOnce, || !healed(*seed))),
        "SD5"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut net = Net::new(5, seed);
        net.loss = 20;
        net.run(5);
        net.kill(2);
        net.run(10);
        net.told
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
