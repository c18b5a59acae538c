//! What a sidecar is made of, written at once.

use std::io::Write;
use std::path::Path;

use pyralog_log::FileLayer;

use crate::SegmentError;
use crate::index::Made;
use crate::meta::SegmentMeta;
use crate::side::{HEAD_BYTES, MAGIC, SECTIONS, Sparse, VERSION};
use crate::sink::Sink;

/// What a sidecar is made of.
pub struct Contents {
    pub crcs: Vec<u32>,
    pub sparse: Vec<Sparse>,
    pub keys: Made,
    pub values: Made,
}

impl Contents {
    fn sections(&self) -> [Vec<u8>; 2] {
        let crcs = self.crcs.iter().flat_map(|crc| crc.to_le_bytes()).collect();
        let words = |entry: &Sparse| [entry.offset, entry.timestamp, entry.id];
        let sparse = self.sparse.iter().flat_map(words);
        [crcs, sparse.flat_map(u64::to_le_bytes).collect()]
    }

    /// Writes the sidecar under its temporary name. Sets `meta.side_bytes`.
    pub fn write(
        &self,
        files: &dyn FileLayer,
        path: &Path,
        meta: &mut SegmentMeta,
    ) -> Result<(), SegmentError> {
        let [crcs, sparse] = self.sections();
        let (keys, values) = (&self.keys, &self.values);
        let sections: [&[u8]; SECTIONS] = [
            &crcs,
            &sparse,
            &keys.fingerprints,
            &keys.pilots,
            &keys.rows,
            &keys.lists,
            &values.fingerprints,
            &values.pilots,
            &values.rows,
            &values.lists,
        ];
        let padded = |section: &&[u8]| section.len().next_multiple_of(8);
        meta.side_bytes = (HEAD_BYTES + sections.iter().map(padded).sum::<usize>()) as u64;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(MAGIC);
        head.extend(VERSION.to_le_bytes());
        head.extend([0; 4]);
        head.extend(meta.encode());
        head.extend(keys.head);
        head.extend(values.head);
        for section in sections {
            head.extend((section.len() as u64).to_le_bytes());
            head.extend(crc32c::crc32c(section).to_le_bytes());
            head.extend([0; 4]);
        }
        head.extend(crc32c::crc32c(&head).to_le_bytes());
        head.extend([0; 4]);
        let mut sink = Sink::create(files, path)?;
        let mut write = || {
            sink.write_all(&head)?;
            sections.iter().try_for_each(|section| {
                sink.write_all(section)?;
                sink.write_all(&[0; 8][..padded(section) - section.len()])
            })
        };
        write().map_err(SegmentError::io("write", path))?;
        sink.seal()?;
        Ok(())
    }
}
