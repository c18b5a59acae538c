//! A network agrees, with the same effects for the same inputs, and shows who lies.

use std::collections::BTreeMap;

use arc_malachitebft_core_types::{NilOrVal, Round, SignedVote, VoteType};

use super::net::{Net, key, sign};
use crate::commit::{Committed, verify_commit};
use crate::context::{Address, BlockId, Height, Pos, Signature, Vote};
use crate::wire::{Message, vote_bytes};
use crate::{BftInput, Refusal, Signed, message_info};

#[test]
fn four_weighted_validators_agree_over_two_hundred_heights() {
    let mut net = Net::new(&[50, 30, 15, 7], 1);
    let begun = std::time::Instant::now();
    net.run(200);
    eprintln!(
        "{:?} for one height of one node",
        begun.elapsed() / (200 * 4)
    );
    for height in 1..=200 {
        let decision = net.decision(height);
        let committed = Committed {
            network: super::net::NETWORK,
            validators: &net.validators,
            height,
            id: decision.id,
        };
        let proof = verify_commit(committed, &decision.certificate).unwrap();
        assert_eq!(proof.round, decision.round);
        assert!(proof.power * 3 > 102 * 2);
    }
    assert!(net.nodes.iter().all(|node| node.evidence.is_empty()));
}

#[test]
fn a_silent_proposer_costs_a_round() {
    let mut net = Net::new(&[10, 10, 10, 10], 2);
    let silent = key(3).verifying_key().to_bytes();
    net.silent.insert(3);
    net.run(40);
    let mut turns = 0;
    for height in 1..=40 {
        let absent = net.validators.proposer(height, 0).address() == Address(silent);
        let decision = net.decision(height);
        assert_eq!(decision.round > 0, absent, "height {height}");
        turns += usize::from(absent);
    }
    assert!(turns >= 8, "the silent one had {turns} turns");
}

#[test]
fn agreement_survives_losses_and_every_seed_repeats_itself() {
    for seed in 0..12 {
        let run = || {
            let mut net = Net::new(&[4, 3, 2, 2, 1], seed);
            net.loss = 5 * (seed % 5);
            net.transcript = Some(Vec::new());
            net.run(15);
            for height in 1..=15 {
                net.decision(height);
            }
            net.transcript.unwrap()
        };
        assert!(run() == run(), "seed {seed} gave two transcripts");
    }
}

fn lie(vote_type: VoteType, height: u64, liar: u8, id: Option<BlockId>) -> Vec<u8> {
    let vote = Vote {
        vote_type,
        height: Height(height),
        round: Round::ZERO,
        value: id.map_or(NilOrVal::Nil, NilOrVal::Val),
        validator: Address(key(liar).verifying_key().to_bytes()),
    };
    let signature = Signature(sign(&key(liar), &vote_bytes(&vote)));
    Message::Vote(SignedVote::<Pos>::new(vote, signature)).encode()
}

#[test]
fn a_double_vote_becomes_evidence() {
    let mut net = Net::new(&[10, 10, 10, 10], 3);
    net.run(1);
    for id in [None, Some(BlockId([9; 32]))] {
        net.deliver(0, &lie(VoteType::Prevote, 2, 3, id));
    }
    net.run(2);
    let evidence = &net.nodes[0].evidence;
    assert!(!evidence.is_empty());
    for pair in evidence {
        assert_eq!(pair.what, Signed::Prevote);
        assert_eq!(pair.validator.0, key(3).verifying_key().to_bytes());
        let (first, second) = (&pair.first, &pair.second);
        let infos = [first, second].map(|bytes| message_info(bytes).unwrap());
        assert_ne!(infos[0].id, infos[1].id);
        assert_eq!(infos[0].height, infos[1].height);
    }
}

#[test]
fn refusals_say_why() {
    let mut net = Net::new(&[10, 10, 10, 10], 4);
    net.run(3);
    let height = net.nodes[0].core.height();
    let core = &mut net.nodes[0].core;
    let mut reasons = BTreeMap::new();
    let mut forged = lie(VoteType::Prevote, height, 1, None);
    *forged.last_mut().unwrap() ^= 1;
    // The same vote as one that the engine has already, signed by nobody.
    let mut forged_again = lie(VoteType::Prevote, height, 1, None);
    *forged_again.last_mut().unwrap() ^= 2;
    let mut early = lie(VoteType::Precommit, height + 2, 1, None);
    *early.last_mut().unwrap() ^= 1;
    let cases = [
        ("garbage", vec![0x86, 0x18]),
        ("old", lie(VoteType::Prevote, 1, 1, None)),
        ("far", lie(VoteType::Prevote, height + 9, 1, None)),
        ("forged", forged),
        ("early", early),
        ("stranger", lie(VoteType::Prevote, height, 77, None)),
        ("fine", lie(VoteType::Precommit, height + 1, 1, None)),
        ("vote", lie(VoteType::Prevote, height, 1, None)),
        ("vote resigned", forged_again),
    ];
    for (name, bytes) in &cases {
        let step = core.step(BftInput::Message(bytes)).unwrap();
        let refused = step.effects.into_iter().find_map(|effect| match effect {
            crate::BftEffect::Refused { reason, .. } => Some(reason),
            _ => None,
        });
        reasons.insert(*name, refused);
    }
    let expected = BTreeMap::from([
        ("garbage", Some(Refusal::Malformed)),
        ("old", Some(Refusal::Stale)),
        ("far", Some(Refusal::Ahead)),
        ("forged", Some(Refusal::BadSignature)),
        ("early", Some(Refusal::BadSignature)),
        ("stranger", Some(Refusal::UnknownValidator)),
        ("fine", None),
        ("vote", None),
        ("vote resigned", Some(Refusal::BadSignature)),
    ]);
    assert_eq!(reasons, expected);
}
