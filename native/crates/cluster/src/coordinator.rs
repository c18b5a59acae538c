//! Numbers of coordinators (GR13, S7).

use crate::codec::wire;

/// A coordinator's number and who has it, or had it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    /// Who.
    pub holder: String,
    /// The fencing number it was given.
    pub fence: u64,
    /// No earlier time is in the holder's ids.
    pub from_ms: u64,
    /// Until when; the number is free then.
    pub expires_ms: u64,
}
wire!(struct Coordinator { holder, fence, from_ms, expires_ms });
