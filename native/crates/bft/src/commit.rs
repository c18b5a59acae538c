//! The commit certificate, which is the finality evidence of a block (P6).

use arc_malachitebft_core_types::{CommitCertificate, NilOrVal, Round, VoteType};

use crate::cbor::{Malformed, Reader, Writer};
use crate::context::{Address, BlockId, HEIGHT_MAX, Height, Pos, Signature, Vote};
use crate::error::BftError;
use crate::validators::Validators;
use crate::verify::{signing_prefix, verify_strictly};
use crate::wire::{read_round, vote_bytes};

/// Why a certificate proves nothing, in the order of the tests (P6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitRefusal {
    /// Not the one encoding for this set.
    Malformed,
    /// Not a quorum.
    Power,
    /// A signature does not verify.
    Signature,
}

impl CommitRefusal {
    /// The `BftCommitRefusal` of native/bft-types.ts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Power => "power",
            Self::Signature => "signature",
        }
    }
}

/// What a certificate is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Committed<'a> {
    /// Network id.
    pub network: &'a str,
    /// The set of that height.
    pub validators: &'a Validators,
    /// Height of the block.
    pub height: u64,
    /// The block.
    pub id: BlockId,
}

/// What a certificate that verifies says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitProof {
    /// The round decided in.
    pub round: u32,
    /// Power that signed.
    pub power: u64,
}

/// The certificate of these precommits; nothing is verified.
///
/// # Errors
/// [`BftError::Argument`] when a signer is not in the set or comes twice.
pub fn encode_commit(
    validators: &Validators,
    round: u32,
    precommits: &[(Address, Signature)],
) -> Result<Vec<u8>, BftError> {
    let mut slots = vec![None; validators.list().len()];
    for (address, signature) in precommits {
        let place = validators.place(address);
        let place =
            place.ok_or_else(|| BftError::Argument(format!("{address} is no validator")))?;
        if slots[place].replace(signature).is_some() {
            return Err(BftError::Argument(format!("{address} signed twice")));
        }
    }
    let mut signers = vec![0_u8; slots.len().div_ceil(8)];
    let mut signatures = Vec::with_capacity(64 * precommits.len());
    for (place, signature) in slots.iter().enumerate() {
        if let Some(signature) = signature {
            signers[place / 8] |= 1 << (place % 8);
            signatures.extend_from_slice(&signature.0);
        }
    }
    let writer = Writer::array(3).uint(round).bytes(&signers);
    Ok(writer.bytes(&signatures).done())
}

/// The certificate that the engine decided with.
pub fn encode_decision(
    validators: &Validators,
    certificate: &CommitCertificate<Pos>,
) -> Result<Vec<u8>, BftError> {
    let list = certificate.commit_signatures.iter();
    let list: Vec<_> = list.map(|s| (s.address, s.signature)).collect();
    encode_commit(validators, certificate.round.as_u32().unwrap_or(0), &list)
}

/// Whether the certificate proves that a quorum committed to the block (P6).
///
/// # Errors
/// A [`CommitRefusal`]; not an error of the caller.
pub fn verify_commit(
    committed: Committed,
    certificate: &[u8],
) -> Result<CommitProof, CommitRefusal> {
    let validators = committed.validators;
    let (round, signers) =
        read(validators, certificate).map_err(|Malformed| CommitRefusal::Malformed)?;
    let power = signers
        .iter()
        .map(|(place, _)| validators.list()[*place].power());
    let power = power.sum();
    if !validators.quorum(power) {
        return Err(CommitRefusal::Power);
    }
    let prefix = signing_prefix(committed.network).map_err(|_| CommitRefusal::Signature)?;
    if !(1..=HEIGHT_MAX).contains(&committed.height) {
        return Err(CommitRefusal::Signature);
    }
    let content = vote_bytes(&Vote {
        vote_type: VoteType::Precommit,
        height: Height(committed.height),
        round,
        value: NilOrVal::Val(committed.id),
        validator: Address([0; 32]),
    });
    let message = [prefix, content].concat();
    let valid = |(place, signature): &(usize, Signature)| {
        verify_strictly(validators.list()[*place].key(), &message, *signature)
    };
    if !signers.iter().all(valid) {
        return Err(CommitRefusal::Signature);
    }
    let round = round.as_u32().unwrap_or(0);
    Ok(CommitProof { round, power })
}

type Signers = Vec<(usize, Signature)>;

fn read(validators: &Validators, certificate: &[u8]) -> Result<(Round, Signers), Malformed> {
    let mut reader = Reader::new(certificate);
    reader.array_of(3)?;
    let round = read_round(&mut reader)?;
    let signers = reader.bytes()?;
    let signatures = reader.bytes()?;
    reader.end()?;
    let count = validators.list().len();
    if signers.len() != count.div_ceil(8) {
        return Err(Malformed);
    }
    let places = (0..signers.len() * 8).filter(|place| signers[place / 8] >> (place % 8) & 1 == 1);
    let places: Vec<_> = places.collect();
    let (list, rest) = signatures.as_chunks::<64>();
    let beyond = places.last().is_some_and(|last| *last >= count);
    if beyond || !rest.is_empty() || list.len() != places.len() {
        return Err(Malformed);
    }
    let list = list.iter().map(|bytes| Signature(*bytes));
    Ok((round, places.into_iter().zip(list).collect()))
}
