//! Inputs of the core as inputs of the engine.

use arc_malachitebft_core_consensus::{Input, LocallyProposedValue, ProposedValue};
use arc_malachitebft_core_types::{Round, Validity, ValueOrigin, VoteExtensionPolicy};

use crate::admit::HEIGHTS_AHEAD;
use crate::context::{BlockId, HEIGHT_MAX, Height, Pos, ROUND_MAX};
use crate::error::BftError;
use crate::session::Session;
use crate::step::{BftInput, JudgedValue, Refusal, Timer};
use crate::validators::Validators;
use crate::wire::Message;

impl Session {
    /// The engine's input, unless there is none.
    pub(crate) fn input(&mut self, input: BftInput) -> Result<Option<Input<Pos>>, BftError> {
        Ok(match input {
            BftInput::StartHeight {
                height,
                validators,
                restart,
            } => {
                check_height(height)?;
                Some(start_height(height, validators, restart))
            }
            BftInput::Message(bytes) => match Message::decode(bytes) {
                Err(_) => {
                    self.refuse(Refusal::Malformed, None);
                    None
                }
                Ok(message) => self.admit(message).map_or_else(
                    |refusal| {
                        if let Some(reason) = refusal {
                            self.refuse(reason, Some(bytes.to_vec()));
                        }
                        None
                    },
                    Some,
                ),
            },
            BftInput::Propose { height, round, id } => {
                check_round(round)?;
                let current = self.started && height == self.height;
                current.then(|| propose(height, Round::new(round), id))
            }
            BftInput::Value(value) => {
                check_round(value.round.max(value.valid_round.unwrap_or(0)))?;
                let last = self.height + HEIGHTS_AHEAD;
                let near = (self.height..=last).contains(&value.height);
                (self.started && near).then(|| judged_value(value))
            }
            BftInput::Timeout(timer) => {
                check_round(timer.round)?;
                let current = self.started && timer.height == self.height;
                current.then(|| Input::TimeoutElapsed(Timer::timeout(timer)))
            }
        })
    }
}

/// The engine's input that begins a height.
pub(crate) fn start_height(height: u64, validators: Validators, restart: bool) -> Input<Pos> {
    // No target time: with one the engine would read a clock (P9).
    let policy = VoteExtensionPolicy::Disabled;
    Input::StartHeight(Height(height), validators, restart, None, policy)
}

/// Our own value for a round.
pub(crate) fn propose(height: u64, round: Round, id: BlockId) -> Input<Pos> {
    Input::Propose(LocallyProposedValue::new(Height(height), round, id))
}

fn judged_value(value: JudgedValue) -> Input<Pos> {
    let proposed = ProposedValue {
        height: Height(value.height),
        round: Round::new(value.round),
        valid_round: Round::from(value.valid_round),
        proposer: value.proposer,
        value: value.id,
        validity: Validity::from_bool(value.valid),
    };
    Input::ProposedValue(proposed, ValueOrigin::Consensus)
}

/// Heights are 1 to [`HEIGHT_MAX`].
pub(crate) fn check_height(height: u64) -> Result<(), BftError> {
    if (1..=HEIGHT_MAX).contains(&height) {
        return Ok(());
    }
    let text = format!("height {height} is not between 1 and 2^53 - 1");
    Err(BftError::Argument(text))
}

fn check_round(round: u32) -> Result<(), BftError> {
    if round <= ROUND_MAX {
        return Ok(());
    }
    let text = format!("round {round} is above 2^31 - 1");
    Err(BftError::Argument(text))
}
