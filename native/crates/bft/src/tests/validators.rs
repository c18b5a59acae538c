//! The set and whose turn it is (P1, P3).

use std::collections::BTreeMap;

use super::net::{key, set};
use crate::{BftError, POWER_MAX, VALIDATORS_MAX, Validators};

fn public(number: u8) -> [u8; 32] {
    key(number).verifying_key().to_bytes()
}

#[test]
fn the_order_is_by_power_then_key() {
    let validators = set(&[1, 5, 5, 3]);
    let powers: Vec<_> = validators.list().iter().map(|v| v.power()).collect();
    assert_eq!(powers, [5, 5, 3, 1]);
    let keys: Vec<_> = validators.list().iter().map(|v| v.address()).collect();
    assert!(keys[0] < keys[1]);
}

#[test]
fn what_is_no_set_is_refused() {
    let many: Vec<_> = (0..=VALIDATORS_MAX).map(|_| (public(0), 1)).collect();
    let mut one = [0; 32];
    one[0] = 1;
    let high = [0xff; 32];
    for members in [
        vec![],
        vec![(public(0), 0)],
        vec![(public(0), 1), (public(0), 2)],
        vec![(public(0), POWER_MAX), (public(1), 1)],
        vec![(public(0), u64::MAX), (public(1), u64::MAX)],
        vec![([0; 32], 1)],
        vec![(one, 1)],
        vec![(high, 1)],
        many,
    ] {
        let refused = Validators::new(&members);
        assert!(matches!(refused, Err(BftError::Validators(_))));
    }
    assert!(Validators::new(&[(public(0), POWER_MAX)]).is_ok());
}

#[test]
fn turns_are_in_proportion_to_power_and_spread() {
    let powers = [50_u64, 30, 15, 4, 1];
    let validators = set(&powers);
    let mut turns = BTreeMap::new();
    let mut last = BTreeMap::new();
    let mut gap = BTreeMap::new();
    for height in 1..=10_000_u64 {
        let proposer = validators.proposer(height, 0).address();
        *turns.entry(proposer).or_insert(0_i64) += 1;
        let since = height - last.insert(proposer, height).unwrap_or(height - 1);
        let widest = gap.entry(proposer).or_insert(0);
        *widest = since.max(*widest);
    }
    for validator in validators.list() {
        let fair = i64::try_from(validator.power() * 100).unwrap();
        let off = (turns[&validator.address()] - fair).abs();
        assert!(off <= 3, "power {}: {off} off", validator.power());
        let mean = 100 / validator.power();
        assert!(gap[&validator.address()] <= 3 * mean + 3);
    }
}

#[test]
fn every_round_of_a_height_moves_the_turn_on() {
    let validators = set(&[1, 1, 1, 1]);
    for height in [1, 2, 1_000_000, (1 << 53) - 1] {
        let rounds = (0..8).map(|round| validators.proposer(height, round).address());
        let seen: std::collections::BTreeSet<_> = rounds.collect();
        assert_eq!(seen.len(), 4, "height {height}");
    }
}
