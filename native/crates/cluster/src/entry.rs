//! A command as an entry of the cluster group (GR1): the leader says what time it is, so that all replicas agree on it.

/// Bytes before a command.
const HEAD_BYTES: usize = 16;
/// Kind of the entry, where a membership change has 2 (RF2).
const KIND: u32 = 3;

/// An entry: time in Unix milliseconds, zero, kind, command.
#[must_use]
pub fn encode_entry(time_ms: u64, command: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + command.len());
    out.extend_from_slice(&time_ms.to_le_bytes());
    out.extend_from_slice(&0_u32.to_le_bytes());
    out.extend_from_slice(&KIND.to_le_bytes());
    out.extend_from_slice(command);
    out
}

/// Time and command of an entry; `None` when it is none of these.
#[must_use]
pub fn decode_entry(entry: &[u8]) -> Option<(u64, &[u8])> {
    let (time, rest) = entry.split_first_chunk::<8>()?;
    let (zero, rest) = rest.split_first_chunk::<4>()?;
    let (kind, command) = rest.split_first_chunk::<4>()?;
    let known = u32::from_le_bytes(*zero) == 0 && u32::from_le_bytes(*kind) == KIND;
    known.then_some((u64::from_le_bytes(*time), command))
}
