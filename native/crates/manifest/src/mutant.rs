//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. In builds [`on`] is a
//! constant, and nothing is left of them.

/// One alteration each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A commit is acknowledged without a sync.
    SkipSync,
    /// An error of a sync is not noticed.
    IgnoreSyncError,
    /// The directory is not synced after the file was replaced.
    SkipDirSync,
    /// The new file is renamed before it is synced.
    RenameUnsynced,
    /// A torn tail is left as it is.
    KeepTail,
    /// The last frame is taken as durable because it can be read.
    TrustCache,
    /// What stands behind the end of the log is not looked at.
    NoSearch,
    /// No marker is written behind a synced frame.
    NoMarker,
    /// Checksums do not cover what file a frame is of.
    CrcIgnoresFile,
    /// Files are deleted as soon as the newest version does not name them.
    DeleteUnderPins,
    /// Files are given up before the commit that drops them is durable.
    DeleteBeforeCommit,
    /// Orphans are deleted though files are missing.
    DeleteOrphansBlindly,
    /// It is not checked that leaf hashes stay.
    LoseHashes,
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
