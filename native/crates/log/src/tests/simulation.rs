//! Random runs over a simulated disk: crashes at any call, torn and reordered writes, failing calls, a full disk.
//! `RUNS=… SEED=… cargo test -p pyralog-log simulation` repeats or prolongs them.

use super::model::{Model, Random};
use super::{open, variable};
use crate::{FaultCounts, FaultFiles, LogError, OpenLog};

/// One life of the log, from opening to stop or crash, and what the outside world was told.
pub(crate) struct Run {
    pub disk: FaultFiles,
    random: Random,
    /// What was acknowledged.
    acknowledged: Model,
    /// What the one unacknowledged frame would make of it.
    in_flight: Option<Model>,
    /// The last life ended in an orderly way.
    stopped: bool,
    pub cuts: u64,
    pub refusals: u64,
    pub reclaimed: u64,
    pub moved: u64,
}

impl Run {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            disk: FaultFiles::new(seed ^ 0xd15c),
            random: Random(seed),
            acknowledged: Model::default(),
            in_flight: None,
            stopped: false,
            cuts: 0,
            refusals: 0,
            reclaimed: 0,
            moved: 0,
        }
    }

    /// A few lives; the text says which promise was broken.
    pub(crate) fn play(&mut self) -> Result<(), String> {
        if self.random.one_in(3) {
            self.disk.allow_short_writes();
        }
        for _ in 0..2 + self.random.below(4) {
            if self.random.one_in(2) {
                let fuse = self.random.below(120);
                self.disk.power_off_after(fuse);
            }
            self.live()?;
            if self.disk.is_off() || self.random.one_in(2) {
                self.disk.crash();
            }
        }
        // The last opening meets no fault.
        self.disk.crash();
        let log = open(&self.disk).map_err(|error| format!("opening failed: {error}"))?;
        self.check_opening(&log)?;
        drop(log);
        let log = open(&self.disk).map_err(|error| format!("opening again failed: {error}"))?;
        if !log.recovery.clean() {
            return Err(format!(
                "the second opening is not clean: {:?}",
                log.recovery
            ));
        }
        self.check_opening(&log)
    }

    fn live(&mut self) -> Result<(), String> {
        let mut log = match open(&self.disk) {
            Ok(log) => log,
            Err(_) if self.disk.is_off() => return Ok(()),
            Err(error) => return Err(format!("opening failed: {error}")),
        };
        // Reading happens after the power is back.
        if self.disk.is_off() {
            return Ok(());
        }
        self.check_opening(&log)?;
        self.stopped = false;
        for _ in 0..self.random.below(25) {
            if self.act(&mut log)?.is_none() {
                return Ok(());
            }
        }
        if self.random.one_in(2) && log.committer.mark_stop().is_ok() {
            self.stopped = true;
        }
        Ok(())
    }

    /// Everything acknowledged is there, byte for byte, and nothing else but the frame that was in flight, whole.
    fn check_opening(&mut self, log: &OpenLog) -> Result<(), String> {
        if let Some(damage) = &log.recovery.damage {
            return Err(format!("a crash was taken for damage: {damage}"));
        }
        let found = match Model::read(log.reader.as_ref()) {
            Ok(found) => found,
            Err(_) if self.disk.is_off() => return Ok(()),
            Err(reason) => return Err(reason),
        };
        let in_flight = self.in_flight.take();
        if found != self.acknowledged {
            if Some(&found) != in_flight.as_ref() {
                return Err("the log holds something else than was acknowledged".into());
            }
            self.acknowledged = found;
        }
        if self.stopped && !log.recovery.clean() {
            return Err(format!("unclean after a stop: {:?}", log.recovery));
        }
        self.cuts += u64::from(log.recovery.cut_bytes > 0);
        Ok(())
    }

    /// One step; `None` when this life is over.
    fn act(&mut self, log: &mut OpenLog) -> Result<Option<()>, String> {
        match self.random.below(18) {
            0 => return Ok(log.committer.mark_idle().ok()),
            1 => {
                if let Some(preparer) = &log.preparer {
                    return Ok(preparer.prepare_next().ok().map(|_| ()));
                }
            }
            2 => self.disk.fail_next_sync(),
            3 => self.disk.fail_next_write(),
            4 => return self.fill_disk(log),
            5..=7 => {
                if let Some(reclaimer) = &log.reclaimer {
                    self.reclaimed += match reclaimer.reclaim() {
                        Ok(files) => files,
                        Err(_) => return Ok(None),
                    };
                }
            }
            8 => return self.write_again(log),
            _ => {}
        }
        let mut after = self.acknowledged.clone();
        for _ in 0..=self.random.below(3) {
            match after.stage(log.store.as_mut(), &mut self.random) {
                Ok(()) => {}
                Err(LogError::FrameFull { .. }) => break,
                Err(_) => return Ok(None),
            }
        }
        self.commit(log, after)
    }

    fn commit(&mut self, log: &mut OpenLog, after: Model) -> Result<Option<()>, String> {
        let Some(frame) = log.store.seal() else {
            return Ok(Some(()));
        };
        if log.committer.commit(frame).is_err() {
            self.in_flight = Some(after.clone());
            let answer = after.clone().stage(log.store.as_mut(), &mut self.random);
            return match answer {
                Err(LogError::Poisoned(_)) => Ok(None),
                other => Err(format!("a poisoned log answers {other:?}")),
            };
        }
        self.acknowledged = after;
        if Model::read(log.reader.as_ref()).is_ok_and(|seen| seen != self.acknowledged) {
            return Err("readers see something else than was acknowledged".into());
        }
        Ok(Some(()))
    }

    /// Entries of the oldest file are written again: nothing changes for readers (W15).
    fn write_again(&mut self, log: &mut OpenLog) -> Result<Option<()>, String> {
        let bytes = 1 + self.random.below(20_000);
        let holding = match &log.reclaimer {
            Some(reclaimer) => reclaimer.holding(bytes),
            None => Vec::new(),
        };
        for (group, index) in holding {
            let entry = match log.reader.entry(group, index) {
                Ok(Some(entry)) => entry,
                Ok(None) => return Err(format!("entry {index} of {group} is not held")),
                Err(_) => return Ok(None),
            };
            match log.store.again(group, &entry) {
                Ok(_) => self.moved += 1,
                Err(LogError::FrameFull { .. }) => break,
                Err(_) => return Ok(None),
            }
        }
        let after = self.acknowledged.clone();
        self.commit(log, after)
    }

    /// No room for another file: refused before anything is written, and over as soon as there is room (W10).
    fn fill_disk(&mut self, log: &mut OpenLog) -> Result<Option<()>, String> {
        self.disk.set_capacity(1);
        let mut after = self.acknowledged.clone();
        let mut refused = false;
        for _ in 0..400 {
            match after.stage(log.store.as_mut(), &mut self.random) {
                Ok(()) => {}
                Err(LogError::DiskFull { .. }) => {
                    refused = true;
                    break;
                }
                Err(LogError::FrameFull { .. }) => break,
                Err(_) => {
                    self.disk.set_capacity(u64::MAX);
                    return Ok(None);
                }
            }
        }
        self.disk.set_capacity(u64::MAX);
        self.refusals += u64::from(refused);
        if refused {
            // What was refused before is taken now.
            match after.stage(log.store.as_mut(), &mut self.random) {
                Ok(()) | Err(LogError::FrameFull { .. }) => {}
                Err(LogError::DiskFull { .. }) => return Err("the disk stays full".into()),
                Err(_) => return Ok(None),
            }
        }
        self.commit(log, after)
    }
}

pub(crate) fn first_failure(seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    seeds
        .into_iter()
        .find_map(|seed| Run::new(seed).play().err().map(|reason| (seed, reason)))
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_invented() {
    let first = variable("SEED").unwrap_or(1);
    let runs = variable("RUNS").unwrap_or(4000);
    let mut total = FaultCounts::default();
    let (mut cuts, mut refusals, mut reclaimed, mut moved) = (0, 0, 0, 0);
    for seed in first..first + runs {
        let mut run = Run::new(seed);
        if let Err(reason) = run.play() {
            panic!("SEED={seed} RUNS=1: {reason}");
        }
        total += run.disk.counts();
        cuts += run.cuts;
        refusals += run.refusals;
        reclaimed += run.reclaimed;
        moved += run.moved;
    }
    if runs >= 500 {
        let silent = total.silent(&["no space", "bit flips", "misdirected"]);
        assert!(
            silent.is_empty()
                && [cuts, refusals, reclaimed, moved]
                    .iter()
                    .all(|count| *count > 0),
            "never fired: {silent:?}; {cuts} cuts, {refusals} refusals, {reclaimed} reclaimed, {moved} moved"
        );
    }
}
