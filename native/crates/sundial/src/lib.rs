//! Sundial: which members of a cluster are there (docs/spec/sundial.md).
//!
//! SWIM with suspicion, on the engine `foca`, as a step function: no sockets, no clock, no threads. Whoever hosts it gives
//! it the members, time and what comes over the links, and sends what it says.
//!
//! ```
//! use std::{collections::BTreeSet, time::Duration};
//! use pyralog_sundial::{Health, Sundial, SundialOptions};
//!
//! let start = |node| Sundial::new(SundialOptions { node, life: 1, seed: u64::from(node) }, Duration::ZERO);
//! let (mut one, mut two) = (start(1), start(2));
//! let members = BTreeSet::from([1, 2]);
//! one.members(Duration::ZERO, &members);
//! two.members(Duration::ZERO, &members);
//! for _ in 0..3 {
//!     for (_, bytes) in one.take_messages() {
//!         two.receive(Duration::ZERO, 1, &bytes)?;
//!     }
//!     for (_, bytes) in two.take_messages() {
//!         one.receive(Duration::ZERO, 2, &bytes)?;
//!     }
//! }
//! assert_eq!(one.health()[&2], Health::Alive);
//! # Ok::<(), pyralog_sundial::BadMessage>(())
//! ```

mod identity;
mod mutant;
mod options;
mod runtime;
mod sundial;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;
mod wire;

pub use options::MESSAGE_BYTES_MAX;
pub use sundial::{BadMessage, Health, News, Sundial, SundialOptions};
