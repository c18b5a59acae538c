//! The sequencer: logical time, windows, runs of ids (S2–S6). No clock inside: callers say what time it is.

use std::io;

use thiserror::Error;

use crate::scarab::{COORDINATOR_MAX, EPOCH_MS, IDS_PER_MS, MS_END, ScarabId};
use crate::window::WindowFile;

/// Milliseconds of a window, as a shift (S2).
const WINDOW_SHIFT: u32 = 10;

/// Why no id was issued.
#[derive(Debug, Error)]
pub enum SequencerError {
    /// Logical time is too far ahead of the wall clock (S4). Retry later.
    #[error(
        "ids are {lead_ms} ms ahead of the clock (at most {lead_ms_max} are allowed): the clock was set back, or too \
         many ids were issued; check the clock, or wait"
    )]
    ClockBehind {
        /// How far ahead.
        lead_ms: u64,
        /// How far is allowed.
        lead_ms_max: u64,
    },
    /// The wall clock is outside the range of ids.
    #[error("the clock says {wall_ms} ms since 1970, outside the years 2026 to 2095 of Scarab ids")]
    ClockRange {
        /// Unix milliseconds.
        wall_ms: u64,
    },
    /// Coordinator numbers end at 1023 (S7).
    #[error("coordinator {0} does not exist: 0 to {COORDINATOR_MAX} do")]
    Coordinator(u16),
    /// A window could not be reserved; nothing was issued from it.
    #[error("sequencer file: {0}")]
    Io(#[from] io::Error),
}

/// Consecutive ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First id.
    pub first: u64,
    /// How many.
    pub count: u32,
}

/// How a sequencer behaves.
#[derive(Debug, Clone, Copy)]
pub struct SequencerOptions {
    /// Number of this sequencer in its cluster (S7).
    pub coordinator: u16,
    /// Largest lead of logical time over the wall clock, milliseconds (S4).
    pub lead_ms_max: u64,
}

/// Issues ids that never repeat, whatever is killed and however the clock jumps.
#[derive(Debug)]
pub struct Sequencer<F> {
    file: F,
    options: SequencerOptions,
    /// Logical time since [`EPOCH_MS`], and the next sequence number in it.
    ms: u64,
    sequence: u64,
    /// Windows that are durably reserved.
    reserved: u64,
    /// Largest size whose reservation failed, 0 if none: the file may have it in memory only, where asking for the same
    /// size again changes nothing and so proves nothing.
    doubtful: u64,
}

impl<F: WindowFile> Sequencer<F> {
    /// Starts behind everything that can have been issued before (S3).
    ///
    /// # Errors
    /// `Coordinator`, `Io`.
    pub fn open(file: F, options: SequencerOptions) -> Result<Self, SequencerError> {
        Self::open_at(file, options, |windows| windows)
    }

    /// `first` says in which window to begin, given those reserved; only the mutant in the tests says otherwise.
    pub(crate) fn open_at(
        file: F,
        options: SequencerOptions,
        first: impl Fn(u64) -> u64,
    ) -> Result<Self, SequencerError> {
        if options.coordinator > COORDINATOR_MAX {
            return Err(SequencerError::Coordinator(options.coordinator));
        }
        let reserved = file.windows()?;
        Ok(Self {
            file,
            options,
            ms: first(reserved) << WINDOW_SHIFT,
            sequence: 0,
            reserved,
            doubtful: 0,
        })
    }

    /// Issues `count` ids, as few runs as their milliseconds allow. Reserves windows that it enters, which waits for the
    /// disk unless [`Sequencer::reserve_ahead`] came before.
    ///
    /// # Errors
    /// `ClockBehind` and `ClockRange` before anything is issued, `Io` when a window cannot be reserved.
    pub fn issue(&mut self, count: u32, wall_ms: u64) -> Result<Vec<Run>, SequencerError> {
        let (start, windows) = self.place(count, wall_ms)?;
        self.reserve(windows)?;
        (self.ms, self.sequence) = start;
        let mut runs = Vec::with_capacity(2);
        let mut left = u64::from(count);
        while left > 0 {
            if self.sequence == IDS_PER_MS {
                self.ms += 1;
                self.sequence = 0;
            }
            let now = left.min(IDS_PER_MS - self.sequence);
            runs.push(Run {
                first: self.id(),
                count: now as u32,
            });
            self.sequence += now;
            left -= now;
        }
        Ok(runs)
    }

    /// Windows that must be reserved for the next `count` ids: who shares the file can have them reserved without holding
    /// up those who take ids meanwhile.
    ///
    /// # Errors
    /// `ClockBehind` and `ClockRange`, as [`Sequencer::issue`].
    pub fn windows_for(&self, count: u32, wall_ms: u64) -> Result<u64, SequencerError> {
        Ok(self.place(count, wall_ms)?.1)
    }

    /// Where the next `count` ids begin (millisecond and number in it), and how many windows they need. Refuses before
    /// anything is issued.
    fn place(&self, count: u32, wall_ms: u64) -> Result<((u64, u64), u64), SequencerError> {
        let wall = since_epoch(wall_ms)?;
        let start = if wall > self.ms {
            (wall, 0)
        } else {
            (self.ms, self.sequence)
        };
        let last_ms = start.0 + (start.1 + u64::from(count).max(1) - 1) / IDS_PER_MS;
        let lead_ms = last_ms.saturating_sub(wall);
        if lead_ms > self.options.lead_ms_max {
            return Err(SequencerError::ClockBehind {
                lead_ms,
                lead_ms_max: self.options.lead_ms_max,
            });
        }
        if last_ms >= MS_END {
            return Err(SequencerError::ClockRange { wall_ms });
        }
        Ok((start, (last_ms >> WINDOW_SHIFT) + 1))
    }

    /// Reserves the window behind the current one (S6). Call it in quiet moments, at least once a window.
    ///
    /// # Errors
    /// `ClockRange`, `Io`.
    pub fn reserve_ahead(&mut self, wall_ms: u64) -> Result<(), SequencerError> {
        let windows = self.windows_ahead(wall_ms)?;
        self.reserve(windows)
    }

    /// Windows that are reserved after [`Sequencer::reserve_ahead`].
    ///
    /// # Errors
    /// `ClockRange`.
    pub fn windows_ahead(&self, wall_ms: u64) -> Result<u64, SequencerError> {
        let now = since_epoch(wall_ms)?.max(self.ms);
        Ok((now >> WINDOW_SHIFT) + 2)
    }

    /// Whether [`Sequencer::reserve_ahead`] would wait for the disk.
    #[must_use]
    pub fn wants_reserve(&self, wall_ms: u64) -> bool {
        let wall = wall_ms.saturating_sub(EPOCH_MS);
        (wall.max(self.ms) >> WINDOW_SHIFT) + 2 > self.reserved
    }

    /// The largest id that can have been issued is below this.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        if self.sequence < IDS_PER_MS {
            return self.id();
        }
        let next = ScarabId {
            ms: self.ms + 1,
            coordinator: self.options.coordinator,
            sequence: 0,
        };
        next.pack()
    }

    /// Moves logical time behind `id`, when it is not yet: the log may hold ids of an earlier leader (L5).
    pub fn advance_past(&mut self, id: u64) {
        let seen = ScarabId::unpack(id);
        if self.next_id() <= id {
            self.ms = seen.ms + 1;
            self.sequence = 0;
        }
    }

    fn id(&self) -> u64 {
        let id = ScarabId {
            ms: self.ms,
            coordinator: self.options.coordinator,
            sequence: self.sequence as u16,
        };
        id.pack()
    }

    fn reserve(&mut self, windows: u64) -> Result<(), SequencerError> {
        if windows <= self.reserved {
            return Ok(());
        }
        // Behind a failed reservation only a larger one counts (S2): it changes the file, so its sync says something.
        let windows = match self.doubtful {
            0 => windows,
            doubtful => windows.max(doubtful + 1),
        };
        if let Err(error) = self.file.reserve(windows) {
            self.doubtful = windows;
            return Err(error.into());
        }
        self.reserved = windows;
        self.doubtful = 0;
        Ok(())
    }
}

fn since_epoch(wall_ms: u64) -> Result<u64, SequencerError> {
    match wall_ms.checked_sub(EPOCH_MS) {
        Some(wall) if wall < MS_END => Ok(wall),
        _ => Err(SequencerError::ClockRange { wall_ms }),
    }
}
