//! Scarab ids and the Obelisk sequencer (docs/spec/scarab.md).
//!
//! An id is a 64-bit number that sorts by time. The sequencer reserves time itself: a window of 1,024 ms is durably
//! reserved, by the size of a file, before any id of it is issued, and a restart begins behind every window that was. So no
//! crash and no clock can bring an id back.
//!
//! ```
//! use pyralog_obelisk::{EPOCH_MS, Sequencer, SequencerOptions, SizeFile};
//!
//! let folder = tempfile::tempdir()?;
//! let file = SizeFile::open(&folder.path().join("sequencer"))?;
//! let options = SequencerOptions { coordinator: 0, lead_ms_max: 7_200_000 };
//! let mut sequencer = Sequencer::open(file, options)?;
//! let runs = sequencer.issue(10_000, EPOCH_MS + 5_000)?;
//! assert_eq!(runs.iter().map(|run| run.count).sum::<u32>(), 10_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod scarab;
mod sequencer;
mod window;

pub use scarab::{COORDINATOR_MAX, EPOCH_MS, IDS_PER_MS, MS_END, ScarabId};
pub use sequencer::{Run, Sequencer, SequencerError, SequencerOptions};
pub use window::{SizeFile, WindowFile};

#[cfg(test)]
mod tests;
