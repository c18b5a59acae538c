//! Node files, held against those that the records make (M5, M6).

use std::path::{Path, PathBuf};

use pyralog_log::{FileLayer, OpenMode};
use pyralog_merkle::nodes_of;

use crate::overlay::Overlay;
use crate::report::{Finding, Mend, Report, Severity};
use crate::store::{Logs, NODES_DIR, Store};

const PIECE: usize = 1 << 20;
const HASH_BYTES: u64 = 32;

/// The node files that a store of these partitions has.
pub(crate) fn paths(store: &Store, logs: &Logs) -> Vec<PathBuf> {
    let dir = store.dir.join(NODES_DIR);
    let each = logs.groups.iter().enumerate().flat_map(|(number, group)| {
        let sha256 = group.config.as_ref().is_some_and(|config| config.sha256);
        let names = [Some("blake3"), sha256.then_some("sha256")];
        let dir = dir.clone();
        names
            .into_iter()
            .flatten()
            .map(move |algorithm| dir.join(format!("{number}.{algorithm}")))
    });
    each.collect()
}

/// Compares each node file, as far as the log says it is synced, with the one that was made of the records.
pub(crate) fn compare(store: &Store, made: &Overlay, logs: &Logs, report: &mut Report) {
    for path in paths(store, logs) {
        let number = path.file_stem().and_then(|stem| stem.to_str());
        let number = number.and_then(|stem| stem.parse::<u32>().ok());
        let Some((number, group)) =
            number.and_then(|number| Some((number, logs.groups.get(number as usize)?)))
        else {
            continue;
        };
        let synced = group.sidecar.as_ref().map_or(0, |state| state.size);
        let bytes = nodes_of(synced) * HASH_BYTES;
        if let Some(what) = difference(store, made, &path, bytes) {
            let finding = Finding::new(Severity::Mendable, store.name(&path), what);
            report.add(
                finding
                    .of(number)
                    .advise("it is made again from the records, by the node when it notices, by repair at once")
                    .mended_by(Mend::Nodes),
            );
        }
    }
}

fn difference(store: &Store, made: &Overlay, path: &Path, bytes: u64) -> Option<String> {
    if bytes == 0 {
        return None;
    }
    let read = |layer: &dyn FileLayer, at: u64, length: usize| {
        let file = layer.open(path, OpenMode::Read)?;
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, at).map(|()| piece)
    };
    let mut at = 0;
    while at < bytes {
        let length = (bytes - at).min(PIECE as u64) as usize;
        let is = match read(store.files.as_ref(), at, length) {
            Ok(is) => is,
            Err(error) => return Some(format!("it cannot be read up to byte {bytes}: {error}")),
        };
        // What was not made shows as a store that cannot be opened.
        let should = read(made, at, length).ok()?;
        if let Some(place) = is.iter().zip(&should).position(|(is, should)| is != should) {
            let place = at + place as u64;
            return Some(format!("byte {place} is not what the records lead to"));
        }
        at += length as u64;
    }
    None
}
