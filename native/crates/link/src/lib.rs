//! Links between the nodes of a cluster (docs/spec/link.md): one authenticated, encrypted connection for each pair (LK1 to LK4), over
//! which whole messages travel by priority (LK5, LK6), with bounded queues (LK7) and a detector of silence (LK8).
//!
//! [`Links`] owns one thread that listens, dials, receives and watches all peers. Who sends writes to the socket itself when nothing
//! waits. Under it are pure parts, each tested without a socket: the handshake, frames, queues, and the [`Detector`], which
//! simulations use too.
//!
//! ```
//! use std::sync::mpsc;
//! use pyralog_link::{Event, LinkOptions, Links, Peer, Priority, TransportKey};
//!
//! let keys = [TransportKey::generate()?, TransportKey::generate()?];
//! let here = "127.0.0.1:0".parse().expect("an address");
//! let start = |node: u16, peers| {
//!     let (tell, events) = mpsc::channel();
//!     let secret = keys[usize::from(node) - 1].clone();
//!     let options = LinkOptions { peers, ..LinkOptions::new([7; 32], node, secret, here) };
//!     Links::start(options, Box::new(move |event| drop(tell.send(event)))).map(|links| (links, events))
//! };
//! let peer = |node: u16, addresses| Peer { node, public: keys[usize::from(node) - 1].public(), addresses };
//! let (two, heard) = start(2, vec![peer(1, vec![])])?;
//! let (one, told) = start(1, vec![peer(2, vec![two.local_addr().into()])])?;
//!
//! while !matches!(told.recv(), Ok(Event::Up { peer: 2, .. })) {}
//! one.send(2, 1, Priority::Urgent, b"vote".to_vec()).expect("it is up");
//! let bytes = loop {
//!     if let Ok(Event::Message { peer: 1, channel: 1, bytes }) = heard.recv() { break bytes }
//! };
//! assert_eq!(bytes, b"vote");
//! # Ok::<(), pyralog_link::LinkError>(())
//! ```

mod backoff;
mod cipher;
mod connection;
mod detector;
mod error;
mod event;
mod figures;
mod handshake;
mod heartbeat;
mod io;
mod key;
mod links;
mod mutant;
mod options;
mod outbox;
mod piece;
mod preamble;
mod shared;

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;

pub use detector::{Detector, DetectorLimits};
pub use error::{LinkError, SendError};
pub use event::{Down, Event, Refusal};
pub use figures::{Figures, PeerFigures, Traffic};
pub use key::TransportKey;
pub use links::Links;
pub use options::{Address, JudgeHello, Limits, LinkOptions, MakeHello, Peer, Priority};
pub use preamble::Reason;
