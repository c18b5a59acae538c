//! Bytes that are not what was written: flipped bits everywhere, cut files, frames of other files and places.

use std::sync::Arc;

use pyralog_log::{FaultFiles, FileLayer};

use super::{manifest_file, new_leaves, new_segment, open, open_with, options, retention, seal};
use crate::frame::{FIRST_FRAME, FileHeader, FrameKind, HEADER_BYTES, frame_bytes};
use crate::recover::recover;
use crate::{Edit, Manifest, ManifestError, ManifestOptions, Policy, Replacement};

/// A cleanly closed manifest with every kind of edit; its bytes, and the version they hold.
pub(super) struct Written {
    pub(super) disk: FaultFiles,
    pub(super) bytes: Vec<u8>,
    pub(super) version: Vec<u8>,
    pub(super) tail: usize,
}

fn edit_everything(disk: &FaultFiles, manifest: &Manifest) {
    let numbers = [8, 8, 8].map(|rows| seal(disk, manifest, 1, rows));
    let merged = new_segment(manifest, 0, 16);
    let by = Replacement {
        removed: numbers[..2].to_vec(),
        segments: vec![merged],
        leaves: vec![],
    };
    let leaves = vec![new_leaves(manifest, 0, 16)];
    let bad = Edit::Quarantine {
        partition: 1,
        number: numbers[2],
        ranges: vec![17..18, 20..24],
    };
    let policy = Policy {
        retain_ms: Some(5),
        ..Policy::default()
    };
    for edit in [
        Edit::Replace { partition: 1, by },
        bad.clone(),
        Edit::Lift {
            partition: 1,
            number: numbers[2],
        },
        Edit::SetPolicy {
            partition: 1,
            policy,
        },
        bad,
        Edit::Retain {
            partition: 1,
            to: retention(16, 8, leaves),
        },
    ] {
        manifest.commit(&[edit]).unwrap();
    }
}

pub(super) fn written() -> Written {
    let disk = FaultFiles::new(2);
    let manifest = open(&disk).unwrap().manifest;
    edit_everything(&disk, &manifest);
    manifest.compact().unwrap();
    let mut clone = disk.clone();
    edit_more(&mut clone, &manifest);
    manifest.close().unwrap();
    let bytes = disk.content(&manifest_file()).unwrap();
    let recovered = recover(&manifest_file(), &bytes, &Arc::default()).unwrap();
    assert!(recovered.marked && recovered.torn == 0);
    Written {
        version: manifest.current().encode(0),
        tail: recovered.tail,
        disk,
        bytes,
    }
}

fn edit_more(disk: &mut FaultFiles, manifest: &Manifest) {
    for rows in [3, 4, 5] {
        seal(disk, manifest, 2, rows);
    }
}

/// What a reader makes of bytes: the version, or the position it refuses them at.
fn read(bytes: &[u8]) -> Result<Vec<u8>, Option<u64>> {
    match recover(&manifest_file(), bytes, &Arc::default()) {
        Ok(recovered) => Ok(recovered.version.encode(0)),
        Err(ManifestError::Corrupt { file, position, .. }) => {
            assert_eq!(file, manifest_file());
            Err(Some(position))
        }
        Err(ManifestError::Format { .. }) => Err(None),
        Err(other) => panic!("{other} is no answer about bytes"),
    }
}

pub(super) fn flip_every_byte() -> Result<(), String> {
    let written = written();
    let mut bytes = written.bytes.clone();
    let mut refused = 0;
    for at in 0..written.tail + 4 * HEADER_BYTES {
        for bit in [at % 8, (at + 3) % 8] {
            bytes[at] ^= 1 << bit;
            match read(&bytes) {
                Ok(version) if version == written.version => {}
                Ok(_) => return Err(format!("a flipped bit of byte {at} changes the version")),
                Err(position) if at < written.tail => {
                    refused += 1;
                    if position.is_some_and(|position| position > at as u64) {
                        return Err(format!("byte {at} is reported at {position:?}"));
                    }
                }
                Err(_) => {
                    return Err(format!(
                        "byte {at}, behind the last commit, refuses the file"
                    ));
                }
            }
            bytes[at] ^= 1 << bit;
        }
    }
    // Only padding is nobody's.
    if refused < written.tail - FIRST_FRAME {
        return Err(format!("only {refused} flips were noticed"));
    }
    Ok(())
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    flip_every_byte().unwrap_or_else(|reason| panic!("{reason}"));
}

#[test]
fn damage_leaves_the_file_as_it_is() {
    let written = written();
    written
        .disk
        .flip_bit(&manifest_file(), written.tail - 70, 3);
    let before = written.disk.content(&manifest_file());
    let counts = written.disk.counts();
    assert!(matches!(
        open(&written.disk),
        Err(ManifestError::Corrupt { .. })
    ));
    assert_eq!(written.disk.content(&manifest_file()), before);
    assert_eq!(written.disk.counts(), counts);
}

#[test]
fn a_file_cut_anywhere_is_refused_or_an_earlier_version() {
    let written = written();
    let mut earlier = 0;
    for length in 0..written.tail {
        match recover(&manifest_file(), &written.bytes[..length], &Arc::default()) {
            Ok(recovered) => {
                assert!(length >= recovered.tail && !recovered.marked);
                earlier += 1;
            }
            Err(ManifestError::Corrupt { position, .. }) => {
                assert!(position <= FIRST_FRAME as u64 && length < written.tail);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(earlier > 0);
}

/// The file's frames: position and length.
fn frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let header = FileHeader::decode(bytes).unwrap();
    let mut at = FIRST_FRAME;
    let mut frames = Vec::new();
    while let Some((frame, payload)) = header.frame_of(&bytes[at..]) {
        if frame.kind == FrameKind::Marker {
            break;
        }
        frames.push((at, frame_bytes(payload.len())));
        at += frame_bytes(payload.len());
    }
    frames
}

#[test]
fn frames_in_other_places_are_refused() {
    let written = written();
    let frames = frames(&written.bytes);
    assert_eq!(frames.len(), 4);
    for (at, length) in &frames {
        let mut bytes = written.bytes.clone();
        bytes.copy_within(*at..at + length, written.tail);
        assert_eq!(
            read(&bytes),
            Err(Some(written.tail as u64)),
            "the frame at {at} again at the end"
        );
    }
    // A commit lost in the middle.
    let (second, length) = frames[2];
    let mut bytes = written.bytes.clone();
    bytes[second..second + length].fill(0);
    assert_eq!(read(&bytes), Err(Some(second as u64)));
}

/// Bytes of an earlier file of the same store, at the end and in the middle of this one.
pub(super) fn recycle() -> Result<(), String> {
    let disk = FaultFiles::new(2);
    let manifest = open(&disk).unwrap().manifest;
    edit_everything(&disk, &manifest);
    let old = disk.content(&manifest_file()).unwrap();
    let (last, length) = frames(&old)[3];
    drop(manifest);
    // The same history again, so that numbers agree and only salt and incarnation differ.
    let disk = FaultFiles::new(3);
    let manifest = open(&disk).unwrap().manifest;
    edit_everything(&disk, &manifest);
    let bytes = disk.content(&manifest_file()).unwrap();
    let expected = manifest.current().encode(0);
    let mut mixed = bytes.clone();
    mixed[last..last + length].copy_from_slice(&old[last..last + length]);
    if read(&mixed).is_ok() {
        return Err("a frame of another file passes in the middle".into());
    }
    let tail = recover(&manifest_file(), &bytes, &Arc::default())
        .unwrap()
        .tail;
    let mut longer = bytes;
    longer[tail..tail + length].copy_from_slice(&old[last..last + length]);
    if read(&longer).is_ok_and(|version| version != expected) {
        return Err("a frame of another file passes at the end".into());
    }
    Ok(())
}

#[test]
fn frames_of_an_earlier_file_never_pass() {
    recycle().unwrap_or_else(|reason| panic!("{reason}"));
}

/// A commit that the disk wrote somewhere else, saying that all went well.
pub(super) fn misdirect() -> Result<(), String> {
    let disk = FaultFiles::new(4);
    let manifest = open(&disk).unwrap().manifest;
    seal(&disk, &manifest, 1, 5);
    let lost = new_segment(&manifest, 5, 5);
    disk.misdirect_next_write(40 << 10);
    manifest
        .commit(&[Edit::Add {
            partition: 1,
            segment: lost,
        }])
        .unwrap();
    seal(&disk, &manifest, 1, 5);
    drop(manifest);
    match open(&disk) {
        Err(ManifestError::Corrupt { .. }) => Ok(()),
        Err(other) => Err(format!("{other}")),
        Ok(open) => Err(format!(
            "opens at version {}",
            open.manifest.current().number()
        )),
    }
}

#[test]
fn a_misdirected_commit_is_noticed() {
    misdirect().unwrap_or_else(|reason| panic!("{reason}"));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let written = written();
    let mut bytes = written.bytes.clone();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    written.disk.plant(&manifest_file(), bytes);
    let error = open(&written.disk).err().unwrap();
    assert!(
        matches!(error, ManifestError::Format { .. }) && error.to_string().contains("newer"),
        "{error}"
    );
}

#[test]
fn a_torn_commit_is_cut_and_reported() {
    let written = written();
    let file = written
        .disk
        .open(&manifest_file(), pyralog_log::OpenMode::ReadWrite)
        .unwrap();
    file.write_all_at(&[0xaa; 300], written.tail as u64 + 512)
        .unwrap();
    let open = open(&written.disk).unwrap();
    assert!(open.recovery.cut_bytes > 300);
    assert_eq!(open.manifest.current().encode(0), written.version);
    drop(open);
    let again = open_with(
        &written.disk,
        &ManifestOptions {
            at_least: 3,
            ..options()
        },
    )
    .unwrap();
    assert_eq!(again.recovery.cut_bytes, 0);
}
