//! Where the columns of an Arrow file are (H3), read from Arrow's own metadata with every length checked.

use std::ops::Range;

use arrow_ipc::{MetadataVersion, root_as_footer, root_as_message};

use crate::blocks::Bad;
use crate::schema::column;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Length of the footer and the magic behind it.
const TAIL_BYTES: usize = 10;
/// What stands before a message: a marker and its length.
const PREFIX_BYTES: usize = 8;
/// Buffers of each column, validity first.
const BUFFERS: [usize; 9] = [2, 2, 2, 2, 3, 3, 3, 2, 2];
/// Bytes of a value, for columns of fixed width.
const WIDTHS: [usize; 9] = [8, 4, 8, 8, 0, 0, 0, 4, 32];
/// Key of the footer's metadata that says what a compacted segment covers: two decimal numbers.
pub const COVERS_KEY: &str = "pyralog.covers";

/// A column of byte strings.
#[derive(Debug, Clone)]
pub struct Binary {
    /// Bitmap of rows that have a value; `None` when all do.
    pub present: Option<Range<usize>>,
    /// `rows + 1` offsets of 32 bits.
    pub offsets: Range<usize>,
    /// The strings, back to back.
    pub bytes: Range<usize>,
}

/// Places of everything in the file. Ranges lie within it and are long enough for the rows.
#[derive(Debug, Clone)]
pub struct Layout {
    pub rows: usize,
    /// The record batch's buffers.
    pub body: Range<usize>,
    /// Columns of fixed width, by column; empty for the others.
    pub fixed: [Range<usize>; 9],
    pub key: Binary,
    pub value: Binary,
    pub headers: Binary,
    /// What a compacted segment covers.
    pub covers: Option<Range<u64>>,
}

fn bad(range: Range<usize>, what: &str) -> Bad {
    Bad {
        range,
        what: what.to_owned(),
    }
}

impl Layout {
    /// Finds the columns in a file of `length` bytes that `read` gives pieces of.
    pub fn find<'a>(
        length: usize,
        read: impl Fn(Range<usize>) -> Result<&'a [u8], Bad>,
    ) -> Result<Self, Bad> {
        let whole = 0..length;
        let refused = |what: &str| bad(0..length, what);
        let start = length
            .checked_sub(TAIL_BYTES)
            .filter(|&start| start >= MAGIC.len())
            .ok_or_else(|| refused("it is too short for an Arrow file"))?;
        let tail = read(start..length)?;
        if read(0..MAGIC.len())? != MAGIC || tail[4..] != MAGIC[..] {
            return Err(refused("it is no Arrow file"));
        }
        let footer_bytes = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
        let footer_start = start
            .checked_sub(footer_bytes)
            .ok_or_else(|| refused("its footer is longer than the file"))?;
        let footer = root_as_footer(read(footer_start..start)?)
            .map_err(|_| refused("its footer cannot be read"))?;
        let blocks = footer.recordBatches();
        let block = blocks
            .filter(|blocks| blocks.len() == 1)
            .map(|blocks| *blocks.get(0));
        let block = block.ok_or_else(|| refused("it has not exactly one record batch"))?;
        let place = |number: i64| usize::try_from(number).ok();
        let message = place(block.offset()).zip(place(block.metaDataLength().into()));
        let (message, body) = message
            .and_then(|(at, length)| Some((at, at.checked_add(length)?)))
            .zip(place(block.bodyLength()))
            .and_then(|((at, body), length)| Some((at..body, body..body.checked_add(length)?)))
            .filter(|(message, body)| message.len() > PREFIX_BYTES && body.end <= footer_start)
            .ok_or_else(|| refused("its record batch lies outside of it"))?;
        let message = root_as_message(&read(message)?[PREFIX_BYTES..])
            .map_err(|_| refused("its record batch cannot be read"))?;
        let covers = covers(&footer).map_err(|what| bad(whole, what))?;
        Self::of(&message, body, covers).map_err(refused)
    }

    fn of(
        message: &arrow_ipc::Message<'_>,
        body: Range<usize>,
        covers: Option<Range<u64>>,
    ) -> Result<Self, &'static str> {
        const OTHER: &str = "its record batch has another shape";
        let batch = message.header_as_record_batch().ok_or(OTHER)?;
        if message.version() != MetadataVersion::V5 || batch.compression().is_some() {
            return Err(OTHER);
        }
        let (nodes, buffers) = batch.nodes().zip(batch.buffers()).ok_or(OTHER)?;
        let rows = usize::try_from(batch.length()).map_err(|_| OTHER)?;
        if nodes.len() != BUFFERS.len() || buffers.len() != BUFFERS.iter().sum::<usize>() {
            return Err(OTHER);
        }
        let mut pieces = buffers.iter().map(|buffer| {
            let start = body
                .start
                .checked_add(usize::try_from(buffer.offset()).ok()?)?;
            let end = start.checked_add(usize::try_from(buffer.length()).ok()?)?;
            (end <= body.end).then_some(start..end)
        });
        let mut next = |bytes: usize| {
            let piece = pieces
                .next()
                .flatten()
                .ok_or("a column lies outside of it")?;
            if piece.len() < bytes {
                return Err("a column is shorter than its rows");
            }
            Ok(piece)
        };
        let mut fixed: [Range<usize>; 9] = Default::default();
        let mut binary = Vec::with_capacity(3);
        for (number, node) in nodes.iter().enumerate() {
            if usize::try_from(node.length()) != Ok(rows) {
                return Err("a column has another number of rows");
            }
            let nulls = node.null_count() != 0;
            let bitmap = next(if nulls { rows.div_ceil(8) } else { 0 })?;
            let nullable = number == column::KEY || number == column::HEADERS;
            if nulls && !nullable {
                return Err("a column has gaps that must not have any");
            }
            if WIDTHS[number] > 0 {
                let length = rows.checked_mul(WIDTHS[number]).ok_or(OTHER)?;
                let piece = next(length)?;
                fixed[number] = piece.start..piece.start + length;
            } else {
                let length = rows.checked_add(1).and_then(|count| count.checked_mul(4));
                binary.push(Binary {
                    present: nulls.then_some(bitmap),
                    offsets: next(length.ok_or(OTHER)?)?,
                    bytes: next(0)?,
                });
            }
        }
        let [key, value, headers] = <[Binary; 3]>::try_from(binary).map_err(|_| OTHER)?;
        Ok(Self {
            rows,
            body,
            fixed,
            key,
            value,
            headers,
            covers,
        })
    }
}

fn covers(footer: &arrow_ipc::Footer<'_>) -> Result<Option<Range<u64>>, &'static str> {
    let entries = footer.custom_metadata();
    let mut entries = entries.iter().flat_map(IntoIterator::into_iter);
    let value = entries.find(|entry| entry.key() == Some(COVERS_KEY));
    value
        .map(|entry| parse_covers(entry.value().unwrap_or_default()))
        .transpose()
}

/// `100 200`: the first offset and the first one behind.
pub fn parse_covers(text: &str) -> Result<Range<u64>, &'static str> {
    let numbers = text.split_once(' ').and_then(|(start, end)| {
        let range = start.parse::<u64>().ok()?..end.parse().ok()?;
        (covers_text(&range) == text && range.start < range.end).then_some(range)
    });
    numbers.ok_or("what it covers is not said in two numbers")
}

/// The other direction.
pub fn covers_text(range: &Range<u64>) -> String {
    format!("{} {}", range.start, range.end)
}
