//! Bytes of the index of a log, for the stop file (W17): what the records come to, without the records.

use std::collections::VecDeque;

use super::codec::{decode_config, decode_members, encode_config, encode_members};
use super::index::{Group, Index};
use super::wal_store::Location;
use super::{HardState, Membership, TreeState};

const LOCATION_BYTES: usize = 16;

impl Index<Location> {
    /// Bytes of every group: number, first and last index, terms, small states, places of the entries.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, group) in self.groups() {
            let words = [
                u64::from(number),
                group.first,
                group.kept,
                group.hard_state.term,
                group.hard_state.vote,
                group.hard_state.commit,
                group.terms.len() as u64,
                group.entries.len() as u64,
            ];
            out.extend(words.into_iter().flat_map(u64::to_le_bytes));
            put_tree(&mut out, group.signed.as_ref());
            put_tree(&mut out, group.sidecar.as_ref());
            let config = group.config.as_ref().map(encode_config);
            let config = config.unwrap_or_default();
            out.extend_from_slice(&(config.len() as u64).to_le_bytes());
            out.extend_from_slice(&config);
            put_members(&mut out, group.members.as_ref());
            for (first, term) in &group.terms {
                out.extend_from_slice(&first.to_le_bytes());
                out.extend_from_slice(&term.to_le_bytes());
            }
            for place in &group.entries {
                out.extend_from_slice(&place.incarnation.to_le_bytes());
                out.extend_from_slice(&place.position_of_8.to_le_bytes());
                out.extend_from_slice(&place.length.to_le_bytes());
            }
        }
        out
    }

    /// Reads the bytes; `None` when [`Index::encode`] made no such.
    pub(crate) fn decode(mut rest: &[u8]) -> Option<Self> {
        let mut index = Self::new();
        while !rest.is_empty() {
            let words = take::<8>(&mut rest, 8)?;
            let word = |at: usize| u64::from_le_bytes(words[at]);
            let mut group = Group::new();
            group.first = word(1);
            group.kept = word(2);
            group.hard_state = HardState {
                term: word(3),
                vote: word(4),
                commit: word(5),
            };
            group.signed = take_tree(&mut rest)?;
            group.sidecar = take_tree(&mut rest)?;
            let length = u64::from_le_bytes(take::<8>(&mut rest, 1)?[0]);
            let (config, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = behind;
            if !config.is_empty() {
                group.config = Some(decode_config(config).ok()?);
            }
            group.members = take_members(&mut rest)?;
            let terms = take::<16>(&mut rest, word(6))?;
            group.terms = terms.iter().map(pair_of).collect();
            let places = take::<LOCATION_BYTES>(&mut rest, word(7))?;
            group.entries = places.iter().map(place_of).collect::<VecDeque<_>>();
            index.insert(u32::try_from(word(0)).ok()?, group);
        }
        Some(index)
    }
}

/// Length (0 for none), index, term, bytes as in a record.
fn put_members(out: &mut Vec<u8>, members: Option<&Membership>) {
    let bytes = members.map(encode_members).unwrap_or_default();
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    if let Some(members) = members {
        out.extend_from_slice(&members.index.to_le_bytes());
        out.extend_from_slice(&members.term.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
}

#[expect(
    clippy::option_option,
    reason = "bytes that cannot be read are not a membership that is missing"
)]
fn take_members(rest: &mut &[u8]) -> Option<Option<Membership>> {
    let length = u64::from_le_bytes(take::<8>(rest, 1)?[0]);
    if length == 0 {
        return Some(None);
    }
    let made = pair_of(take::<16>(rest, 1)?.first()?);
    let (bytes, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(Some(decode_members(made, bytes).ok()?))
}

/// Roots there are, size, BLAKE3 root, SHA-256 root.
fn put_tree(out: &mut Vec<u8>, state: Option<&TreeState>) {
    let roots = state.map_or(0, |state| 1 + u64::from(state.sha256_root.is_some()));
    out.extend_from_slice(&roots.to_le_bytes());
    if let Some(state) = state {
        out.extend_from_slice(&state.size.to_le_bytes());
        out.extend_from_slice(&state.root);
        out.extend(state.sha256_root.iter().flatten());
    }
}

#[expect(
    clippy::option_option,
    reason = "bytes that cannot be read are not a state that is missing"
)]
fn take_tree(rest: &mut &[u8]) -> Option<Option<TreeState>> {
    let roots = u64::from_le_bytes(take::<8>(rest, 1)?[0]);
    if roots == 0 {
        return Some(None);
    }
    let size = u64::from_le_bytes(take::<8>(rest, 1)?[0]);
    let roots = take::<32>(rest, roots)?;
    Some(Some(TreeState {
        size,
        root: *roots.first()?,
        sha256_root: roots.get(1).copied(),
    }))
}

fn pair_of(bytes: &[u8; 16]) -> (u64, u64) {
    let words = bytes.as_chunks::<8>().0;
    (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
}

fn place_of(bytes: &[u8; LOCATION_BYTES]) -> Location {
    let (incarnation, rest) = pair_of(bytes);
    Location {
        incarnation,
        position_of_8: rest as u32,
        length: (rest >> 32) as u32,
    }
}

/// So many pieces of the same length.
fn take<'a, const N: usize>(rest: &mut &'a [u8], count: u64) -> Option<&'a [[u8; N]]> {
    let length = usize::try_from(count).ok()?.checked_mul(N)?;
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken.as_chunks::<N>().0)
}
