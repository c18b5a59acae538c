//! State trees; native/state.ts documents them. Like cores they live in a registry of the process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Task};
use napi_derive::napi;
use pyralog_state::{Changes, SharedTree, StateError, StateTree, Stats, Version};

use crate::error::{Result, refused};
use crate::handles::Handles;

static TREES: Handles<Arc<SharedTree>> = Handles::new();

/// A version that was made, or why it was not.
#[napi(object)]
pub struct NativeStateVersion {
    /// Its number.
    pub version: Option<f64>,
    /// Its root.
    pub root: Option<Buffer>,
    /// `StateErrorCode` when it failed on the pool.
    pub code: Option<String>,
    /// Message when it failed.
    pub message: Option<String>,
}

/// What a tree holds.
#[napi(object)]
pub struct NativeStateStats {
    /// Live versions.
    pub versions: f64,
    /// Leaves.
    pub leaves: f64,
    /// Inner nodes.
    pub inner_nodes: f64,
    /// Memory.
    pub bytes: f64,
}

impl From<Version> for NativeStateVersion {
    fn from(made: Version) -> Self {
        Self {
            version: Some(made.number as f64),
            root: Some(made.root.as_slice().into()),
            code: None,
            message: None,
        }
    }
}

impl From<Stats> for NativeStateStats {
    fn from(stats: Stats) -> Self {
        Self {
            versions: stats.versions as f64,
            leaves: stats.leaves as f64,
            inner_nodes: stats.inner as f64,
            bytes: stats.bytes as f64,
        }
    }
}

fn tree(handle: u32) -> Result<Arc<SharedTree>> {
    let tree = TREES.get(handle);
    tree.ok_or_else(|| refused(StateError::Closed))
}

fn with<T>(
    handle: u32,
    body: impl FnOnce(&mut StateTree) -> std::result::Result<T, StateError>,
) -> Result<T> {
    tree(handle)?.with(body).map_err(refused)
}

/// A version's number; one that no tree can have given is one that is not alive.
#[allow(clippy::cast_sign_loss)]
fn number(version: f64) -> u64 {
    let whole = version.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&version);
    if whole { version as u64 } else { u64::MAX }
}

/// Opens an empty tree.
#[napi(catch_unwind)]
pub fn state_open() -> u32 {
    TREES.put(Arc::default())
}

/// A version with packed changes made.
#[napi(catch_unwind)]
pub fn state_apply(handle: u32, parent: f64, changes: &[u8]) -> Result<NativeStateVersion> {
    let changes = Changes::parse(changes).map_err(refused)?;
    with(handle, |tree| tree.apply(number(parent), &changes)).map(Into::into)
}

/// Packed changes on their way through the pool.
pub struct Building {
    tree: Arc<SharedTree>,
    pinned: Version,
    packed: Vec<u8>,
}

impl Building {
    fn build(&mut self) -> std::result::Result<Version, StateError> {
        let changes = Changes::parse(&std::mem::take(&mut self.packed))?;
        self.tree.build(self.pinned, &changes)
    }
}

impl Task for Building {
    type Output = std::result::Result<Version, StateError>;
    type JsValue = NativeStateVersion;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        catch_unwind(AssertUnwindSafe(|| self.build()))
            .map_err(|_| napi::Error::from_reason("the state tree panicked"))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<NativeStateVersion> {
        Ok(output.map_or_else(
            |error| NativeStateVersion {
                version: None,
                root: None,
                code: Some(error.code().to_owned()),
                message: Some(error.to_string()),
            },
            Into::into,
        ))
    }
}

/// A version with packed changes made, on the pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeStateVersion>")]
pub fn state_build(handle: u32, parent: f64, entries: &[u8]) -> Result<AsyncTask<Building>> {
    Changes::check(entries).map_err(refused)?;
    Ok(AsyncTask::new(Building {
        tree: tree(handle)?,
        pinned: with(handle, |tree| tree.duplicate(number(parent)))?,
        packed: entries.to_vec(),
    }))
}

/// Root of a version.
#[napi(catch_unwind)]
pub fn state_root(handle: u32, version: f64) -> Result<Buffer> {
    let root = with(handle, |tree| tree.root(number(version)))?;
    Ok(root.as_slice().into())
}

/// Keys of a version.
#[napi(catch_unwind)]
pub fn state_count(handle: u32, version: f64) -> Result<f64> {
    Ok(with(handle, |tree| tree.count(number(version)))? as f64)
}

/// Proof of a key.
#[napi(catch_unwind)]
pub fn state_prove(handle: u32, version: f64, key: &[u8]) -> Result<Buffer> {
    with(handle, |tree| tree.prove(number(version), key)).map(Into::into)
}

/// Forgets a version.
#[napi(catch_unwind)]
pub fn state_release(handle: u32, version: f64) -> Result<()> {
    with(handle, |tree| tree.release(number(version)))
}

/// What the tree holds.
#[napi(catch_unwind)]
pub fn state_stats(handle: u32) -> Result<NativeStateStats> {
    Ok(with(handle, |tree| Ok(tree.stats()))?.into())
}

/// Frees a tree for everybody.
#[napi(catch_unwind)]
pub fn state_close(handle: u32) {
    if let Some(tree) = TREES.take(handle) {
        tree.close();
    }
}
