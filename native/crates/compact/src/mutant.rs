//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice.

pyralog_types::mutants! {
    /// A row is kept though a later segment has its key.
    IgnoreBehind,
    /// A tombstone goes though it still hides a row.
    DropTombstones,
    /// Rows are written again without being held against their leaf hashes.
    TrustRows,
    /// What was written for nothing stays.
    KeepOutputs,
    /// The oldest row of a key is kept instead of the latest.
    KeepOldest,
    /// Hashes go with their rows.
    DropHashes,
    /// Hashes of the SHA-256 tree are not kept.
    ForgetSha256,
    /// Nobody asks whether the work was called off.
    IgnoreCancel,
    /// Nobody waits for the bucket.
    IgnorePace,
}
