//! Repair: only what is safe, and every step is said (Z44).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{FileLayer, OpenMode};
use pyralog_manifest::{Edit, Manifest, ManifestOptions, SEGMENTS_DIR};
use pyralog_segment::Segment;
use serde_json::{Value, json};

use crate::check::{check_store, examine};
use crate::error::RepairError;
use crate::nodes;
use crate::overlay::Overlay;
use crate::report::{Control, Finding, Mend, Report, ranges_json};
use crate::store::{Logs, SEQUENCER, Store, open_host, open_log};

/// Ending of a file that was put aside.
const ASIDE: &str = "damaged";

/// How a store is repaired.
#[derive(Debug, Clone, Copy, Default)]
pub struct RepairOptions {
    /// Say what would be done, do nothing.
    pub dry_run: bool,
}

/// One thing that was done, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// File it was done to.
    pub file: String,
    /// What was done.
    pub done: String,
    /// Where the file that was there before is now.
    pub aside: Option<String>,
    /// Offsets that cannot be read any more, or could not before either.
    pub lost: Value,
}

impl Act {
    fn to_json(&self) -> Value {
        json!({
            "file": self.file,
            "done": self.done,
            "aside": self.aside,
            "unreadable": self.lost,
        })
    }
}

/// What a repair came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What was done, or would be.
    pub acts: Vec<Act>,
    /// Nothing was done.
    pub dry_run: bool,
    /// What a check finds now.
    pub after: Report,
}

impl Mended {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "dryRun": self.dry_run,
            "acts": self.acts.iter().map(Act::to_json).collect::<Value>(),
            "after": self.after.to_json(),
        })
    }
}

/// Mends what can be mended without losing anything, and quarantines what cannot be read.
///
/// # Errors
/// As [`crate::check`]. A step that fails is among the acts; each is whole or not at all.
pub fn repair(
    files: &Arc<dyn FileLayer>,
    dir: &Path,
    options: RepairOptions,
    control: &Control,
) -> Result<Mended, RepairError> {
    let store = Store::open(files, dir)?;
    let found = examine(&store, control)?;
    let worker = Worker { store: &store };
    let mut acts = Vec::new();
    let mut done: Vec<&Mend> = Vec::new();
    for finding in &found.report.findings {
        let Some(mend) = &finding.mend else { continue };
        // Opening the log or removing orphans mends all findings of its kind.
        let once = matches!(
            mend,
            Mend::OpenLog | Mend::OpenManifest | Mend::RemoveOrphans
        );
        if once && done.contains(&mend) {
            continue;
        }
        done.push(mend);
        control.stage(&format!("repairing {}", finding.file))?;
        let act = if options.dry_run {
            would(finding, mend)
        } else {
            // One step that fails does not hold up the others; the check behind them finds what is left.
            let done = worker.mend(finding, mend);
            done.unwrap_or_else(|error| act(finding.file.clone(), format!("failed: {error}")))
        };
        acts.push(act);
    }
    let after = if acts.is_empty() || options.dry_run {
        found.report
    } else {
        check_store(&store, control)?
    };
    Ok(Mended {
        acts,
        dry_run: options.dry_run,
        after,
    })
}

/// Makes every sidecar and every node file again from the records, checked against the roots that were signed.
///
/// # Errors
/// As [`repair`]; [`RepairError::Segment`] for a segment whose rows are damaged, [`RepairError::Unreadable`] when records
/// do not lead to the signed roots. What was there before stays then.
pub fn rebuild_index(
    files: &Arc<dyn FileLayer>,
    dir: &Path,
    control: &Control,
) -> Result<Mended, RepairError> {
    let store = Store::open(files, dir)?;
    let logs = store.read_log()?;
    let worker = Worker { store: &store };
    let mut acts = Vec::new();
    let options = ManifestOptions::new(logs.store_id);
    let (version, _) = pyralog_manifest::inspect(&store.files, dir, &options)?;
    let entries = || {
        let partitions = version.partitions();
        partitions.flat_map(|(number, partition)| {
            let segments = partition.segments().iter();
            segments.map(move |entry| (number, entry))
        })
    };
    control.begin(entries().map(|(_, entry)| entry.meta.arrow_bytes).sum());
    for (number, entry) in entries() {
        control.stage(&format!("segment {} of partition {number}", entry.number))?;
        let dir = store.dir.join(SEGMENTS_DIR);
        Segment::mend_side(store.files.as_ref(), &dir, &entry.name(), &entry.meta)?;
        let [_, side] = entry.meta.kind.files(&entry.name());
        acts.push(act(
            format!("{SEGMENTS_DIR}/{side}"),
            "made again from its segment",
        ));
        control.add(entry.meta.arrow_bytes)?;
    }
    control.stage("node files")?;
    let (made, refused) = worker.make_nodes(&logs)?;
    if let Some(refused) = refused {
        return Err(RepairError::Unreadable(refused));
    }
    for file in nodes::all(&store, &logs) {
        let name = store.name(file.path());
        acts.push(
            if file.difference(&store, &made, Some(&version)).is_none() {
                act(name, "is what the records lead to, and the signed root")
            } else {
                worker.replace(&made, file.path())?;
                act(
                    name,
                    "made again from the records, and it leads to the signed root",
                )
            },
        );
    }
    Ok(Mended {
        acts,
        dry_run: false,
        after: check_store(&store, control)?,
    })
}

fn act(file: impl Into<String>, done: impl Into<String>) -> Act {
    Act {
        file: file.into(),
        done: done.into(),
        aside: None,
        lost: Value::Array(Vec::new()),
    }
}

fn would(finding: &Finding, mend: &Mend) -> Act {
    let done = match mend {
        Mend::OpenLog => "would cut what a crash tore, and remove unfinished files".to_owned(),
        Mend::OpenManifest => "would cut what a crash tore".to_owned(),
        Mend::Remove => "would remove the unfinished file".to_owned(),
        Mend::RemoveOrphans => {
            "would remove all files of segments that the manifest does not name".to_owned()
        }
        Mend::Side { .. } => "would make it again from its segment".to_owned(),
        Mend::Quarantine { .. } => "would quarantine the damaged offsets".to_owned(),
        Mend::Lift { .. } => "would lift the quarantine".to_owned(),
        Mend::Nodes => "would make it again from the records".to_owned(),
        Mend::Windows(windows) => format!("would reserve {windows} windows of ids"),
    };
    Act {
        lost: ranges_json(&finding.offsets),
        ..act(finding.file.clone(), done)
    }
}

struct Worker<'a> {
    store: &'a Store,
}

impl Worker<'_> {
    fn mend(&self, finding: &Finding, mend: &Mend) -> Result<Act, RepairError> {
        let (store, file) = (self.store, finding.file.clone());
        let path = store.dir.join(&finding.file);
        match mend {
            Mend::OpenLog => {
                let logs = open_log(store.locked(), &store.dir)?;
                let bytes = logs.recovery.cut_bytes;
                Ok(act(
                    file,
                    format!(
                        "cut a torn tail of {bytes} bytes, which nobody was told of; removed unfinished files"
                    ),
                ))
            }
            Mend::OpenManifest => {
                let opened = self.manifest()?;
                opened.close()?;
                Ok(act(file, "cut a torn commit, which nobody was told of"))
            }
            Mend::Remove => {
                let removed = store.files.remove(&path);
                removed.map_err(RepairError::io("remove", &path))?;
                Ok(act(file, "removed the unfinished file"))
            }
            Mend::RemoveOrphans => {
                let manifest = self.manifest()?;
                let removed = manifest.remove_orphans()?;
                manifest.close()?;
                Ok(act(
                    SEGMENTS_DIR,
                    format!("removed {removed} files that the manifest does not name"),
                ))
            }
            Mend::Side { partition, number } => self.side(file, *partition, *number),
            Mend::Lift { partition, number } => {
                let (partition, number) = (*partition, *number);
                let manifest = self.manifest()?;
                manifest.commit(&[Edit::Lift { partition, number }])?;
                manifest.close()?;
                Ok(act(file, "lifted the quarantine: every row is sound"))
            }
            Mend::Quarantine {
                partition,
                number,
                ranges,
            } => {
                let manifest = self.manifest()?;
                manifest.commit(&[Edit::Quarantine {
                    partition: *partition,
                    number: *number,
                    ranges: ranges.clone(),
                }])?;
                manifest.close()?;
                Ok(Act {
                    lost: ranges_json(ranges),
                    ..act(
                        file,
                        "quarantined the damaged offsets; the file stays as it is",
                    )
                })
            }
            Mend::Nodes => self.nodes(file, &path),
            Mend::Windows(windows) => self.windows(file, *windows),
        }
    }

    fn manifest(&self) -> Result<Arc<Manifest>, RepairError> {
        let logs = self.store.read_log()?;
        let options = ManifestOptions::new(logs.store_id);
        Ok(Manifest::open(&self.store.files, &self.store.dir, &options)?.manifest)
    }

    fn side(&self, file: String, partition: u32, number: u64) -> Result<Act, RepairError> {
        let store = self.store;
        let logs = store.read_log()?;
        let options = ManifestOptions::new(logs.store_id);
        let (version, _) = pyralog_manifest::inspect(&store.files, &store.dir, &options)?;
        let entries = version.partition(partition).map(|state| state.segments());
        let entry = entries.and_then(|all| all.iter().find(|entry| entry.number == number));
        let Some(entry) = entry else {
            return Ok(act(file, "its segment is gone"));
        };
        let dir = store.dir.join(SEGMENTS_DIR);
        let made = store.overlay();
        Segment::mend_side(&made, &dir, &entry.name(), &entry.meta)?;
        let aside = self.exchange(&made, &store.dir.join(&file))?;
        Ok(Act {
            aside,
            ..act(file, "made again from its segment")
        })
    }

    fn nodes(&self, file: String, path: &Path) -> Result<Act, RepairError> {
        let logs = self.store.read_log()?;
        let (made, refused) = self.make_nodes(&logs)?;
        if let Some(refused) = refused {
            return Ok(act(file, format!("left as it is: {refused}")));
        }
        let aside = self.exchange(&made, path)?;
        Ok(Act {
            aside,
            ..act(
                file,
                "made again from the records, and it leads to the signed root",
            )
        })
    }

    /// Node files made of the records, in memory, and why they must not be used, if so.
    fn make_nodes(&self, logs: &Logs) -> Result<(Overlay, Option<String>), RepairError> {
        let overlay = self.store.overlay();
        for file in nodes::all(self.store, logs) {
            overlay.hide(file.path());
        }
        let host = open_host(&overlay, &self.store.dir, logs)?;
        let refused = host.recovery().damage.clone();
        host.close()?;
        Ok((overlay, refused))
    }

    /// Puts what stands there aside and [`Worker::replace`]s it; when that fails it stays, for it is better than nothing.
    fn exchange(&self, made: &Overlay, path: &Path) -> Result<Option<String>, RepairError> {
        let aside = self.aside(path)?;
        let replaced = self.replace(made, path);
        if let (Err(_), Some(old)) = (&replaced, &aside) {
            // The first error is the one to tell of.
            let _ = self.store.files.rename(&self.store.dir.join(old), path);
        }
        replaced.map(|()| aside)
    }

    /// Puts a file as it is in memory on the disk: whole, synced, then named.
    fn replace(&self, made: &Overlay, path: &Path) -> Result<(), RepairError> {
        let bytes = made
            .read_file(path)
            .map_err(RepairError::io("make", path))?;
        let bytes = bytes.unwrap_or_default();
        let replaced = self.store.files.replace_file(path, &bytes);
        replaced.map_err(RepairError::io("replace", path))
    }

    fn windows(&self, file: String, windows: u64) -> Result<Act, RepairError> {
        let path = self.store.dir.join(SEQUENCER);
        let files = self.store.files.as_ref();
        let grow = || {
            let opened = files.open(&path, OpenMode::OpenOrCreate)?;
            opened.set_len(windows)?;
            opened.sync_data()?;
            files.sync_dir(&self.store.dir)
        };
        let mut aside = None;
        let grown = match grow() {
            // A link that leads nowhere is not found.
            Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::NotFound) => {
                aside = self.aside(&path)?;
                grow()
            }
            other => other,
        };
        grown.map_err(RepairError::io("extend", &path))?;
        Ok(Act {
            aside,
            ..act(file, format!("reserved {windows} windows of ids"))
        })
    }

    /// Gives a file another name, under which nothing looks for it; `None` when there is none.
    fn aside(&self, path: &Path) -> Result<Option<String>, RepairError> {
        let files = self.store.files.as_ref();
        let name = |count: u32| {
            let mut name = path.as_os_str().to_owned();
            name.push(match count {
                0 => format!(".{ASIDE}"),
                more => format!(".{more}.{ASIDE}"),
            });
            PathBuf::from(name)
        };
        let mut count = 0;
        while self.store.stands_there(&name(count)) {
            count += 1;
        }
        let to = name(count);
        match files.rename(path, &to) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => {
                other.map_err(RepairError::io("put aside", path))?;
                Ok(Some(self.store.name(&to)))
            }
        }
    }
}
