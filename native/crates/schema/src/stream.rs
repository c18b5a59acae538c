//! Arrow IPC streams from outside (J2).

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};

use crate::SchemaError;

const STREAM_BYTES_MAX: usize = 1 << 20;
const FIELDS_MAX: usize = 4096;
const DEPTH_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 256;

/// The schema of a stream, checked against rule J2.
///
/// # Errors
/// [`SchemaError::Malformed`].
pub fn schema_of(stream: &[u8]) -> Result<SchemaRef, SchemaError> {
    if stream.len() > STREAM_BYTES_MAX {
        return Err(malformed(format!(
            "the stream of a schema has {} bytes, at most {STREAM_BYTES_MAX} may it have; send it without batches",
            stream.len()
        )));
    }
    let (schema, _) = decode(stream)?;
    check(&schema)?;
    Ok(schema)
}

/// Schema and batches of a stream. What the batches hold is validated, so reading them later cannot go wrong.
///
/// # Errors
/// [`SchemaError::Malformed`].
pub fn batches_of(stream: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), SchemaError> {
    decode(stream)
}

/// A schema as a stream without batches.
///
/// # Errors
/// [`SchemaError::Malformed`] for a schema that IPC cannot carry.
pub fn stream_of(schema: &Schema) -> Result<Vec<u8>, SchemaError> {
    let write = || {
        let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
        writer.finish()?;
        writer.into_inner()
    };
    write().map_err(|error: ArrowError| malformed(format!("the schema cannot be written: {error}")))
}

/// The decoder cuts slices off the bytes it is given, so no length that a stream claims makes it allocate. Some nonsense
/// makes it panic, which says the same as an error.
fn decode(stream: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), SchemaError> {
    let run = || {
        let mut decoder = StreamDecoder::new();
        let mut bytes = Buffer::from(stream);
        let mut batches = Vec::new();
        while !bytes.is_empty() {
            batches.extend(decoder.decode(&mut bytes)?);
        }
        decoder.finish()?;
        Ok((decoder.schema(), batches))
    };
    let decoded = catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(ArrowError::IpcError("it makes no sense".to_owned())));
    match decoded {
        Ok((Some(schema), batches)) => Ok((schema, batches)),
        Ok((None, _)) => Err(malformed("the Arrow stream has no schema")),
        Err(error) => Err(malformed(format!(
            "these bytes are no Arrow IPC stream: {error}"
        ))),
    }
}

fn check(schema: &Schema) -> Result<(), SchemaError> {
    if schema.fields().is_empty() {
        return Err(malformed("the schema has no fields"));
    }
    let mut count = 0;
    check_fields(schema.fields(), "", &mut count, 1)
}

fn check_fields<'a>(
    fields: impl IntoIterator<Item = &'a FieldRef>,
    path: &str,
    count: &mut usize,
    depth: usize,
) -> Result<(), SchemaError> {
    let mut names = HashSet::new();
    for field in fields {
        let name = field.name();
        let path = join(path, name);
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
            return Err(malformed(format!(
                "field {path:?} has a name of {} bytes; give 1 to {NAME_BYTES_MAX}",
                name.len()
            )));
        }
        if !names.insert(name) {
            return Err(malformed(format!("field {path:?} is there twice")));
        }
        check_field(field, &path, count, depth)?;
    }
    Ok(())
}

fn check_field(
    field: &Field,
    path: &str,
    count: &mut usize,
    depth: usize,
) -> Result<(), SchemaError> {
    *count += 1;
    if *count > FIELDS_MAX || depth > DEPTH_MAX {
        return Err(malformed(format!(
            "at field {path:?} the schema has more than {FIELDS_MAX} fields or {DEPTH_MAX} levels"
        )));
    }
    match field.data_type() {
        DataType::Struct(fields) => check_fields(fields, path, count, depth + 1),
        other => parts(other)
            .into_iter()
            .try_for_each(|part| check_field(part, path, count, depth + 1)),
    }
}

/// The parts of a type that is no struct.
fn parts(data_type: &DataType) -> Vec<&FieldRef> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item],
        DataType::RunEndEncoded(ends, values) => vec![ends, values],
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field).collect(),
        _ => vec![],
    }
}

/// Path of a field below another one.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        return name.to_owned();
    }
    format!("{path}.{name}")
}

pub(crate) fn malformed(what: impl Into<String>) -> SchemaError {
    SchemaError::Malformed(what.into())
}
