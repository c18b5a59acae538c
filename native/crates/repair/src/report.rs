//! What looking through a store found, and how far work is.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::error::RepairError;

/// How bad a finding is (Z42).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing has to be done.
    Note,
    /// Nothing is lost; `repair` mends it, and often the next start of the node does.
    Mendable,
    /// Something cannot be read, or the node does not take records.
    Damage,
}

impl Severity {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Mendable => "mendable",
            Self::Damage => "damage",
        }
    }
}

/// What `repair` does about a finding (Z44).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mend {
    /// Open the log, which cuts what a crash tore.
    OpenLog,
    /// Open the manifest, which cuts what a crash tore.
    OpenManifest,
    /// Remove a file that was never finished.
    Remove,
    /// Remove files of segments that no version names.
    RemoveOrphans,
    /// Make a segment's sidecar again.
    Side { partition: u32, number: u64 },
    /// Refuse reads of these offsets from now on.
    Quarantine {
        partition: u32,
        number: u64,
        ranges: Vec<Range<u64>>,
    },
    /// Let offsets be read again.
    Lift { partition: u32, number: u64 },
    /// Put a node file made of the records in the place of this one.
    Nodes,
    /// Say that so many windows of ids are reserved.
    Windows(u64),
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// File or directory, relative to the store.
    pub file: String,
    /// The partition it is about, if it is about one.
    pub partition: Option<u32>,
    /// Offsets that cannot be read because of it.
    pub offsets: Vec<Range<u64>>,
    /// What is wrong.
    pub what: String,
    /// What can be done.
    pub advice: String,
    pub(crate) mend: Option<Mend>,
}

impl Finding {
    pub(crate) fn new(
        severity: Severity,
        file: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            file: file.into(),
            partition: None,
            offsets: Vec::new(),
            what: what.into(),
            advice: String::new(),
            mend: None,
        }
    }

    pub(crate) fn of(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub(crate) fn at(mut self, offsets: Vec<Range<u64>>) -> Self {
        self.offsets = offsets;
        self
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    pub(crate) fn mended_by(mut self, mend: Mend) -> Self {
        self.mend = Some(mend);
        self
    }

    /// Whether `repair` does something about it.
    #[must_use]
    pub fn mendable(&self) -> bool {
        self.mend.is_some()
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.name(),
            "file": self.file,
            "partition": self.partition,
            "offsets": ranges_json(&self.offsets),
            "what": self.what,
            "advice": self.advice,
            "repairable": self.mendable(),
        })
    }
}

pub(crate) fn ranges_json(ranges: &[Range<u64>]) -> Value {
    let pairs = ranges
        .iter()
        .map(|range| json!({ "from": range.start, "to": range.end }));
    pairs.collect()
}

/// A partition as far as it can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub partition: u32,
    /// Origin of its checkpoints.
    pub origin: String,
    /// Records that a node would show.
    pub records: u64,
    /// Records that were signed last, according to the log.
    pub signed: u64,
}

/// What [`crate::check`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything found, in the order of reading.
    pub findings: Vec<Finding>,
    /// The partitions, when the store can be opened at all.
    pub partitions: Vec<Seen>,
    /// Why a node would open it for reading only, or not at all.
    pub refused: Option<String>,
    /// Bytes looked at.
    pub bytes: u64,
}

impl Report {
    /// Nothing but notes.
    #[must_use]
    pub fn clean(&self) -> bool {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        worst.is_none_or(|worst| worst == Severity::Note)
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let seen = |seen: &Seen| {
            json!({
                "partition": seen.partition,
                "origin": seen.origin,
                "records": seen.records,
                "signed": seen.signed,
            })
        };
        json!({
            "clean": self.clean(),
            "findings": self.findings.iter().map(Finding::to_json).collect::<Value>(),
            "partitions": self.partitions.iter().map(seen).collect::<Value>(),
            "refused": self.refused,
            "bytes": self.bytes,
        })
    }
}

/// How far work is, and whether it shall end. Shared by whoever works and whoever watches.
#[derive(Debug, Default)]
pub struct Control {
    stage: Mutex<String>,
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl Control {
    /// What is being done, bytes done, and of how many (0: not known yet).
    #[must_use]
    pub fn progress(&self) -> (String, u64, u64) {
        let stage = self.stage.lock().clone();
        let get = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        (stage, get(&self.done), get(&self.total))
    }

    /// Ends the work at the next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn stage(&self, stage: &str) -> Result<(), RepairError> {
        stage.clone_into(&mut self.stage.lock());
        self.add(0)
    }

    pub(crate) fn add(&self, bytes: u64) -> Result<(), RepairError> {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(RepairError::Cancelled);
        }
        Ok(())
    }
}
