//! The engine's types as ours: heights, block ids, vote keys, votes, proposals.

use std::fmt;

use arc_malachitebft_core_types::{
    self as core, Context, LinearTimeouts, NilOrVal, Round, SignedExtension, VoteType,
};
use ed25519_dalek::VerifyingKey;

use crate::validators::{Validator, Validators};

/// Greatest height: 2^53 − 1, what JavaScript counts exactly.
pub const HEIGHT_MAX: u64 = (1 << 53) - 1;

/// Greatest round: 2^31 − 1, so that no peer's number brings the engine's counter to its end.
pub const ROUND_MAX: u32 = (1 << 31) - 1;

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

bytes32! {
    /// A validator's vote key, which names it too (P1).
    Address
}
bytes32! {
    /// A block, by its id: what is voted on.
    BlockId
}

impl core::Address for Address {}

impl core::Value for BlockId {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A height, from 1; 0 only where the engine wants a default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// 64 bytes that claim to be an Ed25519 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// Stands where the host refused to sign (P11). Never verifies, is never sent.
    pub const REFUSED: Self = Self([0; 64]);
}

/// Ed25519; the secret key is the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ed25519;

impl core::SigningScheme for Ed25519 {
    type DecodingError = &'static str;
    type Signature = Signature;
    type PublicKey = VerifyingKey;
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<Signature, &'static str> {
        let bytes = bytes.try_into().map_err(|_| "a signature has 64 bytes")?;
        Ok(Signature(bytes))
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<VerifyingKey, &'static str> {
        VerifyingKey::try_from(bytes).map_err(|_| "not a key")
    }

    fn encode_public_key(key: &VerifyingKey) -> Vec<u8> {
        key.to_bytes().to_vec()
    }
}

/// A prevote or precommit.
// Named as the engine names it.
#[allow(clippy::struct_field_names)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Prevote or precommit.
    pub vote_type: VoteType,
    /// Height voted at.
    pub height: Height,
    /// Round voted in; never nil.
    pub round: Round,
    /// The block, or nil.
    pub value: NilOrVal<BlockId>,
    /// Who votes.
    pub validator: Address,
}

impl core::Vote<Pos> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.vote_type
    }

    fn validator_address(&self) -> &Address {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<Pos>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Pos>> {
        None
    }

    fn extend(self, _: SignedExtension<Pos>) -> Self {
        self
    }
}

/// A block proposed for a round; its body travels apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Height proposed for.
    pub height: Height,
    /// Round proposed for; never nil.
    pub round: Round,
    /// The block.
    pub value: BlockId,
    /// Of a repeated value: the round of its polka.
    pub pol_round: Round,
    /// Who proposes.
    pub validator: Address,
}

impl core::Proposal<Pos> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.value
    }

    fn take_value(self) -> BlockId {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.validator
    }
}

/// Bodies travel outside the engine, so there are no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPart;

impl core::ProposalPart<Pos> for NoPart {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

/// The engine's context: proof of stake over Ed25519 votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pos;

impl Pos {
    /// The vote of these fields.
    pub(crate) fn vote(
        vote_type: VoteType,
        (height, round): (Height, Round),
        value: NilOrVal<BlockId>,
        validator: Address,
    ) -> Vote {
        Vote {
            vote_type,
            height,
            round,
            value,
            validator,
        }
    }
}

impl Context for Pos {
    type Address = Address;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = Validators;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(
        &self,
        validators: &'a Validators,
        height: Height,
        round: Round,
    ) -> &'a Validator {
        validators.proposer(height.0, round.as_u32().unwrap_or(0))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: BlockId,
        pol_round: Round,
        validator: Address,
    ) -> Proposal {
        Proposal {
            height,
            round,
            value,
            pol_round,
            validator,
        }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<BlockId>,
        validator: Address,
    ) -> Vote {
        Self::vote(VoteType::Prevote, (height, round), value, validator)
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<BlockId>,
        validator: Address,
    ) -> Vote {
        Self::vote(VoteType::Precommit, (height, round), value, validator)
    }
}
