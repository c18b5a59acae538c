//! The registry: schemas by id, subjects by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parking_lot::Mutex;
use pyralog_log::FileLayer;
use pyralog_types::FIRST_SCHEMA;

use crate::codec::{decode, encode};
use crate::compatible::Problem;
use crate::fit::check_columns;
use crate::stream::{batches_of, malformed, schema_of, stream_of};
use crate::{Rule, SchemaError, check_batch};

const SUBJECT_BYTES_MAX: usize = 128;

/// What changes together (J3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// What it asks of new versions.
    pub rule: Rule,
    /// Ids of its versions, oldest first.
    pub versions: Vec<u32>,
}

#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) schema: SchemaRef,
    pub(crate) stream: Arc<[u8]>,
}

#[derive(Clone)]
pub(crate) struct State {
    pub(crate) next_id: u32,
    pub(crate) schemas: BTreeMap<u32, Registered>,
    pub(crate) subjects: BTreeMap<String, Subject>,
}

/// An open registry; calls may come from any thread. One process has the file: the lock of the data directory sees to that.
pub struct SchemaRegistry {
    files: Arc<dyn FileLayer>,
    path: PathBuf,
    state: Mutex<State>,
    incompatible: AtomicU64,
    checked: AtomicU64,
    misfits: AtomicU64,
}

/// Figures; counts are since the opening.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaStats {
    /// Schemas.
    pub schemas: u32,
    /// Subjects.
    pub subjects: u32,
    /// Versions that a rule refused.
    pub incompatible: u64,
    /// Streams of batches that were held against a schema.
    pub checked: u64,
    /// Those that did not fit.
    pub misfits: u64,
}

impl SchemaRegistry {
    /// Opens the registry's file, or begins one that is written with the first registration.
    ///
    /// # Errors
    /// [`SchemaError::Corrupt`] (J7), [`SchemaError::Io`].
    pub fn open(files: Arc<dyn FileLayer>, path: &Path) -> Result<Self, SchemaError> {
        let state = match files.read_file(path)? {
            Some(bytes) => decode(&bytes)?,
            None => State {
                next_id: FIRST_SCHEMA,
                schemas: BTreeMap::new(),
                subjects: BTreeMap::new(),
            },
        };
        Ok(Self {
            files,
            path: path.to_path_buf(),
            state: Mutex::new(state),
            incompatible: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            misfits: AtomicU64::new(0),
        })
    }

    /// Registers the schema of an Arrow stream as the newest version of a subject; durable when this returns its id. What
    /// the newest version is already keeps its id.
    ///
    /// # Errors
    /// [`SchemaError::Malformed`] (J2, J3), [`SchemaError::Incompatible`] (J4), [`SchemaError::DiskFull`],
    /// [`SchemaError::Io`]: nothing is registered.
    pub fn register(&self, subject: &str, stream: &[u8]) -> Result<u32, SchemaError> {
        let schema = schema_of(stream)?;
        check_subject(subject)?;
        let mut state = self.state.lock();
        if let Some(id) = state.newest(subject, &schema) {
            return Ok(id);
        }
        self.check(&state, subject, &schema)?;
        let mut next = state.clone();
        let id = next.next_id;
        next.next_id = id
            .checked_add(1)
            .ok_or_else(|| malformed("all ids are given"))?;
        let stream = Arc::from(stream_of(&schema)?);
        next.schemas.insert(id, Registered { schema, stream });
        let versions = &mut next
            .subjects
            .entry(subject.to_owned())
            .or_default()
            .versions;
        versions.push(id);
        self.replace(&mut state, next)?;
        Ok(id)
    }

    /// What [`SchemaRegistry::register`] would say, without registering.
    ///
    /// # Errors
    /// [`SchemaError::Malformed`], [`SchemaError::Incompatible`].
    pub fn test(&self, subject: &str, stream: &[u8]) -> Result<(), SchemaError> {
        let schema = schema_of(stream)?;
        check_subject(subject)?;
        self.check(&self.state.lock(), subject, &schema)
    }

    /// Sets what a subject asks of versions from now on (J4); durable when this returns.
    ///
    /// # Errors
    /// [`SchemaError::Malformed`], [`SchemaError::DiskFull`], [`SchemaError::Io`].
    pub fn set_rule(&self, subject: &str, rule: Rule) -> Result<(), SchemaError> {
        check_subject(subject)?;
        let mut state = self.state.lock();
        if state
            .subjects
            .get(subject)
            .is_some_and(|known| known.rule == rule)
        {
            return Ok(());
        }
        let mut next = state.clone();
        next.subjects.entry(subject.to_owned()).or_default().rule = rule;
        self.replace(&mut state, next)
    }

    /// A subject's rule and versions.
    #[must_use]
    pub fn subject(&self, subject: &str) -> Option<Subject> {
        self.state.lock().subjects.get(subject).cloned()
    }

    /// Names of all subjects.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        self.state.lock().subjects.keys().cloned().collect()
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// [`SchemaError::Unknown`].
    pub fn schema(&self, id: u32) -> Result<SchemaRef, SchemaError> {
        self.find(id).map(|registered| registered.schema)
    }

    /// The schema of an id, as an Arrow stream without batches.
    ///
    /// # Errors
    /// [`SchemaError::Unknown`].
    pub fn stream(&self, id: u32) -> Result<Arc<[u8]>, SchemaError> {
        self.find(id).map(|registered| registered.stream)
    }

    /// Refuses a batch that does not fit (J6).
    ///
    /// # Errors
    /// [`SchemaError::Misfit`], [`SchemaError::Unknown`].
    pub fn check_batch(&self, id: u32, batch: &RecordBatch) -> Result<(), SchemaError> {
        check_batch(id, &*self.schema(id)?, batch)
    }

    /// Refuses an Arrow stream of batches that do not fit (J6); returns how many rows they have.
    ///
    /// # Errors
    /// [`SchemaError::Misfit`], [`SchemaError::Unknown`], [`SchemaError::Malformed`].
    pub fn check_stream(&self, id: u32, stream: &[u8]) -> Result<u64, SchemaError> {
        let rows = self.rows_that_fit(id, stream);
        self.checked.fetch_add(1, Ordering::Relaxed);
        if rows.is_err() {
            self.misfits.fetch_add(1, Ordering::Relaxed);
        }
        rows
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> SchemaStats {
        let state = self.state.lock();
        SchemaStats {
            schemas: state.schemas.len() as u32,
            subjects: state.subjects.len() as u32,
            incompatible: self.incompatible.load(Ordering::Relaxed),
            checked: self.checked.load(Ordering::Relaxed),
            misfits: self.misfits.load(Ordering::Relaxed),
        }
    }

    fn check(&self, state: &State, subject: &str, schema: &SchemaRef) -> Result<(), SchemaError> {
        state.check(subject, schema).inspect_err(|_| {
            self.incompatible.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn rows_that_fit(&self, id: u32, stream: &[u8]) -> Result<u64, SchemaError> {
        let schema = self.schema(id)?;
        let (found, batches) = batches_of(stream)?;
        check_columns(&schema, &found).map_err(|Problem { field, what }| SchemaError::Misfit {
            id,
            field,
            what,
        })?;
        let mut rows = 0;
        for batch in &batches {
            check_batch(id, &schema, batch)?;
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    }

    fn find(&self, id: u32) -> Result<Registered, SchemaError> {
        let state = self.state.lock();
        state
            .schemas
            .get(&id)
            .cloned()
            .ok_or(SchemaError::Unknown(id))
    }

    fn replace(&self, state: &mut State, next: State) -> Result<(), SchemaError> {
        self.files.replace_file(&self.path, &encode(&next))?;
        *state = next;
        Ok(())
    }
}

impl State {
    /// Id of the newest version, if it is this schema.
    fn newest(&self, subject: &str, schema: &SchemaRef) -> Option<u32> {
        let id = self.subjects.get(subject)?.versions.last()?;
        (self.schemas.get(id)?.schema == *schema).then_some(*id)
    }

    fn check(&self, subject: &str, schema: &SchemaRef) -> Result<(), SchemaError> {
        let Some(Subject { rule, versions }) = self.subjects.get(subject) else {
            return Ok(());
        };
        for version in versions {
            let Some(old) = self.schemas.get(version) else {
                continue;
            };
            rule.check(schema, &old.schema)
                .map_err(|Problem { field, what }| SchemaError::Incompatible {
                    subject: subject.to_owned(),
                    rule: *rule,
                    version: *version,
                    field,
                    what,
                })?;
        }
        Ok(())
    }
}

fn check_subject(subject: &str) -> Result<(), SchemaError> {
    if (1..=SUBJECT_BYTES_MAX).contains(&subject.len()) && !subject.chars().any(char::is_control) {
        return Ok(());
    }
    Err(malformed(format!(
        "the subject's name {subject:?} must have 1 to {SUBJECT_BYTES_MAX} bytes and no control characters"
    )))
}
