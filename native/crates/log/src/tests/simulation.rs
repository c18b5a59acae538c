//! Random runs over a simulated disk: crashes at any call, torn and reordered writes, failing calls, a full disk.
//! `RUNS=… SEED=… cargo test -p pyralog-log simulation` repeats or prolongs them.

use super::model::{Model, Random};
use super::{open, variable};
use crate::{FaultCounts, FaultFiles, LogError, OpenLog, Reclaimer};

/// One life of the log, from opening to stop or crash, and what the outside world was told.
pub(crate) struct Run {
    pub disk: FaultFiles,
    random: Random,
    /// What was acknowledged.
    acknowledged: Model,
    /// What the frames that were written and not acknowledged would make of it, by their numbers.
    in_flight: Vec<(u64, Model)>,
    /// The last life ended in an orderly way.
    stopped: bool,
    /// What the last life left in a stop file, if it got that far, and whether it must be found.
    left: Option<(Vec<u8>, bool)>,
    pub stops: u64,
    pub cuts: u64,
    pub refusals: u64,
    pub reclaimed: u64,
    pub moved: u64,
    /// Openings that found some of several unsynced frames, and not all of them.
    pub parts: u64,
}

impl Run {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            disk: FaultFiles::new(seed ^ 0xd15c),
            random: Random(seed),
            acknowledged: Model::default(),
            in_flight: Vec::new(),
            stopped: false,
            left: None,
            stops: 0,
            cuts: 0,
            refusals: 0,
            reclaimed: 0,
            moved: 0,
            parts: 0,
        }
    }

    /// Everything staged so far.
    fn latest(&self) -> Model {
        let latest = self.in_flight.last().map(|(_, model)| model);
        latest.unwrap_or(&self.acknowledged).clone()
    }

    /// Frames up to this number are acknowledged.
    fn acknowledge(&mut self, synced: u64) {
        let count = self
            .in_flight
            .partition_point(|(number, _)| *number <= synced);
        if let Some((_, model)) = self.in_flight.drain(..count).next_back() {
            self.acknowledged = model;
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
            // A fault that no call has met: this life was to meet it.
            self.disk.disarm();
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
            Err(_) if self.disk.is_off() => {
                self.may_be_gone();
                return Ok(());
            }
            Err(error) => return Err(format!("opening failed: {error}")),
        };
        // Reading happens after the power is back.
        if self.disk.is_off() {
            self.may_be_gone();
            return Ok(());
        }
        self.check_opening(&log)?;
        self.stopped = false;
        for _ in 0..self.random.below(25) {
            if self.act(&mut log)?.is_none() {
                return Ok(());
            }
        }
        if self.random.one_in(3) {
            self.stopped = log.committer.mark_stop().is_ok();
        } else if self.random.one_in(2) {
            let state = self.random.bytes(20);
            self.stopped = log.committer.stop(&state).is_ok();
            self.left = Some((state, self.stopped));
        }
        if self.stopped {
            self.acknowledge(u64::MAX);
            let written = self.acknowledged != Model::default();
            self.left.iter_mut().for_each(|(_, due)| *due &= written);
        }
        Ok(())
    }

    /// A stop file is found by the opening behind the stop, and by none else (W17).
    fn check_stop(&mut self, log: &OpenLog) -> Result<(), String> {
        let left = self.left.take();
        self.stops += u64::from(log.stopped.is_some());
        match (&log.stopped, &left) {
            (Some(found), Some((state, _))) if found == state => Ok(()),
            (Some(_), _) => Err("a stop file of another life is believed".into()),
            (None, Some((_, true))) => Err("the log was read though it was stopped".into()),
            (None, _) => Ok(()),
        }
    }

    /// The power failed while a log was opened: whether that got as far as to remove the stop file, nobody knows.
    fn may_be_gone(&mut self) {
        self.left.iter_mut().for_each(|(_, due)| *due = false);
    }

    /// Everything acknowledged is there, byte for byte, and nothing else but the first of the frames in flight, whole.
    fn check_opening(&mut self, log: &OpenLog) -> Result<(), String> {
        if let Some(damage) = &log.recovery.damage {
            return Err(format!("a crash was taken for damage: {damage}"));
        }
        check_live(log)?;
        let found = match Model::read(log.reader.as_ref()) {
            Ok(found) => found,
            Err(_) if self.disk.is_off() => return Ok(()),
            Err(reason) => return Err(reason),
        };
        self.check_stop(log)?;
        let in_flight = std::mem::take(&mut self.in_flight);
        let kept = in_flight.iter().rposition(|(_, model)| *model == found);
        self.parts += u64::from(kept.is_some_and(|kept| kept + 1 < in_flight.len()));
        if found != self.acknowledged {
            if kept.is_none() {
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
            // What is moved must be durable, and must not be cut meanwhile.
            8 if self.in_flight.is_empty() => return self.write_again(log),
            _ => {}
        }
        let mut after = self.latest();
        for _ in 0..=self.random.below(3) {
            match after.stage(log.store.as_mut(), &mut self.random) {
                Ok(()) => {}
                Err(LogError::FrameFull { .. }) => break,
                Err(_) => return Ok(None),
            }
        }
        self.commit(log, after)
    }

    fn commit(&mut self, log: &mut OpenLog, mut after: Model) -> Result<Option<()>, String> {
        let Some(frame) = log.store.seal() else {
            return Ok(Some(()));
        };
        self.in_flight.push((frame.sequence(), after.clone()));
        let synced = if self.random.one_in(3) {
            log.committer.write(frame)
        } else {
            log.committer.commit(frame)
        };
        let Ok(committed) = synced else {
            let answer = after.stage(log.store.as_mut(), &mut self.random);
            return match answer {
                Err(LogError::Poisoned(_)) => Ok(None),
                other => Err(format!("a poisoned log answers {other:?}")),
            };
        };
        self.acknowledge(committed.synced);
        check_live(log)?;
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
        let after = self.latest();
        self.commit(log, after)
    }

    /// No room for another file: refused before anything is written, and over as soon as there is room (W10).
    fn fill_disk(&mut self, log: &mut OpenLog) -> Result<Option<()>, String> {
        self.disk.set_capacity(1);
        let mut after = self.latest();
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

/// What decides which files may go is what the entries say.
fn check_live(log: &OpenLog) -> Result<(), String> {
    let reclaimer = log.reclaimer.as_ref();
    let said = reclaimer.map_or(0, |reclaimer| reclaimer.usage().live_bytes);
    let counted = reclaimer.map_or(0, Reclaimer::counted);
    if said != counted {
        return Err(format!("{said} bytes are said to be live, not {counted}"));
    }
    Ok(())
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
    let (mut parts, mut stops) = (0, 0);
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
        parts += run.parts;
        stops += run.stops;
    }
    if runs >= 500 {
        let silent = total.silent(&["no space", "bit flips", "misdirected"]);
        assert!(
            silent.is_empty()
                && [cuts, refusals, reclaimed, moved, parts, stops]
                    .iter()
                    .all(|count| *count > 0),
            "never fired: {silent:?}; {cuts} cuts, {refusals} refusals, {reclaimed} reclaimed, {moved} moved, {parts} parts, {stops} stops"
        );
    }
}
