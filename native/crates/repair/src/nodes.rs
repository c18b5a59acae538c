//! Node files, held against those that the records make (M5, M6).

use std::path::Path;

use pyralog_host::{NodeFilePlace, node_files};
use pyralog_log::{FileLayer, OpenMode};
use pyralog_manifest::Version;

use crate::overlay::Overlay;
use crate::report::{Finding, Mend, Report, Severity};
use crate::store::{Logs, Store};

const PIECE: u64 = 1 << 20;

/// A node file, and which of its bytes must be what the records lead to.
pub(crate) struct NodeFile {
    pub(crate) partition: u32,
    pub(crate) place: NodeFilePlace,
    /// Records that the log says are in it and synced.
    synced: u64,
}

/// The node files that the store has.
pub(crate) fn all(store: &Store, logs: &Logs) -> Vec<NodeFile> {
    let each = logs.groups.iter().enumerate().flat_map(|(number, group)| {
        let sha256 = group.config.as_ref().is_some_and(|config| config.sha256);
        let synced = group.sidecar.as_ref().map_or(0, |state| state.size);
        let places = node_files(&store.dir, number as u32, sha256);
        places.into_iter().map(move |place| NodeFile {
            partition: number as u32,
            place,
            synced,
        })
    });
    each.collect()
}

impl NodeFile {
    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// What tells the file from the one that was made of the records, as far as it must not be another.
    pub(crate) fn difference(
        &self,
        store: &Store,
        made: &Overlay,
        version: Option<&Version>,
    ) -> Option<String> {
        let end = self.place.trusted_bytes(self.synced);
        let state = version.and_then(|version| version.partition(self.partition));
        let kept = state.map_or(0, |state| state.hashes_from());
        let mut at = self.place.first_byte(kept);
        let read = |layer: &dyn FileLayer, length: u64, at: u64| {
            let file = layer.open(self.path(), OpenMode::Read)?;
            let mut piece = vec![0; length as usize];
            file.read_exact_at(&mut piece, at).map(|()| piece)
        };
        while at < end {
            let length = (end - at).min(PIECE);
            let is = match read(store.files.as_ref(), length, at) {
                Ok(is) => is,
                Err(error) => return Some(format!("it cannot be read up to byte {end}: {error}")),
            };
            // What could not be made shows as a store that cannot be opened.
            let should = read(made, length, at).ok()?;
            if let Some(place) = is.iter().zip(&should).position(|(is, should)| is != should) {
                let place = at + place as u64;
                return Some(format!("byte {place} is not what the records lead to"));
            }
            at += length;
        }
        None
    }
}

/// Compares each node file with the one that was made of the records.
pub(crate) fn compare(
    store: &Store,
    made: &Overlay,
    (logs, version): (&Logs, Option<&Version>),
    report: &mut Report,
) {
    for file in all(store, logs) {
        if let Some(what) = file.difference(store, made, version) {
            let finding = Finding::new(Severity::Mendable, store.name(file.path()), what);
            report.add(
                finding
                    .of(file.partition)
                    .advise("it is made again from the records, by the node when it notices, by repair at once")
                    .mended_by(Mend::Nodes),
            );
        }
    }
}
