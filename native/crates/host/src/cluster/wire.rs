//! Fields of what hosts say to each other ([`super::message`]): little-endian, lengths before what they are of.

use std::sync::Arc;

use super::message::{Refused, RefusedKind};
use crate::answer::{Answer, SignedCheckpoint};

/// A message does not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadMessage;

/// Puts fields one behind the other.
pub(crate) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn long(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(bytes.len() as u32).bytes(bytes)
    }

    pub fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T) -> &mut Self) {
        match value {
            None => self.u8(0),
            Some(value) => put(self.u8(1), value),
        };
    }

    pub fn checkpoint(&mut self, checkpoint: &SignedCheckpoint) -> &mut Self {
        self.u64(checkpoint.size).long(checkpoint.note.as_bytes());
        self.option(checkpoint.sha256_note.as_ref(), |out, note| {
            out.long(note.as_bytes())
        });
        self
    }

    pub fn refused(&mut self, Refused { kind, text }: &Refused) -> &mut Self {
        self.u8(*kind as u8).long(text.as_bytes())
    }

    pub fn answer(&mut self, answer: &Result<Answer, Refused>) {
        match answer {
            Err(refused) => {
                self.u8(1).refused(refused);
            }
            Ok(answer) => {
                self.u8(0).u32(answer.epoch).u8(u8::from(answer.durable));
                self.long(&answer.outcomes);
                self.option(answer.checkpoint.as_deref(), Self::checkpoint);
                self.option(answer.paths.as_ref(), |out, paths| out.long(paths));
            }
        }
    }
}

/// Takes fields one after the other.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn take(&mut self, count: usize) -> Result<&[u8], BadMessage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BadMessage)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], BadMessage> {
        self.take(N)?.try_into().map_err(|_| BadMessage)
    }

    pub fn u8(&mut self) -> Result<u8, BadMessage> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32, BadMessage> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, BadMessage> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn flag(&mut self) -> Result<bool, BadMessage> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadMessage),
        }
    }

    pub fn long(&mut self) -> Result<Vec<u8>, BadMessage> {
        let length = self.u32()? as usize;
        Ok(self.take(length)?.to_vec())
    }

    pub fn text(&mut self) -> Result<String, BadMessage> {
        String::from_utf8(self.long()?).map_err(|_| BadMessage)
    }

    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }

    pub fn option<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, BadMessage>,
    ) -> Result<Option<T>, BadMessage> {
        self.flag()?.then(|| take(self)).transpose()
    }

    pub fn checkpoint(&mut self) -> Result<SignedCheckpoint, BadMessage> {
        Ok(SignedCheckpoint {
            size: self.u64()?,
            note: self.text()?,
            sha256_note: self.option(Self::text)?,
        })
    }

    pub fn refused(&mut self) -> Result<Refused, BadMessage> {
        let kind = self.u8()?;
        let kind = RefusedKind::ALL.into_iter().find(|k| *k as u8 == kind);
        Ok(Refused {
            kind: kind.ok_or(BadMessage)?,
            text: self.text()?,
        })
    }

    pub fn answer(&mut self) -> Result<Result<Answer, Refused>, BadMessage> {
        if self.flag()? {
            return Ok(Err(self.refused()?));
        }
        Ok(Ok(Answer {
            epoch: self.u32()?,
            durable: self.flag()?,
            outcomes: self.long()?,
            checkpoint: self.option(Self::checkpoint)?.map(Arc::new),
            paths: self.option(Self::long)?,
        }))
    }
}
