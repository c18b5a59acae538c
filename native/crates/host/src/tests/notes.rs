//! Notes against the vectors that TypeScript and Python share (C1–C3, C8).

use crate::note::{Body, NamedKey};

#[test]
fn the_note_has_the_lines_that_c1_to_c3_name() {
    let key = NamedKey::cosigner("pyralog/test-00/local/node-0", &[1; 32]);
    let body = Body {
        origin: "pyralog/test-00/local/notary/0",
        size: 7,
        root: &[3; 32],
        sha256_root: Some(&[4; 32]),
        epoch: 1,
        time_ms: 1_790_000_000_999,
    };
    let note = body.cosign(&key);
    let lines: Vec<&str> = note.split('\n').collect();
    assert_eq!(lines[..2], ["pyralog/test-00/local/notary/0", "7"]);
    assert_eq!(lines[3..7], ["epoch 1", "time 1790000000999", lines[5], ""]);
    assert!(lines[5].starts_with("sha256 BAQEBAQE"));
    assert!(lines[7].starts_with("\u{2014} pyralog/test-00/local/node-0 "));
    assert_eq!((lines.len(), lines[8]), (9, ""));

    let log = NamedKey::log(body.origin, &[2; 32]);
    let note = body.sign_sha256(&log).unwrap();
    let lines: Vec<&str> = note.split('\n').collect();
    assert_eq!(lines[..2], ["pyralog/test-00/local/notary/0/sha256", "7"]);
    assert!(lines[4].starts_with("\u{2014} pyralog/test-00/local/notary/0/sha256 "));
    assert_eq!(lines.len(), 6);
}
