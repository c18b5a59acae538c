//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. Absent from builds.

pyralog_types::mutants! {
    /// A member gets a number that another had (GR4).
    ReuseNumbers,
    /// Bytes behind a command's end are taken for granted (GR2).
    TrailingBytes,
    /// A fencing number is given out twice (GR11).
    SameFence,
    /// Time is what the newest entry says, be it earlier (GR12).
    TimeGoesBack,
    /// A successor owns its keys as soon as it is ready (GR8).
    ActivateAlone,
    /// A split leaves a slot to nobody (GR7).
    LoseSlot,
    /// Parents go on to own their keys beside their successors (GR7).
    KeepParents,
    /// A later word about a partition's end replaces the first (GR8).
    SealTwice,
    /// Reports of deposed leaders count (GR9).
    StaleReports,
    /// A member that keeps replicas is removed (GR4).
    RemoveKeepers,
    /// A refused command leaves something behind (GR5).
    HalfRefused,
    /// What has run out goes on to be held (GR12).
    NeverExpire,
    /// The last who asked for a lock gets it first (GR14).
    LastComesFirst,
    /// Offsets are taken from consumers of earlier generations (GR16).
    StaleOffsets,
    /// A partition is given to the next consumer before the one that had it let go (GR17).
    GiveBeforeRelease,
    /// Successors are read beside their parents (GR15).
    ReadAhead,
    /// A coordinator may use times that an earlier one used (GR13).
    SameTimes,
    /// All partitions are dealt out anew at each change, sticky or not (GR17).
    NotSticky,
    /// The planner takes voters away without regard to a live majority (PM10).
    LoseMajority,
    /// The planner lets learners vote that have not caught up (PM10).
    VoteEmpty,
    /// The planner begins all moves at once (PM8).
    AllAtOnce,
    /// Racks are not looked at (PM4).
    IgnoreRacks,
    /// Replicas go anywhere, not into copysets (PM5).
    ScatterEverywhere,
    /// Numbers of a node take part in where everybody's points are, so that one that joins moves all (PM2).
    Reshuffle,
}
