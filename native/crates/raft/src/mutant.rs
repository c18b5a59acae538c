//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. Absent from builds.

pyralog_types::mutants! {
    /// Messages leave before what they depend on is durable (RF4).
    SendBeforeDurable,
    /// A vote is not recorded.
    ForgetVote,
    /// A leader answers reads with its commit, without asking anybody (RF12).
    LeaseRead,
    /// What is committed is applied before this node has it durable, and before a majority has.
    ApplyBeforeCommit,
    /// A leader counts as commit what it holds alone.
    CommitAlone,
    /// Entries at or below the commit are cut when a leader says other ones (RF5).
    CutCommitted,
    /// A leader begins its term with the epoch of before.
    ReuseEpoch,
    /// After an opening a machine does not know the submissions it saw before; a mutant of the simulated host.
    ForgetSeen,
    /// Frames are said to be durable without a sync; a mutant of the simulated host.
    SkipSync,
    /// A client is answered when its entry is proposed; a mutant of the simulated host.
    AnswerAtOnce,
    /// After an opening the membership is the first there was.
    ForgetMembers,
    /// Every answer to an append says that all that was sent is held.
    KeepOldTail,
}
