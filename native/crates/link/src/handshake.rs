//! From the first byte of a connection to an authenticated link (LK3, LK4): pure, bytes in and bytes out.
//!
//! dialler → preamble; ← answer; → first Noise message with the dialler's hello; ← second one with the listener's hello, and its
//! verdict on the dialler's; → the dialler's verdict. The first message of `IK` can be a replay, so a listener takes the peer for
//! present only when its verdict came, which needs the keys of this very handshake.

mod steps;

use snow::HandshakeState;

use crate::TransportKey;
use crate::cipher::{Cipher, Opener, Sealer};
use crate::event::Refusal;
use crate::mutant::{Mutant, on};
use crate::preamble::{self, Preamble};

/// Longest hello.
pub(crate) const HELLO_MOST: usize = 1024;
/// Longest text of a verdict.
const TEXT_MOST: usize = 512;
/// What the first Noise message has beside the hello: a key, a sealed key, a tag.
const FIRST_HEAD: usize = 32 + 48 + 16;
/// What the second one has: a key, a tag.
const SECOND_HEAD: usize = 32 + 16;
/// Most bytes of a verdict's Noise message.
const VERDICT_MOST: usize = 1 + TEXT_MOST + 16;

/// Whether a hello is accepted, or in words for both operators why not.
type Verdict = Result<(), String>;

/// Who this node is and whom it knows.
pub(crate) struct Context<'a> {
    pub cluster: [u8; 32],
    pub node: u16,
    pub secret: &'a TransportKey,
    /// Pinned key of another member.
    pub member: &'a dyn Fn(u16) -> Option<[u8; 32]>,
    pub hello: &'a dyn Fn(u16) -> Vec<u8>,
    pub judge: &'a dyn Fn(u16, &[u8]) -> Verdict,
    /// Longest message of each priority.
    pub message: [usize; 3],
}

/// What both sides agreed on.
pub(crate) struct Established {
    pub peer: u16,
    /// The key that the peer proved to hold.
    pub public: [u8; 32],
    pub hello: Vec<u8>,
    pub cipher: Cipher,
    pub sealer: Sealer,
    pub opener: Opener,
    /// What came behind the handshake.
    pub rest: Vec<u8>,
}

/// Where a handshake stands after some bytes.
pub(crate) enum Progress {
    /// More bytes are needed.
    More,
    /// The link is up.
    Done(Box<Established>),
    /// It came to nothing; what `out` holds should still be sent.
    Refused(Refusal),
}

/// Keys are agreed on; the peer's verdict is awaited.
struct Settled {
    cipher: Cipher,
    sealer: Sealer,
    opener: Opener,
    hello: Vec<u8>,
    verdict: Verdict,
}

/// What is awaited.
enum Stage {
    Answer,
    Preamble,
    First(Box<HandshakeState>),
    Second(Box<HandshakeState>),
    Verdict(Box<Settled>),
    Over,
}

/// One side of a handshake.
pub(crate) struct Handshake {
    stage: Stage,
    preamble: [u8; preamble::LENGTH],
    /// The peer as dialled, or as it claims.
    peer: Option<u16>,
    /// The key pinned for it.
    public: [u8; 32],
    inbox: Vec<u8>,
}

impl Handshake {
    /// Of the dialler; `out` gets the preamble.
    pub fn dial(context: &Context<'_>, peer: u16, public: [u8; 32], out: &mut Vec<u8>) -> Self {
        let preamble = Preamble {
            cluster: context.cluster,
            from: context.node,
            to: peer,
        }
        .encode();
        out.extend_from_slice(&preamble);
        Self {
            stage: Stage::Answer,
            preamble,
            peer: Some(peer),
            public,
            inbox: Vec::new(),
        }
    }

    /// Of the listener.
    pub fn listen() -> Self {
        Self {
            stage: Stage::Preamble,
            preamble: [0; preamble::LENGTH],
            peer: None,
            public: [0; 32],
            inbox: Vec::new(),
        }
    }

    /// The peer as dialled, or as it claims to be.
    pub fn peer(&self) -> Option<u16> {
        self.peer
    }

    /// What is awaited, in words.
    pub fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Answer => "waiting for the answer to the preamble",
            Stage::Preamble => "waiting for a preamble",
            Stage::First(_) => "waiting for the first message of the handshake",
            Stage::Second(_) => {
                "waiting for the second message of the handshake: the peer may have another key for this node"
            }
            Stage::Verdict(_) => "waiting for the peer's verdict",
            Stage::Over => "over",
        }
    }

    /// Takes bytes of the peer and puts what is to be sent into `out`.
    pub fn feed(&mut self, context: &Context<'_>, input: &[u8], out: &mut Vec<u8>) -> Progress {
        match self.advance(context, input, out) {
            Ok(None) => Progress::More,
            Ok(Some(established)) => Progress::Done(established),
            Err(why) => {
                self.stage = Stage::Over;
                self.inbox = Vec::new();
                Progress::Refused(why)
            }
        }
    }

    fn advance(
        &mut self,
        context: &Context<'_>,
        mut input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<Established>>, Refusal> {
        loop {
            let need = self.need()?;
            let take = input.len().min(need - self.inbox.len());
            self.inbox.extend_from_slice(&input[..take]);
            input = &input[take..];
            if self.inbox.len() < need {
                return Ok(None);
            }
            if self.need()? > need {
                continue;
            }
            let item = std::mem::take(&mut self.inbox);
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Answer => self.answered(context, item[0], out)?,
                Stage::Preamble => self.preamble(context, &item, out)?,
                Stage::First(noise) => self.first(context, *noise, &item[2..], out)?,
                Stage::Second(noise) => self.second(context, *noise, &item[2..], out)?,
                Stage::Verdict(settled) => {
                    return self.verdict(*settled, &item[2..], input).map(Some);
                }
                Stage::Over => return Err(Refusal::Handshake("it is over")),
            }
            if on(Mutant::TrustFirstMessage)
                && matches!(self.stage, Stage::Verdict(_))
                && let Stage::Verdict(settled) = std::mem::replace(&mut self.stage, Stage::Over)
            {
                return self.finish(*settled, input).map(Some);
            }
        }
    }

    /// Bytes of what is awaited, as far as that is known: a length first, then what has that length.
    fn need(&self) -> Result<usize, Refusal> {
        let (least, most) = match self.stage {
            Stage::Answer | Stage::Over => return Ok(1),
            Stage::Preamble => return Ok(preamble::LENGTH),
            Stage::First(_) => (FIRST_HEAD, FIRST_HEAD + HELLO_MOST),
            Stage::Second(_) => (SECOND_HEAD, SECOND_HEAD + HELLO_MOST),
            Stage::Verdict(_) => (1 + 16, VERDICT_MOST),
        };
        let Some((&length, _)) = self.inbox.split_first_chunk() else {
            return Ok(2);
        };
        let length = usize::from(u16::from_le_bytes(length));
        if (least..=most).contains(&length) {
            Ok(2 + length)
        } else {
            Err(Refusal::Handshake("a message has an impossible length"))
        }
    }

    /// Both: the peer's verdict, which proves that it is there now.
    fn verdict(
        &self,
        mut settled: Settled,
        sealed: &[u8],
        rest: &[u8],
    ) -> Result<Box<Established>, Refusal> {
        let mut plain = [0; VERDICT_MOST];
        let theirs = settled
            .opener
            .open(&settled.cipher, sealed, &mut plain)
            .map_err(Refusal::Handshake)?;
        if !on(Mutant::IgnoreVerdict) {
            settled.verdict.clone().map_err(Refusal::Hello)?;
            match theirs {
                [0] => {}
                [1, text @ ..] => return Err(Refusal::HelloByPeer(readable(text))),
                _ => return Err(Refusal::Handshake("the verdict is none")),
            }
        }
        self.finish(settled, rest)
    }

    fn finish(&self, settled: Settled, rest: &[u8]) -> Result<Box<Established>, Refusal> {
        Ok(Box::new(Established {
            peer: self
                .peer
                .ok_or(Refusal::Handshake("the peer has no number"))?,
            public: self.public,
            hello: settled.hello,
            cipher: settled.cipher,
            sealer: settled.sealer,
            opener: settled.opener,
            rest: rest.to_vec(),
        }))
    }
}

/// A peer's text as it may be shown.
fn readable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
