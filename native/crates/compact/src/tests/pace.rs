//! The token bucket against a clock that only moves when somebody sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{Clock, CompactError, Pace};

#[derive(Default)]
pub(super) struct Hand {
    now: AtomicU64,
    cancel: Option<Arc<AtomicBool>>,
}

impl Clock for Hand {
    fn now_ns(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn sleep_ns(&self, ns: u64) {
        assert!(ns > 0);
        self.now.fetch_add(ns, Ordering::Relaxed);
        if let Some(cancel) = &self.cancel {
            cancel.store(true, Ordering::Relaxed);
        }
    }
}

const SECOND: u64 = 1_000_000_000;

#[test]
pub(super) fn the_rate_is_kept_over_time() {
    let clock = Arc::new(Hand::default());
    let pace = Pace::new(clock.clone(), 1_000, 0);
    let never = AtomicBool::new(false);
    for _ in 0..50 {
        pace.take(100, &never).unwrap();
    }
    // 5,000 bytes at 1,000 a second; the last 100 are paid for by whoever comes next.
    assert_eq!(clock.now_ns(), 49 * SECOND / 10);
}

#[test]
fn a_burst_goes_at_once_and_idle_time_does_not_add_up() {
    let clock = Arc::new(Hand::default());
    let pace = Pace::new(clock.clone(), 1_000, 500);
    let never = AtomicBool::new(false);
    clock.sleep_ns(100 * SECOND);
    for _ in 0..6 {
        pace.take(100, &never).unwrap();
    }
    assert_eq!(clock.now_ns(), 100 * SECOND);
    pace.take(100, &never).unwrap();
    assert_eq!(clock.now_ns(), 100 * SECOND + SECOND / 10);
}

#[test]
fn waiting_is_called_off() {
    let cancel = Arc::new(AtomicBool::new(false));
    let clock = Arc::new(Hand {
        now: AtomicU64::new(0),
        cancel: Some(Arc::clone(&cancel)),
    });
    let pace = Pace::new(clock.clone(), 1, 0);
    pace.take(1_000, &cancel).unwrap();
    assert!(matches!(
        pace.take(1, &cancel),
        Err(CompactError::Cancelled)
    ));
    assert!(
        clock.now_ns() < SECOND,
        "it waited on after it was called off"
    );
}

#[test]
fn without_a_limit_nobody_waits() {
    let clock = Arc::new(Hand::default());
    let pace = Pace::new(clock.clone(), 0, 0);
    for _ in 0..10 {
        pace.take(u64::MAX, &AtomicBool::new(false)).unwrap();
    }
    assert_eq!(clock.now_ns(), 0);
}
