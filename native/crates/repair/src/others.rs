//! The smaller files: snapshots (Z5), the sequencer's (S2), objects (O5), schemas (J7), and what belongs to nobody.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use pyralog_host::Host;
use pyralog_obelisk::{EPOCH_MS, ScarabId};
use pyralog_object::{Damage, ObjectStore};
use pyralog_partition::Seen;
use pyralog_schema::SchemaRegistry;
use pyralog_types::batch::Row;

use crate::check::RESTORE;
use crate::error::RepairError;
use crate::referred::Referred;
use crate::report::{Finding, Mend, Report, Severity};
use crate::store::{Logs, MEMBERS, SEQUENCER, SNAPSHOTS_DIR, Store};

/// Directory of packs, in the store's directory.
const OBJECTS_DIR: &str = "objects";
/// Objects that are spoken of one by one.
const TOLD_MAX: usize = 100;
const PUT_AGAIN: &str = "put the payload again: what rotted is then stored anew (O6); or restore the packs from a backup";
/// The registry of schemas.
const SCHEMAS: &str = "schemas";
/// Files that a store has beside its directories.
const KNOWN: [&str; 4] = ["LOCK", SEQUENCER, SCHEMAS, MEMBERS];
/// Ids a window has room for, as a shift of milliseconds (S2).
const WINDOW_SHIFT: u32 = 10;
/// Windows that may be reserved ahead of the clock without anybody wondering: two hours (S4), and two more (S6).
const AHEAD: u64 = 7_200_000 / 1_024 + 2;

/// Files that were never finished, and files of somebody else.
pub(crate) fn strangers(store: &Store, report: &mut Report) -> Result<(), RepairError> {
    for dir in ["manifest", SNAPSHOTS_DIR, crate::store::NODES_DIR] {
        for name in store.list(dir)? {
            let ending = Path::new(&name).extension();
            let ending = ending.and_then(|ending| ending.to_str());
            let file = format!("{dir}/{name}");
            match ending {
                Some("tmp" | "new") => report.add(unfinished(file)),
                Some("damaged") => report.add(Finding::new(
                    Severity::Note,
                    file,
                    "put aside by an earlier repair; remove it when nobody needs it",
                )),
                _ => {}
            }
        }
    }
    for name in store.list(".")? {
        if name == format!("{SCHEMAS}.tmp") {
            report.add(unfinished(name));
        } else if !KNOWN.contains(&name.as_str()) && !name.ends_with(".damaged") {
            report.add(Finding::new(
                Severity::Note,
                name,
                "no file of the store; it is left alone",
            ));
        }
    }
    Ok(())
}

fn unfinished(file: String) -> Finding {
    let finding = Finding::new(Severity::Mendable, file, "a file that was never finished");
    finding
        .advise("it is written anew when it is needed; repair removes it")
        .mended_by(Mend::Remove)
}

/// Each snapshot by itself; whether they reach from one to the next shows when the store is opened.
pub(crate) fn snapshots(store: &Store, report: &mut Report) -> Result<(), RepairError> {
    for name in store.list(SNAPSHOTS_DIR)? {
        let Some(stem) = name.strip_suffix(".seen") else {
            continue;
        };
        let path = store.dir.join(SNAPSHOTS_DIR).join(&name);
        let read = store.files.read_file(&path);
        let decoded = match read {
            Ok(bytes) => Seen::open(Box::new(bytes.unwrap_or_default()))
                .and_then(|seen| seen.verify(&mut || true))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let Err(what) = decoded else { continue };
        let partition = stem.split('-').next();
        let partition = partition.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let mut finding = Finding::new(
            Severity::Damage,
            format!("{SNAPSHOTS_DIR}/{name}"),
            format!("the snapshot cannot be used: {what}"),
        );
        finding.partition = partition;
        report.add(finding.advise(format!(
            "records stay readable; while it is within the duplicate window nothing is appended, because nobody knows which submissions are repeated: {RESTORE}"
        )));
    }
    Ok(())
}

/// The size of the sequencer's file says what may have been issued (S3): never less than what was.
pub(crate) fn sequencer(store: &Store, host: &Host, logs: &Logs, report: &mut Report) {
    let last = (0..logs.groups.len()).filter_map(|partition| last_id(host, partition));
    let Some(last) = last.max() else { return };
    let wanted = (ScarabId::unpack(last).ms >> WINDOW_SHIFT) + 1;
    let path = store.dir.join(SEQUENCER);
    let file = store.files.open(&path, pyralog_log::OpenMode::Read);
    let reserved = match file.and_then(|file| file.len()) {
        Ok(reserved) => reserved,
        Err(error) => {
            let finding = Finding::new(Severity::Mendable, SEQUENCER, error.to_string());
            let finding = finding.advise("repair makes it again from the newest id in the logs");
            return report.add(if error.kind() == std::io::ErrorKind::NotFound {
                finding.mended_by(Mend::Windows(wanted))
            } else {
                finding.advise("move what is there out of the way, then repair")
            });
        }
    };
    let now = now_ms().saturating_sub(EPOCH_MS) >> WINDOW_SHIFT;
    if reserved < wanted {
        let what = format!("{reserved} windows of ids are reserved, and {wanted} were in use");
        let finding = Finding::new(Severity::Mendable, SEQUENCER, what);
        report.add(
            finding
                .advise("repair reserves what was in use, so that no id is ever given twice")
                .mended_by(Mend::Windows(wanted)),
        );
    } else if reserved > now.max(wanted) + AHEAD {
        let what = format!(
            "{reserved} windows of ids are reserved, and the clock is in window {now}: ids would be ahead of the clock, and the node refuses that"
        );
        let finding = Finding::new(Severity::Damage, SEQUENCER, what);
        report.add(finding.advise(
            "set the clock right; if it is, set the file's size to that of a backup or, when no other file says otherwise, to the window of the clock",
        ));
    }
}

/// Id of the newest record.
fn last_id(host: &Host, partition: usize) -> Option<u64> {
    let size = host.durable_size(partition).ok()?;
    let row = host.read(partition, size.checked_sub(1)?, 0).ok()?;
    let rows = Row::parse_all(&row).ok()?;
    rows.last().map(|row| row.leaf.scarab_id)
}

fn now_ms() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_millis() as u64)
}

/// Objects and schemas, by themselves and as what records refer to.
pub(crate) fn payloads(store: &Store, referred: &Referred, report: &mut Report) {
    objects(store, referred, report);
    schemas(store, referred, report);
}

/// Every chunk of every object (O4), and every object that a record refers to.
fn objects(store: &Store, referred: &Referred, report: &mut Report) {
    lock_of_objects(store, report);
    let names = store.list(OBJECTS_DIR).unwrap_or_default();
    let is_pack = |name: &String| Path::new(name).extension().is_some_and(|end| end == "pack");
    if !names.iter().any(is_pack) && referred.objects.is_empty() {
        return;
    }
    let opened = ObjectStore::open(Arc::new(store.overlay()), &store.dir.join(OBJECTS_DIR));
    let found = opened.and_then(|objects| {
        let mut damages = objects.verify_all()?;
        // Those that are there in part are among the damages.
        let gone = referred.objects.keys().filter(|id| !objects.is_listed(id));
        damages.extend(gone.map(|id| Damage::missing(*id)));
        Ok((objects.stats(), damages))
    });
    match found {
        Ok((stats, damages)) => {
            let told = damages.len().min(TOLD_MAX);
            for damage in &damages[..told] {
                report.add(object(damage, referred));
            }
            if damages.len() > told {
                let what = format!("{} more objects cannot be read", damages.len() - told);
                report.add(Finding::new(Severity::Damage, OBJECTS_DIR, what).advise(PUT_AGAIN));
            }
            if stats.damaged_packs > 0 {
                let what = format!(
                    "{} packs have a damaged table and are read entry by entry",
                    stats.damaged_packs
                );
                let severity = if damages.is_empty() {
                    Severity::Note
                } else {
                    Severity::Damage
                };
                report.add(Finding::new(severity, OBJECTS_DIR, what).advise(RESTORE));
            }
        }
        Err(error) => {
            let finding = Finding::new(Severity::Damage, OBJECTS_DIR, error.to_string());
            report.add(finding.advise(RESTORE));
        }
    }
}

/// Who opens the objects creates the file and locks it; what else stands there keeps them closed.
fn lock_of_objects(store: &Store, report: &mut Report) {
    let file = format!("{OBJECTS_DIR}/lock");
    let opened = store
        .files
        .open(&store.dir.join(&file), pyralog_log::OpenMode::Read);
    if let Err(error) = opened
        && error.kind() != std::io::ErrorKind::NotFound
    {
        let finding = Finding::new(Severity::Damage, file, error.to_string());
        report
            .add(finding.advise("no object can be read or put: move what is there out of the way"));
    }
}

fn object(damage: &Damage, referred: &Referred) -> Finding {
    let mut what = damage.error.to_string();
    let referrers = referred.objects.get(&damage.id);
    if let Some(referrers) = referrers {
        // Writing to a string cannot fail.
        let _ = write!(what, "; the payload of {referrers} is lost with it");
    }
    let finding = Finding::new(Severity::Damage, OBJECTS_DIR, what).advise(PUT_AGAIN);
    match referrers {
        Some(referrers) => finding.of(referrers.partition),
        None => finding,
    }
}

/// The registry is checked by reading it (J7), and must know what records carry (J8).
fn schemas(store: &Store, referred: &Referred, report: &mut Report) {
    match SchemaRegistry::open(Arc::new(store.overlay()), &store.dir.join(SCHEMAS)) {
        Ok(registry) => {
            for (id, referrers) in &referred.schemas {
                if registry.schema(*id).is_ok() {
                    continue;
                }
                let what = format!("schema {id} is unknown, and {referrers} carries it");
                let finding = Finding::new(Severity::Damage, SCHEMAS, what).of(referrers.partition);
                report.add(finding.advise(format!(
                    "register nothing before it is back, or the id will mean something else: {RESTORE}"
                )));
            }
        }
        Err(error) => {
            let finding = Finding::new(Severity::Damage, SCHEMAS, error.to_string());
            report.add(finding.advise(format!(
                "nothing is registered until it is back; records are not touched by that: {RESTORE}"
            )));
        }
    }
}
