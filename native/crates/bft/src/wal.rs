//! Entries of the write-ahead log (P12): the inputs that made the engine what it is.

use arc_malachitebft_core_consensus::{Input, ProposedValue};
use arc_malachitebft_core_types::{Timeout, TimeoutKind, Validity, ValueOrigin};

use crate::cbor::{Malformed, Reader, Writer};
use crate::context::{Address, BlockId, Pos};
use crate::wire::{Message, number, read_height, read_optional_round, read_round};

const VALUE: u64 = 5;
const TIMEOUT: u64 = 6;

/// The entry of an input, or nothing for an input that is never logged.
pub fn encode(height: u64, input: &Input<Pos>) -> Option<Vec<u8>> {
    match input {
        Input::Vote(vote) => Some(Message::Vote(vote.clone()).encode()),
        Input::Proposal(proposal) => Some(Message::Proposal(proposal.clone()).encode()),
        Input::PolkaCertificate(certificate) => Some(Message::Polka(certificate.clone()).encode()),
        Input::ProposedValue(value, _) => Some(encode_value(value)),
        Input::TimeoutElapsed(timeout) => step_code(timeout.kind).map(|step| {
            let writer = Writer::array(4).uint(TIMEOUT).uint(step).uint(height);
            writer.optional_uint(number(timeout.round)).done()
        }),
        Input::StartHeight(..)
        | Input::RoundCertificate(_)
        | Input::Propose(_)
        | Input::SyncValueResponse(_) => None,
    }
}

/// The height and input of an entry.
pub fn decode(entry: &[u8]) -> Result<(u64, Input<Pos>), Malformed> {
    let mut reader = Reader::new(entry);
    reader.array()?;
    match reader.uint()? {
        VALUE => decode_value(entry),
        TIMEOUT => decode_timeout(entry),
        _ => {
            let message = Message::decode(entry)?;
            let height = message.height();
            let input = match message {
                Message::Vote(vote) => Input::Vote(vote),
                Message::Proposal(proposal) => Input::Proposal(proposal),
                Message::Polka(certificate) => Input::PolkaCertificate(certificate),
                Message::Round(_) => return Err(Malformed),
            };
            Ok((height, input))
        }
    }
}

fn step_code(kind: TimeoutKind) -> Option<u64> {
    match kind {
        TimeoutKind::Propose => Some(0),
        TimeoutKind::Prevote => Some(1),
        TimeoutKind::Precommit => Some(2),
        TimeoutKind::Rebroadcast | TimeoutKind::FinalizeHeight(_) => None,
    }
}

fn encode_value(value: &ProposedValue<Pos>) -> Vec<u8> {
    Writer::array(7)
        .uint(VALUE)
        .uint(value.height.0)
        .optional_uint(number(value.round))
        .optional_uint(number(value.valid_round))
        .bytes(&value.proposer.0)
        .bytes(&value.value.0)
        .uint(u64::from(value.validity.is_valid()))
        .done()
}

fn decode_value(entry: &[u8]) -> Result<(u64, Input<Pos>), Malformed> {
    let mut reader = Reader::new(entry);
    reader.array_of(7)?;
    reader.uint()?;
    let value: ProposedValue<Pos> = ProposedValue {
        height: read_height(&mut reader)?,
        round: read_round(&mut reader)?,
        valid_round: read_optional_round(&mut reader)?,
        proposer: Address(reader.fixed()?),
        value: BlockId(reader.fixed()?),
        validity: match reader.uint()? {
            0 => Validity::Invalid,
            1 => Validity::Valid,
            _ => return Err(Malformed),
        },
    };
    reader.end()?;
    let height = value.height.0;
    Ok((height, Input::ProposedValue(value, ValueOrigin::Consensus)))
}

fn decode_timeout(entry: &[u8]) -> Result<(u64, Input<Pos>), Malformed> {
    let mut reader = Reader::new(entry);
    reader.array_of(4)?;
    reader.uint()?;
    let kind = match reader.uint()? {
        0 => TimeoutKind::Propose,
        1 => TimeoutKind::Prevote,
        2 => TimeoutKind::Precommit,
        _ => return Err(Malformed),
    };
    let height = read_height(&mut reader)?;
    let round = read_round(&mut reader)?;
    reader.end()?;
    let input = Input::TimeoutElapsed(Timeout::new(round, kind));
    Ok((height.0, input))
}
