//! Inputs and effects of the BFT core as flat objects; their meaning is documented in native/bft-types.ts.
#![allow(missing_docs)]

use napi::bindgen_prelude::{BigInt, Buffer, Uint8Array};
use napi_derive::napi;
use pyralog_bft::{
    BftEffect, BftError, BftStep, Decision, Evidence, InfoKind, MessageInfo, MessageKind, Part,
    Refusal, SignRequest, Signed, Timer, TimerStep, Validators,
};

use crate::convert::whole;
use crate::error::{Code, Result};

#[napi(object)]
pub struct NativeBftValidator {
    pub key: Uint8Array,
    pub power: BigInt,
}

#[napi(object)]
pub struct NativeBftTimeout {
    pub step: String,
    pub height: f64,
    pub round: f64,
}

#[napi(object)]
pub struct NativeBftEvidence {
    pub validator: Buffer,
    pub kind: String,
    pub first: Buffer,
    pub second: Buffer,
}

/// Every field of every effect; `kind` says which are there.
#[napi(object)]
#[derive(Default)]
pub struct NativeBftEffect {
    pub kind: String,
    pub height: Option<f64>,
    pub round: Option<f64>,
    /// Step of a timeout, role in a round, kind of a message, reason of a refusal, or text.
    pub word: Option<String>,
    /// Message, entry or certificate.
    pub bytes: Option<Buffer>,
    pub id: Option<Buffer>,
    pub proposer: Option<Buffer>,
    pub valid_round: Option<f64>,
    pub liveness: Option<bool>,
    pub evidence: Option<Vec<NativeBftEvidence>>,
}

#[napi(object)]
pub struct NativeBftSign {
    pub what: String,
    pub height: f64,
    pub round: f64,
    pub id: Option<Buffer>,
    pub pol_round: Option<f64>,
    pub bytes: Buffer,
}

#[napi(object)]
pub struct NativeBftStep {
    pub effects: Vec<NativeBftEffect>,
    pub sign: Option<NativeBftSign>,
}

#[napi(object)]
pub struct NativeBftInfo {
    pub kind: String,
    pub height: f64,
    pub round: f64,
    pub id: Option<Buffer>,
    pub validator: Option<Buffer>,
}

pub fn bad(code: &'static str, message: impl ToString) -> napi::Error<Code> {
    napi::Error::new(Code(code), message.to_string())
}

pub fn failed(error: &BftError) -> napi::Error<Code> {
    bad(error.code(), error)
}

pub fn array<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N]> {
    let wrong = || {
        bad(
            "bft/argument",
            format!("{what} has {} bytes; give {N}", bytes.len()),
        )
    };
    bytes.try_into().map_err(|_| wrong())
}

pub fn height(number: f64) -> Result<u64> {
    let number = whole(number, "height");
    number.map_err(|error| bad("bft/argument", error.reason.clone()))
}

pub fn round(number: f64) -> Result<u32> {
    let number = whole(number, "round").ok().map(u32::try_from);
    let number = number.and_then(std::result::Result::ok);
    number.ok_or_else(|| bad("bft/argument", "a round is a whole number below 2^31"))
}

pub fn validators(list: &[NativeBftValidator]) -> Result<Validators> {
    let members = list.iter().map(|validator| {
        let (negative, power, exact) = validator.power.get_u64();
        if negative || !exact {
            return Err(bad(
                "bft/validators",
                "a power is a whole number below 2^64",
            ));
        }
        Ok((array(&validator.key, "a validator's key")?, power))
    });
    let members = members.collect::<Result<Vec<_>>>()?;
    Validators::new(&members).map_err(|error| failed(&error))
}

pub fn power_of(power: u64) -> BigInt {
    BigInt::from(power)
}

pub fn timer_step(name: &str) -> Result<TimerStep> {
    match name {
        "propose" => Ok(TimerStep::Propose),
        "prevote" => Ok(TimerStep::Prevote),
        "precommit" => Ok(TimerStep::Precommit),
        "rebroadcast" => Ok(TimerStep::Rebroadcast),
        other => Err(bad("bft/argument", format!("there is no timeout {other}"))),
    }
}

fn step_name(step: TimerStep) -> &'static str {
    match step {
        TimerStep::Propose => "propose",
        TimerStep::Prevote => "prevote",
        TimerStep::Precommit => "precommit",
        TimerStep::Rebroadcast => "rebroadcast",
    }
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Proposer => "proposer",
        Part::Validator => "validator",
        Part::Observer => "observer",
    }
}

fn message_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Vote => "vote",
        MessageKind::Proposal => "proposal",
        MessageKind::Polka => "polka",
        MessageKind::Round => "round",
    }
}

fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "malformed",
        Refusal::BadSignature => "bad-signature",
        Refusal::UnknownValidator => "unknown-validator",
        Refusal::NotProposer => "not-proposer",
        Refusal::BadCertificate => "bad-certificate",
        Refusal::Stale => "stale",
        Refusal::Ahead => "ahead",
    }
}

fn signed_name(signed: Signed) -> &'static str {
    match signed {
        Signed::Prevote => "prevote",
        Signed::Precommit => "precommit",
        Signed::Proposal => "proposal",
    }
}

fn signed(round: Option<u32>) -> f64 {
    round.map_or(-1.0, f64::from)
}

fn plain(kind: &str) -> NativeBftEffect {
    NativeBftEffect {
        kind: kind.to_owned(),
        ..NativeBftEffect::default()
    }
}

fn placed(kind: &str, height: u64, round: u32) -> NativeBftEffect {
    NativeBftEffect {
        height: Some(height as f64),
        round: Some(f64::from(round)),
        ..plain(kind)
    }
}

fn timed(kind: &str, timer: Timer) -> NativeBftEffect {
    NativeBftEffect {
        word: Some(step_name(timer.step).to_owned()),
        ..placed(kind, timer.height, timer.round)
    }
}

fn decided(kind: &str, decision: Decision) -> NativeBftEffect {
    NativeBftEffect {
        id: Some(decision.id.0[..].into()),
        bytes: Some(decision.certificate.into()),
        ..placed(kind, decision.height, decision.round)
    }
}

fn evidence_of(evidence: Evidence) -> NativeBftEvidence {
    NativeBftEvidence {
        validator: evidence.validator.0[..].into(),
        kind: signed_name(evidence.what).to_owned(),
        first: evidence.first.into(),
        second: evidence.second.into(),
    }
}

fn effect_of(effect: BftEffect) -> NativeBftEffect {
    match effect {
        BftEffect::ScheduleTimeout(timer) => timed("schedule-timeout", timer),
        BftEffect::CancelTimeout(timer) => timed("cancel-timeout", timer),
        BftEffect::CancelAllTimeouts => plain("cancel-all-timeouts"),
        BftEffect::StartRound {
            height,
            round,
            proposer,
            part,
        } => NativeBftEffect {
            proposer: Some(proposer.0[..].into()),
            word: Some(part_name(part).to_owned()),
            ..placed("start-round", height, round)
        },
        BftEffect::GetValue { height, round } => placed("get-value", height, round),
        BftEffect::Publish {
            bytes,
            kind,
            liveness,
        } => NativeBftEffect {
            bytes: Some(bytes.into()),
            word: Some(message_name(kind).to_owned()),
            liveness: Some(liveness),
            ..plain("publish")
        },
        BftEffect::Restream {
            height,
            round,
            valid_round,
            proposer,
            id,
        } => NativeBftEffect {
            valid_round: Some(signed(valid_round)),
            proposer: Some(proposer.0[..].into()),
            id: Some(id.0[..].into()),
            ..placed("restream", height, round)
        },
        BftEffect::Wal { height, entry } => NativeBftEffect {
            height: Some(height as f64),
            bytes: Some(entry.into()),
            ..plain("wal")
        },
        BftEffect::Decide(decision) => decided("decide", decision),
        BftEffect::Finalize(decision, evidence) => NativeBftEffect {
            evidence: Some(evidence.into_iter().map(evidence_of).collect()),
            ..decided("finalize", decision)
        },
        BftEffect::Refused { reason, bytes } => NativeBftEffect {
            word: Some(refusal_name(reason).to_owned()),
            bytes: bytes.map(Into::into),
            ..plain("refused")
        },
        BftEffect::Trouble(text) => NativeBftEffect {
            word: Some(text),
            ..plain("trouble")
        },
    }
}

fn sign_of(request: SignRequest) -> NativeBftSign {
    NativeBftSign {
        what: signed_name(request.what).to_owned(),
        height: request.height as f64,
        round: f64::from(request.round),
        id: request.id.map(|id| id.0[..].into()),
        pol_round: request.pol_round.map(f64::from),
        bytes: request.bytes.into(),
    }
}

pub fn step_of(step: BftStep) -> NativeBftStep {
    NativeBftStep {
        effects: step.effects.into_iter().map(effect_of).collect(),
        sign: step.sign.map(sign_of),
    }
}

pub fn info_of(info: MessageInfo) -> NativeBftInfo {
    let kind = match info.kind {
        InfoKind::Prevote => "prevote",
        InfoKind::Precommit => "precommit",
        InfoKind::Proposal => "proposal",
        InfoKind::Polka => "polka",
        InfoKind::Round => "round",
    };
    NativeBftInfo {
        kind: kind.to_owned(),
        height: info.height as f64,
        round: f64::from(info.round),
        id: info.id.map(|id| id.0[..].into()),
        validator: info.validator.map(|validator| validator.0[..].into()),
    }
}
