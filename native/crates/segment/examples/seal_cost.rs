//! Processor time that sealing takes for a record, from rows in memory to two files, one segment after the other in the
//! same builder: `cargo run --release -p pyralog-segment --example seal_cost -- DIR [ROWS]`.

use std::path::Path;

use pyralog_log::RealFiles;
use pyralog_segment::SegmentBuilder;
use pyralog_types::SealedRow;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(dir), rows) = (args.next(), args.next()) else {
        eprintln!("name a directory to write to");
        return;
    };
    let rows: u64 = rows.and_then(|rows| rows.parse().ok()).unwrap_or(262_144);
    let value = [7; 100];
    let rows: Vec<SealedRow<'_>> = (0..rows)
        .map(|n| {
            let hash = *blake3::hash(&n.to_le_bytes()).as_bytes();
            SealedRow {
                offset: n,
                epoch: 1,
                timestamp: 1_790_000_000_000,
                scarab_id: n + 1,
                schema_id: 0,
                leaf_hash: hash,
                key_hash: hash.first_chunk().map(|start| u64::from_le_bytes(*start)),
                value_hash: None,
                key: Some(b"key of 16 bytes."),
                headers: None,
                value: &value,
            }
        })
        .collect();
    let mut builder = SegmentBuilder::new(0);
    for _ in 0..10 {
        builder.restart(0);
        let start = cpu_nanos();
        for row in &rows {
            if let Err(error) = builder.push_hashed(row) {
                eprintln!("{error}");
            }
        }
        let pushed = cpu_nanos() - start;
        let sealed = builder.seal(&RealFiles, Path::new(&dir), "s");
        let all = cpu_nanos() - start;
        let nanos = |time: u64| time / rows.len() as u64;
        match sealed {
            Ok(meta) => println!(
                "{} ns pushed, {} ns in all, {} bytes",
                nanos(pushed),
                nanos(all),
                meta.side_bytes
            ),
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Processor time of this thread; 0 where the system does not say.
fn cpu_nanos() -> u64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = times.split(' ').next();
    first.and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}
