//! Bytes of the log: file header (W2), frame header (W3), records (W5), store file (W1). No IO here.

use crc32c::{crc32c, crc32c_append};
use pyralog_types::{u32_at, u64_at};

use super::record::{Record, RecordHead, RecordKind};
use super::{FramePosition, RecordPosition};

/// Length of a file header, of a frame header and of the store file.
pub(crate) const HEADER_BYTES: usize = 64;
/// Frames start here (W2): one page, so that the header of a file is never in a sector with data.
pub(crate) const FIRST_FRAME: u64 = 4096;
/// Frames stand at multiples of this (W3).
pub(crate) const FRAME_ALIGN: u64 = 64;
/// Length of a record header (W5).
pub(crate) const RECORD_HEADER_BYTES: usize = 32;
/// Unit of the file size in the file header (W2).
pub(crate) const FILE_UNIT_BYTES: u64 = 64 << 10;

/// Version of log files.
const VERSION: u32 = 1;
/// Version of store files: 2 knows released entries and recycled files (W12, W14), 3 the records of replicated groups
/// (RF3), which earlier ones would take for damage.
pub(crate) const STORE_VERSION: u32 = 3;
const FILE_MAGIC: [u8; 8] = *b"PYRLWAL\x01";
const STORE_MAGIC: [u8; 8] = *b"PYRLSTO\x01";
/// "PYRF" in the file.
const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"PYRF");
/// Copied and checksummed piece by piece, so that the bytes are read from the first-level cache the second time.
const COPY_STEP: usize = 16 << 10;

/// Why a file or store header was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Written by a newer version.
    Version(u32),
    /// Anything else; the text completes "its header …".
    Damaged(&'static str),
}

/// Header of a log file (W2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub file_bytes: u64,
    pub incarnation: u64,
    pub store_id: [u8; 16],
    pub salt: u32,
    /// What was not written yet holds bytes of older incarnations instead of zeros (W14).
    pub recycled: bool,
}

/// The store file (W1): which store this is and where its log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreHeader {
    pub store_id: [u8; 16],
    pub first_incarnation: u64,
    pub first_sequence: u64,
    /// That of the program that wrote it; brought up to date at opening.
    pub version: u32,
    /// Bytes of records behind the header (W13).
    pub records_bytes: u32,
}

/// Header of a frame (W3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub payload_bytes: u32,
    pub incarnation: u64,
    pub sequence: u64,
    pub synced_sequence: u64,
    pub synced: FramePosition,
    pub records: u32,
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Length rounded up to a multiple of `unit`, a power of two.
pub(crate) const fn align(length: u64, unit: u64) -> u64 {
    (length + unit - 1) & !(unit - 1)
}

/// Bytes a frame with this payload takes in the file.
pub(crate) const fn frame_bytes(payload: u64) -> u64 {
    align(HEADER_BYTES as u64 + payload, FRAME_ALIGN)
}

/// Bytes a record takes in a payload.
pub(crate) const fn record_bytes(length: u64) -> u64 {
    align(RECORD_HEADER_BYTES as u64 + length, 8)
}

/// Largest payload of a frame in a file of this size: room for a marker behind it is kept free (W4).
pub(crate) const fn payload_max(file_bytes: u64) -> u64 {
    let room = file_bytes - FIRST_FRAME - 2 * HEADER_BYTES as u64;
    if room > u32::MAX as u64 - 63 {
        u32::MAX as u64 - 63
    } else {
        room
    }
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let mut chunks = bytes.chunks_exact(64);
    chunks.all(|chunk| chunk.iter().fold(0, |bits, byte| bits | byte) == 0)
        && chunks.remainder().iter().all(|byte| *byte == 0)
}

/// CRC and version of a 64-byte header, which must not be newer than `known`.
fn check_header(bytes: &[u8], magic: [u8; 8], known: u32) -> Result<u32, HeaderFault> {
    if bytes.len() < HEADER_BYTES {
        return Err(HeaderFault::Damaged("is cut short"));
    }
    if bytes[..8] != magic {
        return Err(HeaderFault::Damaged(
            "does not begin with the mark of such a file",
        ));
    }
    if crc32c(&bytes[..60]) != u32_at(bytes, 60) {
        return Err(HeaderFault::Damaged("fails its checksum"));
    }
    match u32_at(bytes, 8) {
        version if (1..=known).contains(&version) => Ok(version),
        other => Err(HeaderFault::Version(other)),
    }
}

impl FileHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        put(&mut bytes, 0, &FILE_MAGIC);
        put(&mut bytes, 8, &VERSION.to_le_bytes());
        let units = (self.file_bytes / FILE_UNIT_BYTES) as u32;
        put(&mut bytes, 12, &units.to_le_bytes());
        put(&mut bytes, 16, &self.incarnation.to_le_bytes());
        put(&mut bytes, 24, &self.store_id);
        put(&mut bytes, 40, &self.salt.to_le_bytes());
        put(&mut bytes, 44, &u32::from(self.recycled).to_le_bytes());
        let crc = crc32c(&bytes[..60]);
        put(&mut bytes, 60, &crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        check_header(bytes, FILE_MAGIC, VERSION)?;
        let units = u64::from(u32_at(bytes, 12));
        if units == 0 {
            return Err(HeaderFault::Damaged("gives the file no size"));
        }
        Ok(Self {
            file_bytes: units * FILE_UNIT_BYTES,
            incarnation: u64_at(bytes, 16),
            store_id: id_at(bytes, 24),
            salt: u32_at(bytes, 40),
            recycled: u32_at(bytes, 44) != 0,
        })
    }
}

impl StoreHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        put(&mut bytes, 0, &STORE_MAGIC);
        put(&mut bytes, 8, &self.version.to_le_bytes());
        put(&mut bytes, 16, &self.store_id);
        put(&mut bytes, 32, &self.first_incarnation.to_le_bytes());
        put(&mut bytes, 40, &self.first_sequence.to_le_bytes());
        put(&mut bytes, 48, &self.records_bytes.to_le_bytes());
        let crc = crc32c(&bytes[..60]);
        put(&mut bytes, 60, &crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let version = check_header(bytes, STORE_MAGIC, STORE_VERSION)?;
        let records_bytes = u32_at(bytes, 48);
        if bytes.len() != HEADER_BYTES + records_bytes as usize {
            return Err(HeaderFault::Damaged("gives the file another length"));
        }
        Ok(Self {
            store_id: id_at(bytes, 16),
            first_incarnation: u64_at(bytes, 32),
            first_sequence: u64_at(bytes, 40),
            version,
            records_bytes,
        })
    }
}

fn id_at(bytes: &[u8], at: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[at..at + 16]);
    id
}

/// Start of the checksums of a file's frames: the salt, so that frames of another incarnation cannot pass (W3).
fn salted(salt: u32) -> u32 {
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::CrcIgnoresIncarnation) {
        return 0;
    }
    crc32c(&salt.to_le_bytes())
}

impl FrameHeader {
    /// Writes the header in front of the payload that `frame` already holds, with both checksums.
    pub(crate) fn seal(&self, salt: u32, frame: &mut [u8]) {
        put(frame, 0, &FRAME_MAGIC.to_le_bytes());
        put(frame, 4, &self.payload_bytes.to_le_bytes());
        put(frame, 8, &self.incarnation.to_le_bytes());
        put(frame, 16, &self.sequence.to_le_bytes());
        put(frame, 24, &self.synced_sequence.to_le_bytes());
        put(frame, 32, &self.synced.incarnation.to_le_bytes());
        put(frame, 40, &self.synced.position.to_le_bytes());
        put(frame, 48, &self.records.to_le_bytes());
        put(frame, 52, &[0; 4]);
        let crc = crc32c_append(salted(salt), &frame[..56]);
        put(frame, 56, &crc.to_le_bytes());
        let mut crc = crc32c_append(salted(salt), &frame[..60]);
        let mut at = HEADER_BYTES;
        for _ in 0..self.records {
            crc = crc32c_append(crc, &frame[at..at + RECORD_HEADER_BYTES]);
            at += record_bytes(u64::from(u32_at(frame, at + 24))) as usize;
        }
        put(frame, 60, &crc.to_le_bytes());
    }

    /// The header at the start of `bytes`, if it is one of this incarnation; says nothing about the payload.
    pub(crate) fn decode(salt: u32, incarnation: u64, bytes: &[u8]) -> Result<Self, &'static str> {
        if u32_at(bytes, 0) != FRAME_MAGIC {
            return Err("no frame begins there");
        }
        if crc32c_append(salted(salt), &bytes[..56]) != u32_at(bytes, 56) {
            return Err("the frame header fails its checksum");
        }
        let header = Self {
            payload_bytes: u32_at(bytes, 4),
            incarnation: u64_at(bytes, 8),
            sequence: u64_at(bytes, 16),
            synced_sequence: u64_at(bytes, 24),
            synced: FramePosition {
                incarnation: u64_at(bytes, 32),
                position: u64_at(bytes, 40),
            },
            records: u32_at(bytes, 48),
        };
        #[cfg(test)]
        if crate::mutant::on(crate::mutant::Mutant::CrcIgnoresIncarnation) {
            return Ok(header);
        }
        if header.incarnation != incarnation {
            return Err("the frame belongs to another incarnation of the file");
        }
        Ok(header)
    }

    /// A marker says that everything before it is durable; it holds no records and takes no sequence number (W4).
    pub(crate) fn is_marker(&self) -> bool {
        self.records == 0 && self.payload_bytes == 0
    }

    /// Checks the rest of the frame: every record, the checksum over their headers, the padding.
    pub(crate) fn check(&self, salt: u32, frame: &[u8]) -> Result<(), &'static str> {
        let mut crc = crc32c_append(salted(salt), &frame[..60]);
        let mut at = HEADER_BYTES;
        let end = HEADER_BYTES + self.payload_bytes as usize;
        for _ in 0..self.records {
            let Some(record) = frame.get(at..end).and_then(RawRecord::parse) else {
                return Err("a record does not fit into its frame");
            };
            record.check()?;
            crc = crc32c_append(crc, record.header);
            at += record.bytes_in_frame();
        }
        if at != end {
            return Err("the records do not fill their frame");
        }
        if crc != u32_at(frame, 60) {
            return Err("the frame fails its checksum");
        }
        if !is_zero(&frame[end..]) {
            return Err("the padding of the frame is not zero");
        }
        Ok(())
    }
}

/// A record in a frame, lengths checked, contents not yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawRecord<'a> {
    header: &'a [u8],
    body: &'a [u8],
    padding: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// The record at the start of `bytes`, `None` when it does not fit.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..RECORD_HEADER_BYTES)?;
        let length = u32_at(header, 24) as usize;
        let total = record_bytes(length as u64) as usize;
        let body = bytes.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + length)?;
        let padding = bytes.get(RECORD_HEADER_BYTES + length..total)?;
        Some(Self {
            header,
            body,
            padding,
        })
    }

    pub(crate) fn bytes_in_frame(&self) -> usize {
        RECORD_HEADER_BYTES + self.body.len() + self.padding.len()
    }

    /// Checksum, kind and padding.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if crc32c_append(crc32c(&self.header[..28]), self.body) != u32_at(self.header, 28) {
            return Err("a record fails its checksum");
        }
        if self.header[1..4] != [0; 3] || !is_zero(self.padding) {
            return Err("the padding of a record is not zero");
        }
        if RecordKind::from_byte(self.header[0]).is_none() {
            return Err("a record is of an unknown kind");
        }
        Ok(())
    }

    /// The record, if its kind is known.
    pub(crate) fn record(&self, incarnation: u64, position: u64) -> Option<Record<'a>> {
        Some(Record {
            kind: RecordKind::from_byte(self.header[0])?,
            group: u32_at(self.header, 4),
            index: u64_at(self.header, 8),
            term: u64_at(self.header, 16),
            bytes: self.body,
            position: RecordPosition {
                incarnation,
                position,
                length: self.body.len() as u32,
            },
        })
    }
}

/// Appends a record to a payload: the one copy and the one checksum its bytes get on the way to the disk.
pub(crate) fn push_record(payload: &mut Vec<u8>, head: RecordHead, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let start = payload.len();
    payload.reserve(record_bytes(length as u64) as usize);
    payload.extend_from_slice(&[head.kind as u8, 0, 0, 0]);
    payload.extend_from_slice(&head.group.to_le_bytes());
    payload.extend_from_slice(&head.index.to_le_bytes());
    payload.extend_from_slice(&head.term.to_le_bytes());
    payload.extend_from_slice(&(length as u32).to_le_bytes());
    let mut crc = crc32c(&payload[start..start + 28]);
    payload.extend_from_slice(&[0; 4]);
    for piece in parts.iter().flat_map(|part| part.chunks(COPY_STEP)) {
        let at = payload.len();
        payload.extend_from_slice(piece);
        crc = crc32c_append(crc, &payload[at..]);
    }
    put(payload, start + 28, &crc.to_le_bytes());
    payload.resize(start + record_bytes(length as u64) as usize, 0);
}

/// The records of a store file (W13), each checked; a text says what is wrong with the first that is not one.
pub(crate) fn records_of_store(bytes: &[u8]) -> Result<Vec<Record<'_>>, &'static str> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let raw = RawRecord::parse(&bytes[at..]).ok_or("a record is cut short")?;
        raw.check()?;
        records.push(raw.record(0, 0).ok_or("a record is of an unknown kind")?);
        at += raw.bytes_in_frame();
    }
    Ok(records)
}

/// The `count` records of a checked frame that stands at `position`.
pub(crate) fn records_of(
    frame: &[u8],
    position: FramePosition,
    count: u32,
) -> impl Iterator<Item = Record<'_>> + '_ {
    let mut at = HEADER_BYTES;
    (0..count).map_while(move |_| {
        let raw = RawRecord::parse(frame.get(at..)?)?;
        let record = raw.record(position.incarnation, position.position + at as u64)?;
        at += raw.bytes_in_frame();
        Some(record)
    })
}
