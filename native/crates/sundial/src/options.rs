//! How often members look after each other (SD4).

use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use foca::{Config, PeriodicParams};

const fn size(value: usize) -> NonZeroUsize {
    match NonZeroUsize::new(value) {
        Some(size) => size,
        None => NonZeroUsize::MIN,
    }
}

/// Bytes of a message at most.
pub const MESSAGE_BYTES_MAX: usize = 1_400;
/// How much time may pass between two turns of this node and count (SD6).
pub(crate) const TURN_MOST: Duration = Duration::from_millis(200);
/// How often a member that is not known to be there is greeted.
pub(crate) const GREET_EVERY: Duration = Duration::from_millis(500);

/// Every half second each member probes one other; who does not answer within 150 ms is asked after through three others; who
/// does not answer them is suspected, and has two seconds to say that it lives.
pub(crate) fn config() -> Config {
    Config {
        probe_period: Duration::from_millis(500),
        probe_rtt: Duration::from_millis(150),
        num_indirect_probes: size(3),
        max_transmissions: NonZeroU8::new(10).unwrap_or(NonZeroU8::MIN),
        suspect_to_down_after: Duration::from_secs(2),
        // A node whose clock was behind begins a life that is not later than the one before: it is taken in after this time.
        remove_down_after: Duration::from_mins(1).into(),
        max_packet_size: size(MESSAGE_BYTES_MAX),
        notify_down_members: true,
        periodic_announce: None,
        periodic_announce_to_down_members: None,
        periodic_gossip: Some(PeriodicParams {
            frequency: Duration::from_millis(200),
            num_members: size(2),
        }),
    }
}
