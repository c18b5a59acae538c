//! Silence, recovery, loss (LK8), over a wire that a test can hold.

use std::time::Duration;

use pyralog_link::{Down, Event, Priority};

use crate::support::{Handling, Node, Wire, options, peer, until};

/// Two nodes with a wire between them.
fn wired(give_up: Duration) -> (Node, Node, Wire) {
    let with = |mut options: pyralog_link::LinkOptions| {
        options.limits.give_up = give_up;
        options
    };
    let mut two = Node::start(with(options(2, vec![peer(1, None)])));
    let wire = Wire::to(two.address());
    let mut one = Node::start(with(options(1, vec![peer(2, Some(wire.address))])));
    one.up(2);
    two.up(1);
    (one, two, wire)
}

fn silent(node: &mut Node, peer: u16) -> Duration {
    node.take(|event| match event {
        Event::Silent { peer: p, silent } if *p == peer => Some(*silent),
        _ => None,
    })
}

fn heard(node: &mut Node, peer: u16) -> Duration {
    node.take(|event| match event {
        Event::Heard { peer: p, silent } if *p == peer => Some(*silent),
        _ => None,
    })
}

#[test]
fn heartbeats_give_the_round_trip() {
    let (one, two, _wire) = wired(Duration::from_mins(10));
    for (node, peer) in [(&one, 2), (&two, 1)] {
        until("a round trip", || {
            node.links.figures().peers[&peer].round_trip.is_some()
        });
        let figures = &node.links.figures().peers[&peer];
        assert!(figures.heartbeats > 0);
        assert_eq!(
            figures.received.messages, [0; 3],
            "heartbeats are none of the layer above"
        );
    }
}

#[test]
fn a_wire_that_holds_is_silence_and_then_it_is_heard_again() {
    let (mut one, mut two, wire) = wired(Duration::from_mins(10));
    one.send(2, 1, Priority::Normal, b"before");
    assert_eq!(two.message(1).1, b"before");
    wire.set(Handling::Hold);
    let after = silent(&mut one, 2);
    assert!(after >= Duration::from_millis(50));
    silent(&mut two, 1);
    // What is sent meanwhile comes once, and afterwards.
    one.send(2, 1, Priority::Normal, b"held");
    wire.set(Handling::Pass);
    assert!(
        heard(&mut one, 2) >= after,
        "it was silent for at least as long as was told"
    );
    heard(&mut two, 1);
    assert_eq!(two.message(1).1, b"held");
    let figures = &one.links.figures().peers[&2];
    assert!(figures.silent_spells >= 1 && figures.up && figures.connects == 1);
}

#[test]
fn too_long_a_silence_is_the_end_and_a_new_beginning() {
    let (mut one, mut two, wire) = wired(Duration::from_millis(300));
    wire.set(Handling::Hold);
    silent(&mut one, 2);
    assert!(matches!(one.down(2), Down::SilentTooLong(_)));
    assert!(matches!(two.down(1), Down::SilentTooLong(_) | Down::Closed));
    wire.cut();
    wire.set(Handling::Pass);
    one.up(2);
    two.up(1);
}

#[test]
fn a_cut_wire_is_down_at_once() {
    let (mut one, mut two, wire) = wired(Duration::from_mins(10));
    for _ in 0..3 {
        wire.cut();
        assert!(matches!(one.down(2), Down::Closed | Down::Failed(_)));
        assert!(matches!(two.down(1), Down::Closed | Down::Failed(_)));
        one.up(2);
        two.up(1);
    }
}

#[test]
fn a_damaged_or_repeated_frame_is_the_end_and_a_new_beginning() {
    for handling in [Handling::Damage, Handling::Repeat] {
        let (mut one, mut two, wire) = wired(Duration::from_mins(10));
        wire.set(handling);
        // Whichever side it met calls it a breach; the other sees the end.
        let ends = [one.down(2), two.down(1)];
        let breach =
            |why: &Down| matches!(why, Down::Breach(text) if text.contains("authenticate"));
        assert!(ends.iter().any(breach), "{ends:?}");
        one.up(2);
        two.up(1);
        one.send(2, 1, Priority::Normal, b"sound");
        assert_eq!(two.message(1).1, b"sound");
    }
}
