//! Segments, their sidecars, and leaves files (H6, H9, Y8, Y9); what a running node quarantined (Z48) is looked at again.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_compact::LeavesFile;
use pyralog_manifest::{LeavesEntry, SEGMENTS_DIR, SegmentEntry, Version};
use pyralog_segment::{Segment, SegmentError};

use crate::check::RESTORE;
use crate::error::RepairError;
use crate::referred::Referred;
use crate::report::{Control, Finding, Mend, Report, Severity};
use crate::store::Store;

/// Looks through every segment and leaves file that the manifest names, and gathers what their records refer to.
pub(crate) fn check(
    (store, version): (&Store, &Version),
    control: &Control,
    report: &mut Report,
    referred: &mut Referred,
) -> Result<(), RepairError> {
    let dir = store.dir.join(SEGMENTS_DIR);
    for (number, partition) in version.partitions() {
        for entry in partition.segments() {
            control.stage(&format!("segment {} of partition {number}", entry.number))?;
            let one = One {
                store,
                dir: &dir,
                entry,
            };
            one.check(report, referred);
            control.add(entry.meta.arrow_bytes + entry.meta.side_bytes)?;
        }
        for entry in partition.leaves() {
            leaves(store, &dir, entry, report);
            control.add(0)?;
        }
    }
    Ok(())
}

struct One<'a> {
    store: &'a Store,
    dir: &'a Path,
    entry: &'a Arc<SegmentEntry>,
}

impl One<'_> {
    fn paths(&self) -> [PathBuf; 2] {
        let files = self.entry.meta.kind.files(&self.entry.name());
        files.map(|file| self.dir.join(file))
    }

    fn check(&self, report: &mut Report, referred: &mut Referred) {
        let (name, meta) = (self.entry.name(), &self.entry.meta);
        match Segment::open(self.store.files.as_ref(), self.dir, &name, meta) {
            Ok(segment) => {
                self.verify(&segment, report);
                self.refer(&segment, referred);
            }
            Err(SegmentError::Side { what, .. }) => self.without_side(&what, report, referred),
            Err(SegmentError::Damaged { offsets, what, .. }) => {
                self.damaged(vec![offsets], &what, report);
            }
            Err(error) => self.damaged(vec![self.entry.range()], &error.to_string(), report),
        }
    }

    fn verify(&self, segment: &Segment, report: &mut Report) {
        let found = segment.verify();
        let (side, rows): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|damage| damage.offsets.is_empty());
        if let Some(first) = rows.first() {
            let ranges = rows.iter().map(|damage| damage.offsets.clone()).collect();
            self.damaged(ranges, &first.what, report);
        }
        if rows.is_empty() && !self.entry.quarantined.is_empty() {
            let [data, _] = self.paths();
            let what = "every row is sound, and some are quarantined";
            let finding = Finding::new(Severity::Mendable, self.store.name(&data), what)
                .of(self.entry.partition())
                .at(self.entry.quarantined.clone());
            report.add(
                finding
                    .advise("repair lets them be read again")
                    .mended_by(Mend::Lift {
                        partition: self.entry.partition(),
                        number: self.entry.number,
                    }),
            );
        }
        if let Some(first) = side.first() {
            self.side(&first.what, rows.is_empty(), report);
        }
    }

    fn refer(&self, segment: &Segment, referred: &mut Referred) {
        let rows = segment.rows_from(self.entry.meta.base_offset);
        for row in rows.into_iter().flatten().flatten() {
            let place = (self.entry.partition(), row.offset);
            referred.add(place, row.schema_id, &row.value);
        }
    }

    /// Whether the rows are sound shows when the sidecar is made again, in memory.
    fn without_side(&self, what: &str, report: &mut Report, referred: &mut Referred) {
        let overlay = self.store.overlay();
        let name = self.entry.name();
        let made = Segment::mend_side(&overlay, self.dir, &name, &self.entry.meta);
        match made.and_then(|()| Segment::open(&overlay, self.dir, &name, &self.entry.meta)) {
            Ok(segment) => {
                self.side(what, true, report);
                self.refer(&segment, referred);
            }
            Err(SegmentError::Damaged {
                offsets,
                what: also,
                ..
            }) => {
                // Without its checksums nobody can tell which rows are sound.
                let _ = offsets;
                let what = format!("{also}, and the sidecar cannot be used: {what}");
                self.damaged(vec![self.entry.range()], &what, report);
            }
            Err(error) => self.damaged(vec![self.entry.range()], &error.to_string(), report),
        }
    }

    fn side(&self, what: &str, sound: bool, report: &mut Report) {
        let [_, side] = self.paths();
        let finding = Finding::new(Severity::Mendable, self.store.name(&side), what)
            .of(self.entry.partition());
        report.add(if sound {
            finding
                .advise("it is made again from its segment, by the node or by repair")
                .mended_by(Mend::Side {
                    partition: self.entry.partition(),
                    number: self.entry.number,
                })
        } else {
            finding.advise("it cannot be made again while its segment is damaged")
        });
    }

    fn damaged(&self, ranges: Vec<Range<u64>>, what: &str, report: &mut Report) {
        let ranges = joined(ranges, &self.entry.range());
        let known = ranges.iter().all(|range| covered(self.entry, range));
        let severity = if known {
            Severity::Note
        } else {
            Severity::Damage
        };
        let [data, _] = self.paths();
        let finding = Finding::new(severity, self.store.name(&data), what)
            .of(self.entry.partition())
            .at(ranges.clone());
        report.add(if known {
            finding.advise(format!("quarantined already; {RESTORE} to have these records back"))
        } else {
            let mut all = self.entry.quarantined.clone();
            all.extend(ranges);
            finding
                .advise(format!("repair quarantines these offsets, all others stay readable; {RESTORE} to have them back"))
                .mended_by(Mend::Quarantine {
                    partition: self.entry.partition(),
                    number: self.entry.number,
                    ranges: joined(all, &self.entry.range()),
                })
        });
    }
}

fn covered(entry: &SegmentEntry, range: &Range<u64>) -> bool {
    entry
        .quarantined
        .iter()
        .any(|known| known.start <= range.start && range.end <= known.end)
}

/// In order, apart, and within the segment (Y8).
pub(crate) fn joined(mut ranges: Vec<Range<u64>>, within: &Range<u64>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let range = range.start.max(within.start)..range.end.min(within.end);
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ if range.is_empty() => {}
            _ => out.push(range),
        }
    }
    out
}

fn leaves(store: &Store, dir: &Path, entry: &LeavesEntry, report: &mut Report) {
    let opened = LeavesFile::open(store.files.as_ref(), dir, entry);
    if let Err(error) = opened.and_then(|file| file.verify()) {
        let path = dir.join(format!("{}.leaves", entry.name()));
        let finding = Finding::new(Severity::Damage, store.name(&path), error.to_string());
        report.add(finding.of(entry.partition()).advise(format!(
            "leaf hashes of offsets {} to {} are in no other file: while the node files are sound proofs go on working; {RESTORE}",
            entry.meta.base_offset, entry.meta.end_offset
        )));
    }
}
