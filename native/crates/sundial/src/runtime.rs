//! What the engine asks for while it works: messages to send, timers to set, news.

use std::collections::BTreeMap;
use std::time::Duration;

use foca::{Message, Notification, Runtime, Timer};

use crate::identity::Node;
use crate::mutant::{Mutant, on};

/// Timers that are set, in order of when they are due, then of when they were set.
pub(crate) type Timers = BTreeMap<(Duration, u64), Timer<Node>>;

/// Takes it all down.
pub(crate) struct Taken<'a> {
    /// What this node's own time is (SD6).
    pub clock: Duration,
    pub timers: &'a mut Timers,
    pub set: &'a mut u64,
    pub messages: &'a mut Vec<(u16, Vec<u8>)>,
}

impl Runtime<Node> for Taken<'_> {
    /// What changed is looked up when the engine is done.
    fn notify(&mut self, _: Notification<'_, Node>) {}

    fn send_to(&mut self, to: Node, data: &[u8]) {
        let indirect = foca::Codec::decode_header(&mut crate::wire::Wire, data)
            .is_ok_and(|header| matches!(header.message, Message::PingReq { .. }));
        if !(indirect && on(Mutant::NoIndirect)) {
            self.messages.push((to.number, data.to_vec()));
        }
    }

    fn submit_after(&mut self, event: Timer<Node>, after: Duration) {
        *self.set += 1;
        self.timers.insert((self.clock + after, *self.set), event);
    }
}
