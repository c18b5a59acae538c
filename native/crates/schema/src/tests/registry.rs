//! Ids, subjects, the file.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::DataType;
use pyralog_log::{FaultFiles, FileLayer};
use pyralog_types::FIRST_SCHEMA;

use super::{nullable, required, schema, stream};
use crate::{Rule, SchemaError, SchemaRegistry, Subject};

const PATH: &str = "/schemas";

fn open(files: &FaultFiles) -> Result<SchemaRegistry, SchemaError> {
    SchemaRegistry::open(Arc::new(files.clone()), Path::new(PATH))
}

fn id() -> arrow_schema::Field {
    required("id", DataType::Int64)
}

#[test]
fn gives_ids_once_and_keeps_them() {
    let files = FaultFiles::new(1);
    let registry = open(&files).unwrap();
    let first = registry.register("orders", &stream([id()])).unwrap();
    assert_eq!(first, FIRST_SCHEMA);
    assert_eq!(registry.register("orders", &stream([id()])), Ok(first));
    let wider = [id(), nullable("note", DataType::Utf8)];
    let second = registry.register("orders", &stream(wider.clone())).unwrap();
    let third = registry.register("customers", &stream([id()])).unwrap();
    assert_eq!((second, third), (first + 1, first + 2));
    // The same schema again, but not the newest: a version of its own.
    let fourth = registry.register("orders", &stream([id()])).unwrap();
    assert_eq!(fourth, first + 3);
    drop(registry);
    let registry = open(&files).unwrap();
    assert_eq!(*registry.schema(second).unwrap(), schema(wider));
    assert_eq!(registry.stream(first).unwrap()[..], stream([id()]));
    let versions = vec![first, second, fourth];
    let orders = Subject {
        rule: Rule::Backward,
        versions,
    };
    assert_eq!(registry.subject("orders"), Some(orders));
    assert_eq!(registry.subjects(), ["customers", "orders"]);
    assert_eq!(registry.subject("nobody"), None);
    assert_eq!(registry.schema(99), Err(SchemaError::Unknown(99)));
    assert_eq!(registry.register("new", &stream([id()])), Ok(first + 4));
}

#[test]
fn holds_a_version_against_all_before_it() {
    let registry = open(&FaultFiles::new(1)).unwrap();
    let text = |name: &str| nullable(name, DataType::Utf8);
    let first = registry.register("s", &stream([id(), text("a")])).unwrap();
    registry.register("s", &stream([id()])).unwrap();
    // Fits the newest, which has no such field, but not the one before.
    let number = [id(), nullable("a", DataType::Int64)];
    let refused = registry.register("s", &stream(number.clone())).unwrap_err();
    assert_eq!(refused.code(), "schema/incompatible");
    assert_eq!(refused.field(), Some("a"));
    let SchemaError::Incompatible {
        subject,
        rule,
        version,
        ..
    } = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!(
        (&subject[..], *rule, *version),
        ("s", Rule::Backward, first)
    );
    assert_eq!(registry.test("s", &stream(number.clone())), Err(refused));
    let stats = registry.stats();
    assert_eq!(
        (stats.schemas, stats.subjects, stats.incompatible),
        (2, 1, 2)
    );
    registry.test("other", &stream(number.clone())).unwrap();
    registry.set_rule("s", Rule::None).unwrap();
    registry.register("s", &stream(number)).unwrap();
}

#[test]
fn keeps_rules() {
    let files = FaultFiles::new(1);
    let registry = open(&files).unwrap();
    for rule in Rule::ALL {
        registry.set_rule("s", rule).unwrap();
        drop(open(&files).unwrap());
        assert_eq!(open(&files).unwrap().subject("s").unwrap().rule, rule);
        assert_eq!(Rule::of(&rule.to_string()), Some(rule));
    }
    assert_eq!(Rule::of("Full"), None);
    registry.set_rule("s", Rule::Forward).unwrap();
    registry.register("s", &stream([id()])).unwrap();
    let wider = stream([id(), required("more", DataType::Utf8)]);
    registry.register("s", &wider).unwrap();
    assert!(registry.register("s", &stream([id()])).is_err());
}

#[test]
fn checks_streams_of_batches() {
    let registry = open(&FaultFiles::new(1)).unwrap();
    let known = registry.register("s", &stream([id()])).unwrap();
    let numbers = |name: &str| {
        let schema = Arc::new(schema([required(name, DataType::Int64)]));
        let column = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    assert_eq!(registry.check_stream(known, &numbers("id")), Ok(6));
    assert_eq!(registry.check_stream(known, &stream([id()])), Ok(0));
    let refused = registry.check_stream(known, &numbers("other")).unwrap_err();
    assert_eq!(refused.field(), Some("id"));
    let other = stream([required("other", DataType::Int64)]);
    assert_eq!(
        registry.check_stream(known, &other),
        Err(refused),
        "without batches, too"
    );
    assert_eq!(
        registry.check_stream(7, &numbers("id")),
        Err(SchemaError::Unknown(7))
    );
}

#[test]
fn has_all_it_answered_whenever_the_power_fails() {
    for seed in 0..40 {
        for fuse in 0.. {
            let files = FaultFiles::new(seed * 100 + fuse);
            files.allow_short_writes();
            files.power_off_after(fuse);
            let mut given = Vec::new();
            let registry = open(&files).unwrap();
            for number in 0..4 {
                let name = format!("subject {number}");
                let Ok(given_id) = registry.register(&name, &stream([id()])) else {
                    break;
                };
                given.push((name, given_id));
            }
            let finished = !files.is_off();
            files.crash();
            let registry = open(&files).unwrap();
            for (name, given_id) in given {
                assert_eq!(registry.subject(&name).unwrap().versions, [given_id]);
            }
            registry.register("after", &stream([id()])).unwrap();
            if finished {
                break;
            }
        }
    }
}

#[test]
fn goes_on_when_there_is_room_again() {
    let files = FaultFiles::new(1);
    let registry = open(&files).unwrap();
    files.set_capacity(10);
    let full = registry.register("s", &stream([id()])).unwrap_err();
    assert_eq!(full.code(), "storage/disk-full");
    assert_eq!(registry.subject("s"), None);
    files.set_capacity(u64::MAX);
    assert_eq!(registry.register("s", &stream([id()])), Ok(FIRST_SCHEMA));
}

#[test]
fn refuses_a_damaged_file_and_leaves_it() {
    let files = FaultFiles::new(1);
    let registry = open(&files).unwrap();
    registry.register("s", &stream([id()])).unwrap();
    let path = Path::new(PATH);
    let good = files.content(path).unwrap();
    for at in 0..good.len() {
        files.flip_bit(path, at, at as u32);
        assert_eq!(
            open(&files).err().unwrap().code(),
            "storage/corrupt",
            "byte {at}"
        );
        files.flip_bit(path, at, at as u32);
    }
    for length in 0..good.len() {
        let file = files.open(path, pyralog_log::OpenMode::ReadWrite).unwrap();
        file.set_len(length as u64).unwrap();
        assert_eq!(
            open(&files).err().unwrap().code(),
            "storage/corrupt",
            "{length} bytes"
        );
        file.write_all_at(&good, 0).unwrap();
    }
    open(&files).unwrap();
}
