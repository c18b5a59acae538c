//! Taking records out of a store, also of a damaged one: everything that can be read and proved, and a list of what
//! cannot (Z46).

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_host::Host;
use pyralog_log::{FileLayer, RealFiles};
use pyralog_segment::{Segment, SegmentBuilder};
use pyralog_types::batch::{Row, encode_row};
use pyralog_types::{ZERO_HASH, decode_headers};
use serde_json::{Value, json};

use crate::error::RepairError;
use crate::report::{Control, ranges_json};
use crate::store::{Store, open_host};

/// Rows and bytes of one file.
const FILE_ROWS: u64 = 262_144;
const FILE_BYTES: usize = 64 << 20;
/// Read at once.
const READ_BYTES: usize = 1 << 20;
/// After a record that cannot be read so many are read one by one.
const CAREFUL: u32 = 1_024;

/// What files records are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Arrow IPC files (H3).
    Arrow,
    /// Parquet, zstd (H4).
    Parquet,
    /// One JSON object a line.
    Ndjson,
}

/// What is to be taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The partition.
    pub partition: u32,
    /// First offset.
    pub from: u64,
    /// First offset behind; `None` for all there is.
    pub to: Option<u64>,
    /// What is written.
    pub form: Form,
    /// Directory that is made.
    pub out: PathBuf,
}

/// What was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Origin of the log.
    pub origin: String,
    /// Names of the files.
    pub files: Vec<String>,
    /// Records in them.
    pub records: u64,
    /// Offsets asked for, as far as retention left them.
    pub offsets: Range<u64>,
    /// Offsets among them that cannot be read.
    pub unreadable: Vec<Range<u64>>,
    /// Why the first of them cannot.
    pub reason: Option<String>,
    /// Why there may be records behind the last offset that nobody can see, where all there is was asked for (W8).
    pub damage: Option<String>,
}

impl Exported {
    /// For programs; also written beside the files, as `export.json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "origin": self.origin,
            "files": self.files,
            "records": self.records,
            "from": self.offsets.start,
            "to": self.offsets.end,
            "unreadable": ranges_json(&self.unreadable),
            "reason": self.reason,
            "damage": self.damage,
        })
    }
}

/// Writes the records of a range of offsets to files in a new directory. Each was held against its leaf in the tree. What
/// cannot be read is left out and listed. The directory appears under its name when it is complete.
///
/// # Errors
/// [`RepairError::Exists`], [`RepairError::Argument`]; as [`crate::check`]; those of the files.
pub fn export(
    files: &Arc<dyn FileLayer>,
    dir: &Path,
    wanted: &Wanted,
    control: &Control,
) -> Result<Exported, RepairError> {
    let unfinished = unfinished(&wanted.out);
    if wanted.out.symlink_metadata().is_ok() {
        return Err(RepairError::Exists(wanted.out.clone()));
    }
    if unfinished.symlink_metadata().is_ok() {
        return Err(RepairError::Leftover(unfinished));
    }
    let store = Store::open(files, dir)?;
    control.stage("opening the store")?;
    let logs = store.read_log()?;
    let group = logs.groups.get(wanted.partition as usize).ok_or_else(|| {
        RepairError::Argument(format!(
            "there is no partition {}: the store has {}",
            wanted.partition,
            logs.groups.len()
        ))
    })?;
    let host = open_host(&store.overlay(), &store.dir, &logs)?;
    let end = host.durable_size(wanted.partition as usize)?;
    let to = wanted.to.unwrap_or(end);
    if to > end || wanted.from > to {
        return Err(RepairError::Argument(format!(
            "offsets {} to {to} are not there: the partition has 0 to {end}",
            wanted.from
        )));
    }
    let config = group.config.as_ref();
    // What retention removed is not missing.
    let from = wanted
        .from
        .max(host.first_offset(wanted.partition as usize)?.min(to));
    let mut job = Job {
        host: &host,
        wanted,
        dir: &unfinished,
        done: Exported {
            origin: config.map_or_else(String::new, |config| config.origin.clone()),
            files: Vec::new(),
            records: 0,
            offsets: from..to,
            unreadable: Vec::new(),
            reason: None,
            damage: host
                .recovery()
                .damage
                .clone()
                .filter(|_| wanted.to.is_none()),
        },
        chunk: Chunk::default(),
    };
    fs::create_dir_all(&unfinished).map_err(RepairError::io("create", &unfinished))?;
    let outcome = job.run(control).and_then(|()| job.publish());
    if let Err(error) = outcome {
        // The first error is the one to tell of.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error);
    }
    Ok(job.done)
}

fn unfinished(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

/// Records of one file.
#[derive(Default)]
struct Chunk {
    packed: Vec<u8>,
    offsets: Option<Range<u64>>,
    rows: u64,
}

struct Job<'a> {
    host: &'a Host,
    wanted: &'a Wanted,
    dir: &'a Path,
    done: Exported,
    chunk: Chunk,
}

impl Job<'_> {
    fn run(&mut self, control: &Control) -> Result<(), RepairError> {
        let Range { start, end } = self.done.offsets;
        control.begin(end - start);
        control.stage("records")?;
        let (mut at, mut careful) = (start, 0_u32);
        while at < end {
            let bytes = if careful > 0 { 0 } else { READ_BYTES };
            let before = at;
            match self.host.read(self.wanted.partition as usize, at, bytes) {
                Ok(packed) => {
                    at = self.take(&packed, at)?;
                    careful = careful.saturating_sub(1);
                }
                Err(_) if careful == 0 => careful = CAREFUL,
                Err(error) => {
                    self.skip(at, &error.to_string());
                    careful = CAREFUL;
                    at += 1;
                }
            }
            control.add(at - before)?;
        }
        self.flush()
    }

    fn skip(&mut self, offset: u64, why: &str) {
        self.done.reason.get_or_insert_with(|| why.to_owned());
        match self.done.unreadable.last_mut() {
            Some(last) if last.end == offset => last.end += 1,
            _ => self.done.unreadable.push(offset..offset + 1),
        }
    }

    /// Adds what was read, as far as it was asked for, and returns where to go on.
    fn take(&mut self, packed: &[u8], at: u64) -> Result<u64, RepairError> {
        let rows =
            Row::parse_all(packed).map_err(|error| RepairError::Unreadable(error.to_string()))?;
        let mut next = at;
        for row in &rows {
            let offset = row.leaf.offset;
            next = offset + 1;
            if offset >= self.done.offsets.end {
                return Ok(self.done.offsets.end);
            }
            let offsets = self.chunk.offsets.get_or_insert(offset..offset);
            offsets.end = next;
            encode_row(&mut self.chunk.packed, row);
            self.chunk.rows += 1;
            if self.chunk.rows >= FILE_ROWS || self.chunk.packed.len() >= FILE_BYTES {
                self.flush()?;
            }
        }
        // Rows that compaction left out end here.
        Ok(if rows.is_empty() {
            self.done.offsets.end
        } else {
            next
        })
    }

    fn flush(&mut self) -> Result<(), RepairError> {
        let chunk = std::mem::take(&mut self.chunk);
        let Some(offsets) = chunk.offsets.clone() else {
            return Ok(());
        };
        let stem = format!("{:03}-{:016}", self.wanted.partition, offsets.start);
        let name = match self.wanted.form {
            Form::Ndjson => self.ndjson(&chunk.packed, &stem)?,
            Form::Arrow | Form::Parquet => self.columns(&chunk, offsets, &stem)?,
        };
        self.done.files.push(name);
        self.done.records += chunk.rows;
        Ok(())
    }

    fn columns(
        &self,
        chunk: &Chunk,
        offsets: Range<u64>,
        stem: &str,
    ) -> Result<String, RepairError> {
        let whole = offsets.end - offsets.start == chunk.rows;
        let mut builder = if whole {
            SegmentBuilder::new(offsets.start)
        } else {
            SegmentBuilder::compacted(offsets)
        };
        builder.push_packed(&chunk.packed)?;
        let meta = builder.finish(&RealFiles, self.dir, stem)?;
        let mut endings = vec!["arrow", "side"];
        if self.wanted.form == Form::Parquet {
            let segment = Segment::open(&RealFiles, self.dir, stem, &meta)?;
            segment.to_parquet(&RealFiles, self.dir, stem)?;
            endings.extend(["parquet", "pside"]);
        }
        // Indexes and the intermediate form are of no use to other programs.
        let kept = match self.wanted.form {
            Form::Parquet => "parquet",
            _ => "arrow",
        };
        for ending in endings.into_iter().filter(|ending| *ending != kept) {
            let path = self.dir.join(format!("{stem}.{ending}"));
            fs::remove_file(&path).map_err(RepairError::io("remove", &path))?;
        }
        Ok(format!("{stem}.{kept}"))
    }

    fn ndjson(&self, packed: &[u8], stem: &str) -> Result<String, RepairError> {
        let name = format!("{stem}.ndjson");
        let path = self.dir.join(&name);
        let rows =
            Row::parse_all(packed).map_err(|error| RepairError::Unreadable(error.to_string()))?;
        let write = || {
            let mut file = std::io::BufWriter::new(fs::File::create_new(&path)?);
            for row in &rows {
                writeln!(file, "{}", line(row))?;
            }
            file.into_inner()
                .map_err(std::io::IntoInnerError::into_error)?
                .sync_all()
        };
        write().map_err(RepairError::io("write", &path))?;
        Ok(name)
    }

    fn publish(&self) -> Result<(), RepairError> {
        let path = self.dir.join("export.json");
        RealFiles
            .replace_file(&path, format!("{:#}\n", self.done.to_json()).as_bytes())
            .map_err(RepairError::io("write", &path))?;
        let out = &self.wanted.out;
        fs::rename(self.dir, out).map_err(RepairError::io("name", out))?;
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        RealFiles
            .sync_dir(parent)
            .map_err(RepairError::io("sync", parent))
    }
}

/// A record as JSON: 64-bit integers as decimal strings, bytes in hex (E3).
fn line(row: &Row<'_>) -> Value {
    let leaf = &row.leaf;
    let part = |hash: &[u8; 32], bytes: &[u8]| (*hash != ZERO_HASH).then(|| hex(bytes));
    let headers = decode_headers(row.headers).unwrap_or_default();
    let headers: Value = headers
        .into_iter()
        .map(|(name, value)| json!([name, hex(value)]))
        .collect();
    json!({
        "offset": leaf.offset.to_string(),
        "epoch": leaf.epoch,
        "timestamp": leaf.timestamp.to_string(),
        "id": leaf.scarab_id.to_string(),
        "schemaId": leaf.schema_id,
        "key": part(&leaf.key_hash, row.key),
        "value": hex(row.value),
        "headers": headers,
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}
