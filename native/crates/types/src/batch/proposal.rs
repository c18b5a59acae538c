//! Proposals: the records of one call, in their order (B1, B2).

use crate::cursor::Cursor;
use crate::headers::check_headers;
use crate::multihash::{MULTIHASH_BYTES_MAX, digest_len, split_multihash};
use crate::{Hash, TypeError};

/// Most records of a proposal.
pub const PROPOSAL_RECORDS_MAX: u32 = 65_536;
/// Most bytes of a proposal.
pub const PROPOSAL_BYTES_MAX: usize = 16 << 20;

/// Schema of notary values (L4).
const SCHEMA_NOTARY: u32 = 1;

const VERSION_RECORDS: u8 = 1;
const VERSION_DIGESTS: u8 = 2;
const HAS_KEY: u8 = 1;
const HAS_HEADERS: u8 = 2;
const HAS_SUBMITTER: u8 = 4;
const HAS_IDEMPOTENCY_KEY: u8 = 8;
const FLAGS: u8 = HAS_KEY | HAS_HEADERS | HAS_SUBMITTER | HAS_IDEMPOTENCY_KEY;

/// A record's value, as bytes or as the digest of a uniform batch (whose two leading bytes stand nowhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// The value itself.
    Bytes(&'a [u8]),
    /// A notary value of this code and digest.
    Digest {
        /// Multihash code.
        code: u8,
        /// As long as the code says.
        digest: &'a [u8],
    },
}

impl<'a> ValueRef<'a> {
    /// Length of the value's bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a length of bytes, not a collection
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Digest { digest, .. } => digest.len() + 2,
        }
    }

    /// The value's bytes, put together in `scratch` where they do not stand in one piece.
    #[must_use]
    pub fn bytes<'b>(&self, scratch: &'b mut [u8; MULTIHASH_BYTES_MAX]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Digest { code, digest } => {
                let len = digest.len().min(MULTIHASH_BYTES_MAX - 2);
                scratch[0] = *code;
                scratch[1] = len as u8;
                scratch[2..2 + len].copy_from_slice(&digest[..len]);
                &scratch[..2 + len]
            }
        }
    }

    /// BLAKE3 of the value's bytes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        *blake3::hash(self.bytes(&mut [0; MULTIHASH_BYTES_MAX])).as_bytes()
    }
}

/// One record of a proposal, in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// 0 = opaque bytes, 1 = notary value.
    pub schema_id: u32,
    /// Scope of idempotency; empty = anonymous.
    pub submitter: &'a [u8],
    /// The client's idempotency key.
    pub idempotency_key: Option<&'a [u8]>,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// Encoded headers (L3); `None` when there are none.
    pub headers: Option<&'a [u8]>,
    /// The record's value.
    pub value: ValueRef<'a>,
}

/// A proposal that was checked from end to end.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    bytes: &'a [u8],
    count: u32,
    /// Where the records begin.
    body: usize,
    uniform: Option<Uniform<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Uniform<'a> {
    code: u8,
    submitter: &'a [u8],
}

impl<'a> Proposal<'a> {
    /// Checks a proposal; afterwards its records can be read without any further check.
    ///
    /// # Errors
    /// [`TypeError::Batch`] with the offending byte on anything that B1, B2 or B6 excludes; headers and notary values
    /// are checked too.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TypeError> {
        let mut cursor = Cursor::new(bytes);
        if bytes.len() > PROPOSAL_BYTES_MAX {
            return Err(cursor.fail("more than 16 MiB"));
        }
        match cursor.u8()? {
            VERSION_RECORDS => Self::parse_records(bytes, cursor),
            VERSION_DIGESTS => Self::parse_digests(bytes, cursor),
            _ => Err(TypeError::Batch {
                at: 0,
                what: "unknown version; 1 and 2 are known",
            }),
        }
    }

    fn parse_records(bytes: &'a [u8], mut cursor: Cursor<'a>) -> Result<Self, TypeError> {
        if cursor.u8()? != 0 || cursor.u16()? != 0 {
            return Err(TypeError::Batch {
                at: 1,
                what: "bytes that must be zero are not",
            });
        }
        let count = count(&mut cursor)?;
        let body = cursor.at();
        for _ in 0..count {
            let at = cursor.at();
            let record = read_record(&mut cursor)?;
            let checked = match (record.schema_id, record.value) {
                (SCHEMA_NOTARY, ValueRef::Bytes(value)) => split_multihash(value).map(|_| ()),
                _ => Ok(()),
            }
            .and_then(|()| record.headers.map_or(Ok(()), check_headers));
            if checked.is_err() {
                return Err(TypeError::Batch {
                    at,
                    what: "a record's notary value or headers are malformed (L3, L4)",
                });
            }
        }
        finish(&cursor)?;
        Ok(Self {
            bytes,
            count,
            body,
            uniform: None,
        })
    }

    fn parse_digests(bytes: &'a [u8], mut cursor: Cursor<'a>) -> Result<Self, TypeError> {
        let code = cursor.u8()?;
        let Some(len) = digest_len(code) else {
            return Err(cursor.fail("unknown algorithm code; 0x12, 0x13 and 0x1e are known"));
        };
        let submitter_len = usize::from(cursor.u8()?);
        if cursor.u8()? != 0 {
            return Err(cursor.fail("byte that must be zero is not"));
        }
        let count = count(&mut cursor)?;
        let submitter = cursor.take(submitter_len)?;
        let body = cursor.at();
        cursor.take(len * count as usize)?;
        finish(&cursor)?;
        Ok(Self {
            bytes,
            count,
            body,
            uniform: Some(Uniform { code, submitter }),
        })
    }

    /// Number of records, 1 to 65,536.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// The bytes as they came, which is also how they stand in the log.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The records, in order.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records {
            cursor: Cursor::new(self.bytes.get(self.body..).unwrap_or_default()),
            left: self.count,
            uniform: self.uniform,
        }
    }
}

/// A checked proposal with its bytes, to be handed on: whoever gets it need not check it again.
#[derive(Debug, Clone)]
pub struct CheckedProposal {
    bytes: Vec<u8>,
    count: u32,
    body: usize,
    /// Code, and where the submitter begins, which ends with the head.
    uniform: Option<(u8, usize)>,
}

impl CheckedProposal {
    /// Checks a proposal.
    ///
    /// # Errors
    /// As [`Proposal::parse`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, TypeError> {
        let Proposal {
            count,
            body,
            uniform,
            ..
        } = Proposal::parse(&bytes)?;
        let uniform = uniform.map(|uniform| (uniform.code, body - uniform.submitter.len()));
        Ok(Self {
            bytes,
            count,
            body,
            uniform,
        })
    }

    /// The proposal.
    #[must_use]
    pub fn proposal(&self) -> Proposal<'_> {
        let uniform = self.uniform.map(|(code, from)| Uniform {
            code,
            submitter: self.bytes.get(from..self.body).unwrap_or_default(),
        });
        Proposal {
            bytes: &self.bytes,
            count: self.count,
            body: self.body,
            uniform,
        }
    }

    /// Gives the bytes back.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Iterator over a checked proposal.
pub struct Records<'a> {
    cursor: Cursor<'a>,
    left: u32,
    uniform: Option<Uniform<'a>>,
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RecordRef<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        match self.uniform {
            // Checked by `parse`: these reads cannot fail.
            None => read_record(&mut self.cursor).ok(),
            Some(Uniform { code, submitter }) => Some(RecordRef {
                schema_id: SCHEMA_NOTARY,
                submitter,
                idempotency_key: None,
                key: None,
                headers: None,
                value: ValueRef::Digest {
                    code,
                    digest: self.cursor.take(digest_len(code)?).ok()?,
                },
            }),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Records<'_> {}

fn count(cursor: &mut Cursor<'_>) -> Result<u32, TypeError> {
    let count = cursor.u32()?;
    if count == 0 || count > PROPOSAL_RECORDS_MAX {
        return Err(cursor.fail("count is not 1 to 65,536"));
    }
    Ok(count)
}

fn finish(cursor: &Cursor<'_>) -> Result<(), TypeError> {
    if cursor.rest().is_empty() {
        Ok(())
    } else {
        Err(cursor.fail("bytes behind the last record"))
    }
}

#[inline]
fn read_record<'a>(cursor: &mut Cursor<'a>) -> Result<RecordRef<'a>, TypeError> {
    let flags = cursor.u8()?;
    let submitter_len = usize::from(cursor.u8()?);
    let idempotency_len = usize::from(cursor.u8()?);
    if flags & !FLAGS != 0 || cursor.u8()? != 0 {
        return Err(cursor.fail("unknown flags"));
    }
    let schema_id = cursor.u32()?;
    let key_len = cursor.u32()? as usize;
    let headers_len = cursor.u32()? as usize;
    let value_len = cursor.u32()? as usize;
    let submitter = cursor.take(submitter_len)?;
    let idempotency_key = cursor.take(idempotency_len)?;
    let key = cursor.take(key_len)?;
    let headers = cursor.take(headers_len)?;
    let value = cursor.take(value_len)?;
    let absent = |flag: u8, len: usize| flags & flag == 0 && len != 0;
    if absent(HAS_SUBMITTER, submitter_len)
        || absent(HAS_IDEMPOTENCY_KEY, idempotency_len)
        || absent(HAS_KEY, key_len)
        || absent(HAS_HEADERS, headers_len)
    {
        return Err(cursor.fail("an absent field has a length"));
    }
    let present = |flag: u8, part: &'a [u8]| (flags & flag != 0).then_some(part);
    if flags & HAS_HEADERS != 0 && headers_len == 0 {
        return Err(cursor.fail("headers are flagged and empty"));
    }
    Ok(RecordRef {
        schema_id,
        submitter,
        idempotency_key: present(HAS_IDEMPOTENCY_KEY, idempotency_key),
        key: present(HAS_KEY, key),
        headers: present(HAS_HEADERS, headers),
        value: ValueRef::Bytes(value),
    })
}

/// Packs records as B1. Lengths are the caller's to keep: submitter and idempotency key at most 255 bytes.
#[must_use]
pub fn encode_proposal(records: &[RecordRef<'_>]) -> Vec<u8> {
    let mut out = vec![VERSION_RECORDS, 0, 0, 0];
    out.extend_from_slice(&(records.len() as u32).to_le_bytes());
    for record in records {
        let mut flags = 0;
        let mut part = |flag: u8, part: Option<&[u8]>| {
            flags |= if part.is_some() { flag } else { 0 };
            part.map_or(0, <[u8]>::len)
        };
        let submitter = (!record.submitter.is_empty()).then_some(record.submitter);
        let submitter_len = part(HAS_SUBMITTER, submitter) as u8;
        let idempotency_len = part(HAS_IDEMPOTENCY_KEY, record.idempotency_key) as u8;
        let key_len = part(HAS_KEY, record.key) as u32;
        let headers_len = part(HAS_HEADERS, record.headers) as u32;
        out.extend_from_slice(&[flags, submitter_len, idempotency_len, 0]);
        for field in [
            record.schema_id,
            key_len,
            headers_len,
            record.value.len() as u32,
        ] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(record.submitter);
        for field in [record.idempotency_key, record.key, record.headers] {
            out.extend_from_slice(field.unwrap_or_default());
        }
        out.extend_from_slice(record.value.bytes(&mut [0; MULTIHASH_BYTES_MAX]));
    }
    out
}

/// Packs digests of one algorithm as B2.
#[must_use]
pub fn encode_digests(code: u8, submitter: &[u8], digests: &[u8]) -> Vec<u8> {
    let count = digests.len() / digest_len(code).unwrap_or(usize::MAX);
    let mut out = vec![VERSION_DIGESTS, code, submitter.len() as u8, 0];
    out.extend_from_slice(&(count as u32).to_le_bytes());
    out.extend_from_slice(submitter);
    out.extend_from_slice(digests);
    out
}
