//! What is remembered of the records inside the window, by offset: a queue in fixed pieces, so that growing copies
//! nothing and memory that is given up at one end is used again at the other.

use std::collections::VecDeque;

const CHUNK: usize = 4_096;

/// What is remembered of one record, 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// What a duplicate is found by: scope and key, or scope and content.
    pub fingerprint: [u8; 16],
    /// Fingerprint of scope and content; tells a duplicate from a conflict under one key.
    pub content: [u8; 16],
    /// The record's id.
    pub id: u64,
}

impl Remembered {
    /// Lookup and content fingerprint, id (Z5).
    pub fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(&self.fingerprint);
        bytes[16..32].copy_from_slice(&self.content);
        bytes[32..].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8; 40]) -> Self {
        let (halves, id) = bytes.as_chunks::<16>();
        let mut word = [0; 8];
        word.copy_from_slice(id);
        Self {
            fingerprint: halves[0],
            content: halves[1],
            id: u64::from_le_bytes(word),
        }
    }
}

/// Remembered records of consecutive offsets.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    chunks: VecDeque<Vec<Remembered>>,
    /// Offset of the first record of the first chunk.
    chunk_start: u64,
    /// Oldest offset remembered.
    first: u64,
    /// Offset that the next record gets.
    next: u64,
}

impl Ring {
    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn push(&mut self, record: Remembered) {
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(record),
            _ => self.push_chunk(record),
        }
        self.next += 1;
    }

    #[cold]
    fn push_chunk(&mut self, record: Remembered) {
        let mut spare = None;
        while self.first >= self.chunk_start + CHUNK as u64 {
            let Some(chunk) = self.chunks.pop_front() else {
                break;
            };
            self.chunk_start += CHUNK as u64;
            spare = Some(chunk);
        }
        let mut chunk = spare.unwrap_or_else(|| Vec::with_capacity(CHUNK));
        chunk.clear();
        chunk.push(record);
        self.chunks.push_back(chunk);
    }

    /// The record at an offset that is in here.
    pub fn get(&self, offset: u64) -> &Remembered {
        let at = (offset - self.chunk_start) as usize;
        &self.chunks[at / CHUNK][at % CHUNK]
    }

    /// A ring whose records begin at an offset; those from `first` up to it are remembered elsewhere.
    pub fn beginning_at(offset: u64, first: u64) -> Self {
        Self {
            chunk_start: offset,
            first,
            next: offset,
            ..Self::default()
        }
    }

    /// Offset from which on records are in here, forgotten or not.
    pub fn start(&self) -> u64 {
        self.chunk_start
    }

    /// The records inside the window from an offset on.
    pub fn from(&self, offset: u64) -> Vec<Remembered> {
        let mut rows = Vec::with_capacity((self.next - offset) as usize);
        let mut at = (offset - self.chunk_start) as usize;
        while (rows.len() as u64) < self.next - offset {
            let chunk = &self.chunks[at / CHUNK][at % CHUNK..];
            rows.extend_from_slice(chunk);
            at += chunk.len();
        }
        rows
    }

    /// Forgets the records before `offset`; never brings one back.
    pub fn forget(&mut self, offset: u64) {
        self.first = self.first.max(offset.min(self.next));
    }
}
