//! Reads every file of a store and says what is wrong (Z42).

use std::path::Path;
use std::sync::Arc;

use pyralog_host::{Host, HostError};
use pyralog_log::{FileLayer, LogError};
use pyralog_manifest::{ManifestError, ManifestOptions, ManifestRecovery, Version, inspect};

use crate::error::RepairError;
use crate::referred::Referred;
use crate::report::{Control, Finding, Mend, Report, Seen, Severity};
use crate::store::{Logs, NODES_DIR, SNAPSHOTS_DIR, Store, open_host};
use crate::{nodes, others, segments};

/// What to do when nothing here can help.
pub(crate) const RESTORE: &str = "restore it from a replica or a backup";
const DIRS: [&str; 6] = ["wal", "manifest", "segments", NODES_DIR, SNAPSHOTS_DIR, "."];

/// Reads every file of the store in `dir` and says what is wrong with it. Changes nothing.
///
/// # Errors
/// [`RepairError::Locked`], [`RepairError::NotAStore`], [`RepairError::Cancelled`], [`RepairError::Io`] where directories
/// cannot be listed. Damage is no error.
pub fn check(
    files: &Arc<dyn FileLayer>,
    dir: &Path,
    control: &Control,
) -> Result<Report, RepairError> {
    check_store(&Store::open(files, dir)?, control)
}

/// What the parts of a check share.
pub(crate) struct Checked {
    pub(crate) report: Report,
    pub(crate) version: Option<Arc<Version>>,
}

pub(crate) fn check_store(store: &Store, control: &Control) -> Result<Report, RepairError> {
    Ok(examine(store, control)?.report)
}

pub(crate) fn examine(store: &Store, control: &Control) -> Result<Checked, RepairError> {
    let mut checked = Checked {
        report: Report {
            bytes: bytes_of(store)?,
            ..Report::default()
        },
        version: None,
    };
    let report = &mut checked.report;
    control.begin(report.bytes);
    control.stage("write-ahead log")?;
    let logs = log(store, report)?;
    control.add(bytes_in(store, "wal")?)?;
    others::strangers(store, report)?;
    let mut referred = Referred::default();
    let Some(logs) = logs else {
        others::payloads(store, &referred, report);
        report.refused = Some("the log cannot be read".to_owned());
        report.add(Finding::new(
            Severity::Note,
            "segments",
            "segments, node files and snapshots were not looked at, because the log does not say which store they belong to",
        ));
        return Ok(checked);
    };
    control.stage("manifest")?;
    checked.version = manifest(store, &logs, report);
    if let Some(version) = &checked.version {
        segments::check((store, version), control, report, &mut referred)?;
    }
    control.stage("snapshots")?;
    others::snapshots(store, report)?;
    control.add(bytes_in(store, SNAPSHOTS_DIR)?)?;
    control.stage("records and roots")?;
    let version = checked.version.as_deref();
    trial(store, (&logs, version), report, &mut referred);
    control.add(bytes_in(store, NODES_DIR)?)?;
    control.stage("objects and schemas")?;
    others::payloads(store, &referred, report);
    Ok(checked)
}

fn bytes_of(store: &Store) -> Result<u64, RepairError> {
    let mut bytes = 0;
    for dir in DIRS {
        bytes += bytes_in(store, dir)?;
    }
    Ok(bytes)
}

pub(crate) fn bytes_in(store: &Store, dir: &str) -> Result<u64, RepairError> {
    let path = if dir == "." {
        store.dir.clone()
    } else {
        store.dir.join(dir)
    };
    let names = match store.files.list(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(RepairError::io("list", &path))?,
    };
    Ok(names
        .iter()
        .map(|name| store.bytes_of(&path.join(name)))
        .sum())
}

/// The log: a torn tail is told from damage by the log itself (W7, W8), and nothing that was synced is ever cut (Z43).
fn log(store: &Store, report: &mut Report) -> Result<Option<Logs>, RepairError> {
    let unfinished = store.list("wal")?;
    for name in unfinished.iter().filter(|name| {
        let path = Path::new(name.as_str());
        path.extension().is_some_and(|ending| ending == "tmp")
    }) {
        let finding = Finding::new(
            Severity::Mendable,
            format!("wal/{name}"),
            "a log file that was never finished",
        );
        report.add(
            finding
                .advise("the next start removes it")
                .mended_by(Mend::OpenLog),
        );
    }
    next_is_free(store, &unfinished, report);
    let logs = match store.read_log() {
        Ok(logs) => logs,
        Err(error) => {
            report.add(log_error(store, &error));
            return Ok(None);
        }
    };
    if logs.recovery.cut_bytes > 0 {
        let what = format!(
            "a torn tail of {} bytes: a commit that was never acknowledged",
            logs.recovery.cut_bytes
        );
        let finding = Finding::new(Severity::Mendable, "wal", what);
        report.add(
            finding
                .advise("the next start cuts it, and so does repair")
                .mended_by(Mend::OpenLog),
        );
    }
    if let Some(damage) = &logs.recovery.damage {
        report.refused = Some(format!("the log is damaged: {damage}"));
        let what = format!("damaged at byte {}: {}", damage.position, damage.detail);
        let finding = Finding::new(Severity::Damage, store.name(&damage.file), what);
        report.add(finding.advise(
            "what follows was acknowledged and may be signed, so nothing is cut: restore the store from a replica or a backup; until then a node serves for reading what stands before it, and export takes that out",
        ));
    }
    Ok(Some(logs))
}

/// Where the next log file goes nothing may stand; a directory there is in no listing of files.
fn next_is_free(store: &Store, names: &[String], report: &mut Report) {
    let numbers = names.iter().filter_map(|name| {
        let hex = name.strip_suffix(".wal")?;
        u64::from_str_radix(hex, 16).ok()
    });
    let next = numbers.max().map_or(1, |last| last.saturating_add(1));
    let path = store.dir.join("wal").join(format!("{next:016x}.wal"));
    if store.stands_there(&path) {
        let what = "no file, and it stands where the next log file goes";
        let finding = Finding::new(Severity::Damage, store.name(&path), what);
        report.add(finding.advise("move it out of the way"));
    }
}

fn log_error(store: &Store, error: &LogError) -> Finding {
    let path = match error {
        LogError::Corrupt(damage) | LogError::ReadOnly(damage) => store.name(&damage.file),
        LogError::Format { file, .. } => store.name(file),
        LogError::Io { path, .. } => store.name(path),
        _ => "wal".to_owned(),
    };
    Finding::new(Severity::Damage, path, error.to_string()).advise(RESTORE)
}

fn manifest(store: &Store, logs: &Logs, report: &mut Report) -> Option<Arc<Version>> {
    let options = ManifestOptions::new(logs.store_id);
    match inspect(&store.files, &store.dir, &options) {
        Ok((version, recovery)) => {
            manifest_files(&recovery, report);
            Some(version)
        }
        Err(ManifestError::Missing(_)) if never_sealed(store, logs) => None,
        Err(error) => {
            let file = "manifest/MANIFEST";
            let finding = Finding::new(Severity::Damage, file, error.to_string());
            report.add(finding.advise(RESTORE));
            report.refused.get_or_insert_with(|| error.to_string());
            None
        }
    }
}

/// Whether a store may do without a manifest: nothing was ever let go by the log, and no segment is there.
fn never_sealed(store: &Store, logs: &Logs) -> bool {
    let released = logs.groups.iter().any(|group| group.first_index > 1);
    let segments = store.list("segments").unwrap_or_default();
    !released && segments.is_empty()
}

fn manifest_files(recovery: &ManifestRecovery, report: &mut Report) {
    if recovery.cut_bytes > 0 {
        let what = format!("a torn commit of {} bytes", recovery.cut_bytes);
        let finding = Finding::new(Severity::Mendable, "manifest/MANIFEST", what);
        report.add(
            finding
                .advise("the next start cuts it, and so does repair")
                .mended_by(Mend::OpenManifest),
        );
    }
    let lost = recovery.files.missing.iter().any(|file| !file.rebuildable);
    for orphan in &recovery.files.orphans {
        let finding = Finding::new(
            Severity::Mendable,
            format!("segments/{orphan}"),
            "left over from an interruption: the manifest does not name it",
        );
        report.add(if lost {
            Finding {
                severity: Severity::Note,
                ..finding.advise("kept while files are missing: it may be of a newer manifest")
            }
        } else {
            finding
                .advise("the node or repair removes it")
                .mended_by(Mend::RemoveOrphans)
        });
    }
    for foreign in &recovery.files.foreign {
        report.add(Finding::new(
            Severity::Note,
            format!("segments/{foreign}"),
            "no file of the store; it is left alone",
        ));
    }
}

/// Opens the store as a node would, without its node files, so that every record is hashed again and held against the
/// roots that were signed; then compares the node files with those that came of it.
fn trial(
    store: &Store,
    (logs, version): (&Logs, Option<&Version>),
    report: &mut Report,
    referred: &mut Referred,
) {
    let overlay = store.overlay();
    for file in nodes::all(store, logs) {
        overlay.hide(file.path());
    }
    let host = match open_host(&overlay, &store.dir, logs) {
        Ok(host) => host,
        Err(error) => return without_rebuild(store, logs, (report, &error)),
    };
    if let (Some(damage), None) = (&host.recovery().damage, &logs.recovery.damage) {
        let damage = HostError::ReadOnly(damage.clone());
        drop(host);
        return without_rebuild(store, logs, (report, &damage));
    }
    opened(&host, logs, report);
    others::sequencer(store, &host, logs, report);
    for partition in 0..logs.groups.len() as u32 {
        let state = version.and_then(|version| version.partition(partition));
        let sealed = state.map_or(0, |state| state.end_offset());
        referred.add_open(&host, partition, sealed);
    }
    if let Err(error) = host.close() {
        report.add(Finding::new(Severity::Note, "sidecars", error.to_string()));
        return;
    }
    nodes::compare(store, &overlay, (logs, version), report);
}

/// The records do not lead to a tree any more; a node with its node files may still serve what is left.
fn without_rebuild(store: &Store, logs: &Logs, (report, first): (&mut Report, &HostError)) {
    match open_host(&store.overlay(), &store.dir, logs) {
        Ok(host) => {
            opened(&host, logs, report);
            others::sequencer(store, &host, logs, report);
            report.add(Finding::new(
                Severity::Note,
                NODES_DIR,
                format!("node files were not compared with the records: {first}"),
            ));
        }
        Err(error) => {
            let what = error.to_string();
            report.refused.get_or_insert_with(|| what.clone());
            if report.findings.iter().all(|finding| finding.what != what) {
                report.add(Finding::new(Severity::Damage, ".", what).advise(RESTORE));
            }
        }
    }
}

fn opened(host: &Host, logs: &Logs, report: &mut Report) {
    for (number, group) in logs.groups.iter().enumerate() {
        report.partitions.push(Seen {
            partition: number as u32,
            origin: group
                .config
                .as_ref()
                .map_or_else(String::new, |config| config.origin.clone()),
            records: host.durable_size(number).unwrap_or(0),
            signed: group.signed.as_ref().map_or(0, |signed| signed.size),
        });
    }
    let damage = host.recovery().damage.clone();
    if let (Some(damage), None) = (damage, &logs.recovery.damage) {
        report.refused.get_or_insert_with(|| damage.clone());
        let what = format!("a node opens the store for reading only: {damage}");
        report.add(Finding::new(Severity::Damage, ".", what).advise(RESTORE));
    }
}
