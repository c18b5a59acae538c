//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. Absent from builds.

pyralog_types::mutants! {
    /// Messages leave before what they depend on is durable (RF4).
    SendBeforeDurable,
    /// A vote is not recorded.
    ForgetVote,
    /// The epoch is not recorded: after an opening it is used again.
    ReuseEpoch,
    /// A leader answers reads with its commit, without asking anybody (RF12).
    LeaseRead,
    /// Reads are answered before the node has applied that far (RF12).
    ReadEarly,
    /// A leader applies entries as it appends them.
    ApplyBeforeCommit,
    /// A leader counts as committed what it holds alone.
    CommitAlone,
    /// One entry more is cut than a leader overwrites (RF5).
    CutTooMuch,
    /// Entries that a leader overwrites stay.
    KeepOldTail,
    /// After an opening the membership is that of the beginning.
    ForgetMembers,
    /// A change of members is not recorded.
    UnrecordedMembers,
    /// A vote is given to whoever asks first, whatever its log has.
    VoteForAnybody,
    /// Messages that waited for a frame are lost when it is durable.
    LoseWaiting,
    /// A snapshot that was taken over before a crash is not made known to the log (RF15).
    ForgetSealPoint,
    /// A snapshot is installed and the log keeps its entries (RF15).
    KeepLogBehindSnapshot,
    /// In the simulated host: submissions seen before an opening are not known after it.
    ForgetSeen,
    /// In the simulated host: no replica knows any submission again.
    NoDedup,
    /// In the simulated host: frames are said to be durable without a sync.
    SkipSync,
    /// In the simulated host: a client is answered when its entry is proposed.
    AnswerAtOnce,
    /// In the simulated host: all entries of the log are applied at opening, committed or not (RF6).
    ReplayTooFar,
}
