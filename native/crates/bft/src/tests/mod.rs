//! A whole network in one process, and everything a peer can do to it.

// A test may panic, and its numbers are small.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::result_large_err,
    clippy::redundant_closure_for_method_calls
)]

mod agreement;
mod certificates;
mod commit;
mod net;
mod replay;
mod validators;
mod vectors;
mod wire;
