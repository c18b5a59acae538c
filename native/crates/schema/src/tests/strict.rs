//! Streams and names from strangers.

use arrow_schema::DataType;
use proptest::prelude::*;
use pyralog_log::FaultFiles;
use std::sync::Arc;

use super::{list, nullable, required, stream, structure};
use crate::{SchemaRegistry, batches_of, schema_of};

fn registry() -> SchemaRegistry {
    SchemaRegistry::open(Arc::new(FaultFiles::new(1)), "/schemas".as_ref()).unwrap()
}

#[test]
fn refuses_schemas_that_break_the_rule() {
    let int = |name: &str| required(name, DataType::Int8);
    let deep =
        |levels: usize| (0..levels).fold(int("x"), |inner, _| required("x", structure([inner])));
    let many = |count: usize| {
        (0..count)
            .map(|number| int(&number.to_string()))
            .collect::<Vec<_>>()
    };
    let good = [
        vec![int("a")],
        vec![deep(31)],
        many(4_096),
        vec![int(&"n".repeat(256))],
    ];
    for fields in good {
        schema_of(&stream(fields)).unwrap();
    }
    let bad = [
        vec![],
        vec![int("")],
        vec![int("a"), int("a")],
        vec![required("s", structure([int("b"), int("b")]))],
        vec![required("l", list(required("item", structure([int("")]))))],
        vec![deep(32)],
        many(4_097),
        vec![int(&"n".repeat(257))],
    ];
    for fields in bad {
        let refused = schema_of(&stream(fields.clone())).unwrap_err();
        assert_eq!(refused.code(), "schema/malformed", "{refused}");
        assert_eq!(registry().register("s", &stream(fields)), Err(refused));
    }
    let long = nullable("a", DataType::Int8).with_metadata([("k".to_owned(), "v".repeat(1 << 20))]);
    assert_eq!(
        schema_of(&stream([long])).unwrap_err().code(),
        "schema/malformed"
    );
}

#[test]
fn refuses_subjects_that_break_the_rule() {
    let bytes = stream([required("a", DataType::Int8)]);
    for name in ["", "a\nb", "\0", &"s".repeat(129)] {
        let refused = registry().register(name, &bytes).unwrap_err();
        assert_eq!(refused.code(), "schema/malformed", "{name:?}");
    }
    registry().register(&"ß".repeat(64), &bytes).unwrap();
}

#[test]
fn refuses_bytes_that_are_no_stream() {
    let good = stream([
        required("a", DataType::Int8),
        nullable("b", list(nullable("item", DataType::Utf8))),
    ]);
    for length in 0..good.len() - 8 {
        assert!(schema_of(&good[..length]).is_err(), "{length} bytes");
    }
    // The longest length that a message can claim.
    let claims = [&[0xff; 4][..], &i32::MAX.to_le_bytes(), &[0; 64]].concat();
    assert!(schema_of(&claims).is_err());
}

proptest! {
    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..400, byte in any::<u8>()) {
        let _ = batches_of(&bytes);
        let mut changed = stream([required("a", DataType::Int8), nullable("s", structure([required("t", DataType::Utf8)]))]);
        if let Some(place) = changed.get_mut(at) {
            *place = byte;
        }
        let _ = schema_of(&changed);
    }
}
