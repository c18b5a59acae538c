//! Counters of the links (LK9), kept without a lock and read at any time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;

use crate::options::Priority;

/// What went one way by priority: urgent, normal, bulk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Whole messages of the layer above.
    pub messages: [u64; 3],
    /// Their bytes.
    pub bytes: [u64; 3],
    /// Bytes on the wire, everything included.
    pub wire_bytes: u64,
}

/// Figures of one peer since the links were started.
#[derive(Debug, Clone, Default)]
pub struct PeerFigures {
    /// Whether its link is up.
    pub up: bool,
    /// Whether it is silent.
    pub silent: bool,
    /// What was sent to it.
    pub sent: Traffic,
    /// What came from it.
    pub received: Traffic,
    /// Messages that found no room, by priority (LK7).
    pub refused: [u64; 3],
    /// Heartbeats sent.
    pub heartbeats: u64,
    /// Links that came up.
    pub connects: u64,
    /// Dials that did not even connect.
    pub dial_failures: u64,
    /// What the last of them failed with.
    pub last_dial_failure: Option<String>,
    /// Connections that came to nothing, by kind ([`crate::Refusal::label`]).
    pub refusals: BTreeMap<&'static str, u64>,
    /// Last round trip of a heartbeat, without the time that the answer waited for its turn.
    pub round_trip: Option<Duration>,
    /// How long ago the last message of the layer above came.
    pub since_message: Option<Duration>,
    /// Silent spells (LK8).
    pub silent_spells: u64,
}

/// Figures of all links.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// By number of the peer.
    pub peers: BTreeMap<u16, PeerFigures>,
    /// Connections that came to nothing and named no member, by kind.
    pub strangers: BTreeMap<&'static str, u64>,
    /// Times at which the I/O thread woke up.
    pub wake_ups: u64,
}

#[derive(Default)]
pub(crate) struct Way {
    messages: [AtomicU64; 3],
    bytes: [AtomicU64; 3],
    pub wire_bytes: AtomicU64,
}

impl Way {
    pub fn count(&self, priority: Priority, bytes: usize) {
        self.messages[priority.index()].fetch_add(1, Relaxed);
        self.bytes[priority.index()].fetch_add(bytes as u64, Relaxed);
    }

    fn read(&self) -> Traffic {
        Traffic {
            messages: self.messages.each_ref().map(|n| n.load(Relaxed)),
            bytes: self.bytes.each_ref().map(|n| n.load(Relaxed)),
            wire_bytes: self.wire_bytes.load(Relaxed),
        }
    }
}

/// Counters by kind; only failures pass here, so a lock does.
pub(crate) type Kinds = Mutex<BTreeMap<&'static str, u64>>;

pub(crate) fn count_kind(kinds: &Kinds, label: &'static str) {
    *kinds.lock().entry(label).or_default() += 1;
}

/// The counters behind [`PeerFigures`].
#[derive(Default)]
pub(crate) struct Counters {
    pub sent: Way,
    pub received: Way,
    pub refused: [AtomicU64; 3],
    pub heartbeats: AtomicU64,
    pub connects: AtomicU64,
    pub dial_failures: AtomicU64,
    pub last_dial_failure: Mutex<Option<String>>,
    pub refusals: Kinds,
    /// Microseconds and one; 0 is none yet.
    pub round_trip: AtomicU64,
    /// Nanoseconds of the links' clock; 0 is never.
    pub last_message: AtomicU64,
    pub silent_spells: AtomicU64,
    pub silent: AtomicBool,
}

impl Counters {
    /// Their values; `now` is the links' clock.
    pub fn read(&self, up: bool, now: Duration) -> PeerFigures {
        let last = self.last_message.load(Relaxed);
        let round_trip = self.round_trip.load(Relaxed);
        PeerFigures {
            up,
            silent: up && self.silent.load(Relaxed),
            sent: self.sent.read(),
            received: self.received.read(),
            refused: self.refused.each_ref().map(|n| n.load(Relaxed)),
            heartbeats: self.heartbeats.load(Relaxed),
            connects: self.connects.load(Relaxed),
            dial_failures: self.dial_failures.load(Relaxed),
            last_dial_failure: self.last_dial_failure.lock().clone(),
            refusals: self.refusals.lock().clone(),
            round_trip: (round_trip > 0).then(|| Duration::from_micros(round_trip - 1)),
            since_message: (last > 0).then(|| now.saturating_sub(Duration::from_nanos(last))),
            silent_spells: self.silent_spells.load(Relaxed),
        }
    }
}
