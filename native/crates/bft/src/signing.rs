//! What the engine wants signed, and what others signed twice.

use arc_malachitebft_core_consensus::{MisbehaviorEvidence, Resume};
use arc_malachitebft_core_types::{NilOrVal, SignedMessage, VoteType};

use crate::context::{Pos, Proposal, Signature, Vote};
use crate::step::{Evidence, SignRequest, Signed};
use crate::wire::{Message, number, proposal_bytes, vote_bytes};

/// A message that the engine wants signed.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Vote(Vote),
    Proposal(Proposal),
}

impl Ask {
    pub(crate) fn request(&self) -> SignRequest {
        match self {
            Self::Vote(vote) => SignRequest {
                what: signed_kind(vote.vote_type),
                height: vote.height.0,
                round: number(vote.round).unwrap_or(0),
                id: match vote.value {
                    NilOrVal::Nil => None,
                    NilOrVal::Val(id) => Some(id),
                },
                pol_round: None,
                bytes: vote_bytes(vote),
            },
            Self::Proposal(proposal) => SignRequest {
                what: Signed::Proposal,
                height: proposal.height.0,
                round: number(proposal.round).unwrap_or(0),
                id: Some(proposal.value),
                pol_round: number(proposal.pol_round),
                bytes: proposal_bytes(proposal),
            },
        }
    }

    pub(crate) fn signed(self, signature: Signature) -> Resume<Pos> {
        match self {
            Self::Vote(vote) => Resume::SignedVote(SignedMessage::new(vote, signature)),
            Self::Proposal(proposal) => {
                Resume::SignedProposal(SignedMessage::new(proposal, signature))
            }
        }
    }
}

fn signed_kind(vote_type: VoteType) -> Signed {
    match vote_type {
        VoteType::Prevote => Signed::Prevote,
        VoteType::Precommit => Signed::Precommit,
    }
}

/// All that was seen at a height, as pairs of wire messages (P13).
pub(crate) fn evidence(seen: MisbehaviorEvidence<Pos>) -> Vec<Evidence> {
    let mut list = Vec::new();
    for (validator, pairs) in seen.votes {
        list.extend(pairs.into_iter().map(|(first, second)| Evidence {
            validator,
            what: signed_kind(first.vote_type),
            first: Message::Vote(first).encode(),
            second: Message::Vote(second).encode(),
        }));
    }
    for (validator, pairs) in seen.proposals {
        list.extend(pairs.into_iter().map(|(first, second)| Evidence {
            validator,
            what: Signed::Proposal,
            first: Message::Proposal(first).encode(),
            second: Message::Proposal(second).encode(),
        }));
    }
    list
}
