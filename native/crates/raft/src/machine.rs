//! What the entries of the groups are applied to.

use pyralog_log::Membership;

/// What a committed entry is (RF2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A leader began its term.
    Begin,
    /// Who is in the group from here on; `None` when the change could not be made.
    Members(Option<&'a Membership>),
    /// An entry of the group's own machine.
    Data(&'a [u8]),
}

/// A committed entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed<'a> {
    /// Its index.
    pub index: u64,
    /// Its term, which is its epoch.
    pub epoch: u32,
    /// What it is.
    pub content: Content<'a>,
}

/// The state machines of a node's groups.
pub trait Machine {
    /// Applies the next entry of a group. Each index comes once in a life, in order; after an opening some may come again
    /// that were applied before (RF6), and are to be passed over.
    ///
    /// # Errors
    /// A reason why it cannot be applied: the group stops with it.
    fn apply(&mut self, group: u32, entry: Committed<'_>) -> Result<(), String>;

    /// Index of the newest entry applied to a group, 0 for none.
    fn applied(&self, group: u32) -> u64;

    /// The group goes on behind a snapshot that was taken over before (RF15).
    ///
    /// # Errors
    /// A reason why it cannot: the group stops with it.
    fn installed(&mut self, group: u32, index: u64) -> Result<(), String>;
}
