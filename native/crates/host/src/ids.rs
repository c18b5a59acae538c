//! The node's one sequencer (S1–S8): the thread that applies takes ids for records, and callers take ids for what they
//! name themselves.

use std::sync::Arc;

use parking_lot::Mutex;
use pyralog_log::LogError;
use pyralog_obelisk::{Run, Sequencer, SequencerError, SequencerOptions};

use crate::error::HostError;
use crate::files::{SharedWindows, Windows};
use crate::host::Host;
#[cfg(test)]
use crate::options::Mutant;
use crate::options::{HostOptions, World};
use crate::shared::Shared;

/// Ids that one call may reserve: 128 ms of logical time (S8).
pub const RESERVED_IDS_MAX: u32 = 1 << 20;

/// The sequencer and its windows, for all threads.
pub(crate) struct Ids {
    sequencer: Mutex<Sequencer<SharedWindows>>,
    windows: Arc<Windows>,
    #[cfg(test)]
    mutant: Option<Mutant>,
}

impl Ids {
    /// Starts behind everything issued before (S3), and behind `last_ids`, which stand in the log.
    pub fn open(
        world: &World,
        options: &HostOptions,
        last_ids: impl Iterator<Item = u64>,
    ) -> Result<Self, HostError> {
        let path = options.dir.join("sequencer");
        let windows = Windows::open(world.files.as_ref(), &path)
            .map_err(|error| HostError::Io(format!("{}: {error}", path.display())))?;
        #[cfg(test)]
        let windows = windows.forgetting(world.mutant == Some(Mutant::WindowsBeforeSync));
        let windows = Arc::new(windows);
        let mut sequencer = Sequencer::open(
            SharedWindows(Arc::clone(&windows)),
            SequencerOptions {
                coordinator: options.coordinator,
                lead_ms_max: options.lead_ms_max,
            },
        )?;
        for last in last_ids {
            sequencer.advance_past(last);
        }
        Ok(Self {
            sequencer: Mutex::new(sequencer),
            windows,
            #[cfg(test)]
            mutant: world.mutant,
        })
    }

    /// Ids from here on are above `last`, which another node gave.
    pub fn advance_past(&self, last: u64) {
        self.sequencer.lock().advance_past(last);
    }

    /// Ids for records.
    pub fn issue(&self, count: u32, wall_ms: u64) -> Result<Vec<Run>, SequencerError> {
        self.sequencer.lock().issue(count, wall_ms)
    }

    /// Ids for a caller. Their windows become durable before the sequencer is locked, so that no record waits for that.
    fn reserve(&self, count: u32, wall_ms: u64) -> Result<Vec<Run>, SequencerError> {
        let windows = self.sequencer.lock().windows_for(count, wall_ms)?;
        self.windows.reserve(windows)?;
        #[cfg(test)]
        if self.mutant == Some(Mutant::ReserveWithoutTaking) {
            let first = self.sequencer.lock().next_id();
            return Ok(vec![Run { first, count }]);
        }
        self.issue(count, wall_ms)
    }

    /// Why no id would be given now: the clock is too far behind, or outside the range of ids (S4).
    pub fn refusal(&self, wall_ms: u64) -> Option<SequencerError> {
        self.sequencer.lock().windows_for(1, wall_ms).err()
    }

    /// Reserves the window behind the current one ahead of need (S6).
    pub fn reserve_ahead(&self, wall_ms: u64) -> Result<(), SequencerError> {
        let windows = self.sequencer.lock().windows_ahead(wall_ms)?;
        Ok(self.windows.reserve(windows)?)
    }

    /// No window is reserved any more: the file may be another process's soon.
    pub fn close(&self) {
        self.windows.close();
    }
}

impl Host {
    /// Takes ids out of the sequence that records get theirs from, ascending; nobody gets them again (S8). Waits for the
    /// disk when they enter a window that is not reserved yet.
    ///
    /// # Errors
    /// `IdCount` unless `count` is 1 to [`RESERVED_IDS_MAX`]; `ClockBehind` (S4) and `NoRoomForIds`, which can be tried
    /// again; what appends are refused with; `Closed`.
    pub fn reserve_ids(&self, count: u32) -> Result<Vec<Run>, HostError> {
        let shared = &self.shared;
        if !(1..=RESERVED_IDS_MAX).contains(&count) {
            return Err(HostError::IdCount {
                asked: count,
                max: RESERVED_IDS_MAX,
            });
        }
        if shared.reader.read().is_none() {
            return Err(HostError::Closed);
        }
        shared.failure().map_or(Ok(()), Err)?;
        let reserved = shared.ids.reserve(count, (shared.world.clock)());
        reserved.map_err(|error| shared.refused_ids(error))
    }
}

impl Shared {
    /// What a caller is told who got no ids. A window whose reservation failed is never believed again (S2), so nothing can
    /// be appended until the next opening; without room for it nothing was changed, and it can be tried again.
    pub(crate) fn refused_ids(&self, error: SequencerError) -> HostError {
        let SequencerError::Io(cause) = &error else {
            return error.into();
        };
        if cause.kind() == std::io::ErrorKind::StorageFull {
            return HostError::NoRoomForIds(cause.to_string());
        }
        if self.reader.read().is_none() {
            return HostError::Closed;
        }
        let error = HostError::Log(LogError::Poisoned(error.to_string()));
        self.fail(&error);
        error
    }
}
