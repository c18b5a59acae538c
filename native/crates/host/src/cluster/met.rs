//! Which store each member had when it was met first: another one under its number has forgotten what it voted and signed
//! (RF14).

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use pyralog_log::{FileLayer, OpenMode};

use crate::error::HostError;

/// The last byte goes with the version.
const MAGIC: [u8; 8] = *b"PYRLMET\x01";
const ROW_BYTES: usize = 18;
const HASH_BYTES: usize = 32;

/// Stores of the members, durable.
pub(crate) struct Met {
    files: Arc<dyn FileLayer>,
    path: PathBuf,
    stores: Mutex<BTreeMap<u16, [u8; 16]>>,
}

impl Met {
    /// Reads what is known; nothing when the file is missing.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, `Io`.
    pub fn open(files: Arc<dyn FileLayer>, path: PathBuf) -> Result<Self, HostError> {
        let stores = match read(files.as_ref(), &path) {
            Ok(bytes) => decode(&bytes).ok_or_else(|| {
                HostError::Corrupt(format!(
                    "{} is not what was written; if no member's disk was ever replaced, remove it, and it is made again",
                    path.display()
                ))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(HostError::Io(format!("{}: {error}", path.display()))),
        };
        Ok(Self {
            files,
            path,
            stores: Mutex::new(stores),
        })
    }

    /// # Errors
    /// In words for both operators, when the member had another store before.
    pub fn judge(&self, node: u16, store_id: &[u8; 16]) -> Result<(), String> {
        match self.stores.lock().get(&node) {
            Some(known) if known != store_id => Err(format!(
                "node {node} had another store before: its disk was wiped, replaced or restored under its old name, and it may have forgotten what it voted and signed; remove it from the cluster and add it under a new number"
            )),
            _ => Ok(()),
        }
    }

    /// A member was met; remembered durably when it is new.
    ///
    /// # Errors
    /// `Io`; it is tried again when the member is met again.
    pub fn meet(&self, node: u16, store_id: [u8; 16]) -> Result<(), HostError> {
        let mut stores = self.stores.lock();
        if stores.contains_key(&node) {
            return Ok(());
        }
        let mut wanted = stores.clone();
        wanted.insert(node, store_id);
        let replaced = self.files.replace_file(&self.path, &encode(&wanted));
        replaced.map_err(|error| HostError::Io(format!("{}: {error}", self.path.display())))?;
        *stores = wanted;
        Ok(())
    }
}

fn read(files: &dyn FileLayer, path: &std::path::Path) -> io::Result<Vec<u8>> {
    let file = files.open(path, OpenMode::Read)?;
    let mut bytes = vec![0; file.len()? as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

fn encode(stores: &BTreeMap<u16, [u8; 16]>) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for (node, store_id) in stores {
        out.extend_from_slice(&node.to_le_bytes());
        out.extend_from_slice(store_id);
    }
    let hash = blake3::hash(&out);
    out.extend_from_slice(hash.as_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<BTreeMap<u16, [u8; 16]>> {
    let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_BYTES)?)?;
    let rows = body.strip_prefix(&MAGIC)?.chunks_exact(ROW_BYTES);
    let whole = blake3::hash(body).as_bytes() == hash && rows.remainder().is_empty();
    whole.then(|| {
        rows.filter_map(|row| {
            let (node, store_id) = row.split_first_chunk()?;
            Some((u16::from_le_bytes(*node), store_id.try_into().ok()?))
        })
        .collect()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use pyralog_log::FaultFiles;

    use super::*;

    #[test]
    fn a_member_with_another_store_is_refused_for_ever() {
        let disk = FaultFiles::new(1);
        let path = PathBuf::from("/store/members");
        disk.create_dir(&PathBuf::from("/store")).unwrap();
        let files: Arc<dyn FileLayer> = Arc::new(disk);
        let met = Met::open(Arc::clone(&files), path.clone()).unwrap();
        assert_eq!(met.judge(2, &[1; 16]), Ok(()));
        met.meet(2, [1; 16]).unwrap();
        met.meet(3, [3; 16]).unwrap();
        for met in [met, Met::open(Arc::clone(&files), path.clone()).unwrap()] {
            assert_eq!(met.judge(2, &[1; 16]), Ok(()));
            let refused = met.judge(2, &[2; 16]).unwrap_err();
            assert!(refused.contains("under a new number"), "{refused}");
        }

        let mut bytes = read(files.as_ref(), &path).unwrap();
        bytes[10] ^= 1;
        files.replace_file(&path, &bytes).unwrap();
        let refused = Met::open(files, path).err().unwrap();
        assert_eq!(refused.code(), "storage/corrupt");
    }
}
