//! What a wire message says about itself, for routing and relaying.

use arc_malachitebft_core_types::{NilOrVal, VoteType};

use crate::context::{Address, BlockId};
use crate::wire::Message;

/// The five kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InfoKind {
    Prevote,
    Precommit,
    Proposal,
    Polka,
    Round,
}

/// What a message says; nothing is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageInfo {
    /// Kind.
    pub kind: InfoKind,
    /// Height.
    pub height: u64,
    /// Round.
    pub round: u32,
    /// The block; none of nil votes and round certificates.
    pub id: Option<BlockId>,
    /// Signer of a vote or proposal.
    pub validator: Option<Address>,
}

/// Reads a message; none when it is malformed (P5).
#[must_use]
pub fn message_info(bytes: &[u8]) -> Option<MessageInfo> {
    let message = Message::decode(bytes).ok()?;
    let (height, round) = (message.height(), message.round().as_u32()?);
    let (kind, id, validator) = match message {
        Message::Vote(vote) => {
            let kind = match vote.vote_type {
                VoteType::Prevote => InfoKind::Prevote,
                VoteType::Precommit => InfoKind::Precommit,
            };
            let id = match vote.value {
                NilOrVal::Nil => None,
                NilOrVal::Val(id) => Some(id),
            };
            (kind, id, Some(vote.validator))
        }
        Message::Proposal(proposal) => {
            let signer = Some(proposal.validator);
            (InfoKind::Proposal, Some(proposal.value), signer)
        }
        Message::Polka(certificate) => (InfoKind::Polka, Some(certificate.value_id), None),
        Message::Round(_) => (InfoKind::Round, None, None),
    };
    Some(MessageInfo {
        kind,
        height,
        round,
        id,
        validator,
    })
}
