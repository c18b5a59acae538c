//! Bytes of the manifest's file: its header (Y2) and its frames (Y3). No IO here.

use crc32c::{crc32c, crc32c_append};
use pyralog_types::{u32_at, u64_at};

use crate::mutant::{Mutant, on};

/// Length of the file's header and of a frame's.
pub(crate) const HEADER_BYTES: usize = 64;
/// Frames start here: one page, so that the file's header is never in a sector with data.
pub(crate) const FIRST_FRAME: usize = 4096;
/// Frames stand at multiples of this.
pub(crate) const ALIGN: usize = 64;
/// Most bytes of a frame's payload: a bound for what a reader believes, a hundred times what 100,000 segments need.
pub(crate) const PAYLOAD_MAX: usize = 1 << 30;

/// The only format version there is.
const VERSION: u32 = 1;
const FILE_MAGIC: [u8; 8] = *b"PYRLMAN\x01";
/// "PYRM" in the file.
const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"PYRM");

/// Why a file's header was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Written by a newer version.
    Version(u32),
    /// Anything else; the text completes "its header …".
    Damaged(&'static str),
}

/// Header of the file: to which store it belongs and how its frames are bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHeader {
    /// One more each time the file is replaced.
    pub(crate) incarnation: u64,
    pub(crate) store_id: [u8; 16],
    /// Random for each incarnation.
    pub(crate) salt: u32,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// All partitions, at the beginning of a file.
    Snapshot,
    /// One commit.
    Edits,
    /// Nothing: says that everything before it was synced.
    Marker,
}

/// Header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// The version it makes.
    pub(crate) number: u64,
    pub(crate) payload_bytes: u32,
}

/// Bytes a frame with this payload takes in the file.
pub(crate) const fn frame_bytes(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(ALIGN)
}

impl FileHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&FILE_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.incarnation.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.store_id);
        bytes[40..44].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(HeaderFault::Damaged("is cut short"))?;
        if bytes[..8] != FILE_MAGIC {
            return Err(HeaderFault::Damaged(
                "does not begin with the mark of a manifest",
            ));
        }
        if crc32c(&bytes[..60]) != u32_at(bytes, 60) {
            return Err(HeaderFault::Damaged("fails its checksum"));
        }
        match u32_at(bytes, 8) {
            VERSION => {}
            other => return Err(HeaderFault::Version(other)),
        }
        let mut store_id = [0; 16];
        store_id.copy_from_slice(&bytes[24..40]);
        Ok(Self {
            incarnation: u64_at(bytes, 16),
            store_id,
            salt: u32_at(bytes, 40),
        })
    }

    /// What the checksums of this file's frames begin with: frames of other files never pass (Y3).
    fn seed(&self) -> u32 {
        if on(Mutant::CrcIgnoresFile) {
            return 0;
        }
        let seed = crc32c(&self.salt.to_le_bytes());
        crc32c_append(seed, &self.incarnation.to_le_bytes())
    }

    /// A whole frame, padded.
    pub(crate) fn frame(&self, kind: FrameKind, number: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; frame_bytes(payload.len())];
        bytes[..4].copy_from_slice(&FRAME_MAGIC.to_le_bytes());
        bytes[4] = match kind {
            FrameKind::Snapshot => 1,
            FrameKind::Edits => 2,
            FrameKind::Marker => 3,
        };
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        bytes[16..20].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        let head = crc32c_append(self.seed(), &bytes[..56]);
        bytes[56..60].copy_from_slice(&head.to_le_bytes());
        let whole = crc32c_append(crc32c_append(self.seed(), &bytes[..60]), payload);
        bytes[60..64].copy_from_slice(&whole.to_le_bytes());
        bytes[HEADER_BYTES..HEADER_BYTES + payload.len()].copy_from_slice(payload);
        bytes
    }

    /// The frame header at the beginning of `bytes`, if it is one of this file.
    pub(crate) fn frame_header(&self, bytes: &[u8]) -> Option<FrameHeader> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        if u32_at(bytes, 0) != FRAME_MAGIC {
            return None;
        }
        if crc32c_append(self.seed(), &bytes[..56]) != u32_at(bytes, 56) {
            return None;
        }
        let kind = match bytes[4] {
            1 => FrameKind::Snapshot,
            2 => FrameKind::Edits,
            3 => FrameKind::Marker,
            _ => return None,
        };
        Some(FrameHeader {
            kind,
            number: u64_at(bytes, 8),
            payload_bytes: u32_at(bytes, 16),
        })
    }

    /// The frame at the beginning of `bytes` with its payload, if it is whole and one of this file.
    pub(crate) fn frame_of<'a>(&self, bytes: &'a [u8]) -> Option<(FrameHeader, &'a [u8])> {
        let header = self.frame_header(bytes)?;
        let length = header.payload_bytes as usize;
        if length > PAYLOAD_MAX {
            return None;
        }
        let payload = &bytes.get(..frame_bytes(length))?[HEADER_BYTES..HEADER_BYTES + length];
        let whole = crc32c_append(crc32c_append(self.seed(), &bytes[..60]), payload);
        (whole == u32_at(bytes, 60)).then_some((header, payload))
    }
}
