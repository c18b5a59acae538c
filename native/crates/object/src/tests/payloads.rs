//! Cutting, naming, storing once.

use std::io::Read;

use fastcdc::v2020::FastCDC;
use proptest::prelude::*;
use proptest::test_runner::Config;
use pyralog_log::FaultFiles;

use super::{noise, open, put};
use crate::error::hex;
use crate::recipe::Recipe;
use crate::{CHUNK_BYTES_AVERAGE, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, ObjectError, ObjectReference};

/// Hands out a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let step = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(step);
        buffer[..step].copy_from_slice(now);
        self.0 = later;
        Ok(step)
    }
}

proptest! {
    #![proptest_config(Config { cases: 12, ..Config::default() })]

    #[test]
    fn returns_what_was_put(seed in any::<u64>(), length in 0_usize..3_000_000, from in 0_u64..3_100_000, part in 0_usize..500_000) {
        let store = open(&FaultFiles::new(1));
        let payload = noise(seed, length);
        let reference = put(&store, &payload);
        prop_assert_eq!(reference.length, length as u64);
        prop_assert_eq!(blake3::hash(&payload), reference.content);
        prop_assert_eq!(store.get(&reference).unwrap(), &payload[..]);
        let start = (from as usize).min(length);
        let end = (start + part).min(length);
        prop_assert_eq!(store.read(&reference, from, part).unwrap(), &payload[start..end]);
        // However it arrives, and whatever cuts it, the chunks are the same.
        let trickled = store.put(Trickle(&payload, 70_001)).unwrap().0;
        prop_assert_eq!(trickled, reference);
        let whole = FastCDC::new(&payload, CHUNK_BYTES_MIN, CHUNK_BYTES_AVERAGE, CHUNK_BYTES_MAX);
        let lengths: Vec<_> = whole.map(|chunk| chunk.length as u32).collect();
        let recipe = store.recipe(&reference.id).unwrap();
        prop_assert_eq!(recipe.chunks.iter().map(|(_, length)| *length).collect::<Vec<_>>(), lengths);
    }

    #[test]
    fn reads_references_strictly(bytes in prop::collection::vec(any::<u8>(), 74..84), length in 0_u64..(1 << 53)) {
        if let Ok(reference) = ObjectReference::decode(&bytes) {
            prop_assert_eq!(&reference.encode()[..], &bytes[..]);
        }
        let schema_id = if length % 2 == 0 { 0 } else { 256 + length as u32 % 1_000 };
        let reference = ObjectReference { schema_id, length, id: [7; 32], content: [9; 32] };
        let encoded = reference.encode();
        prop_assert_eq!(ObjectReference::decode(&encoded), Ok(reference));
        for at in [0, 1, 2, 3] {
            let mut bad = encoded;
            bad[at] ^= 1;
            prop_assert_eq!(ObjectReference::decode(&bad).unwrap_err().code(), "object/malformed");
        }
        for reserved in [1, 2, 3, 255] {
            let bad = ObjectReference { schema_id: reserved, ..reference }.encode();
            prop_assert_eq!(ObjectReference::decode(&bad).unwrap_err().code(), "object/malformed");
        }
        prop_assert!(ObjectReference::decode(&encoded[1..]).is_err());
    }
}

/// A vector (O1–O3): who cuts or names otherwise has other ids.
#[test]
fn names_an_object_as_ever() {
    let store = open(&FaultFiles::new(1));
    let reference = put(&store, &noise(42, 2_000_000));
    let recipe = store.recipe(&reference.id).unwrap();
    let lengths: Vec<_> = recipe.chunks.iter().map(|(_, length)| *length).collect();
    assert_eq!(lengths, VECTOR_LENGTHS);
    assert_eq!(hex(&reference.id), VECTOR_ID);
    let empty = put(&store, b"");
    assert_eq!(store.get(&empty).unwrap(), b"");
    assert_eq!(empty.id, *blake3::hash(&[0; 12]).as_bytes());
}

const VECTOR_LENGTHS: [u32; 6] = [395_911, 382_926, 383_070, 257_736, 311_612, 268_745];
const VECTOR_ID: &str = "b84eea9dad6a446d41423d66142687c9a35340eaafcb13a5db04c095776254e3";

#[test]
fn stores_what_is_shared_once() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let payload = noise(1, 4_000_000);
    put(&store, &payload);
    let before = store.stats();
    assert_eq!(put(&store, &payload), put(&store, &payload));
    let again = store.stats();
    assert_eq!(again.known_chunks, 2 * before.chunks);
    assert_eq!(again.known_bytes, 2 * payload.len() as u64);
    assert_eq!(again.put_bytes, 3 * payload.len() as u64);
    let stored = (again.puts, again.chunks, again.bytes, again.stored_bytes);
    assert_eq!(
        stored,
        (3, before.chunks, before.bytes, before.bytes),
        "nothing is stored again"
    );
    // A byte in front moves every other byte.
    let longer = [&[1][..], &payload].concat();
    put(&store, &longer);
    let after = store.stats();
    assert!(after.chunks <= before.chunks + 3, "{before:?} {after:?}");
    assert!(after.bytes < before.bytes + 2_500_000);
    // The same chunk many times within one payload.
    let zeros = put(&store, &vec![0; 20 << 20]);
    assert_eq!(store.get(&zeros).unwrap(), vec![0; 20 << 20]);
    assert!(store.stats().bytes < after.bytes + 2_500_000);
}

#[test]
fn refuses_references_whose_parts_do_not_belong_together() {
    let store = open(&FaultFiles::new(1));
    let one = put(&store, &noise(1, 100_000));
    let two = put(&store, &noise(2, 100_000));
    let mixed = [
        ObjectReference {
            content: two.content,
            ..one
        },
        ObjectReference { id: two.id, ..one },
        ObjectReference {
            length: one.length + 1,
            ..one
        },
    ];
    for reference in mixed {
        assert_eq!(
            store.get(&reference).unwrap_err().code(),
            "object/malformed"
        );
        assert_eq!(
            store.check(&reference).unwrap_err().code(),
            "object/malformed"
        );
    }
    store.check(&one).unwrap();
    let unknown = ObjectReference { id: [3; 32], ..one };
    assert_eq!(store.get(&unknown).unwrap_err().code(), "object/missing");
    assert_eq!(
        store.read(&unknown, 0, 1).unwrap_err().code(),
        "object/missing"
    );
    assert!(!store.contains(&unknown.id).unwrap());
}

#[test]
fn refuses_recipes_that_lie() {
    let mut recipe = Recipe::default();
    recipe.push([1; 32], 65_536);
    recipe.push([2; 32], 10);
    let good = recipe.encode();
    let id = [0; 32];
    assert_eq!(Recipe::decode(&id, &good), Ok(recipe));
    let changed = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        bad
    };
    let bad = [
        good[..good.len() - 1].to_vec(),
        [&good[..], &[0]].concat(),
        changed(0, 1),
        changed(8, 3),
        changed(11, 255),
        changed(12, 1),
        changed(15, 255),
        vec![],
    ];
    for bytes in bad {
        assert!(Recipe::decode(&id, &bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn keeps_nothing_of_a_payload_that_fails() {
    struct Fails(usize);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(1)
                .ok_or(std::io::ErrorKind::ConnectionReset)?;
            buffer.fill(self.0 as u8);
            Ok(buffer.len())
        }
    }
    let files = FaultFiles::new(1);
    let store = open(&files);
    let failed = store.put(Fails(3)).err().unwrap();
    assert!(matches!(failed, ObjectError::Io(_)), "{failed}");
    assert_eq!(super::packs(&files), [""; 0]);
    let reference = put(&store, b"afterwards");
    assert_eq!(store.get(&reference).unwrap(), b"afterwards");
}
