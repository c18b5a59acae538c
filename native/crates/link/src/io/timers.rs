//! What the time brings: heartbeats, silence (LK8), redials, handshakes that take too long.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mio::Token;

use super::live::Live;
use super::{Held, Io};
use crate::connection::Turn;
use crate::event::{Down, Event};
use crate::options::{Limits, Priority};

/// Longest sleep.
const SLEEP_MOST: Duration = Duration::from_secs(1);

/// How many refusals may be told: 64 at once, 10 a second.
pub(super) struct Allowance {
    left: f64,
    at: Duration,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: 64.0,
            at: Duration::ZERO,
        }
    }
}

impl Allowance {
    pub fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = (self.left + passed * 10.0).min(64.0);
        self.at = self.at.max(now);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

/// What is due for one connection.
enum Due {
    TimedOut(Token),
    Silent(Token),
    Beat(Token),
}

impl Io {
    /// Does what is due and finds out when something will be next.
    pub(super) fn timers(&mut self, now: Duration) {
        // A heartbeat that is nearly due leaves with the wake-up that there is anyway: two quiet nodes fall into step.
        if now + self.shared.limits.heartbeat / 4 < self.due {
            return;
        }
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept(now);
        }
        let due: Vec<Due> = self
            .held
            .iter()
            .filter_map(|(&token, held)| due(token, held, &self.shared.limits, now))
            .collect();
        for due in due {
            match due {
                Due::TimedOut(token) => self.timed_out(token, now),
                Due::Silent(token) => self.silent(token, now),
                Due::Beat(token) => self.beat(token, now),
            }
        }
        let redials: Vec<u16> = self
            .members
            .values()
            .filter(|member| member.redial_at.is_some_and(|at| at <= now))
            .map(|member| member.peer.node)
            .collect();
        for node in redials {
            self.dial(node, now);
        }
        self.due = self.next_due(now);
    }

    fn next_due(&self, now: Duration) -> Duration {
        let limits = &self.shared.limits;
        let held = self.held.values().map(|held| match held {
            Held::Pending(pending) => pending.deadline,
            Held::Live(live) => {
                let silent = if live.detector.is_silent() {
                    now + live.give_up_in(limits, now)
                } else {
                    live.detector.silent_after()
                };
                silent.min(live.beat_at(limits, now))
            }
        });
        let redials = self.members.values().filter_map(|member| member.redial_at);
        held.chain(redials)
            .chain(self.accept_again)
            .min()
            .map_or(now + SLEEP_MOST, |at| at.min(now + SLEEP_MOST))
    }

    fn silent(&mut self, token: Token, now: Duration) {
        let Some(Held::Live(live)) = self.held.get_mut(&token) else {
            return;
        };
        let quiet = live.detector.quiet_for(now);
        if quiet >= self.shared.limits.give_up {
            return self.end(token, &Down::SilentTooLong(quiet));
        }
        if let Some(silent) = live.detector.check(now) {
            live.slot.counters.silent.store(true, Relaxed);
            live.slot.counters.silent_spells.fetch_add(1, Relaxed);
            let peer = live.connection.peer;
            (self.events)(Event::Silent { peer, silent });
        }
    }

    pub(super) fn beat(&mut self, token: Token, now: Duration) {
        let limits = &self.shared.limits;
        let Some(Held::Live(live)) = self.held.get_mut(&token) else {
            return;
        };
        // What waits will say that this node lives as soon as it can leave.
        live.no_beat_before = now + limits.heartbeat;
        if live.connection.has_waiting() {
            return;
        }
        let bytes = live.heartbeats.make(now);
        // A queue that is full or a connection that broke needs no heartbeat.
        let sent = live.connection.send(Priority::Urgent, 0, bytes);
        live.slot.counters.heartbeats.fetch_add(1, Relaxed);
        if sent == Ok(Turn::Broken) {
            let why = live.connection.failed().unwrap_or(Down::Closed);
            self.end(token, &why);
        }
    }
}

impl Live {
    /// When a heartbeat is due (LK8): the listener's a quarter later, for it answers the dialler's and need not wake up twice.
    fn beat_at(&self, limits: &Limits, now: Duration) -> Duration {
        let every = self.every(limits, now);
        let later = if self.dialled {
            Duration::ZERO
        } else {
            every / 4
        };
        (self.connection.last_sent() + every + later).max(self.no_beat_before)
    }

    /// Whether the wake-up that the dialler's heartbeat caused should take this side's along.
    pub(super) fn answers(&self, limits: &Limits, now: Duration) -> bool {
        !self.dialled && self.beat_at(limits, now) <= now + self.every(limits, now) / 2
    }

    fn every(&self, limits: &Limits, now: Duration) -> Duration {
        let idle = now.saturating_sub(self.connection.last_message()) > limits.idle_after;
        if idle {
            limits.idle_heartbeat
        } else {
            limits.heartbeat
        }
    }

    fn give_up_in(&self, limits: &Limits, now: Duration) -> Duration {
        limits.give_up.saturating_sub(self.detector.quiet_for(now))
    }
}

fn due(token: Token, held: &Held, limits: &Limits, now: Duration) -> Option<Due> {
    match held {
        Held::Pending(pending) => (pending.deadline <= now).then_some(Due::TimedOut(token)),
        Held::Live(live) => {
            let silent = !live.detector.is_silent() && live.detector.silent_after() < now;
            if silent || live.detector.quiet_for(now) >= limits.give_up {
                return Some(Due::Silent(token));
            }
            (live.beat_at(limits, now) <= now + limits.heartbeat / 4).then_some(Due::Beat(token))
        }
    }
}
