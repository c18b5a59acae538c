//! What is signed (P4) and what travels (P5).

use arc_malachitebft_core_consensus::ConsensusMsg;
use arc_malachitebft_core_types::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType,
    RoundSignature, SignedMessage, SignedProposal, SignedVote, VoteType,
};

use crate::cbor::{Malformed, Reader, Writer};
use crate::context::{Address, BlockId, HEIGHT_MAX, Height, Pos, Proposal, ROUND_MAX};
use crate::context::{Signature, Vote};

/// Most signatures of a certificate on the wire: a vote of each type of each validator.
const SIGNATURES_MAX: u64 = 2_048;

const PROPOSAL: u64 = 2;
const POLKA: u64 = 3;
const ROUND: u64 = 4;

/// A wire message (P5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A prevote or precommit.
    Vote(SignedVote<Pos>),
    /// A proposal.
    Proposal(SignedProposal<Pos>),
    /// Prevotes of a quorum for one block.
    Polka(PolkaCertificate<Pos>),
    /// Votes that justify entering a round.
    Round(RoundCertificate<Pos>),
}

/// A round as its number; nil is none.
pub fn number(round: Round) -> Option<u32> {
    round.as_u32()
}

fn type_code(vote_type: VoteType) -> u64 {
    match vote_type {
        VoteType::Prevote => 0,
        VoteType::Precommit => 1,
    }
}

fn id_of(value: &NilOrVal<BlockId>) -> Option<&[u8]> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(&id.0),
    }
}

fn vote_head(vote: &Vote, items: usize) -> Writer {
    Writer::array(items)
        .uint(type_code(vote.vote_type))
        .uint(vote.height.0)
        .optional_uint(number(vote.round))
        .optional_bytes(id_of(&vote.value))
}

fn proposal_head(proposal: &Proposal, items: usize) -> Writer {
    Writer::array(items)
        .uint(PROPOSAL)
        .uint(proposal.height.0)
        .optional_uint(number(proposal.round))
        .optional_uint(number(proposal.pol_round))
        .bytes(&proposal.value.0)
}

/// What a vote's signature is over (P4).
pub fn vote_bytes(vote: &Vote) -> Vec<u8> {
    vote_head(vote, 4).done()
}

/// What a proposal's signature is over (P4).
pub fn proposal_bytes(proposal: &Proposal) -> Vec<u8> {
    proposal_head(proposal, 5).done()
}

/// What the signature of either is over, and whose it claims to be.
pub fn signed_content(message: &ConsensusMsg<Pos>) -> (Vec<u8>, Address) {
    match message {
        ConsensusMsg::Vote(vote) => (vote_bytes(vote), vote.validator),
        ConsensusMsg::Proposal(proposal) => (proposal_bytes(proposal), proposal.validator),
    }
}

impl Message {
    /// Of a vote or proposal with its signature.
    pub fn of(signed: SignedMessage<Pos, ConsensusMsg<Pos>>) -> Self {
        match signed.message {
            ConsensusMsg::Vote(vote) => Self::Vote(SignedVote::new(vote, signed.signature)),
            ConsensusMsg::Proposal(proposal) => {
                Self::Proposal(SignedProposal::new(proposal, signed.signature))
            }
        }
    }

    /// Its height.
    pub fn height(&self) -> u64 {
        match self {
            Self::Vote(vote) => vote.height.0,
            Self::Proposal(proposal) => proposal.height.0,
            Self::Polka(certificate) => certificate.height.0,
            Self::Round(certificate) => certificate.height.0,
        }
    }

    /// Its round.
    pub fn round(&self) -> Round {
        match self {
            Self::Vote(vote) => vote.round,
            Self::Proposal(proposal) => proposal.round,
            Self::Polka(certificate) => certificate.round,
            Self::Round(certificate) => certificate.round,
        }
    }

    /// The one encoding.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Vote(vote) => vote_head(vote, 6)
                .bytes(&vote.validator.0)
                .bytes(&vote.signature.0)
                .done(),
            Self::Proposal(proposal) => proposal_head(proposal, 7)
                .bytes(&proposal.validator.0)
                .bytes(&proposal.signature.0)
                .done(),
            Self::Polka(certificate) => encode_polka(certificate),
            Self::Round(certificate) => encode_round(certificate),
        }
    }

    /// Reads one message; refuses everything but its one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let items = reader.array()?;
        let message = match (reader.uint()?, items) {
            (code @ (0 | 1), 6) => Self::Vote(read_vote(&mut reader, code)?),
            (PROPOSAL, 7) => Self::Proposal(read_proposal(&mut reader)?),
            (POLKA, 5) => Self::Polka(read_polka(&mut reader)?),
            (ROUND, 5) => Self::Round(read_round_certificate(&mut reader)?),
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok(message)
    }
}

fn encode_polka(certificate: &PolkaCertificate<Pos>) -> Vec<u8> {
    let head = Writer::array(5)
        .uint(POLKA)
        .uint(certificate.height.0)
        .optional_uint(number(certificate.round))
        .bytes(&certificate.value_id.0)
        .nested(certificate.polka_signatures.len());
    let list = certificate.polka_signatures.iter();
    list.fold(head, |writer, signed| {
        writer
            .nested(2)
            .bytes(&signed.address.0)
            .bytes(&signed.signature.0)
    })
    .done()
}

fn encode_round(certificate: &RoundCertificate<Pos>) -> Vec<u8> {
    let kind: u64 = match certificate.cert_type {
        RoundCertificateType::Skip => 0,
        RoundCertificateType::Precommit => 1,
    };
    let head = Writer::array(5)
        .uint(ROUND)
        .uint(certificate.height.0)
        .optional_uint(number(certificate.round))
        .uint(kind)
        .nested(certificate.round_signatures.len());
    let list = certificate.round_signatures.iter();
    list.fold(head, |writer, signed| {
        writer
            .nested(4)
            .uint(type_code(signed.vote_type))
            .optional_bytes(id_of(&signed.value_id))
            .bytes(&signed.address.0)
            .bytes(&signed.signature.0)
    })
    .done()
}

/// A height, 1 to [`HEIGHT_MAX`].
pub fn read_height(reader: &mut Reader) -> Result<Height, Malformed> {
    let height = reader.uint()?;
    if (1..=HEIGHT_MAX).contains(&height) {
        Ok(Height(height))
    } else {
        Err(Malformed)
    }
}

/// A round, 0 to [`ROUND_MAX`].
pub fn read_round(reader: &mut Reader) -> Result<Round, Malformed> {
    let round = u32::try_from(reader.uint()?).map_err(|_| Malformed)?;
    if round <= ROUND_MAX {
        Ok(Round::new(round))
    } else {
        Err(Malformed)
    }
}

/// A round or null, which is nil.
pub fn read_optional_round(reader: &mut Reader) -> Result<Round, Malformed> {
    if reader.null() {
        Ok(Round::Nil)
    } else {
        read_round(reader)
    }
}

fn read_value(reader: &mut Reader) -> Result<NilOrVal<BlockId>, Malformed> {
    if reader.null() {
        return Ok(NilOrVal::Nil);
    }
    Ok(NilOrVal::Val(BlockId(reader.fixed()?)))
}

fn read_type(code: u64) -> Result<VoteType, Malformed> {
    match code {
        0 => Ok(VoteType::Prevote),
        1 => Ok(VoteType::Precommit),
        _ => Err(Malformed),
    }
}

fn read_vote(reader: &mut Reader, code: u64) -> Result<SignedVote<Pos>, Malformed> {
    let vote = Vote {
        vote_type: read_type(code)?,
        height: read_height(reader)?,
        round: read_round(reader)?,
        value: read_value(reader)?,
        validator: Address(reader.fixed()?),
    };
    Ok(SignedVote::new(vote, Signature(reader.fixed()?)))
}

fn read_proposal(reader: &mut Reader) -> Result<SignedProposal<Pos>, Malformed> {
    let height = read_height(reader)?;
    let round = read_round(reader)?;
    let pol_round = read_optional_round(reader)?;
    if pol_round >= round {
        return Err(Malformed);
    }
    let proposal = Proposal {
        height,
        round,
        pol_round,
        value: BlockId(reader.fixed()?),
        validator: Address(reader.fixed()?),
    };
    Ok(SignedProposal::new(proposal, Signature(reader.fixed()?)))
}

fn read_list<T>(
    reader: &mut Reader,
    item: impl Fn(&mut Reader) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = reader.array()?;
    if !(1..=SIGNATURES_MAX).contains(&count) {
        return Err(Malformed);
    }
    (0..count).map(|_| item(reader)).collect()
}

fn read_polka(reader: &mut Reader) -> Result<PolkaCertificate<Pos>, Malformed> {
    Ok(PolkaCertificate {
        height: read_height(reader)?,
        round: read_round(reader)?,
        value_id: BlockId(reader.fixed()?),
        polka_signatures: read_list(reader, |reader| {
            reader.array_of(2)?;
            let address = Address(reader.fixed()?);
            Ok(PolkaSignature::new(address, Signature(reader.fixed()?)))
        })?,
    })
}

fn read_round_certificate(reader: &mut Reader) -> Result<RoundCertificate<Pos>, Malformed> {
    Ok(RoundCertificate {
        height: read_height(reader)?,
        round: read_round(reader)?,
        cert_type: match reader.uint()? {
            0 => RoundCertificateType::Skip,
            1 => RoundCertificateType::Precommit,
            _ => return Err(Malformed),
        },
        round_signatures: read_list(reader, |reader| {
            reader.array_of(4)?;
            Ok(RoundSignature {
                vote_type: read_type(reader.uint()?)?,
                value_id: read_value(reader)?,
                address: Address(reader.fixed()?),
                signature: Signature(reader.fixed()?),
            })
        })?,
    })
}
