//! Noise messages after the handshake (LK5): numbered in each direction, so that one that is lost, repeated or out of order does
//! not decrypt, and with keys that change.

use parking_lot::RwLock;
use snow::StatelessTransportState;

use crate::mutant::{Mutant, on};
use crate::piece::{Breach, Inbox, PLAIN_MOST, Received};

/// Longest Noise message.
pub(crate) const NOISE_MOST: usize = 65_535;
/// What a Noise message has more than its plaintext.
const TAG: usize = 16;
/// Noise messages of one direction under one key.
const REKEY_EVERY: u64 = 1 << 20;

/// Both keys of a connection. One thread at a time seals, one opens, and both at once: the lock is for the change of keys alone.
pub(crate) struct Cipher {
    noise: RwLock<StatelessTransportState>,
    rekey_every: u64,
}

impl Cipher {
    pub fn new(noise: StatelessTransportState) -> Self {
        Self {
            noise: RwLock::new(noise),
            rekey_every: REKEY_EVERY,
        }
    }

    /// The same with keys that change sooner.
    #[cfg(test)]
    pub fn rekeying(mut self, every: u64) -> Self {
        self.rekey_every = every;
        self
    }

    fn due(&self, number: u64) -> bool {
        number > 0 && number.is_multiple_of(self.rekey_every) && !on(Mutant::NoRekey)
    }
}

/// The sending direction: how many Noise messages left.
#[derive(Default)]
pub(crate) struct Sealer {
    number: u64,
}

impl Sealer {
    /// Appends one frame with `plain` (at most [`PLAIN_MOST`] bytes) to `wire`.
    pub fn seal(&mut self, cipher: &Cipher, plain: &[u8], wire: &mut Vec<u8>) {
        debug_assert!(plain.len() <= PLAIN_MOST, "the outbox cuts them");
        if cipher.due(self.number) {
            cipher.noise.write().rekey_outgoing();
        }
        let at = wire.len();
        wire.resize(at + 2 + plain.len() + TAG, 0);
        wire[at..at + 2].copy_from_slice(&((plain.len() + TAG) as u16).to_le_bytes());
        let sealed = cipher
            .noise
            .read()
            .write_message(self.number, plain, &mut wire[at + 2..]);
        debug_assert!(sealed.is_ok(), "the room was made for it");
        if !on(Mutant::SameNonce) {
            self.number += 1;
        }
    }
}

/// The receiving direction: how many Noise messages came, and what of their messages.
pub(crate) struct Opener {
    number: u64,
    inbox: Inbox,
}

impl Opener {
    pub fn new(inbox: Inbox) -> Self {
        Self { number: 0, inbox }
    }

    /// Decrypts one Noise message into `plain`, which has room for [`NOISE_MOST`] bytes.
    pub fn open<'a>(
        &mut self,
        cipher: &Cipher,
        sealed: &[u8],
        plain: &'a mut [u8],
    ) -> Result<&'a [u8], Breach> {
        if cipher.due(self.number) {
            cipher.noise.write().rekey_incoming();
        }
        let length = cipher
            .noise
            .read()
            .read_message(self.number, sealed, plain)
            .map_err(|_| "a frame that does not authenticate")?;
        if !on(Mutant::SameNonce) {
            self.number += 1;
        }
        Ok(&plain[..length])
    }

    /// Takes all whole frames at the beginning of `bytes` and returns how many bytes they were. `plain` is scratch room.
    pub fn receive(
        &mut self,
        cipher: &Cipher,
        bytes: &[u8],
        plain: &mut [u8],
        sink: &mut dyn FnMut(Received),
    ) -> Result<usize, Breach> {
        let mut taken = 0;
        while let Some(sealed) = frame(&bytes[taken..])? {
            let opened = self.open(cipher, sealed, plain)?;
            self.inbox.take(opened, sink)?;
            taken += 2 + sealed.len();
        }
        Ok(taken)
    }
}

/// The Noise message of the frame at the beginning of `bytes`; `None` while it is not whole.
pub(crate) fn frame(bytes: &[u8]) -> Result<Option<&[u8]>, Breach> {
    let Some((&length, rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_le_bytes(length));
    if length <= TAG {
        return Err("a frame that is too short for a Noise message");
    }
    Ok(rest.get(..length))
}
