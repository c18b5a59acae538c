//! Records in cold segments are proved as ever: leaf hashes are not stored there, but follow from the rows (H4, Y9, Z4).

use std::path::Path;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_merkle::{Sha256Tree, TreeHash, verify_consistency, verify_inclusion};
use pyralog_segment::Kind;
use pyralog_types::Hash;
use pyralog_types::batch::Row;

use super::maintain::{Receipt, check_receipts, made, maintained, receipts, records, until_idle};
use super::{Clock, propose};
use crate::{Algorithm, Host, Policy, Wait};

const RECORDS: u64 = 300;

/// A disk, and a clock that goes on from one opening to the next.
struct Machine(FaultFiles, Clock);

impl Machine {
    fn open(&self, policy: Policy) -> Host {
        Host::open(self.1.world(&self.0), &maintained(policy)).unwrap()
    }
}

fn fill(host: &Host, from: u64, to: u64) {
    for first in (from..to).step_by(7) {
        propose(host, records(first, 7.min(to - first)), Wait::Durable).unwrap();
    }
}

/// The SHA-256 leaf hashes of all records.
fn sha256_leaves(host: &Host) -> Vec<Hash> {
    let packed = host.read(0, 0, usize::MAX).unwrap();
    let rows = Row::parse_all(&packed).unwrap();
    let leaves = rows
        .iter()
        .map(|row| Sha256Tree::leaf(&row.leaf.to_bytes()));
    leaves.collect()
}

/// A store of hot segments, then the same aged; what was told of its records while they were hot.
fn aged() -> (Machine, Vec<Receipt>, Vec<Hash>) {
    let machine = Machine(FaultFiles::new(21), Clock::new());
    let host = machine.open(Policy::default());
    fill(&host, 0, RECORDS);
    let told = (receipts(&host), sha256_leaves(&host));
    host.close().unwrap();
    let cold = Policy {
        cold_after_ms: Some(0),
        ..Policy::default()
    };
    let host = machine.open(cold);
    until_idle(&host);
    let segments = host.shared.segments.of(0);
    assert!(segments.len() > 5);
    assert!(segments.iter().all(|entry| entry.meta.kind == Kind::Cold));
    host.close().unwrap();
    (machine, told.0, told.1)
}

fn check(host: &Host, (told, sha256): &(Vec<Receipt>, Vec<Hash>)) {
    check_receipts(host, told);
    let size = host.durable_size(0).unwrap();
    for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
        for from in (1..RECORDS).step_by(37) {
            host.consistency(0, (from, size), algorithm).unwrap();
        }
    }
    for (offset, leaf) in (0..).zip(sha256) {
        let row = host.read(0, offset, 0).unwrap();
        let row = Row::parse_all(&row).unwrap()[0];
        assert_eq!(
            (row.leaf.offset, row.value),
            (offset, &made(offset).value[..])
        );
        // In the tree of now, and in that of each record's own time.
        for size in [offset + 1, RECORDS, size] {
            let root = host.root(0, size, Algorithm::Sha256).unwrap();
            let path = host.inclusion(0, (offset, size), Algorithm::Sha256);
            assert!(
                verify_inclusion::<Sha256Tree>((leaf, offset), (&root, size), &path.unwrap()),
                "record {offset} in {size}"
            );
        }
    }
    let roots = [RECORDS, size].map(|at| host.root(0, at, Algorithm::Sha256).unwrap());
    let path = host.consistency(0, (RECORDS, size), Algorithm::Sha256);
    let (old, new) = ((&roots[0], RECORDS), (&roots[1], size));
    assert!(verify_consistency::<Sha256Tree>(old, new, &path.unwrap()));
}

#[test]
fn receipts_and_new_proofs_of_cold_records_verify() {
    let (machine, receipts, sha256) = aged();
    let told = (receipts, sha256);
    let host = machine.open(Policy::default());
    assert!(host.recovery().clean);
    check(&host, &told);
    // The tree goes on behind them.
    fill(&host, RECORDS, RECORDS + 30);
    check(&host, &told);
    host.close().unwrap();
}

#[test]
fn trees_are_made_again_of_cold_records() {
    let (machine, receipts, sha256) = aged();
    let nodes = Path::new("/store/sidecars");
    for name in machine.0.list(nodes).unwrap() {
        machine.0.vanish(&nodes.join(name));
    }
    let host = machine.open(Policy::default());
    assert!(!host.recovery().clean && !host.recovery().read_only);
    check(&host, &(receipts, sha256));
    host.close().unwrap();
}

#[test]
fn a_damaged_row_group_proves_nothing_wrong() {
    let (machine, receipts, _) = aged();
    let host = machine.open(Policy::default());
    let entry = host.shared.segments.of(0)[2].clone();
    host.close().unwrap();
    let path = Path::new("/store/segments").join(format!("{}.parquet", entry.name()));
    machine.0.flip_bit(&path, 300, 2);
    let host = machine.open(Policy::default());
    let size = host.durable_size(0).unwrap();
    for receipt in &receipts {
        let proved = host.inclusion(0, (receipt.offset, size), Algorithm::Blake3);
        if entry.range().contains(&receipt.offset) {
            proved.unwrap_err();
            host.read(0, receipt.offset, 0).unwrap_err();
        } else {
            host.read(0, receipt.offset, 0).unwrap();
        }
        receipt.verify();
    }
    host.close().unwrap();
}
