//! Bytes that must not change by accident: replicas with different builds compare them (H3).

use std::path::Path;

use pyralog_log::FaultFiles;

use super::{assorted, seal};

#[test]
fn bytes_of_a_segment_are_pinned() {
    let files = FaultFiles::new(1);
    let dir = Path::new("/d");
    let meta = seal(&files, dir, &assorted(3000, 12, 40));
    let side = blake3::hash(&files.content(&dir.join("s.side")).unwrap());
    assert_eq!(blake3::Hash::from_bytes(meta.hash).to_hex().as_str(), "?");
    assert_eq!(side.to_hex().as_str(), "?");
}
