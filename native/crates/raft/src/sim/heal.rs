//! The end of faults, and what nodes notice of each other.

use super::weather::{MILLI, SECOND};
use super::world::{Event, World};

impl World {
    /// Faults end.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.note("healed");
        self.net.blocked.clear();
        self.weather.loss = 0;
        for number in 1..=self.weather.nodes {
            let node = self.node(number);
            (node.paused, node.slow) = (0, 1);
            node.disk.disarm();
            if node.disk.is_off() {
                self.crash(number, "crash");
            }
            self.after(100 * MILLI, Event::Restart(number));
        }
        for client in 0..self.clients.len() {
            self.clients[client].alarm += 1;
            let alarm = self.clients[client].alarm;
            self.after(SECOND, Event::Wake(client as u16, alarm));
        }
        self.look_around();
        self.after(SECOND, Event::Look);
    }

    /// Whether a node hears a peer, as things are.
    fn reaches(&self, node: u16, peer: u16) -> bool {
        let peer_runs = self.nodes[&peer].running.is_some() && self.nodes[&peer].paused <= self.now;
        peer_runs && !self.net.blocked.contains(&(peer, node))
    }

    /// Nodes will notice whom they hear no more, and whom again.
    pub(super) fn look_around(&mut self) {
        if !self.weather.detector {
            return;
        }
        for node in 1..=self.weather.nodes {
            for peer in (1..=self.weather.nodes).filter(|peer| *peer != node) {
                let hears = self.hears.get(&(node, peer)).copied().unwrap_or(true);
                if self.reaches(node, peer) != hears {
                    // A process that is gone closes its connections; silence takes longer to notice.
                    let gone = self.nodes[&peer].running.is_none();
                    let takes = if gone {
                        self.chance.between(100, 3 * MILLI)
                    } else {
                        self.chance.between(50 * MILLI, 300 * MILLI)
                    };
                    self.after(takes, Event::Notice(node, peer));
                }
            }
        }
    }

    pub(super) fn notice(&mut self, number: u16, peer: u16) {
        let reaches = self.reaches(number, peer);
        let before = self.hears.insert((number, peer), reaches).unwrap_or(true);
        if before == reaches {
            return;
        }
        let Some(running) = &mut self.node(number).running else {
            self.hears.remove(&(number, peer));
            return;
        };
        if reaches {
            running.raft.peer_heard(peer);
        } else {
            running.raft.peer_lost(peer);
            self.count("peer lost");
        }
        self.due(number);
    }
}
