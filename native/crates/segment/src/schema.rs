//! The columns of a segment, as Arrow knows them (H3).

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Key of the schema's only metadata entry, and of the one a Parquet file has.
pub const METADATA_KEY: &str = "pyralog.segment";
/// Its value: the format version.
pub const METADATA_VALUE: &str = "1";

/// Schema of hot files, and of cold ones of earlier versions.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    let fields = vec![
        field("offset", DataType::UInt64),
        field("epoch", DataType::UInt32),
        field(
            "timestamp",
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        ),
        field("scarab_id", DataType::UInt64),
        Field::new("key", DataType::Binary, true),
        field("value", DataType::Binary),
        Field::new("headers", DataType::Binary, true),
        field("schema_id", DataType::UInt32),
        field("leaf_hash", DataType::FixedSizeBinary(32)),
    ];
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), METADATA_VALUE.to_owned())]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
});

/// Schema of cold files: leaf hashes follow from the rows (H4).
pub static COLD_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields = SCHEMA.fields()[..column::LEAF_HASH].to_vec();
    Arc::new(Schema::new_with_metadata(fields, SCHEMA.metadata().clone()))
});

/// Places of the columns.
pub mod column {
    pub const OFFSET: usize = 0;
    pub const EPOCH: usize = 1;
    pub const TIMESTAMP: usize = 2;
    pub const SCARAB_ID: usize = 3;
    pub const KEY: usize = 4;
    pub const VALUE: usize = 5;
    pub const HEADERS: usize = 6;
    pub const SCHEMA_ID: usize = 7;
    pub const LEAF_HASH: usize = 8;
}
