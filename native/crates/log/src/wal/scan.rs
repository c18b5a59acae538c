//! Reading a log from its beginning, frame by frame (W6), until something else than the next frame stands there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Visitor;
use super::format::{FIRST_FRAME, FrameHeader, HEADER_BYTES, frame_bytes, is_zero, records_of};
use super::record::FramePosition;
use super::shared::WalFile;
use super::window::Window;
use crate::error::Damage;

/// What stands where the next frame should begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Frame(FrameHeader),
    /// An empty frame: everything before it is durable (W4).
    Marker,
    Zeros,
    /// The file has no room for another frame.
    Full,
    Bad(&'static str),
}

/// A reading position: file (index in the list) and byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub file: usize,
    pub position: u64,
}

/// A frame that was read, perhaps from a cache only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unrecorded {
    pub sequence: u64,
    pub at: At,
    pub bytes: usize,
}

/// How far a log can be read.
pub(crate) struct Scan {
    /// Where the next frame would begin.
    pub at: At,
    /// The number it would have.
    pub expected: u64,
    /// What stands there instead.
    pub end: Found,
    /// Start of the last frame.
    pub last: Option<At>,
    /// Frames that nothing records as synced, in order.
    pub unrecorded: Vec<Unrecorded>,
    /// Newest frame that a later frame or marker records as synced.
    pub recorded: u64,
    pub frames: u64,
    pub records: u64,
    /// Number of the first frame of each file that has one, by incarnation.
    pub first_frames: BTreeMap<u64, u64>,
    /// What the visitor refused.
    pub refused: Option<Damage>,
}

/// Looks at one place of a file, expecting frame `expected`.
pub(crate) fn look(window: &mut Window, file: &WalFile, position: u64, expected: u64) -> Found {
    let size = file.header.file_bytes;
    if position + HEADER_BYTES as u64 > size {
        return Found::Full;
    }
    let salt = file.header.salt;
    let header = {
        let Ok(bytes) = window.slice(file.file.as_ref(), position, HEADER_BYTES) else {
            return Found::Bad("the file cannot be read");
        };
        if bytes.len() < HEADER_BYTES {
            return Found::Bad("the file ends there, cut short");
        }
        if is_zero(bytes) {
            return Found::Zeros;
        }
        match FrameHeader::decode(salt, file.header.incarnation, bytes) {
            Ok(header) => header,
            Err(reason) => return Found::Bad(reason),
        }
    };
    if header.sequence != expected {
        return Found::Bad("the frame has another sequence number than the one expected");
    }
    match check(window, file, position, &header) {
        Err(reason) => Found::Bad(reason),
        Ok(()) if header.is_marker() => Found::Marker,
        Ok(()) => Found::Frame(header),
    }
}

/// Checks the whole frame whose header was decoded at `position`.
pub(crate) fn check(
    window: &mut Window,
    file: &WalFile,
    position: u64,
    header: &FrameHeader,
) -> Result<(), &'static str> {
    let length = frame_bytes(u64::from(header.payload_bytes));
    if position + length > file.header.file_bytes {
        return Err("the frame does not fit into its file");
    }
    let Ok(frame) = window.slice(file.file.as_ref(), position, length as usize) else {
        return Err("the file cannot be read");
    };
    if (frame.len() as u64) < length {
        return Err("the file ends within the frame");
    }
    header.check(file.header.salt, frame)
}

/// Reads all frames from number `first` on and hands their records to `visit`.
pub(crate) fn scan(
    files: &[Arc<WalFile>],
    window: &mut Window,
    first: u64,
    visit: &mut Visitor<'_>,
) -> Scan {
    let mut scan = Scan {
        at: At {
            file: 0,
            position: FIRST_FRAME,
        },
        expected: first,
        end: Found::Zeros,
        last: None,
        unrecorded: Vec::new(),
        recorded: 0,
        frames: 0,
        records: 0,
        first_frames: BTreeMap::new(),
        refused: None,
    };
    while let Some(file) = files.get(scan.at.file) {
        match look(window, file, scan.at.position, scan.expected) {
            Found::Frame(header) => {
                if !scan.take(file, window, &header, visit) {
                    break;
                }
            }
            other => {
                if other == Found::Marker {
                    scan.record(scan.expected - 1);
                }
                // Also behind a bad place: when the next file goes on with the very number expected here, no frame
                // is lost, and what stands here is a marker that a crash tore (W4, W6).
                scan.end = other;
                if !scan.enter_next(files, window) {
                    break;
                }
            }
        }
    }
    scan
}

impl Scan {
    /// Visits the records of the checked frame at the current place and moves behind it; false when the visitor
    /// refused one.
    fn take(
        &mut self,
        file: &WalFile,
        window: &mut Window,
        header: &FrameHeader,
        visit: &mut Visitor<'_>,
    ) -> bool {
        let length = frame_bytes(u64::from(header.payload_bytes));
        let place = FramePosition {
            incarnation: file.header.incarnation,
            position: self.at.position,
        };
        // The window holds the frame: `look` has just checked it there.
        let Ok(frame) = window.slice(file.file.as_ref(), place.position, length as usize) else {
            self.end = Found::Bad("the file cannot be read");
            return false;
        };
        for record in records_of(frame, place, header.records) {
            if let Err(reason) = visit(&record) {
                self.refused = Some(file.damage(record.position.position, reason));
                return false;
            }
        }
        self.record(header.synced_sequence);
        self.last = Some(self.at);
        self.unrecorded.push(Unrecorded {
            sequence: header.sequence,
            at: self.at,
            bytes: length as usize,
        });
        self.first_frames
            .entry(place.incarnation)
            .or_insert(header.sequence);
        self.frames += 1;
        self.records += u64::from(header.records);
        self.at.position += length;
        self.expected = header.sequence + 1;
        true
    }

    /// The log says that this frame was synced, and so all before it were.
    fn record(&mut self, synced: u64) {
        if synced > self.recorded {
            self.recorded = synced;
            self.unrecorded.retain(|frame| frame.sequence > synced);
        }
    }

    /// Goes to the file that carries on, if there is one. Prepared files that were never written to are passed over.
    fn enter_next(&mut self, files: &[Arc<WalFile>], window: &mut Window) -> bool {
        for (index, file) in files.iter().enumerate().skip(self.at.file + 1) {
            window.clear();
            match look(window, file, FIRST_FRAME, self.expected) {
                Found::Zeros => {}
                Found::Frame(_) => {
                    self.at = At {
                        file: index,
                        position: FIRST_FRAME,
                    };
                    return true;
                }
                _ => return false,
            }
        }
        false
    }
}
