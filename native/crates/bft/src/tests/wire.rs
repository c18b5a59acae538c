//! Bytes of strangers: whatever they are, the answer is a value (P5).

use proptest::prelude::*;

use super::net::{Net, Node, Random, set};
use crate::wire::Message;
use crate::{BftEffect, BftInput, Refusal, message_info};

/// Real messages of every kind, from a network that loses some.
fn corpus() -> Vec<Vec<u8>> {
    let mut net = Net::new(&[1, 1, 1, 1], 11);
    net.loss = 30;
    net.transcript = Some(Vec::new());
    net.silent.insert(3);
    net.run(12);
    let logs = net.nodes.iter().flat_map(|node| node.logs.values());
    let entries = logs.flat_map(|log| log.entries.iter().cloned());
    entries
        .filter(|entry| message_info(entry).is_some())
        .collect()
}

fn certificates(corpus: &[Vec<u8>]) -> Vec<Vec<u8>> {
    use arc_malachitebft_core_types::{
        PolkaCertificate, RoundCertificate, RoundCertificateType, SignedVote,
    };
    let votes = corpus
        .iter()
        .filter_map(|bytes| match Message::decode(bytes) {
            Ok(Message::Vote(vote)) => Some(vote),
            _ => None,
        });
    let votes: Vec<SignedVote<_>> = votes.take(40).collect();
    let (height, round) = (votes[0].height, votes[0].round);
    let polka = PolkaCertificate {
        height,
        round,
        value_id: crate::BlockId([1; 32]),
        polka_signatures: votes
            .iter()
            .map(|v| arc_malachitebft_core_types::PolkaSignature::new(v.validator, v.signature))
            .collect(),
    };
    let kinds = [RoundCertificateType::Skip, RoundCertificateType::Precommit];
    let rounds = kinds.map(|kind| {
        let made = RoundCertificate::new_from_votes(height, round, kind, votes.clone());
        Message::Round(made).encode()
    });
    [vec![Message::Polka(polka).encode()], rounds.to_vec()].concat()
}

#[test]
fn messages_have_one_encoding() {
    let mut corpus = corpus();
    corpus.extend(certificates(&corpus));
    assert!(corpus.len() > 100);
    for bytes in &corpus {
        let message = Message::decode(bytes).unwrap();
        assert_eq!(&message.encode(), bytes);
        assert!(Message::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        for length in 0..bytes.len() {
            assert!(Message::decode(&bytes[..length]).is_err());
        }
    }
}

#[test]
fn longer_heads_and_numbers_out_of_range_are_malformed() {
    let vote = |head: &[u8]| [head, &[0x58, 32], &[1; 32], &[0x58, 64], &[2; 64]].concat();
    assert!(Message::decode(&vote(&[0x86, 0, 1, 0, 0xf6])).is_ok());
    for head in [
        &[0x86, 0x18, 0, 1, 0, 0xf6][..],
        &[0x86, 0, 0x18, 1, 0, 0xf6],
        &[0x86, 0, 0, 0, 0xf6],
        &[0x86, 0, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0xf6],
        &[0x86, 0, 1, 0x1a, 0x80, 0, 0, 0, 0xf6],
        &[0x86, 0, 1, 0xf6, 0xf6],
        &[0x86, 0, 1, 0, 0xf7],
        &[0x86, 2, 1, 0, 0xf6],
        &[0x9f, 0, 1, 0, 0xf6],
        &[0x98, 6, 0, 1, 0, 0xf6],
    ] {
        assert!(Message::decode(&vote(head)).is_err(), "{head:?}");
    }
    let proposal = |pol: u8| {
        let head = [0x87, 2, 1, 3, pol, 0x58, 32];
        [
            &head[..],
            &[9; 32],
            &[0x58, 32],
            &[1; 32],
            &[0x58, 64],
            &[2; 64],
        ]
        .concat()
    };
    assert!(Message::decode(&proposal(0xf6)).is_ok());
    assert!(Message::decode(&proposal(2)).is_ok());
    assert!(
        Message::decode(&proposal(3)).is_err(),
        "a polka of its own round"
    );
    // A list that claims to be long is not believed.
    let liar = [
        &[0x85, 3, 1, 0, 0x58, 32][..],
        &[9; 32],
        &[0x9b],
        &[0xff; 8],
    ]
    .concat();
    assert!(Message::decode(&liar).is_err());
}

/// Flips, cuts, splices: what a fuzzer does, a million times in a few seconds.
#[test]
fn mutated_messages_never_panic_and_are_never_taken() {
    let mut corpus = corpus();
    corpus.extend(certificates(&corpus));
    let validators = set(&[1, 1, 1, 1]);
    let mut node = Node::new(0, &validators, 3);
    let start = BftInput::StartHeight {
        height: 3,
        validators,
        restart: false,
    };
    node.core.step(start).unwrap();
    let mut random = Random(5);
    let (mut decoded, mut malformed) = (0_u32, 0_u32);
    for turn in 0..1_000_000_u32 {
        let pick = random.below(corpus.len() as u64) as usize;
        let mut bytes = corpus[pick].clone();
        mutate(&mut bytes, &corpus, &mut random);
        if corpus.contains(&bytes) {
            continue;
        }
        let valid = Message::decode(&bytes).is_ok();
        decoded += u32::from(valid);
        malformed += u32::from(!valid);
        // The core itself with every message that decodes and some that do not; verification is slow here.
        if (valid && decoded.is_multiple_of(64)) || turn % 1_000 == 0 {
            let step = node.core.step(BftInput::Message(&bytes)).unwrap();
            assert_eq!(step.sign, None);
            for effect in &step.effects {
                assert!(matches!(effect, BftEffect::Refused { .. }), "{effect:?}");
            }
            let refused = matches!(
                step.effects.first(),
                Some(BftEffect::Refused {
                    reason: Refusal::Malformed,
                    ..
                })
            );
            assert_eq!(refused, !valid);
        }
    }
    assert!(decoded > 10_000 && malformed > 10_000);
}

fn mutate(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at.max(1)),
            3 => bytes.insert(at, random.next() as u8),
            _ => {
                let other = &corpus[random.below(corpus.len() as u64) as usize];
                let from = at.min(other.len());
                bytes.splice(at.., other[from..].iter().copied());
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn random_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }

    #[test]
    fn random_cbor_heads_too(
        head in prop::sample::select(vec![0x85_u8, 0x86, 0x87]),
        rest in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>(), Just(0xf6)], 0..300),
    ) {
        let bytes = [&[head], rest.as_slice()].concat();
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
        let _ = message_info(&[head]);
    }
}
