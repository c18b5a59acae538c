//! What the threads that send and the I/O thread have in common.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mio::Waker;
use parking_lot::{Mutex, RwLock};

use crate::connection::{Clock, Connection};
use crate::figures::{Counters, Kinds};
use crate::options::{Limits, Peer};

/// A member as senders see it.
#[derive(Default)]
pub(crate) struct Slot {
    pub connection: RwLock<Option<Arc<Connection>>>,
    pub counters: Arc<Counters>,
}

/// What the I/O thread is told.
pub(crate) enum Command {
    /// The members are these now.
    Peers(Vec<Peer>),
    /// A host's name was looked up for a dial.
    Resolved {
        peer: u16,
        found: Result<Vec<std::net::SocketAddr>, String>,
    },
    /// End.
    Close,
}

pub(crate) struct Shared {
    pub clock: Clock,
    pub limits: Limits,
    pub slots: RwLock<HashMap<u16, Arc<Slot>>>,
    pub strangers: Kinds,
    pub wake_ups: AtomicU64,
    pub commands: Mutex<Vec<Command>>,
    pub waker: Waker,
    pub closed: AtomicBool,
}

impl Shared {
    pub fn slot(&self, peer: u16) -> Option<Arc<Slot>> {
        self.slots.read().get(&peer).cloned()
    }

    /// Tells the I/O thread.
    pub fn command(&self, command: Command) {
        self.commands.lock().push(command);
        self.wake();
    }

    /// Lets the I/O thread look at all connections.
    pub fn wake(&self) {
        // It fails only when the poll is gone, and then there is nobody to wake.
        let _ = self.waker.wake();
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
