//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice.

pyralog_types::mutants! {
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
    /// Files of a commit that failed are given up, though it may be durable.
    DeleteDoubtful,
    /// It is not checked that leaf hashes stay.
    LoseHashes,
}
