//! Whether what clients saw of one key is possible: some order of all operations fits both their times and their results
//! (Wing and Gong's search with Lowe's memory of what was tried).

use std::collections::HashSet;

/// What an operation does to its key and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sets a value of its own; saw the value before, if it was answered.
    Swap { to: u32, before: Option<u32> },
    /// Saw a value.
    Get(u32),
}

/// An operation of a client; `end` is `u64::MAX` when it was never answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub start: u64,
    pub end: u64,
    pub kind: Kind,
}

/// # Errors
/// Says at which value the search got stuck at the latest.
pub(super) fn linear(operations: &[Operation]) -> Result<(), String> {
    let mut search = Search {
        operations,
        done: vec![false; operations.len()],
        open: operations.iter().filter(|one| one.end != u64::MAX).count(),
        tried: HashSet::new(),
        far: (usize::MAX, 0),
    };
    if search.go(0) {
        return Ok(());
    }
    let (left, value) = search.far;
    Err(format!(
        "no order explains what was seen: {left} of {} operations are left behind value {value}: {:?}",
        operations.len(),
        operations
    ))
}

struct Search<'a> {
    operations: &'a [Operation],
    done: Vec<bool>,
    /// Answered operations that have no place yet.
    open: usize,
    tried: HashSet<(Vec<bool>, u32)>,
    far: (usize, u32),
}

impl Search<'_> {
    fn go(&mut self, value: u32) -> bool {
        if self.open < self.far.0 {
            self.far = (self.open, value);
        }
        if self.open == 0 {
            return true;
        }
        if !self.tried.insert((self.done.clone(), value)) {
            return false;
        }
        // The next one began before any that has no place yet ended.
        let waiting = |at: &usize| !self.done[*at];
        let bound = (0..self.operations.len())
            .filter(waiting)
            .map(|at| self.operations[at].end)
            .min()
            .unwrap_or(u64::MAX);
        let next: Vec<usize> = (0..self.operations.len())
            .filter(waiting)
            .filter(|at| self.operations[*at].start <= bound)
            .collect();
        for at in next {
            let one = self.operations[at];
            let after = match one.kind {
                Kind::Swap { to, before } if before.is_none_or(|before| before == value) => to,
                Kind::Get(seen) if seen == value => value,
                _ => continue,
            };
            let answered = usize::from(one.end != u64::MAX);
            self.done[at] = true;
            self.open -= answered;
            if self.go(after) {
                return true;
            }
            self.open += answered;
            self.done[at] = false;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swap(start: u64, end: u64, to: u32, before: u32) -> Operation {
        let before = Some(before);
        let kind = Kind::Swap { to, before };
        Operation { start, end, kind }
    }

    fn get(start: u64, end: u64, seen: u32) -> Operation {
        let kind = Kind::Get(seen);
        Operation { start, end, kind }
    }

    #[test]
    fn what_fits_passes_and_what_does_not_is_found() {
        assert!(linear(&[swap(0, 5, 1, 0), get(6, 7, 1)]).is_ok());
        assert!(linear(&[swap(0, 5, 1, 0), get(1, 2, 0), get(3, 4, 1)]).is_ok());
        assert!(linear(&[swap(0, 5, 1, 0), get(1, 2, 1), get(3, 4, 0)]).is_err());
        assert!(linear(&[swap(0, 5, 1, 0), get(6, 7, 0)]).is_err());
        assert!(linear(&[swap(0, 5, 1, 0), swap(6, 7, 2, 0)]).is_err());
        let lost = Operation {
            start: 0,
            end: u64::MAX,
            kind: Kind::Swap {
                to: 9,
                before: None,
            },
        };
        assert!(linear(&[lost, get(3, 4, 0), get(5, 6, 9), get(7, 8, 9)]).is_ok());
        assert!(linear(&[lost, get(3, 4, 9), get(5, 6, 0)]).is_err());
    }
}
