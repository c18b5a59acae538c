//! What records refer to: objects (objects.md O3) and registered schemas (schemas.md J1, J8). Only the records know which
//! there must be.

use std::collections::BTreeMap;

use pyralog_host::Host;
use pyralog_object::{Name, ObjectReference, SCHEMA_OBJECT};
use pyralog_types::FIRST_SCHEMA;
use pyralog_types::batch::Row;

/// Read at once.
const READ_BYTES: usize = 1 << 20;

/// Records that refer to one thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referrers {
    pub(crate) partition: u32,
    /// The first of them that was met.
    pub(crate) offset: u64,
    count: u64,
}

impl std::fmt::Display for Referrers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (offset, partition) = (self.offset, self.partition);
        match self.count {
            1 => write!(f, "record {offset} of partition {partition}"),
            count => write!(
                f,
                "{count} records, among them {offset} of partition {partition},"
            ),
        }
    }
}

/// All that was met.
#[derive(Debug, Default)]
pub(crate) struct Referred {
    pub(crate) objects: BTreeMap<Name, Referrers>,
    pub(crate) schemas: BTreeMap<u32, Referrers>,
}

impl Referred {
    /// Takes in one record. A value that no version wrote refers to nothing.
    pub(crate) fn add(&mut self, (partition, offset): (u32, u64), schema_id: u32, value: &[u8]) {
        let one = Referrers {
            partition,
            offset,
            count: 0,
        };
        let mut schema = schema_id;
        if schema_id == SCHEMA_OBJECT {
            let Ok(reference) = ObjectReference::decode(value) else {
                return;
            };
            self.objects.entry(reference.id).or_insert(one).count += 1;
            schema = reference.schema_id;
        }
        if schema >= FIRST_SCHEMA {
            self.schemas.entry(schema).or_insert(one).count += 1;
        }
    }

    /// Takes in the records of a partition from an offset on: those that are in no segment yet.
    pub(crate) fn add_open(&mut self, host: &Host, partition: u32, from: u64) {
        let number = partition as usize;
        let (mut at, end) = (from, host.durable_size(number).unwrap_or(0));
        while at < end {
            // What cannot be read is reported where it is read for its own sake.
            let Ok(packed) = host.read(number, at, READ_BYTES) else {
                return;
            };
            let rows = Row::parse_all(&packed).unwrap_or_default();
            for row in &rows {
                let place = (partition, row.leaf.offset);
                self.add(place, row.leaf.schema_id, row.value);
            }
            let Some(last) = rows.last() else { return };
            at = last.leaf.offset + 1;
        }
    }
}
