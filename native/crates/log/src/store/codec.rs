//! Bytes of the small states (W5).

use super::{Durability, HardState, Membership, PartitionConfig, TreeState};
use crate::wal::Record;

/// Hard state: commit and term stand in the record header, the vote in 8 bytes.
pub(crate) fn decode_hard_state(record: &Record<'_>) -> Result<HardState, String> {
    let vote = <[u8; 8]>::try_from(record.bytes)
        .map_err(|_| format!("a hard state of {} bytes", record.bytes.len()))?;
    Ok(HardState {
        term: record.term,
        vote: u64::from_le_bytes(vote),
        commit: record.index,
    })
}

/// Tree state: the size stands in the record header, then one root or two.
pub(crate) fn decode_tree_state(record: &Record<'_>) -> Result<TreeState, String> {
    let wrong = || format!("a tree state of {} bytes", record.bytes.len());
    let (root, rest) = record.bytes.split_first_chunk::<32>().ok_or_else(wrong)?;
    let sha256_root = match rest.len() {
        0 => None,
        _ => Some(<[u8; 32]>::try_from(rest).map_err(|_| wrong())?),
    };
    Ok(TreeState {
        size: record.index,
        root: *root,
        sha256_root,
    })
}

pub(crate) fn encode_tree_state(state: &TreeState) -> Vec<u8> {
    let mut bytes = state.root.to_vec();
    bytes.extend(state.sha256_root.iter().flatten());
    bytes
}

/// Fixed part of a partition configuration: window u64, records u64, flags u8: bit 0 SHA-256 tree, bits 1 and 2 durability.
const CONFIG_FIXED_BYTES: usize = 17;

pub(crate) fn encode_config(config: &PartitionConfig) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CONFIG_FIXED_BYTES + config.origin.len());
    bytes.extend_from_slice(&config.dedup_window_ms.to_le_bytes());
    bytes.extend_from_slice(&config.dedup_records.to_le_bytes());
    bytes.push(u8::from(config.sha256) | (config.durability as u8) << 1);
    bytes.extend_from_slice(config.origin.as_bytes());
    bytes
}

pub(crate) fn decode_config(bytes: &[u8]) -> Result<PartitionConfig, String> {
    let wrong = || format!("a partition configuration of {} bytes", bytes.len());
    let (window, rest) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (records, rest) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (flags, origin) = rest.split_first().ok_or_else(wrong)?;
    let durability = match flags >> 1 {
        0 => Durability::Sync,
        1 => Durability::Interval,
        2 => Durability::Memory,
        _ => return Err("a partition configuration with unknown flags".into()),
    };
    Ok(PartitionConfig {
        dedup_window_ms: u64::from_le_bytes(*window),
        dedup_records: u64::from_le_bytes(*records),
        sha256: flags & 1 == 1,
        durability,
        origin: std::str::from_utf8(origin)
            .map_err(|_| "an origin that is not UTF-8".to_string())?
            .to_owned(),
    })
}

/// Who is in a group (RF3): four lists, each a count and so many numbers, then auto-leave.
pub(crate) fn encode_members(members: &Membership) -> Vec<u8> {
    let mut bytes = Vec::new();
    for list in members.lists() {
        bytes.extend_from_slice(&(list.len() as u16).to_le_bytes());
        bytes.extend(list.iter().flat_map(|node| node.to_le_bytes()));
    }
    bytes.push(u8::from(members.auto_leave));
    bytes
}

/// The membership that the entry at (index, term) made.
pub(crate) fn decode_members(
    (index, term): (u64, u64),
    bytes: &[u8],
) -> Result<Membership, String> {
    let wrong = || format!("a membership of {} bytes", bytes.len());
    let mut rest = bytes;
    let mut lists: [Vec<u16>; 4] = Default::default();
    for list in &mut lists {
        let (count, behind) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let length = usize::from(u16::from_le_bytes(*count)) * 2;
        let (nodes, behind) = behind.split_at_checked(length).ok_or_else(wrong)?;
        let nodes = nodes.as_chunks::<2>().0.iter();
        *list = nodes.map(|node| u16::from_le_bytes(*node)).collect();
        rest = behind;
    }
    let [auto_leave @ (0 | 1)] = *rest else {
        return Err(wrong());
    };
    let [voters, learners, outgoing, learners_next] = lists;
    Ok(Membership {
        index,
        term,
        voters,
        learners,
        outgoing,
        learners_next,
        auto_leave: auto_leave == 1,
    })
}
