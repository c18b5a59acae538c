//! What no polka or round certificate gets past (P7), and two proposals as evidence (P13).

use arc_malachitebft_core_types::{
    CertificateError, NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate,
    RoundCertificateType, RoundSignature, SignedProposal, VoteType,
};

use super::net::{NETWORK, Net, id_of, key, set, sign};
use crate::context::{Address, BlockId, Height, Pos, Proposal, Signature, Vote};
use crate::verify::Verifier;
use crate::wire::{Message, proposal_bytes, vote_bytes};
use crate::{BftEffect, BftInput, Refusal, Signed};

const ID: BlockId = BlockId([5; 32]);

fn address(number: u8) -> Address {
    Address(key(number).verifying_key().to_bytes())
}

fn signature(vote_type: VoteType, number: u8, value: NilOrVal<BlockId>) -> Signature {
    let vote = Vote {
        vote_type,
        height: Height(1),
        round: Round::new(2),
        value,
        validator: address(number),
    };
    Signature(sign(&key(number), &vote_bytes(&vote)))
}

fn polka(signers: &[u8]) -> PolkaCertificate<Pos> {
    let signed = |number: &u8| {
        let signature = signature(VoteType::Prevote, *number, NilOrVal::Val(ID));
        PolkaSignature::new(address(*number), signature)
    };
    PolkaCertificate {
        height: Height(1),
        round: Round::new(2),
        value_id: ID,
        polka_signatures: signers.iter().map(signed).collect(),
    }
}

fn round(kind: RoundCertificateType, votes: &[(u8, VoteType)]) -> RoundCertificate<Pos> {
    let signed = |(number, vote_type): &(u8, VoteType)| {
        let signature = signature(*vote_type, *number, NilOrVal::Nil);
        RoundSignature::new(*vote_type, NilOrVal::Nil, address(*number), signature)
    };
    RoundCertificate {
        height: Height(1),
        round: Round::new(2),
        cert_type: kind,
        round_signatures: votes.iter().map(signed).collect(),
    }
}

#[test]
fn a_polka_needs_a_quorum_of_different_known_signers() {
    let validators = set(&[1, 1, 1, 1]);
    let mut verifier = Verifier::new(NETWORK).unwrap();
    assert_eq!(verifier.polka(&polka(&[0, 1, 2]), &validators), Ok(()));
    let mut refused = |certificate| verifier.polka(&certificate, &validators).unwrap_err();
    assert!(matches!(
        refused(polka(&[0, 1])),
        CertificateError::NotEnoughVotingPower { .. }
    ));
    assert!(matches!(
        refused(polka(&[0, 1, 1])),
        CertificateError::DuplicateVote(_)
    ));
    assert!(matches!(
        refused(polka(&[0, 1, 9])),
        CertificateError::UnknownValidator(_)
    ));
    let mut other = polka(&[0, 1, 2]);
    other.round = Round::new(3);
    assert!(matches!(
        refused(other),
        CertificateError::InvalidPolkaSignature(_)
    ));
    let two_thirds = set(&[1, 1, 1]);
    assert!(verifier.polka(&polka(&[0, 1]), &two_thirds).is_err());
}

#[test]
fn a_round_certificate_needs_its_part_and_its_types() {
    use RoundCertificateType::{Precommit, Skip};
    const PRE: VoteType = VoteType::Prevote;
    const COM: VoteType = VoteType::Precommit;
    let validators = set(&[1, 1, 1]);
    let mut verifier = Verifier::new(NETWORK).unwrap();
    let mut verdict = |certificate| verifier.round(&certificate, &validators);
    assert_eq!(verdict(round(Skip, &[(0, PRE), (1, COM)])), Ok(()));
    assert!(
        verdict(round(Skip, &[(0, PRE)])).is_err(),
        "one third exactly"
    );
    assert!(
        verdict(round(Skip, &[(0, PRE), (0, COM)])).is_err(),
        "one signer twice"
    );
    let all = [(0, COM), (1, COM), (2, COM)];
    assert_eq!(verdict(round(Precommit, &all)), Ok(()));
    assert!(
        verdict(round(Precommit, &all[..2])).is_err(),
        "two thirds exactly"
    );
    let mixed = [(0, COM), (1, COM), (2, PRE)];
    assert!(matches!(
        verdict(round(Precommit, &mixed)),
        Err(CertificateError::InvalidVoteType(_))
    ));
}

#[test]
fn certificates_move_a_core_and_bad_ones_are_refused() {
    let mut net = Net::new(&[1, 1, 1, 1], 0);
    let start = BftInput::StartHeight {
        height: 1,
        validators: net.validators.clone(),
        restart: false,
    };
    let core = &mut net.nodes[0].core;
    core.step(start).unwrap();
    let mut bad = polka(&[1, 2, 3]);
    bad.polka_signatures[1].signature.0[9] ^= 4;
    for (certificate, reason) in [
        (bad, Refusal::BadSignature),
        (polka(&[1, 2]), Refusal::BadCertificate),
        (polka(&[1, 2, 9]), Refusal::UnknownValidator),
    ] {
        let bytes = Message::Polka(certificate).encode();
        let step = core.step(BftInput::Message(&bytes)).unwrap();
        let bytes = Some(bytes);
        assert_eq!(step.effects, [BftEffect::Refused { reason, bytes }]);
    }
    assert_eq!(core.round(), Some(0));
    let good = Message::Polka(polka(&[1, 2, 3])).encode();
    let step = core.step(BftInput::Message(&good)).unwrap();
    assert_eq!(
        core.round(),
        Some(2),
        "a polka of a later round leads there"
    );
    let entry = BftEffect::Wal {
        height: 1,
        entry: good,
    };
    assert!(step.effects.contains(&entry));
}

#[test]
fn two_proposals_become_evidence() {
    let mut net = Net::new(&[10, 10, 10, 10], 3);
    let turn = |height: &u64| net.validators.proposer(*height, 0).address() == address(3);
    let height = (2..50).find(turn).unwrap();
    net.run(height - 1);
    for node in [1, 2] {
        let proposal = Proposal {
            height: Height(height),
            round: Round::ZERO,
            value: id_of(height, 0, node),
            pol_round: Round::Nil,
            validator: address(3),
        };
        let signature = Signature(sign(&key(3), &proposal_bytes(&proposal)));
        let message = Message::Proposal(SignedProposal::new(proposal, signature));
        net.deliver(0, &message.encode());
    }
    net.run(height);
    let evidence = &net.nodes[0].evidence;
    assert!(evidence.iter().any(|pair| pair.what == Signed::Proposal));
    assert!(evidence.iter().all(|pair| pair.validator == address(3)));
}
