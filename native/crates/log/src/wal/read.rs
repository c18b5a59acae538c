//! Random reading while the log grows. A read takes a shared lock only to find the file.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::format::{FIRST_FRAME, FRAME_ALIGN, FrameHeader, HEADER_BYTES};
use super::format::{RECORD_HEADER_BYTES, RawRecord};
use super::format::{frame_bytes, record_bytes};
use super::record::{FramePosition, RecordPosition};
use super::scan::{Found, look};
use super::shared::{Shared, WalFile};
use super::window::Window;
use crate::error::LogError;

/// Reads records and frames by position, from any thread. Clones share one log.
#[derive(Clone)]
pub struct WalReader(pub(crate) Arc<Shared>);

impl WalReader {
    /// The bytes of a record, checked against its CRC.
    ///
    /// # Errors
    /// `Corrupt` when they are not what was written or there is no such file, `Io`.
    pub fn read_record(&self, position: RecordPosition) -> Result<Vec<u8>, LogError> {
        let file = self.file(position.incarnation)?;
        let length = position.length as usize;
        let mut bytes = vec![0; record_bytes(u64::from(position.length)) as usize];
        read(&file, &mut bytes, position.position)?;
        let fault = match RawRecord::parse(&bytes) {
            Some(record) if record.bytes_in_frame() == bytes.len() => record.check().err(),
            _ => Some("a record has another length"),
        };
        if let Some(detail) = fault {
            return Err(LogError::Corrupt(file.damage(position.position, detail)));
        }
        bytes.drain(..RECORD_HEADER_BYTES);
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Fills `buffer` with a record's bytes from `offset` on, **without** checking them: for callers that check a hash
    /// of their own and do not want to read a whole batch.
    ///
    /// # Errors
    /// `Corrupt` when the file is missing or too short, `Io`.
    ///
    /// # Panics
    /// When the record is shorter than what is asked for: the caller got its position and length from the log.
    pub fn read_slice(
        &self,
        position: RecordPosition,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), LogError> {
        assert!(offset + buffer.len() <= position.length as usize);
        let file = self.file(position.incarnation)?;
        let start = position.position + (RECORD_HEADER_BYTES + offset) as u64;
        read(&file, buffer, start)
    }

    /// A whole frame, checked: header, payload, padding.
    ///
    /// # Errors
    /// `Corrupt` when no valid frame stands there, `Io`.
    pub fn read_frame(&self, position: FramePosition) -> Result<Vec<u8>, LogError> {
        let file = self.file(position.incarnation)?;
        let corrupt = |detail: &str| LogError::Corrupt(file.damage(position.position, detail));
        if !position.position.is_multiple_of(FRAME_ALIGN) {
            return Err(corrupt("no frame begins there"));
        }
        let mut bytes = vec![0; HEADER_BYTES];
        read(&file, &mut bytes, position.position)?;
        let header = FrameHeader::decode(file.header.salt, position.incarnation, &bytes)
            .map_err(&corrupt)?;
        let length = frame_bytes(u64::from(header.payload_bytes));
        if position.position + length > file.header.file_bytes {
            return Err(corrupt("the frame does not fit into its file"));
        }
        bytes.resize(length as usize, 0);
        read(&file, &mut bytes, position.position)?;
        header.check(file.header.salt, &bytes).map_err(&corrupt)?;
        Ok(bytes)
    }

    /// Reads the frames that were there when the log was opened, once, in the order of the files: what an opening does that
    /// believes no stop file (W17). Ends early when `go_on` says no.
    ///
    /// # Errors
    /// `Corrupt` where a frame is not what was written.
    pub fn check_frames(&self, go_on: &mut dyn FnMut() -> bool) -> Result<(), LogError> {
        let first_frames = self.0.first_frames.lock().clone();
        let mut firsts = first_frames.into_iter().peekable();
        while let Some((incarnation, first)) = firsts.next() {
            let next = firsts.peek().map_or(u64::MAX, |(_, next)| *next);
            let file = self.0.files.read().get(&incarnation).cloned();
            let Some(file) = file else { continue };
            self.check_file(&file, first..next.min(self.0.opened_to), go_on)?;
        }
        Ok(())
    }

    fn check_file(
        &self,
        file: &WalFile,
        frames: Range<u64>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), LogError> {
        let mut window = Window::new();
        let mut position = FIRST_FRAME;
        for sequence in frames {
            if !go_on() {
                break;
            }
            let reason = match look(&mut window, file, position, sequence) {
                Found::Frame(header) => {
                    position += frame_bytes(u64::from(header.payload_bytes));
                    continue;
                }
                Found::Bad(reason) => reason,
                Found::Marker | Found::Zeros | Found::Full => "a frame is missing",
            };
            // Let go meanwhile, it may be in use again (W14).
            let held = self.0.files.read().contains_key(&file.header.incarnation);
            if held {
                return Err(LogError::Corrupt(file.damage(position, reason)));
            }
            break;
        }
        Ok(())
    }

    /// An open file of the log.
    pub(crate) fn file(&self, incarnation: u64) -> Result<Arc<WalFile>, LogError> {
        let file = self.0.files.read().get(&incarnation).cloned();
        file.ok_or_else(|| {
            LogError::Corrupt(crate::error::Damage {
                file: super::shared::path_of(&self.0.wal_dir, incarnation),
                position: 0,
                detail: "the file is missing".into(),
            })
        })
    }
}

fn read(file: &WalFile, buffer: &mut [u8], position: u64) -> Result<(), LogError> {
    file.file
        .read_exact_at(buffer, position)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => LogError::Corrupt(
                file.damage(position, "the file ends before what was written to it"),
            ),
            _ => LogError::io("read", &file.path, error),
        })
}
