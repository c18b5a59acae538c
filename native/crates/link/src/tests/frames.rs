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

fn hundred() -> Vec<Sent> {
    vec![(Priority::Normal, 1, vec![3; 100])]
}

/// What comes of some frames, each a message of 100 bytes, put on the wire as `arrange` says.
fn arranged(arrange: impl Fn(Vec<Vec<u8>>) -> Vec<u8>) -> Result<usize, &'static str> {
    let (mut one, mut two) = established();
    let frames = (0..4).map(|_| wire(&hundred(), &one.cipher, &mut one.sealer));
    let bytes = arrange(frames.collect());
    receive(&bytes, 70, &two.cipher, &mut two.opener).map(|came| came.len())
}

#[test]
fn replayed_reordered_and_lost_frames_end_the_link() {
    let replayed = |frames: Vec<Vec<u8>>| [&frames[0][..], &frames[0]].concat();
    assert_eq!(arranged(|frames| frames.concat()), Ok(4));
    assert!(arranged(replayed).is_err());
    assert!(arranged(|frames| [&frames[1][..], &frames[0]].concat()).is_err());
    assert!(arranged(|frames| [&frames[0][..], &frames[2]].concat()).is_err());
    let twice = with(Mutant::SameNonce, || {
        // The verdicts of the handshake are numbered as ever.
        arranged(|frames| frames.concat())
    });
    assert!(twice.is_ok());
    assert_eq!(with(Mutant::SameNonce, || arranged(replayed)), Ok(2));
}

#[test]
fn one_changed_bit_ends_the_link() {
    let (mut one, _) = established();
    let length = wire(&hundred(), &one.cipher, &mut one.sealer).len();
    for at in 2..length {
        let turned = |frames: Vec<Vec<u8>>| {
            let mut bytes = frames.concat();
            bytes[at] ^= 1 << (at % 8);
            bytes
        };
        assert!(arranged(turned).is_err(), "a bit of byte {at}");
    }
    // In the length, which is in clear, a frame ends elsewhere, or never: nothing comes of it.
    for bit in 0..16 {
        let turned = |frames: Vec<Vec<u8>>| {
            let mut bytes = frames.concat();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        assert!(matches!(arranged(turned), Err(_) | Ok(0)), "bit {bit}");
    }
}

#[test]
fn truncated_frames_are_waited_for_and_short_ones_refused() {
    let (mut one, mut two) = established();
    let bytes = wire(&hundred(), &one.cipher, &mut one.sealer);
    let cut = &bytes[..bytes.len() - 1];
    assert_eq!(
        receive(cut, 33, &two.cipher, &mut two.opener),
        Ok(Vec::new())
    );
    for length in 0..=16u16 {
        let (_, mut two) = established();
        assert!(receive(&length.to_le_bytes(), 2, &two.cipher, &mut two.opener).is_err());
    }
}

/// What a peer that has the keys gets for these plaintexts.
fn crafted(plains: &[&[u8]]) -> Result<Vec<Sent>, &'static str> {
    let (mut one, mut two) = established();
    let mut bytes = Vec::new();
    for plain in plains {
        one.sealer.seal(&one.cipher, plain, &mut bytes);
    }
    receive(&bytes, 1 << 20, &two.cipher, &mut two.opener)
}

#[test]
fn a_peer_that_breaks_the_rules_of_pieces_loses_its_link() {
    let good = [5, 9, 3, 0, 0, 0, 3, 0, b'a', b'b', b'c'];
    assert_eq!(
        crafted(&[&good]),
        Ok(vec![(Priority::Normal, 9, b"abc".to_vec())])
    );
    let begun: &[u8] = &[5, 9, 3, 0, 0, 0, 1, 0, b'a'];
    let rest: &[u8] = &[1, 2, 0, b'b', b'c'];
    let another = [4, 7, 0, 0, 0, 0, 0, 0];
    let between = crafted(&[begun, &another, rest]).unwrap();
    assert_eq!(between.len(), 2, "one of each priority may be on its way");
    for (what, plains) in [
        ("empty", &[&[][..]][..]),
        ("kind", &[&[8, 9, 0, 0, 0, 0, 0, 0]]),
        ("priority", &[&[7, 9, 0, 0, 0, 0, 0, 0]]),
        ("no beginning", &[rest]),
        ("two beginnings", &[begun, &good]),
        ("cut head", &[&good[..5]]),
        ("cut length", &[&good[..7]]),
        ("cut bytes", &[&good[..10]]),
        (
            "longer than its message",
            &[begun, &[1, 3, 0, b'b', b'c', b'd']],
        ),
        ("no bytes", &[begun, &[1, 0, 0]]),
        ("no bytes at first", &[&[5, 9, 3, 0, 0, 0, 0, 0]]),
        ("behind its end", &[&good, rest]),
    ] {
        assert!(crafted(plains).is_err(), "{what}");
    }
}

#[test]
fn an_oversized_message_is_refused_before_it_has_memory() {
    // 32 MiB and a byte of normal, 1 MiB and one of urgent, 256 KiB and one of bulk.
    let heads: [[u8; 9]; 3] = [
        [4, 1, 1, 0, 16, 0, 1, 0, 7],
        [5, 1, 1, 0, 0, 2, 1, 0, 7],
        [6, 1, 1, 0, 4, 0, 1, 0, 7],
    ];
    for head in heads {
        assert!(crafted(&[&head]).is_err());
        assert_eq!(
            with(Mutant::AnyLength, || crafted(&[&head])),
            Ok(Vec::new())
        );
    }
    let all = [5, 1, 255, 255, 255, 255, 1, 0, 7];
    assert!(crafted(&[&all]).is_err());
}
