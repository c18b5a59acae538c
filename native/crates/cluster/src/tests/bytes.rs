//! Bytes of commands, outcomes and states (GR2).

use proptest::prelude::*;

use super::any::command;
use super::rules::check;
use super::{founded, later, run};
use crate::{At, ClusterState, Code, Command, Outcome, SnapshotError, decode_entry, encode_entry};

proptest! {
    #[test]
    fn a_command_is_what_its_bytes_say(command in command()) {
        let bytes = command.encode();
        prop_assert_eq!(Command::decode(&bytes), Ok(command));
        for end in 0..bytes.len() {
            prop_assert!(Command::decode(&bytes[..end]).is_err(), "cut at {}", end);
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert!(Command::decode(&longer).is_err());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), of_ours in any::<bool>()) {
        let mut bytes = bytes;
        if of_ours && !bytes.is_empty() {
            bytes[0] = 1;
        }
        let mut state = founded(3, 1);
        let before = state.clone();
        let at = later(&state, 1);
        if let Ok(command) = Command::decode(&bytes) {
            prop_assert_eq!(command.encode(), bytes.clone(), "one way to write a command");
        }
        let outcome = state.apply(at, &bytes);
        prop_assert_eq!(state.at().index, before.at().index + 1);
        prop_assert_eq!(state.consistent(), Ok(()));
        prop_assert_eq!(Outcome::decode(&outcome.encode()), Some(outcome));
        state.apply_entry((at.index + 1, 1), &bytes);
        let _ = (Outcome::decode(&bytes), ClusterState::decode(&bytes), decode_entry(&bytes));
    }

    #[test]
    fn a_command_with_other_bytes_is_another_or_none(
        command in command(), at in any::<prop::sample::Index>(), flip in 1_u8..
    ) {
        let mut bytes = command.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(read) = Command::decode(&bytes) {
            prop_assert_ne!(&read, &command);
            prop_assert_eq!(read.encode(), bytes.clone());
        }
        let state = founded(3, 2);
        let mut applied = state.clone();
        applied.apply(later(&state, 1), &bytes);
        prop_assert_eq!(applied.consistent(), Ok(()));
    }

    #[test]
    fn damage_in_a_state_is_noticed(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = founded(3, 2).encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(ClusterState::decode(&bytes).is_err());
    }
}

#[test]
fn versions_and_kinds_of_later_programs_are_named() {
    let mut bytes = Command::Tick.encode();
    bytes[0] = 2;
    assert_eq!(Command::decode(&bytes).unwrap_err().code, Code::Newer);
    assert_eq!(
        Command::decode(&[1, 250]).unwrap_err().code,
        Code::Malformed
    );
    let mut state = founded(1, 0).encode();
    state.truncate(state.len() - 32);
    state[8] = 2;
    let sum = blake3::hash(&state);
    state.extend_from_slice(sum.as_bytes());
    assert_eq!(ClusterState::decode(&state), Err(SnapshotError::Newer(2)));
}

#[test]
fn a_state_that_contradicts_itself_is_damage() {
    let mut state = founded(3, 2);
    state.partitions.remove(&1);
    let read = ClusterState::decode(&state.encode());
    assert!(matches!(read, Err(SnapshotError::Corrupt(_))), "{read:?}");
}

#[test]
fn an_entry_has_a_time_and_a_command() {
    let entry = encode_entry(5, b"abc");
    assert_eq!(decode_entry(&entry), Some((5, b"abc".as_slice())));
    assert_eq!(decode_entry(&entry[..15]), None);
    let mut change = entry;
    change[12] = 2;
    assert_eq!(decode_entry(&change), None, "a change of members (RF2)");
}

#[test]
fn an_entry_is_applied_once() {
    let mut state = founded(3, 1);
    run(&mut state, &Command::Tick).unwrap();
    let before = state.clone();
    let drain = Command::Drain { number: 1 }.encode();
    let outcome = state.apply(
        At {
            index: 1,
            epoch: 9,
            time_ms: u64::MAX,
        },
        &drain,
    );
    assert_eq!(outcome.result().unwrap_err().code, Code::Stale);
    assert_eq!(state, before);
}

#[test]
fn a_history_without_commands_is_well() {
    assert_eq!(check(&[]), Ok(()));
}
