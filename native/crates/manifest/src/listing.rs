//! The directory of segments, held against what a version names (Y12).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyralog_log::FileLayer;

use crate::error::ManifestError;
use crate::names::{Found, parse};
use crate::version::Version;

/// A file that a version names and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    /// Its partition.
    pub partition: u32,
    /// Its number.
    pub number: u64,
    /// Its name.
    pub file: String,
    /// A sidecar: it can be made again from the segment.
    pub rebuildable: bool,
}

/// What the directory of segments holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Files of ours that the version does not name.
    pub orphans: Vec<String>,
    /// Files that it names and that are not there.
    pub missing: Vec<MissingFile>,
    /// Files of somebody else; they are left alone.
    pub foreign: Vec<String>,
    /// One more than the greatest number of a file of ours.
    pub(crate) numbers_end: u64,
}

/// Compares the directory with a version.
pub(crate) fn list_segments(
    files: &dyn FileLayer,
    dir: &Path,
    version: &Version,
) -> Result<Listing, ManifestError> {
    let names = files
        .list(dir)
        .map_err(|error| ManifestError::io("list", dir, error))?;
    let wanted = wanted(version);
    let needed: BTreeSet<(u32, u64)> = wanted
        .values()
        .map(|file| (file.partition, file.number))
        .collect();
    let mut listing = Listing::default();
    let there: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for name in &there {
        match parse(name) {
            Found::Foreign => listing.foreign.push((*name).to_owned()),
            Found::File { partition, number } | Found::Temporary { partition, number } => {
                listing.numbers_end = listing.numbers_end.max(number.saturating_add(1));
                let finished = matches!(parse(name), Found::File { .. });
                if !finished || !needed.contains(&(partition, number)) {
                    listing.orphans.push((*name).to_owned());
                }
            }
        }
    }
    listing.missing = wanted
        .into_iter()
        .filter(|(name, _)| !there.contains(name.as_str()))
        .map(|(_, file)| file)
        .collect();
    Ok(listing)
}

/// The files a version needs, by name.
fn wanted(version: &Version) -> BTreeMap<String, MissingFile> {
    let mut wanted = BTreeMap::new();
    let mut want = |partition, number, file: String, rebuildable| {
        let missing = MissingFile {
            partition,
            number,
            file: file.clone(),
            rebuildable,
        };
        wanted.insert(file, missing);
    };
    for (partition, state) in version.partitions() {
        for segment in state.segments() {
            let (name, number) = (segment.name(), segment.number);
            let [data, side] = segment.meta.kind.files(&name);
            want(partition, number, data, false);
            want(partition, number, side, true);
        }
        for leaves in state.leaves() {
            want(
                partition,
                leaves.meta.number,
                format!("{}.leaves", leaves.name()),
                false,
            );
        }
    }
    wanted
}
