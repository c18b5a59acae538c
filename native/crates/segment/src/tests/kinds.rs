//! Figures, and what other Arrow and Parquet readers see in the files (H1, H3, H4).

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow_ipc::reader::FileReader;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use pyralog_log::FaultFiles;

use super::{Owned, assorted, seal};
use crate::schema::{COLD_SCHEMA, SCHEMA};
use crate::{Kind, Segment, SegmentMeta};

fn equal(batch: &RecordBatch, rows: &[Owned]) {
    let words = |name: &str| batch[name].as_primitive::<UInt32Type>().values().to_vec();
    let longs = |name: &str| batch[name].as_primitive::<UInt64Type>().values().to_vec();
    let binary = |name: &str| -> Vec<Option<Vec<u8>>> {
        let values = batch[name].as_binary::<i32>();
        values
            .iter()
            .map(|value| value.map(<[u8]>::to_vec))
            .collect()
    };
    let all = |number: fn(&Owned) -> u64| rows.iter().map(number).collect::<Vec<_>>();
    assert_eq!(longs("offset"), all(|row| row.offset));
    assert_eq!(longs("scarab_id"), all(|row| row.id));
    let times = batch["timestamp"].as_primitive::<TimestampMillisecondType>();
    let times: Vec<u64> = times
        .values()
        .iter()
        .map(|time| time.cast_unsigned())
        .collect();
    assert_eq!(times, all(|row| row.timestamp));
    assert_eq!(
        words("epoch"),
        rows.iter().map(|row| row.epoch).collect::<Vec<_>>()
    );
    assert_eq!(
        words("schema_id"),
        rows.iter().map(|row| row.schema).collect::<Vec<_>>()
    );
    assert_eq!(
        binary("key"),
        rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>()
    );
    assert_eq!(
        binary("headers"),
        rows.iter()
            .map(|row| row.headers.clone())
            .collect::<Vec<_>>()
    );
    let values = rows.iter().map(|row| Some(row.value.clone()));
    assert_eq!(binary("value"), values.collect::<Vec<_>>());
    let Some(hashes) = batch.column_by_name("leaf_hash") else {
        return; // of a cold segment they are no column
    };
    let hashes = hashes.as_fixed_size_binary();
    assert!(
        rows.iter()
            .zip(hashes.iter())
            .all(|(row, hash)| hash == Some(&row.leaf_hash()))
    );
}

#[test]
fn arrow_and_parquet_readers_see_the_rows() {
    let files = FaultFiles::new(1);
    let dir = Path::new("/d");
    let rows = assorted(20_000, 9, 33);
    let meta = seal(&files, dir, &rows);
    let arrow = files.content(&dir.join("s.arrow")).unwrap();
    let mut reader = FileReader::try_new(std::io::Cursor::new(&arrow), None).unwrap();
    assert_eq!(reader.schema(), *SCHEMA);
    assert_eq!(reader.num_batches(), 1);
    equal(&reader.next().unwrap().unwrap(), &rows);
    let segment = Segment::open(&files, dir, "s", &meta).unwrap();
    segment.to_parquet(&files, dir, "s").unwrap();
    let parquet = Bytes::from(files.content(&dir.join("s.parquet")).unwrap());
    let builder = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap();
    let groups = builder.metadata().row_groups();
    let lengths: Vec<i64> = groups
        .iter()
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(lengths, [16_384, 3_616]);
    for (number, column) in groups[0].columns().iter().enumerate() {
        // Numbers have statistics; bytes have none.
        assert_eq!(
            column.statistics().is_some(),
            [0, 1, 2, 3, 7].contains(&number)
        );
    }
    assert_eq!(builder.schema().fields(), COLD_SCHEMA.fields());
    let mut at = 0;
    for batch in builder.with_batch_size(5000).build().unwrap() {
        let batch = batch.unwrap();
        equal(&batch, &rows[at..at + batch.num_rows()]);
        at += batch.num_rows();
    }
    assert_eq!(at, rows.len());
}

fn figures() -> SegmentMeta {
    let files = FaultFiles::new(1);
    seal(&files, Path::new("/d"), &assorted(9, 4, 5))
}

#[test]
fn figures_are_strict() {
    let meta = figures();
    let bytes = meta.encode();
    assert_eq!(SegmentMeta::decode(&bytes).unwrap(), meta);
    for length in 0..bytes.len() {
        assert!(SegmentMeta::decode(&bytes[..length]).is_err());
    }
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes;
            flipped[place] ^= 1 << bit;
            assert!(
                SegmentMeta::decode(&flipped).is_err(),
                "byte {place} bit {bit}"
            );
        }
    }
    let contradictions: [fn(&mut SegmentMeta); 7] = [
        |meta| meta.rows = 0,
        |meta| meta.rows -= 1,
        |meta| meta.end_offset = meta.base_offset,
        |meta| meta.first_timestamp = meta.last_timestamp + 1,
        |meta| meta.last_id = meta.first_id,
        |meta| meta.end_offset = 1 << 60,
        |meta| meta.last_timestamp = 1 << 60,
    ];
    for change in contradictions {
        let mut wrong = meta;
        change(&mut wrong);
        assert!(SegmentMeta::decode(&wrong.encode()).is_err(), "{wrong:?}");
    }
    assert_ne!(Kind::Hot.files("s"), Kind::Cold.files("s"));
}

proptest! {
    #[test]
    fn figures_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..130)) {
        let mut bytes = bytes;
        if bytes.len() == SegmentMeta::BYTES {
            let crc = crc32c::crc32c(&bytes[..112]);
            bytes[112..116].copy_from_slice(&crc.to_le_bytes());
        }
        if let Ok(meta) = SegmentMeta::decode(&bytes) {
            prop_assert_eq!(meta.encode().to_vec(), bytes);
        }
    }
}
