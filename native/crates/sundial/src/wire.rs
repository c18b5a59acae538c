//! Bytes of messages (SD3). Reading is checked at every step and never panics.

use bytes::{Buf, BufMut};
use foca::{Codec, Header, Member, Message, State};

use crate::identity::Node;

/// What bytes did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message that {0}")]
pub(crate) struct Fault(&'static str);

const SHORT: Fault = Fault("ends too early");
const FULL: Fault = Fault("does not fit");
const NODE_BYTES: usize = 10;
const MEMBER_BYTES: usize = NODE_BYTES + 3;

/// The one encoding there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire;

fn put_node(node: Node, buf: &mut impl BufMut) {
    buf.put_u16_le(node.number);
    buf.put_u64_le(node.life);
}

fn get_node(buf: &mut impl Buf) -> Result<Node, Fault> {
    if buf.remaining() < NODE_BYTES {
        return Err(SHORT);
    }
    Ok(Node {
        number: buf.get_u16_le(),
        life: buf.get_u64_le(),
    })
}

/// Kind, its number, and the third node of it.
type Parts = (u8, Option<u8>, Option<Node>);

fn parts_of(message: &Message<Node>) -> Parts {
    match message {
        Message::Ping(number) => (1, Some(*number), None),
        Message::Ack(number) => (2, Some(*number), None),
        Message::PingReq {
            target,
            probe_number,
        } => (3, Some(*probe_number), Some(*target)),
        Message::IndirectPing {
            origin,
            probe_number,
        } => (4, Some(*probe_number), Some(*origin)),
        Message::IndirectAck {
            target,
            probe_number,
        } => (5, Some(*probe_number), Some(*target)),
        Message::ForwardedAck {
            origin,
            probe_number,
        } => (6, Some(*probe_number), Some(*origin)),
        Message::Announce => (7, None, None),
        Message::Feed => (8, None, None),
        Message::Gossip => (9, None, None),
        Message::Broadcast => (10, None, None),
        Message::TurnUndead => (11, None, None),
    }
}

fn get_message(buf: &mut impl Buf) -> Result<Message<Node>, Fault> {
    let kind = get_u8(buf)?;
    Ok(match kind {
        1 => Message::Ping(get_u8(buf)?),
        2 => Message::Ack(get_u8(buf)?),
        3..=6 => {
            let probe_number = get_u8(buf)?;
            let node = get_node(buf)?;
            match kind {
                3 => Message::PingReq {
                    target: node,
                    probe_number,
                },
                4 => Message::IndirectPing {
                    origin: node,
                    probe_number,
                },
                5 => Message::IndirectAck {
                    target: node,
                    probe_number,
                },
                _ => Message::ForwardedAck {
                    origin: node,
                    probe_number,
                },
            }
        }
        7 => Message::Announce,
        8 => Message::Feed,
        9 => Message::Gossip,
        11 => Message::TurnUndead,
        _ => return Err(Fault("is of a kind that nobody sends")),
    })
}

fn get_u8(buf: &mut impl Buf) -> Result<u8, Fault> {
    if buf.has_remaining() {
        return Ok(buf.get_u8());
    }
    Err(SHORT)
}

fn get_u16(buf: &mut impl Buf) -> Result<u16, Fault> {
    if buf.remaining() < 2 {
        return Err(SHORT);
    }
    Ok(buf.get_u16_le())
}

impl Codec<Node> for Wire {
    type Error = Fault;

    fn encode_header(&mut self, header: &Header<Node>, mut buf: impl BufMut) -> Result<(), Fault> {
        let (kind, number, third) = parts_of(&header.message);
        let length = 2 * NODE_BYTES + 4 + if third.is_some() { NODE_BYTES } else { 0 };
        if buf.remaining_mut() < length {
            return Err(FULL);
        }
        put_node(header.src, &mut buf);
        buf.put_u16_le(header.src_incarnation);
        put_node(header.dst, &mut buf);
        buf.put_u8(kind);
        if let Some(number) = number {
            buf.put_u8(number);
        }
        if let Some(third) = third {
            put_node(third, &mut buf);
        }
        Ok(())
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Node>, Fault> {
        Ok(Header {
            src: get_node(&mut buf)?,
            src_incarnation: get_u16(&mut buf)?,
            dst: get_node(&mut buf)?,
            message: get_message(&mut buf)?,
        })
    }

    fn encode_member(&mut self, member: &Member<Node>, mut buf: impl BufMut) -> Result<(), Fault> {
        if buf.remaining_mut() < MEMBER_BYTES {
            return Err(FULL);
        }
        put_node(*member.id(), &mut buf);
        buf.put_u16_le(member.incarnation());
        buf.put_u8(match member.state() {
            State::Alive => 1,
            State::Suspect => 2,
            State::Down => 3,
        });
        Ok(())
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Member<Node>, Fault> {
        let node = get_node(&mut buf)?;
        let incarnation = get_u16(&mut buf)?;
        let state = match get_u8(&mut buf)? {
            1 => State::Alive,
            2 => State::Suspect,
            3 => State::Down,
            _ => return Err(Fault("has a state that nobody is in")),
        };
        Ok(Member::new(node, incarnation, state))
    }
}
