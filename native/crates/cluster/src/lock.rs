//! Cartouche: mutual exclusion by tokens (GR14).

use std::collections::VecDeque;

use crate::codec::{Fault, Reader, Wire, wire};

/// Somebody who waits for a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// Who.
    pub owner: String,
    /// For how long it wants it, once it has it.
    pub ttl_ms: u64,
}
wire!(struct Waiter { owner, ttl_ms });

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Who.
    pub owner: String,
    /// Its fencing number: what the lock guards takes nothing from a smaller one.
    pub fence: u64,
    /// Until when.
    pub expires_ms: u64,
    /// Who come next, in order.
    pub waiters: VecDeque<Waiter>,
}
wire!(struct Lock { owner, fence, expires_ms, waiters });

impl Wire for VecDeque<Waiter> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        for waiter in self {
            waiter.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Vec::get(from)?.into())
    }
}
