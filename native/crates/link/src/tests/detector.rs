//! The detector on made-up times.

use std::time::Duration;

use crate::mutant::{Mutant, with};
use crate::{Detector, DetectorLimits};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A detector that heard something every `gap`, and the time of the last.
fn settled(gap: Duration) -> (Detector, Duration) {
    let mut detector = Detector::new(DetectorLimits::default(), ms(0));
    let mut now = ms(0);
    for _ in 0..200 {
        now += gap;
        assert_eq!(detector.heard(now), None);
        assert_eq!(detector.check(now), None);
    }
    (detector, now)
}

#[test]
fn even_gaps_bring_it_to_the_least() {
    for gap in [ms(2), ms(10), ms(49)] {
        let (mut detector, now) = settled(gap);
        assert_eq!(detector.check(now + ms(50)), None);
        let late = now + ms(50) + Duration::from_micros(1);
        assert_eq!(detector.check(late), Some(late.saturating_sub(now)));
        assert!(detector.is_silent());
    }
}

#[test]
fn uneven_gaps_are_given_time() {
    // 5 and 105 ms in turn: mean 55, deviation 50.
    let mut detector = Detector::new(DetectorLimits::default(), ms(0));
    let mut now = ms(0);
    for turn in 0..200 {
        now += if turn % 2 == 0 { ms(5) } else { ms(105) };
        detector.heard(now);
    }
    assert_eq!(detector.silent_after(), now + ms(55 + 8 * 50));
    let fixed = with(Mutant::FixedTimeout, || {
        let (mut detector, now) = settled(ms(10));
        detector.check(now + ms(51))
    });
    assert_eq!(fixed, None, "one that does not learn is late");
}

#[test]
fn never_longer_than_two_seconds() {
    let mut detector = Detector::new(DetectorLimits::default(), ms(0));
    let mut now = ms(0);
    for turn in 0..500 {
        now += if turn % 2 == 0 { ms(1) } else { ms(3000) };
        detector.heard(now);
    }
    assert_eq!(detector.silent_after(), now + ms(2000));
}

#[test]
fn bursts_do_not_make_it_impatient() {
    let mut detector = Detector::new(DetectorLimits::default(), ms(0));
    let mut now = ms(0);
    for turn in 0..100 {
        now += if turn % 2 == 0 { ms(5) } else { ms(105) };
        detector.heard(now);
        for _ in 0..50 {
            now += Duration::from_micros(20);
            detector.heard(now);
        }
    }
    assert!(detector.silent_after() > now + ms(400));
}

#[test]
fn a_new_link_has_two_hundred_milliseconds() {
    let mut detector = Detector::new(DetectorLimits::default(), ms(7));
    assert_eq!(detector.silent_after(), ms(207));
    detector.heard(ms(9));
    assert_eq!(detector.silent_after(), ms(209));
}

#[test]
fn a_long_silence_does_not_blind_it() {
    let (mut detector, now) = settled(ms(10));
    assert!(detector.check(now + ms(1900)).is_some());
    assert_eq!(detector.heard(now + ms(1900)), Some(ms(1900)));
    let mut at = now + ms(1900);
    for _ in 0..10 {
        at += ms(10);
        detector.heard(at);
    }
    assert!(
        detector.silent_after() < at + ms(100),
        "one spell weighs no more than was allowed"
    );
}

#[test]
fn own_pauses_are_nobodys_silence() {
    let run = || {
        let (mut detector, now) = settled(ms(10));
        // This node was stopped for three seconds; what the peer sent waits in the socket.
        let woke = now + ms(3010);
        detector.overslept(ms(3000), woke);
        let silent = detector.check(woke).is_some();
        detector.heard(woke);
        (silent, detector.silent_after().saturating_sub(woke))
    };
    assert_eq!(run(), (false, ms(50)));
    let (silent, _) = with(Mutant::CountOwnPauses, run);
    assert!(silent, "the rule is what keeps it quiet");
}

#[test]
fn a_pause_moves_it_no_further_than_now() {
    let (mut detector, now) = settled(ms(10));
    detector.overslept(ms(10_000), now + ms(5));
    assert_eq!(detector.silent_after(), now + ms(5) + ms(50));
    // A peer that stays away is silent all the same.
    assert!(detector.check(now + ms(56)).is_some());
    assert_eq!(detector.heard(now + ms(60)), Some(ms(60)));
}

#[test]
fn time_that_stands_still_or_goes_back_does_no_harm() {
    let (mut detector, now) = settled(ms(10));
    assert_eq!(detector.heard(now), None);
    assert_eq!(detector.heard(now.saturating_sub(ms(500))), None);
    assert_eq!(detector.check(now.saturating_sub(ms(500))), None);
    assert_eq!(detector.silent_after(), now + ms(50));
}
