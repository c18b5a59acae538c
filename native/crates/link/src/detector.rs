//! When a peer is silent (LK8): pure, on a clock that is handed in, so that simulations use it as it is.
//!
//! The peer sends something every few milliseconds. The detector learns from the last gaps between arrivals what is usual, and
//! takes a peer for silent when nothing came for longer than mean + 8 deviations of them, at least 50 ms and at most 2 s.
//! What was learnt of a peer is kept while its link lasts.
//!
//! ```
//! use std::time::Duration;
//! use pyralog_link::{Detector, DetectorLimits};
//!
//! let ms = Duration::from_millis;
//! let mut detector = Detector::new(DetectorLimits::default(), ms(0));
//! for now in 1..100 {
//!     assert_eq!(detector.heard(ms(now * 10)), None);
//! }
//! assert_eq!(detector.check(ms(990 + 40)), None);
//! assert_eq!(detector.check(ms(990 + 51)), Some(ms(51)), "told once");
//! assert_eq!(detector.check(ms(990 + 60)), None);
//! assert_eq!(detector.heard(ms(990 + 70)), Some(ms(70)), "heard again");
//! ```

use std::time::Duration;

use crate::mutant::{Mutant, on};

/// Gaps that are remembered.
const GAPS: usize = 64;
/// Gaps learnt before the bound may be below its largest: a new link has shown nothing yet.
const GAPS_LEAST: usize = 8;
/// Shorter gaps are parts of one burst and say nothing about how long a pause may be.
const GAP_LEAST: Duration = Duration::from_millis(1);
/// Deviations above the mean.
const DEVIATIONS: u64 = 8;

/// Bounds of the time after which a peer is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorLimits {
    /// Never sooner.
    pub least: Duration,
    /// Never later.
    pub most: Duration,
}

impl Default for DetectorLimits {
    fn default() -> Self {
        Self {
            least: Duration::from_millis(50),
            most: Duration::from_secs(2),
        }
    }
}

/// Watches one peer. Times are those of one monotonic clock, counted from any moment.
#[derive(Debug, Clone)]
pub struct Detector {
    limits: DetectorLimits,
    /// When something came last, moved on by the pauses of this node.
    last: Duration,
    /// When something came last, as it was.
    last_true: Duration,
    silent: bool,
    gaps: [u64; GAPS],
    count: usize,
    next: usize,
    bound: Duration,
}

impl Detector {
    /// For a peer that was heard just now.
    #[must_use]
    pub fn new(limits: DetectorLimits, now: Duration) -> Self {
        Self {
            limits,
            last: now,
            last_true: now,
            silent: false,
            gaps: [0; GAPS],
            count: 0,
            next: 0,
            bound: limits.most.min(limits.least * 4),
        }
    }

    /// Something came. Returns how long the peer was silent, if it was.
    pub fn heard(&mut self, now: Duration) -> Option<Duration> {
        let gap = now.saturating_sub(self.last);
        if gap >= GAP_LEAST {
            // One long silence must not blind the detector to the next: it counts as much as was allowed.
            self.learn(gap.min(self.bound));
        }
        let silent = self.silent.then(|| now.saturating_sub(self.last_true));
        self.last = self.last.max(now);
        self.last_true = self.last_true.max(now);
        self.silent = false;
        silent
    }

    /// This node did not run for so long (its timer came late, it was busy): that time is no silence of the peer.
    pub fn overslept(&mut self, pause: Duration, now: Duration) {
        if !on(Mutant::CountOwnPauses) {
            self.last = (self.last + pause).min(now.max(self.last));
        }
    }

    /// How long nothing came, if that is longer than allowed; told once a silence.
    pub fn check(&mut self, now: Duration) -> Option<Duration> {
        if self.silent || now <= self.silent_after() {
            return None;
        }
        self.silent = true;
        Some(now.saturating_sub(self.last_true))
    }

    /// The moment after which the peer is silent if nothing comes.
    #[must_use]
    pub fn silent_after(&self) -> Duration {
        self.last + self.bound
    }

    /// Whether it is silent.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// How long nothing came, without the pauses of this node.
    #[must_use]
    pub fn quiet_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last)
    }

    fn learn(&mut self, gap: Duration) {
        self.gaps[self.next] = u64::try_from(gap.as_micros()).unwrap_or(u64::MAX >> 32);
        self.next = (self.next + 1) % GAPS;
        self.count = (self.count + 1).min(GAPS);
        if self.count < GAPS_LEAST || on(Mutant::FixedTimeout) {
            return;
        }
        let count = self.count as u64;
        let gaps = &self.gaps[..self.count];
        let mean = gaps.iter().sum::<u64>() / count;
        let variance = gaps
            .iter()
            .map(|gap| gap.abs_diff(mean).pow(2))
            .sum::<u64>()
            / count;
        let bound = Duration::from_micros(mean + DEVIATIONS * variance.isqrt());
        self.bound = bound.clamp(self.limits.least, self.limits.most);
    }
}
