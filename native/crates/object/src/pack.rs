//! Pack files (O5).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{File, FileLayer, OpenMode};

use crate::{Name, ObjectError};

const MAGIC: &[u8; 8] = b"PYOBPACK";
const END: &[u8; 8] = b"PYOBEND1";
const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 16;
const ENTRY_HEAD_BYTES: usize = 40;
const TABLE_ROW_BYTES: usize = 48;
const TRAILER_BYTES: usize = 24;
/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Chunk,
    Recipe,
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Self::Chunk => 1,
            Self::Recipe => 2,
        }
    }

    fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Chunk),
            2 => Some(Self::Recipe),
            _ => None,
        }
    }
}

/// One entry of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    /// Position of its bytes.
    pub(crate) position: u64,
    pub(crate) length: u32,
}

/// `kind`, three zeros, length: shared by entry heads and table rows.
fn head(kind: Kind, length: u32) -> [u8; 8] {
    let mut bytes = [kind.number(), 0, 0, 0, 0, 0, 0, 0];
    bytes[4..].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn read_head(bytes: &[u8]) -> Option<(Kind, u32)> {
    let [kind, 0, 0, 0, a, b, c, d] = *bytes.first_chunk::<8>()? else {
        return None;
    };
    Some((Kind::of(kind)?, u32::from_le_bytes([a, b, c, d])))
}

/// Path of a pack.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number}.pack"))
}

/// Number of a pack's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".pack")?.parse().ok()
}

/// Whether a name is of a pack that was not finished.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.strip_suffix(".tmp").is_some()
}

/// A pack that is being written. Dropped unfinished, its temporary file is left for the next opening to remove.
pub(crate) struct PackWriter {
    file: Arc<dyn File>,
    temporary: PathBuf,
    entries: Vec<Entry>,
    buffer: Vec<u8>,
    written: u64,
}

impl PackWriter {
    pub(crate) fn create(files: &dyn FileLayer, dir: &Path, number: u64) -> io::Result<Self> {
        let temporary = dir.join(format!("{number}.tmp"));
        let file = files.open(&temporary, OpenMode::OpenOrCreate)?;
        file.set_len(0)?;
        let mut buffer = MAGIC.to_vec();
        buffer.extend_from_slice(&VERSION.to_le_bytes());
        buffer.extend_from_slice(&[0; 4]);
        Ok(Self {
            file,
            temporary,
            entries: Vec::new(),
            buffer,
            written: 0,
        })
    }

    pub(crate) fn push(&mut self, kind: Kind, name: Name, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.buffer.extend_from_slice(&head(kind, length));
        self.buffer.extend_from_slice(&name);
        self.entries.push(Entry {
            kind,
            name,
            position: self.written + self.buffer.len() as u64,
            length,
        });
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes the pack durable under its name; returns its entries and its length. What has no name when this fails is
    /// removed: on a full disk it would be in the way of everybody else.
    pub(crate) fn publish(
        mut self,
        files: &dyn FileLayer,
        dir: &Path,
        number: u64,
    ) -> io::Result<(Vec<Entry>, u64)> {
        match self.finish(files, dir, number) {
            Ok(()) => Ok((self.entries, self.written)),
            Err(error) => {
                self.abandon(files);
                Err(error)
            }
        }
    }

    fn finish(&mut self, files: &dyn FileLayer, dir: &Path, number: u64) -> io::Result<()> {
        let at = self.written + self.buffer.len() as u64;
        let mut table = Vec::with_capacity(self.entries.len() * TABLE_ROW_BYTES + TRAILER_BYTES);
        for entry in &self.entries {
            table.extend_from_slice(&head(entry.kind, entry.length));
            table.extend_from_slice(&entry.position.to_le_bytes());
            table.extend_from_slice(&entry.name);
        }
        table.extend_from_slice(&at.to_le_bytes());
        table.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        table.extend_from_slice(&crc32c::crc32c(&table).to_le_bytes());
        table.extend_from_slice(END);
        self.buffer.extend_from_slice(&table);
        self.flush()?;
        self.file.sync_data()?;
        files.rename(&self.temporary, &path_of(dir, number))?;
        files.sync_dir(dir)
    }

    /// Removes what was written.
    pub(crate) fn abandon(self, files: &dyn FileLayer) {
        // The next opening removes what cannot be removed now.
        let _ = files.remove(&self.temporary);
    }
}

/// What is in a pack, and whether its table could not be read.
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: u64,
    pub(crate) damaged: bool,
}

/// Lists a pack: by its table, or entry by entry where that is damaged.
pub(crate) fn list(files: &dyn FileLayer, path: &Path) -> Result<Listing, ObjectError> {
    let file = files.open(path, OpenMode::Read)?;
    let bytes = file.len()?;
    let (entries, damaged) = match by_table(&*file, bytes)? {
        Some(entries) => (entries, false),
        None => (by_entry(&*file, bytes)?, true),
    };
    Ok(Listing {
        entries,
        bytes,
        damaged,
    })
}

fn by_table(file: &dyn File, bytes: u64) -> io::Result<Option<Vec<Entry>>> {
    let Some(trailer_at) = bytes.checked_sub(TRAILER_BYTES as u64) else {
        return Ok(None);
    };
    let mut trailer = [0; TRAILER_BYTES];
    file.read_exact_at(&mut trailer, trailer_at)?;
    let at = u64_of(&trailer[..8]);
    let count = u64::from(u32_of(&trailer[8..12]));
    let fits = at >= HEADER_BYTES
        && count
            .checked_mul(TABLE_ROW_BYTES as u64)
            .and_then(|table| table.checked_add(at))
            == Some(trailer_at);
    if !fits || trailer[16..] != *END {
        return Ok(None);
    }
    let mut table = vec![0; (trailer_at - at) as usize];
    file.read_exact_at(&mut table, at)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&table), &trailer[..12]);
    if crc != u32_of(&trailer[12..16]) {
        return Ok(None);
    }
    Ok(table.chunks_exact(TABLE_ROW_BYTES).map(row).collect())
}

fn row(bytes: &[u8]) -> Option<Entry> {
    let (kind, length) = read_head(bytes)?;
    Some(Entry {
        kind,
        length,
        position: u64_of(&bytes[8..16]),
        name: bytes[16..].try_into().ok()?,
    })
}

/// Entries from the front, as far as each has the bytes of its name.
fn by_entry(file: &dyn File, bytes: u64) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut at = HEADER_BYTES;
    while at + ENTRY_HEAD_BYTES as u64 <= bytes {
        let mut heading = [0; ENTRY_HEAD_BYTES];
        file.read_exact_at(&mut heading, at)?;
        let Some((kind, length)) = read_head(&heading) else {
            break;
        };
        let position = at + ENTRY_HEAD_BYTES as u64;
        at = position + u64::from(length);
        if at > bytes {
            break;
        }
        let mut content = vec![0; length as usize];
        file.read_exact_at(&mut content, position)?;
        let name = *blake3::hash(&content).as_bytes();
        if heading[8..] == name {
            entries.push(Entry {
                kind,
                name,
                position,
                length,
            });
        }
    }
    Ok(entries)
}

fn u32_of(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(bytes);
    u32::from_le_bytes(word)
}

fn u64_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
