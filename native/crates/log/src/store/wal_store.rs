//! The store on the write-ahead log.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;

use super::index::{Index, Located};
use super::staging::{Bounds, Staging};
use super::{GroupState, LogCommitter, LogReader, OpenLog, Reclaimer, ReplayVisitor, StoredEntry};
use crate::error::{Damage, LogError};
use crate::files::FileLayer;
use crate::wal::{
    Committed, RECORD_HEADER_BYTES, RawRecord, Record, RecordPosition, StagedFrame, Syncer, Wal,
    WalOptions, WalReader, Window, record_bytes, remove_stop,
};

/// A [`super::LogStore`] on the node-wide write-ahead log.
pub struct WalLogStore;

/// Where an entry is, in 16 bytes: there are millions of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Location {
    pub(super) incarnation: u64,
    /// Positions are multiples of 8, files at most 32 GiB.
    pub(super) position_of_8: u32,
    pub(super) length: u32,
}

impl Location {
    fn of(record: &Record<'_>) -> Self {
        Self {
            incarnation: record.position.incarnation,
            position_of_8: (record.position.position / 8) as u32,
            length: record.position.length,
        }
    }

    fn position(self) -> RecordPosition {
        RecordPosition {
            incarnation: self.incarnation,
            position: u64::from(self.position_of_8) * 8,
            length: self.length,
        }
    }
}

impl Located for Location {
    fn in_file(&self) -> Option<(u64, u64)> {
        Some((self.incarnation, record_bytes(u64::from(self.length))))
    }
}

/// Largest file whose positions a [`Location`] can hold.
const FILE_BYTES_MAX: u64 = 8 << 32;

pub(super) type SharedIndex = Arc<RwLock<Index<Location>>>;

impl WalLogStore {
    /// Removes what a clean stop left, so that the next opening reads and checks the whole log (W17).
    ///
    /// # Errors
    /// `Io`.
    pub fn forget_stop(layer: &dyn FileLayer, dir: &Path) -> Result<(), LogError> {
        remove_stop(layer, &dir.join("wal"))
    }

    /// Opens the store in `dir`, creating it when missing: locks it (W11), recovers the log (W6–W8), indexes its
    /// entries. A damaged log opens read-only; [`crate::Recovery::damage`] says what is lost from view.
    ///
    /// # Errors
    /// `Locked`, `Format`, `Corrupt` (the store file), `DiskFull`, `Io`.
    pub fn open(
        layer: Arc<dyn FileLayer>,
        dir: &Path,
        options: &WalOptions,
    ) -> Result<OpenLog, LogError> {
        if options.file_bytes > FILE_BYTES_MAX {
            return Err(LogError::Format {
                file: dir.to_path_buf(),
                detail: format!(
                    "log files of {} bytes are too large; choose at most {FILE_BYTES_MAX}",
                    options.file_bytes
                ),
            });
        }
        let mut index = Index::new();
        let mut visit = |record: &Record<'_>| index.apply(record, Location::of);
        let (wal, recovery) = Wal::open(layer, dir, options, &mut visit)?;
        if let Some(stopped) = &wal.stopped {
            index = Index::decode(stopped.index()).ok_or_else(|| LogError::Format {
                file: dir.join("wal"),
                detail: "another version of this program stopped here; open the store again, and the log is read".into(),
            })?;
        } else if let Err(detail) = index.settle()
            && recovery.damage.is_none()
        {
            return Err(LogError::Corrupt(Damage {
                file: dir.join("wal"),
                position: 0,
                detail,
            }));
        }
        let bounds: HashMap<u32, Bounds> = index
            .numbers()
            .filter_map(|number| {
                let group = index.group(number)?;
                let (first, last) = (group.first(), group.last());
                Some((number, Bounds { first, last }))
            })
            .collect();
        let index = Arc::new(RwLock::new(index));
        Ok(OpenLog {
            store: Box::new(Staging::new(wal.stager, bounds)),
            committer: Box::new(WalCommitter {
                syncer: wal.syncer,
                index: Arc::clone(&index),
                unsynced: Vec::new(),
            }),
            reader: Arc::new(WalLogReader {
                files: wal.reader,
                index: Arc::clone(&index),
            }),
            reclaimer: Some(Reclaimer::new(wal.preparer.clone(), Arc::clone(&index))),
            store_id: wal.preparer.store_id(),
            stopped: wal.stopped.map(|stopped| stopped.state().to_vec()),
            preparer: Some(wal.preparer),
            recovery,
        })
    }
}

struct WalCommitter {
    syncer: Syncer,
    index: SharedIndex,
    /// Written and not shown yet.
    unsynced: Vec<StagedFrame>,
}

impl WalCommitter {
    /// Shows readers what is durable.
    fn publish(&mut self, synced: u64) -> Result<(), LogError> {
        let durable = self
            .unsynced
            .partition_point(|frame| frame.sequence() <= synced);
        if durable == 0 {
            return Ok(());
        }
        let mut index = self.index.write();
        for frame in self.unsynced.drain(..durable) {
            for record in frame.each_record() {
                // Staging has kept these rules already; a refusal means that the two sides disagree.
                if let Err(reason) = index.apply(&record, Location::of) {
                    return Err(self.syncer.poison(reason));
                }
            }
            self.syncer.recycle(frame);
        }
        Ok(())
    }
}

impl LogCommitter for WalCommitter {
    fn write(&mut self, mut frame: StagedFrame) -> Result<Committed, LogError> {
        let written = self.syncer.write(&mut frame)?;
        self.unsynced.push(frame);
        self.publish(written.synced)?;
        Ok(written)
    }

    fn sync(&mut self) -> Result<u64, LogError> {
        let synced = self.syncer.sync()?;
        self.publish(synced)?;
        Ok(synced)
    }

    fn mark_idle(&mut self) -> Result<(), LogError> {
        self.syncer.mark_idle()
    }

    fn mark_stop(&mut self) -> Result<(), LogError> {
        self.sync()?;
        self.syncer.mark_stop()
    }

    fn stop(&mut self, state: &[u8]) -> Result<(), LogError> {
        self.mark_stop()?; // what it syncs is a part of the index
        let index = self.index.read().encode();
        self.syncer.stop(&index, state)
    }
}

struct WalLogReader {
    files: WalReader,
    index: SharedIndex,
}

impl WalLogReader {
    fn locate(&self, group: u32, index: u64) -> Option<(RecordPosition, u64)> {
        let groups = self.index.read();
        let group = groups.group(group)?;
        Some((group.entry(index)?.position(), group.term(index)?))
    }
}

impl LogReader for WalLogReader {
    fn groups(&self) -> Vec<u32> {
        self.index.read().numbers().collect()
    }

    fn state(&self, group: u32) -> Option<GroupState> {
        self.index
            .read()
            .group(group)
            .map(super::index::Group::state)
    }

    fn term(&self, group: u32, index: u64) -> Option<u64> {
        self.index.read().group(group)?.term(index)
    }

    fn entry(&self, group: u32, index: u64) -> Result<Option<StoredEntry>, LogError> {
        let Some((position, term)) = self.locate(group, index) else {
            return Ok(None);
        };
        match self.files.read_record(position) {
            Ok(bytes) => Ok(Some(StoredEntry { index, term, bytes })),
            // Moved or released while it was read, and its file used again.
            Err(_) if self.locate(group, index) != Some((position, term)) => {
                self.entry(group, index)
            }
            Err(error) => Err(error),
        }
    }

    fn entry_slice(
        &self,
        group: u32,
        index: u64,
        range: Range<usize>,
    ) -> Result<Vec<u8>, LogError> {
        let place = self
            .locate(group, index)
            .filter(|(place, _)| range.start <= range.end && range.end <= place.length as usize);
        let Some((position, _)) = place else {
            return Err(super::out_of_range(self, group, index));
        };
        let mut bytes = vec![0; range.len()];
        let read = self.files.read_slice(position, range.start, &mut bytes);
        // Nothing of these bytes is checked: they are the entry's only if it still stands there.
        if self.locate(group, index).map(|(place, _)| place) != Some(position) {
            return self.entry_slice(group, index, range);
        }
        read.map(|()| bytes)
    }

    fn check(&self, go_on: &mut dyn FnMut() -> bool) -> Result<(), LogError> {
        self.files.check_frames(go_on)
    }

    fn replay(&self, group: u32, from: u64, visit: &mut ReplayVisitor<'_>) -> Result<(), LogError> {
        let mut window = Window::new();
        let mut incarnation = 0;
        let mut index = from;
        let mut reread = false;
        while let Some((place, term)) = self.locate(group, index) {
            let file = match self.files.file(place.incarnation) {
                Ok(file) => file,
                Err(_) if self.locate(group, index) != Some((place, term)) => continue,
                Err(error) => return Err(error),
            };
            if place.incarnation != incarnation {
                window.clear();
                incarnation = place.incarnation;
            }
            let length = record_bytes(u64::from(place.length)) as usize;
            let bytes = window
                .slice(file.file.as_ref(), place.position, length)
                .map_err(|error| LogError::io("read", &file.path, error))?;
            let record = RawRecord::parse(bytes).filter(|record| record.bytes_in_frame() == length);
            let fault = match record {
                Some(record) => record.check().err(),
                None => Some("a record is not what was written there"),
            };
            if let Some(detail) = fault {
                if self.locate(group, index) != Some((place, term)) {
                    incarnation = 0;
                    continue; // moved or released while it was read
                }
                if !std::mem::replace(&mut reread, true) {
                    window.clear(); // written after the window had been read
                    continue;
                }
                return Err(LogError::Corrupt(file.damage(place.position, detail)));
            }
            let body = RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + place.length as usize;
            visit(index, term, &bytes[body])?;
            index += 1;
            reread = false;
        }
        Ok(())
    }
}
