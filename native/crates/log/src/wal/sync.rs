//! Commit: one write, one fdatasync, then the acknowledgement. Frames nobody waits for may be written and synced later,
//! several at once.

use std::sync::Arc;

use super::format::{FrameHeader, HEADER_BYTES};
use super::record::FramePosition;
use super::shared::{Shared, WalFile};
use super::stage::StagedFrame;
use crate::error::LogError;

/// A frame that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its number.
    pub sequence: u64,
    /// Number of the newest frame that is durable; its own once it is synced.
    pub synced: u64,
    /// Where it stands.
    pub position: FramePosition,
    /// Its bytes on disk.
    pub bytes: u64,
}

/// The newest frame known to be durable.
#[derive(Clone)]
pub(crate) struct Synced {
    /// Its number, 0 for none.
    pub sequence: u64,
    /// Its file; `None` before the first frame.
    pub file: Option<Arc<WalFile>>,
    /// Where it begins.
    pub start: u64,
    /// Its end.
    pub end: u64,
}

/// Writes and syncs frames, on one thread.
pub struct Syncer {
    shared: Arc<Shared>,
    synced: Synced,
    /// The newest frame written and not synced. All such frames stand in its file.
    written: Option<Synced>,
    /// A marker for `synced` was written (W4).
    marked: bool,
    /// That marker was synced.
    marker_synced: bool,
}

impl Syncer {
    pub(crate) fn new(shared: Arc<Shared>, synced: Synced) -> Self {
        Self {
            shared,
            synced,
            written: None,
            marked: false,
            marker_synced: false,
        }
    }

    /// Writes and syncs a frame. Its buffer stays with it, for whoever publishes its records; give it back with
    /// [`Syncer::recycle`].
    ///
    /// # Errors
    /// `ReadOnly`; `Poisoned` after a failed write or sync (W9), and when a frame was left out.
    pub fn commit(&mut self, frame: &mut StagedFrame) -> Result<Committed, LogError> {
        let written = self.write(frame)?;
        let synced = self.sync()?;
        Ok(Committed { synced, ..written })
    }

    /// Writes a frame and leaves the sync to [`Syncer::sync`]. The first frame of a file waits for the sync of the file
    /// before it, so that unsynced frames stand in one file.
    ///
    /// # Errors
    /// See [`Syncer::commit`].
    pub fn write(&mut self, frame: &mut StagedFrame) -> Result<Committed, LogError> {
        self.shared.writable()?;
        let Some(file) = frame.file.clone() else {
            return Err(self.shared.poison("a frame of another store came along"));
        };
        let before = self.written.as_ref().unwrap_or(&self.synced);
        if frame.sequence != before.sequence + 1 {
            let cause = format!(
                "frame {} came for commit behind frame {}",
                frame.sequence, before.sequence
            );
            return Err(self.shared.poison(cause));
        }
        if leaves_file(self.written.as_ref(), &file) {
            self.sync()?;
        }
        let header = FrameHeader {
            payload_bytes: frame.payload_bytes,
            records: frame.records,
            ..self.header_after(file.header.incarnation)
        };
        header.seal(file.header.salt, &mut frame.buffer);
        if let Err(error) = file.file.write_all_at(&frame.buffer, frame.position) {
            return Err(self.failed("write", &file, &error));
        }
        self.written = Some(Synced {
            sequence: frame.sequence,
            start: frame.position,
            end: frame.position + frame.buffer.len() as u64,
            file: Some(file),
        });
        self.marked = false;
        self.marker_synced = false;
        Ok(Committed {
            sequence: frame.sequence,
            synced: self.synced.sequence,
            position: frame.place(),
            bytes: frame.buffer.len() as u64,
        })
    }

    /// Makes everything written durable, by one fdatasync; does nothing when it is. Returns the number of the newest
    /// durable frame.
    ///
    /// # Errors
    /// `ReadOnly`, `Poisoned` (W9).
    pub fn sync(&mut self) -> Result<u64, LogError> {
        self.shared.writable()?;
        let Some(written) = self.written.take() else {
            return Ok(self.synced.sequence);
        };
        if let Some(file) = &written.file {
            if let Err(error) = sync(file) {
                return Err(self.failed("fdatasync", file, &error));
            }
            let mut first_frames = self.shared.first_frames.lock();
            first_frames
                .entry(file.header.incarnation)
                .or_insert(self.synced.sequence + 1);
        }
        self.synced = written;
        Ok(self.synced.sequence)
    }

    /// Gives a frame's buffer back for reuse.
    pub fn recycle(&self, frame: StagedFrame) {
        self.shared.give_back(frame.buffer);
    }

    /// Poisons the log (W9) because what was written does not make sense.
    pub(crate) fn poison(&self, cause: String) -> LogError {
        self.shared.poison(cause)
    }

    /// Writes a marker where the next frame will begin, without a sync (W4). Does nothing when there is one, or when
    /// frames are not synced yet.
    ///
    /// # Errors
    /// `ReadOnly`, `Poisoned`.
    pub fn mark_idle(&mut self) -> Result<(), LogError> {
        self.shared.writable()?;
        let Some(file) = self.synced.file.clone() else {
            return Ok(());
        };
        if self.marked || self.written.is_some() {
            return Ok(());
        }
        let mut marker = [0; HEADER_BYTES];
        self.header_after(file.header.incarnation)
            .seal(file.header.salt, &mut marker);
        if let Err(error) = file.file.write_all_at(&marker, self.synced.end) {
            return Err(self.failed("write", &file, &error));
        }
        self.marked = true;
        Ok(())
    }

    /// Syncs what is written, then writes a marker and syncs it: a clean stop (W4).
    ///
    /// # Errors
    /// `ReadOnly`, `Poisoned`.
    pub fn mark_stop(&mut self) -> Result<(), LogError> {
        self.sync()?;
        self.mark_idle()?;
        let Some(file) = self.synced.file.clone() else {
            return Ok(());
        };
        if !self.marker_synced {
            if let Err(error) = sync(&file) {
                return Err(self.failed("fdatasync", &file, &error));
            }
            self.marker_synced = true;
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn synced(&self) -> &Synced {
        &self.synced
    }

    /// Header of an empty frame behind the last one.
    fn header_after(&self, incarnation: u64) -> FrameHeader {
        let last = self.written.as_ref().unwrap_or(&self.synced);
        FrameHeader {
            payload_bytes: 0,
            incarnation,
            sequence: last.sequence + 1,
            synced_sequence: self.synced.sequence,
            synced: FramePosition {
                incarnation: self
                    .synced
                    .file
                    .as_ref()
                    .map_or(0, |file| file.header.incarnation),
                position: self.synced.end,
            },
            records: 0,
        }
    }

    fn failed(&self, what: &str, file: &WalFile, error: &std::io::Error) -> LogError {
        self.shared
            .poison(format!("{what} of {}: {error}", file.path.display()))
    }
}

/// Whether unsynced frames stand in another file than this one.
fn leaves_file(written: Option<&Synced>, next: &WalFile) -> bool {
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::LeaveUnsynced) {
        return false;
    }
    let file = written.and_then(|written| written.file.as_ref());
    file.is_some_and(|file| file.header.incarnation != next.header.incarnation)
}

fn sync(file: &WalFile) -> std::io::Result<()> {
    #[cfg(test)]
    {
        use crate::mutant::{Mutant, on};
        if on(Mutant::SkipSync) {
            return Ok(());
        }
        if on(Mutant::IgnoreSyncError) {
            let _ = file.file.sync_data();
            return Ok(());
        }
    }
    file.file.sync_data()
}
