//! What links are started with.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::detector::DetectorLimits;
use crate::{LinkError, TransportKey};

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// By number.
    Socket(SocketAddr),
    /// By name, `host:port`; looked up again before each dial.
    Name(String),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Socket(address)
    }
}

impl FromStr for Address {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Socket(address));
        }
        let good = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok_and(|p| p > 0)
        });
        if good {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(LinkError::Address(text.to_owned()))
        }
    }
}

/// A member of the cluster, as its configuration says (LK1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its number, 1 to 1,023.
    pub node: u16,
    /// Its public transport key.
    pub public: [u8; 32],
    /// Where it listens, tried in turn. Not needed of a node with a lower number, which dials here.
    pub addresses: Vec<Address>,
}

/// How a message waits and in which order it leaves (LK6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Votes, heartbeats of groups, positions.
    Urgent,
    /// Appends and answers.
    Normal,
    /// Snapshots.
    Bulk,
}

impl Priority {
    /// All, the first to leave first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// Its place in [`Priority::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Bounds and times of LK3 to LK8; the default is what the page says.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest message of each priority, bytes.
    pub message: [usize; 3],
    /// Bytes that may wait in each queue.
    pub queue: [usize; 3],
    /// Connections that may be on their way through the handshake at once.
    pub unauthenticated: usize,
    /// How long a handshake may take, dialling included.
    pub handshake: Duration,
    /// First wait before a redial.
    pub redial_least: Duration,
    /// Longest wait before a redial.
    pub redial_most: Duration,
    /// Time in which nothing was sent after which a heartbeat goes out.
    pub heartbeat: Duration,
    /// The same when no message of the layer above went either way for `idle_after`.
    pub idle_heartbeat: Duration,
    /// See `idle_heartbeat`.
    pub idle_after: Duration,
    /// When a peer is silent.
    pub detector: DetectorLimits,
    /// Silence after which a connection is given up.
    pub give_up: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: [1 << 20, 32 << 20, 256 << 10],
            queue: [4 << 20, 64 << 20, 4 << 20],
            unauthenticated: 64,
            handshake: Duration::from_secs(5),
            redial_least: Duration::from_millis(10),
            redial_most: Duration::from_secs(1),
            heartbeat: Duration::from_millis(2),
            idle_heartbeat: Duration::from_millis(10),
            idle_after: Duration::from_millis(100),
            detector: DetectorLimits::default(),
            give_up: Duration::from_secs(5),
        }
    }
}

/// Makes this node's hello for a peer, at most 1,024 bytes (LK4). Called on the I/O thread.
pub type MakeHello = Arc<dyn Fn(u16) -> Vec<u8> + Send + Sync>;

/// Accepts a peer's hello, or says in words for both operators why not. Called on the I/O thread, at times before the peer
/// is known to be there now: it must change nothing.
pub type JudgeHello = Arc<dyn Fn(u16, &[u8]) -> Result<(), String> + Send + Sync>;

/// What links are started with.
#[derive(Clone)]
pub struct LinkOptions {
    /// Id of the cluster.
    pub cluster: [u8; 32],
    /// This node's number.
    pub node: u16,
    /// This node's transport key.
    pub secret: TransportKey,
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The members; an entry of this node itself is passed over.
    pub peers: Vec<Peer>,
    /// This node's hello.
    pub hello: MakeHello,
    /// What a peer's hello must be.
    pub judge: JudgeHello,
    /// Bounds and times.
    pub limits: Limits,
}

impl LinkOptions {
    /// Options with an empty hello that everybody accepts, no peers yet, and the bounds of the specification.
    #[must_use]
    pub fn new(cluster: [u8; 32], node: u16, secret: TransportKey, listen: SocketAddr) -> Self {
        Self {
            cluster,
            node,
            secret,
            listen,
            peers: Vec::new(),
            hello: Arc::new(|_| Vec::new()),
            judge: Arc::new(|_, _| Ok(())),
            limits: Limits::default(),
        }
    }
}

/// Refuses members that cannot be.
pub(crate) fn check(node: u16, peers: &[Peer]) -> Result<(), LinkError> {
    let number = |node: u16| {
        if (1..=1023).contains(&node) {
            Ok(())
        } else {
            Err(LinkError::Node(node))
        }
    };
    number(node)?;
    for (at, peer) in peers.iter().enumerate() {
        number(peer.node)?;
        if peer.public == [0; 32] {
            return Err(LinkError::Key(peer.node));
        }
        if peers[..at].iter().any(|other| other.node == peer.node) {
            return Err(LinkError::Twice(peer.node));
        }
    }
    Ok(())
}
