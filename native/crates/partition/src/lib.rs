//! What applying an entry does to a partition: duplicates, offsets, leaves, indexes (docs/spec/notary.md).
