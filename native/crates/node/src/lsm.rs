//! Key-value stores; native/lsm.ts documents them. Stores, snapshots and cursors live in registries of the process.

use std::path::Path;
use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;
use pyralog_lsm::{Cursor, Lsm, LsmError, LsmOptions, Range, Snapshot};

use crate::channel::{Done, channel};
use crate::convert::whole;
use crate::error::{Result, refused};
use crate::handles::Handles;
use crate::work::{Answer, Work, answered, work};

static STORES: Handles<Lsm> = Handles::new();
/// With the store they belong to.
static SNAPSHOTS: Handles<(u32, Snapshot)> = Handles::new();
/// As snapshots.
static CURSORS: Handles<(u32, Arc<Cursor>)> = Handles::new();

/// How a store is opened.
#[napi(object)]
pub struct NativeLsmOptions {
    /// Directory.
    pub dir: String,
    /// Memory for blocks that were read.
    pub cache_bytes: f64,
    /// Free space below which batches are refused.
    pub reserve_bytes: f64,
}

/// A range.
#[napi(object)]
pub struct NativeLsmRange {
    /// First key.
    pub from: Option<Uint8Array>,
    /// Behind the last key.
    pub to: Option<Uint8Array>,
    /// From the last to the first.
    pub reverse: bool,
    /// Most entries.
    pub limit: Option<f64>,
}

/// Figures since opening.
#[napi(object)]
pub struct NativeLsmStats {
    /// Batches.
    pub batches: f64,
    /// One fdatasync each.
    pub group_commits: f64,
    /// Packed bytes.
    pub bytes: f64,
    /// On disk.
    pub disk_bytes: f64,
    /// In no table yet.
    pub memory_bytes: f64,
    /// Tables.
    pub tables: f64,
    /// Torn tail that opening cut.
    pub cut_bytes: f64,
}

fn store(handle: u32) -> Result<Lsm> {
    let store = STORES.get(handle);
    store.ok_or_else(|| refused(LsmError::Closed))
}

/// A snapshot by number, or a fresh one of the store for 0.
fn at(handle: u32, snapshot: u32) -> Result<Snapshot> {
    if snapshot == 0 {
        return store(handle)?.snapshot().map_err(refused);
    }
    let found = SNAPSHOTS.get(snapshot);
    found
        .map(|(_, snapshot)| snapshot)
        .ok_or_else(|| refused(LsmError::Closed))
}

/// Opens a store; answers with its handle.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn lsm_open(options: NativeLsmOptions) -> Result<AsyncTask<Work>> {
    let chosen = LsmOptions {
        cache_bytes: whole(options.cache_bytes, "cacheBytes")?,
        reserve_bytes: whole(options.reserve_bytes, "reserveBytes")?,
        ..LsmOptions::default()
    };
    Ok(work(move || {
        answered(
            Lsm::open(Path::new(&options.dir), &chosen)
                .map(|store| Answer::Number(u64::from(STORES.put(store)))),
        )
    }))
}

/// Commits packed operations; completes `token` once they are durable.
#[napi(catch_unwind)]
pub fn lsm_commit(handle: u32, packed: &[u8], number: u32, token: u32) -> Result<()> {
    let reply = move |result: std::result::Result<(), LsmError>| {
        if let Some(channel) = channel(number) {
            let failed = |error: LsmError| Done::Refused(error.code(), error.to_string());
            channel.complete(token, result.map_or_else(failed, |()| Done::Empty));
        }
    };
    let queued = store(handle)?.commit(packed.to_vec(), reply);
    queued.map_err(refused)
}

/// Packed values of packed keys.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn lsm_get_many(handle: u32, snapshot: u32, keys: &[u8]) -> Result<AsyncTask<Work>> {
    let (snapshot, keys) = (at(handle, snapshot)?, keys.to_vec());
    Ok(work(move || {
        answered(snapshot.get_many(&keys).map(Answer::Bytes))
    }))
}

/// Takes a snapshot.
#[napi(catch_unwind)]
pub fn lsm_snapshot(handle: u32) -> Result<u32> {
    let snapshot = at(handle, 0)?;
    Ok(SNAPSHOTS.put((handle, snapshot)))
}

/// Lets go of a snapshot.
#[napi(catch_unwind)]
pub fn lsm_release(snapshot: u32) {
    drop(SNAPSHOTS.take(snapshot));
}

/// Begins to walk a range; the walk sees the store as it is now.
#[napi(catch_unwind)]
pub fn lsm_range(handle: u32, snapshot: u32, range: NativeLsmRange) -> Result<u32> {
    let limit = range.limit.map(|limit| whole(limit, "limit")).transpose()?;
    let cursor = at(handle, snapshot)?.range(Range {
        from: range.from.map(|key| key.to_vec()),
        to: range.to.map(|key| key.to_vec()),
        reverse: range.reverse,
        limit,
    });
    Ok(CURSORS.put((handle, Arc::new(cursor))))
}

/// The next chunk of a walk.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn lsm_chunk(cursor: u32, bytes_max: u32) -> Result<AsyncTask<Work>> {
    let (_, cursor) = CURSORS
        .get(cursor)
        .ok_or_else(|| refused(LsmError::Closed))?;
    Ok(work(move || {
        answered(cursor.chunk(bytes_max as usize).map(Answer::Bytes))
    }))
}

/// Ends a walk.
#[napi(catch_unwind)]
pub fn lsm_leave(cursor: u32) {
    drop(CURSORS.take(cursor));
}

/// Figures since opening.
#[napi(catch_unwind)]
pub fn lsm_stats(handle: u32) -> Result<NativeLsmStats> {
    let stats = store(handle)?.stats().map_err(refused)?;
    Ok(NativeLsmStats {
        batches: stats.batches as f64,
        group_commits: stats.group_commits as f64,
        bytes: stats.bytes as f64,
        disk_bytes: stats.disk_bytes as f64,
        memory_bytes: stats.memory_bytes as f64,
        tables: stats.tables as f64,
        cut_bytes: stats.cut_bytes as f64,
    })
}

/// Writes what waits and closes for everybody, snapshots and walks included.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn lsm_close(handle: u32) -> AsyncTask<Work> {
    work(move || {
        if let Some(store) = STORES.take(handle) {
            store.close();
            SNAPSHOTS.retain(|(owner, _)| *owner != handle);
            CURSORS.retain(|(owner, _)| *owner != handle);
        }
        Answer::Empty
    })
}
