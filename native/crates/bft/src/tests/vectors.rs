//! The vectors that TypeScript shares (test/vectors/pos.json; P1 to P7).

use serde_json::Value;

use super::net::Random;
use crate::commit::{Committed, verify_commit};
use crate::context::{BlockId, Signature};
use crate::verify::{signing_prefix, verify_strictly};
use crate::wire::{Message, proposal_bytes, vote_bytes};
use crate::{Address, InfoKind, Validators, encode_commit, message_info};

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn fixed<const N: usize>(hex: &Value) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

fn vectors() -> Value {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../test/vectors/pos.json"
    );
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn list<'a>(from: &'a Value, name: &str) -> &'a [Value] {
    from[name].as_array().unwrap()
}

fn validators(from: &Value) -> Validators {
    let member = |member: &Value| {
        let power = member["power"].as_str().unwrap().parse().unwrap();
        (fixed(&member["key"]), power)
    };
    let members: Vec<_> = list(from, "validators").iter().map(member).collect();
    Validators::new(&members).unwrap()
}

#[test]
fn order_and_turns() {
    let file = vectors();
    let set = validators(&file);
    let order: Vec<_> = set.list().iter().map(|v| v.address().0).collect();
    let expected: Vec<[u8; 32]> = list(&file, "order").iter().map(fixed).collect();
    assert_eq!(order, expected);
    for (set, turns) in [
        (set, list(&file, "schedule")),
        (validators(&file["large"]), list(&file["large"], "schedule")),
    ] {
        assert!(turns.len() > 20);
        for turn in turns {
            let height = turn["height"].as_u64().unwrap();
            let round = u32::try_from(turn["round"].as_u64().unwrap()).unwrap();
            let place = set.place(&set.proposer(height, round).address());
            assert_eq!(place.map(|p| p as u64), turn["proposer"].as_u64(), "{turn}");
        }
    }
}

#[test]
fn votes_and_proposals() {
    let file = vectors();
    let set = validators(&file);
    let prefix = signing_prefix(file["network"].as_str().unwrap()).unwrap();
    for case in list(&file, "signed") {
        let wire = bytes(&case["message"]);
        let message = Message::decode(&wire).unwrap();
        assert_eq!(message.encode(), wire);
        let (content, voter, signature) = match &message {
            Message::Vote(vote) => (vote_bytes(vote), vote.validator, vote.signature),
            Message::Proposal(made) => (proposal_bytes(made), made.validator, made.signature),
            other => panic!("{other:?}"),
        };
        assert_eq!(content, bytes(&case["content"]));
        assert_eq!(voter.0, fixed(&case["validator"]));
        let signed = [prefix.as_slice(), &content].concat();
        assert_eq!(signed, bytes(&case["signed"]));
        let key = set.find(&voter).unwrap().key();
        assert!(verify_strictly(key, &signed, signature));
        let kind = match message_info(&wire).unwrap().kind {
            InfoKind::Prevote => "prevote",
            InfoKind::Precommit => "precommit",
            InfoKind::Proposal => "proposal",
            InfoKind::Polka | InfoKind::Round => panic!("a certificate"),
        };
        assert_eq!(kind, case["kind"]);
    }
}

#[test]
fn certificates_and_what_is_malformed() {
    let file = vectors();
    let set = validators(&file);
    let network = file["network"].as_str().unwrap();
    let mut verifier = crate::verify::Verifier::new(network).unwrap();
    for case in list(&file, "certificates") {
        let wire = bytes(&case["message"]);
        let message = Message::decode(&wire).unwrap();
        assert_eq!(message.encode(), wire);
        let verdict = match &message {
            Message::Polka(certificate) => verifier.polka(certificate, &set),
            Message::Round(certificate) => verifier.round(certificate, &set),
            other => panic!("{other:?}"),
        };
        assert_eq!(verdict, Ok(()));
    }
    for case in list(&file, "malformed") {
        assert_eq!(message_info(&bytes(case)), None, "{case}");
    }
}

fn committed<'a>(network: &'a str, set: &'a Validators, case: &Value) -> Committed<'a> {
    Committed {
        network,
        validators: set,
        height: case["height"].as_u64().unwrap(),
        id: BlockId(fixed(&case["id"])),
    }
}

#[test]
fn commit_certificates() {
    let file = vectors();
    let set = validators(&file);
    let network = file["network"].as_str().unwrap();
    for case in list(&file, "commits") {
        let certificate = bytes(&case["certificate"]);
        let proof = verify_commit(committed(network, &set, case), &certificate).unwrap();
        assert_eq!(u64::from(proof.round), case["round"]);
        assert_eq!(proof.power, case["power"]);
        assert_eq!(encoded_again(&set, &certificate, proof.round), certificate);
    }
    for case in list(&file, "refused") {
        let network = case["network"].as_str().unwrap();
        let certificate = bytes(&case["certificate"]);
        let verdict = verify_commit(committed(network, &set, case), &certificate);
        let reason = verdict.map_err(super::super::commit::CommitRefusal::name);
        assert_eq!(reason, Err(case["reason"].as_str().unwrap()), "{case}");
    }
}

/// The same precommits in another order give the same bytes.
fn encoded_again(set: &Validators, certificate: &[u8], round: u32) -> Vec<u8> {
    let places: Vec<_> = (0..set.list().len())
        .filter(|place| certificate[3] >> place & 1 == 1)
        .collect();
    let signatures = certificate[certificate.len() - 64 * places.len()..].as_chunks::<64>();
    let pairs = places.iter().zip(signatures.0);
    let mut list: Vec<(Address, Signature)> = pairs
        .map(|(place, bytes)| (set.list()[*place].address(), Signature(*bytes)))
        .collect();
    let by = Random(list.len() as u64).below(list.len() as u64) as usize;
    list.rotate_left(by);
    encode_commit(set, round, &list).unwrap()
}
