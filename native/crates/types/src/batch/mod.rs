//! Packed batches: how records cross into the native core, stand in log entries, and come back (docs/spec/batch.md).

mod entry;
mod outcome;
mod proposal;
mod row;

pub use entry::{Entry, IdRun, encode_entry_head};
pub use outcome::{OUTCOME_BYTES, Outcome, OutcomeStatus};
pub use proposal::{
    CheckedProposal, PROPOSAL_BYTES_MAX, PROPOSAL_RECORDS_MAX, Proposal, RecordRef, Records,
    ValueRef, encode_digests, encode_proposal,
};
pub use row::{Row, encode_row};
