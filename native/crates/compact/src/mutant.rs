//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. In builds [`on`] is a
//! constant, and nothing is left of them.

/// One alteration each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
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

#[cfg(test)]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Whether the alteration is switched on in this thread.
#[cfg(test)]
pub(crate) fn on(mutant: Mutant) -> bool {
    ACTIVE.get() == Some(mutant)
}

/// Never, outside tests.
#[cfg(not(test))]
pub(crate) const fn on(_mutant: Mutant) -> bool {
    false
}

/// Runs `body` with one alteration switched on.
#[cfg(test)]
pub(crate) fn with<T>(mutant: Mutant, body: impl FnOnce() -> T) -> T {
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            ACTIVE.set(None);
        }
    }
    let _off = Off;
    ACTIVE.set(Some(mutant));
    body()
}
