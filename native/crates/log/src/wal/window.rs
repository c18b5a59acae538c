//! Sequential reading by large pieces.

use std::io;

use crate::files::File;

/// Least that is read at once.
const STEP: usize = 1 << 20;

/// A piece of a file in memory that moves on as reading goes on.
pub(crate) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Forgets what was read: the next slice comes from the file.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Bytes `position .. position + length` of the file, as far as it has them.
    pub(crate) fn slice(
        &mut self,
        file: &dyn File,
        position: u64,
        length: usize,
    ) -> io::Result<&[u8]> {
        let end = position + length as u64;
        if position < self.start || end > self.start + self.bytes.len() as u64 {
            self.load(file, position, length.max(STEP))?;
        }
        let from = ((position - self.start) as usize).min(self.bytes.len());
        let to = ((end - self.start) as usize).min(self.bytes.len());
        Ok(&self.bytes[from..to])
    }

    fn load(&mut self, file: &dyn File, position: u64, length: usize) -> io::Result<()> {
        self.start = position;
        self.bytes.clear();
        let left = file.len()?.saturating_sub(position);
        let length = left.min(length as u64) as usize;
        self.bytes.resize(length, 0);
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut self.bytes[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}
