//! Whatever stands in a log file, opening answers.

use proptest::prelude::*;

use super::damage::{Written, write};
use super::{DIR, FILE_BYTES, open, wal_file};
use crate::FaultFiles;
use std::path::Path;

fn opens(disk: &FaultFiles) {
    // An error and a damaged log are both answers.
    if let Ok(log) = open(disk) {
        for group in log.reader.groups() {
            let _ = log.reader.entry(group, 1);
            let _ = log.reader.replay(group, 1, &mut |_, _, _| Ok(()));
        }
    }
}

fn small() -> Written {
    write(1, 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn random_files_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
        let written = small();
        written.disk.plant(&wal_file(1), bytes);
        opens(&written.disk);
    }

    #[test]
    fn random_bodies_are_answered(
        bytes in prop::collection::vec(any::<u8>(), 1..5_000),
        at in 64..FILE_BYTES as usize - 5_000,
    ) {
        let written = small();
        let mut content = written.disk.content(&wal_file(1)).unwrap();
        content[at..at + bytes.len()].copy_from_slice(&bytes);
        written.disk.plant(&wal_file(1), content);
        opens(&written.disk);
    }

    #[test]
    fn random_store_files_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let written = small();
        written.disk.plant(&Path::new(DIR).join("wal/STORE"), bytes);
        prop_assert!(open(&written.disk).is_err());
    }

    /// Headers with valid checksums and fields out of their minds.
    #[test]
    fn forged_headers_are_answered(
        payload in any::<u32>(),
        records in any::<u32>(),
        sequence in prop_oneof![Just(1_u64), any::<u64>()],
        synced in any::<u64>(),
    ) {
        let written = small();
        let mut content = written.disk.content(&wal_file(1)).unwrap();
        let header = crate::wal::FileHeader::decode(&content[..64]).unwrap();
        let frame = crate::wal::FrameHeader {
            payload_bytes: payload,
            incarnation: 1,
            sequence,
            synced_sequence: synced,
            synced: crate::FramePosition { incarnation: synced, position: synced },
            records: 0,
        };
        frame.seal(header.salt, &mut content[4096..]);
        // The count is not a part of what `seal` walks over here: put it in and redo the header's checksum.
        content[4096 + 48..4096 + 52].copy_from_slice(&records.to_le_bytes());
        let crc = crc32c::crc32c_append(
            crc32c::crc32c(&header.salt.to_le_bytes()),
            &content[4096..4096 + 56],
        );
        content[4096 + 56..4096 + 60].copy_from_slice(&crc.to_le_bytes());
        written.disk.plant(&wal_file(1), content);
        opens(&written.disk);
    }
}
