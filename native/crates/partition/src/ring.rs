//! The window of remembered records (N3): a queue by offset in fixed chunks, so that growth copies nothing.

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
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(record);
                self.chunks.push_back(chunk);
            }
        }
        self.next += 1;
    }

    /// The record at an offset inside the window.
    pub fn get(&self, offset: u64) -> &Remembered {
        let at = (offset - self.chunk_start) as usize;
        &self.chunks[at / CHUNK][at % CHUNK]
    }

    /// Forgets the oldest record and returns it with its offset.
    pub fn pop(&mut self) -> Option<(u64, Remembered)> {
        if self.first == self.next {
            return None;
        }
        let offset = self.first;
        let record = *self.get(offset);
        self.first += 1;
        if self.first - self.chunk_start == CHUNK as u64 {
            self.chunks.pop_front();
            self.chunk_start += CHUNK as u64;
        }
        Some((offset, record))
    }
}
