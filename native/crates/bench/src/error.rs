//! Why a bench gives no figure.

use std::io;

/// What goes wrong in a bench.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The arguments are wrong.
    #[error(transparent)]
    Usage(#[from] crate::plan::UsageError),
    /// A floor's file, or standard output.
    #[error("a file of the bench: {0}")]
    Io(#[from] io::Error),
    /// The tree.
    #[error("the Merkle tree: {0}")]
    Merkle(#[from] pyralog_merkle::MerkleError),
    /// The host.
    #[error("the host: {0}")]
    Host(#[from] pyralog_host::HostError),
    /// The partition.
    #[error("the partition: {0}")]
    Partition(#[from] pyralog_partition::PartitionError),
    /// The sequencer.
    #[error("the sequencer: {0}")]
    Sequencer(#[from] pyralog_obelisk::SequencerError),
    /// The state tree.
    #[error("the state tree: {0}")]
    State(#[from] pyralog_state::StateError),
    /// Packed signatures.
    #[error("the signatures: {0}")]
    Sig(#[from] pyralog_sig::SigError),
    /// The links.
    #[error("the links: {0}")]
    Link(#[from] pyralog_link::LinkError),
    /// A message was not taken.
    #[error("the links: {0}")]
    Send(#[from] pyralog_link::SendError),
    /// The segment.
    #[error("the segment: {0}")]
    Segment(#[from] pyralog_segment::SegmentError),
    /// The subject answered wrongly: a fast wrong answer is not a figure.
    #[error("wrong answer: {0}")]
    WrongAnswer(String),
}
