//! From the first byte of a connection to an authenticated link (LK3, LK4): pure, bytes in and bytes out.
//!
//! dialler → preamble; ← answer; → first Noise message with the dialler's hello; ← second one with the listener's hello, and its
//! verdict on the dialler's; → the dialler's verdict. The first message of `IK` can be a replay, so a listener takes the peer for
//! present only when its verdict came, which needs the keys of this very handshake.

use snow::{Builder, HandshakeState, StatelessTransportState};

use crate::TransportKey;
use crate::cipher::{Cipher, Opener, Sealer};
use crate::event::Refusal;
use crate::mutant::{Mutant, on};
use crate::piece::Inbox;
use crate::preamble::{self, Malformed, Preamble, Reason};

const PATTERN: &str = "Noise_IK_25519_AESGCM_BLAKE2s";
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

    /// Dialler: the listener's answer to the preamble.
    fn answered(
        &mut self,
        context: &Context<'_>,
        answer: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        if answer != 0 {
            let unknown = Refusal::Handshake("the answer to the preamble is none");
            return Err(Reason::from_byte(answer).map_or(unknown, Refusal::ByPeer));
        }
        let mut noise = builder(context, &self.preamble)
            .and_then(|builder| builder.remote_public_key(&self.public)?.build_initiator())
            .map_err(|_| Refusal::Handshake("the keys are none"))?;
        let hello = own_hello(context, self.peer)?;
        write(&mut noise, &hello, out)?;
        self.stage = Stage::Second(Box::new(noise));
        Ok(())
    }

    /// Listener: who dials.
    fn preamble(
        &mut self,
        context: &Context<'_>,
        item: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        self.preamble.copy_from_slice(item);
        match self.judge_preamble(context) {
            Ok(()) => {}
            Err(None) => return Err(Refusal::NotALink),
            Err(Some(reason)) => {
                out.push(reason as u8);
                return Err(Refusal::Here(reason));
            }
        }
        let noise = builder(context, &self.preamble)
            .and_then(Builder::build_responder)
            .map_err(|_| Refusal::Handshake("the keys are none"))?;
        out.push(0);
        self.stage = Stage::First(Box::new(noise));
        Ok(())
    }

    /// `Err(None)`: no link at all, which gets no answer.
    fn judge_preamble(&mut self, context: &Context<'_>) -> Result<(), Option<Reason>> {
        let said = Preamble::decode(&self.preamble).map_err(|malformed| match malformed {
            Malformed::NotALink => None,
            Malformed::Version => Some(Reason::Version),
        })?;
        self.peer = Some(said.from);
        if said.cluster != context.cluster && !on(Mutant::AnyCluster) {
            return Err(Some(Reason::Cluster));
        }
        if said.to != context.node {
            return Err(Some(Reason::NotTo));
        }
        let pinned = (context.member)(said.from).filter(|_| said.from != context.node);
        self.public = pinned.ok_or(Some(Reason::NotAMember))?;
        if said.from > context.node {
            return Err(Some(Reason::WrongWay));
        }
        Ok(())
    }

    /// Listener: the dialler's key and hello.
    fn first(
        &mut self,
        context: &Context<'_>,
        mut noise: HandshakeState,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        // A dialler that has another key for this node fails here, one with another key of its own below.
        let hello = read(&mut noise, message)?;
        if noise.get_remote_static() != Some(&self.public[..]) && !on(Mutant::AnyKey) {
            return Err(Refusal::WrongKey);
        }
        let own = own_hello(context, self.peer)?;
        write(&mut noise, &own, out)?;
        self.settle(context, noise, hello, out)
    }

    /// Dialler: the listener's hello, from the holder of its key.
    fn second(
        &mut self,
        context: &Context<'_>,
        mut noise: HandshakeState,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let hello = read(&mut noise, message)?;
        self.settle(context, noise, hello, out)
    }

    /// Judges the hello and says so under the new keys.
    fn settle(
        &mut self,
        context: &Context<'_>,
        noise: HandshakeState,
        hello: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let noise: StatelessTransportState = noise
            .into_stateless_transport_mode()
            .map_err(|_| Refusal::Handshake("it did not come to its end"))?;
        let cipher = Cipher::new(noise);
        let verdict = match self.peer {
            Some(peer) => (context.judge)(peer, &hello),
            None => Err("the peer has no number".to_owned()),
        };
        let said = match &verdict {
            Ok(()) => vec![0],
            Err(text) => [&[1], shortened(text).as_bytes()].concat(),
        };
        let mut sealer = Sealer::default();
        sealer.seal(&cipher, &said, out);
        self.stage = Stage::Verdict(Box::new(Settled {
            cipher,
            sealer,
            opener: Opener::new(Inbox::new(context.message)),
            hello,
            verdict,
        }));
        Ok(())
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

fn builder<'a>(
    context: &'a Context<'_>,
    preamble: &'a [u8; preamble::LENGTH],
) -> Result<Builder<'a>, snow::Error> {
    Builder::new(PATTERN.parse()?)
        .local_private_key(context.secret.as_bytes())?
        .prologue(preamble)
}

fn own_hello(context: &Context<'_>, peer: Option<u16>) -> Result<Vec<u8>, Refusal> {
    let hello = peer.map(|peer| (context.hello)(peer)).unwrap_or_default();
    if hello.len() > HELLO_MOST {
        return Err(Refusal::Handshake(
            "this node's hello is longer than 1,024 bytes",
        ));
    }
    Ok(hello)
}

fn write(noise: &mut HandshakeState, hello: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut message = [0; FIRST_HEAD + HELLO_MOST];
    let length = noise
        .write_message(hello, &mut message)
        .map_err(|_| Refusal::Handshake("the keys do not go together"))?;
    out.extend_from_slice(&(length as u16).to_le_bytes());
    out.extend_from_slice(&message[..length]);
    Ok(())
}

fn read(noise: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut hello = vec![0; FIRST_HEAD + HELLO_MOST];
    let length = noise.read_message(message, &mut hello).map_err(|_| {
        Refusal::Handshake(
            "a message does not decrypt: one side has a wrong transport key of the other",
        )
    })?;
    hello.truncate(length);
    Ok(hello)
}

/// At most [`TEXT_MOST`] bytes of a text.
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A peer's text as it may be shown.
fn readable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
