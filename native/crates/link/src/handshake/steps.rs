//! The steps of a handshake, one for each thing that can come.

use snow::{Builder, HandshakeState, StatelessTransportState};

use super::{Context, FIRST_HEAD, HELLO_MOST, Handshake, Settled, Stage, TEXT_MOST};
use crate::cipher::{Cipher, Opener, Sealer};
use crate::event::Refusal;
use crate::mutant::{Mutant, on};
use crate::piece::Inbox;
use crate::preamble::{self, Malformed, Preamble, Reason};

const PATTERN: &str = "Noise_IK_25519_AESGCM_BLAKE2s";

impl Handshake {
    /// Dialler: the listener's answer to the preamble.
    pub(super) fn answered(
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
    pub(super) fn preamble(
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
    pub(super) fn first(
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
    pub(super) fn second(
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
