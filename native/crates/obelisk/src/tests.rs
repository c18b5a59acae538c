//! Crashes and clocks against the promise that no id comes back.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;

use crate::{
    EPOCH_MS, IDS_PER_MS, MS_END, ScarabId, Sequencer, SequencerError, SequencerOptions, SizeFile,
    WindowFile,
};

/// A disk whose last size change may or may not survive a crash.
#[derive(Debug, Default)]
struct Disk {
    durable: u64,
    current: u64,
    fail_next: bool,
}

#[derive(Debug, Clone, Default)]
struct CrashFile(Arc<Mutex<Disk>>);

impl CrashFile {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// What survives: everything durable, and perhaps more.
    fn crash(&self, keep_unsynced: bool) {
        let mut disk = self.disk();
        if keep_unsynced {
            disk.durable = disk.current;
        }
        disk.current = disk.durable;
        disk.fail_next = false;
    }
}

const OPTIONS: SequencerOptions = SequencerOptions {
    coordinator: 7,
    lead_ms_max: 7_200_000,
};

#[derive(Debug, Clone)]
enum Step {
    Issue(u32),
    Ahead,
    Clock(i64),
    Crash { keep_unsynced: bool },
    FailNextReserve,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_u32..40_000).prop_map(Step::Issue),
        4 => (1_u32..3).prop_map(Step::Issue),
        1 => Just(Step::Ahead),
        2 => (-3_600_000_i64..3_600_000).prop_map(Step::Clock),
        3 => (-5_i64..2_000).prop_map(Step::Clock),
        2 => any::<bool>().prop_map(|keep_unsynced| Step::Crash { keep_unsynced }),
        1 => Just(Step::FailNextReserve),
    ];
    prop::collection::vec(step, 1..60)
}

/// Runs the steps and returns what broke, if anything. `first` is where a restart begins (the mutant lies here).
fn run(steps: &[Step], first: fn(u64) -> u64) -> Result<u64, String> {
    let disk = CrashFile::default();
    let open = || Sequencer::open_at(disk.clone(), OPTIONS, first).unwrap();
    let mut sequencer = open();
    let (mut wall, mut last, mut issued) = (EPOCH_MS + 86_400_000, None::<u64>, 0);
    for step in steps {
        match step {
            Step::Issue(count) => match sequencer.issue(*count, wall) {
                Ok(runs) => {
                    for run in runs {
                        if last.is_some_and(|last| run.first <= last) {
                            return Err(format!("id {} after {last:?}", run.first));
                        }
                        last = Some(run.first + u64::from(run.count) - 1);
                        issued += u64::from(run.count);
                    }
                }
                // The process lives on and asks again; what was not durable is lost at the next crash.
                Err(SequencerError::Io(_)) => {}
                Err(SequencerError::ClockBehind {
                    lead_ms,
                    lead_ms_max,
                }) => {
                    if lead_ms <= lead_ms_max {
                        return Err("refused within the lead".into());
                    }
                }
                Err(other) => return Err(other.to_string()),
            },
            Step::Ahead => {
                // A failure shows when ids are issued.
                let _ = sequencer.reserve_ahead(wall);
            }
            Step::Clock(by) => wall = wall.saturating_add_signed(*by).max(EPOCH_MS),
            Step::Crash { keep_unsynced } => {
                disk.crash(*keep_unsynced);
                sequencer = open();
            }
            Step::FailNextReserve => disk.disk().fail_next = true,
        }
    }
    Ok(issued)
}

impl WindowFile for CrashFile {
    fn windows(&self) -> io::Result<u64> {
        Ok(self.disk().current)
    }

    fn reserve(&mut self, windows: u64) -> io::Result<()> {
        let mut disk = self.disk();
        // Like a page cache: a size that is there already is no change, so a sync has nothing to write and succeeds.
        if windows <= disk.current {
            return Ok(());
        }
        disk.current = windows;
        if std::mem::take(&mut disk.fail_next) {
            return Err(io::Error::other(
                "injected: the size may or may not be durable",
            ));
        }
        disk.durable = disk.current;
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_id_ever_comes_back(steps in steps()) {
        run(&steps, |windows| windows).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn packing_is_lossless(ms in 0..MS_END, coordinator in 0_u16..1_024, sequence in 0_u16..8_192) {
        let id = ScarabId { ms, coordinator, sequence };
        prop_assert_eq!(ScarabId::unpack(id.pack()), id);
    }
}

#[test]
fn the_checker_sees_a_restart_in_the_same_window() {
    let steps = [
        Step::Issue(100),
        Step::Crash {
            keep_unsynced: false,
        },
        Step::Issue(100),
    ];
    assert!(run(&steps, |windows| windows.saturating_sub(1)).is_err());
    assert_eq!(run(&steps, |windows| windows).unwrap(), 200);
}

#[test]
fn a_failed_reservation_is_not_believed_when_asked_again() {
    let steps = [
        Step::FailNextReserve,
        Step::Issue(100),
        Step::Issue(100),
        Step::Crash {
            keep_unsynced: false,
        },
        Step::Issue(100),
    ];
    assert_eq!(run(&steps, |windows| windows).unwrap(), 200);
}

#[test]
fn a_clock_set_back_an_hour_goes_on_logically() {
    let mut sequencer = Sequencer::open(CrashFile::default(), OPTIONS).unwrap();
    let noon = EPOCH_MS + 43_200_000;
    let before = sequencer.issue(1, noon).unwrap()[0].first;
    let after = sequencer.issue(1, noon - 3_600_000).unwrap()[0].first;
    assert!(after > before);
    let error = sequencer.issue(1, noon - 7_300_000).unwrap_err();
    assert!(
        matches!(
            error,
            SequencerError::ClockBehind {
                lead_ms: 7_300_000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn bursts_move_logical_time_on_and_the_lead_bounds_them() {
    let mut sequencer = Sequencer::open(CrashFile::default(), OPTIONS).unwrap();
    let wall = EPOCH_MS + 1_000_000;
    let runs = sequencer.issue(3 * IDS_PER_MS as u32 + 1, wall).unwrap();
    assert_eq!(runs.len(), 4);
    assert_eq!(ScarabId::unpack(runs[3].first).ms, 1_000_003);
    assert_eq!(ScarabId::unpack(runs[3].first).coordinator, 7);
    assert_eq!(ScarabId::unpack(runs[3].first).unix_ms(), wall + 3);
}

#[test]
fn reserving_ahead_means_issuing_does_not_wait() {
    let disk = CrashFile::default();
    let mut sequencer = Sequencer::open(disk.clone(), OPTIONS).unwrap();
    let wall = EPOCH_MS + 5_000;
    assert!(sequencer.wants_reserve(wall));
    sequencer.reserve_ahead(wall).unwrap();
    assert!(!sequencer.wants_reserve(wall));
    disk.disk().fail_next = true;
    sequencer.issue(1, wall + 1_024).unwrap();
    assert!(disk.disk().fail_next, "the disk was not asked");
}

#[test]
fn ids_of_an_earlier_leader_are_passed() {
    let mut sequencer = Sequencer::open(CrashFile::default(), OPTIONS).unwrap();
    let foreign = ScarabId {
        ms: 9_000,
        coordinator: 1_023,
        sequence: 8_191,
    }
    .pack();
    sequencer.advance_past(foreign);
    assert!(sequencer.issue(1, EPOCH_MS + 100).unwrap()[0].first > foreign);
}

#[test]
fn clocks_and_coordinators_out_of_range_are_refused() {
    let mut sequencer = Sequencer::open(CrashFile::default(), OPTIONS).unwrap();
    for wall_ms in [0, EPOCH_MS - 1, EPOCH_MS + MS_END] {
        assert!(matches!(
            sequencer.issue(1, wall_ms),
            Err(SequencerError::ClockRange { .. })
        ));
    }
    let options = SequencerOptions {
        coordinator: 1_024,
        ..OPTIONS
    };
    let refused = Sequencer::open(CrashFile::default(), options);
    assert!(matches!(
        refused.err(),
        Some(SequencerError::Coordinator(1_024))
    ));
}

#[test]
fn the_size_of_a_real_file_is_the_counter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sequencer");
    let wall = EPOCH_MS + 50 * 1_024;
    let mut sequencer = Sequencer::open(SizeFile::open(&path).unwrap(), OPTIONS).unwrap();
    let first = sequencer.issue(1, wall).unwrap()[0].first;
    drop(sequencer);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 51);
    let mut again = Sequencer::open(SizeFile::open(&path).unwrap(), OPTIONS).unwrap();
    let second = again.issue(1, wall).unwrap()[0].first;
    assert!(second > first);
    assert_eq!(ScarabId::unpack(second).ms, 51 * 1_024);
}
