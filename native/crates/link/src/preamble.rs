//! The preamble (LK3): 48 bytes in clear that say who wants whom, and the answer of one byte.

/// Bytes of a preamble; all that a stranger can make a listener keep before the answer.
pub(crate) const LENGTH: usize = 48;
/// First bytes of a preamble.
const MAGIC: &[u8; 7] = b"PYRLNK\x00";
/// The version spoken here.
pub(crate) const VERSION: u8 = 1;

/// Why a listener refuses a preamble. A hint for the operator that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum Reason {
    /// Another version of this protocol.
    #[error("the nodes speak different versions of the link protocol: bring both to one release")]
    Version = 1,
    /// The cluster id differs.
    #[error(
        "the nodes belong to different clusters: compare the cluster id of both configurations"
    )]
    Cluster = 2,
    /// The listener has another number.
    #[error("the address belongs to another node: correct the addresses in the configuration")]
    NotTo = 3,
    /// The dialler's number is not among the members.
    #[error("the dialling node is no member in the listener's configuration: add it first")]
    NotAMember = 4,
    /// Too many connections wait for their handshake.
    #[error("too many connections wait for their handshake: it is tried again")]
    Busy = 5,
    /// The dialler has the higher number (LK2).
    #[error("of a pair the node with the lower number dials: it is the other's turn")]
    WrongWay = 6,
}

impl Reason {
    /// The reason of an answer; `None` when it is no such number.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Version,
            Self::Cluster,
            Self::NotTo,
            Self::NotAMember,
            Self::Busy,
            Self::WrongWay,
        ]
        .into_iter()
        .find(|&reason| reason as u8 == byte)
    }

    /// Its kind in one word, for counters.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Cluster => "cluster",
            Self::NotTo => "not-to",
            Self::NotAMember => "not-a-member",
            Self::Busy => "busy",
            Self::WrongWay => "wrong-way",
        }
    }
}

/// What a preamble says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preamble {
    /// Cluster id.
    pub cluster: [u8; 32],
    /// Number of the dialler.
    pub from: u16,
    /// Number that it wants to reach.
    pub to: u16,
}

/// What is wrong with the bytes of a preamble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// No magic, or bytes that must be zero are not.
    NotALink,
    /// Another version.
    Version,
}

impl Preamble {
    /// Its bytes.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..7].copy_from_slice(MAGIC);
        bytes[7] = VERSION;
        bytes[8..40].copy_from_slice(&self.cluster);
        bytes[40..42].copy_from_slice(&self.from.to_le_bytes());
        bytes[42..44].copy_from_slice(&self.to.to_le_bytes());
        bytes
    }

    /// Reads one; what stands behind the version is not looked at when that is another.
    pub fn decode(bytes: &[u8; LENGTH]) -> Result<Self, Malformed> {
        if bytes[..7] != MAGIC[..] {
            return Err(Malformed::NotALink);
        }
        if bytes[7] != VERSION {
            return Err(Malformed::Version);
        }
        if bytes[44..] != [0; 4] {
            return Err(Malformed::NotALink);
        }
        let mut cluster = [0; 32];
        cluster.copy_from_slice(&bytes[8..40]);
        Ok(Self {
            cluster,
            from: u16::from_le_bytes([bytes[40], bytes[41]]),
            to: u16::from_le_bytes([bytes[42], bytes[43]]),
        })
    }
}
