//! What goes into the core and what comes out.

use arc_malachitebft_core_types::{Round, Timeout, TimeoutKind};

use crate::context::{Address, BlockId};
use crate::validators::Validators;

/// Which timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerStep {
    /// No proposal yet.
    Propose,
    /// A quorum prevoted, but not alike.
    Prevote,
    /// A quorum precommitted, but not alike.
    Precommit,
    /// Own votes are sent again.
    Rebroadcast,
}

/// A timer of the host, named by all three fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// Which timer.
    pub step: TimerStep,
    /// Height it runs at.
    pub height: u64,
    /// Round it runs in.
    pub round: u32,
}

impl Timer {
    pub(crate) fn of(height: u64, timeout: Timeout) -> Option<Self> {
        let step = match timeout.kind {
            TimeoutKind::Propose => TimerStep::Propose,
            TimeoutKind::Prevote => TimerStep::Prevote,
            TimeoutKind::Precommit => TimerStep::Precommit,
            TimeoutKind::Rebroadcast => TimerStep::Rebroadcast,
            // Only with a target time, which this core never sets.
            TimeoutKind::FinalizeHeight(_) => return None,
        };
        let round = timeout.round.as_u32()?;
        Some(Self {
            step,
            height,
            round,
        })
    }

    pub(crate) fn timeout(self) -> Timeout {
        let kind = match self.step {
            TimerStep::Propose => TimeoutKind::Propose,
            TimerStep::Prevote => TimeoutKind::Prevote,
            TimerStep::Precommit => TimeoutKind::Precommit,
            TimerStep::Rebroadcast => TimeoutKind::Rebroadcast,
        };
        Timeout::new(Round::new(self.round), kind)
    }
}

/// The body of a proposed value is here, durable, and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedValue {
    /// Height of the proposal it came with.
    pub height: u64,
    /// Round of that proposal.
    pub round: u32,
    /// Round of the polka it repeats, if any.
    pub valid_round: Option<u32>,
    /// Who proposed it.
    pub proposer: Address,
    /// The block.
    pub id: BlockId,
    /// The verdict.
    pub valid: bool,
}

/// One input of the core.
#[derive(Clone, Debug)]
pub enum BftInput<'a> {
    /// Begins a height.
    StartHeight {
        /// Which.
        height: u64,
        /// Its validators.
        validators: Validators,
        /// Drops the messages kept for it.
        restart: bool,
    },
    /// From a peer; any bytes.
    Message(&'a [u8]),
    /// Our own value.
    Propose {
        /// Height asked for.
        height: u64,
        /// Round asked for.
        round: u32,
        /// The block.
        id: BlockId,
    },
    /// A judged body.
    Value(JudgedValue),
    /// A timer ran out.
    Timeout(Timer),
}

/// Our part in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is our turn.
    Proposer,
    /// We vote.
    Validator,
    /// We follow.
    Observer,
}

/// Why a message was not taken: `BftRefusal` of native/bft-types.ts says whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a wire message in its one encoding (P5).
    Malformed,
    /// A signature does not verify.
    BadSignature,
    /// A signer is not in the set.
    UnknownValidator,
    /// A proposal out of turn (P3).
    NotProposer,
    /// A certificate that proves nothing (P7).
    BadCertificate,
    /// Of a height that is over.
    Stale,
    /// Too far ahead to keep (P8).
    Ahead,
}

/// What kind of message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A prevote or precommit.
    Vote,
    /// A proposal.
    Proposal,
    /// A polka certificate.
    Polka,
    /// A round certificate.
    Round,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signed {
    /// A prevote.
    Prevote,
    /// A precommit.
    Precommit,
    /// A proposal.
    Proposal,
}

/// Two messages of one validator that contradict each other (P13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Whose.
    pub validator: Address,
    /// Of which kind.
    pub what: Signed,
    /// Wire message seen first.
    pub first: Vec<u8>,
    /// Wire message that contradicts it.
    pub second: Vec<u8>,
}

/// A decided block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its height.
    pub height: u64,
    /// The round decided in.
    pub round: u32,
    /// The block.
    pub id: BlockId,
    /// Commit certificate (P6).
    pub certificate: Vec<u8>,
}

/// What the host must do, in order (P10). Meaning: `BftEffect` of native/bft-types.ts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BftEffect {
    ScheduleTimeout(Timer),
    CancelTimeout(Timer),
    CancelAllTimeouts,
    StartRound {
        height: u64,
        round: u32,
        proposer: Address,
        part: Part,
    },
    GetValue {
        height: u64,
        round: u32,
    },
    Publish {
        bytes: Vec<u8>,
        kind: MessageKind,
        liveness: bool,
    },
    Restream {
        height: u64,
        round: u32,
        valid_round: Option<u32>,
        proposer: Address,
        id: BlockId,
    },
    Wal {
        height: u64,
        entry: Vec<u8>,
    },
    Decide(Decision),
    Finalize(Decision, Vec<Evidence>),
    Refused {
        reason: Refusal,
        bytes: Option<Vec<u8>>,
    },
    Trouble(String),
}

/// A signature that the core waits for (P11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignRequest {
    /// Prevote, precommit or proposal.
    pub what: Signed,
    /// Height.
    pub height: u64,
    /// Round.
    pub round: u32,
    /// The block; none is nil.
    pub id: Option<BlockId>,
    /// Of a repeated proposal: the round of its polka.
    pub pol_round: Option<u32>,
    /// The CBOR array that is signed in the domain `vote` (P4).
    pub bytes: Vec<u8>,
}

/// Effects, and the signature awaited, if the core is suspended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BftStep {
    /// In order.
    pub effects: Vec<BftEffect>,
    /// To be answered by `resume`.
    pub sign: Option<SignRequest>,
}
