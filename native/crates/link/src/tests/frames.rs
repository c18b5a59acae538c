//! Frames and their keys (LK5).

use super::ends::established;
use crate::cipher::{Cipher, NOISE_MOST, Opener, Sealer};
use crate::mutant::{Mutant, with};
use crate::options::{Limits, Priority};
use crate::outbox::Outbox;
use crate::piece::Received;

/// Priority, channel, bytes of a message.
pub(super) type Sent = (Priority, u8, Vec<u8>);

/// What is sent through `sealer`, as bytes on the wire.
pub(super) fn wire(messages: &[Sent], cipher: &Cipher, sealer: &mut Sealer) -> Vec<u8> {
    let mut outbox = Outbox::new(Limits::default().queue);
    for (priority, channel, bytes) in messages {
        outbox.push(*priority, *channel, bytes.clone()).unwrap();
    }
    let (mut plain, mut wire) = (Vec::new(), Vec::new());
    loop {
        outbox.fill(&mut plain, |_, _, _| {});
        if plain.is_empty() {
            return wire;
        }
        sealer.seal(cipher, &plain, &mut wire);
    }
}

/// Receives everything, in chunks of so many bytes.
pub(super) fn receive(
    wire: &[u8],
    chunk: usize,
    cipher: &Cipher,
    opener: &mut Opener,
) -> Result<Vec<Sent>, &'static str> {
    let mut plain = vec![0; NOISE_MOST];
    let mut received = Vec::new();
    let mut tail = Vec::new();
    for bytes in wire.chunks(chunk) {
        tail.extend_from_slice(bytes);
        let mut sink = |m: Received| received.push((m.priority, m.channel, m.bytes));
        let taken = opener.receive(cipher, &tail, &mut plain, &mut sink)?;
        tail.drain(..taken);
        assert!(tail.len() < 2 + NOISE_MOST, "no more than a frame is kept");
    }
    Ok(received)
}

#[test]
fn keys_change_on_both_sides_at_once() {
    let run = || {
        let (one, two) = established();
        let (one_cipher, two_cipher) = (one.cipher.rekeying(4), two.cipher.rekeying(4));
        let (mut sealer, mut opener) = (one.sealer, two.opener);
        let first = wire(&[(Priority::Normal, 1, vec![1])], &one_cipher, &mut sealer);
        let mut all = first;
        for n in 2..=20 {
            all.extend(wire(
                &[(Priority::Normal, 1, vec![n])],
                &one_cipher,
                &mut sealer,
            ));
        }
        let received = receive(&all, 1000, &two_cipher, &mut opener)?;
        Ok::<_, &str>(received.into_iter().map(|(_, _, bytes)| bytes[0]).collect())
    };
    assert_eq!(run(), Ok((1..=20).collect::<Vec<u8>>()));
    // One side alone that does not change them is not understood.
    let (one, two) = established();
    let (one_cipher, two_cipher) = (one.cipher.rekeying(4), two.cipher.rekeying(4));
    let (mut sealer, mut opener) = (one.sealer, two.opener);
    let all = with(Mutant::NoRekey, || {
        let each = |_| wire(&[(Priority::Normal, 1, vec![7])], &one_cipher, &mut sealer);
        (0..5).flat_map(each).collect::<Vec<u8>>()
    });
    assert!(receive(&all, 1000, &two_cipher, &mut opener).is_err());
}
