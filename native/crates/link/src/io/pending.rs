//! Connections on their way to a link: bytes between the socket and the [`Handshake`].

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::Token;
use mio::net::TcpStream;

use super::{Held, Io, Own, tune};
use crate::event::Refusal;
use crate::handshake::{Context, Established, Handshake, Progress};

/// Bytes that are read of an unfinished handshake at once.
const READ: usize = 2048;
/// Bytes that the other side may still send after a refusal.
const READ_AWAY_MOST: usize = 16 << 10;
/// Time in which the other side should read why it is refused and close.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Pending {
    pub stream: TcpStream,
    pub address: SocketAddr,
    pub handshake: Handshake,
    /// Of a dial.
    pub dialled: Option<u16>,
    /// A dial may be on its way still.
    pub connected: bool,
    pub out: Vec<u8>,
    pub began: Duration,
    pub deadline: Duration,
    /// It came to nothing, which was told; the other side is given time to read why.
    pub over: bool,
    /// Bytes that came after that.
    pub read_away: usize,
}

/// What a turn led to.
enum Outcome {
    Wait,
    /// A dial that failed before anything was said.
    NotConnected(String),
    Refused(Refusal),
    Done(Box<Established>),
    /// The other side has closed after a refusal.
    Gone,
}

impl Io {
    /// Bytes came, or may leave.
    pub(super) fn advance(&mut self, token: Token, now: Duration) {
        let Some(Held::Pending(mut pending)) = self.held.remove(&token) else {
            return;
        };
        match self.outcome(&mut pending) {
            Outcome::Wait => {
                self.held.insert(token, Held::Pending(pending));
            }
            Outcome::NotConnected(why) => self.not_connected(&pending, &why, now),
            Outcome::Refused(why) => {
                self.turned_down(&mut pending, why, now);
                // The other side may have more to send; closing at once would destroy what it was told.
                pending.over = true;
                pending.deadline = now + LINGER;
                self.due_at(pending.deadline);
                if pending.out.is_empty() {
                    // Fails only when it is closed already.
                    let _ = pending.stream.shutdown(Shutdown::Write);
                }
                self.held.insert(token, Held::Pending(pending));
            }
            Outcome::Done(established) => self.established(token, *pending, *established, now),
            Outcome::Gone => drop(pending),
        }
    }

    /// Its time is over.
    pub(super) fn timed_out(&mut self, token: Token, now: Duration) {
        let Some(Held::Pending(mut pending)) = self.held.remove(&token) else {
            return;
        };
        if pending.over {
            return;
        }
        if !pending.connected {
            let why = format!("no answer in {:?}", self.shared.limits.handshake);
            return self.not_connected(&pending, &why, now);
        }
        let stage = pending.handshake.stage();
        self.turned_down(&mut pending, Refusal::TimedOut(stage), now);
    }

    /// Tells a refusal and lets the dialler try later.
    pub(super) fn turned_down(&mut self, pending: &mut Pending, why: Refusal, now: Duration) {
        self.refused(pending.handshake.peer(), pending.address, why);
        if let Some(node) = pending.dialled.take() {
            self.dial_ended(node, now);
        }
    }

    fn not_connected(&mut self, pending: &Pending, why: &str, now: Duration) {
        if let Some(node) = pending.dialled {
            self.dial_failed(node, format!("{}: {why}", pending.address));
            self.dial_ended(node, now);
        }
    }

    fn outcome(&mut self, pending: &mut Pending) -> Outcome {
        if !pending.connected {
            match connected(&pending.stream) {
                Ok(true) => {
                    pending.connected = true;
                    tune(&pending.stream);
                }
                Ok(false) => return Outcome::Wait,
                Err(why) => return Outcome::NotConnected(why),
            }
        }
        if let Err(outcome) = flush(pending) {
            return outcome;
        }
        let mut bytes = [0; READ];
        loop {
            let count = match pending.stream.read(&mut bytes) {
                Ok(0) => return ended(pending, "closed by the peer"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Outcome::Wait,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return ended(pending, &error.to_string()),
            };
            if pending.over {
                pending.read_away += count;
                if pending.read_away > READ_AWAY_MOST {
                    return Outcome::Gone;
                }
                continue;
            }
            let progress = {
                let member = |node| self.members.get(&node).map(|member| member.peer.public);
                let context = context(&self.own, &member, self.shared.limits.message);
                pending
                    .handshake
                    .feed(&context, &bytes[..count], &mut pending.out)
            };
            let flushed = flush(pending);
            match progress {
                Progress::More => {
                    if let Err(outcome) = flushed {
                        return outcome;
                    }
                }
                Progress::Done(established) => return Outcome::Done(established),
                Progress::Refused(why) => return Outcome::Refused(why),
            }
        }
    }

    /// Begins a dial's handshake.
    pub(super) fn dial_handshake(
        &self,
        node: u16,
        public: [u8; 32],
        out: &mut Vec<u8>,
    ) -> Handshake {
        let member = |node| self.pinned(node);
        let context = context(&self.own, &member, self.shared.limits.message);
        Handshake::dial(&context, node, public, out)
    }
}

fn context<'a>(
    own: &'a Own,
    member: &'a dyn Fn(u16) -> Option<[u8; 32]>,
    message: [usize; 3],
) -> Context<'a> {
    Context {
        cluster: own.cluster,
        node: own.node,
        secret: &own.secret,
        member,
        hello: &*own.hello,
        judge: &*own.judge,
        message,
    }
}

/// Whether a dial got through; `Err` when it failed.
fn connected(stream: &TcpStream) -> Result<bool, String> {
    match stream.take_error() {
        Ok(None) => {}
        Ok(Some(error)) | Err(error) => return Err(error.to_string()),
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// Writes what there is to say.
fn flush(pending: &mut Pending) -> Result<(), Outcome> {
    while !pending.out.is_empty() {
        match pending.stream.write(&pending.out) {
            Ok(count) => drop(pending.out.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(ended(pending, &error.to_string())),
        }
    }
    if pending.over {
        // Fails only when it is closed already.
        let _ = pending.stream.shutdown(Shutdown::Write);
    }
    Ok(())
}

fn ended(pending: &Pending, detail: &str) -> Outcome {
    if pending.over {
        return Outcome::Gone;
    }
    Outcome::Refused(Refusal::Ended {
        stage: pending.handshake.stage(),
        detail: detail.to_owned(),
    })
}
