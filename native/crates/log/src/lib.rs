//! File layer, node-wide write-ahead log and its recovery (docs/spec/wal.md).
