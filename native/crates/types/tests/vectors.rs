//! The vectors shared with TypeScript and Python: records, headers.
#![allow(missing_docs, clippy::unwrap_used)]

use pyralog_types::{LeafRecord, decode_headers, encode_headers, part_hash};
use serde_json::Value;

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn hash(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn shared_vectors() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../test/vectors/record.json"
    );
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let records = vectors["records"].as_array().unwrap();
    assert!(records.len() > 2);
    for case in records {
        let record = LeafRecord {
            timestamp: number(&case["timestamp"]),
            scarab_id: number(&case["scarabId"]),
            offset: number(&case["offset"]),
            epoch: case["epoch"].as_u64().unwrap() as u32,
            schema_id: case["schemaId"].as_u64().unwrap() as u32,
            key_hash: hash(&case["keyHash"]),
            value_hash: hash(&case["valueHash"]),
            headers_hash: hash(&case["headersHash"]),
        };
        assert_eq!(record.to_bytes().to_vec(), bytes(&case["bytes"]));
        assert_eq!(
            LeafRecord::from_bytes(&bytes(&case["bytes"])).unwrap(),
            record
        );
    }
    let headers = vectors["headers"].as_array().unwrap();
    assert!(headers.len() > 1);
    for case in headers {
        let list: Vec<(String, Vec<u8>)> = case["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap().to_owned(), bytes(&pair[1])))
            .collect();
        let list: Vec<(&str, &[u8])> = list
            .iter()
            .map(|(name, value)| (&name[..], &value[..]))
            .collect();
        let encoded = encode_headers(&list).unwrap();
        assert_eq!(encoded, bytes(&case["bytes"]));
        assert_eq!(decode_headers(&encoded).unwrap(), list);
        let part = (!encoded.is_empty()).then_some(&encoded[..]);
        assert_eq!(part_hash(part), hash(&case["hash"]));
    }
}

#[test]
fn records_out_of_range_are_refused() {
    let good = LeafRecord {
        timestamp: 1,
        scarab_id: 1,
        offset: 1,
        epoch: 1,
        schema_id: 0,
        key_hash: [0; 32],
        value_hash: [0; 32],
        headers_hash: [0; 32],
    };
    assert!(LeafRecord::from_bytes(&good.to_bytes()).is_ok());
    for bad in [
        LeafRecord {
            timestamp: 1 << 53,
            ..good
        },
        LeafRecord {
            offset: 1 << 53,
            ..good
        },
        LeafRecord { epoch: 0, ..good },
    ] {
        assert!(LeafRecord::from_bytes(&bad.to_bytes()).is_err());
    }
    assert!(LeafRecord::from_bytes(&good.to_bytes()[..127]).is_err());
}
