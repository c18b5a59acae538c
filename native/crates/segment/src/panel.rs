//! Filters of many segments side by side (H8): what one key needs of all of them stands together in memory.
//!
//! Filters of one shape look for a key's fingerprints at the same three places. Asked one after another, each waits for
//! memory three times; a panel has, place by place, the fingerprints of all its filters, so that three rows of it answer
//! for up to [`KeyPanel::COLUMNS_MAX`] segments at once. It says what the filters say, to the letter.

use crate::KeyFilter;
use crate::filter::Shape;

/// The low seven bits of each byte.
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Copies of filters of one shape, a column each.
#[derive(Debug)]
pub struct KeyPanel {
    shape: Shape,
    columns: usize,
    /// Of a row.
    words: usize,
    rows: Box<[u64]>,
}

impl KeyPanel {
    /// Filters that one panel holds.
    pub const COLUMNS_MAX: usize = 64;
    /// Filters that share a word of a row: memory is taken for so many at once.
    pub const WORD: usize = 8;

    /// Copies filters; `None` when they are none, too many, or not of one shape.
    #[must_use]
    pub fn of(filters: &[&KeyFilter]) -> Option<Self> {
        let shape = filters.first()?.shape()?;
        let same = filters.iter().all(|filter| filter.shape() == Some(shape));
        if !same || filters.len() > Self::COLUMNS_MAX {
            return None;
        }
        let columns = filters.iter().map(|filter| filter.fingerprints());
        let columns: Vec<&[u8]> = columns.collect::<Option<_>>()?;
        let words = columns.len().div_ceil(Self::WORD);
        let mut rows = vec![0; words * shape.len()].into_boxed_slice();
        for (word, columns) in columns.chunks(Self::WORD).enumerate() {
            // A row at a time, all columns of the word: they are read in order, each of its own lines of the cache.
            for (place, row) in rows.chunks_exact_mut(words).enumerate() {
                let mut bytes = [0; Self::WORD];
                for (byte, column) in bytes.iter_mut().zip(columns) {
                    *byte = column[place];
                }
                row[word] = u64::from_le_bytes(bytes);
            }
        }
        Some(Self {
            shape,
            columns: columns.len(),
            words,
            rows,
        })
    }

    /// Memory that a panel of so many filters of a shape takes, in bytes.
    #[must_use]
    pub fn bytes_of(shape: &Shape, columns: usize) -> usize {
        columns.div_ceil(Self::WORD) * Self::WORD * shape.len()
    }

    /// What its filters have in common.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.len() * Self::WORD
    }

    /// Which of its filters say that their segment may hold the key with this BLAKE3: a bit each, in order.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, key_hash: &[u8; 32]) -> u64 {
        let places = self.shape.places(key_hash);
        let [first, second, third] = places.at.map(|at| {
            let start = at * self.words;
            &self.rows[start..start + self.words]
        });
        let wanted = u64::from(places.fingerprint) * ONES;
        let mut may = 0;
        for (word, ((first, second), third)) in first.iter().zip(second).zip(third).enumerate() {
            let zero_where_same = first ^ second ^ third ^ wanted;
            // The top bit of each byte that is zero.
            let mut same = !(((zero_where_same & LOW) + LOW) | zero_where_same | LOW);
            while same != 0 {
                may |= 1 << (word * Self::WORD + same.trailing_zeros() as usize / 8);
                same &= same - 1;
            }
        }
        // Columns that fill up the last word stand for no filter.
        may & (u64::MAX >> (Self::COLUMNS_MAX - self.columns))
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    /// Key `number` of segment `segment`.
    fn hash(segment: usize, number: usize) -> [u8; 32] {
        *blake3::hash(&[segment.to_le_bytes(), number.to_le_bytes()].concat()).as_bytes()
    }

    fn filter(segment: usize, keys: usize) -> KeyFilter {
        KeyFilter::of((0..keys).map(|number| hash(segment, number)))
    }

    #[test]
    fn says_what_each_of_its_filters_says() {
        for (count, keys) in [
            (1, 300),
            (7, 1_000),
            (8, 40),
            (9, 2_000),
            (38, 100),
            (64, 30),
        ] {
            let shape = filter(0, keys).shape();
            // Now and then the keys of one need another seed.
            let segments = (0..).filter(|segment| filter(*segment, keys).shape() == shape);
            let segments: Vec<usize> = segments.take(count).collect();
            let filters = segments.iter().map(|segment| filter(*segment, keys));
            let (filters, shape): (Vec<KeyFilter>, _) = (filters.collect(), shape.unwrap());
            let panel = KeyPanel::of(&filters.iter().collect::<Vec<_>>()).unwrap();
            assert_eq!(panel.bytes(), KeyPanel::bytes_of(&shape, count));
            // Keys of every segment, and of some that there are not.
            for segment in 0..segments[count - 1] + 30 {
                for number in 0..keys.min(50) {
                    let hash = hash(segment, number);
                    let answers = filters.iter().map(|filter| filter.may_hold(&hash));
                    let expected = (0..).zip(answers).filter(|(_, yes)| *yes);
                    let expected = expected.fold(0_u64, |all, (at, _)| all | 1 << at);
                    assert_eq!(panel.may_hold(&hash), expected);
                    let column = segments.iter().position(|known| *known == segment);
                    assert!(column.is_none_or(|column| expected >> column & 1 == 1));
                }
            }
        }
    }

    #[test]
    fn holds_filters_of_one_shape_only_and_not_too_many() {
        let (small, large) = (filter(1, 1_000), filter(2, 100_000));
        assert!(KeyPanel::of(&[]).is_none());
        assert!(KeyPanel::of(&[&small, &large]).is_none());
        assert!(KeyPanel::of(&[&small; 65]).is_none());
        assert!(KeyPanel::of(&[&small; 64]).is_some());
    }
}
