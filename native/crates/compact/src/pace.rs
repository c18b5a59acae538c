//! How fast background work may go, and how it is called off.
//!
//! A token bucket against an injected clock. It keeps one number: the time at which the bytes taken so far are paid for.
//! Whoever comes before that time, less a burst, waits (the virtual scheduling of ITU-T I.371).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::CompactError;
use crate::mutant::{Mutant, on};

/// Monotonic time, and waiting for it.
pub trait Clock: Send + Sync {
    /// Nanoseconds since some fixed moment.
    fn now_ns(&self) -> u64;
    /// Waits so long, about.
    fn sleep_ns(&self, ns: u64);
}

/// The operating system's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn sleep_ns(&self, ns: u64) {
        thread::sleep(Duration::from_nanos(ns));
    }
}

const SECOND_NS: u128 = 1_000_000_000;
/// Longest sleep: a cancellation is noticed within it.
const NAP_NS: u64 = 20_000_000;

/// Bytes per second that all work together may read and write.
pub struct Pace {
    clock: Arc<dyn Clock>,
    bytes_per_second: u64,
    burst_ns: u64,
    /// When the bytes taken so far are paid for.
    paid_ns: Mutex<u64>,
}

impl Pace {
    /// So many bytes a second, 0 for no limit; up to `burst` bytes may run ahead of that, and whatever is taken at once.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, bytes_per_second: u64, burst: u64) -> Self {
        let burst_ns = cost_ns(burst, bytes_per_second);
        let paid_ns = Mutex::new(clock.now_ns());
        Self {
            clock,
            bytes_per_second,
            burst_ns,
            paid_ns,
        }
    }

    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(Arc::new(SystemClock::default()), 0, 0)
    }

    /// Takes bytes, waiting for them.
    ///
    /// # Errors
    /// [`CompactError::Cancelled`], also while it waits.
    pub fn take(&self, bytes: u64, cancel: &AtomicBool) -> Result<(), CompactError> {
        let start = self.reserve(bytes);
        loop {
            if cancel.load(Ordering::Relaxed) && !on(Mutant::IgnoreCancel) {
                return Err(CompactError::Cancelled);
            }
            let now = self.clock.now_ns();
            if now >= start || on(Mutant::IgnorePace) {
                return Ok(());
            }
            self.clock.sleep_ns((start - now).min(NAP_NS));
        }
    }

    /// When these bytes may go.
    fn reserve(&self, bytes: u64) -> u64 {
        let mut paid = self.paid_ns.lock();
        let from = (*paid).max(self.clock.now_ns());
        *paid = from.saturating_add(cost_ns(bytes, self.bytes_per_second));
        from.saturating_sub(self.burst_ns)
    }
}

fn cost_ns(bytes: u64, bytes_per_second: u64) -> u64 {
    if bytes_per_second == 0 {
        return 0;
    }
    let ns = u128::from(bytes) * SECOND_NS / u128::from(bytes_per_second);
    u64::try_from(ns).unwrap_or(u64::MAX)
}

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Raw bytes of the rows read so far, and of all there are to read.
    pub done_bytes: u64,
    /// Raw bytes of all rows that the work reads.
    pub total_bytes: u64,
    /// Rows read.
    pub rows_in: u64,
    /// Rows kept.
    pub rows_out: u64,
}

/// What a caller holds of work that goes on.
pub struct Control<'a> {
    /// Set to call the work off.
    pub cancel: &'a AtomicBool,
    /// How fast it may go.
    pub pace: &'a Pace,
    /// Told every few thousand rows.
    pub progress: &'a dyn Fn(&Progress),
}

impl Control<'_> {
    pub(crate) fn take(&self, bytes: u64) -> Result<(), CompactError> {
        self.pace.take(bytes, self.cancel)
    }
}
