//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice. Absent from builds.

pyralog_types::mutants! {
    /// Time in which this node did not run counts as silence of the others (SD6).
    CountOwnPauses,
    /// A member is greeted once, and never again (SD5).
    GreetOnce,
    /// Whoever a message says that it is from, it is from (SD3).
    TrustSender,
    /// Nobody is asked after through others (SD4).
    NoIndirect,
    /// Who hears that it is dead believes it (SD2).
    StayDead,
}
