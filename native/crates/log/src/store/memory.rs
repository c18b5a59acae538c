//! The store without a disk, for tests and for logs that need not survive.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::RwLock;

use super::index::{Index, Located};
use super::staging::{FrameBuilder, Staging};
use super::{GroupState, LogCommitter, LogReader, OpenLog, ReplayVisitor, StoredEntry};
use crate::error::LogError;
use crate::wal::{
    Committed, FramePosition, HEADER_BYTES, RecordHead, Recovery, StagedFrame, push_record,
};

impl Located for Arc<[u8]> {
    fn in_file(&self) -> Option<(u64, u64)> {
        None
    }
}

/// Keeps everything in memory; "durable" means committed.
pub struct MemoryLogStore;

/// Largest payload of a frame: as in a log with files of the default size.
const PAYLOAD_MAX: u64 = (64 << 20) - 4096 - 128;

type SharedIndex = Arc<RwLock<Index<Arc<[u8]>>>>;

impl MemoryLogStore {
    /// A new, empty store.
    #[must_use]
    pub fn create() -> OpenLog {
        let index: SharedIndex = Arc::new(RwLock::new(Index::new()));
        let builder = MemoryBuilder {
            buffer: Vec::new(),
            records: 0,
            sequence: 1,
        };
        OpenLog {
            store: Box::new(Staging::new(builder, HashMap::new())),
            committer: Box::new(MemoryCommitter {
                index: Arc::clone(&index),
                unsynced: Vec::new(),
                written: 0,
            }),
            reader: Arc::new(MemoryReader(index)),
            preparer: None,
            reclaimer: None,
            recovery: Recovery::default(),
            store_id: [0; 16],
            stopped: None,
        }
    }
}

struct MemoryBuilder {
    buffer: Vec<u8>,
    records: u32,
    sequence: u64,
}

impl FrameBuilder for MemoryBuilder {
    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        let max = PAYLOAD_MAX;
        if bytes > max {
            return Err(LogError::TooLarge { bytes, max });
        }
        if self.staged_bytes() as u64 + bytes > max {
            return Err(LogError::FrameFull { bytes, max });
        }
        Ok(())
    }

    fn push(&mut self, head: RecordHead, parts: &[&[u8]]) {
        if self.buffer.is_empty() {
            self.buffer.resize(HEADER_BYTES, 0);
        }
        push_record(&mut self.buffer, head, parts);
        self.records += 1;
    }

    fn staged_bytes(&self) -> usize {
        self.buffer.len().saturating_sub(HEADER_BYTES)
    }

    fn seal(&mut self) -> Option<StagedFrame> {
        if self.records == 0 {
            return None;
        }
        let buffer = std::mem::take(&mut self.buffer);
        let frame = StagedFrame {
            payload_bytes: (buffer.len() - HEADER_BYTES) as u32,
            records: std::mem::take(&mut self.records),
            sequence: self.sequence,
            position: 0,
            file: None,
            buffer,
        };
        self.sequence += 1;
        Some(frame)
    }
}

struct MemoryCommitter {
    index: SharedIndex,
    unsynced: Vec<StagedFrame>,
    written: u64,
}

impl LogCommitter for MemoryCommitter {
    fn write(&mut self, frame: StagedFrame) -> Result<Committed, LogError> {
        if frame.file.is_some() || frame.sequence != self.written + 1 {
            return Err(LogError::Poisoned(format!(
                "frame {} came for commit behind frame {}",
                frame.sequence, self.written
            )));
        }
        let written = Committed {
            sequence: frame.sequence,
            synced: self.written - self.unsynced.len() as u64,
            position: FramePosition::default(),
            bytes: frame.buffer.len() as u64,
        };
        self.written = frame.sequence;
        self.unsynced.push(frame);
        Ok(written)
    }

    fn sync(&mut self) -> Result<u64, LogError> {
        let mut index = self.index.write();
        for frame in self.unsynced.drain(..) {
            for record in frame.each_record() {
                index
                    .apply(&record, |record| Arc::from(record.bytes))
                    .map_err(LogError::Poisoned)?;
            }
        }
        Ok(self.written)
    }

    fn mark_idle(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn stop(&mut self, _state: &[u8]) -> Result<(), LogError> {
        self.mark_stop()
    }

    fn mark_stop(&mut self) -> Result<(), LogError> {
        self.sync().map(|_| ())
    }
}

struct MemoryReader(SharedIndex);

impl MemoryReader {
    fn bytes(&self, group: u32, index: u64) -> Option<(Arc<[u8]>, u64)> {
        let groups = self.0.read();
        let group = groups.group(group)?;
        Some((Arc::clone(group.entry(index)?), group.term(index)?))
    }
}

impl LogReader for MemoryReader {
    fn groups(&self) -> Vec<u32> {
        self.0.read().numbers().collect()
    }

    fn state(&self, group: u32) -> Option<GroupState> {
        self.0.read().group(group).map(super::index::Group::state)
    }

    fn term(&self, group: u32, index: u64) -> Option<u64> {
        self.0.read().group(group)?.term(index)
    }

    fn entry(&self, group: u32, index: u64) -> Result<Option<StoredEntry>, LogError> {
        let entry = self.bytes(group, index);
        Ok(entry.map(|(bytes, term)| StoredEntry {
            index,
            term,
            bytes: bytes.to_vec(),
        }))
    }

    fn entry_slice(
        &self,
        group: u32,
        index: u64,
        range: Range<usize>,
    ) -> Result<Vec<u8>, LogError> {
        let entry = self.bytes(group, index);
        let slice = entry.as_ref().and_then(|(bytes, _)| bytes.get(range));
        slice
            .map(<[u8]>::to_vec)
            .ok_or_else(|| super::out_of_range(self, group, index))
    }

    fn check(&self, _go_on: &mut dyn FnMut() -> bool) -> Result<(), LogError> {
        Ok(())
    }

    fn replay(&self, group: u32, from: u64, visit: &mut ReplayVisitor<'_>) -> Result<(), LogError> {
        let mut index = from;
        while let Some((bytes, term)) = self.bytes(group, index) {
            visit(index, term, &bytes)?;
            index += 1;
        }
        Ok(())
    }
}
