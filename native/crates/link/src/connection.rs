//! The sending half of a live link, which every thread uses: what may wait waits in the [`Outbox`], and whoever finds the socket
//! free writes for all (LK6).

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use parking_lot::Mutex;

use crate::SendError;
use crate::cipher::{Cipher, Sealer};
use crate::event::Down;
use crate::figures::Counters;
use crate::options::{Limits, Priority};
use crate::outbox::Outbox;
use crate::piece::PLAIN_MOST;

/// Sealed bytes that are handed to the socket at once, and that something urgent can have before it at most in this process.
const WIRE_BATCH: usize = 128 << 10;
/// Bytes that one caller writes before it leaves the rest to the I/O thread.
const TURN: usize = 512 << 10;

/// The monotonic clock of one set of links.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// Nanoseconds as they are kept in atomics.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct Writer {
    sealer: Sealer,
    plain: Vec<u8>,
    wire: Vec<u8>,
    written: usize,
}

/// How a turn of writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing waits, or the socket takes no more, or somebody else writes.
    Done,
    /// More waits than one turn takes: the I/O thread must go on.
    More,
    /// The connection failed: the I/O thread must end it.
    Broken,
}

/// A live connection, seen by who sends.
pub(crate) struct Connection {
    pub peer: u16,
    pub stream: TcpStream,
    pub cipher: Cipher,
    clock: Clock,
    counters: Arc<Counters>,
    outbox: Mutex<Outbox>,
    writer: Mutex<Writer>,
    /// The socket took no more; the I/O thread hears when it does.
    blocked: AtomicBool,
    /// When bytes left last, nanoseconds of the clock.
    last_sent: AtomicU64,
    /// When a message of the layer above went either way last.
    last_message: AtomicU64,
    /// Why it is to end, if a sender or the layer above found that out.
    broken: Mutex<Option<Down>>,
    is_broken: AtomicBool,
}

impl Connection {
    /// `wire` is what of the handshake has not left yet.
    pub fn new(
        (peer, stream): (u16, TcpStream),
        (cipher, sealer, wire): (Cipher, Sealer, Vec<u8>),
        (clock, limits): (Clock, &Limits),
        counters: Arc<Counters>,
    ) -> Self {
        let now = nanos(clock.now());
        Self {
            peer,
            stream,
            cipher,
            clock,
            counters,
            outbox: Mutex::new(Outbox::new(limits.queue)),
            writer: Mutex::new(Writer {
                sealer,
                wire,
                ..Writer::default()
            }),
            blocked: AtomicBool::new(false),
            last_sent: AtomicU64::new(now),
            last_message: AtomicU64::new(now),
            broken: Mutex::new(None),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Lets a message wait and sends it at once if nobody else writes; [`Turn`] says what the I/O thread must be told.
    pub fn send(&self, priority: Priority, channel: u8, bytes: Vec<u8>) -> Result<Turn, SendError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(SendError::Down(self.peer));
        }
        if self.outbox.lock().push(priority, channel, bytes).is_err() {
            self.counters.refused[priority.index()].fetch_add(1, Ordering::Relaxed);
            return Err(SendError::Full(self.peer));
        }
        if channel != 0 {
            self.last_message
                .store(nanos(self.clock.now()), Ordering::Relaxed);
        }
        Ok(self.write())
    }

    /// Writes what waits, unless another thread is at it: that one looks again when it is done, so nothing is left lying.
    pub fn write(&self) -> Turn {
        let mut budget = TURN;
        loop {
            let Some(mut writer) = self.writer.try_lock() else {
                return Turn::Done;
            };
            let turn = self.drain(&mut writer, &mut budget);
            drop(writer);
            if turn != Turn::Done {
                return turn;
            }
            if self.is_blocked() || self.outbox.lock().is_empty() {
                return Turn::Done;
            }
        }
    }

    /// The I/O thread: the socket may take bytes again.
    pub fn writable(&self) -> Turn {
        if self.is_blocked() {
            // Under the lock, so that nobody is about to leave bytes lying because of it.
            let writer = self.writer.lock();
            self.blocked.store(false, Ordering::SeqCst);
            drop(writer);
        }
        self.write()
    }

    fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::SeqCst)
    }

    /// Whether something waits to leave.
    pub fn has_waiting(&self) -> bool {
        let Some(writer) = self.writer.try_lock() else {
            return true;
        };
        writer.written < writer.wire.len() || !self.outbox.lock().is_empty()
    }

    fn drain(&self, writer: &mut Writer, budget: &mut usize) -> Turn {
        if self.is_blocked() {
            return Turn::Done;
        }
        loop {
            if writer.written == writer.wire.len() {
                self.seal(writer);
                if writer.wire.is_empty() {
                    return Turn::Done;
                }
            }
            match (&self.stream).write(&writer.wire[writer.written..]) {
                Ok(count) => {
                    self.blocked.store(false, Ordering::SeqCst);
                    writer.written += count;
                    *budget = budget.saturating_sub(count);
                    self.last_sent
                        .store(nanos(self.clock.now()), Ordering::Relaxed);
                    self.counters
                        .sent
                        .wire_bytes
                        .fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // Said first and tried once more: had the socket taken bytes in between, the I/O thread would have heard
                    // so before it could know that anybody cares, and never again.
                    if self.blocked.swap(true, Ordering::SeqCst) {
                        return Turn::Done;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fail(Down::Failed(error.to_string()));
                    return Turn::Broken;
                }
            }
            if *budget == 0 {
                return Turn::More;
            }
        }
    }

    /// Fills the wire buffer with frames of what waits.
    fn seal(&self, writer: &mut Writer) {
        writer.wire.clear();
        writer.written = 0;
        while writer.wire.len() + PLAIN_MOST < WIRE_BATCH {
            self.outbox
                .lock()
                .fill(&mut writer.plain, |priority, channel, length| {
                    if channel != 0 {
                        self.counters.sent.count(priority, length);
                    }
                });
            if writer.plain.is_empty() {
                return;
            }
            writer
                .sealer
                .seal(&self.cipher, &writer.plain, &mut writer.wire);
        }
    }

    /// Marks it as to be ended for this reason, unless it is already; who calls wakes the I/O thread.
    pub fn fail(&self, why: Down) {
        self.broken.lock().get_or_insert(why);
        self.is_broken.store(true, Ordering::Release);
    }

    /// Why it is to end.
    pub fn failed(&self) -> Option<Down> {
        if self.is_broken.load(Ordering::Acquire) {
            self.broken.lock().clone()
        } else {
            None
        }
    }

    /// When bytes left last.
    pub fn last_sent(&self) -> Duration {
        Duration::from_nanos(self.last_sent.load(Ordering::Relaxed))
    }

    /// When a message of the layer above went either way last.
    pub fn last_message(&self) -> Duration {
        Duration::from_nanos(self.last_message.load(Ordering::Relaxed))
    }

    /// A message of the layer above came.
    pub fn message_came(&self, now: Duration) {
        self.last_message.store(nanos(now), Ordering::Relaxed);
        self.counters
            .last_message
            .store(nanos(now), Ordering::Relaxed);
    }
}
