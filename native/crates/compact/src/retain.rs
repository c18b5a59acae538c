//! Retention: rows go, their leaf hashes stay until their receipts can be final, then the roots stay (Y7, Y15).

use std::ops::Range;
use std::sync::Arc;

use pyralog_manifest::{Edit, PartitionVersion, Retention, Version};
use pyralog_merkle::{Blake3Tree, Sha256Tree, TreeHash};
use pyralog_types::Hash;

use crate::error::CompactError;
use crate::hashes::{Fresh, LeafHashes, WhichTree};
use crate::leaves::LeavesToWrite;
use crate::outputs::{Job, Outputs};
use crate::pace::Control;
use crate::peaks::Peaks;
use crate::plan::Facts;

/// Moves the beginning of a partition.
pub(crate) fn retain(
    job: &Job<'_>,
    (first_offset, hashes_from): (u64, u64),
    facts: &Facts,
    control: &Control<'_>,
) -> Result<Arc<Version>, CompactError> {
    let state = job
        .version
        .partition(job.partition)
        .cloned()
        .unwrap_or_default();
    let mut outputs = Outputs::new(job.manifest, job.partition);
    let files = Fresh {
        files: job.files,
        dir: job.dir(),
    };
    let hashes = LeafHashes::new(&files, (job.partition, &state));
    let folded = state.hashes_from()..hashes_from;
    let mut to = Retention {
        first_offset,
        hashes_from,
        roots: fold::<Blake3Tree>(
            &hashes,
            (WhichTree::Blake3, state.roots()),
            folded.clone(),
            control,
        )?,
        ..Retention::default()
    };
    if facts.sha256 {
        let old = state.sha256_roots();
        to.sha256_roots = fold::<Sha256Tree>(&hashes, (WhichTree::Sha256, old), folded, control)?;
    }
    for offsets in bare(&state, first_offset, hashes_from) {
        control.take(32 * (offsets.end - offsets.start))?;
        let blake3 = collect(&hashes, WhichTree::Blake3, &offsets)?;
        let sha256 = if facts.sha256 {
            collect(&hashes, WhichTree::Sha256, &offsets)?
        } else {
            Vec::new()
        };
        let (number, name) = outputs.next();
        let leaves = LeavesToWrite {
            partition: job.partition,
            base_offset: offsets.start,
            hashes: &blake3,
            sha256: &sha256,
        };
        to.leaves
            .push(leaves.write(job.files, job.dir(), (&name, number))?);
    }
    outputs.commit(Edit::Retain {
        partition: job.partition,
        to,
    })
}

/// Dropped ranges whose leaf hashes are wanted and in no leaves file yet.
fn bare(state: &PartitionVersion, first_offset: u64, hashes_from: u64) -> Vec<Range<u64>> {
    let dropped = state
        .segments()
        .iter()
        .filter(|segment| segment.meta.end_offset <= first_offset && !segment.meta.compacted);
    dropped
        .map(|segment| segment.meta.base_offset.max(hashes_from)..segment.meta.end_offset)
        .filter(|offsets| !offsets.is_empty())
        .collect()
}

fn collect(
    hashes: &LeafHashes<'_>,
    which: WhichTree,
    offsets: &Range<u64>,
) -> Result<Vec<Hash>, CompactError> {
    let mut all = Vec::with_capacity((offsets.end - offsets.start) as usize);
    hashes.read(which, offsets.clone(), |some| {
        all.extend_from_slice(some);
        Ok(())
    })?;
    Ok(all)
}

/// Roots of the leaves before the end of a range, from those before its beginning.
fn fold<H: TreeHash>(
    hashes: &LeafHashes<'_>,
    (which, roots): (WhichTree, &[Hash]),
    offsets: Range<u64>,
    control: &Control<'_>,
) -> Result<Vec<Hash>, CompactError> {
    let start = offsets.start;
    let mut peaks = Peaks::<H>::resume(start, roots).ok_or(CompactError::NoHash {
        partition: hashes.partition(),
        offset: 0,
        of: " of the SHA-256 tree",
    })?;
    hashes.read(which, offsets, |some| {
        control.take(32 * some.len() as u64)?;
        for leaf in some {
            peaks.push(leaf);
        }
        Ok(())
    })?;
    Ok(peaks.roots().to_vec())
}
