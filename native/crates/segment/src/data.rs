//! The rows of a segment, whichever file they are in.

use std::borrow::Cow;
use std::ops::Range;

use crate::blocks::{Bad, Blocks};
use crate::cold::Cold;
use crate::hot::Hot;
use crate::schema::column;
use crate::window::Window;
use crate::{Kind, SegmentRow};

/// An open data file.
#[derive(Debug)]
pub enum Data {
    Hot(Box<Hot>),
    Cold(Box<Cold>),
}

/// Whether a row has the bytes that a lookup is for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    Key(&'a [u8]),
    NotaryValue(&'a [u8]),
}

impl Data {
    pub fn open(kind: Kind, blocks: Blocks) -> Result<Self, Bad> {
        match kind {
            Kind::Hot => Hot::open(blocks).map(|hot| Self::Hot(Box::new(hot))),
            Kind::Cold => Cold::open(blocks).map(|cold| Self::Cold(Box::new(cold))),
        }
    }

    pub fn rows(&self) -> usize {
        match self {
            Self::Hot(hot) => hot.layout.rows,
            Self::Cold(cold) => cold.rows,
        }
    }

    pub fn blocks(&self) -> &Blocks {
        match self {
            Self::Hot(hot) => &hot.blocks,
            Self::Cold(cold) => &cold.blocks,
        }
    }

    /// What a compacted segment's file says that it covers.
    pub fn covers(&self) -> Result<Option<Range<u64>>, &'static str> {
        match self {
            Self::Hot(hot) => Ok(hot.layout.covers.clone()),
            Self::Cold(cold) => cold.covers(),
        }
    }

    pub fn rows_of(&self, bytes: &Range<usize>) -> Range<usize> {
        match self {
            Self::Hot(hot) => hot.rows_of(bytes),
            Self::Cold(cold) => cold.rows_of(bytes),
        }
    }

    fn long(&self, column: usize, row: usize) -> Result<u64, Bad> {
        match self {
            Self::Hot(hot) => hot.long(column, row),
            Self::Cold(cold) => {
                let (group, place) = cold.group_of(row)?;
                Ok(group.long(column, place))
            }
        }
    }

    pub fn offset(&self, row: usize) -> Result<u64, Bad> {
        self.long(column::OFFSET, row)
    }

    pub fn timestamp(&self, row: usize) -> Result<u64, Bad> {
        self.long(column::TIMESTAMP, row)
    }

    pub fn id(&self, row: usize) -> Result<u64, Bad> {
        self.long(column::SCARAB_ID, row)
    }

    pub fn row(&self, row: usize) -> Result<SegmentRow<'_>, Bad> {
        match self {
            Self::Hot(hot) => hot.row(row),
            Self::Cold(cold) => {
                let (group, place) = cold.group_of(row)?;
                Ok(group.row(place))
            }
        }
    }

    /// Rows from here on that can be read together: not of cold segments, nor where anything is damaged.
    pub fn window(&self, first: usize) -> Option<Window<'_>> {
        match self {
            Self::Hot(hot) => Window::open(hot, first).ok(),
            Self::Cold(_) => None,
        }
    }

    pub fn leaf_hash(&self, row: usize) -> Result<[u8; 32], Bad> {
        match self {
            Self::Hot(hot) => hot.leaf_hash(row),
            Self::Cold(cold) => {
                let (group, place) = cold.group_of(row)?;
                Ok(group.leaf_hash(place))
            }
        }
    }

    pub fn leaf_hashes(&self, rows: Range<usize>) -> Result<Cow<'_, [[u8; 32]]>, Bad> {
        match self {
            Self::Hot(hot) => hot.leaf_hashes(rows).map(Cow::Borrowed),
            Self::Cold(cold) => cold.leaf_hashes(rows).map(Cow::Owned),
        }
    }

    /// Whether the row's value has no bytes.
    pub fn is_empty(&self, row: usize) -> Result<bool, Bad> {
        match self {
            Self::Hot(hot) => hot.value(row).map(<[u8]>::is_empty),
            Self::Cold(cold) => {
                let (group, place) = cold.group_of(row)?;
                Ok(group.value(place).is_empty())
            }
        }
    }

    /// Whether the row has these bytes.
    pub fn matches(&self, row: usize, wanted: Wanted<'_>) -> Result<bool, Bad> {
        match (self, wanted) {
            (Self::Hot(hot), Wanted::Key(key)) => Ok(hot.key(row)? == Some(key)),
            (Self::Hot(hot), Wanted::NotaryValue(value)) => {
                Ok(hot.schema_id(row)? == 1 && hot.value(row)? == value)
            }
            (Self::Cold(cold), wanted) => {
                let (group, place) = cold.group_of(row)?;
                Ok(match wanted {
                    Wanted::Key(key) => group.key(place) == Some(key),
                    Wanted::NotaryValue(value) => {
                        group.schema_id(place) == 1 && group.value(place) == value
                    }
                })
            }
        }
    }
}
