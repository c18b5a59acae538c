//! Wrong turns that tests can switch on in the production code, to prove that they notice. Absent from builds.

pyralog_types::mutants! {
    /// Any key is taken for any node.
    AnyKey,
    /// A listener takes a peer for present before its verdict, by a first message that can be a replay.
    TrustFirstMessage,
    /// A refused hello is let through.
    IgnoreVerdict,
    /// The numbers of Noise messages stand still, so a replay decrypts.
    SameNonce,
    /// A message may be longer than its priority allows.
    AnyLength,
    /// Queues take whatever comes.
    Unbounded,
    /// Normal messages leave whole before anything urgent.
    NormalFirst,
    /// Bulk waits until nothing else does.
    StarveBulk,
    /// Keys never change.
    NoRekey,
    /// The cluster id is not looked at.
    AnyCluster,
    /// A gap in which this node did not run counts as silence.
    CountOwnPauses,
    /// The detector does not learn.
    FixedTimeout,
}
