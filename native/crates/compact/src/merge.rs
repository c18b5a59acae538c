//! Merging neighbours, and keeping only the latest row of each key on the way (Y13, Y16).

use std::ops::Range;
use std::sync::Arc;

use pyralog_manifest::{Edit, NewLeaves, NewSegment, Replacement, SegmentEntry, Version};
use pyralog_merkle::{Blake3Tree, Sha256Tree, TreeHash};
use pyralog_segment::{Row, Segment, SegmentBuilder, SegmentRow};
use pyralog_types::Hash;

use crate::error::CompactError;
use crate::latest::Latest;
use crate::leaves::LeavesToWrite;
use crate::mutant::{Mutant, on};
use crate::outputs::{Job, Outputs};
use crate::pace::{Control, Progress};
use crate::plan::Facts;

/// Bytes that a row has in a segment beside its key, headers and value: its numbers, its leaf hash, its place in the columns
/// and in the indexes.
const ROW_BYTES: u64 = 96;
/// Rows between two looks at the clock and the caller.
const STEP_ROWS: u64 = 4096;

/// Leaf hashes of neighbouring rows whose segments go.
struct Stretch {
    base_offset: u64,
    hashes: Vec<Hash>,
    sha256: Vec<Hash>,
}

struct Merge<'a> {
    job: &'a Job<'a>,
    control: &'a Control<'a>,
    entries: Vec<Arc<SegmentEntry>>,
    range: Range<u64>,
    /// Rows are missing in what comes out, so leaf hashes are kept apart.
    gaps: bool,
    sha256: bool,
    progress: Progress,
    /// Raw bytes read since the bucket was asked.
    unpaid: u64,
    stretches: Vec<Stretch>,
}

/// Merges segments into one, dropping superseded rows when `latest`.
pub(crate) fn merge(
    job: &Job<'_>,
    (inputs, latest): (&[u64], bool),
    facts: &Facts,
    control: &Control<'_>,
) -> Result<Arc<Version>, CompactError> {
    let state = job.version.partition(job.partition);
    let state = state.ok_or_else(|| stale(job, inputs))?;
    let entries: Vec<_> = inputs
        .iter()
        .filter_map(|number| {
            state
                .segments()
                .iter()
                .find(|entry| entry.number == *number)
        })
        .cloned()
        .collect();
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(stale(job, inputs));
    };
    if entries.len() != inputs.len() {
        return Err(stale(job, inputs));
    }
    let range = first.meta.base_offset..last.meta.end_offset;
    let apart = entries
        .windows(2)
        .any(|pair| pair[0].meta.end_offset != pair[1].meta.base_offset);
    let total_bytes = entries.iter().map(|entry| entry.meta.raw_bytes).sum();
    let mut merge = Merge {
        job,
        control,
        gaps: latest || apart || entries.iter().any(|entry| entry.meta.compacted),
        sha256: facts.sha256,
        progress: Progress {
            total_bytes,
            ..Progress::default()
        },
        unpaid: 0,
        stretches: Vec::new(),
        entries,
        range,
    };
    let before = facts.now_ms.saturating_sub(state.policy().tombstone_ms);
    merge.run(latest.then_some(before))
}

fn stale(job: &Job<'_>, inputs: &[u64]) -> CompactError {
    let conflict = pyralog_manifest::ManifestError::Conflict {
        partition: job.partition,
        detail: format!("segments {inputs:?} are not all there"),
    };
    conflict.into()
}

impl Merge<'_> {
    fn run(&mut self, tombstones_ms: Option<u64>) -> Result<Arc<Version>, CompactError> {
        let open = |entry: &Arc<SegmentEntry>| {
            Segment::open(self.job.files, self.job.dir(), &entry.name(), &entry.meta)
        };
        let segments: Vec<Segment> = self.entries.iter().map(open).collect::<Result<_, _>>()?;
        let latest = match tombstones_ms {
            Some(before) => Some(self.survey(&segments, before)?),
            None => None,
        };
        let mut builder = if self.gaps {
            SegmentBuilder::compacted(self.range.clone())
        } else {
            SegmentBuilder::new(self.range.start)
        };
        for segment in &segments {
            self.copy(segment, latest.as_ref(), &mut builder)?;
        }
        self.finish(builder)
    }

    /// Reads all keys of the run.
    fn survey(&mut self, segments: &[Segment], before: u64) -> Result<Latest, CompactError> {
        // Keys are read twice; that counts as bytes read, but not as progress.
        let rows = segments
            .iter()
            .map(|segment| u64::from(segment.meta().rows));
        let known = (rows.sum(), before);
        let mut latest = Latest::new(self.job, (self.range.start, self.range.end), known)?;
        for segment in segments {
            for (at, row) in (1_u64..).zip(segment.rows_from(segment.meta().base_offset)?) {
                let row = row?;
                self.unpaid += row.key.as_ref().map_or(0, |key| key.len() as u64);
                latest.note(&row);
                if at.is_multiple_of(STEP_ROWS) {
                    self.pay()?;
                }
            }
        }
        Ok(latest)
    }

    fn copy(
        &mut self,
        segment: &Segment,
        latest: Option<&Latest>,
        builder: &mut SegmentBuilder,
    ) -> Result<(), CompactError> {
        // A compacted segment's leaf hashes are in leaves files already.
        let keeps_hashes = self.gaps && !segment.meta().compacted;
        for row in segment.rows_from(segment.meta().base_offset)? {
            let row = row?;
            let record = row.leaf();
            let leaf = record.to_bytes();
            if Blake3Tree::leaf(&leaf) != row.leaf_hash && !on(Mutant::TrustRows) {
                return Err(CompactError::Row {
                    partition: self.job.partition,
                    offset: row.offset,
                });
            }
            if keeps_hashes {
                let wanted = self.sha256 && !on(Mutant::ForgetSha256);
                let sha256 = wanted.then(|| Sha256Tree::leaf(&leaf));
                self.keep_hash(&row, sha256);
            }
            self.progress.rows_in += 1;
            let bytes = row.raw_bytes() as u64;
            self.progress.done_bytes += bytes;
            self.unpaid += bytes + ROW_BYTES;
            if latest.map_or(Ok(true), |latest| latest.keeps(&row, &record.key_hash))? {
                self.progress.rows_out += 1;
                self.unpaid += bytes + ROW_BYTES;
                builder.push(&Row {
                    leaf: &leaf,
                    leaf_hash: row.leaf_hash,
                    key: row.key.as_deref(),
                    headers: row.headers.as_deref(),
                    value: &row.value,
                })?;
            }
            if self.progress.rows_in.is_multiple_of(STEP_ROWS) {
                self.pay()?;
                (self.control.progress)(&self.progress);
            }
        }
        self.pay()
    }

    fn keep_hash(&mut self, row: &SegmentRow<'_>, sha256: Option<Hash>) {
        let follows = |stretch: &&mut Stretch| {
            stretch.base_offset + stretch.hashes.len() as u64 == row.offset
        };
        if let Some(stretch) = self.stretches.last_mut().filter(follows) {
            stretch.hashes.push(row.leaf_hash);
            stretch.sha256.extend(sha256);
        } else {
            self.stretches.push(Stretch {
                base_offset: row.offset,
                hashes: vec![row.leaf_hash],
                sha256: sha256.into_iter().collect(),
            });
        }
    }

    /// Takes what was read, and will be written, from the bucket.
    fn pay(&mut self) -> Result<(), CompactError> {
        self.control.take(std::mem::take(&mut self.unpaid))
    }

    fn finish(&mut self, builder: SegmentBuilder) -> Result<Arc<Version>, CompactError> {
        let mut outputs = Outputs::new(self.job.manifest, self.job.partition);
        let mut by = Replacement {
            removed: self.entries.iter().map(|entry| entry.number).collect(),
            ..Replacement::default()
        };
        if builder.rows() > 0 {
            let (number, name) = outputs.next();
            let meta = builder.finish(self.job.files, self.job.dir(), &name)?;
            by.segments.push(NewSegment { number, meta });
        }
        self.pay()?;
        for stretch in self.stretches.drain(..) {
            self.control
                .take(32 * (stretch.hashes.len() + stretch.sha256.len()) as u64)?;
            by.leaves.push(write(self.job, &mut outputs, &stretch)?);
        }
        (self.control.progress)(&self.progress);
        outputs.commit(Edit::Replace {
            partition: self.job.partition,
            by,
        })
    }
}

fn write(
    job: &Job<'_>,
    outputs: &mut Outputs<'_>,
    stretch: &Stretch,
) -> Result<NewLeaves, CompactError> {
    let (number, name) = outputs.next();
    let leaves = LeavesToWrite {
        partition: job.partition,
        base_offset: stretch.base_offset,
        hashes: &stretch.hashes,
        sha256: &stretch.sha256,
    };
    leaves.write(job.files, job.dir(), (&name, number))
}
