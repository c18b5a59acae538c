//! The plaintext of Noise messages (LK5): pieces of messages, and how they come together again.

use crate::mutant::{Mutant, on};
use crate::options::Priority;

/// Longest plaintext of one Noise message.
pub(crate) const PLAIN_MOST: usize = 65_535 - 16;
/// Bit of a message's first piece.
pub(crate) const FIRST: u8 = 4;
/// Of the others.
pub(crate) const CONTINUED: u8 = 0;
/// Bytes before those of a first piece: kind, channel, length of the message, length of the piece.
pub(crate) const HEAD_FIRST: usize = 1 + 1 + 4 + 2;
/// Bytes before those of another.
pub(crate) const HEAD_CONTINUED: usize = 1 + 2;

struct Partial {
    channel: u8,
    length: usize,
    bytes: Vec<u8>,
}

/// A whole message that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub priority: Priority,
    pub channel: u8,
    pub bytes: Vec<u8>,
}

/// Puts a peer's messages together, one of each priority at a time: what it can make this node keep is bounded.
pub(crate) struct Inbox {
    lanes: [Option<Partial>; 3],
    most: [usize; 3],
}

/// A rule that the peer broke, in words.
pub(crate) type Breach = &'static str;

impl Inbox {
    /// With the longest message of each priority.
    pub fn new(most: [usize; 3]) -> Self {
        Self {
            lanes: Default::default(),
            most,
        }
    }

    /// Takes one plaintext; `sink` gets each message that is whole now.
    pub fn take(&mut self, mut plain: &[u8], sink: &mut dyn FnMut(Received)) -> Result<(), Breach> {
        if plain.is_empty() {
            return Err("an empty Noise message");
        }
        while !plain.is_empty() {
            plain = self.piece(plain, sink)?;
        }
        Ok(())
    }

    fn piece<'a>(
        &mut self,
        plain: &'a [u8],
        sink: &mut dyn FnMut(Received),
    ) -> Result<&'a [u8], Breach> {
        let (&kind, rest) = plain.split_first().ok_or("a piece that is cut off")?;
        let priority = *Priority::ALL
            .get(usize::from(kind & 3))
            .filter(|_| kind & !(FIRST | 3) == 0)
            .ok_or("a piece of an unknown kind")?;
        let lane = &mut self.lanes[priority.index()];
        let rest = if kind & FIRST == 0 {
            rest
        } else {
            if lane.is_some() {
                return Err("a message that begins before the last of its priority ended");
            }
            let (&[channel, a, b, c, d], rest) =
                rest.split_first_chunk().ok_or("a piece that is cut off")?;
            let length = u32::from_le_bytes([a, b, c, d]) as usize;
            if length > self.most[priority.index()] && !on(Mutant::AnyLength) {
                return Err("a message that is longer than its priority allows");
            }
            *lane = Some(Partial {
                channel,
                length,
                bytes: Vec::with_capacity(length),
            });
            rest
        };
        let (&length, rest) = rest.split_first_chunk().ok_or("a piece that is cut off")?;
        let length = usize::from(u16::from_le_bytes(length));
        let (bytes, rest) = rest
            .split_at_checked(length)
            .ok_or("a piece that is cut off")?;
        let partial = lane.as_mut().ok_or("a piece of no message")?;
        if partial.bytes.len() + length > partial.length {
            return Err("a piece that is longer than its message");
        }
        if length == 0 && partial.length > 0 {
            return Err("a piece without bytes");
        }
        partial.bytes.extend_from_slice(bytes);
        if partial.bytes.len() == partial.length
            && let Some(Partial { channel, bytes, .. }) = lane.take()
        {
            sink(Received {
                priority,
                channel,
                bytes,
            });
        }
        Ok(rest)
    }
}
