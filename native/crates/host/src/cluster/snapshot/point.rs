//! Where a snapshot that was taken over ends, on record before the manifest names its files: whoever dies before the log
//! knows of it lets the log go on behind it at the next opening (RF15).

use std::path::{Path, PathBuf};

use pyralog_log::{FileLayer, Membership, OpenLog};
use pyralog_raft::SealPoint;

use crate::cluster::wire::{BadMessage, Reader, Writer};
use crate::error::HostError;
#[cfg(test)]
use crate::options::Mutant;
use crate::options::World;
use crate::segments::{SNAPSHOTS_DIR, Segments};

/// The last byte goes with the version.
const MAGIC: [u8; 8] = *b"PYRLPNT\x01";
const HASH_BYTES: usize = 32;

/// A seal point that came from another replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub partition: u32,
    /// Records up to it.
    pub size: u64,
    pub at: SealPoint,
}

impl Point {
    /// Puts it on record in place of the one before of the partition, durably.
    pub fn write(&self, files: &dyn FileLayer, store: &Path) -> Result<(), HostError> {
        let path = path_of(store, self.partition);
        let written = files.replace_file(&path, &self.encode());
        written.map_err(|error| HostError::of_file(files, &path, &error))
    }

    fn read(
        files: &dyn FileLayer,
        store: &Path,
        partition: u32,
    ) -> Result<Option<Self>, HostError> {
        let path = path_of(store, partition);
        let read = files.read_file(&path);
        let bytes = read.map_err(|error| HostError::of_file(files, &path, &error))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let point = Self::decode(&bytes).ok();
        let point = point.filter(|point| point.partition == partition);
        point.map(Some).ok_or_else(|| {
            HostError::Corrupt(format!(
                "{} is not what was written: it says where the log goes on behind a snapshot of another replica; give this member an empty directory and a new number",
                path.display()
            ))
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        let members = &self.at.members;
        out.u32(self.partition).u64(self.size);
        out.u64(self.at.index).u64(self.at.term);
        out.u64(members.index).u64(members.term);
        for list in members.lists() {
            out.u32(list.len() as u32);
            for node in list {
                out.bytes(&node.to_le_bytes());
            }
        }
        out.u8(u8::from(members.auto_leave));
        let hash = blake3::hash(&out.0);
        out.bytes(hash.as_bytes());
        out.0
    }

    fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let end = bytes.len().checked_sub(HASH_BYTES).ok_or(BadMessage)?;
        let (body, hash) = bytes.split_at(end);
        let fields = body.strip_prefix(&MAGIC).ok_or(BadMessage)?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(BadMessage);
        }
        let mut from = Reader(fields);
        let (partition, size) = (from.u32()?, from.u64()?);
        let (index, term) = (from.u64()?, from.u64()?);
        let mut members = Membership {
            index: from.u64()?,
            term: from.u64()?,
            ..Membership::default()
        };
        for list in [
            &mut members.voters,
            &mut members.learners,
            &mut members.outgoing,
            &mut members.learners_next,
        ] {
            for _ in 0..from.u32()? {
                list.push(u16::from_le_bytes(from.array()?));
            }
        }
        members.auto_leave = from.flag()?;
        let at = SealPoint {
            index,
            term,
            members,
        };
        let point = Self {
            partition,
            size,
            at,
        };
        from.0.is_empty().then_some(point).ok_or(BadMessage)
    }
}

fn path_of(store: &Path, partition: u32) -> PathBuf {
    store
        .join(SNAPSHOTS_DIR)
        .join(format!("{partition:08x}.point"))
}

/// Lets the log of each partition go on behind the snapshot that its manifest names and its log does not know of.
/// Says whether there was any.
pub(crate) fn begin_behind(
    log: &mut OpenLog,
    (world, store): (&World, &Path),
    segments: &Segments,
    partitions: u32,
) -> Result<bool, HostError> {
    let files = world.files.as_ref();
    let mut begun = false;
    #[cfg(test)]
    let partitions = match world.mutant {
        Some(Mutant::ForgetPoint) => 0,
        _ => partitions,
    };
    for partition in 0..partitions {
        let Some(point) = Point::read(files, store, partition)? else {
            continue;
        };
        // One of an earlier time, or of a snapshot that the manifest never named, says nothing.
        if point.size == segments.end(partition) && point.size > 0 {
            let at = &point.at;
            begun |= at.begin(log.store.as_mut(), log.reader.as_ref(), partition)?;
        }
    }
    if let Some(frame) = log.store.seal() {
        log.committer.commit(frame)?;
        log.committer.mark_idle()?;
    }
    Ok(begun)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use pyralog_log::FaultFiles;

    use super::*;

    #[test]
    fn comes_back_as_it_was_and_refuses_all_else() {
        let disk = FaultFiles::new(1);
        let store = Path::new("/store");
        disk.create_dir(&store.join(SNAPSHOTS_DIR)).unwrap();
        let point = Point {
            partition: 2,
            size: 80,
            at: SealPoint {
                index: 9,
                term: 3,
                members: Membership {
                    auto_leave: true,
                    learners: vec![4],
                    ..Membership::of(&[1, 2, 3])
                },
            },
        };
        assert_eq!(Point::read(&disk, store, 2).unwrap(), None);
        point.write(&disk, store).unwrap();
        assert_eq!(Point::read(&disk, store, 2).unwrap(), Some(point.clone()));
        let bytes = point.encode();
        for length in 0..bytes.len() {
            assert!(Point::decode(&bytes[..length]).is_err());
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert!(Point::decode(&bytes).is_err());
        }
        disk.plant(&path_of(store, 7), bytes);
        let refused = Point::read(&disk, store, 7).unwrap_err();
        assert_eq!(refused.code(), "storage/corrupt");
    }
}
