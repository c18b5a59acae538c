//! The store on the write-ahead log.
use std::path::Path;
use std::sync::Arc;

use super::OpenLog;
use crate::error::LogError;
use crate::files::FileLayer;
use crate::wal::WalOptions;

/// A [`super::LogStore`] on the node-wide write-ahead log.
pub struct WalLogStore;

impl WalLogStore {
    /// Opens the store in `dir`, creating it when missing: locks it (W11), recovers the log (W6–W8), indexes its
    /// entries. A damaged log opens read-only; [`crate::Recovery::damage`] says what is lost from view.
    ///
    /// # Errors
    /// `Locked`, `Format`, `DiskFull`, `Io`.
    pub fn open(
        layer: Arc<dyn FileLayer>,
        dir: &Path,
        options: &WalOptions,
    ) -> Result<OpenLog, LogError> {
        let _ = (layer, dir, options);
        todo!()
    }
}
