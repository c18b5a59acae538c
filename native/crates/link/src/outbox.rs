//! What waits to be sent to one peer: a queue for each priority, bounded (LK6, LK7), cut into the plaintexts of Noise messages
//! (LK5) in the order in which they leave.

use std::collections::VecDeque;

use crate::mutant::{Mutant, on};
use crate::options::Priority;
use crate::piece::{CONTINUED, FIRST, HEAD_CONTINUED, HEAD_FIRST, PLAIN_MOST};

/// Bytes of normal messages that may pass while bulk waits, before bulk gets one turn.
const NORMAL_RUN: usize = 1 << 20;

struct Waiting {
    channel: u8,
    bytes: Vec<u8>,
    /// Bytes of it that left.
    sent: usize,
    /// Whether its first piece left.
    begun: bool,
}

/// Bytes that a waiting message counts for: its own, and what keeping it costs.
fn cost(length: usize) -> usize {
    length + size_of::<Waiting>()
}

/// What was cut off the first message of a queue.
enum Cut {
    /// Nothing: too little room for a piece.
    NoRoom,
    /// A piece; more of the message waits.
    Part,
    /// Its last piece.
    Last { channel: u8, length: usize },
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    cost: usize,
}

/// The three queues of a peer.
pub(crate) struct Outbox {
    lanes: [Lane; 3],
    bounds: [usize; 3],
    /// Bytes of normal messages since bulk had a turn.
    normal_run: usize,
}

/// A message found no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Outbox {
    pub fn new(bounds: [usize; 3]) -> Self {
        Self {
            lanes: Default::default(),
            bounds,
            normal_run: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.waiting.is_empty())
    }

    /// Lets a message wait, or refuses it. One that is alone in its queue always finds room.
    pub fn push(&mut self, priority: Priority, channel: u8, bytes: Vec<u8>) -> Result<(), Full> {
        let lane = &mut self.lanes[priority.index()];
        let cost = lane.cost + cost(bytes.len());
        let fits = cost <= self.bounds[priority.index()] || lane.waiting.is_empty();
        if !fits && !on(Mutant::Unbounded) {
            return Err(Full);
        }
        lane.cost = cost;
        lane.waiting.push_back(Waiting {
            channel,
            bytes,
            sent: 0,
            begun: false,
        });
        Ok(())
    }

    /// Puts pieces into `plain` until it is full or nothing waits; `sent` hears of each message that has left whole.
    pub fn fill(&mut self, plain: &mut Vec<u8>, mut sent: impl FnMut(Priority, u8, usize)) {
        plain.clear();
        while let Some(priority) = self.next() {
            let room = PLAIN_MOST - plain.len();
            match self.piece(priority, room, plain) {
                Cut::NoRoom => return,
                Cut::Part => {}
                Cut::Last { channel, length } => sent(priority, channel, length),
            }
        }
    }

    /// Whose turn it is: urgent, then normal, then bulk, which has one turn in a mebibyte of normal ones.
    fn next(&self) -> Option<Priority> {
        let waits = |priority: Priority| !self.lanes[priority.index()].waiting.is_empty();
        let bulk_turn = self.normal_run >= NORMAL_RUN && waits(Priority::Bulk);
        if on(Mutant::NormalFirst) && waits(Priority::Normal) {
            return Some(Priority::Normal);
        }
        if waits(Priority::Urgent) {
            Some(Priority::Urgent)
        } else if bulk_turn && !on(Mutant::StarveBulk) {
            Some(Priority::Bulk)
        } else {
            [Priority::Normal, Priority::Bulk]
                .into_iter()
                .find(|&p| waits(p))
        }
    }

    /// The next piece of that queue's first message.
    fn piece(&mut self, priority: Priority, room: usize, plain: &mut Vec<u8>) -> Cut {
        let lane = &mut self.lanes[priority.index()];
        let Some(message) = lane.waiting.front_mut() else {
            return Cut::NoRoom;
        };
        let head = if message.begun {
            HEAD_CONTINUED
        } else {
            HEAD_FIRST
        };
        let rest = message.bytes.len() - message.sent;
        // A piece carries at least a byte, unless its message has none.
        if room < head + rest.min(1) {
            return Cut::NoRoom;
        }
        let take = rest.min(room - head);
        let kind = if message.begun { CONTINUED } else { FIRST };
        plain.push(kind | priority as u8);
        if !message.begun {
            plain.push(message.channel);
            plain.extend_from_slice(&(message.bytes.len() as u32).to_le_bytes());
        }
        plain.extend_from_slice(&(take as u16).to_le_bytes());
        plain.extend_from_slice(&message.bytes[message.sent..message.sent + take]);
        message.begun = true;
        message.sent += take;
        match priority {
            Priority::Urgent => {}
            Priority::Normal => self.normal_run += take,
            Priority::Bulk => self.normal_run = 0,
        }
        if message.sent < message.bytes.len() {
            return Cut::Part;
        }
        let (channel, length) = (message.channel, message.bytes.len());
        lane.cost -= cost(length);
        lane.waiting.pop_front();
        Cut::Last { channel, length }
    }
}
