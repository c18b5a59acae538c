//! How a schema may change (J4, J5).

use std::fmt;

use arrow_schema::{DataType, Field, Fields, Schema};

use crate::stream::join;

/// What a subject asks of a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rule {
    /// Nothing.
    None,
    /// The new schema reads old records.
    #[default]
    Backward,
    /// Old schemas read new records.
    Forward,
    /// Both.
    Full,
}

impl Rule {
    /// All rules, by number (J7).
    pub const ALL: [Self; 4] = [Self::None, Self::Backward, Self::Forward, Self::Full];

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Backward => 1,
            Self::Forward => 2,
            Self::Full => 3,
        }
    }

    /// The rule of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.to_string() == name)
    }

    /// Why `new` may not follow `old`: the first problem.
    ///
    /// # Errors
    /// The problem.
    pub fn check(self, new: &Schema, old: &Schema) -> Result<(), Problem> {
        let backward = matches!(self, Self::Backward | Self::Full);
        let forward = matches!(self, Self::Forward | Self::Full);
        let first = |problems: Vec<Problem>| problems.into_iter().next().map_or(Ok(()), Err);
        if backward {
            first(can_read(new, old))?;
        }
        if forward {
            first(can_read(old, new))?;
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::None => "none",
            Self::Backward => "backward",
            Self::Forward => "forward",
            Self::Full => "full",
        })
    }
}

/// A field that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its path.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

/// What keeps who has `reader` from reading records of `writer` (J5); empty when nothing does.
#[must_use]
pub fn can_read(reader: &Schema, writer: &Schema) -> Vec<Problem> {
    let mut problems = Vec::new();
    fields(reader.fields(), writer.fields(), "", &mut problems);
    problems
}

fn fields(reader: &Fields, writer: &Fields, path: &str, problems: &mut Vec<Problem>) {
    for wanted in reader {
        let path = join(path, wanted.name());
        match writer.find(wanted.name()) {
            Some((_, found)) => field(wanted, found, &path, problems),
            None if wanted.is_nullable() => {}
            None => problems.push(Problem {
                field: path,
                what: "is not nullable, and missing on the other side; make it nullable".to_owned(),
            }),
        }
    }
}

fn field(reader: &Field, writer: &Field, path: &str, problems: &mut Vec<Problem>) {
    if writer.is_nullable() && !reader.is_nullable() {
        problems.push(Problem {
            field: path.to_owned(),
            what: "may be null on the one side, and not on the other that reads it".to_owned(),
        });
    }
    types(reader, writer, path, problems);
}

fn types(reader: &Field, writer: &Field, path: &str, problems: &mut Vec<Problem>) {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView, Map, Null, Struct};
    match (reader.data_type(), writer.data_type()) {
        (Struct(wanted), Struct(found)) => fields(wanted, found, path, problems),
        (List(wanted) | LargeList(wanted), List(found))
        | (LargeList(wanted), LargeList(found))
        | (ListView(wanted) | LargeListView(wanted), ListView(found))
        | (LargeListView(wanted), LargeListView(found)) => field(wanted, found, path, problems),
        (FixedSizeList(wanted, a), FixedSizeList(found, b)) if a == b => {
            field(wanted, found, path, problems);
        }
        (Map(wanted, a), Map(found, b)) if *a || !b => {
            entries(wanted, found, path, problems);
        }
        (_, Null) if reader.is_nullable() => {}
        (wanted, found) if wanted.equals_datatype(found) || widens(wanted, found) => {}
        (wanted, found) => problems.push(Problem {
            field: path.to_owned(),
            what: format!("is {found} on the one side, which cannot be read as {wanted}"),
        }),
    }
}

/// Keys and values of maps, by position.
fn entries(reader: &Field, writer: &Field, path: &str, problems: &mut Vec<Problem>) {
    if let (DataType::Struct(wanted), DataType::Struct(found)) =
        (reader.data_type(), writer.data_type())
    {
        for (part, (wanted, found)) in ["key", "value"].iter().zip(wanted.iter().zip(found)) {
            field(wanted, found, &join(path, part), problems);
        }
    }
}

/// Whether every value of `found` is one of `wanted`.
fn widens(wanted: &DataType, found: &DataType) -> bool {
    use DataType::{
        Binary, Decimal32, Decimal64, Decimal128, Decimal256, LargeBinary, LargeUtf8, Utf8,
    };
    match (wanted, found) {
        (LargeUtf8, Utf8) | (LargeBinary, Binary) => true,
        (Decimal32(a, s), Decimal32(b, t))
        | (Decimal64(a, s), Decimal32(b, t) | Decimal64(b, t))
        | (Decimal128(a, s), Decimal32(b, t) | Decimal64(b, t) | Decimal128(b, t))
        | (
            Decimal256(a, s),
            Decimal32(b, t) | Decimal64(b, t) | Decimal128(b, t) | Decimal256(b, t),
        ) => s == t && a >= b,
        _ => match (number(wanted), number(found)) {
            (Some((kind, bits)), Some((other, fewer))) => {
                bits > fewer && (kind == other || (kind, other) == ('i', 'u'))
            }
            _ => false,
        },
    }
}

/// Kind (signed, unsigned, float) and bits of a number.
fn number(data_type: &DataType) -> Option<(char, u8)> {
    Some(match data_type {
        DataType::Int8 => ('i', 8),
        DataType::Int16 => ('i', 16),
        DataType::Int32 => ('i', 32),
        DataType::Int64 => ('i', 64),
        DataType::UInt8 => ('u', 8),
        DataType::UInt16 => ('u', 16),
        DataType::UInt32 => ('u', 32),
        DataType::UInt64 => ('u', 64),
        DataType::Float16 => ('f', 16),
        DataType::Float32 => ('f', 32),
        DataType::Float64 => ('f', 64),
        _ => return None,
    })
}
