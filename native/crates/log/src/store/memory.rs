//! The store without a disk, for tests and for logs that need not survive.
use super::OpenLog;

/// Keeps everything in memory; "durable" means committed.
pub struct MemoryLogStore;

impl MemoryLogStore {
    /// A new, empty store.
    #[must_use]
    pub fn create() -> OpenLog {
        todo!()
    }
}
