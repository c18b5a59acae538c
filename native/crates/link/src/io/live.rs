//! Live links: what comes from a peer, and the end of a link.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mio::Token;

use super::pending::Pending;
use super::{Held, Io, READ, Scratch};
use crate::cipher::Opener;
use crate::connection::{Connection, Turn};
use crate::detector::Detector;
use crate::event::{Down, Event, Refusal};
use crate::handshake::Established;
use crate::heartbeat::Heartbeats;
use crate::piece::Received;
use crate::shared::Slot;

/// Bytes that are read of one peer before the others have their turn.
const TURN: usize = 1 << 20;
/// A link that lasted so long was a good one: the next dial comes soon.
const GOOD: Duration = Duration::from_secs(1);
/// A read that returned less than was asked has emptied the socket, and the poll tells when more comes. Not so on Windows.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

pub(super) struct Live {
    pub connection: Arc<Connection>,
    pub slot: Arc<Slot>,
    opener: Opener,
    /// A frame that is not whole.
    tail: Vec<u8>,
    pub detector: Detector,
    pub heartbeats: Heartbeats,
    since: Duration,
    /// This side dialled.
    pub dialled: bool,
    /// Until then no heartbeat is due, for something else waited to leave when one was.
    pub no_beat_before: Duration,
    /// What came behind the handshake was not looked at yet.
    fresh: bool,
}

impl Io {
    /// A handshake came to its good end.
    pub(super) fn established(
        &mut self,
        token: Token,
        mut pending: Pending,
        established: Established,
        now: Duration,
    ) {
        let node = established.peer;
        // The configuration may have changed since the first message.
        let slot = self
            .shared
            .slot(node)
            .filter(|_| self.pinned(node) == Some(established.public));
        let Some(slot) = slot else {
            return self.turned_down(&mut pending, Refusal::WrongKey, now);
        };
        if let Some(member) = self.members.get_mut(&node) {
            if pending.dialled.is_some() {
                member.dialling = None;
            }
            if let Some(old) = member.live {
                self.end(old, &Down::Replaced);
            }
        }
        let limits = &self.shared.limits;
        let counters = Arc::clone(&slot.counters);
        counters.connects.fetch_add(1, Relaxed);
        counters.silent.store(false, Relaxed);
        let connection = Arc::new(Connection::new(
            (node, pending.stream),
            (established.cipher, established.sealer, pending.out),
            (self.shared.clock, limits),
            counters,
        ));
        let live = Live {
            connection: Arc::clone(&connection),
            slot: Arc::clone(&slot),
            opener: established.opener,
            tail: established.rest,
            detector: Detector::new(limits.detector, now),
            heartbeats: Heartbeats::default(),
            since: now,
            dialled: pending.dialled.is_some(),
            no_beat_before: now,
            fresh: true,
        };
        self.held.insert(token, Held::Live(Box::new(live)));
        if let Some(member) = self.members.get_mut(&node) {
            member.live = Some(token);
            member.redial_at = None;
            member.resolved.clear();
        }
        *slot.connection.write() = Some(connection);
        self.due = Duration::ZERO;
        (self.events)(Event::Up {
            peer: node,
            hello: established.hello,
        });
        self.exchange(token, true, now);
    }

    /// Bytes came, or may leave.
    pub(super) fn exchange(&mut self, token: Token, writable: bool, now: Duration) {
        let Some(Held::Live(live)) = self.held.get_mut(&token) else {
            return;
        };
        let mut more = false;
        if writable {
            more = live.connection.writable() == Turn::More;
        }
        match live.receive(&mut self.scratch, &self.events, now) {
            Ok(unread) => more |= unread,
            Err(why) => return self.end(token, &why),
        }
        if let Some(why) = live.connection.failed() {
            return self.end(token, &why);
        }
        if live.answers(&self.shared.limits, now) {
            self.beat(token, now);
            // What was due before is not any more: without this the thread would wake up for it in vain.
            self.due = Duration::ZERO;
        }
        if more {
            self.unfinished.push(token);
        }
    }

    /// Looks after what senders left: more to write than one turn takes, connections that failed.
    pub(super) fn look(&mut self) {
        let mut failed = Vec::new();
        for (&token, held) in &mut self.held {
            if let Held::Live(live) = held {
                if live.connection.failed().is_some() {
                    failed.push(token);
                } else if live.connection.write() == Turn::More {
                    self.unfinished.push(token);
                }
            }
        }
        for token in failed {
            if let Some(Held::Live(live)) = self.held.get(&token) {
                let why = live.connection.failed().unwrap_or(Down::Closed);
                self.end(token, &why);
            }
        }
    }

    /// Ends a link, or a connection on its way to one, and dials again if that is this node's part.
    pub(super) fn end(&mut self, token: Token, why: &Down) {
        let Some(Held::Live(live)) = self.held.remove(&token) else {
            return;
        };
        let node = live.connection.peer;
        live.close(why);
        let now = self.now();
        if let Some(member) = self.members.get_mut(&node) {
            member.live = None;
            if now.saturating_sub(live.since) >= GOOD {
                member.backoff.reset();
            }
        }
        (self.events)(Event::Down {
            peer: node,
            why: why.clone(),
        });
        if *why != Down::Replaced && !self.stop {
            self.redial_later(node, now);
        }
    }
}

impl Live {
    /// Senders may still hold the connection: they find it broken, and the peer sees its end now.
    fn close(&self, why: &Down) {
        self.connection.fail(why.clone());
        // Fails only when it is closed already.
        let _ = self.connection.stream.shutdown(Shutdown::Both);
        *self.slot.connection.write() = None;
    }

    /// Reads until the socket is empty or the turn is over, which is `true`.
    fn receive(
        &mut self,
        scratch: &mut Scratch,
        events: &dyn Fn(Event),
        now: Duration,
    ) -> Result<bool, Down> {
        if std::mem::take(&mut self.fresh) {
            self.take(scratch, 0, events, now)?;
        }
        let mut budget = TURN;
        while budget > 0 {
            let kept = self.tail.len();
            let room = &mut scratch.read[kept..];
            let asked = room.len();
            let count = match (&self.connection.stream).read(room) {
                Ok(0) => return Err(Down::Closed),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Down::Failed(error.to_string())),
            };
            self.take(scratch, count, events, now)?;
            if SHORT_READ_IS_LAST && count < asked {
                return Ok(false);
            }
            budget = budget.saturating_sub(count);
        }
        Ok(true)
    }

    /// Takes the frames of the tail and the `count` bytes behind its place in the scratch room.
    fn take(
        &mut self,
        scratch: &mut Scratch,
        count: usize,
        events: &dyn Fn(Event),
        now: Duration,
    ) -> Result<(), Down> {
        let kept = self.tail.len();
        debug_assert!(kept + count <= READ, "a frame that is not whole is shorter");
        scratch.read[..kept].copy_from_slice(&self.tail);
        let bytes = &scratch.read[..kept + count];
        let (connection, counters) = (&self.connection, &self.slot.counters);
        let mut beats = Ok(());
        let heartbeats = &mut self.heartbeats;
        let mut sink = |Received {
                            priority,
                            channel,
                            bytes,
                        }| {
            if channel == 0 {
                match heartbeats.take(&bytes, now) {
                    Ok(Some(trip)) => {
                        let micros = u64::try_from(trip.as_micros()).unwrap_or(u64::MAX - 1);
                        counters.round_trip.store(micros + 1, Relaxed);
                    }
                    Ok(None) => {}
                    Err(breach) => beats = Err(breach),
                }
                return;
            }
            counters.received.count(priority, bytes.len());
            connection.message_came(now);
            events(Event::Message {
                peer: connection.peer,
                channel,
                bytes,
            });
        };
        let taken = self
            .opener
            .receive(&connection.cipher, bytes, &mut scratch.plain, &mut sink)
            .and_then(|taken| beats.map(|()| taken))
            .map_err(|breach| Down::Breach(breach.to_owned()))?;
        self.tail.clear();
        self.tail.extend_from_slice(&bytes[taken..]);
        counters
            .received
            .wire_bytes
            .fetch_add(count as u64, Relaxed);
        if taken > 0
            && let Some(silent) = self.detector.heard(now)
        {
            counters.silent.store(false, Relaxed);
            events(Event::Heard {
                peer: connection.peer,
                silent,
            });
        }
        Ok(())
    }
}

impl Drop for Io {
    /// Also when `events` panicked: senders and peers must not take links for alive that nobody serves.
    fn drop(&mut self) {
        for held in self.held.values() {
            if let Held::Live(live) = held {
                live.close(&Down::Closing);
            }
        }
    }
}
