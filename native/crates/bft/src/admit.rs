//! Which messages reach the engine (P8). The engine queues messages of later heights without looking at them; here they
//! are verified and counted first, so that only validators can fill the queue, and only so far.

use std::collections::BTreeMap;

use arc_malachitebft_core_consensus::{ConsensusMsg, Input};
use arc_malachitebft_core_types::{Round, VoteType};

use crate::context::{Address, Pos, Signature};
use crate::session::Session;
use crate::step::Refusal;
use crate::wire::{Message, signed_content};

/// Heights ahead of ours whose messages are kept (P8).
pub const HEIGHTS_AHEAD: u64 = 4;

/// Rounds ahead of ours whose messages are taken (P8); the engine's own bound.
pub const ROUNDS_AHEAD: u32 = 10;

/// Contradicting messages kept of one signer, height, round and type: two prove the double vote.
const CONTRADICTIONS: usize = 2;

/// Signer, height, round and type (2 is a proposal).
type Slot = (u64, u8, Round, Address);

/// What is kept for later heights.
#[derive(Default)]
pub struct Kept(BTreeMap<Slot, Vec<Vec<u8>>>);

impl Kept {
    /// Forgets heights up to `height`.
    pub fn forget(&mut self, height: u64) {
        self.0.retain(|slot, _| slot.0 > height);
    }

    /// Whether the content is new and there is room; takes it if so.
    fn take(&mut self, slot: Slot, content: Vec<u8>) -> bool {
        let contents = self.0.entry(slot).or_default();
        let room = contents.len() < CONTRADICTIONS && !contents.contains(&content);
        if room {
            contents.push(content);
        }
        room
    }
}

/// A vote or proposal, whichever.
struct Signed {
    content: Vec<u8>,
    signer: Address,
    signature: Signature,
    round: Round,
    code: u8,
}

fn signed(message: &Message) -> Option<Signed> {
    let (consensus, signature, code) = match message {
        Message::Vote(vote) => {
            let code = u8::from(vote.vote_type == VoteType::Precommit);
            (
                ConsensusMsg::Vote(vote.message.clone()),
                vote.signature,
                code,
            )
        }
        Message::Proposal(proposal) => {
            let consensus = ConsensusMsg::Proposal(proposal.message.clone());
            (consensus, proposal.signature, 2)
        }
        Message::Polka(_) | Message::Round(_) => return None,
    };
    let (content, signer) = signed_content(&consensus);
    Some(Signed {
        content,
        signer,
        signature,
        round: message.round(),
        code,
    })
}

impl Session {
    /// The engine's input of a peer's message: a vote or proposal that verified, or a certificate, which the engine has
    /// verified when it is new to it. An error without a refusal is a repetition.
    pub(crate) fn admit(&mut self, message: Message) -> Result<Input<Pos>, Option<Refusal>> {
        let height = message.height();
        if height < self.height {
            return Err(Some(Refusal::Stale));
        }
        let signed = signed(&message);
        if height > self.height || !self.started {
            self.admit_later(height, signed)?;
        } else if let Some(signed) = signed {
            self.admit_now(&signed)?;
        }
        Ok(match message {
            Message::Vote(vote) => Input::Vote(vote),
            Message::Proposal(proposal) => Input::Proposal(proposal),
            Message::Polka(certificate) => Input::PolkaCertificate(certificate),
            Message::Round(certificate) => Input::RoundCertificate(certificate),
        })
    }

    fn admit_now(&mut self, signed: &Signed) -> Result<(), Refusal> {
        if signed.signature == Signature::REFUSED {
            return Err(Refusal::BadSignature);
        }
        let Some(validator) = self.validators.find(&signed.signer) else {
            return Err(Refusal::UnknownValidator);
        };
        let key = *validator.key();
        let ours = self.round.as_i64();
        if signed.round.as_i64() > ours + i64::from(ROUNDS_AHEAD) {
            return Err(Refusal::Ahead);
        }
        let round = signed.round.as_u32().unwrap_or(0);
        let turn = self.validators.proposer(self.height, round).address();
        if signed.code == 2 && turn != signed.signer {
            return Err(Refusal::NotProposer);
        }
        // The engine drops repetitions unseen; a host passes on what is not refused, so it is verified here already.
        let height = self.height;
        if !self
            .verifier
            .verify(height, &signed.content, &key, signed.signature)
        {
            return Err(Refusal::BadSignature);
        }
        Ok(())
    }

    fn admit_later(&mut self, height: u64, signed: Option<Signed>) -> Result<(), Option<Refusal>> {
        let near = height - self.height <= HEIGHTS_AHEAD;
        let early = |signed: &Signed| signed.round <= Round::new(ROUNDS_AHEAD);
        let signed = signed.filter(|signed| near && early(signed));
        let signed = signed.ok_or(Some(Refusal::Ahead))?;
        let Some(validator) = self.validators.find(&signed.signer) else {
            return Err(Some(Refusal::UnknownValidator));
        };
        let key = *validator.key();
        let (content, signature) = (signed.content, signed.signature);
        if !self.verifier.verify(height, &content, &key, signature) {
            return Err(Some(Refusal::BadSignature));
        }
        let slot = (height, signed.code, signed.round, signed.signer);
        if self.kept.take(slot, content) {
            Ok(())
        } else {
            Err(None)
        }
    }
}
