//! Two ends of a handshake without sockets.

use crate::TransportKey;
use crate::event::Refusal;
use crate::handshake::{Context, Established, Handshake, Progress};
use crate::options::Limits;

/// One node as a handshake sees it.
pub(super) struct End {
    pub cluster: [u8; 32],
    pub node: u16,
    pub secret: TransportKey,
    /// Other members and their pinned keys.
    pub members: Vec<(u16, [u8; 32])>,
    pub hello: Vec<u8>,
    /// Refuses every hello with this.
    pub refuses: Option<String>,
}

/// The key of a node in these tests.
pub(super) fn key(node: u16) -> TransportKey {
    let mut bytes = [0x5A; 32];
    bytes[..2].copy_from_slice(&node.to_le_bytes());
    TransportKey::from_bytes(bytes)
}

/// A node that knows nodes 1 to 3.
pub(super) fn end(node: u16) -> End {
    End {
        cluster: [9; 32],
        node,
        secret: key(node),
        members: (1..=3).map(|node| (node, key(node).public())).collect(),
        hello: format!("hello of {node}").into_bytes(),
        refuses: None,
    }
}

impl End {
    pub fn with<T>(&self, body: impl FnOnce(&Context<'_>) -> T) -> T {
        let member = |node| {
            let found = self.members.iter().find(|(member, _)| *member == node);
            found.map(|(_, public)| *public)
        };
        let hello = |_| self.hello.clone();
        let judge = |_, _: &[u8]| self.refuses.clone().map_or(Ok(()), Err);
        body(&Context {
            cluster: self.cluster,
            node: self.node,
            secret: &self.secret,
            member: &member,
            hello: &hello,
            judge: &judge,
            message: Limits::default().message,
        })
    }

    pub fn dial(&self, to: &Self) -> (Handshake, Vec<u8>) {
        let pinned = self.members.iter().find(|(node, _)| *node == to.node);
        let public = pinned.map_or(key(to.node).public(), |(_, public)| *public);
        let mut out = Vec::new();
        let handshake = self.with(|context| Handshake::dial(context, to.node, public, &mut out));
        (handshake, out)
    }

    pub fn feed(&self, handshake: &mut Handshake, bytes: &[u8]) -> (Progress, Vec<u8>) {
        let mut out = Vec::new();
        let progress = self.with(|context| handshake.feed(context, bytes, &mut out));
        (progress, out)
    }
}

/// How a handshake ended at one side.
pub(super) type Ended = Result<Box<Established>, Refusal>;

/// Runs a handshake to its end, in chunks of so many bytes; `None` where a side still waits.
pub(super) fn shake(dialler: &End, listener: &End, chunk: usize) -> (Option<Ended>, Option<Ended>) {
    let (one, mut to_two) = dialler.dial(listener);
    let mut sides = [(dialler, one, None), (listener, Handshake::listen(), None)];
    let mut to_one = Vec::new();
    while !to_one.is_empty() || !to_two.is_empty() {
        step(&mut sides[1], &mut to_two, &mut to_one, chunk);
        step(&mut sides[0], &mut to_one, &mut to_two, chunk);
    }
    let [(_, _, one), (_, _, two)] = sides;
    (one, two)
}

fn step(
    (end, handshake, ended): &mut (&End, Handshake, Option<Ended>),
    inbound: &mut Vec<u8>,
    outbound: &mut Vec<u8>,
    chunk: usize,
) {
    let bytes: Vec<u8> = inbound.drain(..inbound.len().min(chunk)).collect();
    if bytes.is_empty() || ended.is_some() {
        return;
    }
    let (progress, out) = end.feed(handshake, &bytes);
    outbound.extend_from_slice(&out);
    match progress {
        Progress::More => {}
        Progress::Done(established) => *ended = Some(Ok(established)),
        Progress::Refused(why) => *ended = Some(Err(why)),
    }
}

/// Both sides of a link between nodes 1 and 2.
pub(super) fn established() -> (Box<Established>, Box<Established>) {
    match shake(&end(1), &end(2), usize::MAX) {
        (Some(Ok(one)), Some(Ok(two))) => (one, two),
        _ => panic!("the handshake of two good nodes failed"),
    }
}
