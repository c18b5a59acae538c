//! The list of a partition's sealed files as they are now (RF15).

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{File, OpenMode};
use pyralog_manifest::PartitionVersion;
use pyralog_types::Hash;

use super::incoming::hash_of;
use super::list::{FileList, LeavesFigures, SeenFile};
use crate::error::HostError;
#[cfg(test)]
use crate::options::Mutant;
use crate::read::Algorithm;
use crate::segments::Segments;
use crate::shared::Shared;

/// Where bytes of a file come from.
pub(super) enum Source {
    List(Vec<u8>),
    /// Opened when it is asked for. The version keeps it on disk.
    Path(PathBuf),
    /// Open, for it may be removed.
    Open(Arc<dyn File>),
}

/// A list, and where the files in it are.
pub(super) struct Listed {
    pub list: FileList,
    /// By BLAKE3.
    pub files: HashMap<Hash, Source>,
    /// Keeps the files of segments and leaves (Y11).
    pub version: Arc<PartitionVersion>,
}

/// What is sealed of a partition.
///
/// # Errors
/// `Corrupt` when nothing is, or some of it is damaged.
pub(super) fn listed(host: &Shared, partition: u32) -> Result<Listed, HostError> {
    let segments = &host.segments;
    let version = segments.manifest.current();
    let version = version.partition(partition).cloned().unwrap_or_default();
    let damaged = version
        .segments()
        .iter()
        .find(|s| !s.quarantined.is_empty());
    if let Some(damaged) = damaged {
        return Err(HostError::Corrupt(format!(
            "offsets {:?} of segment {} are damaged here; restore that file, or hand the partition over",
            damaged.quarantined,
            damaged.name()
        )));
    }
    let mut files = HashMap::new();
    let end = version.end_offset();
    let (index, seen) = seen_files(segments, (partition, end), &mut files)?;
    let term = host.reader()?.term(partition, index);
    let dir = segments.manifest.segments_dir();
    for segment in version.segments() {
        let [data, _] = segment.meta.files(&segment.name());
        files.insert(segment.meta.hash, Source::Path(dir.join(data)));
    }
    let mut leaves = Vec::new();
    for entry in version.leaves() {
        let path = dir.join(format!("{}.leaves", entry.name()));
        let length = opened(segments, &path, |file| file.len())?;
        files.insert(entry.meta.hash, Source::Path(path));
        let mut meta = entry.meta.clone();
        meta.number = 0;
        leaves.push(LeavesFigures { meta, length });
    }
    let shard = host.shard(partition as usize)?;
    let sha256 = shard.log_key.is_some();
    let sha256 = sha256.then(|| host.root(shard, end, Algorithm::Sha256));
    let mut list = FileList {
        partition,
        index,
        term: term.ok_or_else(nothing)?,
        first_offset: version.first_offset(),
        end_offset: end,
        hashes_from: version.hashes_from(),
        roots: version.roots().to_vec(),
        sha256_roots: version.sha256_roots().to_vec(),
        root: host.root(shard, end, Algorithm::Blake3)?,
        sha256_root: sha256.transpose()?,
        segments: version.segments().iter().map(|entry| entry.meta).collect(),
        leaves,
        seen,
    };
    mutate(host, &mut list);
    Ok(Listed {
        list,
        files,
        version,
    })
}

fn nothing() -> HostError {
    HostError::Corrupt(
        "nothing of it is sealed, or its log does not know the newest entry".to_owned(),
    )
}

/// The submissions that the window reaches back to, and the newest entry in them.
fn seen_files(
    segments: &Segments,
    (partition, end): (u32, u64),
    files: &mut HashMap<Hash, Source>,
) -> Result<(u64, Vec<SeenFile>), HostError> {
    let all = segments.snapshots_at(partition, end)?;
    let index = all.last().ok_or_else(nothing)?.log_index;
    let mut seen = Vec::new();
    for one in &all {
        let path = segments.snapshot_path(partition, one.size);
        let (file, length, hash) = opened(segments, &path, |file| {
            let length = file.len()?;
            let hash = hash_of(file.as_ref(), length)?;
            Ok((file, length, hash))
        })?;
        files.insert(hash, Source::Open(file));
        seen.push(SeenFile {
            size: one.size,
            length,
            hash,
        });
    }
    Ok((index, seen))
}

fn opened<T>(
    segments: &Segments,
    path: &Path,
    read: impl FnOnce(Arc<dyn File>) -> io::Result<T>,
) -> Result<T, HostError> {
    let files = segments.files.as_ref();
    let opened = files.open(path, OpenMode::Read).and_then(read);
    opened.map_err(|error| HostError::of_file(files, path, &error))
}

#[cfg(test)]
fn mutate(host: &Shared, list: &mut FileList) {
    if host.world.mutant == Some(Mutant::TellWrongRoots) {
        list.root[0] ^= 1;
    }
}

#[cfg(not(test))]
fn mutate(_: &Shared, _: &mut FileList) {}
