//! Ids that callers reserve (scarab.md S8).

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::convert::whole;
use crate::core::core;
use crate::error::Result;
use crate::work::{Answer, Work, answered, work};

/// Takes ids out of the sequence of a core; answers with runs: first id and count, u64 each, little-endian.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn reserve_ids(handle: u32, count: f64) -> Result<AsyncTask<Work>> {
    let core = core(handle)?;
    // More than the host gives, like all that does not fit.
    let count = u32::try_from(whole(count, "count")?).unwrap_or(u32::MAX);
    Ok(work(move || {
        let packed = core.reserve_ids(count).map(|runs| {
            let words = runs
                .iter()
                .flat_map(|run| [run.first, u64::from(run.count)]);
            words.flat_map(u64::to_le_bytes).collect()
        });
        answered(packed.map(Answer::Bytes))
    }))
}
