//! The thread for what must not hold up a commit: the next log file (W10), the next window of ids (S6), and checkpoints
//! that nobody waits for (N5).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use pyralog_log::{LogError, Preparer, Reclaimer};

use crate::shared::{Nudge, Shared};

/// How often windows are looked at: four times in the life of one (S2).
const LOOK: Duration = Duration::from_millis(250);

/// A log of so many files may be kept for the sake of few entries (W15).
const FILES_KEPT: u64 = 4;
/// Bytes of entries written again with one frame.
const AGAIN_BYTES: u64 = 1 << 20;

pub(crate) struct Background {
    pub shared: Arc<Shared>,
    pub preparer: Option<Preparer>,
    pub reclaimer: Option<Reclaimer>,
    pub nudges: Receiver<Nudge>,
}

impl Background {
    pub fn run(self) {
        let mut wait = Duration::ZERO;
        loop {
            match self.nudges.recv_timeout(wait) {
                Ok(Nudge::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Nudge::Look) | Err(RecvTimeoutError::Timeout) => {}
            }
            wait = self.look();
        }
    }

    /// Returns how long to sleep.
    fn look(&self) -> Duration {
        if self.shared.failure().is_some() {
            return LOOK;
        }
        let wait = self.shared.sign_all_due();
        self.reserve();
        self.reclaim();
        self.prepare();
        wait.map_or(LOOK, |wait| wait.min(LOOK))
    }

    fn reserve(&self) {
        let wall_ms = (self.shared.world.clock)();
        // A failure shows again where ids are issued, with somebody to tell.
        let _ = self.shared.ids.reserve_ahead(wall_ms);
    }

    /// Lets log files go once all in them is released (W13). When most of what the log holds is not needed any more, what
    /// keeps its oldest file is written again with the next frame (W15).
    fn reclaim(&self) {
        let Some(reclaimer) = &self.reclaimer else {
            return;
        };
        if !self.shared.released.swap(false, Ordering::AcqRel) {
            return;
        }
        // A failure shows again where a frame needs a file.
        let _ = reclaimer.reclaim();
        let usage = reclaimer.usage();
        if usage.files > FILES_KEPT && usage.live_bytes * 2 < usage.bytes {
            *self.shared.holding.lock() = reclaimer.holding(AGAIN_BYTES);
        }
    }

    fn prepare(&self) {
        let Some(preparer) = self.preparer.as_ref().filter(|p| p.wanted()) else {
            return;
        };
        match preparer.prepare_next() {
            Ok(_) => self
                .shared
                .counters
                .disk_full
                .store(false, Ordering::Relaxed),
            Err(LogError::DiskFull { .. }) => {
                self.shared
                    .counters
                    .disk_full
                    .store(true, Ordering::Relaxed);
            }
            // Shows again, with its reason, where a frame needs the file.
            Err(_) => {}
        }
    }
}
