//! Signatures and certificates, each signature verified once.
// The engine's error type is this large, and it wants it by value.
#![allow(clippy::result_large_err)]

use std::collections::BTreeSet;

use arc_malachitebft_core_types::{
    CertificateError, CommitCertificate, NilOrVal, PolkaCertificate, RoundCertificate,
    RoundCertificateType, VoteType,
};
use ed25519_dalek::VerifyingKey;

use crate::context::{Address, Pos, Signature, Vote};
use crate::error::BftError;
use crate::validators::{Validators, canonical_point};
use crate::wire::vote_bytes;

/// Most signatures remembered. A validator can make any number of signatures of one vote; beyond this they cost
/// verification again, not memory.
const SEEN_MAX: usize = 16_384;

type Fault = CertificateError<Pos>;

/// Verifies for one network, and remembers what verified.
pub struct Verifier {
    prefix: Vec<u8>,
    seen: BTreeSet<(u64, Address, Signature, Vec<u8>)>,
}

impl Verifier {
    /// For a network id of 1 to 255 bytes.
    pub fn new(network: &str) -> Result<Self, BftError> {
        let prefix = signing_prefix(network)?;
        let seen = BTreeSet::new();
        Ok(Self { prefix, seen })
    }

    /// What the signature is over: `content` in the domain `vote` of this network.
    pub fn signed_bytes(&self, content: &[u8]) -> Vec<u8> {
        [&self.prefix, content].concat()
    }

    /// Whether it is the key's signature over `content` (C5).
    pub fn verify(
        &mut self,
        height: u64,
        content: &[u8],
        key: &VerifyingKey,
        signature: Signature,
    ) -> bool {
        let entry = (height, Address(key.to_bytes()), signature, content.to_vec());
        if self.seen.contains(&entry) {
            return true;
        }
        let valid = verify_strictly(key, &self.signed_bytes(content), signature);
        if valid && self.seen.len() < SEEN_MAX {
            self.seen.insert(entry);
        }
        valid
    }

    /// Forgets heights before `height`.
    pub fn forget_before(&mut self, height: u64) {
        self.seen.retain(|entry| entry.0 >= height);
    }

    fn vote(&mut self, vote: &Vote, signature: Signature, validators: &Validators) -> bool {
        let Some(validator) = validators.find(&vote.validator) else {
            return false;
        };
        self.verify(vote.height.0, &vote_bytes(vote), validator.key(), signature)
    }

    /// Whether these are the precommits of a quorum (P6).
    pub fn commit(
        &mut self,
        certificate: &CommitCertificate<Pos>,
        validators: &Validators,
    ) -> Result<(), Fault> {
        let list = &certificate.commit_signatures;
        signers(validators, list.iter().map(|s| s.address), Part::Quorum)?;
        let place = (certificate.height, certificate.round);
        for signed in list {
            let value = NilOrVal::Val(certificate.value_id);
            let vote = Pos::vote(VoteType::Precommit, place, value, signed.address);
            if !self.vote(&vote, signed.signature, validators) {
                return Err(Fault::InvalidCommitSignature(signed.clone()));
            }
        }
        Ok(())
    }

    /// Whether these are the prevotes of a quorum (P7).
    pub fn polka(
        &mut self,
        certificate: &PolkaCertificate<Pos>,
        validators: &Validators,
    ) -> Result<(), Fault> {
        let list = &certificate.polka_signatures;
        signers(validators, list.iter().map(|s| s.address), Part::Quorum)?;
        let place = (certificate.height, certificate.round);
        for signed in list {
            let value = NilOrVal::Val(certificate.value_id);
            let vote = Pos::vote(VoteType::Prevote, place, value, signed.address);
            if !self.vote(&vote, signed.signature, validators) {
                return Err(Fault::InvalidPolkaSignature(signed.clone()));
            }
        }
        Ok(())
    }

    /// Whether these votes justify a round (P7).
    pub fn round(
        &mut self,
        certificate: &RoundCertificate<Pos>,
        validators: &Validators,
    ) -> Result<(), Fault> {
        let list = &certificate.round_signatures;
        let skip = certificate.cert_type == RoundCertificateType::Skip;
        let part = if skip { Part::Honest } else { Part::Quorum };
        signers(validators, list.iter().map(|s| s.address), part)?;
        let place = (certificate.height, certificate.round);
        for signed in list {
            if !skip && signed.vote_type == VoteType::Prevote {
                return Err(Fault::InvalidVoteType(signed.address));
            }
            let vote = Pos::vote(signed.vote_type, place, signed.value_id, signed.address);
            if !self.vote(&vote, signed.signature, validators) {
                return Err(Fault::InvalidRoundSignature(signed.clone()));
            }
        }
        Ok(())
    }
}

/// u8 length and `vote`, u8 length and network id (identity.md I5): what stands before every signed content.
pub fn signing_prefix(network: &str) -> Result<Vec<u8>, BftError> {
    let length = u8::try_from(network.len())
        .ok()
        .filter(|length| *length > 0);
    let length =
        length.ok_or_else(|| BftError::Argument("a network id has 1 to 255 bytes".into()))?;
    Ok([b"\x04vote".as_slice(), &[length], network.as_bytes()].concat())
}

/// Strict verification (C5): canonical A, R and S, none of small order, no cofactor.
pub fn verify_strictly(key: &VerifyingKey, message: &[u8], signature: Signature) -> bool {
    let Some(r) = signature.0.first_chunk::<32>() else {
        return false;
    };
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    canonical_point(r) && key.verify_strict(message, &signature).is_ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Quorum,
    Honest,
}

/// Every signer known and once, and enough of them.
fn signers(
    validators: &Validators,
    list: impl Iterator<Item = Address>,
    part: Part,
) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let mut power = 0_u64;
    for address in list {
        let Some(validator) = validators.find(&address) else {
            return Err(Fault::UnknownValidator(address));
        };
        if !seen.insert(address) {
            return Err(Fault::DuplicateVote(address));
        }
        power += validator.power();
    }
    let total = validators.total();
    let (enough, expected) = match part {
        Part::Quorum => (validators.quorum(power), 2 * (total / 3) + 1),
        Part::Honest => (validators.honest_part(power), total / 3 + 1),
    };
    if enough {
        return Ok(());
    }
    Err(Fault::NotEnoughVotingPower {
        signed: power,
        total,
        expected,
    })
}
