//! Handshakes under attack (LK4): replayed, changed on the way, cut off, made up.

use super::ends::{end, established};
use super::frames::{receive, wire};
use crate::event::Refusal;
use crate::handshake::{Handshake, Progress};
use crate::mutant::{Mutant, with};
use crate::options::Priority;

/// What a dialler sends in a good handshake, stage by stage, and what it gets.
fn recorded() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (dialler, listener) = (end(1), end(2));
    let (mut one, mut out) = dialler.dial(&listener);
    let mut two = Handshake::listen();
    let (mut sent, mut got) = (Vec::new(), Vec::new());
    loop {
        sent.push(out.clone());
        let (_, answer) = listener.feed(&mut two, &out);
        if answer.is_empty() {
            return (sent, got);
        }
        got.push(answer.clone());
        (_, out) = dialler.feed(&mut one, &answer);
    }
}

#[test]
fn a_replayed_handshake_gets_nowhere() {
    let (sent, _) = recorded();
    let replay = || {
        let mut listener = Handshake::listen();
        let mut last = Progress::More;
        for bytes in &sent {
            if matches!(last, Progress::More) {
                (last, _) = end(2).feed(&mut listener, bytes);
            }
        }
        last
    };
    assert!(matches!(replay(), Progress::Refused(Refusal::Handshake(_))));
    let trusted = with(Mutant::TrustFirstMessage, replay);
    assert!(
        matches!(trusted, Progress::Done(_)),
        "the verdict is what shows that it is there"
    );
}

#[test]
fn one_changed_bit_is_no_link() {
    let (sent, _) = recorded();
    let whole: Vec<u8> = sent.concat();
    // The listener's own part is new each time, so the dialler's side is played live with one bit turned on its way.
    for at in 0..whole.len() {
        let (dialler, listener) = (end(1), end(2));
        let (mut one, mut to_two) = dialler.dial(&listener);
        let (mut two, mut passed, mut up) = (Handshake::listen(), 0, false);
        loop {
            if (passed..passed + to_two.len()).contains(&at) {
                to_two[at - passed] ^= 1 << (at % 8);
            }
            passed += to_two.len();
            let (progress, answer) = listener.feed(&mut two, &to_two);
            up |= matches!(progress, Progress::Done(_));
            if answer.is_empty() {
                break;
            }
            (_, to_two) = dialler.feed(&mut one, &answer);
        }
        assert!(!up, "with a bit of byte {at} turned");
    }
}

#[test]
fn what_the_listener_says_cannot_be_changed_either() {
    let (_, got) = recorded();
    for at in 0..got.concat().len() {
        let (dialler, listener) = (end(1), end(2));
        let (mut one, mut to_two) = dialler.dial(&listener);
        let (mut two, mut passed) = (Handshake::listen(), 0);
        loop {
            let (_, mut answer) = listener.feed(&mut two, &to_two);
            if answer.is_empty() {
                break;
            }
            if (passed..passed + answer.len()).contains(&at) {
                answer[at - passed] ^= 1 << (at % 8);
            }
            passed += answer.len();
            let (progress, out) = dialler.feed(&mut one, &answer);
            let up = matches!(progress, Progress::Done(_));
            assert!(!up || passed <= at, "with a bit of byte {at} turned");
            to_two = out;
        }
    }
}

#[test]
fn truncated_is_waited_for_and_oversized_refused() {
    let (sent, _) = recorded();
    for (stage, bytes) in sent.iter().enumerate() {
        for cut in 0..bytes.len() {
            let mut two = Handshake::listen();
            for before in &sent[..stage] {
                end(2).feed(&mut two, before);
            }
            let (progress, out) = end(2).feed(&mut two, &bytes[..cut]);
            // The recorded verdict is no good, but too short to tell.
            assert!(
                matches!(progress, Progress::More) && out.is_empty(),
                "{stage}: {cut}"
            );
        }
    }
    for length in [0, 95, 1121, u16::MAX] {
        let mut two = Handshake::listen();
        end(2).feed(&mut two, &sent[0]);
        let (progress, _) = end(2).feed(&mut two, &length.to_le_bytes());
        assert!(
            matches!(progress, Progress::Refused(Refusal::Handshake(_))),
            "a message of {length} bytes is not waited for"
        );
    }
}

#[test]
fn random_bytes_at_any_stage_are_no_link() {
    let (sent, got) = recorded();
    let mut random = fastrand::Rng::with_seed(6);
    for turn in 0..1500 {
        let mut junk = vec![0; random.usize(1..3000)];
        random.fill(&mut junk);
        if turn % 2 == 0 {
            // A length that is waited for.
            junk.resize(junk.len().max(2), 0);
            junk[..2].copy_from_slice(&random.u16(17..1200).to_le_bytes());
        }
        let listener_stages = random.usize(0..sent.len());
        let mut two = Handshake::listen();
        for before in &sent[..listener_stages] {
            end(2).feed(&mut two, before);
        }
        let (progress, _) = end(2).feed(&mut two, &junk);
        assert!(!matches!(progress, Progress::Done(_)), "turn {turn}");
        let (mut one, _) = end(1).dial(&end(2));
        for before in &got[..random.usize(0..got.len())] {
            end(1).feed(&mut one, before);
        }
        let (progress, _) = end(1).feed(&mut one, &junk);
        assert!(!matches!(progress, Progress::Done(_)), "turn {turn}");
        // What is over stays over.
        if matches!(progress, Progress::Refused(_)) {
            let (progress, out) = end(1).feed(&mut one, &got.concat());
            assert!(matches!(progress, Progress::Refused(_)) && out.is_empty());
        }
    }
}

#[test]
fn keys_are_new_in_every_handshake() {
    let (mut one, _) = established();
    let (_, mut two) = established();
    let bytes = wire(
        &[(Priority::Urgent, 1, vec![1])],
        &one.cipher,
        &mut one.sealer,
    );
    assert!(receive(&bytes, 100, &two.cipher, &mut two.opener).is_err());
}
