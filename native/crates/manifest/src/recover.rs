//! What the bytes of a manifest say, and where they stop saying it (Y4). Pure: the file is read, never changed.

use std::path::Path;
use std::sync::Arc;

use pyralog_types::SAFE_INTEGER_MAX;

use crate::edit::decode_edits;
use crate::error::ManifestError;
use crate::frame::{
    ALIGN, FIRST_FRAME, FileHeader, FrameHeader, FrameKind, HEADER_BYTES, HeaderFault, frame_bytes,
};
use crate::grave::Graveyard;
use crate::mutant::{Mutant, on};
use crate::version::Version;

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) header: FileHeader,
    pub(crate) version: Version,
    /// Next number of a file.
    pub(crate) next_file: u64,
    /// Where the last frame begins, and where the next one will.
    pub(crate) last: usize,
    pub(crate) tail: usize,
    /// End of the snapshot.
    pub(crate) snapshot_end: usize,
    /// Whether a marker says that everything before the tail was synced.
    pub(crate) marked: bool,
    /// Bytes of a torn tail, from the first to the last that is not zero.
    pub(crate) torn: usize,
}

struct Walk<'a> {
    file: &'a Path,
    bytes: &'a [u8],
    header: FileHeader,
    graveyard: &'a Arc<Graveyard>,
}

/// Reads a manifest.
///
/// # Errors
/// [`ManifestError::Corrupt`] for damage anywhere but in a tail that was never synced, [`ManifestError::Format`] for a file that
/// is not this store's or this version's.
pub(crate) fn recover(
    file: &Path,
    bytes: &[u8],
    graveyard: &Arc<Graveyard>,
) -> Result<Recovered, ManifestError> {
    let header = FileHeader::decode(bytes).map_err(|fault| match fault {
        HeaderFault::Version(version) => ManifestError::Format {
            file: file.to_path_buf(),
            detail: format!("format {version} was written by a newer version; use that one"),
        },
        HeaderFault::Damaged(how) => corrupt(file, 0, format!("the header {how}")),
    })?;
    let walk = Walk {
        file,
        bytes,
        header,
        graveyard,
    };
    let mut recovered = walk.snapshot()?;
    while walk.edits(&mut recovered)? {}
    walk.end(&mut recovered)?;
    Ok(recovered)
}

fn corrupt(file: &Path, position: usize, detail: String) -> ManifestError {
    ManifestError::Corrupt {
        file: file.to_path_buf(),
        position: position as u64,
        detail,
    }
}

impl Walk<'_> {
    fn from(&self, position: usize) -> &[u8] {
        self.bytes.get(position..).unwrap_or_default()
    }

    fn snapshot(&self) -> Result<Recovered, ManifestError> {
        let fail = |detail: String| corrupt(self.file, FIRST_FRAME, detail);
        let (frame, payload) = match self.header.frame_of(self.from(FIRST_FRAME)) {
            Some((frame, payload)) if frame.kind == FrameKind::Snapshot => (frame, payload),
            _ => return Err(fail("the snapshot fails its checksum".into())),
        };
        let (mut version, next_file) = Version::decode(payload, self.graveyard)
            .map_err(|fault| fail(format!("a snapshot that {fault}")))?;
        if frame.number == 0 || frame.number > SAFE_INTEGER_MAX {
            return Err(fail(format!("no version has the number {}", frame.number)));
        }
        version.number = frame.number;
        let tail = FIRST_FRAME + frame_bytes(payload.len());
        Ok(Recovered {
            header: self.header,
            version,
            next_file,
            last: FIRST_FRAME,
            tail,
            snapshot_end: tail,
            marked: false,
            torn: 0,
        })
    }

    /// Applies the commit at the tail; `false` when there is none.
    fn edits(&self, recovered: &mut Recovered) -> Result<bool, ManifestError> {
        let at = recovered.tail;
        let next = recovered.version.number + 1;
        let (number, payload) = match self.header.frame_of(self.from(at)) {
            Some((frame, payload)) if frame.kind == FrameKind::Edits => (frame.number, payload),
            _ => return Ok(false),
        };
        if number != next {
            return Err(corrupt(
                self.file,
                at,
                format!("version {number} stands where {next} belongs"),
            ));
        }
        let edits = decode_edits(payload)
            .map_err(|fault| corrupt(self.file, at, format!("an edit that {fault}")))?;
        for edit in &edits {
            recovered
                .version
                .apply(edit, self.graveyard)
                .map_err(|error| {
                    corrupt(self.file, at, format!("an edit does not fit: {error}"))
                })?;
            recovered.next_file = recovered.next_file.max(edit.numbers_end());
        }
        recovered.version.number = number;
        recovered.last = at;
        recovered.tail = at + frame_bytes(payload.len());
        Ok(true)
    }

    /// Tells a torn tail from damage: what was synced is followed by frames or markers that were written after it.
    fn end(&self, recovered: &mut Recovered) -> Result<(), ManifestError> {
        let tail = recovered.tail;
        let next = recovered.version.number + 1;
        let here = self
            .header
            .frame_of(self.from(tail))
            .map(|(frame, _)| frame);
        recovered.marked =
            here.is_some_and(|frame| frame.kind == FrameKind::Marker && frame.number == next);
        if here.is_some() && !recovered.marked {
            return Err(corrupt(
                self.file,
                tail,
                "a frame stands where it does not belong".into(),
            ));
        }
        if let Some((at, frame)) = self.frame_behind(tail) {
            let detail = format!(
                "version {next} cannot be read, though version {} stands at byte {at}: what is between them was synced",
                frame.number
            );
            return Err(corrupt(self.file, tail, detail));
        }
        let rest = if recovered.marked {
            tail + HEADER_BYTES
        } else {
            tail
        };
        let rest = self.from(rest);
        let last = rest.iter().rposition(|byte| *byte != 0);
        recovered.torn = last.map_or(0, |last| last + 1);
        Ok(())
    }

    /// A header of this file behind the place where the next frame belongs. Only headers are looked at: a later frame is
    /// written when the ones before it are synced, whatever became of its own payload.
    fn frame_behind(&self, tail: usize) -> Option<(usize, FrameHeader)> {
        if on(Mutant::NoSearch) {
            return None;
        }
        let mut at = tail + ALIGN;
        while at + HEADER_BYTES <= self.bytes.len() {
            if let Some(frame) = self.header.frame_header(&self.bytes[at..]) {
                return Some((at, frame));
            }
            at += ALIGN;
        }
        None
    }
}
