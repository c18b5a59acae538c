//! Packed batches: round trips, refusals, and bytes that nobody meant.
#![allow(missing_docs, clippy::unwrap_used)]

use proptest::prelude::*;
use pyralog_types::batch::{
    Entry, IdRun, OUTCOME_BYTES, Outcome, OutcomeStatus, Proposal, RecordRef, Row, ValueRef,
    encode_digests, encode_entry_head, encode_proposal, encode_row,
};
use pyralog_types::{LeafRecord, TypeError, encode_headers};

#[derive(Debug, Clone)]
struct Owned {
    schema_id: u32,
    submitter: Vec<u8>,
    idempotency_key: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    headers: bool,
    value: Vec<u8>,
}

fn owned() -> impl Strategy<Value = Owned> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    (
        prop::sample::select(vec![0_u32, 2, 77]),
        bytes(20),
        prop::option::of(bytes(20)),
        prop::option::of(bytes(50)),
        any::<bool>(),
        bytes(200),
    )
        .prop_map(
            |(schema_id, submitter, idempotency_key, key, headers, value)| Owned {
                schema_id,
                submitter,
                idempotency_key,
                key,
                headers,
                value,
            },
        )
}

fn pack(records: &[Owned]) -> Vec<u8> {
    let headers = encode_headers(&[("content-type", b"text/plain"), ("x", b"")]).unwrap();
    let refs: Vec<RecordRef<'_>> = records
        .iter()
        .map(|record| borrow(record, &headers))
        .collect();
    encode_proposal(&refs)
}

fn borrow<'a>(record: &'a Owned, headers: &'a [u8]) -> RecordRef<'a> {
    RecordRef {
        schema_id: record.schema_id,
        submitter: &record.submitter,
        idempotency_key: record.idempotency_key.as_deref(),
        key: record.key.as_deref(),
        headers: record.headers.then_some(headers),
        value: ValueRef::Bytes(&record.value),
    }
}

proptest! {
    #[test]
    fn proposals_round_trip(records in prop::collection::vec(owned(), 1..30)) {
        let headers = encode_headers(&[("content-type", b"text/plain"), ("x", b"")]).unwrap();
        let bytes = pack(&records);
        let proposal = Proposal::parse(&bytes).unwrap();
        prop_assert_eq!(proposal.len(), records.len());
        for (read, written) in proposal.records().zip(&records) {
            prop_assert_eq!(read, borrow(written, &headers));
        }
    }

    #[test]
    fn truncated_and_extended_proposals_are_refused(records in prop::collection::vec(owned(), 1..5), cut in any::<prop::sample::Index>()) {
        let mut bytes = pack(&records);
        prop_assert!(Proposal::parse(&bytes[..cut.index(bytes.len())]).is_err());
        bytes.push(0);
        prop_assert!(Proposal::parse(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), version in 0_u8..4) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() { *first = version; }
        if let Ok(proposal) = Proposal::parse(&bytes) {
            prop_assert_eq!(proposal.records().count(), proposal.len());
        }
        let _ = Entry::parse(&bytes).map(|entry| entry.ids().count());
        let _ = Row::parse_all(&bytes);
        let _ = Outcome::from_bytes(&bytes);
        let _ = LeafRecord::from_bytes(&bytes);
    }

    #[test]
    fn mutated_proposals_never_panic(records in prop::collection::vec(owned(), 1..8), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = pack(&records);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(proposal) = Proposal::parse(&bytes) {
            prop_assert_eq!(proposal.records().count(), proposal.len());
        }
    }

    #[test]
    fn digests_read_like_the_records_they_stand_for(count in 1_usize..40, code in prop::sample::select(vec![0x12_u8, 0x13, 0x1e]), seed in any::<u8>()) {
        let len = if code == 0x13 { 64 } else { 32 };
        let digests: Vec<u8> = (0..count * len).map(|i| seed.wrapping_add(i as u8)).collect();
        let uniform = encode_digests(code, b"me", &digests);
        let uniform = Proposal::parse(&uniform).unwrap();
        prop_assert_eq!(uniform.len(), count);
        for (record, digest) in uniform.records().zip(digests.chunks(len)) {
            let value: Vec<u8> = [&[code, len as u8], digest].concat();
            let mut scratch = [0; 66];
            prop_assert_eq!(record.value.bytes(&mut scratch), &value[..]);
            prop_assert_eq!(record.value.len(), value.len());
            prop_assert_eq!(record.value.hash(), *blake3::hash(&value).as_bytes());
            prop_assert_eq!((record.schema_id, record.submitter), (1, &b"me"[..]));
        }
    }

    #[test]
    fn outcomes_round_trip(status in 0_u8..3, epoch in any::<u32>(), offset in any::<u64>(), scarab_id in any::<u64>(), timestamp in any::<u64>()) {
        let status = [OutcomeStatus::New, OutcomeStatus::Duplicate, OutcomeStatus::Conflict][usize::from(status)];
        let outcome = Outcome { status, epoch, offset, scarab_id, timestamp };
        let bytes = outcome.to_bytes();
        prop_assert_eq!(Outcome::from_bytes(&bytes).unwrap(), outcome);
        prop_assert!(Outcome::from_bytes(&bytes[..OUTCOME_BYTES - 1]).is_err());
    }
}

#[test]
fn entries_carry_one_id_a_record() {
    let proposal = encode_digests(0x12, b"", &[5; 96]);
    let entry = |runs: &[IdRun]| {
        let mut bytes = Vec::new();
        encode_entry_head(&mut bytes, 1_790_000_000_000, runs);
        bytes.extend_from_slice(&proposal);
        bytes
    };
    let good = entry(&[
        IdRun {
            first: 10,
            count: 2,
        },
        IdRun {
            first: 50,
            count: 1,
        },
    ]);
    let parsed = Entry::parse(&good).unwrap();
    assert_eq!(parsed.ids().collect::<Vec<_>>(), [10, 11, 50]);
    assert_eq!(parsed.proposal.bytes(), &proposal[..]);
    for bad in [
        vec![IdRun {
            first: 10,
            count: 2,
        }],
        vec![IdRun {
            first: 10,
            count: 4,
        }],
        vec![
            IdRun {
                first: 10,
                count: 3,
            },
            IdRun {
                first: 90,
                count: 0,
            },
        ],
        vec![IdRun {
            first: u64::MAX,
            count: 3,
        }],
        // The second run begins with the last id of the first (L5).
        vec![
            IdRun {
                first: 10,
                count: 2,
            },
            IdRun {
                first: 11,
                count: 1,
            },
        ],
    ] {
        assert!(Entry::parse(&entry(&bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn an_entry_beyond_exact_integers_is_refused() {
    let entry = |timestamp| {
        let mut bytes = Vec::new();
        encode_entry_head(&mut bytes, timestamp, &[IdRun { first: 1, count: 1 }]);
        bytes.extend_from_slice(&encode_digests(0x12, b"", &[5; 32]));
        bytes
    };
    assert!(Entry::parse(&entry((1 << 53) - 1)).is_ok());
    assert!(Entry::parse(&entry(1 << 53)).is_err());
}

#[test]
fn refusals_name_the_byte() {
    let refused = |bytes: &[u8]| match Proposal::parse(bytes) {
        Err(TypeError::Batch { at, what }) => (at, what),
        other => panic!("accepted: {other:?}"),
    };
    assert_eq!(
        refused(&[9, 0, 0, 0]),
        (0, "unknown version; 1 and 2 are known")
    );
    assert_eq!(
        refused(&[1, 0, 0, 0, 0, 0, 0, 0]).1,
        "count is not 1 to 65,536"
    );
    assert_eq!(refused(&[1, 1, 0, 0, 1, 0, 0, 0]).0, 1);
    assert_eq!(refused(&[2, 0x99, 0, 0, 1, 0, 0, 0]).0, 2);
    let mut short = encode_digests(0x12, b"", &[1; 64]);
    short.pop();
    assert_eq!(refused(&short).1, "ends too early");
    let notary = RecordRef {
        schema_id: 1,
        submitter: b"",
        idempotency_key: None,
        key: None,
        headers: None,
        value: ValueRef::Bytes(&[0x12, 32, 1]),
    };
    assert_eq!(refused(&encode_proposal(&[notary])).0, 8);
}

#[test]
fn rows_round_trip() {
    let leaf = LeafRecord {
        timestamp: 1,
        scarab_id: 2,
        offset: 3,
        epoch: 4,
        schema_id: 5,
        key_hash: [6; 32],
        value_hash: [7; 32],
        headers_hash: [8; 32],
    };
    let mut bytes = Vec::new();
    let row = |value| Row {
        leaf,
        key: b"k",
        headers: b"",
        value,
    };
    encode_row(&mut bytes, &row(b"one"));
    encode_row(&mut bytes, &row(b""));
    assert_eq!(Row::parse_all(&bytes).unwrap(), [row(b"one"), row(b"")]);
    assert!(Row::parse_all(&bytes[..bytes.len() - 1]).is_err());
}
