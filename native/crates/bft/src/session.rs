//! How the engine's effects are answered: what is for the host is collected, what is ours is done at once.
// The engine's certificate error is this large, and it wants it by value.
#![allow(clippy::result_large_err)]

use std::collections::BTreeSet;

use arc_malachitebft_core_consensus::{
    ConsensusMsg, Effect, Input, LivenessMsg, Resumable, Resume, Role, SignedConsensusMsg,
    VoteExtensionError,
};
use arc_malachitebft_core_types::{CertificateError, CommitCertificate, Round, SignedMessage};
use ed25519_dalek::VerifyingKey;

use crate::admit::Kept;
use crate::commit::encode_decision;
use crate::context::{Address, BlockId, Pos, Signature};
use crate::signing::{Ask, evidence};
use crate::step::{BftEffect, Decision, MessageKind, Part, Refusal, Timer};
use crate::validators::Validators;
use crate::verify::Verifier;
use crate::wal;
use crate::wire::{Message, number, signed_content};

/// What goes on while a log is replayed (P12).
#[derive(Default)]
pub(crate) struct Replay {
    /// Entries that are in the log already.
    pub logged: BTreeSet<Vec<u8>>,
    /// Our own values in it.
    pub own: Vec<(Round, BlockId)>,
    /// The last value asked for; whether it is still wanted is known at the end.
    pub wanted: Option<Round>,
}

/// Everything of the core but the engine.
pub(crate) struct Session {
    pub me: Option<VerifyingKey>,
    pub verifier: Verifier,
    pub validators: Validators,
    pub height: u64,
    pub round: Round,
    pub started: bool,
    pub kept: Kept,
    pub effects: Vec<BftEffect>,
    pub replay: Option<Replay>,
}

/// How the engine goes on.
pub(crate) enum Answer {
    Go(Resume<Pos>),
    Ask(Ask),
}

impl Session {
    /// Our address, unless we observe.
    pub fn address(&self) -> Option<Address> {
        self.me.map(|key| Address(key.to_bytes()))
    }

    pub fn refuse(&mut self, reason: Refusal, bytes: Option<Vec<u8>>) {
        self.effects.push(BftEffect::Refused { reason, bytes });
    }

    /// A height begins: what was remembered of those before is forgotten.
    pub fn begin(&mut self, height: u64, validators: Validators) {
        self.height = height;
        self.validators = validators;
        self.round = Round::Nil;
        self.started = true;
        self.kept.forget(height);
        self.verifier.forget_before(height);
    }

    /// Does what an effect says.
    pub fn answer(&mut self, effect: Effect<Pos>) -> Answer {
        Answer::Go(match effect {
            Effect::SignVote(vote, _) => return Answer::Ask(Ask::Vote(vote)),
            Effect::SignProposal(proposal, _) => return Answer::Ask(Ask::Proposal(proposal)),
            Effect::VerifySignature(message, key, resume) => {
                resume.resume_with(self.check_signature(message, &key))
            }
            Effect::VerifyCommitCertificate(certificate, validators, _, resume) => {
                resume.resume_with(self.verifier.commit(&certificate, &validators))
            }
            Effect::VerifyPolkaCertificate(certificate, validators, _, resume) => {
                let verdict = self.verifier.polka(&certificate, &validators);
                resume.resume_with(self.judged(verdict, || Message::Polka(certificate)))
            }
            Effect::VerifyRoundCertificate(certificate, validators, _, resume) => {
                let verdict = self.verifier.round(&certificate, &validators);
                resume.resume_with(self.judged(verdict, || Message::Round(certificate)))
            }
            // Blocks that come by sync are not given to the engine, and votes have no extensions.
            Effect::VerifyExtendedCommitCertificate(_, _, _, _, resume) => {
                resume.resume_with(Err(CertificateError::VerificationError(None)))
            }
            Effect::ExtendVote(_, _, _, _, resume) => resume.resume_with(None),
            Effect::VerifyVoteExtension(_, _, _, _, _, _, resume) => {
                resume.resume_with(Err(VoteExtensionError::InvalidVoteExtension))
            }
            told => {
                self.tell(told);
                Resume::Continue
            }
        })
    }

    fn check_signature(
        &mut self,
        message: SignedMessage<Pos, ConsensusMsg<Pos>>,
        key: &VerifyingKey,
    ) -> bool {
        let (content, _) = signed_content(&message.message);
        if self
            .verifier
            .verify(self.height, &content, key, message.signature)
        {
            return true;
        }
        if message.signature != Signature::REFUSED {
            let bytes = Message::of(message).encode();
            self.refuse(Refusal::BadSignature, Some(bytes));
        }
        false
    }

    fn judged(
        &mut self,
        verdict: Result<(), CertificateError<Pos>>,
        message: impl FnOnce() -> Message,
    ) -> Result<(), CertificateError<Pos>> {
        if let Err(fault) = &verdict {
            let reason = match fault {
                CertificateError::UnknownValidator(_) => Refusal::UnknownValidator,
                CertificateError::InvalidPolkaSignature(_)
                | CertificateError::InvalidRoundSignature(_) => Refusal::BadSignature,
                _ => Refusal::BadCertificate,
            };
            self.refuse(reason, Some(message().encode()));
        }
        verdict
    }

    /// Effects that the engine does not wait for.
    fn tell(&mut self, effect: Effect<Pos>) {
        match effect {
            Effect::CancelAllTimeouts(_) => self.effects.push(BftEffect::CancelAllTimeouts),
            Effect::CancelTimeout(timeout, _) => {
                let timer = Timer::of(self.height, timeout);
                self.effects.extend(timer.map(BftEffect::CancelTimeout));
            }
            Effect::ScheduleTimeout(timeout, _) => {
                let timer = Timer::of(self.height, timeout);
                self.effects.extend(timer.map(BftEffect::ScheduleTimeout));
            }
            Effect::StartRound(_, round, proposer, role, _) => {
                self.start_round(round, proposer, role);
            }
            Effect::PublishConsensusMsg(message, _) => match message {
                SignedConsensusMsg::Vote(vote) => self.publish(&Message::Vote(vote), false),
                SignedConsensusMsg::Proposal(proposal) => {
                    self.publish(&Message::Proposal(proposal), false);
                }
            },
            Effect::PublishLivenessMsg(message, _) => self.publish(
                &match message {
                    LivenessMsg::Vote(vote) => Message::Vote(vote),
                    LivenessMsg::PolkaCertificate(certificate) => Message::Polka(certificate),
                    LivenessMsg::SkipRoundCertificate(certificate) => Message::Round(certificate),
                },
                true,
            ),
            Effect::RepublishVote(vote, _) => self.publish(&Message::Vote(vote), true),
            Effect::RepublishRoundCertificate(certificate, _) => {
                self.publish(&Message::Round(certificate), true);
            }
            Effect::GetValue(_, round, _, _) => self.get_value(round),
            Effect::RestreamProposal(height, round, valid, proposer, id, _) => {
                self.effects.push(BftEffect::Restream {
                    height: height.0,
                    round: number(round).unwrap_or(0),
                    valid_round: number(valid),
                    proposer,
                    id,
                });
            }
            Effect::WalAppend(height, input, _) => self.log(height.0, &input),
            Effect::Decide(certificate, _, _) => {
                self.decided(&certificate, BftEffect::Decide);
            }
            Effect::Finalize(certificate, _, seen, _) => {
                let evidence = evidence(seen);
                self.decided(&certificate, |decision| {
                    BftEffect::Finalize(decision, evidence)
                });
            }
            other => {
                let text = format!("the engine asked for what it is never given: {other:?}");
                self.effects.push(BftEffect::Trouble(text));
            }
        }
    }

    fn start_round(&mut self, round: Round, proposer: Address, role: Role) {
        self.round = round;
        self.effects.push(BftEffect::StartRound {
            height: self.height,
            round: number(round).unwrap_or(0),
            proposer,
            part: match role {
                Role::Proposer => Part::Proposer,
                Role::Validator => Part::Validator,
                Role::None => Part::Observer,
            },
        });
    }

    fn get_value(&mut self, round: Round) {
        if let Some(replay) = &mut self.replay {
            replay.wanted = Some(round);
            return;
        }
        self.effects.push(BftEffect::GetValue {
            height: self.height,
            round: number(round).unwrap_or(0),
        });
    }

    fn publish(&mut self, message: &Message, liveness: bool) {
        let (kind, signature) = match message {
            Message::Vote(vote) => (MessageKind::Vote, Some(vote.signature)),
            Message::Proposal(proposal) => (MessageKind::Proposal, Some(proposal.signature)),
            Message::Polka(_) => (MessageKind::Polka, None),
            Message::Round(_) => (MessageKind::Round, None),
        };
        // What the host refused to sign is never sent (P11).
        if signature == Some(Signature::REFUSED) {
            return;
        }
        self.effects.push(BftEffect::Publish {
            bytes: message.encode(),
            kind,
            liveness,
        });
    }

    fn log(&mut self, height: u64, input: &Input<Pos>) {
        let Some(entry) = wal::encode(height, input) else {
            return;
        };
        let logged = self
            .replay
            .as_ref()
            .is_some_and(|replay| replay.logged.contains(&entry));
        if !logged {
            self.effects.push(BftEffect::Wal { height, entry });
        }
    }

    fn decided(
        &mut self,
        certificate: &CommitCertificate<Pos>,
        effect: impl FnOnce(Decision) -> BftEffect,
    ) {
        self.effects
            .push(match encode_decision(&self.validators, certificate) {
                Ok(bytes) => effect(Decision {
                    height: certificate.height.0,
                    round: number(certificate.round).unwrap_or(0),
                    id: certificate.value_id,
                    certificate: bytes,
                }),
                Err(error) => {
                    BftEffect::Trouble(format!("a decision without certificate: {error}"))
                }
            });
    }
}
