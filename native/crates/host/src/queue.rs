//! The bounded queue in front of the thread that applies: many callers in, everything that waits out at once.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use crate::answer::Call;
use crate::error::HostError;

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Call>,
    bytes: usize,
    closed: bool,
}

/// Proposals that wait for their group commit.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    bytes_max: usize,
}

impl Queue {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            bytes_max,
        }
    }

    /// Takes a call in, unless the queue is full or closed; then the call comes back with the reason.
    pub fn push(&self, call: Call) -> Result<(), (Call, HostError)> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err((call, HostError::Closed));
        }
        let bytes = call.bytes();
        if waiting.bytes > 0 && waiting.bytes + bytes > self.bytes_max {
            let error = HostError::Overloaded {
                waiting: waiting.bytes,
                max: self.bytes_max,
            };
            return Err((call, error));
        }
        waiting.bytes += bytes;
        waiting.calls.push_back(call);
        let sleeping = waiting.calls.len() == 1;
        drop(waiting);
        if sleeping {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for calls and takes up to `bytes` of them, at least one; `None` once closed and empty.
    pub fn take(&self, bytes: usize) -> Option<Vec<Call>> {
        let mut waiting = self.waiting.lock();
        while waiting.calls.is_empty() {
            if waiting.closed {
                return None;
            }
            self.arrived.wait(&mut waiting);
        }
        let mut taken = Vec::new();
        let mut sum = 0;
        while let Some(call) = waiting.calls.front() {
            if !taken.is_empty() && sum + call.bytes() > bytes {
                break;
            }
            sum += call.bytes();
            taken.extend(waiting.calls.pop_front());
        }
        waiting.bytes -= sum;
        Some(taken)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.lock().calls.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.waiting.lock().bytes
    }

    /// Lets nothing more in; what waits is still taken out.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.arrived.notify_all();
    }
}
