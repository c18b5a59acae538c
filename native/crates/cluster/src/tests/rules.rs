//! What holds after every entry of any history, whatever the commands were.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use super::any::history;
use super::{BEGIN_MS, founded};
use crate::{At, ClusterState, Command, NewMember, Outcome, Seal};

type Broken = Result<(), String>;

fn must(holds: bool, rule: &str) -> Broken {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    fence: u64,
    fences: BTreeMap<u64, String>,
    members: BTreeMap<u16, NewMember>,
    seals: BTreeMap<u32, Seal>,
    /// Of each number of a coordinator: fencing number, end of its times.
    times: BTreeMap<u16, (u64, u64)>,
    waits: BTreeMap<String, Vec<String>>,
}

impl Seen {
    /// GR11: a new fencing number is greater than all before.
    fn fences(&mut self, state: &ClusterState) -> Broken {
        let locks = state.locks().iter();
        let locks = locks.map(|(name, lock)| (lock.fence, format!("lock {name} {}", lock.owner)));
        let coordinators = state.coordinators().iter();
        let numbers = coordinators.map(|(number, one)| (one.fence, format!("number {number}")));
        let mut new = Vec::new();
        for (fence, of) in locks.chain(numbers) {
            match self.fences.get(&fence) {
                Some(before) => must(*before == of, "GR11 two have one fencing number")?,
                None => new.push((fence, of)),
            }
        }
        let before = self.fence;
        for (fence, of) in new {
            must(fence > before, "GR11 fencing numbers rise")?;
            self.fence = self.fence.max(fence);
            self.fences.insert(fence, of);
        }
        Ok(())
    }

    fn members(&mut self, state: &ClusterState) -> Broken {
        for (number, before) in &self.members {
            let now = state.members().get(number).map(|one| &one.about);
            let same = now.is_some_and(|now| {
                (&now.name, now.tunnel, now.cosigner)
                    == (&before.name, before.tunnel, before.cosigner)
            });
            must(same, "GR4 a number is one node's for ever")?;
        }
        let now = state.members().iter();
        self.members = now
            .map(|(number, one)| (*number, one.about.clone()))
            .collect();
        Ok(())
    }

    fn partitions(&mut self, state: &ClusterState) -> Broken {
        for (number, one) in state.partitions() {
            let before = self.seals.get(number);
            must(
                before.is_none() || before == one.seal.as_ref(),
                "GR8 what was said of an end stays",
            )?;
            if let Some(seal) = &one.seal {
                self.seals.insert(*number, seal.clone());
            }
        }
        Ok(())
    }

    /// GR13: times of two holders of one number do not overlap.
    fn times(&mut self, state: &ClusterState) -> Broken {
        for (number, one) in state.coordinators() {
            if let Some((fence, end)) = self.times.get(number)
                && *fence != one.fence
            {
                must(one.from_ms >= *end, "GR13 two holders have one time")?;
            }
            self.times.insert(*number, (one.fence, one.expires_ms));
        }
        Ok(())
    }

    /// GR14: whoever comes to hold a lock that others wait for waited longest.
    fn turns(&mut self, state: &ClusterState) -> Broken {
        for (name, lock) in state.locks() {
            let waited = self.waits.get(name).map_or(&[][..], Vec::as_slice);
            let place = waited.iter().position(|one| *one == lock.owner);
            let passed = &waited[..place.unwrap_or(0)];
            let stands = lock.waiters.iter().any(|one| passed.contains(&one.owner));
            must(!stands, "GR14 the first who waits comes first")?;
            let waits = lock.waiters.iter().map(|one| one.owner.clone());
            self.waits.insert(name.clone(), waits.collect());
        }
        self.waits
            .retain(|name, _| state.locks().contains_key(name));
        Ok(())
    }
}

/// What compares the state before an entry with the one after.
fn step(
    before: &ClusterState,
    (at, command): (At, &Command),
    after: &ClusterState,
    outcome: &Outcome,
) -> Broken {
    after
        .consistent()
        .map_err(|fault| format!("GR7 a state that {fault}"))?;
    must(
        after.at().time_ms >= before.at().time_ms,
        "GR12 time goes on",
    )?;
    let now = after.at().time_ms;
    let held = after.locks().values().all(|lock| lock.expires_ms > now);
    let groups = after.consumers().values();
    let there = groups
        .flat_map(|group| group.consumers.values())
        .all(|one| one.expires_ms > now);
    must(held && there, "GR12 what has run out ends")?;
    let mut passed = before.clone();
    passed.pass(at);
    if matches!(outcome, Outcome::Refused { .. }) {
        must(passed == *after, "GR5 a refused command changes nothing")?;
    } else {
        let mut twice = after.clone();
        let again = At {
            index: at.index + 1,
            ..at
        };
        let repeated = twice.apply(again, &command.encode());
        let done = matches!(repeated, Outcome::Done { .. });
        must(done, "GR5 a command that is repeated is done")?;
    }
    reports(before, after)?;
    keepers(before, command, outcome)?;
    consumers(&passed, command, after, outcome)
}

/// GR9.
fn reports(before: &ClusterState, after: &ClusterState) -> Broken {
    for (number, one) in before.partitions() {
        let (Some(old), Some(new)) = (
            &one.replicas.reported,
            &after.partitions()[number].replicas.reported,
        ) else {
            continue;
        };
        must(
            new.epoch >= old.epoch && new.index >= old.index,
            "GR9 what deposed leaders say does not count",
        )?;
    }
    Ok(())
}

/// GR4.
fn keepers(before: &ClusterState, command: &Command, outcome: &Outcome) -> Broken {
    if let (Command::RemoveMember { number }, Outcome::Done { .. }) = (command, outcome) {
        let here = before
            .members()
            .get(number)
            .is_some_and(crate::Member::here);
        let keeps = here
            && before
                .partitions()
                .values()
                .any(|one| one.replicas.has(*number));
        must(!keeps, "GR4 who keeps something is not removed")?;
    }
    Ok(())
}

/// GR15 to GR17.
fn consumers(
    passed: &ClusterState,
    command: &Command,
    after: &ClusterState,
    outcome: &Outcome,
) -> Broken {
    if let (
        Command::CommitOffsets {
            group, generation, ..
        },
        Outcome::Done { .. },
    ) = (command, outcome)
    {
        let (old, new) = (passed.consumers().get(group), after.consumers().get(group));
        let current = old.map(|one| one.generation) == Some(*generation);
        let same = old.map(|one| &one.offsets) == new.map(|one| &one.offsets);
        must(
            current || same,
            "GR16 offsets of the current generation only",
        )?;
    }
    for group in after.consumers().values() {
        for number in group.consumers.values().flat_map(|one| &one.held) {
            let parents = &after.partitions()[number].parents;
            let read = parents.iter().all(|parent| {
                let size = after.partitions()[parent]
                    .seal
                    .as_ref()
                    .map(|seal| seal.size);
                size.is_some_and(|size| group.offsets.get(parent).copied().unwrap_or(0) >= size)
            });
            must(read, "GR15 parents are read before their successors")?;
        }
    }
    Ok(())
}

/// Applies a history to two replicas, one of which is written and read again now and then.
pub(crate) fn check(history: &[(i64, Command)]) -> Broken {
    let mut state = founded(4, 2);
    let mut twin = state.clone();
    let mut seen = Seen::default();
    let mut time_ms = BEGIN_MS;
    for (i, (ms, command)) in history.iter().enumerate() {
        time_ms = time_ms.saturating_add_signed(*ms);
        let at = At {
            index: state.at().index + 1,
            epoch: 1,
            time_ms,
        };
        let before = state.clone();
        let outcome = state.apply(at, &command.encode());
        let context = |rule: String| format!("{rule}: entry {i}, {command:?} → {outcome:?}");
        step(&before, (at, command), &state, &outcome).map_err(context)?;
        seen.fences(&state).map_err(context)?;
        seen.members(&state).map_err(context)?;
        seen.partitions(&state).map_err(context)?;
        seen.times(&state).map_err(context)?;
        seen.turns(&state).map_err(context)?;
        must(
            twin.apply(at, &command.encode()) == outcome,
            "GR1 replicas answer alike",
        )?;
        if i % 7 == 0 {
            let read = ClusterState::decode(&twin.encode());
            twin = read.map_err(|error| format!("GR2 {error}: entry {i}, {command:?}"))?;
        }
    }
    must(
        state.encode() == twin.encode(),
        "GR1 replicas have the same bytes",
    )
}

/// The first history, of so many, that breaks a rule; always the same ones.
pub(crate) fn first_broken(cases: u32, length: usize) -> Option<String> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&history(length), |history| {
        check(&history).map_err(TestCaseError::fail)
    });
    result.err().map(|error| match error {
        TestError::Fail(reason, _) | TestError::Abort(reason) => reason.to_string(),
    })
}

#[test]
fn every_rule_holds_in_every_history() {
    assert_eq!(first_broken(super::runs(400), 150), None);
}
