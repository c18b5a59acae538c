//! Object stores and file references; native/object.ts documents them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;
use pyralog_log::{FileLayer, LoseUnsynced, RealFiles};
use pyralog_object::{
    FileFormat, FileReference, ObjectError, ObjectReference, ObjectStore, Pin, Swept,
    make_reference, read_file, verify_file,
};

use crate::convert::whole;
use crate::error::{Result, refused};
use crate::handles::Handles;
use crate::work::{Answer, Work, answered, work};

static STORES: Handles<ObjectStore> = Handles::new();
/// With the store they belong to.
static PINS: Handles<(u32, Pin)> = Handles::new();
/// Switches that stop long work.
static STOPS: Handles<Arc<AtomicBool>> = Handles::new();

/// Figures.
#[napi(object)]
pub struct NativeObjectStats {
    /// Objects.
    pub objects: f64,
    /// Chunks.
    pub chunks: f64,
    /// Pack files.
    pub packs: f64,
    /// Those whose table is damaged.
    pub damaged_packs: f64,
    /// Bytes on disk.
    pub bytes: f64,
    /// Puts since the opening.
    pub puts: f64,
    /// Their bytes.
    pub put_bytes: f64,
    /// What was written for them.
    pub stored_bytes: f64,
    /// Chunks that were there already.
    pub known_chunks: f64,
    /// Their bytes.
    pub known_bytes: f64,
    /// Reads since the opening.
    pub reads: f64,
    /// Their bytes.
    pub read_bytes: f64,
    /// Reads that met damage.
    pub damage: f64,
}

fn store(handle: u32) -> Result<ObjectStore> {
    let store = STORES.get(handle);
    store.ok_or_else(|| refused(ObjectError::Closed))
}

fn ids(packed: &[u8]) -> HashSet<[u8; 32]> {
    packed.as_chunks::<32>().0.iter().copied().collect()
}

fn goes_on(stop: u32) -> impl Fn() -> bool {
    let flag = STOPS.get(stop);
    move || {
        flag.as_ref()
            .is_none_or(|flag| !flag.load(Ordering::Relaxed))
    }
}

/// Makes a switch that stops long work.
#[napi(catch_unwind)]
pub fn object_stop() -> u32 {
    STOPS.put(Arc::default())
}

/// Throws the switch.
#[napi(catch_unwind)]
pub fn object_stop_now(stop: u32) {
    if let Some(flag) = STOPS.get(stop) {
        flag.store(true, Ordering::Relaxed);
    }
}

/// Forgets the switch.
#[napi(catch_unwind)]
pub fn object_stop_forget(stop: u32) {
    drop(STOPS.take(stop));
}

/// Opens a store; answers with its handle.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_open(dir: String, lose_unsynced: bool) -> AsyncTask<Work> {
    work(move || {
        let opened = ObjectStore::open(layer(lose_unsynced), Path::new(&dir));
        answered(opened.map(|store| Answer::Number(u64::from(STORES.put(store)))))
    })
}

/// Files as they are, or such that a kill loses what a power cut would.
pub fn layer(lose_unsynced: bool) -> Arc<dyn FileLayer> {
    if lose_unsynced {
        Arc::new(LoseUnsynced::new())
    } else {
        Arc::new(RealFiles)
    }
}

/// Stores a payload; answers with its reference, which says its schema, and the number of its pin.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_put(handle: u32, payload: Uint8Array, schema_id: u32) -> Result<AsyncTask<Work>> {
    let store = store(handle)?;
    Ok(work(move || {
        answered(store.put(&payload[..]).map(|(reference, pin)| {
            let number = PINS.put((handle, pin));
            let reference = ObjectReference {
                schema_id,
                ..reference
            };
            Answer::Both(u64::from(number), reference.encode().to_vec())
        }))
    }))
}

/// Lets go of a pin.
#[napi(catch_unwind)]
pub fn object_unpin(pin: u32) {
    drop(PINS.take(pin));
}

/// The whole payload of a reference.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_get(handle: u32, reference: &[u8]) -> Result<AsyncTask<Work>> {
    let store = store(handle)?;
    let reference = ObjectReference::decode(reference).map_err(refused)?;
    Ok(work(move || {
        answered(store.get(&reference).map(Answer::Bytes))
    }))
}

/// A part of the payload of a reference.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_read(
    handle: u32,
    reference: &[u8],
    from: f64,
    length: u32,
) -> Result<AsyncTask<Work>> {
    let store = store(handle)?;
    let reference = ObjectReference::decode(reference).map_err(refused)?;
    let from = whole(from, "from")?;
    Ok(work(move || {
        answered(
            store
                .read(&reference, from, length as usize)
                .map(Answer::Bytes),
        )
    }))
}

/// Compares a payload with its reference.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_check(handle: u32, reference: &[u8]) -> Result<AsyncTask<Work>> {
    let store = store(handle)?;
    let reference = ObjectReference::decode(reference).map_err(refused)?;
    Ok(work(move || {
        answered(store.check(&reference).map(|()| Answer::Empty))
    }))
}

/// Begins a collection.
#[napi(catch_unwind)]
pub fn object_begin(handle: u32) -> Result<f64> {
    Ok(store(handle)?.begin_collection() as f64)
}

/// Sweeps; answers with four u64: objects, chunks, packs, bytes.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_sweep(handle: u32, epoch: f64, live: &[u8], stop: u32) -> Result<AsyncTask<Work>> {
    let (store, live, goes_on) = (store(handle)?, ids(live), goes_on(stop));
    let epoch = whole(epoch, "epoch")?;
    Ok(work(move || {
        let figures = |swept: Swept| {
            let figures = [swept.objects, swept.chunks, swept.packs, swept.bytes];
            Answer::Bytes(figures.iter().flat_map(|one| one.to_le_bytes()).collect())
        };
        answered(store.sweep(epoch, &live, &goes_on).map(figures))
    }))
}

/// Reads objects; answers with a line for each that is damaged: id in hex, a space, what is wrong.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_verify(handle: u32, ids: &[u8]) -> Result<AsyncTask<Work>> {
    let (store, ids) = (store(handle)?, self::ids(ids));
    Ok(work(move || {
        answered(store.verify(&ids).map(|damages| {
            let lines = damages
                .iter()
                .map(|damage| format!("{} {}\n", hex(&damage.id), damage.error));
            Answer::Bytes(lines.collect::<String>().into_bytes())
        }))
    }))
}

/// Figures.
#[napi(catch_unwind)]
pub fn object_stats(handle: u32) -> Result<NativeObjectStats> {
    let stats = store(handle)?.stats();
    Ok(NativeObjectStats {
        objects: stats.objects as f64,
        chunks: stats.chunks as f64,
        packs: stats.packs as f64,
        damaged_packs: stats.damaged_packs as f64,
        bytes: stats.bytes as f64,
        puts: stats.puts as f64,
        put_bytes: stats.put_bytes as f64,
        stored_bytes: stats.stored_bytes as f64,
        known_chunks: stats.known_chunks as f64,
        known_bytes: stats.known_bytes as f64,
        reads: stats.reads as f64,
        read_bytes: stats.read_bytes as f64,
        damage: stats.damage as f64,
    })
}

/// Closes a store for everybody.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn object_close(handle: u32) -> AsyncTask<Work> {
    work(move || {
        if let Some(store) = STORES.take(handle) {
            store.close();
            PINS.retain(|(owner, _)| *owner != handle);
        }
        Answer::Empty
    })
}

/// Makes a file reference; answers with its bytes.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn file_refer(root: String, path: String, format: u8, stop: u32) -> AsyncTask<Work> {
    let goes_on = goes_on(stop);
    work(move || {
        let unknown = || ObjectError::Malformed(format!("there is no format {format}"));
        let made = FileFormat::of(format)
            .ok_or_else(unknown)
            .and_then(|format| make_reference(&PathBuf::from(root), &path, format, &goes_on))
            .and_then(|reference| reference.encode());
        answered(made.map(Answer::Bytes))
    })
}

/// Compares a file with its reference.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn file_verify(root: String, reference: &[u8], stop: u32) -> Result<AsyncTask<Work>> {
    let reference = FileReference::decode(reference).map_err(refused)?;
    let goes_on = goes_on(stop);
    Ok(work(move || {
        let verified = verify_file(Path::new(&root), &reference, &goes_on);
        answered(verified.map(|()| Answer::Empty))
    }))
}

/// The bytes of a file, after they were compared with its reference.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn file_read(root: String, reference: &[u8], bytes_max: f64) -> Result<AsyncTask<Work>> {
    let reference = FileReference::decode(reference).map_err(refused)?;
    let bytes_max = whole(bytes_max, "bytesMax")?;
    Ok(work(move || {
        answered(read_file(Path::new(&root), &reference, bytes_max).map(Answer::Bytes))
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
