//! Schema registries; native/schema.ts documents them.

use std::path::Path;
use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi_derive::napi;
use pyralog_schema::{Rule, SchemaError, SchemaRegistry, SchemaStats};

use crate::error::{Code, Result, refused};
use crate::handles::Handles;
use crate::object::layer;
use crate::work::{Answer, Work, answered, work};

/// A registry, or what is wrong with its file: that is then the answer to all that is asked of it.
type Opened = std::result::Result<Arc<SchemaRegistry>, SchemaError>;

static OPEN: Handles<Opened> = Handles::new();

/// A subject.
#[napi(object)]
pub struct NativeSubject {
    /// Its rule.
    pub rule: String,
    /// Ids, oldest first.
    pub versions: Vec<u32>,
}

fn opened(handle: u32) -> Result<Opened> {
    OPEN.get(handle).ok_or_else(|| {
        let message = "the schema registry is closed; open it again".to_owned();
        napi::Error::new(Code("schema/closed"), message)
    })
}

fn registry(handle: u32) -> Result<Arc<SchemaRegistry>> {
    opened(handle)?.map_err(refused)
}

/// Opens a registry; answers with its handle. Despite damage it opens one that answers everything with that.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn schema_open(path: String, lose_unsynced: bool, despite_damage: bool) -> AsyncTask<Work> {
    work(move || {
        let opened = SchemaRegistry::open(layer(lose_unsynced), Path::new(&path));
        let opened = match opened.map(Arc::new) {
            Err(error) if !despite_damage => return answered(Err(error)),
            opened => opened,
        };
        Answer::Number(u64::from(OPEN.put(opened)))
    })
}

/// What is wrong with the registry's file.
#[napi(catch_unwind)]
pub fn schema_damage(handle: u32) -> Result<Option<String>> {
    Ok(opened(handle)?.err().map(|error| error.to_string()))
}

/// Registers a schema; answers with its id.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn schema_register(handle: u32, subject: String, stream: &[u8]) -> Result<AsyncTask<Work>> {
    let (registry, stream) = (registry(handle)?, stream.to_vec());
    Ok(work(move || {
        let id = registry.register(&subject, &stream);
        answered(id.map(|id| Answer::Number(u64::from(id))))
    }))
}

/// What registering would say.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn schema_test(handle: u32, subject: String, stream: &[u8]) -> Result<AsyncTask<Work>> {
    let (registry, stream) = (registry(handle)?, stream.to_vec());
    Ok(work(move || {
        answered(registry.test(&subject, &stream).map(|()| Answer::Empty))
    }))
}

/// Sets a subject's rule.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn schema_rule(handle: u32, subject: String, rule: String) -> Result<AsyncTask<Work>> {
    let registry = registry(handle)?;
    Ok(work(move || {
        let unknown = || SchemaError::Malformed(format!("there is no rule {rule:?}"));
        let set = Rule::of(&rule)
            .ok_or_else(unknown)
            .and_then(|rule| registry.set_rule(&subject, rule));
        answered(set.map(|()| Answer::Empty))
    }))
}

/// A subject's rule and versions.
#[napi(catch_unwind)]
pub fn schema_subject(handle: u32, subject: String) -> Result<Option<NativeSubject>> {
    let found = registry(handle)?.subject(&subject);
    Ok(found.map(|subject| NativeSubject {
        rule: subject.rule.to_string(),
        versions: subject.versions,
    }))
}

/// Names of all subjects.
#[napi(catch_unwind)]
pub fn schema_subjects(handle: u32) -> Result<Vec<String>> {
    Ok(registry(handle)?.subjects())
}

/// Figures.
#[napi(object)]
pub struct NativeSchemaStats {
    /// Schemas.
    pub schemas: u32,
    /// Subjects.
    pub subjects: u32,
    /// Versions that a rule refused since the opening.
    pub incompatible: f64,
    /// Streams of batches that were held against a schema since then.
    pub checked: f64,
    /// Those that did not fit.
    pub misfits: f64,
}

/// Figures.
#[napi(catch_unwind)]
pub fn schema_stats(handle: u32) -> Result<NativeSchemaStats> {
    let opened = opened(handle)?;
    let stats = opened.map_or_else(|_| SchemaStats::default(), |registry| registry.stats());
    Ok(NativeSchemaStats {
        schemas: stats.schemas,
        subjects: stats.subjects,
        incompatible: stats.incompatible as f64,
        checked: stats.checked as f64,
        misfits: stats.misfits as f64,
    })
}

/// The schema of an id as an Arrow stream.
#[napi(catch_unwind)]
pub fn schema_stream(handle: u32, id: u32) -> Result<Buffer> {
    let stream = registry(handle)?.stream(id);
    stream.map(|stream| stream.to_vec().into()).map_err(refused)
}

/// Holds an Arrow stream of batches against a schema; answers with its rows.
#[napi(catch_unwind, ts_return_type = "Promise<NativeAnswer>")]
pub fn schema_check(handle: u32, id: u32, stream: &[u8]) -> Result<AsyncTask<Work>> {
    let (registry, stream) = (registry(handle)?, stream.to_vec());
    Ok(work(move || {
        answered(registry.check_stream(id, &stream).map(Answer::Number))
    }))
}

/// Closes a registry.
#[napi(catch_unwind)]
pub fn schema_close(handle: u32) {
    drop(OPEN.take(handle));
}
