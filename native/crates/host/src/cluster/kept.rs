//! The state of the cluster group as it is kept and as it travels (CG9).

use std::path::Path;
use std::sync::Arc;

use pyralog_cluster::{CLUSTER_GROUP, ClusterState};
use pyralog_log::{FileLayer, Membership, OpenLog};
use pyralog_raft::SealPoint;

use super::wire::{BadMessage, Reader, Writer};
use crate::error::HostError;

/// Where the state is kept, in the store's directory.
pub(super) const FILE: &str = "cluster.state";
const MAGIC: &[u8; 8] = b"PYRLCLF\x01";

/// The state as it is kept and as it travels: a seal point of the cluster group (RF15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Newest entry in it, its term, and the members of the group there.
    pub point: SealPoint,
    pub state: ClusterState,
}

impl Kept {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        out.u64(self.point.index).u64(self.point.term);
        let members = &self.point.members;
        for list in [
            &members.voters,
            &members.learners,
            &members.outgoing,
            &members.learners_next,
        ] {
            out.u32(list.len() as u32);
            for node in list {
                out.bytes(&node.to_le_bytes());
            }
        }
        out.u8(u8::from(members.auto_leave));
        out.long(&self.state.encode());
        let hash = *blake3::hash(&out.0).as_bytes();
        out.bytes(&hash);
        out.0
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let (body, hash) = bytes.split_last_chunk::<32>().ok_or(BadMessage)?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(BadMessage);
        }
        let mut from = Reader(body);
        if &from.array::<8>()? != MAGIC {
            return Err(BadMessage);
        }
        let (index, term) = (from.u64()?, from.u64()?);
        let mut lists: [Vec<u16>; 4] = Default::default();
        for list in &mut lists {
            for _ in 0..from.u32()? {
                list.push(u16::from_le_bytes(from.array()?));
            }
        }
        let [voters, learners, outgoing, learners_next] = lists;
        let members = Membership {
            index,
            term,
            voters,
            learners,
            outgoing,
            learners_next,
            auto_leave: from.u8()? == 1,
        };
        let state = ClusterState::decode(&from.long()?).map_err(|_| BadMessage)?;
        from.0.is_empty().then_some(()).ok_or(BadMessage)?;
        let point = SealPoint {
            index,
            term,
            members,
        };
        Ok(Self { point, state })
    }

    /// What the store in `dir` keeps.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be believed.
    pub fn read(files: &dyn FileLayer, dir: &Path) -> Result<Option<Self>, HostError> {
        let path = dir.join(FILE);
        let bytes = files.read_file(&path);
        let bytes = bytes.map_err(|error| HostError::Io(format!("{}: {error}", path.display())))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        Self::decode(&bytes).map(Some).map_err(|BadMessage| {
            HostError::Corrupt(format!(
                "{} is damaged: remove this member from its cluster and let it join again with an empty directory",
                path.display()
            ))
        })
    }
}

/// Lets the log of the cluster group go on behind what the store keeps, if the node died before the log knew (RF15).
///
/// # Errors
/// `Corrupt`, or what the log says.
pub(crate) fn begin_behind(
    log: &mut OpenLog,
    files: &dyn FileLayer,
    dir: &Path,
) -> Result<(), HostError> {
    let Some(kept) = Kept::read(files, dir)? else {
        return Ok(());
    };
    let reader = Arc::clone(&log.reader);
    let staged = kept
        .point
        .begin(log.store.as_mut(), reader.as_ref(), CLUSTER_GROUP)?;
    if staged && let Some(frame) = log.store.seal() {
        log.committer.commit(frame)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use pyralog_cluster::{Acknowledgement, Founding, Labels, NewMember, Replication};

    use super::*;

    fn kept() -> Kept {
        let member = |number: u16| NewMember {
            number,
            name: format!("node-{number}"),
            address: format!("10.0.0.{number}:7080"),
            tunnel: [number as u8; 32],
            cosigner_name: format!("pyralog/test-00/local/node-{number}"),
            cosigner: [100 + number as u8; 32],
            rpc: String::new(),
            labels: Labels::default(),
            weight: 100,
        };
        let founding = Founding {
            id: [7; 32],
            scope: "pyralog/test-00/local".to_owned(),
            members: (1..=3).map(member).collect(),
            partitions: Vec::new(),
            acknowledgement: Acknowledgement::Majority,
            replication: Replication {
                voters: 3,
                faults: 0,
            },
        };
        let mut members = Membership::of(&[1, 2, 3]);
        (members.index, members.term) = (9, 4);
        members.learners = vec![5];
        Kept {
            point: SealPoint {
                index: 9,
                term: 4,
                members,
            },
            state: ClusterState::found(&founding).unwrap(),
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        assert_eq!(Kept::decode(&kept().encode()), Ok(kept()));
    }

    #[test]
    fn no_byte_of_it_can_change_unnoticed() {
        let good = kept().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert_eq!(Kept::decode(&bad), Err(BadMessage), "byte {at}");
            assert_eq!(Kept::decode(&good[..at]), Err(BadMessage), "{at} bytes");
        }
        assert_eq!(Kept::decode(&[&good[..], &[0]].concat()), Err(BadMessage));
    }
}
