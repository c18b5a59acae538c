//! A file layer that counts what passes through it, whatever the system makes of that.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyralog_log::{File, FileLayer, FileOver, FilesOver, OpenMode, RealFiles};

/// What was asked of the files below.
#[derive(Debug, Default)]
pub struct Counts {
    /// Bytes written.
    written: AtomicU64,
    /// Questions for lengths, and reads.
    looks: AtomicU64,
}

/// Real files, counted: all of them, and those of the log and the one of the sequencer by themselves.
#[derive(Clone, Default)]
pub struct CountingFiles {
    all: Arc<Counts>,
    log: Arc<Counts>,
    sequencer: Arc<Counts>,
}

impl CountingFiles {
    /// Bytes written to any file so far.
    pub fn written(&self) -> u64 {
        self.all.written.load(Ordering::Relaxed)
    }

    /// Bytes written to files of the log so far.
    pub fn written_to_log(&self) -> u64 {
        self.log.written.load(Ordering::Relaxed)
    }

    /// Times that the sequencer's file was read or asked for its length so far.
    pub fn sequencer_looks(&self) -> u64 {
        self.sequencer.looks.load(Ordering::Relaxed)
    }

    fn counts_of(&self, path: &Path) -> Vec<Arc<Counts>> {
        let mut counts = vec![Arc::clone(&self.all)];
        if path.file_name().is_some_and(|name| name == "sequencer") {
            counts.push(Arc::clone(&self.sequencer));
        }
        if path.parent().is_some_and(|dir| dir.ends_with("wal")) {
            counts.push(Arc::clone(&self.log));
        }
        counts
    }
}

struct CountedFile {
    file: Arc<dyn File>,
    counts: Vec<Arc<Counts>>,
}

impl CountedFile {
    fn look(&self) {
        for counts in &self.counts {
            counts.looks.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl FileOver for CountedFile {
    fn below(&self) -> &dyn File {
        &*self.file
    }

    fn read_over(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.look();
        self.file.read_at(buffer, position)
    }

    fn write_over(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let written = self.file.write_at(bytes, position)?;
        for counts in &self.counts {
            counts.written.fetch_add(written as u64, Ordering::Relaxed);
        }
        Ok(written)
    }

    fn len_over(&self) -> io::Result<u64> {
        self.look();
        self.file.len()
    }
}

impl FilesOver for CountingFiles {
    fn below(&self) -> &dyn FileLayer {
        &RealFiles
    }

    fn open_over(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(CountedFile {
            file: RealFiles.open(path, mode)?,
            counts: self.counts_of(path),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_written_and_asked_of_the_sequencer() {
        let dir = std::env::temp_dir().join(format!("pyralog-counting-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let files = CountingFiles::default();
        let open = |name| files.open(&dir.join(name), OpenMode::OpenOrCreate);
        let other = open("other").expect("a file");
        other.write_all_at(b"12345", 3).expect("written");
        assert_eq!((other.len().expect("a length"), files.written()), (8, 5));
        assert_eq!((files.sequencer_looks(), files.written_to_log()), (0, 0));
        open("sequencer").expect("a file").len().expect("a length");
        assert_eq!(files.sequencer_looks(), 1);
        files
            .replace_file(&dir.join("small"), b"123")
            .expect("written");
        assert_eq!(files.written(), 8);
        std::fs::create_dir_all(dir.join("wal")).expect("a directory");
        let log = open("wal/1").expect("a file");
        log.write_all_at(b"1234", 0).expect("written");
        assert_eq!((files.written(), files.written_to_log()), (12, 4));
        std::fs::remove_dir_all(dir).expect("removed");
    }
}
