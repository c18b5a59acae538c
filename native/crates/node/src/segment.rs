//! Sealed segments; native/segment.ts documents them. Open segments live in a registry of the process.

use std::path::{Path, PathBuf};

use napi::Env;
use napi::bindgen_prelude::{AsyncTask, BigInt, BufferSlice};
use napi_derive::napi;
use pyralog_log::RealFiles;
use pyralog_segment::{Kind, Segment, SegmentBuilder, SegmentError, SegmentMeta};

use crate::convert::whole;
use crate::error::{Code, Result, refused};
use crate::handles::Handles;
use crate::work::{Answer, Work, answered, work};

static SEGMENTS: Handles<Segment> = Handles::new();

fn segment(handle: u32) -> Result<Segment> {
    let found = SEGMENTS.get(handle);
    let closed = || {
        napi::Error::new(
            Code("storage/segment-closed"),
            "the segment was closed".to_owned(),
        )
    };
    found.ok_or_else(closed)
}

fn figures(result: std::result::Result<SegmentMeta, SegmentError>) -> Answer {
    answered(result.map(|meta| Answer::Bytes(meta.encode().to_vec())))
}

fn offset(found: std::result::Result<Option<u64>, SegmentError>) -> Result<Option<f64>> {
    let found = found.map_err(refused)?;
    Ok(found.map(|offset| offset as f64))
}

/// Opens a segment; answers with its handle.
#[napi(catch_unwind)]
pub fn segment_open(dir: String, name: String, figures: &[u8]) -> Result<u32> {
    let open = || {
        let meta = SegmentMeta::decode(figures)?;
        Segment::open(&RealFiles, Path::new(&dir), &name, &meta)
    };
    let opened = open().map_err(refused)?;
    Ok(SEGMENTS.put(opened))
}

/// The data file as memory, without a copy. Each call maps anew.
#[napi(catch_unwind)]
pub fn segment_buffer(env: &Env, handle: u32) -> Result<BufferSlice<'_>> {
    let segment = segment(handle)?;
    let failed = |what: String| napi::Error::new(Code("storage/io"), what);
    let path = segment.path().display();
    let file = std::fs::File::open(segment.path())
        .map_err(|error| failed(format!("cannot open {path}: {error}")))?;
    // SAFETY: sealed files are never cut or written again (segment.md H5). The mapping is private, so what JavaScript
    // writes by mistake goes to copies of its pages that nobody else sees.
    let mut map = unsafe { memmap2::MmapOptions::new().map_copy(&file) }
        .map_err(|error| failed(format!("cannot map {path}: {error}")))?;
    if map.len() as u64 != segment.meta().arrow_bytes {
        return Err(failed(format!("{path} was replaced by another file")));
    }
    let (data, length) = (map.as_mut_ptr(), map.len());
    // SAFETY: the memory is valid for as long as the mapping lives, which moves into the callback that runs when the
    // buffer is collected. Nobody else has this address: V8 refuses memory that it knows already.
    unsafe { BufferSlice::from_external(env, data, length, map, |_, map| drop(map)) }
        .map_err(|error| failed(format!("cannot lend {path}: {error}")))
}

/// Latest offset of a key, at or before a time.
#[napi(catch_unwind)]
pub fn segment_by_key(handle: u32, key: &[u8], ms: Option<f64>) -> Result<Option<f64>> {
    let ms = ms.map_or(Ok(u64::MAX), |ms| whole(ms, "the time"))?;
    offset(segment(handle)?.by_key_at(key, ms))
}

/// Offset of a Scarab id.
#[napi(catch_unwind)]
pub fn segment_by_id(handle: u32, id: BigInt) -> Result<Option<f64>> {
    let (negative, id, lossless) = id.get_u64();
    if negative || !lossless {
        return Ok(None);
    }
    offset(segment(handle)?.by_id(id))
}

/// First offset at or after a time.
#[napi(catch_unwind)]
pub fn segment_by_time(handle: u32, ms: f64) -> Result<Option<f64>> {
    offset(segment(handle)?.by_time(whole(ms, "the time")?))
}

/// Offsets of notary records with a value.
#[napi(catch_unwind)]
pub fn segment_by_value(handle: u32, value: &[u8]) -> Result<Vec<f64>> {
    let segment = segment(handle)?;
    let found = segment.by_value(value).map_err(refused)?;
    let offsets = found.map(|found| found.map(|offset| offset as f64));
    offsets
        .collect::<std::result::Result<_, _>>()
        .map_err(refused)
}

/// Checks all blocks.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn segment_check(handle: u32) -> Result<AsyncTask<Work>> {
    let segment = segment(handle)?;
    Ok(work(move || {
        answered(segment.check_blocks().map(|()| Answer::Empty))
    }))
}

/// Everything that is wrong with it, packed: u64 start, u64 end, u32 length, text.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn segment_verify(handle: u32) -> Result<AsyncTask<Work>> {
    let segment = segment(handle)?;
    Ok(work(move || {
        let mut packed = Vec::new();
        for damage in segment.verify() {
            packed.extend(damage.offsets.start.to_le_bytes());
            packed.extend(damage.offsets.end.to_le_bytes());
            packed.extend((damage.what.len() as u32).to_le_bytes());
            packed.extend(damage.what.into_bytes());
        }
        Answer::Bytes(packed)
    }))
}

/// Ages it; answers with the new figures.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn segment_to_parquet(handle: u32, dir: String, name: String) -> Result<AsyncTask<Work>> {
    let segment = segment(handle)?;
    Ok(work(move || {
        figures(segment.to_parquet(&RealFiles, Path::new(&dir), &name))
    }))
}

/// Makes a sidecar again; answers with the figures.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn segment_rebuild(dir: String, name: String, cold: bool) -> AsyncTask<Work> {
    let kind = if cold { Kind::Cold } else { Kind::Hot };
    work(move || {
        figures(Segment::rebuild_side(
            &RealFiles,
            Path::new(&dir),
            &name,
            kind,
        ))
    })
}

/// Seals packed rows (B5); answers with the figures.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn segment_seal(
    dir: String,
    name: String,
    base_offset: f64,
    rows: &[u8],
) -> Result<AsyncTask<Work>> {
    let base = whole(base_offset, "baseOffset")?;
    let (dir, rows) = (PathBuf::from(dir), rows.to_vec());
    Ok(work(move || {
        let mut builder = SegmentBuilder::new(base);
        let pushed = builder.push_packed(&rows);
        drop(rows);
        figures(pushed.and_then(|()| builder.finish(&RealFiles, &dir, &name)))
    }))
}

/// Closes it. Buffers of it stay.
#[napi(catch_unwind)]
pub fn segment_close(handle: u32) {
    drop(SEGMENTS.take(handle));
}
