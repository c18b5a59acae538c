//! Stores that are damaged on purpose.

mod damage;
mod fuzz;
mod others;
mod payloads;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use pyralog_host::{
    Algorithm, Cosigner, DedupWindow, Durability, Host, HostError, HostOptions, PartitionOptions,
    Reply, SealLimits, Wait, World,
};
use pyralog_log::{FaultFiles, FileLayer};
use pyralog_manifest::Policy;
use pyralog_merkle::{Blake3Tree, TreeHash, verify_inclusion};
use pyralog_types::Hash;
use pyralog_types::batch::{Row, encode_digests};

use crate::{Control, Exported, Finding, Form, RepairError, Report, Wanted, check, export};

const STORE: &str = "/store";
const ORIGIN: &str = "pyralog/test-00/local/notary/0";

/// Small log files and segments: a seal point every 40 records.
fn options() -> HostOptions {
    HostOptions {
        wal_file_bytes: 128 << 10,
        coordinator: 3,
        cosigner: Cosigner {
            name: "pyralog/test-00/local/node-0".to_owned(),
            seed: [1; 32],
        },
        log_seed: Some([2; 32]),
        checkpoint_ms_min: 1,
        queue_bytes_max: 1 << 20,
        seal: SealLimits {
            rows: 40,
            bytes: 1 << 20,
        },
        ..HostOptions::offline(
            Path::new(STORE),
            vec![PartitionOptions {
                origin: ORIGIN.to_owned(),
                sha256: true,
                window: DedupWindow {
                    millis: 86_400_000,
                    records: 1_000_000,
                },
                policy: Policy::default(),
                durability: Durability::Sync,
            }],
        )
    }
}

fn open(disk: &FaultFiles) -> Result<Host, HostError> {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let clock = Arc::new(AtomicU64::new(now));
    let clock = move || clock.fetch_add(1, Ordering::Relaxed);
    Host::open(World::new(Arc::new(disk.clone()), clock), &options())
}

fn hex_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// The notary value of record `n`.
fn value(n: u64) -> Vec<u8> {
    [&[0x12, 32][..], blake3::hash(&n.to_le_bytes()).as_bytes()].concat()
}

fn append(host: &Host, first: u64, count: u64) {
    let digests: Vec<u8> = (first..first + count)
        .flat_map(|n| value(n)[2..].to_vec())
        .collect();
    let (send, receive) = channel();
    let reply = Reply::new(move |answer| send.send(answer).unwrap());
    host.propose(
        0,
        encode_digests(0x12, b"me", &digests),
        Wait::Durable,
        reply,
    );
    receive.recv().unwrap().unwrap();
}

/// A store of `records` in segments of about 40, closed cleanly, with what a receipt of each record would hold.
fn filled(seed: u64, records: u64) -> (FaultFiles, Proofs) {
    let disk = FaultFiles::new(seed);
    let host = open(&disk).unwrap();
    for first in (0..records).step_by(10) {
        append(&host, first, 10.min(records - first));
    }
    let proofs = Proofs::of(&host, records);
    host.close().unwrap();
    (disk, proofs)
}

/// What clients were told.
struct Proofs {
    size: u64,
    root: Hash,
    leaves: Vec<(Vec<u8>, Hash)>,
}

impl Proofs {
    fn of(host: &Host, size: u64) -> Self {
        let root = host.root(0, size, Algorithm::Blake3).unwrap();
        let each = (0..size).map(|n| {
            let packed = host.read(0, n, 0).unwrap();
            let row = Row::parse_all(&packed).unwrap()[0];
            (row.value.to_vec(), Blake3Tree::leaf(&row.leaf.to_bytes()))
        });
        Self {
            size,
            root,
            leaves: each.collect(),
        }
    }

    /// Every record that can be read is the one that was told, and its proof leads to the root that was told. Returns the
    /// offsets that cannot be read.
    fn hold(&self, host: &Host) -> Vec<u64> {
        let shown = host.durable_size(0).unwrap();
        assert!(
            shown <= self.size,
            "{shown} records, {} were told",
            self.size
        );
        let mut lost: Vec<u64> = (shown..self.size).collect();
        for n in 0..shown {
            let Ok(packed) = host.read(0, n, 0) else {
                lost.push(n);
                continue;
            };
            let row = Row::parse_all(&packed).unwrap()[0];
            let (value, leaf) = &self.leaves[n as usize];
            assert_eq!(row.value, &value[..], "record {n}");
            assert_eq!(row.leaf.offset, n);
            assert_eq!(Blake3Tree::leaf(&row.leaf.to_bytes()), *leaf);
            if shown == self.size
                && let Ok(path) = host.inclusion(0, (n, self.size), Algorithm::Blake3)
            {
                let to = (&self.root, self.size);
                assert!(verify_inclusion::<Blake3Tree>((leaf, n), to, &path));
            }
        }
        lost.sort_unstable();
        lost
    }
}

fn layer(disk: &FaultFiles) -> Arc<dyn FileLayer> {
    Arc::new(disk.clone())
}

fn checked(disk: &FaultFiles) -> Report {
    check(&layer(disk), Path::new(STORE), &Control::default()).unwrap()
}

/// All files of the store, by name.
fn files(disk: &FaultFiles) -> Vec<PathBuf> {
    let dirs = ["", "wal", "manifest", "segments", "snapshots", "sidecars"];
    let each = dirs.iter().flat_map(|dir| {
        let dir = Path::new(STORE).join(dir);
        let mut names = disk.list(&dir).unwrap();
        names.sort();
        names.into_iter().map(move |name| dir.join(name))
    });
    each.collect()
}

fn one(disk: &FaultFiles, dir: &str, ending: &str) -> PathBuf {
    let dir = Path::new(STORE).join(dir);
    let mut names = disk.list(&dir).unwrap();
    names.retain(|name| name.ends_with(ending));
    names.sort();
    dir.join(&names[0])
}

fn about<'a>(report: &'a Report, path: &Path) -> &'a Finding {
    let name = path.strip_prefix(STORE).unwrap().display().to_string();
    let found = report.findings.iter().find(|finding| finding.file == name);
    found.unwrap_or_else(|| panic!("nothing about {name}: {:#?}", report.findings))
}

/// All records of partition 0, into `out` below a directory.
fn everything(form: Form, dir: &Path) -> Wanted {
    Wanted {
        partition: 0,
        from: 0,
        to: None,
        form,
        out: dir.join("out"),
    }
}

fn exported(disk: &FaultFiles, wanted: &Wanted) -> Result<Exported, RepairError> {
    export(&layer(disk), Path::new(STORE), wanted, &Control::default())
}
