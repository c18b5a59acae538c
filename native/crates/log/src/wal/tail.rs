//! What stands behind the end of the readable log: nothing, the remains of a torn write, or evidence of damage (W7, W8).
//!
//! In a recycled file (W14) the space that was not written yet holds bytes of older incarnations. None of them can be
//! taken for a frame of this one: salt and incarnation are a part of every checksum. So they are no evidence, and no torn
//! write either, but for a frame whose valid header stands exactly where the next one begins.

use std::sync::Arc;

use super::format::{FIRST_FRAME, FRAME_ALIGN, FrameHeader, HEADER_BYTES, frame_bytes, is_zero};
use super::scan::{At, Found, Scan, check};
use super::shared::WalFile;
use super::window::Window;

/// Looked through at once.
const PIECE: usize = 1 << 20;
const BLOCK: usize = FRAME_ALIGN as usize;

/// Bytes in one file that are not zero though no frame holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbage {
    pub file: usize,
    pub start: u64,
    pub end: u64,
}

impl Garbage {
    /// What the frame with this header would take.
    fn of(file: &WalFile, (number, start): (usize, u64), header: &FrameHeader) -> Self {
        let end = start + frame_bytes(u64::from(header.payload_bytes));
        Self {
            file: number,
            start,
            end: end.min(file.header.file_bytes),
        }
    }
}

/// What was found behind the end.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    pub garbage: Vec<Garbage>,
    /// Why this is not a torn write.
    pub evidence: Option<String>,
}

/// Looks through the rest of the file where reading ended and through all later ones.
pub(crate) fn examine(files: &[Arc<WalFile>], window: &mut Window, scan: &Scan) -> Tail {
    let mut tail = Tail::default();
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::NoSearch) && !matches!(scan.end, Found::Bad(_)) {
        return tail;
    }
    let start = match scan.end {
        Found::Marker => scan.at.position + HEADER_BYTES as u64,
        _ => scan.at.position,
    };
    for (index, file) in files.iter().enumerate().skip(scan.at.file) {
        let from = if index == scan.at.file {
            start
        } else {
            FIRST_FRAME
        };
        let at = At {
            file: index,
            position: from,
        };
        window.clear();
        if file.header.recycled {
            tail.extend_torn(file, window, at, scan.expected);
        }
        tail.examine_file(file, window, at, scan.expected);
    }
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::CutAnything) {
        tail.evidence = None;
    }
    tail
}

impl Tail {
    fn examine_file(&mut self, file: &WalFile, window: &mut Window, at: At, expected: u64) {
        let size = file.header.file_bytes;
        let mut probe = Window::new();
        let mut position = at.position;
        while position < size {
            let wanted = (PIECE as u64).min(size - position) as usize;
            let Ok(piece) = window.slice(file.file.as_ref(), position, wanted) else {
                self.found(format!(
                    "{} cannot be read at byte {position}",
                    file.path.display()
                ));
                return;
            };
            if piece.len() < wanted {
                self.found(format!("{} is cut short", file.path.display()));
                return;
            }
            if !is_zero(piece) {
                for (number, block) in piece.chunks_exact(BLOCK).enumerate() {
                    if !is_zero(block) {
                        let here = position + (number * BLOCK) as u64;
                        if !file.header.recycled {
                            self.extend(at.file, here);
                        }
                        self.weigh((file, at.file), &mut probe, (here, block), expected);
                    }
                }
            }
            position += wanted as u64;
        }
    }

    /// In a recycled file: the frame that was being written when the power failed, if its header got there.
    fn extend_torn(&mut self, file: &WalFile, window: &mut Window, at: At, expected: u64) {
        let Ok(bytes) = window.slice(file.file.as_ref(), at.position, HEADER_BYTES) else {
            return;
        };
        if bytes.len() < HEADER_BYTES {
            return;
        }
        let header = FrameHeader::decode(file.header.salt, file.header.incarnation, bytes);
        if let Some(header) = header.ok().filter(|header| header.sequence == expected) {
            let place = (at.file, at.position);
            self.garbage.push(Garbage::of(file, place, &header));
        }
    }

    fn extend(&mut self, file: usize, position: u64) {
        let end = position + FRAME_ALIGN;
        match self.garbage.last_mut() {
            Some(last) if last.file == file => last.end = end,
            _ => self.garbage.push(Garbage {
                file,
                start: position,
                end,
            }),
        }
    }

    /// A valid header that records a lost frame as synced means that this is no torn write; so does a whole frame with a
    /// number that was read before. Any other whole frame was written behind the lost one without a sync between them: it
    /// is lost too, and must not be found where a later life of the log happens to end right before it.
    fn weigh(
        &mut self,
        (file, number): (&WalFile, usize),
        probe: &mut Window,
        (position, block): (u64, &[u8]),
        expected: u64,
    ) {
        if self.evidence.is_some() {
            return;
        }
        let Ok(header) = FrameHeader::decode(file.header.salt, file.header.incarnation, block)
        else {
            return;
        };
        let name = file.path.display();
        if header.synced_sequence >= expected {
            self.found(format!(
                "{name} records at byte {position} that frame {} was synced",
                header.synced_sequence
            ));
        } else if header.sequence > expected {
            #[cfg(test)]
            if crate::mutant::on(crate::mutant::Mutant::KeepWhole) {
                return;
            }
            if file.header.recycled {
                self.garbage
                    .push(Garbage::of(file, (number, position), &header));
            }
        } else if check(probe, file, position, &header).is_ok() {
            self.found(format!(
                "a valid frame {} stands behind it, in {name} at byte {position}",
                header.sequence
            ));
        }
    }

    fn found(&mut self, evidence: String) {
        self.evidence.get_or_insert(evidence);
    }
}
