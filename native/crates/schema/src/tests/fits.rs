//! Batches against schemas.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};

use super::{list, nullable, required, schema, structure};
use crate::{SchemaError, check_batch};

fn batch(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(schema(fields)), arrays).unwrap()
}

fn ints(values: Vec<Option<i32>>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

fn texts(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

/// The field that is refused and why.
fn misfit(wanted: &Schema, batch: &RecordBatch) -> (String, String) {
    let refused = check_batch(300, wanted, batch).unwrap_err();
    assert_eq!(refused.code(), "schema/misfit");
    let SchemaError::Misfit {
        id: 300,
        field,
        what,
    } = refused.clone()
    else {
        panic!("{refused}");
    };
    assert!(
        refused.to_string().contains(&format!("{field:?}")),
        "{refused}"
    );
    (field, what)
}

fn order() -> Schema {
    schema([
        required("id", DataType::Int32),
        nullable("note", DataType::Utf8),
    ])
}

#[test]
fn takes_what_fits() {
    let good = batch(vec![
        (
            required("id", DataType::Int32),
            ints(vec![Some(1), Some(2)]),
        ),
        (
            nullable("note", DataType::Utf8),
            texts(vec![None, Some("x")]),
        ),
    ]);
    check_batch(300, &order(), &good).unwrap();
    // A column that may be null but is not, and one that may not be though the schema allows it.
    let careless = batch(vec![
        (nullable("id", DataType::Int32), ints(vec![Some(1)])),
        (required("note", DataType::Utf8), texts(vec![Some("x")])),
    ]);
    check_batch(300, &order(), &careless).unwrap();
    let metadata = [("unit".to_owned(), "m".to_owned())];
    let described = batch(vec![
        (
            required("id", DataType::Int32).with_metadata(metadata),
            ints(vec![]),
        ),
        (nullable("note", DataType::Utf8), texts(vec![])),
    ]);
    check_batch(300, &order(), &described).unwrap();
}

#[test]
fn names_the_column_that_does_not_fit() {
    let id = || (required("id", DataType::Int32), ints(vec![Some(1)]));
    let note = || (nullable("note", DataType::Utf8), texts(vec![None]));
    let long: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let cases = [
        (vec![id()], "note", "is missing"),
        (vec![note(), id()], "id", "is missing: column 0 is \"note\""),
        (
            vec![
                id(),
                note(),
                (nullable("more", DataType::Int32), ints(vec![None])),
            ],
            "more",
            "is not in the schema",
        ),
        (
            vec![(required("id", DataType::Int64), long), note()],
            "id",
            "is Int64, the schema says Int32",
        ),
        (
            vec![(nullable("id", DataType::Int32), ints(vec![None])), note()],
            "id",
            "is null 1 times, the schema allows none",
        ),
        (
            vec![id(), (nullable("Note", DataType::Utf8), texts(vec![None]))],
            "note",
            "is missing: column 1 is \"Note\"",
        ),
    ];
    for (columns, field, what) in cases {
        let found = misfit(&order(), &batch(columns));
        assert_eq!(found, (field.to_owned(), what.to_owned()));
    }
}

#[test]
fn names_fields_within_structs() {
    let city = |null: bool| Fields::from(vec![Field::new("city", DataType::Utf8, null)]);
    let wanted = schema([nullable(
        "address",
        structure([required("city", DataType::Utf8)]),
    )]);
    let address = |cities: Vec<Option<&str>>, present: Vec<bool>| {
        let nulls = NullBuffer::from(present);
        let array: ArrayRef = Arc::new(StructArray::new(
            city(true),
            vec![texts(cities)],
            Some(nulls),
        ));
        batch(vec![(
            nullable("address", array.data_type().clone()),
            array,
        )])
    };
    // No city where there is no address.
    check_batch(
        300,
        &wanted,
        &address(vec![Some("Rome"), None], vec![true, false]),
    )
    .unwrap();
    let (field, what) = misfit(&wanted, &address(vec![None, None], vec![true, false]));
    assert_eq!(
        (&field[..], &what[..]),
        ("address.city", "is null 1 times, the schema allows none")
    );
    let towns = schema([nullable(
        "address",
        structure([required("town", DataType::Utf8)]),
    )]);
    let (field, _) = misfit(&towns, &address(vec![None], vec![false]));
    assert_eq!(field, "address.town");
}

#[test]
fn looks_into_lists() {
    let mut builder = ListBuilder::new(Int32Builder::new());
    builder.append_value([Some(1), None]);
    let values: ArrayRef = Arc::new(builder.finish());
    let found = batch(vec![(required("l", values.data_type().clone()), values)]);
    let allows = schema([required("l", list(nullable("whatever", DataType::Int32)))]);
    check_batch(300, &allows, &found).unwrap();
    let forbids = schema([required("l", list(required("item", DataType::Int32)))]);
    assert_eq!(misfit(&forbids, &found).0, "l");
    let other = schema([required("l", list(nullable("item", DataType::Int64)))]);
    assert_eq!(misfit(&other, &found).1, "is Int32, the schema says Int64");
}
