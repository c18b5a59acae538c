//! The trees of a partition that is about to be taken over: a copy of the node files as far as they are trusted (M6), and
//! behind it nodes made of the leaf hashes in the files that came. They must lead to the roots that the leader says and
//! to this replica's own, before anything of it counts (RF15).

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use pyralog_compact::{CompactError, LeafHashes, LeavesFile, OpenFiles, WhichTree};
use pyralog_log::{OpenMode, TreeState};
use pyralog_manifest::{LeavesEntry, PartitionVersion, SegmentEntry};
use pyralog_merkle::{FileNodes, LeafSource, MerkleError, Tree, TreeHash, nodes_of};
use pyralog_partition::{Nodes, Roots, Sources, Trees};
use pyralog_segment::Segment;
use pyralog_types::Hash;

use crate::behind::{Behind, BehindNodes, NodeJob};
use crate::error::HostError;
use crate::files::{SIDECARS_DIR, node_file_name, open_durably};
use crate::read::Algorithm;
use crate::segments::Segments;
use crate::shared::{Shard, Shared};

/// Leaves handed to a tree at once, a multiple of every floor's group.
const LEAVES: u64 = 4_096;
/// Bytes copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Files of a version that is not committed: some stand under the names they came with.
pub(super) struct Arriving<'a> {
    pub segments: &'a Segments,
    /// Stems by number.
    pub stems: HashMap<u64, String>,
    /// The segment asked for last.
    pub last: RefCell<Option<(u64, Segment)>>,
}

impl OpenFiles for Arriving<'_> {
    fn segment(&self, entry: &SegmentEntry) -> Result<Segment, CompactError> {
        let Some(stem) = self.stems.get(&entry.number) else {
            return OpenFiles::segment(self.segments, entry);
        };
        if let Some((number, segment)) = &*self.last.borrow()
            && *number == entry.number
        {
            return Ok(segment.clone());
        }
        let dir = self.segments.manifest.segments_dir();
        let segment = Segment::open(self.segments.files.as_ref(), dir, stem, &entry.meta)?;
        *self.last.borrow_mut() = Some((entry.number, segment.clone()));
        Ok(segment)
    }

    fn leaves(&self, entry: &LeavesEntry) -> Result<LeavesFile, CompactError> {
        let Some(stem) = self.stems.get(&entry.meta.number) else {
            return OpenFiles::leaves(self.segments, entry);
        };
        let dir = self.segments.manifest.segments_dir();
        LeavesFile::open_as(self.segments.files.as_ref(), dir, (stem, entry))
    }
}

/// Leaf hashes of one tree of the partition as it will be.
struct Leaves<'a> {
    hashes: LeafHashes<'a>,
    state: &'a PartitionVersion,
    which: WhichTree,
}

impl Leaves<'_> {
    fn roots(&self) -> &[Hash] {
        match self.which {
            WhichTree::Blake3 => self.state.roots(),
            WhichTree::Sha256 => self.state.sha256_roots(),
        }
    }

    fn range(&self, offsets: Range<u64>) -> Result<Vec<Hash>, HostError> {
        let mut hashes = Vec::with_capacity((offsets.end - offsets.start) as usize);
        self.hashes.read(self.which, offsets, |some| {
            hashes.extend_from_slice(some);
            Ok(())
        })?;
        Ok(hashes)
    }
}

impl LeafSource for Leaves<'_> {
    fn read(&self, first: u64, out: &mut [Hash]) -> Result<(), MerkleError> {
        let leaves = self.range(first..first + out.len() as u64);
        let leaves = leaves.map_err(|error| MerkleError::Leaves {
            offset: first,
            source: Box::new(error),
        })?;
        out.copy_from_slice(&leaves);
        Ok(())
    }

    fn gone(&self) -> Option<(u64, Vec<Hash>)> {
        let from = self.state.hashes_from();
        (from > 0).then(|| (from, self.roots().to_vec()))
    }
}

/// Trees of a partition as it will be.
pub(super) struct Grown {
    pub trees: Trees,
    /// Node files to be renamed.
    pub renames: Vec<(PathBuf, PathBuf)>,
}

/// What growing them takes.
pub(super) struct Growing<'a> {
    pub host: &'a Shared,
    pub shard: &'a Shard,
    pub jobs: &'a Sender<NodeJob>,
    pub files: &'a Arriving<'a>,
    pub state: &'a PartitionVersion,
    /// Offsets whose leaf hashes came in files, where nodes for them may be here already.
    pub came: Vec<Range<u64>>,
    /// Whether the store closes.
    pub closing: &'a dyn Fn() -> bool,
}

impl Growing<'_> {
    /// # Errors
    /// `Corrupt` when the files do not lead to `wanted`, or not to what this replica has.
    pub fn grow(&self, wanted: &Roots, own: &TreeState) -> Result<Grown, HostError> {
        let reader = self.host.reader()?;
        let recorded = reader.state(self.shard.number);
        let trusted = recorded.and_then(|state| state.sidecar);
        // What the node files cannot give is hashed again.
        let grown = trusted.and_then(|state| self.grow_from(Some(&state), wanted).ok());
        let (grown, files) = match grown {
            Some(grown) => grown,
            None => self.grow_from(None, wanted)?,
        };
        let (blake3, sha256) = (
            self.leaves(WhichTree::Blake3),
            self.leaves(WhichTree::Sha256),
        );
        let sources = Sources {
            blake3: &blake3,
            sha256: &sha256,
        };
        let mine = grown.trees.roots_from(own.size, sources)?;
        if (mine.blake3, mine.sha256) != (own.root, own.sha256_root) {
            return Err(HostError::Corrupt(format!(
                "the snapshot of partition {} has another root at {} records than this replica: one of them is forked; stop both and find out which",
                self.shard.number, own.size
            )));
        }
        for file in files {
            let synced = file.sync_now();
            synced.map_err(|error| HostError::Io(format!("node file: {error}")))?;
        }
        Ok(grown)
    }

    fn leaves(&self, which: WhichTree) -> Leaves<'_> {
        Leaves {
            hashes: LeafHashes::new(self.files, (self.shard.number, self.state)),
            state: self.state,
            which,
        }
    }

    fn grow_from(
        &self,
        trusted: Option<&TreeState>,
        wanted: &Roots,
    ) -> Result<(Grown, Vec<Arc<Behind>>), HostError> {
        let size = trusted.map_or(0, |state| state.size);
        let (mut renames, mut files) = (Vec::new(), Vec::new());
        let root = trusted.map(|state| &state.root);
        let blake3 = self.tree(Algorithm::Blake3, (size, root), (&mut renames, &mut files))?;
        let mut sha256 = None;
        if wanted.sha256.is_some() {
            let root = trusted.and_then(|state| state.sha256_root.as_ref());
            let files = (&mut renames, &mut files);
            sha256 = Some(self.tree(Algorithm::Sha256, (size, root), files)?);
        }
        let mut trees = Trees::new(blake3, sha256);
        let (blake3, sha256) = (
            self.leaves(WhichTree::Blake3),
            self.leaves(WhichTree::Sha256),
        );
        self.push(&mut trees.blake3, &blake3)?;
        if let Some(tree) = &mut trees.sha256 {
            self.push(tree, &sha256)?;
        }
        let sources = Sources {
            blake3: &blake3,
            sha256: &sha256,
        };
        let roots = trees.roots_from(wanted.size, sources)?;
        if roots != *wanted {
            return Err(HostError::Corrupt(format!(
                "the files of the snapshot of partition {} do not lead to the roots told of it",
                self.shard.number
            )));
        }
        self.check_below(&trees.blake3, &blake3, size)?;
        if let Some(tree) = &trees.sha256 {
            self.check_below(tree, &sha256, size)?;
        }
        trees.hold_from(wanted.size);
        trees.sync()?;
        Ok((Grown { trees, renames }, files))
    }

    /// A tree over a copy of the node file, as far as that is trusted.
    fn tree<H: TreeHash>(
        &self,
        algorithm: Algorithm,
        (size, root): (u64, Option<&Hash>),
        (renames, opened): (&mut Vec<(PathBuf, PathBuf)>, &mut Vec<Arc<Behind>>),
    ) -> Result<Tree<H, Nodes>, HostError> {
        let name = node_file_name(self.shard.number, algorithm);
        let path = self.host.dir.join(SIDECARS_DIR).join(name);
        let mut taken = path.clone();
        taken.as_mut_os_string().push(".taken");
        let count = nodes_of(size >> algorithm.floor());
        let layer = self.host.world.files.as_ref();
        let failed = |error| HostError::of_file(layer, &taken, &error);
        let file = open_durably(layer, &taken).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        self.copy(&path, file.as_ref(), count * size_of::<Hash>() as u64)?;
        let nodes = BehindNodes::new(file, self.jobs.clone(), Arc::clone(&self.shard.late));
        opened.push(nodes.behind());
        let nodes = FileNodes::open(Box::new(nodes), count)?;
        renames.push((taken, path));
        let tree = Tree::open_above(algorithm.floor(), Nodes::new(nodes), size, root);
        Ok(tree?)
    }

    fn copy(&self, from: &Path, to: &dyn pyralog_log::File, length: u64) -> Result<(), HostError> {
        let layer = self.host.world.files.as_ref();
        let failed = |error| HostError::of_file(layer, from, &error);
        if length == 0 {
            return Ok(());
        }
        let file = layer.open(from, OpenMode::Read).map_err(failed)?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut at = 0;
        while at < length {
            let count = COPY_BYTES.min((length - at) as usize);
            let copied = file.read_exact_at(&mut buffer[..count], at);
            let copied = copied.and_then(|()| to.write_all_at(&buffer[..count], at));
            copied.map_err(failed)?;
            at += count as u64;
        }
        Ok(())
    }

    fn push<H: TreeHash>(
        &self,
        tree: &mut Tree<H, Nodes>,
        leaves: &Leaves<'_>,
    ) -> Result<(), HostError> {
        let (from, end) = (self.state.hashes_from(), self.state.end_offset());
        if tree.wanted_from() < from {
            tree.restart(from, leaves.roots())?;
        }
        while tree.wanted_from() < end {
            let at = tree.wanted_from();
            let to = end.min(at + LEAVES);
            tree.append(&leaves.range(at..to)?)?;
            tree.forget_before(to);
            self.go_on()?;
        }
        Ok(())
    }

    /// Leaf hashes that came for offsets below `size`, where the nodes were here, must lead to those.
    fn check_below<H: TreeHash>(
        &self,
        tree: &Tree<H, Nodes>,
        leaves: &Leaves<'_>,
        size: u64,
    ) -> Result<(), HostError> {
        for came in &self.came {
            let start = came.start.max(self.state.hashes_from());
            let end = came.end.min(size);
            let mut at = start >> tree.floor() << tree.floor();
            while at < end {
                let to = end.min(at + LEAVES);
                let proofs = tree.proofs(leaves);
                for offset in (at..to).step_by(1 << tree.floor()) {
                    proofs.checked_leaves(offset)?.ok_or_else(|| {
                        HostError::Corrupt(format!(
                            "leaf hashes of the snapshot of partition {} around record {offset} do not lead to the tree",
                            self.shard.number
                        ))
                    })?;
                }
                at = to;
                self.go_on()?;
            }
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), HostError> {
        if (self.closing)() {
            return Err(HostError::Closed);
        }
        Ok(())
    }
}
