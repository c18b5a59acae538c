//! Cartouche (GR14).

use std::collections::VecDeque;

use crate::apply::Applied;
use crate::check::{self, refused};
use crate::limits::{LOCKS_MAX, WAITERS_MAX};
use crate::lock::{Lock, Waiter};
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done};
use crate::state::ClusterState;

impl ClusterState {
    pub(crate) fn acquire_lock(
        &mut self,
        name: &str,
        (owner, ttl_ms): (&str, u64),
        wait: bool,
    ) -> Applied {
        check::chosen_name("lock", name)?;
        check::for_a_time("lock's owner", owner, ttl_ms)?;
        let wants = Waiter {
            owner: owner.to_owned(),
            ttl_ms,
        };
        let Some(lock) = self.locks.get_mut(name) else {
            if self.locks.len() >= LOCKS_MAX {
                return Err(refused(
                    Code::Limit,
                    "65,536 locks are held, which is all there are",
                ));
            }
            return Ok(self.grant(name, wants, VecDeque::new()));
        };
        if lock.owner == owner {
            return Ok(held(lock));
        }
        let place = lock.waiters.iter().position(|waiter| waiter.owner == owner);
        if let Some(place) = place {
            let before = place as u32;
            return Ok(Done::Waiting { before });
        }
        if !wait {
            let words = format!(
                "lock {name} is held by {} until {}",
                lock.owner, lock.expires_ms
            );
            return Err(refused(Code::Held, words));
        }
        if lock.waiters.len() >= WAITERS_MAX {
            let words = format!("{WAITERS_MAX} wait for lock {name} already");
            return Err(refused(Code::Limit, words));
        }
        let before = lock.waiters.len() as u32;
        lock.waiters.push_back(wants);
        Ok(Done::Waiting { before })
    }

    pub(crate) fn renew_lock(&mut self, name: &str, fence: u64, ttl_ms: u64) -> Applied {
        check::ttl(ttl_ms)?;
        let now = self.at.time_ms;
        let lock = self.locks.get_mut(name).filter(|lock| lock.fence == fence);
        let lock = lock.ok_or_else(|| {
            let words = format!(
                "lock {name} is not held with fencing number {fence} any more: what was done under it may be refused"
            );
            refused(Code::Stale, words)
        })?;
        lock.expires_ms = lock.expires_ms.max(now.saturating_add(ttl_ms));
        Ok(held(lock))
    }

    pub(crate) fn release_lock(&mut self, name: &str, fence: u64) -> Applied {
        self.check_fence(fence)?;
        if self.locks.get(name).is_some_and(|lock| lock.fence == fence) {
            self.pass_on(name);
        }
        Ok(Done::Changed)
    }

    pub(crate) fn withdraw_lock(&mut self, name: &str, owner: &str) -> Applied {
        if let Some(lock) = self.locks.get_mut(name) {
            lock.waiters.retain(|waiter| waiter.owner != owner);
        }
        Ok(Done::Changed)
    }

    /// The holder's time is over: the first who waits has it.
    pub(crate) fn pass_on(&mut self, name: &str) {
        let Some(lock) = self.locks.remove(name) else {
            return;
        };
        let mut waiters = lock.waiters;
        let next = if on(Mutant::LastComesFirst) {
            waiters.pop_back()
        } else {
            waiters.pop_front()
        };
        if let Some(next) = next {
            self.grant(name, next, waiters);
        }
    }

    fn grant(&mut self, name: &str, to: Waiter, waiters: VecDeque<Waiter>) -> Done {
        let lock = Lock {
            owner: to.owner,
            fence: self.fence(),
            expires_ms: self.at.time_ms.saturating_add(to.ttl_ms),
            waiters,
        };
        let done = held(&lock);
        self.due.not_after(lock.expires_ms);
        self.locks.insert(name.to_owned(), lock);
        done
    }
}

fn held(lock: &Lock) -> Done {
    Done::Lock {
        fence: lock.fence,
        expires_ms: lock.expires_ms,
    }
}
