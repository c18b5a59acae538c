//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. Absent from builds.

pyralog_types::mutants! {
    /// A commit is acknowledged without fdatasync.
    SkipSync,
    /// Frame checksums cover neither salt nor incarnation.
    CrcIgnoresIncarnation,
    /// Every bad frame is cut, whatever stands behind it.
    CutAnything,
    /// A torn tail is left as it is.
    KeepTail,
    /// An error of fdatasync is not noticed.
    IgnoreSyncError,
    /// The last frame is taken as durable because it can be read.
    TrustCache,
    /// What stands behind the end of the log is not looked at.
    NoSearch,
    /// Files are used again before the log is recorded to begin behind them.
    RecycleBeforeStore,
    /// Files are let go without recording the small states that stood in them.
    ForgetStates,
    /// Files are let go although entries in them are still needed.
    ReleaseTooMuch,
    /// The next file is written to while frames in the one before are not synced.
    LeaveUnsynced,
    /// Whole frames behind a lost one stay where they are.
    KeepWhole,
    /// A stop file is believed wherever the log ends.
    BelieveStop,
    /// An opening leaves the stop file there.
    KeepStop,
}
