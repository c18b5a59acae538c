//! References to files, and what attackers make of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;

use crate::{FileFormat, FileReference, ObjectError, make_reference, read_file, verify_file};

fn yes() -> bool {
    true
}

fn refer(root: &Path, path: &str, format: FileFormat) -> Result<FileReference, ObjectError> {
    make_reference(root, path, format, &yes)
}

fn code<T: std::fmt::Debug>(result: Result<T, ObjectError>) -> &'static str {
    result.unwrap_err().code()
}

/// A root with a file in it, and a secret beside it.
fn root() -> (tempfile::TempDir, std::path::PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    fs::create_dir_all(root.join("deep/er")).unwrap();
    fs::write(root.join("deep/er/file"), b"content").unwrap();
    fs::write(place.path().join("secret"), b"secret").unwrap();
    (place, root)
}

const ATTACKS: [&str; 25] = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../secret",
    "deep/../../secret",
    "deep/er/../../../secret",
    "./deep/er/file",
    "deep/./er/file",
    "deep//er/file",
    "deep/er/file/",
    "deep\\er\\file",
    "..\\secret",
    "C:/secret",
    "C:secret",
    "file:///etc/passwd",
    "deep/er/file\0",
    "\0",
    "deep/er/fi\nle",
    "deep/er/\u{7f}",
    ".",
    "deep/..",
    "deep/er/..",
    "//secret",
    "\u{85}",
];

#[test]
fn refuses_paths_that_could_lead_out_of_the_root() {
    let (_place, root) = root();
    let good = refer(&root, "deep/er/file", FileFormat::Other).unwrap();
    let long = "a/".repeat(512) + "b";
    let wide = "a".repeat(256);
    for path in ATTACKS.into_iter().chain([&long[..], &wide]) {
        assert_eq!(
            code(refer(&root, path, FileFormat::Other)),
            "object/path",
            "{path:?}"
        );
        let forged = FileReference {
            path: path.to_owned(),
            ..good.clone()
        };
        assert_eq!(code(forged.encode()), "object/path", "{path:?}");
        assert_eq!(
            code(verify_file(&root, &forged, &yes)),
            "object/path",
            "{path:?}"
        );
        assert_eq!(
            code(read_file(&root, &forged, 100)),
            "object/path",
            "{path:?}"
        );
        // Bytes that another implementation let through.
        let mut bytes = good.encode().unwrap();
        bytes.truncate(44);
        bytes[2..4].copy_from_slice(&(path.len() as u16).to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
        assert_eq!(
            code(FileReference::decode(&bytes)),
            "object/path",
            "{path:?}"
        );
    }
    let odd = [
        "...",
        "..a",
        "a..",
        ".hidden",
        "with space",
        "größe",
        "-rf",
        "~",
        "%2e%2e",
    ];
    for path in odd {
        fs::write(root.join(path), path).unwrap();
        let reference = refer(&root, path, FileFormat::Other).unwrap();
        assert_eq!(read_file(&root, &reference, 100).unwrap(), path.as_bytes());
        assert_eq!(
            FileReference::decode(&reference.encode().unwrap()),
            Ok(reference)
        );
    }
}

#[test]
fn follows_no_link() {
    let (place, root) = root();
    symlink(place.path().join("secret"), root.join("link")).unwrap();
    symlink("../secret", root.join("relative")).unwrap();
    symlink(place.path(), root.join("out")).unwrap();
    symlink("deep", root.join("inside")).unwrap();
    for path in ["link", "relative", "out/secret", "inside/er/file"] {
        assert_eq!(
            code(refer(&root, path, FileFormat::Other)),
            "object/path",
            "{path}"
        );
    }
    // A reference that was made while it was a file, and now is a link to a file of the same content.
    let reference = refer(&root, "deep/er/file", FileFormat::Other).unwrap();
    fs::rename(root.join("deep/er/file"), place.path().join("moved")).unwrap();
    symlink(place.path().join("moved"), root.join("deep/er/file")).unwrap();
    assert_eq!(code(verify_file(&root, &reference, &yes)), "object/path");
    assert_eq!(code(read_file(&root, &reference, 100)), "object/path");
    fs::remove_file(root.join("deep/er/file")).unwrap();
    assert_eq!(code(verify_file(&root, &reference, &yes)), "object/path");
}

#[test]
fn reads_regular_files_only() {
    let (_place, root) = root();
    let made = std::process::Command::new("mkfifo")
        .arg(root.join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    for path in ["pipe", "socket", "deep", "deep/er/file/below", "missing"] {
        assert_eq!(
            code(refer(&root, path, FileFormat::Other)),
            "object/path",
            "{path}"
        );
    }
    assert_eq!(
        code(refer(&root, "deep/er/file", FileFormat::Zarr)),
        "object/path"
    );
}

#[test]
fn notices_every_change() {
    let (_place, root) = root();
    let path = root.join("deep/er/file");
    let reference = refer(&root, "deep/er/file", FileFormat::Other).unwrap();
    assert_eq!(reference.length, 7);
    assert_eq!(&reference.hash, blake3::hash(b"content").as_bytes());
    verify_file(&root, &reference, &yes).unwrap();
    assert_eq!(read_file(&root, &reference, 7).unwrap(), b"content");
    assert_eq!(code(read_file(&root, &reference, 6)), "object/malformed");
    for changed in [&b"contenT"[..], b"conten", b"contents", b""] {
        fs::write(&path, changed).unwrap();
        assert_eq!(code(verify_file(&root, &reference, &yes)), "object/changed");
        assert_eq!(code(read_file(&root, &reference, 100)), "object/changed");
    }
    fs::write(&path, b"content").unwrap();
    verify_file(&root, &reference, &yes).unwrap();
    assert_eq!(
        verify_file(&root, &reference, &|| false),
        Err(ObjectError::Aborted)
    );
}

#[test]
fn believes_a_format_when_the_file_looks_like_it() {
    let (_place, root) = root();
    let safetensors = |header: u64, text: &[u8]| [&header.to_le_bytes(), text].concat();
    let cases = [
        (FileFormat::Parquet, b"PAR1....PAR1".to_vec(), true),
        (FileFormat::Parquet, b"PAR1PAR1".to_vec(), false),
        (FileFormat::Parquet, b"PAR1........".to_vec(), false),
        (FileFormat::Parquet, b"........PAR1".to_vec(), false),
        (FileFormat::Parquet, vec![], false),
        (FileFormat::Safetensors, safetensors(2, b"{}data"), true),
        (FileFormat::Safetensors, safetensors(7, b"{}data"), false),
        (
            FileFormat::Safetensors,
            safetensors(u64::MAX, b"{}data"),
            false,
        ),
        (FileFormat::Safetensors, safetensors(2, b"[]data"), false),
        (FileFormat::Safetensors, vec![1; 8], false),
        (FileFormat::Other, vec![], true),
    ];
    for (format, bytes, good) in cases {
        fs::write(root.join("it"), &bytes).unwrap();
        let made = refer(&root, "it", format);
        if good {
            assert_eq!(made.unwrap().format, format);
        } else {
            assert_eq!(code(made), "object/format", "{format:?} {bytes:?}");
        }
    }
}

fn zarr(root: &Path, name: &str, files: &[(&str, &[u8])]) {
    for (path, bytes) in files {
        let path = root.join(name).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

const ZARR: [(&str, &[u8]); 4] = [
    ("zarr.json", b"{}"),
    ("a/c/0", b"zero"),
    ("a/c/1", b"one"),
    ("a.b", b"dot"),
];

#[test]
fn hashes_a_zarr_store_as_its_files_alone_say() {
    let (_place, root) = root();
    zarr(&root, "one", &ZARR);
    let backwards: Vec<_> = ZARR.into_iter().rev().collect();
    zarr(&root, "two", &backwards);
    fs::create_dir_all(root.join("two/empty")).unwrap();
    let one = refer(&root, "one", FileFormat::Zarr).unwrap();
    let two = refer(&root, "two", FileFormat::Zarr).unwrap();
    assert_eq!((one.length, one.hash), (two.length, two.hash));
    assert_eq!(one.length, 12);
    // The manifest, written out by hand from the rule.
    let mut manifest = b"pyralog zarr 1\n".to_vec();
    for (path, bytes) in [ZARR[3], ZARR[1], ZARR[2], ZARR[0]] {
        manifest.extend_from_slice(&(path.len() as u16).to_le_bytes());
        manifest.extend_from_slice(path.as_bytes());
        manifest.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        manifest.extend_from_slice(blake3::hash(bytes).as_bytes());
    }
    assert_eq!(&one.hash, blake3::hash(&manifest).as_bytes());
    assert_eq!(code(read_file(&root, &one, 1 << 20)), "object/malformed");
}

#[test]
fn notices_every_change_of_a_zarr_store() {
    let (place, root) = root();
    zarr(&root, "z", &ZARR);
    let reference = refer(&root, "z", FileFormat::Zarr).unwrap();
    let check = || verify_file(&root, &reference, &yes);
    check().unwrap();
    let at = |path: &str| root.join("z").join(path);
    fs::write(at("a/c/1"), b"two").unwrap();
    assert_eq!(code(check()), "object/changed");
    fs::write(at("a/c/1"), b"one").unwrap();
    check().unwrap();
    fs::rename(at("a/c/1"), at("a/c/2")).unwrap();
    assert_eq!(code(check()), "object/changed");
    fs::rename(at("a/c/2"), at("a/c/1")).unwrap();
    fs::write(at("more"), b"").unwrap();
    assert_eq!(code(check()), "object/changed");
    fs::remove_file(at("more")).unwrap();
    symlink(place.path().join("secret"), at("link")).unwrap();
    assert_eq!(code(check()), "object/path");
    fs::remove_file(at("link")).unwrap();
    symlink(place.path(), at("a/out")).unwrap();
    assert_eq!(code(check()), "object/path");
    fs::remove_file(at("a/out")).unwrap();
    check().unwrap();
    fs::remove_file(at("zarr.json")).unwrap();
    assert_eq!(code(check()), "object/format");
}

proptest! {
    #[test]
    fn reads_what_it_writes_and_nothing_else(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        path in "[a-zä.]{1,3}(/[a-z]{1,5}){0,3}",
        length in 0_u64..(1 << 53),
    ) {
        if let Ok(reference) = FileReference::decode(&bytes) {
            prop_assert_eq!(reference.encode().unwrap(), bytes);
        }
        let reference = FileReference { format: FileFormat::Parquet, path, length, hash: [5; 32] };
        let Ok(encoded) = reference.encode() else {
            return Ok(());
        };
        prop_assert_eq!(FileReference::decode(&encoded), Ok(reference));
        prop_assert!(FileReference::decode(&encoded[..encoded.len() - 1]).is_err());
        prop_assert!(FileReference::decode(&[&encoded[..], b"x"].concat()).is_err());
        for (at, byte) in [(0, 2), (1, 4), (11, 255)] {
            let mut bad = encoded.clone();
            bad[at] = byte;
            prop_assert!(FileReference::decode(&bad).is_err());
        }
    }
}
