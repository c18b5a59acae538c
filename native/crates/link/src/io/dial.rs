//! Dialling peers with higher numbers (LK2).

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mio::net::TcpStream;

use super::pending::Pending;
use super::{Held, Io};
use crate::options::Address;
use crate::shared::Command;

impl Io {
    /// Dials the next address of a peer.
    pub(super) fn dial(&mut self, node: u16, now: Duration) {
        let Some(member) = self.members.get_mut(&node) else {
            return;
        };
        member.redial_at = None;
        if member.live.is_some() || member.dialling.is_some() || member.resolving {
            return;
        }
        if let Some(address) = member.resolved.pop_front() {
            return self.connect(node, address, now);
        }
        let addresses = &member.peer.addresses;
        let Some(address) = addresses.get(member.next_address % addresses.len().max(1)) else {
            return self.dial_failed(node, "the configuration has no address of it".to_owned());
        };
        member.next_address += 1;
        match address.clone() {
            Address::Socket(address) => self.connect(node, address, now),
            Address::Name(name) => {
                member.resolving = true;
                self.resolve(node, name, now);
            }
        }
    }

    fn connect(&mut self, node: u16, address: SocketAddr, now: Duration) {
        let Some(public) = self.pinned(node) else {
            return;
        };
        let mut out = Vec::new();
        let handshake = self.dial_handshake(node, public, &mut out);
        let connected = TcpStream::connect(address).and_then(|mut stream| {
            let token = self.register(&mut stream);
            let token = token.ok_or_else(|| std::io::Error::other("no place in the poll"))?;
            Ok((stream, token))
        });
        let (stream, token) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                self.dial_failed(node, format!("{address}: {error}"));
                return self.redial_later(node, now);
            }
        };
        let deadline = now + self.shared.limits.handshake;
        self.due_at(deadline);
        let pending = Pending {
            stream,
            address,
            handshake,
            dialled: Some(node),
            connected: false,
            out,
            began: now,
            deadline,
            over: false,
            read_away: 0,
        };
        self.held.insert(token, Held::Pending(Box::new(pending)));
        if let Some(member) = self.members.get_mut(&node) {
            member.dialling = Some(token);
        }
    }

    /// Looks a host's name up in a thread of its own, for that can take as long as it likes and cannot be stopped.
    fn resolve(&mut self, node: u16, name: String, now: Duration) {
        let shared = Arc::clone(&self.shared);
        let job = move || {
            let found = name
                .to_socket_addrs()
                .map(Iterator::collect)
                .map_err(|error| format!("{name}: {error}"));
            shared.command(Command::Resolved { peer: node, found });
        };
        let spawned = std::thread::Builder::new()
            .name("links-name".to_owned())
            .spawn(job);
        if let Err(error) = spawned {
            self.resolved(node, Err(error.to_string()), now);
        }
    }

    /// A name was looked up.
    pub(super) fn resolved(
        &mut self,
        node: u16,
        found: Result<Vec<SocketAddr>, String>,
        now: Duration,
    ) {
        let Some(member) = self.members.get_mut(&node) else {
            return;
        };
        member.resolving = false;
        match found {
            Ok(addresses) if !addresses.is_empty() => {
                member.resolved = addresses.into();
                self.dial(node, now);
            }
            Ok(_) => {
                self.dial_failed(node, "its name stands for no address".to_owned());
                self.redial_later(node, now);
            }
            Err(why) => {
                self.dial_failed(node, why);
                self.redial_later(node, now);
            }
        }
    }

    /// Counts a dial that came to nothing before anything was said.
    pub(super) fn dial_failed(&mut self, node: u16, why: String) {
        if let Some(slot) = self.shared.slot(node) {
            slot.counters.dial_failures.fetch_add(1, Relaxed);
            *slot.counters.last_dial_failure.lock() = Some(why);
        }
    }

    /// The dial is over without a link.
    pub(super) fn dial_ended(&mut self, node: u16, now: Duration) {
        if let Some(member) = self.members.get_mut(&node) {
            member.dialling = None;
        }
        self.redial_later(node, now);
    }
}
