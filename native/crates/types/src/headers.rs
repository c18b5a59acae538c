//! Headers: an ordered list of named values beside a record (docs/spec/record.md L3).

use crate::TypeError;

/// Most headers of a record.
pub const HEADERS_MAX: usize = 64;
/// Most bytes of a record's encoded headers.
pub const HEADERS_BYTES_MAX: usize = 65_536;

/// Name of the header that makes a record with a key and an empty value a tombstone (Y13).
pub const TOMBSTONE: &str = "tombstone";

/// Encodes a list; an empty one has no bytes.
///
/// # Errors
/// [`TypeError::Headers`] when the list breaks a bound of L3.
pub fn encode_headers(list: &[(&str, &[u8])]) -> Result<Vec<u8>, TypeError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    if list.len() > HEADERS_MAX {
        return Err(TypeError::Headers("more than 64"));
    }
    let mut out = (list.len() as u16).to_le_bytes().to_vec();
    for (name, value) in list {
        let name_len =
            u16::try_from(name.len()).map_err(|_| TypeError::Headers("name too long"))?;
        let value_len =
            u32::try_from(value.len()).map_err(|_| TypeError::Headers("value too long"))?;
        out.extend_from_slice(&name_len.to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&value_len.to_le_bytes());
        out.extend_from_slice(value);
    }
    if out.len() > HEADERS_BYTES_MAX {
        return Err(TypeError::Headers("more than 65,536 bytes"));
    }
    Ok(out)
}

/// Reads encoded headers; strict, without copies.
///
/// # Errors
/// [`TypeError::Headers`] when the bytes break L3 in any way, the empty list with bytes included.
pub fn decode_headers(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, TypeError> {
    let mut list = Vec::new();
    visit_headers(bytes, |name, value| list.push((name, value)))?;
    Ok(list)
}

/// Checks encoded headers without keeping them.
///
/// # Errors
/// As [`decode_headers`].
pub fn check_headers(bytes: &[u8]) -> Result<(), TypeError> {
    visit_headers(bytes, |_, _| ())
}

/// Whether the headers and the value of a record with a key say that the key is gone (Y13): a *tombstone* has an empty
/// value and a header named [`TOMBSTONE`].
#[must_use]
pub fn is_tombstone(headers: &[u8], value: &[u8]) -> bool {
    let mut named = false;
    value.is_empty()
        && visit_headers(headers, |name, _| named |= name == TOMBSTONE).is_ok()
        && named
}

fn visit_headers<'a>(
    bytes: &'a [u8],
    mut visit: impl FnMut(&'a str, &'a [u8]),
) -> Result<(), TypeError> {
    const SHORT: TypeError = TypeError::Headers("end too early");
    if bytes.is_empty() {
        return Ok(());
    }
    if bytes.len() > HEADERS_BYTES_MAX {
        return Err(TypeError::Headers("more than 65,536 bytes"));
    }
    let (count, mut rest) = bytes.split_first_chunk::<2>().ok_or(SHORT)?;
    let count = usize::from(u16::from_le_bytes(*count));
    if count == 0 || count > HEADERS_MAX {
        return Err(TypeError::Headers("count is not 1 to 64"));
    }
    for _ in 0..count {
        let (len, tail) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        let (name, tail) = tail
            .split_at_checked(usize::from(u16::from_le_bytes(*len)))
            .ok_or(SHORT)?;
        let (len, tail) = tail.split_first_chunk::<4>().ok_or(SHORT)?;
        let (value, tail) = tail
            .split_at_checked(u32::from_le_bytes(*len) as usize)
            .ok_or(SHORT)?;
        let name =
            std::str::from_utf8(name).map_err(|_| TypeError::Headers("a name is not UTF-8"))?;
        visit(name, value);
        rest = tail;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(TypeError::Headers("bytes behind the last one"))
    }
}
