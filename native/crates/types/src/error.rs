//! What can be wrong with bytes.

use thiserror::Error;

/// Why bytes were refused. Messages say what was wrong and where, for people who make such bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TypeError {
    /// A leaf record that breaks L1 or L2.
    #[error("leaf record: {0}")]
    Record(&'static str),
    /// Headers that break L3.
    #[error("headers: {0}")]
    Headers(&'static str),
    /// A notary value that breaks L4.
    #[error("notary value: {0}")]
    Multihash(&'static str),
    /// A packed batch that breaks B1 to B6.
    #[error("packed batch, byte {at}: {what}")]
    Batch {
        /// Offset of the offending field.
        at: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}
