//! The files of a list, one by one: what each is, and what it is called while it comes and when it is there.

use std::path::{Path, PathBuf};

use pyralog_manifest::{NewLeaves, file_name};
use pyralog_segment::SegmentMeta;
use pyralog_types::Hash;

use super::list::FileList;
use crate::segments::Segments;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows; the sidecar is made of them here (H9).
    Segment(SegmentMeta),
    /// Leaf hashes of rows that are gone.
    Leaves(NewLeaves),
    /// Submissions of the window, up to the seal point with so many records.
    Seen(u64),
}

/// A file to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedFile {
    pub partition: u32,
    pub kind: Kind,
    pub length: u64,
    pub hash: Hash,
}

/// What the names of a partition's files that are not whole yet, or not named by the manifest, begin with. The manifest
/// takes them for somebody else's (Y1).
pub(super) fn prefix(partition: u32) -> String {
    format!("in-{partition:08x}-")
}

impl ListedFile {
    /// Its name while it comes, without the ending: after what is in it, so that whoever offers the same file goes on with it.
    pub fn stem(&self) -> String {
        let mut head = [0; 8];
        head.copy_from_slice(&self.hash[..8]);
        format!(
            "{}{:016x}",
            prefix(self.partition),
            u64::from_be_bytes(head)
        )
    }

    /// Where it comes to stand first.
    pub fn path(&self, segments: &Segments) -> PathBuf {
        match self.kind {
            Kind::Seen(_) => segments
                .snapshots_dir()
                .join(format!("{}.arriving", self.stem())),
            _ => segments
                .manifest
                .segments_dir()
                .join(&self.names(&self.stem())[0]),
        }
    }

    /// Its name, and that of its sidecar, behind a stem.
    fn names(&self, stem: &str) -> Vec<String> {
        match &self.kind {
            Kind::Segment(meta) => meta.files(stem).to_vec(),
            Kind::Leaves(_) => vec![format!("{stem}.leaves")],
            // Whoever looks through a store that is closed takes `.seen` for a whole one.
            Kind::Seen(_) => vec![format!("{stem}.arriving")],
        }
    }

    /// From where it comes to where it stays: under a number of the manifest, or as what its seal point is called.
    pub fn renames(&self, segments: &Segments, number: u64) -> Vec<(PathBuf, PathBuf)> {
        if let Kind::Seen(size) = self.kind {
            let place = segments.snapshot_path(self.partition, size);
            return vec![(self.path(segments), place)];
        }
        let dir: &Path = segments.manifest.segments_dir();
        let from = self.names(&self.stem());
        let to = self.names(&file_name(self.partition, number));
        let pairs = from.iter().zip(&to);
        pairs
            .map(|(from, to)| (dir.join(from), dir.join(to)))
            .collect()
    }
}

impl FileList {
    /// All files, submissions first: they are the smaller ones.
    pub(super) fn files(&self) -> Vec<ListedFile> {
        let file = |kind, length, hash| ListedFile {
            partition: self.partition,
            kind,
            length,
            hash,
        };
        let seen = self.seen.iter();
        let seen = seen.map(|seen| file(Kind::Seen(seen.size), seen.length, seen.hash));
        let leaves = self.leaves.iter();
        let leaves = leaves.map(|leaves| {
            let kind = Kind::Leaves(leaves.meta.clone());
            file(kind, leaves.length, leaves.meta.hash)
        });
        let segments = self.segments.iter();
        let segments = segments.map(|meta| file(Kind::Segment(*meta), meta.arrow_bytes, meta.hash));
        seen.chain(leaves).chain(segments).collect()
    }
}
