//! Reading and hashing the log's entries on a second core, while those before them are applied: an opening after a crash
//! waits for one of the two only.

use std::ops::RangeInclusive;

use crossbeam_channel::{Sender, bounded};
use pyralog_log::{LogError, LogReader};
use pyralog_partition::Prepared;

/// Bytes of entries handed over at once: what one hand-over costs is nothing beside hashing them.
const BATCH_BYTES: usize = 1 << 20;
/// Batches that wait to be applied.
const WAITING_MAX: usize = 4;

/// An entry out of the log with the hashes of its records.
pub(crate) struct Hashed {
    pub index: u64,
    pub epoch: u32,
    pub bytes: Vec<u8>,
    /// `None` where the bytes are no proposal.
    pub prepared: Option<Prepared>,
}

/// Hands the entries of a group to `apply`, in order.
///
/// # Errors
/// Of reading the log; the entries before the error were handed over.
pub(crate) fn replay_hashed(
    reader: &dyn LogReader,
    group: u32,
    range: RangeInclusive<u64>,
    mut apply: impl FnMut(Hashed),
) -> Result<(), LogError> {
    let (send, batches) = bounded(WAITING_MAX);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || read(reader, group, range, &send));
        for batch in batches {
            Vec::into_iter(batch).for_each(&mut apply);
        }
        match reading.join() {
            Ok(visited) => visited,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn read(
    reader: &dyn LogReader,
    group: u32,
    range: RangeInclusive<u64>,
    send: &Sender<Vec<Hashed>>,
) -> Result<(), LogError> {
    let mut batch = Vec::new();
    let mut waiting = 0;
    let mut ended = false;
    let visited = reader.replay(group, *range.start(), &mut |index, term, bytes| {
        ended = index > *range.end();
        if ended {
            return Err(LogError::Poisoned(
                "this is the end of the range".to_owned(),
            ));
        }
        waiting += bytes.len();
        batch.push(Hashed {
            index,
            epoch: term as u32,
            prepared: Prepared::of_bytes(bytes),
            bytes: bytes.to_vec(),
        });
        if waiting >= BATCH_BYTES {
            waiting = 0;
            hand_over(send, std::mem::take(&mut batch));
        }
        Ok(())
    });
    hand_over(send, batch);
    if ended { Ok(()) } else { visited }
}

fn hand_over(send: &Sender<Vec<Hashed>>, batch: Vec<Hashed>) {
    // Whoever applies is gone only when it panicked; that is told there.
    let _ = send.send(batch);
}
