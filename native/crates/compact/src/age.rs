//! Ageing: a segment becomes Parquet, under a new number, and takes the place of the hot one (Y6, Y16).

use std::sync::Arc;

use pyralog_manifest::{Edit, ManifestError, NewSegment, Replacement, Version};
use pyralog_segment::Segment;

use crate::error::CompactError;
use crate::outputs::{Job, Outputs};
use crate::pace::{Control, Progress};

/// Ages one segment.
pub(crate) fn age(
    job: &Job<'_>,
    input: u64,
    control: &Control<'_>,
) -> Result<Arc<Version>, CompactError> {
    let state = job.version.partition(job.partition);
    let segments = state.map_or(&[][..], |state| state.segments());
    let Some(entry) = segments.iter().find(|entry| entry.number == input) else {
        let conflict = ManifestError::Conflict {
            partition: job.partition,
            detail: format!("segment {input} is not there"),
        };
        return Err(conflict.into());
    };
    let raw = entry.meta.raw_bytes;
    // Read as a whole, checked, and written again.
    control.take(entry.meta.arrow_bytes.saturating_mul(2))?;
    let segment = Segment::open(job.files, job.dir(), &entry.name(), &entry.meta)?;
    let mut outputs = Outputs::new(job.manifest, job.partition);
    let (number, name) = outputs.next();
    let meta = segment.to_parquet(job.files, job.dir(), &name)?;
    let rows = u64::from(meta.rows);
    (control.progress)(&Progress {
        done_bytes: raw,
        total_bytes: raw,
        rows_in: rows,
        rows_out: rows,
    });
    let by = Replacement {
        removed: vec![input],
        segments: vec![NewSegment { number, meta }],
        leaves: Vec::new(),
    };
    outputs.commit(Edit::Replace {
        partition: job.partition,
        by,
    })
}
