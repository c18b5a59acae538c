//! What a layer does beyond single calls.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::{FaultFiles, FileLayer, OpenMode, RealFiles};

#[test]
fn a_file_that_found_no_room_leaves_nothing_beside_the_old_one() {
    let disk = FaultFiles::new(1);
    let (dir, path) = (Path::new("/d"), Path::new("/d/small"));
    disk.create_dir(dir).unwrap();
    disk.replace_file(path, b"old").unwrap();
    disk.set_capacity(4_096);
    let error = disk.replace_file(path, &vec![1; 100_000]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(disk.list(dir).unwrap(), ["small"]);
    assert_eq!(disk.read_file(path).unwrap().unwrap(), b"old");
    disk.set_capacity(1 << 20);
    disk.replace_file(path, &vec![1; 100_000]).unwrap();
    assert_eq!(disk.list(dir).unwrap(), ["small"]);
}

#[test]
fn what_is_no_file_is_not_opened_and_keeps_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (send, receive) = channel();
    let path = fifo.clone();
    std::thread::spawn(move || {
        let modes = [OpenMode::Read, OpenMode::ReadWrite, OpenMode::OpenOrCreate];
        let opened = modes.map(|mode| RealFiles.open(&path, mode).map(|_| ()));
        send.send((opened, RealFiles.map(&path).map(|_| ())))
            .unwrap();
    });
    // As long as it may take on any machine; who waits for a FIFO waits for ever.
    let (opened, mapped) = receive.recv_timeout(Duration::from_mins(1)).unwrap();
    for answer in opened.into_iter().chain([mapped]) {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let directory = RealFiles.open(dir.path(), OpenMode::Read).map(|_| ());
    assert_eq!(directory.unwrap_err().kind(), ErrorKind::IsADirectory);
}
