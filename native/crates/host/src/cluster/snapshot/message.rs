//! What is said on the channel of files (RF15): which bytes of which file, and the bytes.

use pyralog_types::Hash;

use super::PIECE_BYTES;
use crate::cluster::wire::{BadMessage, Reader, Writer};

const ASK: u8 = 1;
const PIECE: u8 = 2;
const GONE: u8 = 3;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileMessage {
    /// Bytes of a file are wanted. Files are named by their BLAKE3.
    Ask {
        partition: u32,
        hash: Hash,
        offset: u64,
        length: u32,
    },
    /// Bytes of a file.
    Piece {
        partition: u32,
        hash: Hash,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// The file is not offered, or not any more.
    Gone { partition: u32, hash: Hash },
}

/// Whether a message is for whoever hands files out.
pub(crate) fn is_ask(bytes: &[u8]) -> bool {
    bytes.first() == Some(&ASK)
}

impl FileMessage {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        match self {
            Self::Ask {
                partition,
                hash,
                offset,
                length,
            } => {
                out.u8(ASK).u32(*partition).bytes(hash);
                out.u64(*offset).u32(*length);
            }
            Self::Piece {
                partition,
                hash,
                offset,
                bytes,
            } => {
                out.u8(PIECE).u32(*partition).bytes(hash);
                out.u64(*offset).bytes(bytes);
            }
            Self::Gone { partition, hash } => {
                out.u8(GONE).u32(*partition).bytes(hash);
            }
        }
        out.0
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut from = Reader(bytes);
        let kind = from.u8()?;
        let (partition, hash) = (from.u32()?, from.array()?);
        let message = match kind {
            ASK => Self::Ask {
                partition,
                hash,
                offset: from.u64()?,
                length: from.u32()?,
            },
            PIECE => Self::Piece {
                partition,
                hash,
                offset: from.u64()?,
                bytes: from.rest(),
            },
            GONE => Self::Gone { partition, hash },
            _ => return Err(BadMessage),
        };
        let fits = match &message {
            Self::Ask { length, .. } => u64::from(*length) <= PIECE_BYTES,
            Self::Piece { bytes, .. } => bytes.len() as u64 <= PIECE_BYTES,
            Self::Gone { .. } => true,
        };
        (from.0.is_empty() && fits)
            .then_some(message)
            .ok_or(BadMessage)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_and_refuses_what_does_not_add_up() {
        let (partition, hash) = (3, [7; 32]);
        let all = [
            FileMessage::Ask {
                partition,
                hash,
                offset: 1 << 40,
                length: 9,
            },
            FileMessage::Piece {
                partition,
                hash,
                offset: 5,
                bytes: vec![],
            },
            FileMessage::Gone { partition, hash },
        ];
        for message in all {
            let bytes = message.encode();
            assert_eq!(FileMessage::decode(&bytes), Ok(message.clone()));
            for length in 0..bytes.len() {
                assert_eq!(FileMessage::decode(&bytes[..length]), Err(BadMessage));
            }
            let longer = [&bytes[..], &[0]].concat();
            let piece = matches!(message, FileMessage::Piece { .. });
            assert_eq!(FileMessage::decode(&longer).is_ok(), piece);
        }
        let much = FileMessage::Ask {
            partition,
            hash,
            offset: 0,
            length: u32::MAX,
        };
        assert_eq!(FileMessage::decode(&much.encode()), Err(BadMessage));
        assert_eq!(FileMessage::decode(&[9; 60]), Err(BadMessage));
    }
}
