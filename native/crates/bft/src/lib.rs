//! The BFT core: agreement on one block a height, as a pure step function (docs/spec/pos.md P1 … P13).
//!
//! The engine is Malachite's core, a coroutine that yields effects. Here it gets its types (`context`), its wire format
//! (`wire`), its verification (`verify`) and its log entries (`wal`), and a face that a host can drive one input at a
//! time: [`BftCore::step`] runs until the input is done or something is to be signed; then the host makes durable what it
//! must, signs, and calls [`BftCore::resume`]. No disk, no clock, no thread, no secret key in here.

mod admit;
mod cbor;
mod commit;
mod context;
mod core;
mod error;
mod info;
mod inputs;
mod session;
mod signing;
mod step;
mod validators;
mod verify;
mod wal;
mod wire;

pub use commit::{CommitProof, CommitRefusal, Committed, encode_commit, verify_commit};
pub use context::{Address, BlockId, HEIGHT_MAX, ROUND_MAX, Signature};
pub use core::{BftCore, BftOptions};
pub use error::BftError;
pub use info::{InfoKind, MessageInfo, message_info};
pub use step::{
    BftEffect, BftInput, BftStep, Decision, Evidence, JudgedValue, MessageKind, Part, Refusal,
    SignRequest, Signed, Timer, TimerStep,
};
pub use validators::{POWER_MAX, VALIDATORS_MAX, Validator, Validators};

#[cfg(test)]
mod tests;
