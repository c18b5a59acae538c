//! Whatever stands in a manifest, reading it answers; what is written is read back as it was.

use std::sync::Arc;

use proptest::prelude::*;
use pyralog_segment::{Kind, SegmentMeta};

use super::damage::written;
use super::manifest_file;
use crate::edit::{decode_edits, encode_edits};
use crate::frame::{FIRST_FRAME, FileHeader, FrameKind};
use crate::recover::recover;
use crate::version::Version;
use crate::{Edit, NewLeaves, NewSegment, Policy, Replacement, Retention, TakeOver};

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..100, 0..=pyralog_types::SAFE_INTEGER_MAX]
}

prop_compose! {
    fn figures()(
        base in 0_u64..1 << 52, rows in 1_u32..1 << 20, gap in 0_u64..3,
        words in prop::array::uniform4(0_u64..1 << 50), hash in any::<[u8; 32]>(), cold in any::<bool>(),
    ) -> SegmentMeta {
        SegmentMeta {
            base_offset: base,
            end_offset: base + u64::from(rows) + gap,
            rows,
            first_timestamp: words[0],
            last_timestamp: words[0] + 1,
            first_id: words[1],
            last_id: words[1] + u64::from(rows),
            arrow_bytes: words[2],
            side_bytes: words[3],
            raw_bytes: words[2],
            hash,
            kind: if cold { Kind::Cold } else { Kind::Hot },
            compacted: gap > 0,
        }
    }
}

prop_compose! {
    fn segment()(number in number(), meta in figures()) -> NewSegment {
        NewSegment { number, meta }
    }
}

prop_compose! {
    fn leaves()(number in number(), base_offset in any::<u64>(), end_offset in any::<u64>(), sha256 in any::<bool>(), hash in any::<[u8; 32]>()) -> NewLeaves {
        NewLeaves { number, base_offset, end_offset, sha256, hash }
    }
}

prop_compose! {
    fn policy()(merge_bytes in any::<u64>(), latest_by_key in any::<bool>(), tombstone_ms in any::<u64>(), rest in prop::array::uniform4(any::<Option<u64>>())) -> Policy {
        let [retain_bytes, retain_ms, retain_from, cold_after_ms] = rest;
        Policy { merge_bytes, latest_by_key, tombstone_ms, retain_bytes, retain_ms, retain_from, cold_after_ms }
    }
}

fn hashes() -> impl Strategy<Value = Vec<[u8; 32]>> {
    prop::collection::vec(any::<[u8; 32]>(), 0..4)
}

prop_compose! {
    fn retain()(first_offset in any::<u64>(), hashes_from in any::<u64>(), roots in hashes(), sha256_roots in hashes(), leaves in prop::collection::vec(leaves(), 0..3)) -> Retention {
        Retention { first_offset, hashes_from, roots, sha256_roots, leaves }
    }
}

prop_compose! {
    fn replacement()(removed in prop::collection::vec(any::<u64>(), 0..4), segments in prop::collection::vec(segment(), 0..3), leaves in prop::collection::vec(leaves(), 0..3)) -> Replacement {
        Replacement { removed, segments, leaves }
    }
}

prop_compose! {
    fn take_over()(bounds in any::<[u64; 3]>(), roots in hashes(), sha256_roots in hashes(), kept in prop::collection::vec(any::<u64>(), 0..4), segments in prop::collection::vec(segment(), 0..3), leaves in prop::collection::vec(leaves(), 0..3)) -> TakeOver {
        let [first_offset, end_offset, hashes_from] = bounds;
        TakeOver { first_offset, end_offset, hashes_from, roots, sha256_roots, kept, segments, leaves }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let partition = || prop_oneof![0_u32..3, any::<u32>()];
    let range = || (any::<u64>(), any::<u64>()).prop_map(|(start, end)| start..end);
    prop_oneof![
        (partition(), segment()).prop_map(|(partition, segment)| Edit::Add { partition, segment }),
        (partition(), replacement()).prop_map(|(partition, by)| Edit::Replace { partition, by }),
        (partition(), retain()).prop_map(|(partition, to)| Edit::Retain { partition, to }),
        (
            partition(),
            any::<u64>(),
            prop::collection::vec(range(), 0..4)
        )
            .prop_map(|(partition, number, ranges)| Edit::Quarantine {
                partition,
                number,
                ranges
            }),
        (partition(), any::<u64>())
            .prop_map(|(partition, number)| Edit::Lift { partition, number }),
        (partition(), policy())
            .prop_map(|(partition, policy)| Edit::SetPolicy { partition, policy }),
        (partition(), take_over()).prop_map(|(partition, by)| Edit::TakeOver { partition, by }),
    ]
}

/// A file that consists of these payloads, all with the right checksums.
fn forge(snapshot: (u64, &[u8]), commits: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let header = FileHeader {
        incarnation: 1,
        store_id: [7; 16],
        salt: 5,
    };
    let mut bytes = vec![0; FIRST_FRAME];
    bytes[..64].copy_from_slice(&header.encode());
    bytes.extend(header.frame(FrameKind::Snapshot, snapshot.0, snapshot.1));
    for (number, payload) in commits {
        bytes.extend(header.frame(FrameKind::Edits, *number, payload));
    }
    bytes.extend([0; 256]);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn edits_are_read_as_they_were_written(edits in prop::collection::vec(edit(), 1..5)) {
        prop_assert_eq!(decode_edits(&encode_edits(&edits)), Ok(edits));
    }

    #[test]
    fn edits_have_one_encoding(edits in prop::collection::vec(edit(), 1..4), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut bytes = encode_edits(&edits);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(other) = decode_edits(&bytes) {
            prop_assert_eq!(encode_edits(&other), bytes);
        }
    }

    #[test]
    fn random_edits_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(edits) = decode_edits(&bytes) {
            prop_assert_eq!(encode_edits(&edits), bytes);
        }
    }

    /// Edits with right checksums and values out of their minds: applied or refused.
    #[test]
    fn any_edits_are_answered(commits in prop::collection::vec(prop::collection::vec(edit(), 1..4), 0..4), first in prop_oneof![1_u64..3, any::<u64>()]) {
        let commits: Vec<_> = (1_u64..).zip(&commits).map(|(at, edits)| (first.wrapping_add(at), encode_edits(edits))).collect();
        let bytes = forge((first, &Version::default().encode(0)), &commits);
        drop(recover(&manifest_file(), &bytes, &Arc::default()));
    }

    #[test]
    fn any_snapshot_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), first in any::<u64>()) {
        drop(recover(&manifest_file(), &forge((first, &bytes), &[]), &Arc::default()));
    }

    #[test]
    fn a_changed_snapshot_is_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut snapshot = written().version;
        let at = at.index(snapshot.len());
        snapshot[at] = byte;
        if let Ok(recovered) = recover(&manifest_file(), &forge((1, &snapshot), &[]), &Arc::default()) {
            prop_assert_eq!(recovered.version.encode(recovered.next_file), snapshot);
        }
    }

    #[test]
    fn random_files_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..10_000)) {
        prop_assert!(recover(&manifest_file(), &bytes, &Arc::default()).is_err());
    }

    #[test]
    fn random_tails_are_answered(bytes in prop::collection::vec(any::<u8>(), 1..3_000), at in 0_usize..6_000) {
        let written = written();
        let mut content = written.bytes;
        let at = FIRST_FRAME + at;
        content[at..at + bytes.len()].copy_from_slice(&bytes);
        drop(recover(&manifest_file(), &content, &Arc::default()));
    }
}
