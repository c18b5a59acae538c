//! How long a dialler waits before it tries again (LK2).

use std::time::Duration;

/// Waits that double, with up to half of each drawn at random.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new(least: Duration, most: Duration) -> Self {
        Self {
            least,
            most,
            next: least,
        }
    }

    /// The wait after one more failure; `random` is 0 … 1.
    pub fn wait(&mut self, random: f64) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.most);
        whole / 2 + (whole / 2).mul_f64(random)
    }

    /// A link came up.
    pub fn reset(&mut self) {
        self.next = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_second_and_begins_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(10), ms(1000));
        let waits: Vec<_> = (0..9).map(|_| backoff.wait(1.0).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(backoff.wait(0.0), ms(500), "half is drawn");
        backoff.reset();
        assert_eq!(backoff.wait(1.0), ms(10));
    }
}
