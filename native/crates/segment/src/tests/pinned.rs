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
    assert_eq!(
        blake3::Hash::from_bytes(meta.hash).to_hex().as_str(),
        "e311b054ad2f3196b421826f36baff3d2338f7b34ee9cae14d75441ca7c3b90e"
    );
    assert_eq!(
        side.to_hex().as_str(),
        "ec40cb2a8dfa95a6d555e28d94253887fa5ce388b9c8663ff11e62ce05372768"
    );
}
