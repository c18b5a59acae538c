//! Heartbeats (LK8): messages of channel 0 that carry the sender's clock and give back the peer's, so that each is half of a round
//! trip measured without a message more.

use std::time::Duration;

/// The peer's clock as it came last, and when that was here.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    theirs: u32,
    came: Duration,
}

/// Heartbeats of one link. Clocks on the wire are microseconds, counted around.
#[derive(Debug, Default)]
pub(crate) struct Heartbeats {
    last: Option<Stamp>,
}

fn wire_clock(now: Duration) -> u32 {
    now.as_micros() as u32
}

impl Heartbeats {
    /// One to send: own clock, then the peer's moved on by as long as it lay here.
    pub fn make(&self, now: Duration) -> Vec<u8> {
        let mut bytes = wire_clock(now).to_le_bytes().to_vec();
        if let Some(stamp) = self.last {
            let lay = wire_clock(now.saturating_sub(stamp.came));
            bytes.extend_from_slice(&stamp.theirs.wrapping_add(lay).to_le_bytes());
        }
        bytes
    }

    /// One that came. Returns the round trip if it gives back this side's clock; `Err` when it is none.
    pub fn take(&mut self, bytes: &[u8], now: Duration) -> Result<Option<Duration>, &'static str> {
        let (&theirs, back) = bytes
            .split_first_chunk()
            .ok_or("a heartbeat that is cut off")?;
        self.last = Some(Stamp {
            theirs: u32::from_le_bytes(theirs),
            came: now,
        });
        match *back {
            [] => Ok(None),
            [a, b, c, d] => {
                let own = u32::from_le_bytes([a, b, c, d]);
                let micros = wire_clock(now).wrapping_sub(own);
                // A clock of the peer that runs a little faster can bring it below zero.
                let micros = if micros > u32::MAX / 2 { 0 } else { micros };
                Ok(Some(Duration::from_micros(u64::from(micros))))
            }
            _ => Err("a heartbeat with a tail"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    #[test]
    fn round_trip_leaves_out_the_wait() {
        let (mut a, mut b) = (Heartbeats::default(), Heartbeats::default());
        // Clocks with different beginnings, one about to turn around; 300 µs each way, 5 ms of lying there.
        let turn = u64::from(u32::MAX) - 100;
        assert_eq!(b.take(&a.make(us(turn)), us(70_300)), Ok(None));
        let answer = b.make(us(75_300));
        let round_trip = a.take(&answer, us(turn + 5_600));
        assert_eq!(round_trip, Ok(Some(us(600))));
    }

    #[test]
    fn refuses_what_is_none() {
        for length in [0, 3, 5, 7, 9, 64] {
            assert!(Heartbeats::default().take(&vec![0; length], us(1)).is_err());
        }
    }

    #[test]
    fn a_fast_clock_gives_no_time_below_zero() {
        let mut a = Heartbeats::default();
        let back = [9u32.to_le_bytes(), 1010u32.to_le_bytes()].concat();
        assert_eq!(a.take(&back, us(1000)), Ok(Some(us(0))));
    }
}
