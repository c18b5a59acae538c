//! Changes against rules, batches against schemas, the file against crashes.
#![allow(clippy::unwrap_used)]

mod changes;
mod fits;
mod registry;
mod strict;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};

use crate::stream_of;

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn nullable(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn schema(fields: impl IntoIterator<Item = Field>) -> Schema {
    Schema::new(fields.into_iter().collect::<Vec<_>>())
}

fn stream(fields: impl IntoIterator<Item = Field>) -> Vec<u8> {
    stream_of(&schema(fields)).unwrap()
}

fn structure(fields: impl IntoIterator<Item = Field>) -> DataType {
    DataType::Struct(fields.into_iter().collect::<Fields>())
}

fn list(item: Field) -> DataType {
    DataType::List(Arc::new(item))
}
