//! Seal points and snapshots, as the host has them (RF15).

use super::node::{Node, Running, Sealed};
use super::weather::MILLI;
use super::world::{Event, World};
use crate::{Offer, SealPoint};

impl World {
    /// A seal point on a node: what is sealed is durable elsewhere, and the log lets go of it (RF15).
    pub(super) fn seal(&mut self, number: u16, group: u32) {
        let keep = self.chance.below(20);
        let node = self.node(number);
        let Some(running) = &mut node.running else {
            return;
        };
        let Some(sealed) = seal_of(running, group) else {
            return;
        };
        let index = sealed.point.index;
        let offer = Offer {
            index,
            term: sealed.point.term,
            data: Vec::new(),
        };
        node.sealed.insert(group, sealed);
        let offered = running.raft.offer_snapshot(group, offer);
        let kept = (index + 1).saturating_sub(keep);
        let store = running.log.store.as_mut();
        if offered.is_ok() && running.raft.release(store, group, kept).is_err() {
            return self.crash(number, "the log failed");
        }
        if let Some(reclaimer) = &running.log.reclaimer
            && reclaimer.reclaim().is_err()
        {
            return self.crash(number, "the log failed");
        }
        self.count("sealed");
    }

    /// The files of an offered snapshot are fetched from whoever offered it.
    pub(super) fn fetch(&mut self, number: u16, (group, from): (u32, u16), offer: &Offer) {
        let sealed = self.nodes[&from].sealed.get(&group);
        if let Some(sealed) = sealed
            .filter(|sealed| sealed.point.index >= offer.index)
            .cloned()
        {
            let takes = self.chance.between(1, 200) * MILLI;
            let event = Event::Fetched(number, group, Box::new(sealed));
            self.after(takes, event);
        }
    }

    pub(super) fn fetched(&mut self, number: u16, group: u32, sealed: Sealed) {
        let node = self.node(number);
        let Node {
            running: Some(running),
            sealed: all,
            ..
        } = node
        else {
            return;
        };
        let index = sealed.point.index;
        if index <= running.machine.replica(group).applied {
            return;
        }
        if let Err(reason) = running.machine.restore(group, sealed.entries.clone()) {
            return self
                .judge
                .lock()
                .unwrap()
                .fault(|| format!("RS9: {reason}"));
        }
        all.insert(group, sealed);
        if self.chance.one_in(5) {
            return self.crash(number, "crash behind a snapshot");
        }
        let Some(running) = &mut self.node(number).running else {
            return;
        };
        if running.raft.install(group).is_ok() {
            self.count("snapshot installed");
        }
        self.note(&format!(
            "node {number} group {group}: took a snapshot up to {index}"
        ));
        self.due(number);
    }
}

fn seal_of(running: &mut Running, group: u32) -> Option<Sealed> {
    let status = running.raft.status(group)?;
    let replica = running.machine.replica(group);
    let index = replica.applied;
    let term = replica.entries.last().map(|kept| u64::from(kept.epoch))?;
    // The members as of that index: those applied.
    let members = status.members;
    (status.applied == index && members.index <= index).then(|| Sealed {
        point: SealPoint {
            index,
            term,
            members,
        },
        entries: replica.entries.clone(),
    })
}
