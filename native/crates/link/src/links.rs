//! The face of the links.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::connection::Turn;
use crate::event::{Down, Event};
use crate::figures::Figures;
use crate::io::Io;
use crate::options::{self, LinkOptions, Peer, Priority};
use crate::shared::{Command, Shared, Slot};
use crate::{LinkError, SendError};

/// This node's links to the other members: listens, dials, and keeps one authenticated connection with each (docs/spec/link.md).
/// Usable from every thread. Dropping it closes it.
pub struct Links {
    node: u16,
    local: SocketAddr,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Links {
    /// Listens and begins to dial. `events` is called on the I/O thread, which serves all peers: it must be quick (hand over to a
    /// queue), must not panic, and may call [`Links::send`].
    ///
    /// # Errors
    /// [`LinkError`] when the address cannot be had, the members cannot be, or the system refuses a poll or a thread.
    pub fn start(
        options: LinkOptions,
        events: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self, LinkError> {
        options::check(options.node, &options.peers)?;
        let node = options.node;
        let peers = options.peers.clone();
        let (mut io, shared, local) = Io::open(options, events)?;
        let links = Self {
            node,
            local,
            shared,
            thread: Mutex::new(None),
        };
        links.set_peers(&peers)?;
        let thread = std::thread::Builder::new()
            .name("links".to_owned())
            .spawn(move || io.run())
            .map_err(|error| LinkError::System {
                what: "a thread",
                error,
            })?;
        *links.thread.lock() = Some(thread);
        Ok(links)
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends a message to a peer on a channel of 1 to 255. Messages of one priority that one thread sends to one peer arrive in that
    /// order, whole or not at all; what had not left when the link goes down is lost, which [`Event::Down`] tells. The calling
    /// thread writes if nobody else does, so this takes some microseconds, and never waits for the network.
    ///
    /// # Errors
    /// [`SendError`] says why it was not taken (LK7).
    pub fn send(
        &self,
        peer: u16,
        channel: u8,
        priority: Priority,
        bytes: Vec<u8>,
    ) -> Result<(), SendError> {
        if channel == 0 {
            return Err(SendError::ChannelZero);
        }
        let most = self.shared.limits.message[priority.index()];
        if bytes.len() > most {
            return Err(SendError::TooLong {
                length: bytes.len(),
                most,
            });
        }
        let slot = self.shared.slot(peer).ok_or(SendError::NotAMember(peer))?;
        let connection = slot.connection.read().clone();
        let connection = connection.ok_or(SendError::Down(peer))?;
        match connection.send(priority, channel, bytes)? {
            Turn::Done => {}
            Turn::More | Turn::Broken => self.shared.wake(),
        }
        Ok(())
    }

    /// Ends the link to a peer that broke a rule of the layer above (RF9). A new one is made as after any loss.
    pub fn end(&self, peer: u16, why: &str) {
        let connection = self
            .shared
            .slot(peer)
            .and_then(|slot| slot.connection.read().clone());
        if let Some(connection) = connection {
            connection.fail(Down::Ended(why.to_owned()));
            self.shared.wake();
        }
    }

    /// The members are these from now on. The links of those that are gone, or whose key changed, end; addresses count from the next
    /// dial on.
    ///
    /// # Errors
    /// [`LinkError`] when they cannot be; nothing is changed then.
    pub fn set_peers(&self, peers: &[Peer]) -> Result<(), LinkError> {
        if self.shared.is_closed() {
            return Err(LinkError::Closed);
        }
        options::check(self.node, peers)?;
        let others: Vec<Peer> = peers
            .iter()
            .filter(|peer| peer.node != self.node)
            .cloned()
            .collect();
        let mut slots = self.shared.slots.write();
        slots.retain(|node, _| others.iter().any(|peer| peer.node == *node));
        for peer in &others {
            slots
                .entry(peer.node)
                .or_insert_with(|| Arc::new(Slot::default()));
        }
        // Under the lock, so that two changes reach the I/O thread in the order in which they were made.
        self.shared.command(Command::Peers(others));
        drop(slots);
        Ok(())
    }

    /// Counters of now (LK9).
    #[must_use]
    pub fn figures(&self) -> Figures {
        let now = self.shared.clock.now();
        let slots = self.shared.slots.read();
        let peers = slots.iter().map(|(&node, slot)| {
            let up = slot.connection.read().is_some();
            (node, slot.counters.read(up, now))
        });
        Figures {
            peers: peers.collect(),
            strangers: self.shared.strangers.lock().clone(),
            wake_ups: self.shared.wake_ups.load(Ordering::Relaxed),
        }
    }

    /// Ends all links and waits for the I/O thread, unless it is called on it. Safe to call twice.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.command(Command::Close);
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        if thread.thread().id() != std::thread::current().id() {
            // It ends by a panic of `events` alone, which has been reported on its way.
            let _ = thread.join();
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links")
            .field("node", &self.node)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
