//! What records refer to must be there; and a sidecar that cannot be read costs no record.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use pyralog_host::{Host, Reply, Wait};
use pyralog_log::{FaultFiles, FileLayer, RealFiles};
use pyralog_object::{ObjectReference, ObjectStore, SCHEMA_OBJECT};
use pyralog_types::batch::{RecordRef, ValueRef, encode_proposal};

use super::others::written;
use super::{STORE, about, append, checked, filled, layer, open};
use crate::{Control, RepairOptions, Severity, check, repair};

fn refer(host: &Host, schema_id: u32, value: &[u8]) {
    let record = RecordRef {
        schema_id,
        submitter: b"me",
        idempotency_key: None,
        key: None,
        headers: None,
        value: ValueRef::Bytes(value),
    };
    let (send, receive) = channel();
    let reply = Reply::new(move |answer| send.send(answer).unwrap());
    host.propose(0, encode_proposal(&[record]), Wait::Durable, reply);
    receive.recv().unwrap().unwrap();
}

fn objects(disk: &FaultFiles) -> ObjectStore {
    ObjectStore::open(layer(disk), &Path::new(STORE).join("objects")).unwrap()
}

/// A store with a record that refers to an object: in a segment, or not sealed yet.
fn referring(sealed: bool) -> FaultFiles {
    let (disk, _) = filled(40, 10);
    let store = objects(&disk);
    let (reference, pin) = store.put(&vec![7; 100_000][..]).unwrap();
    drop(store.put(&vec![8; 100_000][..]).unwrap());
    let host = open(&disk).unwrap();
    refer(&host, SCHEMA_OBJECT, &reference.encode());
    if sealed {
        append(&host, 10, 60);
    }
    host.close().unwrap();
    drop(pin);
    store.close();
    disk
}

#[test]
fn an_object_that_a_record_refers_to_is_missed() {
    for sealed in [false, true] {
        let disk = referring(sealed);
        assert!(checked(&disk).clean(), "{:#?}", checked(&disk).findings);
        let dir = Path::new(STORE).join("objects");
        // Nothing refers to what is in the second pack.
        disk.vanish(&dir.join("2.pack"));
        assert!(checked(&disk).clean());
        disk.vanish(&dir.join("1.pack"));
        let found = checked(&disk);
        let one = about(&found, &dir);
        assert_eq!((one.severity, one.partition), (Severity::Damage, Some(0)));
        assert!(
            one.what.contains("record 10 of partition 0"),
            "{}",
            one.what
        );
    }
}

#[test]
fn a_schema_that_a_record_carries_is_missed() {
    for of_object in [false, true] {
        let (disk, _) = filled(41, 10);
        let store = objects(&disk);
        let (reference, _pin) = store.put(&[7_u8; 9][..]).unwrap();
        let host = open(&disk).unwrap();
        let reference = ObjectReference {
            schema_id: 300,
            ..reference
        };
        if of_object {
            refer(&host, SCHEMA_OBJECT, &reference.encode());
        } else {
            refer(&host, 300, b"a value");
        }
        host.close().unwrap();
        store.close();
        let found = checked(&disk);
        let one = about(&found, &Path::new(STORE).join("schemas"));
        assert_eq!(one.severity, Severity::Damage);
        assert!(one.what.contains("schema 300"), "{}", one.what);
    }
}

#[test]
fn a_sidecar_that_cannot_be_read_costs_no_record() {
    let (disk, proofs) = filled(42, 130);
    let (_dir, store) = written(&disk);
    let real: Arc<dyn FileLayer> = Arc::new(RealFiles);
    let segments = store.join("segments");
    for name in RealFiles.list(&segments).unwrap() {
        if Path::new(&name).extension().is_some_and(|e| e == "side") {
            fs::remove_file(segments.join(&name)).unwrap();
            fs::create_dir(segments.join(&name)).unwrap();
        }
    }
    let found = check(&real, &store, &Control::default()).unwrap();
    let worst = found.findings.iter().map(|finding| finding.severity).max();
    assert_eq!(worst, Some(Severity::Mendable), "{:#?}", found.findings);
    let done = repair(&real, &store, RepairOptions::default(), &Control::default()).unwrap();
    assert!(done.after.clean(), "{:#?}", done.after.findings);
    assert!(
        done.acts
            .iter()
            .all(|act| act.lost.as_array().unwrap().is_empty())
    );
    let options = pyralog_host::HostOptions {
        dir: store,
        ..super::options()
    };
    let host = Host::open(pyralog_host::World::real(real), &options).unwrap();
    assert!(proofs.hold(&host).is_empty());
}
