//! From files that came to a partition that can be taken over: checked, with its sidecars and trees, and nothing of it
//! counts yet (RF15).

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Sender;
use pyralog_manifest::{Edit, NewLeaves, NewSegment, PartitionVersion, TakeOver};
use pyralog_partition::{Partition, Roots, Seen};
use pyralog_segment::{Segment, SegmentError, SegmentMeta};

use super::files::{Kind, ListedFile};
use super::list::{FileList, Offered};
use super::nodes::{Arriving, Growing};
use super::point::Point;
use crate::behind::NodeJob;
use crate::error::HostError;
use crate::frame::state_of;
use crate::shared::{Shard, Shared};

/// A partition that waits to take the place of the one that is here.
pub(crate) struct Prepared {
    pub partition: u32,
    /// Newest entry in it.
    pub index: u64,
    pub edit: Edit,
    /// Files to their places, before the edit.
    pub renames: Vec<(PathBuf, PathBuf)>,
    /// Node files to theirs, behind it.
    pub nodes: Vec<(PathBuf, PathBuf)>,
    pub state: Partition,
    /// Numbers that are given up when nothing comes of it.
    pub numbers: Vec<u64>,
}

/// What preparing takes.
pub(super) struct Preparing<'a> {
    pub host: &'a Shared,
    pub shard: &'a Shard,
    pub jobs: &'a Sender<NodeJob>,
    pub list: &'a FileList,
    /// Whether the store closes.
    pub closing: &'a dyn Fn() -> bool,
}

/// Of the list's files those that are not here yet.
pub(super) fn missing(host: &Shared, list: &FileList) -> Vec<ListedFile> {
    let here = Here::of(host, list.partition);
    let mut files = list.files();
    files.retain(|file| match &file.kind {
        Kind::Segment(meta) => here.segment(meta).is_none(),
        Kind::Leaves(leaves) => here.leaves(leaves).is_none(),
        Kind::Seen(size) => {
            let path = host.segments.snapshot_path(list.partition, *size);
            !super::incoming::is_there(host.segments.files.as_ref(), &path, file)
        }
    });
    files
}

/// What the manifest names now.
struct Here(Arc<PartitionVersion>);

impl Here {
    fn of(host: &Shared, partition: u32) -> Self {
        let version = host.segments.manifest.current();
        Self(version.partition(partition).cloned().unwrap_or_default())
    }

    /// Number of a segment with these figures: its bytes are the same. A damaged one is none.
    fn segment(&self, meta: &SegmentMeta) -> Option<u64> {
        let found = self.0.segment_at(meta.base_offset)?;
        (found.meta == *meta && found.quarantined.is_empty()).then_some(found.number)
    }

    fn leaves(&self, listed: &NewLeaves) -> Option<u64> {
        let found = &self.0.leaves_at(listed.base_offset)?.meta;
        let same = NewLeaves {
            number: found.number,
            ..listed.clone()
        };
        (*found == same).then_some(found.number)
    }
}

/// The edit, and which files get a place by it.
struct Plan {
    edit: Edit,
    /// Files of the manifest that came, with their numbers.
    placed: Vec<(ListedFile, u64)>,
}

impl Preparing<'_> {
    /// All files that are missing have come. Gives up the numbers it took when it fails.
    pub fn prepare(&self, offered: &Offered) -> Result<Prepared, HostError> {
        let plan = self.plan();
        let numbers: Vec<u64> = plan.placed.iter().map(|(_, number)| *number).collect();
        let prepared = self.prepare_by(&plan, offered);
        let (state, nodes) =
            prepared.inspect_err(|_| give_up(self.host, self.list.partition, &numbers))?;
        let segments = &self.host.segments;
        let mut renames: Vec<_> = plan
            .placed
            .iter()
            .flat_map(|(file, number)| file.renames(segments, *number))
            .collect();
        // Those that were here already stay.
        let seen = self.list.files().into_iter();
        for file in seen.filter(|file| matches!(file.kind, Kind::Seen(_))) {
            if segments
                .files
                .open(&file.path(segments), pyralog_log::OpenMode::Read)
                .is_ok()
            {
                renames.extend(file.renames(segments, 0));
            }
        }
        Ok(Prepared {
            partition: self.list.partition,
            index: self.list.index,
            edit: plan.edit,
            renames,
            nodes,
            state,
            numbers,
        })
    }

    fn plan(&self) -> Plan {
        let here = Here::of(self.host, self.list.partition);
        let mut placed = Vec::new();
        let mut by = TakeOver {
            first_offset: self.list.first_offset,
            end_offset: self.list.end_offset,
            hashes_from: self.list.hashes_from,
            roots: self.list.roots.clone(),
            sha256_roots: self.list.sha256_roots.clone(),
            ..TakeOver::default()
        };
        let reserve = || self.host.segments.manifest.reserve();
        for file in self.list.files() {
            let number = match &file.kind {
                Kind::Seen(_) => continue,
                Kind::Segment(meta) => here.segment(meta),
                Kind::Leaves(leaves) => here.leaves(leaves),
            };
            if let Some(number) = number {
                by.kept.push(number);
                continue;
            }
            let number = reserve();
            match &file.kind {
                Kind::Segment(meta) => by.segments.push(NewSegment {
                    number,
                    meta: *meta,
                }),
                Kind::Leaves(leaves) => by.leaves.push(NewLeaves {
                    number,
                    ..leaves.clone()
                }),
                Kind::Seen(_) => {}
            }
            placed.push((file, number));
        }
        let partition = self.list.partition;
        let edit = Edit::TakeOver { partition, by };
        Plan { edit, placed }
    }

    fn prepare_by(
        &self,
        plan: &Plan,
        offered: &Offered,
    ) -> Result<(Partition, Vec<(PathBuf, PathBuf)>), HostError> {
        let (host, list) = (self.host, self.list);
        let segments = &host.segments;
        let version = segments.manifest.plan(std::slice::from_ref(&plan.edit))?;
        let state = version.partition(list.partition).cloned();
        let state = state.unwrap_or_default();
        for (file, _) in &plan.placed {
            self.make_side(file)?;
        }
        let stems = plan.placed.iter();
        let files = Arriving {
            segments,
            stems: stems
                .map(|(file, number)| (*number, file.stem()))
                .collect::<HashMap<_, _>>(),
            last: RefCell::default(),
        };
        let growing = Growing {
            host,
            shard: self.shard,
            jobs: self.jobs,
            files: &files,
            state: &state,
            came: plan
                .placed
                .iter()
                .filter_map(|(file, _)| came(file))
                .collect(),
            closing: self.closing,
        };
        let wanted = Roots {
            size: list.end_offset,
            blake3: list.root,
            sha256: list.sha256_root,
        };
        let own = state_of(self.shard)?;
        if own.size > list.end_offset {
            return Err(HostError::Closed); // it has got further meanwhile
        }
        let grown = growing.grow(&wanted, &own)?;
        let partition = Partition::restore(grown.trees, self.seen()?)?;
        let point = Point {
            partition: list.partition,
            size: list.end_offset,
            at: pyralog_raft::SealPoint {
                index: list.index,
                term: list.term,
                members: offered.members.clone(),
            },
        };
        point.write(segments.files.as_ref(), &host.dir)?;
        Ok((partition, grown.renames))
    }

    /// The sidecar of a segment that came, of its rows (H9).
    fn make_side(&self, file: &ListedFile) -> Result<(), HostError> {
        let Kind::Segment(meta) = &file.kind else {
            return Ok(());
        };
        if (self.closing)() {
            return Err(HostError::Closed);
        }
        let segments = &self.host.segments;
        let layer = segments.files.as_ref();
        let dir = segments.manifest.segments_dir();
        match Segment::open(layer, dir, &file.stem(), meta) {
            Ok(_) => return Ok(()),
            Err(SegmentError::Side { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Segment::mend_side(layer, dir, &file.stem(), meta)?;
        Segment::open(layer, dir, &file.stem(), meta)?;
        Ok(())
    }

    /// The submissions that the window reaches back to, held against the list (Z5).
    fn seen(&self) -> Result<Vec<Seen>, HostError> {
        let segments = &self.host.segments;
        let mut all = Vec::new();
        for file in self.list.files() {
            let Kind::Seen(size) = file.kind else {
                continue;
            };
            let place = segments.snapshot_path(self.list.partition, size);
            let came = file.path(segments);
            let mapped = segments.files.map(&came);
            let mapped = mapped.or_else(|_| segments.files.map(&place));
            let bytes = mapped
                .map_err(|error| HostError::of_file(segments.files.as_ref(), &place, &error))?;
            let seen = Seen::open(Box::new(bytes))?;
            if seen.size != size {
                return Err(self.refused("a file of submissions is of another seal point"));
            }
            all.push(seen);
        }
        let newest = all.last().map(|seen| (seen.size, seen.log_index));
        if newest != Some((self.list.end_offset, self.list.index)) {
            return Err(self.refused("its submissions end at another entry"));
        }
        let last = self.list.segments.last();
        let last = last.filter(|meta| meta.end_offset == self.list.end_offset && !meta.compacted);
        if let (Some(meta), Some(seen)) = (last, all.last())
            && meta.last_id != seen.last_id
        {
            return Err(self.refused("its submissions are of another partition"));
        }
        Ok(all)
    }

    fn refused(&self, what: &str) -> HostError {
        HostError::Corrupt(format!(
            "the snapshot of partition {}: {what}",
            self.list.partition
        ))
    }
}

/// Offsets whose leaf hashes a file brings.
fn came(file: &ListedFile) -> Option<std::ops::Range<u64>> {
    match &file.kind {
        Kind::Segment(meta) if !meta.compacted => Some(meta.base_offset..meta.end_offset),
        Kind::Leaves(leaves) => Some(leaves.base_offset..leaves.end_offset),
        _ => None,
    }
}

/// Nothing came of these numbers; the files stand under the names they came with.
pub(super) fn give_up(host: &Shared, partition: u32, numbers: &[u64]) {
    for number in numbers {
        host.segments.manifest.abandon(partition, *number);
    }
}
