//! Log entries: a proposal with what its leader stamped on it (B3).

use super::proposal::Proposal;
use crate::cursor::Cursor;
use crate::{SAFE_INTEGER_MAX, TypeError};

/// Consecutive Scarab ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRun {
    /// First id of the run.
    pub first: u64,
    /// How many.
    pub count: u32,
}

/// Appends the head of an entry to `out`; the proposal's bytes follow it.
pub fn encode_entry_head(out: &mut Vec<u8>, timestamp: u64, runs: &[IdRun]) {
    out.extend_from_slice(&timestamp.to_le_bytes());
    out.extend_from_slice(&(runs.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for run in runs {
        out.extend_from_slice(&run.first.to_le_bytes());
        out.extend_from_slice(&run.count.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
    }
}

/// A checked entry, in place.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Log time of all its records, Unix milliseconds.
    pub timestamp: u64,
    /// Ids of its records, in order; their counts add up to the number of records.
    pub runs: Vec<IdRun>,
    /// The records.
    pub proposal: Proposal<'a>,
}

impl<'a> Entry<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`TypeError::Batch`] when the bytes break B3 or the proposal's rules.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TypeError> {
        let mut cursor = Cursor::new(bytes);
        let timestamp = cursor.u64()?;
        if timestamp > SAFE_INTEGER_MAX {
            return Err(TypeError::Batch {
                at: 0,
                what: "timestamp above 2^53 - 1 (L2)",
            });
        }
        let count = cursor.u32()?;
        if cursor.u32()? != 0 {
            return Err(cursor.fail("bytes that must be zero are not"));
        }
        // Bounded by the bytes that are there, not by what they claim.
        let mut runs = Vec::with_capacity((count as usize).min(bytes.len() / 16));
        let mut ids = 0_u64;
        let mut behind = 0_u64;
        for _ in 0..count {
            let run = IdRun {
                first: cursor.u64()?,
                count: cursor.u32()?,
            };
            if cursor.u32()? != 0
                || run.count == 0
                || run.first.checked_add(u64::from(run.count)).is_none()
            {
                return Err(cursor.fail("malformed run of ids"));
            }
            if run.first < behind {
                return Err(cursor.fail("ids do not strictly increase (L5)"));
            }
            behind = run.first + u64::from(run.count);
            ids += u64::from(run.count);
            runs.push(run);
        }
        let proposal = Proposal::parse(cursor.rest())?;
        if ids != proposal.len() as u64 {
            return Err(cursor.fail("as many ids as records are needed"));
        }
        Ok(Self {
            timestamp,
            runs,
            proposal,
        })
    }

    /// The records' ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs
            .iter()
            .flat_map(|run| run.first..run.first + u64::from(run.count))
    }
}
