//! Looking after a store that no node has open; native/repair.ts documents it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use pyralog_log::{FileLayer, RealFiles};
use pyralog_repair::{
    Control, Form, RepairError, RepairOptions, Wanted, check, export, rebuild_index, repair, stats,
};

use crate::convert::whole;
use crate::error::{Result, bad_argument};
use crate::handles::Handles;
use crate::work::{Answer, Work, answered, work};

static JOBS: Handles<Arc<Control>> = Handles::new();

/// How far a job is.
#[napi(object)]
pub struct NativeProgress {
    /// What is being done.
    pub stage: String,
    /// Bytes (of an export: records) done.
    pub done: f64,
    /// Of how many; 0 when that is not known yet.
    pub total: f64,
}

/// What is to be exported.
#[napi(object)]
pub struct NativeExport {
    /// Partition.
    pub partition: u32,
    /// First offset.
    pub from: f64,
    /// First offset behind.
    pub to: Option<f64>,
    /// `arrow`, `parquet` or `ndjson`.
    pub form: String,
    /// Directory that is made.
    pub out: String,
}

/// A new job, to watch and to stop.
#[napi(catch_unwind)]
pub fn repair_job() -> u32 {
    JOBS.put(Arc::default())
}

/// How far it is.
#[napi(catch_unwind)]
pub fn repair_progress(job: u32) -> NativeProgress {
    let control = control(job);
    let (stage, done, total) = control.progress();
    NativeProgress {
        stage,
        done: done as f64,
        total: total as f64,
    }
}

/// Stops it at its next step.
#[napi(catch_unwind)]
pub fn repair_cancel(job: u32) {
    control(job).cancel();
}

fn control(job: u32) -> Arc<Control> {
    JOBS.get(job).unwrap_or_default()
}

/// Runs a job; it answers with JSON.
fn run(
    job: u32,
    dir: String,
    body: impl FnOnce(&Arc<dyn FileLayer>, &Path, &Control) -> std::result::Result<String, RepairError>
    + Send
    + 'static,
) -> AsyncTask<Work> {
    let control = control(job);
    work(move || {
        let files: Arc<dyn FileLayer> = Arc::new(RealFiles);
        let done = body(&files, Path::new(&dir), &control);
        drop(JOBS.take(job));
        answered(done.map(|json| Answer::Bytes(json.into_bytes())))
    })
}

/// Reads every file.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn repair_check(job: u32, dir: String) -> AsyncTask<Work> {
    run(job, dir, |files, dir, control| {
        Ok(check(files, dir, control)?.to_json().to_string())
    })
}

/// Mends what can be.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn repair_mend(job: u32, dir: String, dry_run: bool) -> AsyncTask<Work> {
    run(job, dir, move |files, dir, control| {
        let done = repair(files, dir, RepairOptions { dry_run }, control)?;
        Ok(done.to_json().to_string())
    })
}

/// Makes sidecars and node files again.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn repair_rebuild(job: u32, dir: String) -> AsyncTask<Work> {
    run(job, dir, |files, dir, control| {
        Ok(rebuild_index(files, dir, control)?.to_json().to_string())
    })
}

/// What the store is made of.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn repair_stats(job: u32, dir: String) -> AsyncTask<Work> {
    run(job, dir, |files, dir, control| {
        Ok(stats(files, dir, control)?.to_json().to_string())
    })
}

/// Takes records out.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn repair_export(job: u32, dir: String, wanted: NativeExport) -> Result<AsyncTask<Work>> {
    let form = match wanted.form.as_str() {
        "arrow" => Form::Arrow,
        "parquet" => Form::Parquet,
        "ndjson" => Form::Ndjson,
        other => return Err(bad_argument(format!("there is no form {other}"))),
    };
    let wanted = Wanted {
        partition: wanted.partition,
        from: whole(wanted.from, "from")?,
        to: wanted.to.map(|to| whole(to, "to")).transpose()?,
        form,
        out: PathBuf::from(wanted.out),
    };
    Ok(run(job, dir, move |files, dir, control| {
        Ok(export(files, dir, &wanted, control)?.to_json().to_string())
    }))
}
