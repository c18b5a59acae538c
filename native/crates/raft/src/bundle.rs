//! Bytes of bundles (RF9): messages of the engine and lists of positions (RF11), each behind a group and a length.

use protobuf::{CodedOutputStream, Message as _};
use pyralog_types::{u32_at, u64_at};
use raft::eraftpb::Message;

/// In place of a group: what follows is a list of positions.
const POSITIONS: u32 = u32::MAX;
const POSITION_BYTES: usize = 28;

/// How far a node's log of a group goes (RF11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogEnd {
    pub group: u32,
    pub term: u64,
    pub last_term: u64,
    pub last_index: u64,
}

/// One part of a bundle.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    Message(u32, Box<Message>),
    /// Whom its sender lost, and where it stands in the groups that one led.
    Positions(u16, Vec<LogEnd>),
}

/// Appends a message whose size was computed before.
pub(crate) fn put_message(out: &mut Vec<u8>, (group, size): (u32, usize), message: &Message) {
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&(size as u32).to_le_bytes());
    let mut stream = CodedOutputStream::vec(out);
    let written = message.write_to_with_cached_sizes(&mut stream);
    let flushed = written.and_then(|()| stream.flush());
    debug_assert!(flushed.is_ok(), "a vector takes everything");
}

pub(crate) fn put_positions(out: &mut Vec<u8>, lost: u16, ends: &[LogEnd]) {
    let length = 2 + ends.len() * POSITION_BYTES;
    out.extend_from_slice(&POSITIONS.to_le_bytes());
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&lost.to_le_bytes());
    for end in ends {
        out.extend_from_slice(&end.group.to_le_bytes());
        for word in [end.term, end.last_term, end.last_index] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// Bytes that a list of so many positions takes in a bundle.
pub(crate) fn positions_bytes(count: usize) -> usize {
    10 + count * POSITION_BYTES
}

/// Reads the next part, `None` at the end; the text says what is wrong.
pub(crate) fn next_part(rest: &mut &[u8]) -> Result<Option<Part>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    if rest.len() < 8 {
        return Err("a bundle is cut short".into());
    }
    let (group, length) = (u32_at(rest, 0), u32_at(rest, 4) as usize);
    let Some((bytes, behind)) = rest[8..].split_at_checked(length) else {
        return Err("a bundle is cut short".into());
    };
    *rest = behind;
    if group == POSITIONS {
        return positions(bytes).map(Some);
    }
    let mut message = Message::default();
    message
        .merge_from_bytes(bytes)
        .map_err(|error| format!("a message of group {group} cannot be read: {error}"))?;
    Ok(Some(Part::Message(group, Box::new(message))))
}

fn positions(bytes: &[u8]) -> Result<Part, String> {
    if bytes.len() < 2 || !(bytes.len() - 2).is_multiple_of(POSITION_BYTES) {
        return Err("a list of positions has another length".into());
    }
    let (lost, rest) = bytes.split_at(2);
    let ends = rest.as_chunks::<POSITION_BYTES>().0.iter();
    let ends = ends.map(|end| LogEnd {
        group: u32_at(end, 0),
        term: u64_at(end, 4),
        last_term: u64_at(end, 12),
        last_index: u64_at(end, 20),
    });
    let lost = u16::from_le_bytes([lost[0], lost[1]]);
    Ok(Part::Positions(lost, ends.collect()))
}
