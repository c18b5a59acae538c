//! The vectors that TypeScript and Python share (test/vectors/state.json).
#![allow(clippy::unwrap_used)]

use pyralog_state::{Changes, StateTree, verify};
use serde_json::Value;

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn maybe(hex: &Value) -> Option<Vec<u8>> {
    (!hex.is_null()).then(|| bytes(hex))
}

fn root(hex: &Value) -> [u8; 32] {
    bytes(hex).try_into().unwrap()
}

#[test]
fn shared_vectors() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../test/vectors/state.json"
    );
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut tree = StateTree::default();
    let mut newest = 0;
    for version in vectors["versions"].as_array().unwrap() {
        let changes: Vec<(Vec<u8>, Option<Vec<u8>>)> = version["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| (bytes(&change[0]), maybe(&change[1])))
            .collect();
        let changes = Changes::of(changes.iter().map(|(k, v)| (k.as_slice(), v.as_deref())));
        let made = tree.apply(newest, &changes).unwrap();
        newest = made.number;
        assert_eq!(made.root, root(&version["root"]));
        assert_eq!(tree.count(newest), Ok(version["count"].as_u64().unwrap()));
    }
    let last = tree.root(newest).unwrap();
    let proofs = vectors["proofs"].as_array().unwrap();
    for case in proofs {
        let (key, value, proof) = (
            bytes(&case["key"]),
            maybe(&case["value"]),
            bytes(&case["proof"]),
        );
        assert_eq!(tree.prove(newest, &key), Ok(proof.clone()));
        assert!(verify(&last, &key, value.as_deref(), &proof));
    }
    let refused = vectors["refused"].as_array().unwrap();
    for case in refused {
        let (key, value, proof) = (
            bytes(&case["key"]),
            maybe(&case["value"]),
            bytes(&case["proof"]),
        );
        let accepted = verify(&root(&case["root"]), &key, value.as_deref(), &proof);
        assert!(!accepted, "{}", case["why"]);
    }
    assert!(proofs.len() > 40 && refused.len() > 20);
}
