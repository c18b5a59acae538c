//! The raw floor: what the disk and BLAKE3 alone cost for the same bytes in the same file state.
//!
//! Nothing that stores a batch durably and hashes it can be faster than `pwrite`, `fdatasync` and one BLAKE3 over the
//! bytes. With one batch in flight the three follow each other. With more, the floor is pipelined as well as a log can
//! be: one thread hashes the next batch while the other writes everything that waits and syncs it once.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

/// A pre-written, zero-filled and synced file that is written from front to back, over and over: the state of a log
/// file (wal.md W1).
#[derive(Debug)]
pub struct FloorFile {
    file: File,
    bytes: u64,
    at: u64,
}

/// Frames of the log begin at multiples of this (wal.md W3), so the floor's writes do too.
const ALIGN: u64 = 64;

impl FloorFile {
    /// Writes `bytes` zeros and syncs them.
    ///
    /// # Errors
    /// What the system says: no room, no permission.
    pub fn create(path: &Path, bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let zeros = vec![0; 1 << 20];
        let mut at = 0;
        while at < bytes {
            let length = (bytes - at).min(zeros.len() as u64);
            file.write_all_at(&zeros[..length as usize], at)?;
            at += length;
        }
        file.sync_all()?;
        Ok(Self { file, bytes, at: 0 })
    }

    /// Writes behind what was written last; starts over at the end.
    ///
    /// # Errors
    /// What `pwrite` says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = (bytes.len() as u64).next_multiple_of(ALIGN);
        if self.at + length > self.bytes {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at)?;
        self.at += length;
        Ok(())
    }

    /// `fdatasync`.
    ///
    /// # Errors
    /// What `fdatasync` says.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// How the floor hashes a batch.
#[derive(Clone, Copy, Debug)]
pub enum Hashing {
    /// (a) One BLAKE3 over the whole batch: the stricter floor, which the bar is judged by.
    Stream,
    /// (b) One BLAKE3 a record: what a log that names each record has to do at least.
    Records {
        /// Bytes before the first record.
        head: usize,
        /// Distance from one record to the next.
        stride: usize,
        /// Bytes of a record that are hashed, its last ones.
        record: usize,
    },
}

fn hash(batch: &[u8], hashing: Hashing) {
    match hashing {
        Hashing::Stream => {
            black_box(blake3::hash(batch));
        }
        Hashing::Records {
            head,
            stride,
            record,
        } => {
            for slot in batch[head..].chunks_exact(stride) {
                black_box(blake3::hash(&slot[stride - record..]));
            }
        }
    }
}

/// Stores all batches durably with at most `in_flight` unanswered; returns the number of fdatasyncs.
///
/// # Errors
/// What the file says.
pub fn run(
    file: &mut FloorFile,
    batches: &[Vec<u8>],
    in_flight: usize,
    hashing: Hashing,
) -> io::Result<u64> {
    if in_flight == 1 {
        for batch in batches {
            hash(batch, hashing);
            file.write(batch)?;
            file.sync()?;
        }
        return Ok(batches.len() as u64);
    }
    thread::scope(|scope| {
        let (to_writer, waiting) = mpsc::sync_channel::<&[u8]>(in_flight);
        let (answer, answered) = mpsc::channel::<usize>();
        let writer = scope.spawn(move || write_waiting(file, &waiting, &answer));
        let mut free = in_flight;
        for batch in batches {
            hash(batch, hashing);
            while free == 0 {
                // A writer that failed drops its end; its error is taken from the join below.
                let Ok(done) = answered.recv() else { break };
                free += done;
            }
            free = free.saturating_sub(1);
            if to_writer.send(batch).is_err() {
                break;
            }
        }
        drop(to_writer);
        writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the floor's writer panicked")))
    })
}

/// Group commit: everything that waits is written, then synced once.
fn write_waiting(
    file: &mut FloorFile,
    waiting: &mpsc::Receiver<&[u8]>,
    answer: &mpsc::Sender<usize>,
) -> io::Result<u64> {
    let mut syncs = 0;
    while let Ok(first) = waiting.recv() {
        file.write(first)?;
        let mut written = 1;
        while let Ok(next) = waiting.try_recv() {
            file.write(next)?;
            written += 1;
        }
        file.sync()?;
        syncs += 1;
        if answer.send(written).is_err() {
            break; // the last answers: nobody is waiting any more
        }
    }
    Ok(syncs)
}
