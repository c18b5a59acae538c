//! The registry's file (J7).

use std::collections::BTreeMap;
use std::sync::Arc;

use pyralog_types::FIRST_SCHEMA;

use crate::registry::{Registered, State, Subject};
use crate::stream::schema_of;
use crate::{Rule, SchemaError};

const MAGIC: &[u8; 8] = b"PYSCHEMA";
const VERSION: u32 = 1;

pub(crate) fn encode(state: &State) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let word = |bytes: &mut Vec<u8>, word: u32| bytes.extend_from_slice(&word.to_le_bytes());
    word(&mut bytes, VERSION);
    word(&mut bytes, state.next_id);
    word(&mut bytes, state.schemas.len() as u32);
    for (id, registered) in &state.schemas {
        word(&mut bytes, *id);
        word(&mut bytes, registered.stream.len() as u32);
        bytes.extend_from_slice(&registered.stream);
    }
    word(&mut bytes, state.subjects.len() as u32);
    for (name, subject) in &state.subjects {
        bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(subject.rule.number());
        word(&mut bytes, subject.versions.len() as u32);
        for id in &subject.versions {
            word(&mut bytes, *id);
        }
    }
    let sum = crc32c::crc32c(&bytes);
    word(&mut bytes, sum);
    bytes
}

/// Reads a registry back, strictly.
pub(crate) fn decode(bytes: &[u8]) -> Result<State, SchemaError> {
    let corrupt = |what: &str| SchemaError::Corrupt(what.to_owned());
    let (body, sum) = bytes
        .split_last_chunk::<4>()
        .ok_or_else(|| corrupt("its file is cut short"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(corrupt("its file is not what was written (checksum)"));
    }
    let state = parse(body).ok_or_else(|| corrupt("its file breaks rule J7"))?;
    Ok(state)
}

fn parse(body: &[u8]) -> Option<State> {
    let mut rest = body.strip_prefix(MAGIC)?;
    if word(&mut rest)? != VERSION {
        return None;
    }
    let next_id = word(&mut rest)?;
    let schemas = schemas(&mut rest, next_id)?;
    let subjects = subjects(&mut rest, &schemas)?;
    let state = State {
        next_id,
        schemas,
        subjects,
    };
    // What is written one way only was written so.
    (rest.is_empty() && next_id >= FIRST_SCHEMA && encode(&state).starts_with(body))
        .then_some(state)
}

fn schemas(rest: &mut &[u8], next_id: u32) -> Option<BTreeMap<u32, Registered>> {
    let mut schemas = BTreeMap::new();
    for _ in 0..word(rest)? {
        let id = word(rest)?;
        let length = word(rest)? as usize;
        let stream = take(rest, length)?;
        if !(FIRST_SCHEMA..next_id).contains(&id) {
            return None;
        }
        let registered = Registered {
            schema: schema_of(stream).ok()?,
            stream: Arc::from(stream),
        };
        schemas.insert(id, registered);
    }
    Some(schemas)
}

fn subjects(
    rest: &mut &[u8],
    schemas: &BTreeMap<u32, Registered>,
) -> Option<BTreeMap<String, Subject>> {
    let mut subjects = BTreeMap::new();
    for _ in 0..word(rest)? {
        let length = usize::from(u16::from_le_bytes(take(rest, 2)?.try_into().ok()?));
        let name = std::str::from_utf8(take(rest, length)?).ok()?;
        let [rule] = take(rest, 1)? else {
            return None;
        };
        let rule = Rule::ALL.into_iter().find(|one| one.number() == *rule)?;
        let mut versions = Vec::new();
        for _ in 0..word(rest)? {
            let id = word(rest)?;
            schemas.get(&id)?;
            versions.push(id);
        }
        subjects.insert(name.to_owned(), Subject { rule, versions });
    }
    Some(subjects)
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}
