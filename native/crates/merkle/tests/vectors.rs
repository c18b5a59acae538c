//! The vectors shared with TypeScript and Python.
#![allow(missing_docs, clippy::unwrap_used)]

use pyralog_merkle::{
    Blake3Tree, MemoryNodes, Sha256Tree, Tree, TreeHash, verify_consistency, verify_inclusion,
};
use pyralog_types::{Hash, LeafRecord, ZERO_HASH};
use serde_json::Value;

fn hash(value: &Value) -> Hash {
    let text = value.as_str().unwrap();
    let mut out = [0; 32];
    for (byte, i) in out.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    }
    out
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn record(i: u64) -> [u8; 128] {
    LeafRecord {
        timestamp: 1_790_000_000_000 + i,
        scarab_id: (i + 1) << 23,
        offset: i,
        epoch: 1,
        schema_id: 1,
        key_hash: ZERO_HASH,
        value_hash: *blake3::hash(&i.to_le_bytes()).as_bytes(),
        headers_hash: ZERO_HASH,
    }
    .to_bytes()
}

fn tree<H: TreeHash>(size: u64) -> Tree<H, MemoryNodes> {
    let records: Vec<_> = (0..size).map(record).collect();
    let mut leaves = Vec::new();
    H::leaves(&records, &mut leaves);
    let mut tree = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    tree.append(&leaves).unwrap();
    tree
}

fn check<H: TreeHash>(vectors: &Value, algorithm: &str, root_name: &str) {
    for case in vectors["trees"].as_array().unwrap() {
        assert_eq!(
            tree::<H>(number(&case["size"])).root(),
            hash(&case[root_name])
        );
    }
    let path =
        |case: &Value| -> Vec<Hash> { case["path"].as_array().unwrap().iter().map(hash).collect() };
    let mut seen = 0;
    for case in vectors["inclusion"].as_array().unwrap() {
        if case["algorithm"] != algorithm {
            continue;
        }
        seen += 1;
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let (leaf, root) = (hash(&case["leaf"]), hash(&case["root"]));
        assert_eq!(tree::<H>(size).inclusion(index, size).unwrap(), path(case));
        assert!(verify_inclusion::<H>(
            (&leaf, index),
            (&root, size),
            &path(case)
        ));
    }
    for case in vectors["consistency"].as_array().unwrap() {
        if case["algorithm"] != algorithm {
            continue;
        }
        seen += 1;
        let (from, to) = (number(&case["from"]), number(&case["to"]));
        let (old, new) = (hash(&case["fromRoot"]), hash(&case["toRoot"]));
        assert_eq!(tree::<H>(to).consistency(from, to).unwrap(), path(case));
        assert!(verify_consistency::<H>(
            (&old, from),
            (&new, to),
            &path(case)
        ));
    }
    assert!(seen > 10, "only {seen} vectors for {algorithm}");
}

#[test]
fn shared_vectors() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../test/vectors/merkle.json"
    );
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    check::<Blake3Tree>(&vectors, "blake3", "blake3Root");
    check::<Sha256Tree>(&vectors, "sha256", "sha256Root");
}
