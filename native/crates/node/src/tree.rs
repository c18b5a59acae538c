//! Trees of blocks; native/tree.ts documents them. Histories live in a registry of the process, as cores do.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use pyralog_labelled::{History, Label, LabelledError, unpack};

use crate::error::{Result, refused};
use crate::handles::Handles;

static HISTORIES: Handles<History> = Handles::new();

fn with<T>(
    handle: u32,
    body: impl FnOnce(&mut History) -> std::result::Result<T, LabelledError>,
) -> Result<T> {
    let done = HISTORIES.with(handle, body);
    done.unwrap_or(Err(LabelledError::Closed)).map_err(refused)
}

/// A size or index; one that is none is beyond every tree.
#[allow(clippy::cast_sign_loss)]
fn number(value: f64) -> u64 {
    let whole = value.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&value);
    if whole { value as u64 } else { u64::MAX }
}

fn leaves(label: &Label, packed: &[u8]) -> Result<Vec<[u8; 32]>> {
    let inputs = unpack(packed).map_err(|broken| refused(LabelledError::from(broken)))?;
    Ok(inputs.into_iter().map(|leaf| label.leaf(leaf)).collect())
}

/// Root over packed leaves.
#[napi(catch_unwind)]
pub fn tree_root(label: String, packed: &[u8]) -> Result<Buffer> {
    let label = Label::new(&label);
    Ok(label.root(&leaves(&label, packed)?).as_slice().into())
}

/// Path of one of the packed leaves: hashes back to back.
#[napi(catch_unwind)]
pub fn tree_path(label: String, packed: &[u8], index: f64) -> Result<Buffer> {
    let label = Label::new(&label);
    let path = label.path(&leaves(&label, packed)?, number(index));
    Ok(path.map_err(refused)?.concat().into())
}

/// Opens a history without ids.
#[napi(catch_unwind)]
pub fn history_open() -> u32 {
    HISTORIES.put(History::default())
}

/// Appends ids of 32 bytes, back to back.
#[napi(catch_unwind)]
pub fn history_append(handle: u32, ids: &[u8]) -> Result<()> {
    let (whole, rest) = ids.as_chunks::<32>();
    if !rest.is_empty() {
        let broken = LabelledError::Malformed {
            at: ids.len() - rest.len(),
            size: ids.len(),
        };
        return Err(refused(broken));
    }
    with(handle, |history| history.append(whole))
}

/// Ids there are.
#[napi(catch_unwind)]
pub fn history_size(handle: u32) -> Result<f64> {
    with(handle, |history| Ok(history.size() as f64))
}

/// Root of the first `size` ids.
#[napi(catch_unwind)]
pub fn history_root(handle: u32, size: f64) -> Result<Buffer> {
    let root = with(handle, |history| history.root(number(size)))?;
    Ok(root.as_slice().into())
}

/// Path of an id among the first `size`: hashes back to back.
#[napi(catch_unwind)]
pub fn history_path(handle: u32, index: f64, size: f64) -> Result<Buffer> {
    let path = with(handle, |history| history.path(number(index), number(size)))?;
    Ok(path.concat().into())
}

/// Frees a history.
#[napi(catch_unwind)]
pub fn history_close(handle: u32) {
    drop(HISTORIES.take(handle));
}
