//! Everything that the thread of a replicated store waits for, in one place: it takes what there is, or waits for a tick.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::drive::Driving;
use crate::answer::Call;
use crate::error::HostError;

/// Bytes of peers' messages that may wait; more are dropped, as a network would: Raft sends again.
const EVENT_BYTES_MAX: usize = 256 << 20;

/// What happened outside.
pub(crate) enum Event {
    /// Messages of Raft groups (RF9).
    Bundle { peer: u16, bytes: Vec<u8> },
    /// A message of another host ([`super::message`]).
    Host { peer: u16, bytes: Vec<u8> },
    /// A link came up or its peer is heard of again.
    Heard(u16),
    /// A peer is silent for too long, or its link is down (LK8).
    Lost { peer: u16, down: bool },
    /// A connection came to nothing: who was there, as far as that is known, and why.
    Refused { peer: Option<u16>, why: String },
    /// Somebody here waits for a checkpoint of the partition.
    Awaited(usize),
    /// A question, an order.
    Ask(Box<dyn FnOnce(&mut Driving) + Send>),
}

impl Event {
    fn bytes(&self) -> usize {
        match self {
            Self::Bundle { bytes, .. } | Self::Host { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// What was taken out at once.
#[derive(Default)]
pub(crate) struct Taken {
    /// In the order in which they came.
    pub events: VecDeque<Event>,
    /// Proposals from here.
    pub calls: VecDeque<Call>,
    /// Number of the newest durable frame, when it is news.
    pub durable: Option<u64>,
    /// Nothing more comes.
    pub closed: bool,
}

#[derive(Default)]
struct State {
    taken: Taken,
    call_bytes: usize,
    event_bytes: usize,
    /// Somebody waits in [`Inbox::take`].
    waiting: bool,
}

impl State {
    fn is_empty(&self) -> bool {
        let Taken {
            events,
            calls,
            durable,
            closed,
        } = &self.taken;
        events.is_empty() && calls.is_empty() && durable.is_none() && !closed
    }
}

/// The way in.
pub(crate) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    call_bytes_max: usize,
}

impl Inbox {
    pub fn new(call_bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            call_bytes_max,
        }
    }

    fn put(&self, put: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        put(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        if waiting {
            self.arrived.notify_one();
        }
    }

    /// Takes a call in, unless too much waits or nothing more is taken; then it comes back with the reason.
    pub fn call(&self, call: Call) -> Result<(), (Call, HostError)> {
        let mut refused = None;
        self.put(|state| {
            let bytes = call.bytes();
            if state.taken.closed {
                refused = Some((call, HostError::Closed));
            } else if state.call_bytes > 0 && state.call_bytes + bytes > self.call_bytes_max {
                let (waiting, max) = (state.call_bytes, self.call_bytes_max);
                refused = Some((call, HostError::Overloaded { waiting, max }));
            } else {
                state.call_bytes += bytes;
                state.taken.calls.push_back(call);
            }
        });
        refused.map_or(Ok(()), Err)
    }

    /// Takes an event in. A message for which there is no room is lost; one for a closed store too.
    pub fn event(&self, event: Event) {
        self.put(|state| {
            let bytes = event.bytes();
            if state.taken.closed || (bytes > 0 && state.event_bytes + bytes > EVENT_BYTES_MAX) {
                return;
            }
            state.event_bytes += bytes;
            state.taken.events.push_back(event);
        });
    }

    /// Frames up to this one are durable.
    pub fn durable(&self, sequence: u64) {
        self.put(|state| state.taken.durable = state.taken.durable.max(Some(sequence)));
    }

    /// Number of the newest durable frame, if that is news.
    pub fn take_durable(&self) -> Option<u64> {
        self.state.lock().taken.durable.take()
    }

    /// Takes nothing more in; what waits is still taken out.
    pub fn close(&self) {
        self.put(|state| state.taken.closed = true);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.state.lock().is_empty()
    }

    /// Bytes of calls that wait for it.
    pub fn call_bytes(&self) -> usize {
        self.state.lock().call_bytes
    }

    /// Everything there is, calls up to `bytes` of them (one at least); waits until `until` when there is nothing.
    pub fn take(&self, bytes: usize, until: Instant) -> Taken {
        let mut state = self.state.lock();
        while state.is_empty() {
            state.waiting = true;
            if self.arrived.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.waiting = false;
        let mut calls = std::mem::take(&mut state.taken.calls);
        let mut sum = 0;
        let fits = calls.iter().position(|call| {
            sum += call.bytes();
            sum > bytes
        });
        if let Some(fits) = fits {
            state.taken.calls = calls.split_off(fits.max(1).min(calls.len()));
        }
        let taken_bytes: usize = calls.iter().map(Call::bytes).sum();
        state.call_bytes -= taken_bytes;
        state.event_bytes = 0;
        Taken {
            events: std::mem::take(&mut state.taken.events),
            calls,
            durable: state.taken.durable.take(),
            closed: state.taken.closed,
        }
    }
}
