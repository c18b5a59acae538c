//! Whether a batch is what its schema says (J6).

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use crate::SchemaError;
use crate::compatible::Problem;
use crate::stream::join;

/// Refuses a batch that does not fit the schema of this id.
///
/// # Errors
/// [`SchemaError::Misfit`] with the first field that does not fit.
pub fn check_batch(id: u32, schema: &Schema, batch: &RecordBatch) -> Result<(), SchemaError> {
    check_columns(schema, batch.schema_ref())
        .and_then(|()| {
            let columns = schema.fields().iter().zip(batch.columns());
            columns.into_iter().try_for_each(|(field, column)| {
                nulls(field, column, column.logical_nulls_of(), field.name())
            })
        })
        .map_err(|Problem { field, what }| SchemaError::Misfit { id, field, what })
}

/// Refuses a batch by its own schema alone: for streams without batches too.
pub(crate) fn check_columns(schema: &Schema, found: &Schema) -> Result<(), Problem> {
    same_fields(schema.fields(), found.fields(), "")
}

fn same_fields(
    wanted: &arrow_schema::Fields,
    found: &arrow_schema::Fields,
    path: &str,
) -> Result<(), Problem> {
    for (at, field) in wanted.iter().enumerate() {
        let path = join(path, field.name());
        match found.get(at) {
            Some(other) if other.name() == field.name() => same_type(field, other, &path)?,
            Some(other) => {
                let what = format!("is missing: column {at} is {:?}", other.name());
                return Err(problem(&path, what));
            }
            None => return Err(problem(&path, "is missing")),
        }
    }
    match found.get(wanted.len()) {
        Some(more) => Err(problem(&join(path, more.name()), "is not in the schema")),
        None => Ok(()),
    }
}

fn same_type(wanted: &Field, found: &Field, path: &str) -> Result<(), Problem> {
    use DataType::{FixedSizeList, LargeList, List, Map, Struct};
    match (wanted.data_type(), found.data_type()) {
        (Struct(wanted), Struct(found)) => same_fields(wanted, found, path),
        (List(wanted), List(found)) | (LargeList(wanted), LargeList(found)) => {
            same_type(wanted, found, path)
        }
        (FixedSizeList(wanted, a), FixedSizeList(found, b)) if a == b => {
            same_type(wanted, found, path)
        }
        (Map(wanted, a), Map(found, b)) if a == b => same_entries(wanted, found, path),
        (wanted, found) if wanted.equals_datatype(found) => Ok(()),
        (wanted, found) => Err(problem(
            path,
            format!("is {found}, the schema says {wanted}"),
        )),
    }
}

/// Keys and values of maps, by position.
fn same_entries(wanted: &Field, found: &Field, path: &str) -> Result<(), Problem> {
    if let (DataType::Struct(wanted), DataType::Struct(found)) =
        (wanted.data_type(), found.data_type())
    {
        for (part, (wanted, found)) in ["key", "value"].iter().zip(wanted.iter().zip(found)) {
            same_type(wanted, found, &join(path, part))?;
        }
    }
    Ok(())
}

/// How many nulls stand where the parent has a value: an element below a null is no element.
trait Nulls {
    fn logical_nulls_of(&self) -> usize;
    fn nulls_below(&self, parent: &dyn Array) -> usize;
}

impl Nulls for ArrayRef {
    fn logical_nulls_of(&self) -> usize {
        self.logical_null_count()
    }

    fn nulls_below(&self, parent: &dyn Array) -> usize {
        let (Some(own), Some(parents)) = (self.logical_nulls(), parent.logical_nulls()) else {
            return self.logical_null_count();
        };
        if own.len() != parents.len() {
            return own.null_count();
        }
        let pairs = own.iter().zip(parents.iter());
        pairs.filter(|(own, parent)| !own && *parent).count()
    }
}

fn nulls(field: &Field, array: &ArrayRef, count: usize, path: &str) -> Result<(), Problem> {
    if count > 0 && !field.is_nullable() {
        let what = format!("is null {count} times, the schema allows none");
        return Err(problem(path, what));
    }
    match field.data_type() {
        DataType::Struct(fields) => {
            let parts = fields.iter().zip(array.as_struct().columns());
            for (part, column) in parts {
                let below = column.nulls_below(array.as_ref());
                nulls(part, column, below, &join(path, part.name()))?;
            }
            Ok(())
        }
        DataType::List(item) => element_nulls(item, array.as_list::<i32>().values(), path),
        DataType::LargeList(item) => element_nulls(item, array.as_list::<i64>().values(), path),
        DataType::FixedSizeList(item, _) if array.null_count() == 0 => {
            element_nulls(item, array.as_fixed_size_list().values(), path)
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(parts) = entries.data_type() else {
                return Ok(());
            };
            let map = array.as_map();
            for ((part, name), column) in parts
                .iter()
                .zip(["key", "value"])
                .zip([map.keys(), map.values()])
            {
                element_nulls(part, column, &join(path, name))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn element_nulls(item: &Field, values: &ArrayRef, path: &str) -> Result<(), Problem> {
    nulls(item, values, values.logical_null_count(), path)
}

fn problem(path: &str, what: impl Into<String>) -> Problem {
    Problem {
        field: path.to_owned(),
        what: what.into(),
    }
}
