//! The other members and what is done to have a link with each.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use mio::Token;

use super::Io;
use crate::backoff::Backoff;
use crate::event::Down;
use crate::options::Peer;

/// Another member.
pub(super) struct Member {
    pub peer: Peer,
    pub live: Option<Token>,
    /// The dial that is on its way.
    pub dialling: Option<Token>,
    /// A name is being looked up.
    pub resolving: bool,
    /// When to dial next, of a peer with a higher number.
    pub redial_at: Option<Duration>,
    pub backoff: Backoff,
    pub next_address: usize,
    /// What the last name looked up stands for and was not tried.
    pub resolved: VecDeque<SocketAddr>,
}

impl Io {
    pub(super) fn set_members(&mut self, peers: Vec<Peer>, now: Duration) {
        let changed: Vec<(u16, Down)> = self
            .members
            .values()
            .filter_map(|member| {
                let old = &member.peer;
                match peers.iter().find(|peer| peer.node == old.node) {
                    None => Some((old.node, Down::Removed)),
                    Some(new) if new.public != old.public => Some((old.node, Down::KeyChanged)),
                    Some(_) => None,
                }
            })
            .collect();
        for (node, why) in changed {
            if let Some(member) = self.members.remove(&node) {
                for token in [member.live, member.dialling].into_iter().flatten() {
                    self.end(token, &why);
                }
            }
        }
        for peer in peers {
            self.set_member(peer, now);
        }
    }

    fn set_member(&mut self, peer: Peer, now: Duration) {
        if let Some(member) = self.members.get_mut(&peer.node) {
            if member.peer.addresses != peer.addresses {
                member.next_address = 0;
                member.resolved.clear();
                // Waiting was for the old ones.
                member.redial_at = member.redial_at.map(|_| now);
                self.due = Duration::ZERO;
            }
            member.peer = peer;
            return;
        }
        let limits = &self.shared.limits;
        let dials = self.own.node < peer.node;
        let member = Member {
            live: None,
            dialling: None,
            resolving: false,
            redial_at: dials.then_some(now),
            backoff: Backoff::new(limits.redial_least, limits.redial_most),
            next_address: 0,
            resolved: VecDeque::new(),
            peer,
        };
        self.members.insert(member.peer.node, member);
        self.due = Duration::ZERO;
    }

    /// Pinned key of another member.
    pub(super) fn pinned(&self, node: u16) -> Option<[u8; 32]> {
        self.members.get(&node).map(|member| member.peer.public)
    }

    /// Dials again after a while, if this node is the one to dial.
    pub(super) fn redial_later(&mut self, node: u16, now: Duration) {
        let random = self.random.f64();
        let Some(member) = self.members.get_mut(&node) else {
            return;
        };
        if self.own.node < node && member.live.is_none() && member.dialling.is_none() {
            let at = now + member.backoff.wait(random);
            member.redial_at = Some(at);
            self.due_at(at);
        }
    }
}
