//! Files as they are, with every change kept in memory: what opening a store would do, without doing it (Z41).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use pyralog_log::{File, FileLayer, FileLock, FilesOver, Mapped, OpenMode};

const PAGE: u64 = 4_096;

/// A layer over another one. Reads go through, writes, renames and removals stay here. Clones are the same layer.
#[derive(Clone)]
pub(crate) struct Overlay(Arc<Inner>);

struct Inner {
    base: Arc<dyn FileLayer>,
    /// What has another content or name than below; `None` is gone.
    names: Mutex<BTreeMap<PathBuf, Option<Arc<Content>>>>,
}

/// One file.
struct Content {
    base: Option<(PathBuf, Arc<dyn File>)>,
    state: Mutex<State>,
}

struct State {
    length: u64,
    /// Bytes that show through from below, at most.
    visible: u64,
    /// Pages that were written.
    pages: BTreeMap<u64, Vec<u8>>,
    changed: bool,
}

impl Overlay {
    pub(crate) fn new(base: Arc<dyn FileLayer>) -> Self {
        Self(Arc::new(Inner {
            base,
            names: Mutex::default(),
        }))
    }

    /// As if the file were not there.
    pub(crate) fn hide(&self, path: &Path) {
        self.0.names.lock().insert(path.to_path_buf(), None);
    }

    fn find(&self, path: &Path) -> io::Result<Option<Arc<Content>>> {
        if let Some(known) = self.0.names.lock().get(path) {
            return Ok(known.clone());
        }
        let file = match self.0.base.open(path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.len()?;
        let content = Content {
            base: Some((path.to_path_buf(), file)),
            state: Mutex::new(State {
                length,
                visible: length,
                pages: BTreeMap::new(),
                changed: false,
            }),
        };
        let mut names = self.0.names.lock();
        let entry = names.entry(path.to_path_buf());
        Ok(entry.or_insert_with(|| Some(Arc::new(content))).clone())
    }

    fn put(&self, path: &Path, content: Option<Arc<Content>>) {
        self.0.names.lock().insert(path.to_path_buf(), content);
    }
}

impl Content {
    fn empty() -> Self {
        Self {
            base: None,
            state: Mutex::new(State {
                length: 0,
                visible: 0,
                pages: BTreeMap::new(),
                changed: true,
            }),
        }
    }

    /// The page as it is now.
    fn page(&self, state: &State, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = state.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE as usize];
        let start = number * PAGE;
        if let Some((_, base)) = &self.base
            && start < state.visible
        {
            let length = (state.visible - start).min(PAGE) as usize;
            base.read_exact_at(&mut page[..length], start)?;
        }
        Ok(page)
    }
}

/// An open handle.
struct Handle {
    content: Arc<Content>,
    writable: bool,
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let state = self.content.state.lock();
        if position >= state.length {
            return Ok(0);
        }
        let length = (buffer.len() as u64).min(state.length - position) as usize;
        let buffer = &mut buffer[..length];
        if let Some((_, base)) = &self.content.base
            && !state.changed
        {
            return base.read_at(buffer, position);
        }
        let mut done = 0;
        while done < length {
            let at = position + done as u64;
            let page = self.content.page(&state, at / PAGE)?;
            let inside = (at % PAGE) as usize;
            let count = (length - done).min(page.len() - inside);
            buffer[done..done + count].copy_from_slice(&page[inside..inside + count]);
            done += count;
        }
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.content.state.lock();
        state.changed = true;
        let mut done = 0;
        while done < bytes.len() {
            let at = position + done as u64;
            let inside = (at % PAGE) as usize;
            let count = (bytes.len() - done).min(PAGE as usize - inside);
            let piece = &bytes[done..done + count];
            let number = at / PAGE;
            let nothing_there =
                !state.pages.contains_key(&number) && number * PAGE >= state.visible;
            // Files are prepared with zeros; those need no memory.
            if !(nothing_there && piece.iter().all(|byte| *byte == 0)) {
                let mut page = self.content.page(&state, number)?;
                page[inside..inside + count].copy_from_slice(piece);
                state.pages.insert(number, page);
            }
            done += count;
        }
        state.length = state.length.max(position + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.content.state.lock().length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.content.state.lock();
        if length == state.length {
            return Ok(());
        }
        state.changed = true;
        if length < state.length {
            state.visible = state.visible.min(length);
            state.pages.retain(|number, _| number * PAGE < length);
            if let Some(page) = state.pages.get_mut(&(length / PAGE)) {
                page[(length % PAGE) as usize..].fill(0);
            }
        }
        state.length = length;
        Ok(())
    }
}

/// The store's own lock is held by whoever made the overlay.
struct Nothing;
impl FileLock for Nothing {}

impl FileLayer for Overlay {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let content = match (self.find(path)?, mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(content), _) => content,
            (None, OpenMode::CreateNew | OpenMode::OpenOrCreate) => {
                let content = Arc::new(Content::empty());
                self.put(path, Some(Arc::clone(&content)));
                content
            }
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(Handle {
            content,
            writable: mode != OpenMode::Read,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let content = self.find(from)?.ok_or(io::ErrorKind::NotFound)?;
        self.put(to, Some(content));
        self.put(from, None);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.find(path)?.ok_or(io::ErrorKind::NotFound)?;
        self.put(path, None);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut found = match self.0.base.list(dir) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let names = self.0.names.lock();
        found.retain(|name| !matches!(names.get(&dir.join(name)), Some(None)));
        for (path, content) in names.iter() {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            if let (Some(name), true) = (name, content.is_some() && path.parent() == Some(dir))
                && !found.contains(&name)
            {
                found.push(name);
            }
        }
        Ok(found)
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        Ok(Some(Box::new(Nothing)))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(u64::MAX / 2)
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.0.base.random(bytes)
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let content = self.find(path)?.ok_or(io::ErrorKind::NotFound)?;
        if let Some((below, _)) = &content.base
            && !content.state.lock().changed
        {
            return self.0.base.map(below);
        }
        let bytes = self.read_file(path)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(Mapped::copy_of(bytes))
    }
}

/// A layer whose lock is held already, for the parts of the store that would take it themselves.
pub(crate) struct Locked(pub(crate) Arc<dyn FileLayer>);

impl FilesOver for Locked {
    fn below(&self) -> &dyn FileLayer {
        &*self.0
    }
    fn lock_over(&self, _path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        Ok(Some(Box::new(Nothing)))
    }
}
