//! Handshakes (LK3, LK4): good ones, and refused ones with their reasons.

use super::ends::{End, Ended, end, key, shake};
use super::frames::{receive, wire};
use crate::event::Refusal;
use crate::handshake::{Handshake, Progress};
use crate::mutant::{Mutant, with};
use crate::options::Priority;
use crate::preamble::Reason;

fn refusal(ended: Option<Ended>) -> Option<Refusal> {
    ended.and_then(Result::err)
}

/// Why a listener does not let the dialler in, and what the dialler hears.
fn refused(dialler: &End, listener: &End) -> (Option<Refusal>, Option<Refusal>) {
    let (one, two) = shake(dialler, listener, usize::MAX);
    let up = |side: &Option<Ended>| matches!(side, Some(Ok(_)));
    assert!(!up(&one) && !up(&two), "a link came of it");
    (refusal(one), refusal(two))
}

#[test]
fn two_members_get_a_link_however_the_bytes_are_cut() {
    for chunk in [1, 2, 3, 47, 48, 49, 500, usize::MAX] {
        let (one, two) = shake(&end(1), &end(2), chunk);
        let (Some(Ok(mut one)), Some(Ok(mut two))) = (one, two) else {
            panic!("no link with chunks of {chunk}");
        };
        assert_eq!((one.peer, two.peer), (2, 1));
        assert_eq!(
            (&one.hello[..], &two.hello[..]),
            (&b"hello of 2"[..], &b"hello of 1"[..])
        );
        assert_eq!(one.public, key(2).public());
        let messages = vec![(Priority::Urgent, 3, b"vote".to_vec())];
        let there = wire(&messages, &one.cipher, &mut one.sealer);
        assert_eq!(
            receive(&there, chunk, &two.cipher, &mut two.opener),
            Ok(messages.clone())
        );
        let back = wire(&messages, &two.cipher, &mut two.sealer);
        assert_eq!(
            receive(&back, chunk, &one.cipher, &mut one.opener),
            Ok(messages)
        );
    }
}

#[test]
fn what_follows_the_handshake_is_kept() {
    // The listener's first frame in the same packet as its verdict cannot be: it waits for the dialler's. The dialler's can.
    let (dialler, listener) = (end(1), end(2));
    let (mut one, preamble) = dialler.dial(&listener);
    let mut two = Handshake::listen();
    let (_, answer) = listener.feed(&mut two, &preamble);
    let (_, first) = dialler.feed(&mut one, &answer);
    let (_, second) = listener.feed(&mut two, &first);
    let (Progress::Done(mut one), mut verdict) = dialler.feed(&mut one, &second) else {
        panic!("the dialler has all it needs");
    };
    let messages = vec![(Priority::Normal, 1, vec![5; 100])];
    verdict.extend(wire(&messages, &one.cipher, &mut one.sealer));
    let (Progress::Done(mut two), _) = listener.feed(&mut two, &verdict) else {
        panic!("the listener has all it needs");
    };
    assert_eq!(
        receive(&two.rest, 999, &two.cipher, &mut two.opener),
        Ok(messages)
    );
}

#[test]
fn preambles_are_refused_with_their_reason() {
    let told = |dialler: &End, listener: &End| {
        let (one, two) = refused(dialler, listener);
        let Some(Refusal::ByPeer(heard)) = one else {
            panic!("the dialler heard {one:?}");
        };
        assert_eq!(two, Some(Refusal::Here(heard)));
        heard
    };
    let mut other = end(1);
    other.cluster = [8; 32];
    assert_eq!(told(&other, &end(2)), Reason::Cluster);
    let mut alone = end(2);
    alone.members.retain(|(node, _)| *node != 1);
    assert_eq!(told(&end(1), &alone), Reason::NotAMember);
    // Itself: a copy of the node's own store under its own number and key.
    assert_eq!(told(&end(2), &end(2)), Reason::NotAMember);
    assert_eq!(told(&end(3), &end(2)), Reason::WrongWay);
    let mut misled = end(2);
    misled.node = 3;
    let (mut one, preamble) = end(1).dial(&end(2));
    let (progress, answer) = misled.feed(&mut Handshake::listen(), &preamble);
    assert!(matches!(
        progress,
        Progress::Refused(Refusal::Here(Reason::NotTo))
    ));
    let (progress, _) = end(1).feed(&mut one, &answer);
    assert!(matches!(
        progress,
        Progress::Refused(Refusal::ByPeer(Reason::NotTo))
    ));
    // The cluster's id is looked at, or a node of another one would come in whose keys are the same.
    let (_, two) = with(Mutant::AnyCluster, || shake(&other, &end(2), usize::MAX));
    assert!(matches!(two, Some(Ok(_))));
}

#[test]
fn versions_and_strangers() {
    let (_, preamble) = end(1).dial(&end(2));
    let meets = |at: usize, value: u8| {
        let mut bytes = preamble.clone();
        bytes[at] = value;
        end(2).feed(&mut Handshake::listen(), &bytes)
    };
    for version in [0, 2, 255] {
        let (progress, answer) = meets(7, version);
        assert!(matches!(
            progress,
            Progress::Refused(Refusal::Here(Reason::Version))
        ));
        assert_eq!(answer, [1]);
    }
    for at in [0, 6, 44, 47] {
        let (progress, answer) = meets(at, 9);
        assert!(matches!(progress, Progress::Refused(Refusal::NotALink)));
        assert!(answer.is_empty(), "a stranger learns nothing");
    }
    // An answer that is none.
    for answer in [7, 80, 255] {
        let (mut one, _) = end(1).dial(&end(2));
        let (progress, out) = end(1).feed(&mut one, &[answer]);
        assert!(matches!(progress, Progress::Refused(Refusal::Handshake(_))));
        assert!(out.is_empty());
    }
}

#[test]
fn only_the_pinned_keys_open() {
    // The dialler claims to be node 1 with a key of its own.
    let mut thief = end(1);
    thief.secret = key(77);
    let (one, two) = refused(&thief, &end(2));
    assert_eq!((one, two), (None, Some(Refusal::WrongKey)));
    let (_, two) = with(Mutant::AnyKey, || shake(&thief, &end(2), usize::MAX));
    assert!(
        matches!(two, Some(Ok(_))),
        "the comparison is what keeps it out"
    );
    // The listener is not who is dialled: it cannot read the first message, nor make up the second.
    let mut impostor = end(2);
    impostor.secret = key(77);
    let (one, two) = refused(&end(1), &impostor);
    assert!(one.is_none() && matches!(two, Some(Refusal::Handshake(_))));
    let (mut one, _) = end(1).dial(&end(2));
    end(1).feed(&mut one, &[0]);
    let mut made_up = 100u16.to_le_bytes().to_vec();
    made_up.extend([6; 100]);
    let (progress, out) = end(1).feed(&mut one, &made_up);
    assert!(matches!(progress, Progress::Refused(Refusal::Handshake(_))) && out.is_empty());
}

#[test]
fn a_refused_hello_is_told_to_both() {
    let text = "store format 9 is newer than 8:\nupgrade this node";
    let mut strict = end(2);
    strict.refuses = Some(text.to_owned());
    let (one, two) = refused(&end(1), &strict);
    let shown = text.replace('\n', " ");
    assert_eq!(one, Some(Refusal::HelloByPeer(shown.clone())));
    assert_eq!(two, Some(Refusal::Hello(text.to_owned())));
    let mut strict = end(1);
    strict.refuses = Some(text.to_owned());
    let (one, two) = refused(&strict, &end(2));
    assert_eq!(one, Some(Refusal::Hello(text.to_owned())));
    assert_eq!(two, Some(Refusal::HelloByPeer(shown)));
    let through = with(Mutant::IgnoreVerdict, || {
        shake(&strict, &end(2), usize::MAX)
    });
    assert!(matches!(through, (Some(Ok(_)), Some(Ok(_)))));
    // A long text is cut between characters.
    let mut wordy = end(2);
    wordy.refuses = Some("ü".repeat(400) + "x");
    let (one, _) = refused(&end(1), &wordy);
    assert_eq!(one, Some(Refusal::HelloByPeer("ü".repeat(256))));
}

#[test]
fn hellos_have_a_length() {
    let mut wordy = end(1);
    wordy.hello = vec![1; 1024];
    let (one, two) = shake(&wordy, &end(2), 100);
    assert!(matches!((one, two), (Some(Ok(_)), Some(Ok(two))) if two.hello.len() == 1024));
    wordy.hello.push(1);
    let (one, two) = refused(&wordy, &end(2));
    assert!(matches!(one, Some(Refusal::Handshake(_))) && two.is_none());
}
