//! Staging: records are collected in a buffer that becomes a frame. Every refusal happens here, before anything is
//! written (W10).

use std::sync::Arc;

use super::format::{
    FIRST_FRAME, FRAME_ALIGN, HEADER_BYTES, align, frame_bytes, payload_max, push_record,
    record_bytes, records_of,
};
use super::prepare::Preparer;
use super::record::{FramePosition, Record, RecordHead};
use super::shared::{Shared, WalFile};
use crate::error::LogError;

/// Room that a marker behind a frame needs (W4).
const MARKER_BYTES: u64 = HEADER_BYTES as u64;

/// A sealed frame, ready for [`super::Syncer::commit`]: its place and number are fixed, its records are checksummed.
pub struct StagedFrame {
    /// Header (still empty), payload, padding.
    pub(crate) buffer: Vec<u8>,
    pub(crate) payload_bytes: u32,
    pub(crate) records: u32,
    pub(crate) sequence: u64,
    pub(crate) position: u64,
    /// `None` in the memory store.
    pub(crate) file: Option<Arc<WalFile>>,
}

impl StagedFrame {
    /// Its number; frames are committed in order of it.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes it takes on disk.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Number of records in it.
    #[must_use]
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Its records, as staged.
    pub(crate) fn each_record(&self) -> impl Iterator<Item = Record<'_>> {
        records_of(&self.buffer, self.place(), self.records)
    }

    pub(crate) fn place(&self) -> FramePosition {
        FramePosition {
            incarnation: self.file.as_ref().map_or(0, |file| file.header.incarnation),
            position: self.position,
        }
    }
}

impl std::fmt::Debug for StagedFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagedFrame")
            .field("sequence", &self.sequence)
            .field("records", &self.records)
            .field("bytes", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

/// Builds frames, on one thread.
pub struct Stager {
    shared: Arc<Shared>,
    preparer: Preparer,
    /// The file the next frame goes to, `None` in a log opened read-only before its first file.
    file: Option<Arc<WalFile>>,
    /// Where it goes.
    position: u64,
    sequence: u64,
    buffer: Vec<u8>,
    records: u32,
}

impl Stager {
    pub(crate) fn new(
        shared: Arc<Shared>,
        file: Option<Arc<WalFile>>,
        position: u64,
        sequence: u64,
    ) -> Self {
        Self {
            preparer: Preparer(Arc::clone(&shared)),
            shared,
            file,
            position,
            sequence,
            buffer: Vec::new(),
            records: 0,
        }
    }

    /// Bytes of the records staged so far.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.buffer.len().saturating_sub(HEADER_BYTES)
    }

    /// Bytes that records of these lengths take in a frame.
    #[must_use]
    pub fn bytes_of(lengths: impl IntoIterator<Item = u64>) -> u64 {
        lengths.into_iter().map(record_bytes).sum()
    }

    /// Makes sure that records of `bytes` more (see [`Stager::bytes_of`]) fit into the open frame and the frame into
    /// the log. When the current file has no room the whole frame moves to the next one.
    ///
    /// # Errors
    /// `ReadOnly`, `Poisoned`, `TooLarge`, `FrameFull`, `DiskFull`, `Io`; nothing has changed then.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        self.shared.writable()?;
        let max = payload_max(self.shared.file_bytes);
        if bytes > max {
            return Err(LogError::TooLarge { bytes, max });
        }
        let payload = self.staged_bytes() as u64 + bytes;
        if payload > max {
            return Err(LogError::FrameFull { bytes, max });
        }
        while !self.fits(payload) {
            let next = self.preparer.take()?;
            self.file = Some(next);
            self.position = FIRST_FRAME;
        }
        Ok(())
    }

    fn fits(&self, payload: u64) -> bool {
        self.file.as_ref().is_some_and(|file| {
            self.position + frame_bytes(payload) + MARKER_BYTES <= file.header.file_bytes
        })
    }

    /// Reserves room for a record and adds it. Its bytes are the parts back to back.
    ///
    /// # Errors
    /// As [`Stager::reserve`]; nothing is staged then.
    pub fn stage(&mut self, head: RecordHead, parts: &[&[u8]]) -> Result<(), LogError> {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        self.reserve(record_bytes(length))?;
        self.push(head, parts);
        Ok(())
    }

    /// Adds a record whose room was reserved.
    pub(crate) fn push(&mut self, head: RecordHead, parts: &[&[u8]]) {
        if self.buffer.is_empty() {
            self.buffer = self.shared.buffer();
            self.buffer.resize(HEADER_BYTES, 0);
        }
        push_record(&mut self.buffer, head, parts);
        self.records += 1;
    }

    /// Closes the open frame; `None` when nothing is staged. The next frame goes behind it.
    pub fn seal(&mut self) -> Option<StagedFrame> {
        if self.records == 0 {
            return None;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let payload_bytes = (buffer.len() - HEADER_BYTES) as u32;
        buffer.resize(align(buffer.len() as u64, FRAME_ALIGN) as usize, 0);
        let frame = StagedFrame {
            payload_bytes,
            records: std::mem::take(&mut self.records),
            sequence: self.sequence,
            position: self.position,
            file: self.file.clone(),
            buffer,
        };
        self.sequence += 1;
        self.position += frame.buffer.len() as u64;
        Some(frame)
    }
}
