//! A finished file as memory.

use std::fs;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// The bytes of a file that is never written again. Clones are the same memory; the mapping goes with the last one, also
/// when the file's name is gone long before.
#[derive(Clone)]
pub struct Mapped(Memory);

#[derive(Clone)]
enum Memory {
    Map(Arc<memmap2::Mmap>),
    Copy(Arc<Vec<u8>>),
}

impl Mapped {
    /// Bytes that stand in memory anyway: for layers whose files are no files of the operating system.
    #[must_use]
    pub fn copy_of(bytes: Vec<u8>) -> Self {
        Self(Memory::Copy(Arc::new(bytes)))
    }

    /// A read-only, shared mapping of the whole file.
    ///
    /// # Errors
    /// What the operating system says.
    #[expect(
        unsafe_code,
        reason = "a mapping is undefined behaviour if its file is cut or changed under it"
    )]
    pub(super) fn of(file: &fs::File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self::copy_of(Vec::new()));
        }
        // SAFETY: only files that are complete are mapped (FileLayer::map): they were written under a temporary name,
        // synced and renamed, and are removed by name only, never cut or written again. The store's lock (W11) keeps
        // other processes of ours out. A stranger who changes the file meets the checksums, as a bad disk does.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(Self(Memory::Map(Arc::new(map))))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Map(map) => map,
            Memory::Copy(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Mapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapped({} bytes)", self.len())
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use std::path::Path;

    use crate::{FaultFiles, FileLayer, LoseUnsynced, RealFiles};

    fn shows_the_bytes(files: &dyn FileLayer, dir: &Path) {
        let path = dir.join("finished");
        assert_eq!(
            files.map(&path).unwrap_err().kind(),
            std::io::ErrorKind::NotFound
        );
        files.replace_file(&path, b"some bytes").unwrap();
        let map = files.map(&path).unwrap();
        let other = map.clone();
        // The memory outlives the name.
        files.remove(&path).unwrap();
        drop(map);
        assert_eq!(&*other, b"some bytes");
        files.replace_file(&path, b"").unwrap();
        assert!(files.map(&path).unwrap().is_empty());
    }

    #[test]
    fn every_layer_maps() {
        let dir = tempfile::tempdir().unwrap();
        shows_the_bytes(&RealFiles, dir.path());
        let dir = tempfile::tempdir().unwrap();
        shows_the_bytes(&LoseUnsynced::new(), dir.path());
        shows_the_bytes(&FaultFiles::new(1), Path::new("/somewhere"));
    }
}
