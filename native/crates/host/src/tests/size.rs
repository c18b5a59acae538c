//! How many bytes a sealed record costs on disk, all told.

use std::path::Path;

use pyralog_log::{FaultFiles, FileLayer};

use super::{Clock, digests, options, propose};
use crate::{Host, HostOptions, SealLimits, Wait};

/// Bytes of a notary value in a row: the payload.
const PAYLOAD: u64 = 34;

/// Bytes of the files in a folder whose names have this part.
fn bytes_in(disk: &FaultFiles, folder: &str, part: &str) -> u64 {
    let folder = Path::new("/store").join(folder);
    let names = disk.list(&folder).unwrap();
    let contents = names.iter().filter(|name| name.contains(part)).map(|name| {
        let content = disk.content(&folder.join(name));
        content.map_or(0, |content| content.len() as u64)
    });
    contents.sum()
}

#[test]
fn a_sealed_record_takes_its_payload_and_at_most_128_bytes() {
    let records = 3 * 16_384_u64;
    let disk = FaultFiles::new(1);
    let options = HostOptions {
        wal_file_bytes: 4 << 20,
        seal: SealLimits {
            rows: 16_384,
            bytes: 64 << 20,
        },
        ..options()
    };
    let host = Host::open(Clock::new().world(&disk), &options).unwrap();
    for first in (0..records).step_by(4_096) {
        propose(&host, digests(first, 4_096), Wait::Durable).unwrap();
    }
    host.close().unwrap();
    assert_eq!(host.shared.segments.end(0), records);

    // Hundredths of a byte a record.
    let each = |folder, part: &str| bytes_in(&disk, folder, part) * 100 / records;
    let rows = each("segments", ".arrow") - PAYLOAD * 100;
    let indexes = each("segments", ".side");
    let (blake3, sha256) = (each("sidecars", "blake3"), each("sidecars", "sha256"));
    let beyond = rows + indexes + blake3 + sha256;
    println!(
        "hundredths of a byte a record beyond {PAYLOAD} bytes of payload: {beyond}; rows {rows}, indexes {indexes}, nodes {blake3} (BLAKE3) and {sha256} (SHA-256)"
    );
    assert!(beyond <= 128 * 100, "{beyond}");
    assert!(blake3 <= 400 && sha256 <= 1_600, "{blake3} and {sha256}");
    let all = disk.list(Path::new("/store/segments")).unwrap().len();
    assert_eq!(all, 2 * 3, "no file was left out");
}
