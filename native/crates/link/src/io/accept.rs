//! Connections from outside (LK3): few at a time, and for a short while, until they have proved who they are.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::Token;
use mio::net::TcpStream;

use super::pending::Pending;
use super::{Held, Io, tune};
use crate::event::Refusal;
use crate::handshake::Handshake;
use crate::preamble::Reason;

/// Connections taken in one turn.
const TURN: usize = 128;
/// A connection that has not come through its handshake for so long makes room for a new one when there is none: who floods this
/// node with silent connections does not keep its peers out.
const GRACE: Duration = Duration::from_millis(250);
/// When the system has no descriptor left, it is asked again after this.
const AGAIN: Duration = Duration::from_millis(50);

impl Io {
    pub(super) fn accept(&mut self, now: Duration) {
        self.accept_again = None;
        for _ in 0..TURN {
            match self.listener.accept() {
                Ok((stream, address)) => self.accepted(stream, address, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The other side is gone already.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) => {}
                Err(_) => {
                    self.accept_again = Some(now + AGAIN);
                    return self.due_at(now + AGAIN);
                }
            }
        }
        self.accept_again = Some(now);
        self.due_at(now);
    }

    fn accepted(&mut self, mut stream: TcpStream, address: SocketAddr, now: Duration) {
        if !self.make_room(now) {
            return self.too_many(stream, address);
        }
        tune(&stream);
        let Some(token) = self.register(&mut stream) else {
            return self.too_many(stream, address);
        };
        let deadline = now + self.shared.limits.handshake;
        self.due_at(deadline);
        let pending = Pending {
            stream,
            address,
            handshake: Handshake::listen(),
            dialled: None,
            connected: true,
            out: Vec::new(),
            began: now,
            deadline,
            over: false,
            read_away: 0,
        };
        self.held.insert(token, Held::Pending(Box::new(pending)));
        // What it sent before it was registered may be told by no event.
        self.advance(token, now);
    }

    /// Whether one more may wait for its handshake.
    fn make_room(&mut self, now: Duration) -> bool {
        let waiting = self.held.iter().filter_map(|(token, held)| match held {
            Held::Pending(pending) if pending.dialled.is_none() => Some((pending.began, *token)),
            _ => None,
        });
        let (count, oldest) = waiting.fold((0, None), |(count, oldest), this| {
            let oldest: (Duration, Token) = oldest.map_or(this, |old| this.min(old));
            (count + 1, Some(oldest))
        });
        if count < self.shared.limits.unauthenticated {
            return true;
        }
        match oldest {
            Some((began, token)) if began + GRACE <= now => {
                if let Some(Held::Pending(mut pending)) = self.held.remove(&token)
                    && !pending.over
                {
                    let stage = pending.handshake.stage();
                    self.turned_down(&mut pending, Refusal::TimedOut(stage), now);
                }
                true
            }
            _ => false,
        }
    }

    fn too_many(&mut self, mut stream: TcpStream, address: SocketAddr) {
        // What it said is read away, or the closing would destroy the answer. The answer is a hint; nothing depends on it.
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write(&[Reason::Busy as u8]);
        self.refused(None, address, Refusal::Here(Reason::Busy));
    }
}
