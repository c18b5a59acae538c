//! A table of changes × rules, and laws that hold for all changes.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use proptest::prelude::*;

use super::{list, nullable, required, schema, structure};
use crate::{Rule, can_read};

/// Change, old, new, may backward, may forward, field that is named (with `|`: backward, and forward).
type Case = (
    &'static str,
    Vec<Field>,
    Vec<Field>,
    bool,
    bool,
    &'static str,
);

fn map(key: DataType, value: Field, key_name: &str) -> DataType {
    let entries = structure([required(key_name, key), value]);
    DataType::Map(Arc::new(required("entries", entries)), false)
}

fn wrapped(
    wrap: fn(DataType) -> DataType,
    old: DataType,
    new: DataType,
) -> (Vec<Field>, Vec<Field>) {
    (
        vec![required("a", wrap(old))],
        vec![required("a", wrap(new))],
    )
}

#[rustfmt::skip]
fn fields() -> Vec<Case> {
    use DataType::{Int32, Int64, Utf8};
    let a = || required("a", Int64);
    let address = |city: Field| vec![a(), required("address", structure([city]))];
    vec![
        ("nothing", vec![a()], vec![a()], true, true, ""),
        ("order", vec![a(), required("b", Utf8)], vec![required("b", Utf8), a()], true, true, ""),
        ("nullable added", vec![a()], vec![a(), nullable("b", Utf8)], true, true, ""),
        ("required added", vec![a()], vec![a(), required("b", Utf8)], false, true, "b"),
        ("nullable removed", vec![a(), nullable("b", Utf8)], vec![a()], true, true, ""),
        ("required removed", vec![a(), required("b", Utf8)], vec![a()], true, false, "b"),
        ("renamed", vec![a(), required("b", Utf8)], vec![a(), required("c", Utf8)], false, false, "c|b"),
        ("nullable renamed", vec![nullable("b", Utf8)], vec![nullable("c", Utf8)], true, true, ""),
        ("made nullable", vec![a()], vec![nullable("a", Int64)], true, false, "a"),
        ("made required", vec![nullable("a", Int64)], vec![a()], false, true, "a"),
        ("widened", vec![required("a", Int32)], vec![a()], true, false, "a"),
        ("narrowed", vec![a()], vec![required("a", Int32)], false, true, "a"),
        ("another type", vec![a()], vec![required("a", Utf8)], false, false, "a"),
        ("case", vec![a()], vec![required("A", Int64)], false, false, "A|a"),
        ("nested removed", address(required("city", Utf8)), address(required("town", Utf8)), false, false, "address.town|address.city"),
        ("nested nullable", address(required("city", Utf8)), address(nullable("city", Utf8)), true, false, "address.city"),
        ("null to nullable", vec![nullable("a", DataType::Null)], vec![nullable("a", Utf8)], true, false, "a"),
        ("null to required", vec![nullable("a", DataType::Null)], vec![required("a", Utf8)], false, false, "a"),
        ("list item", vec![a(), required("l", list(required("item", Int32)))], vec![a(), required("l", list(required("element", Int64)))], true, false, "l"),
        ("list item nullable", vec![required("l", list(required("item", Int32)))], vec![required("l", list(nullable("item", Int32)))], true, false, "l"),
        ("map value", vec![required("m", map(Utf8, required("value", Int32), "key"))], vec![required("m", map(Utf8, nullable("v", Int64), "k"))], true, false, "m.value"),
        ("map key", vec![required("m", map(Utf8, required("value", Int32), "key"))], vec![required("m", map(Int32, required("value", Int32), "key"))], false, false, "m.key"),
    ]
}

#[rustfmt::skip]
fn types() -> Vec<(DataType, DataType, bool, bool)> {
    use DataType::*;
    let second = || Timestamp(TimeUnit::Second, None);
    vec![
        (Int8, Int16, true, false), (Int16, Int64, true, false), (UInt8, UInt64, true, false),
        (UInt8, Int16, true, false), (UInt32, Int64, true, false), (UInt64, Int64, false, false),
        (UInt8, Int8, false, false), (Int8, UInt16, false, false), (Int64, Float64, false, false),
        (Float16, Float32, true, false), (Float32, Float64, true, false), (Int8, Boolean, false, false),
        (Utf8, LargeUtf8, true, false), (Binary, LargeBinary, true, false), (Binary, Utf8, false, false),
        (Utf8, Utf8View, false, false), (FixedSizeBinary(16), FixedSizeBinary(32), false, false),
        (Decimal128(10, 2), Decimal128(20, 2), true, false), (Decimal128(10, 2), Decimal256(10, 2), true, false),
        (Decimal128(10, 2), Decimal128(12, 3), false, false), (Decimal64(10, 2), Decimal128(9, 2), false, false),
        (second(), Timestamp(TimeUnit::Millisecond, None), false, false),
        (second(), Timestamp(TimeUnit::Second, Some("UTC".into())), false, false),
        (Date32, Date64, false, false), (second(), second(), true, true),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = fields();
    for (old, new, backward, forward) in types() {
        let named = if backward && forward { "" } else { "a" };
        for wrap in [|inner| inner, |inner| list(required("item", inner))] {
            let (old, new) = wrapped(wrap, old.clone(), new.clone());
            cases.push(("type", old, new, backward, forward, named));
        }
    }
    cases
}

#[test]
fn allows_and_refuses_changes_as_the_table_says() {
    for (change, old, new, backward, forward, named) in cases() {
        let (old, new) = (schema(old), schema(new));
        let expected = [
            (Rule::None, true),
            (Rule::Backward, backward),
            (Rule::Forward, forward),
            (Rule::Full, backward && forward),
        ];
        for (rule, allowed) in expected {
            let checked = rule.check(&new, &old);
            assert_eq!(
                checked.is_ok(),
                allowed,
                "{change}, {rule}: {old:?} to {new:?}"
            );
            if let Err(problem) = checked {
                let (first, last) = named.split_once('|').unwrap_or((named, named));
                let named = if rule == Rule::Forward { last } else { first };
                assert_eq!(problem.field, named, "{change}, {rule}: {}", problem.what);
            }
        }
    }
}

fn data_type() -> impl Strategy<Value = DataType> {
    let leaf = prop::sample::select(vec![
        DataType::Int8,
        DataType::Int64,
        DataType::UInt16,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Binary,
        DataType::Null,
        DataType::Boolean,
    ]);
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            field(inner.clone()).prop_map(list),
            prop::collection::vec(field(inner), 1..4).prop_map(|fields| structure(unique(fields))),
        ]
    })
}

fn field(data_type: impl Strategy<Value = DataType>) -> impl Strategy<Value = Field> {
    ("[a-d]", data_type, any::<bool>())
        .prop_map(|(name, data_type, null)| Field::new(name, data_type, null))
}

fn unique(mut fields: Vec<Field>) -> Vec<Field> {
    let mut seen = std::collections::HashSet::new();
    fields.retain(|field| seen.insert(field.name().clone()));
    fields
}

fn any_schema() -> impl Strategy<Value = Schema> {
    prop::collection::vec(field(data_type()), 1..5).prop_map(|fields| schema(unique(fields)))
}

proptest! {
    #[test]
    fn keeps_the_laws_of_compatibility(old in any_schema(), new in any_schema()) {
        for rule in Rule::ALL {
            prop_assert!(rule.check(&old, &old).is_ok(), "what stays is allowed");
        }
        let ok = |rule: Rule| rule.check(&new, &old).is_ok();
        prop_assert_eq!(ok(Rule::Full), ok(Rule::Backward) && ok(Rule::Forward));
        prop_assert_eq!(ok(Rule::Backward), Rule::Forward.check(&old, &new).is_ok(), "the one is the other's mirror");
        prop_assert!(ok(Rule::None));
        prop_assert_eq!(ok(Rule::Backward), can_read(&new, &old).is_empty());
    }

    #[test]
    fn allows_more_and_never_less(old in any_schema(), name in "[x-z]", data_type in data_type()) {
        let added = |null: bool| {
            let mut fields: Vec<_> = old.fields().iter().map(|field| field.as_ref().clone()).collect();
            fields.push(Field::new(&name, data_type.clone(), null));
            schema(fields)
        };
        prop_assert!(Rule::Full.check(&added(true), &old).is_ok());
        prop_assert!(Rule::Full.check(&old, &added(true)).is_ok());
        prop_assert!(Rule::Forward.check(&added(false), &old).is_ok());
        let refused = Rule::Backward.check(&added(false), &old).unwrap_err();
        prop_assert_eq!(refused.field, name);
        let relaxed = schema(old.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)));
        prop_assert!(Rule::Backward.check(&relaxed, &old).is_ok());
    }
}
