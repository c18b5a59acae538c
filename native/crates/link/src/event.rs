//! What the layer above hears of links.

use std::net::SocketAddr;
use std::time::Duration;

use crate::preamble::Reason;

/// Something that happened. Events of one peer come in order: messages only between its `Up` and its `Down`.
#[derive(Debug)]
pub enum Event {
    /// The link to a peer is authenticated both ways, and it may be sent to.
    Up {
        /// Its number.
        peer: u16,
        /// Its hello, which was accepted (LK4).
        hello: Vec<u8>,
    },
    /// The link is gone, and with it what waited to be sent and had not left.
    Down {
        /// Its number.
        peer: u16,
        /// Why.
        why: Down,
    },
    /// Nothing came from a peer for longer than the detector allows (LK8). Its link stays.
    Silent {
        /// Its number.
        peer: u16,
        /// How long nothing came.
        silent: Duration,
    },
    /// A silent peer was heard again.
    Heard {
        /// Its number.
        peer: u16,
        /// How long it was silent in all.
        silent: Duration,
    },
    /// A whole message, as it was sent.
    Message {
        /// Who sent it.
        peer: u16,
        /// Its channel, 1 to 255.
        channel: u8,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A connection came to nothing because one side refused. At most 64 at once and 10 a second are told; all are counted.
    Refused {
        /// The peer, as far as it is known. Before authentication it is what the other side claims.
        peer: Option<u16>,
        /// Its address.
        address: SocketAddr,
        /// Who refused what.
        why: Refusal,
    },
}

/// Why a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Down {
    /// The peer closed it: its process ended, or it closed its links.
    #[error("the peer closed the connection")]
    Closed,
    /// The system says that the connection failed.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// A newer connection of the same peer took its place (LK2).
    #[error("a newer connection of the peer took its place")]
    Replaced,
    /// The peer broke a rule of LK5: nothing it sends can be trusted any more on this connection.
    #[error("the peer broke the protocol: {0}")]
    Breach(String),
    /// Nothing came for so long that the connection is given up (LK8).
    #[error("nothing came for {0:?}: the connection is given up")]
    SilentTooLong(Duration),
    /// The peer is no member any more.
    #[error("the peer is no member any more")]
    Removed,
    /// The peer's key was changed in the configuration.
    #[error("the peer's transport key was changed in the configuration")]
    KeyChanged,
    /// The layer above ended it.
    #[error("ended by this node: {0}")]
    Ended(String),
    /// These links are being closed.
    #[error("this node closes its links")]
    Closing,
}

/// Why no link came of a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not begin with the magic of a link (LK3): some other program.
    #[error("what came is no preamble of a link: some other program dialled")]
    NotALink,
    /// This node refused the preamble, for a reason that it told.
    #[error("refused here: {0}")]
    Here(Reason),
    /// The peer refused the preamble. Not authenticated: a hint.
    #[error("refused by the peer: {0}")]
    ByPeer(Reason),
    /// The other side does not hold the key that is pinned for its number (LK4).
    #[error("the peer's key is not the one pinned for it: compare both configurations")]
    WrongKey,
    /// The handshake does not add up.
    #[error("the handshake failed: {0}")]
    Handshake(&'static str),
    /// This node does not accept the peer's hello.
    #[error("this node refused the peer: {0}")]
    Hello(String),
    /// The peer does not accept this node's hello; its own words.
    #[error("the peer refused this node: {0}")]
    HelloByPeer(String),
    /// It took longer than a handshake may.
    #[error("no answer in time ({0})")]
    TimedOut(&'static str),
    /// The connection ended in the midst of it.
    #[error("the connection ended while {stage}: {detail}")]
    Ended {
        /// What was waited for.
        stage: &'static str,
        /// What the system says.
        detail: String,
    },
}

impl Refusal {
    /// Its kind in one word, for counters (LK9).
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::NotALink => "not-a-link",
            Self::Here(reason) => reason.label(),
            Self::ByPeer(_) => "by-peer",
            Self::WrongKey => "wrong-key",
            Self::Handshake(_) => "handshake",
            Self::Hello(_) => "hello",
            Self::HelloByPeer(_) => "hello-by-peer",
            Self::TimedOut(_) => "timed-out",
            Self::Ended { .. } => "ended",
        }
    }
}
