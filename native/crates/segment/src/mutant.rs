//! Wrong turns that tests can switch on in the production code, to prove that the checkers notice.

pyralog_types::mutants! {
    /// Leaf hashes are left out without asking whether the rows lead to them.
    AgeUnchecked,
}
