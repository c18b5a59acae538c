//! What goes wrong.

use std::collections::BTreeSet;

use super::weather::MILLI;
use super::world::{Event, World};
use crate::Change;

impl World {
    /// Something goes wrong, and later something else.
    pub(super) fn fault(&mut self) {
        if self.healed {
            return;
        }
        let (low, high) = self.weather.calm;
        let calm = self.chance.between(low, high);
        self.after(calm, Event::Fault);
        let node = self.any_node();
        match self.chance.below(28) {
            0 | 1 => self.crash(node, "crash"),
            2 => self.blow_fuse(node),
            3 => self.crash_all(),
            4 | 5 => self.split(),
            6 => self.one_way(),
            7 | 8 => self.isolate_leader(),
            9 => self.slow_disk(node),
            10 | 11 => self.pause(node),
            12 => self.jump_clock(node),
            13 | 14 => self.transfer(),
            15 | 16 => self.change_members(),
            17 => self.reset_link(),
            18 | 19 | 23..=25 => self.seal_some(node),
            20 => self.fail_disk(node),
            21 => self.stop_and_start(node),
            22 => self.campaign(node),
            _ => self.crash_leader(),
        }
    }

    fn any_node(&mut self) -> u16 {
        1 + self.chance.below(u64::from(self.weather.nodes)) as u16
    }

    fn any_group(&mut self) -> u32 {
        self.chance.below(u64::from(self.weather.groups)) as u32
    }

    fn leader_of(&self, group: u32) -> Option<u16> {
        let leads = self.nodes.values().filter_map(|node| {
            let term = node.running.as_ref()?.raft.leads(group)?;
            Some((term, node.number))
        });
        leads.max().map(|(_, number)| number)
    }

    fn crash_leader(&mut self) {
        let group = self.any_group();
        if let Some(leader) = self.leader_of(group) {
            self.crash(leader, "crash");
        }
    }

    fn crash_all(&mut self) {
        self.count("crash of all");
        for node in 1..=self.weather.nodes {
            self.crash(node, "crash");
        }
    }

    /// The power fails in the midst of one of the next calls of the disk.
    fn blow_fuse(&mut self, node: u16) {
        let calls = self.chance.below(12);
        self.count("fuse");
        self.node(node).disk.power_off_after(calls);
    }

    fn block(&mut self, list: Vec<(u16, u16)>, what: &'static str) {
        self.count(what);
        self.note(&format!("{what}: {list:?}"));
        self.net.blocked.extend(list.iter().copied());
        let lasts = self.chance.between(50, 3000) * MILLI;
        self.after(lasts, Event::Unblock(list));
        self.look_around();
    }

    fn split(&mut self) {
        let side: BTreeSet<u16> = (1..=self.weather.nodes)
            .filter(|_| self.chance.one_in(2))
            .collect();
        let mut list = Vec::new();
        for a in 1..=self.weather.nodes {
            for b in 1..=self.weather.nodes {
                if side.contains(&a) != side.contains(&b) {
                    list.push((a, b));
                }
            }
        }
        if !list.is_empty() {
            self.block(list, "partition");
        }
    }

    fn one_way(&mut self) {
        let (from, to) = (self.any_node(), self.any_node());
        if from != to {
            self.block(vec![(from, to)], "partition one way");
        }
    }

    fn isolate_leader(&mut self) {
        let group = self.any_group();
        let Some(leader) = self.leader_of(group) else {
            return;
        };
        let inward = self.chance.one_in(3);
        let outward = !inward && self.chance.one_in(2);
        let mut list = Vec::new();
        for other in (1..=self.weather.nodes).filter(|other| *other != leader) {
            if !outward {
                list.push((other, leader));
            }
            if !inward {
                list.push((leader, other));
            }
        }
        self.block(list, "leader cut off");
    }

    fn slow_disk(&mut self, node: u16) {
        self.count("slow disk");
        self.node(node).slow = 30;
        let lasts = self.chance.between(100, 2000) * MILLI;
        self.after(lasts, Event::Quicken(node));
    }

    fn pause(&mut self, node: u16) {
        if self.nodes[&node].running.is_some() {
            self.count("pause");
            let lasts = self.chance.between(20, 3000) * MILLI;
            self.note(&format!("node {node} pauses for {lasts}"));
            self.node(node).paused = self.now + lasts;
            self.look_around();
            self.after(lasts + 2, Event::Unblock(Vec::new()));
        }
    }

    fn jump_clock(&mut self, node: u16) {
        self.count("jump of the clock");
        let by = self.chance.below(7_200_000).cast_signed() - 3_600_000;
        self.node(node).clock += by;
    }

    fn transfer(&mut self) {
        let (group, to) = (self.any_group(), self.any_node());
        let Some(leader) = self.leader_of(group) else {
            return;
        };
        if let Some(running) = &mut self.node(leader).running
            && running.raft.transfer(group, to).is_ok()
        {
            self.count("transfer");
            self.due(leader);
        }
    }

    fn change_members(&mut self) {
        if !self.weather.members_change {
            return;
        }
        let group = self.any_group();
        let (one, two) = (self.any_node(), self.any_node());
        let Some(leader) = self.leader_of(group) else {
            return;
        };
        let kind = self.chance.below(7);
        let Some(running) = &mut self.node(leader).running else {
            return;
        };
        let voters = running
            .raft
            .status(group)
            .map_or(0, |status| status.members.voters.len());
        let mut change = Change::default();
        match kind {
            0 => change.learners.push(one),
            1 | 2 => change.voters.push(one),
            3..=5 if one != two => {
                change.voters.push(one);
                change.remove.push(two);
            }
            _ if voters > 2 => change.remove.push(one),
            _ => return,
        }
        let joint = change.voters.len() + change.remove.len() > 1;
        if running.raft.change(group, &change).is_ok() {
            self.count(if joint { "joint change" } else { "change" });
            self.note(&format!("node {leader} group {group}: {change:?}"));
            self.due(leader);
        }
    }

    fn reset_link(&mut self) {
        let (a, b) = (self.any_node(), self.any_node());
        if a != b {
            self.count("link reset");
            self.net.cut(a, b);
            if self.weather.detector {
                for (node, peer) in [(a, b), (b, a)] {
                    if let Some(running) = &mut self.node(node).running {
                        running.raft.peer_lost(peer);
                        running.raft.peer_heard(peer);
                        self.due(node);
                    }
                }
            }
        }
    }

    fn seal_some(&mut self, node: u16) {
        if self.weather.snapshots && self.nodes[&node].paused <= self.now {
            let group = self.any_group();
            self.seal(node, group);
        }
    }

    fn fail_disk(&mut self, node: u16) {
        self.count("failing disk");
        if self.chance.one_in(2) {
            self.node(node).disk.fail_next_sync();
        } else {
            self.node(node).disk.fail_next_write();
        }
    }

    fn stop_and_start(&mut self, number: u16) {
        let node = self.node(number);
        if node.paused > 0 {
            return;
        }
        let Some(running) = &mut node.running else {
            return;
        };
        while let Some(frame) = running.frames.pop_front() {
            if running.log.committer.write(frame).is_err() {
                return self.crash(number, "a write failed");
            }
        }
        if running.log.committer.stop(b"").is_ok() {
            self.count("orderly stop");
        }
        self.crash(number, "stop");
    }

    fn campaign(&mut self, node: u16) {
        let group = self.any_group();
        if let Some(running) = &mut self.node(node).running {
            // Stopped or not, it asks.
            let _refused = running.raft.campaign(group);
            self.count("campaign");
            self.due(node);
        }
    }
}
