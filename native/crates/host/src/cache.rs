//! Open files, so that a read need not open them: bounded, and without those that nobody names any more.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;

/// Opened things by the number of their files. What is taken out is closed when its last user is done with it.
pub(crate) struct Cache<T> {
    inner: Mutex<Inner<T>>,
    max: usize,
}

struct Inner<T> {
    /// With the time of their last use.
    open: HashMap<u64, (T, u64)>,
    /// Uses so far.
    time: u64,
}

impl<T: Clone> Cache<T> {
    /// Keeps at most so many open, at least 1.
    pub fn new(max: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                open: HashMap::new(),
                time: 0,
            }),
            max: max.max(1),
        }
    }

    pub fn get(&self, number: u64) -> Option<T> {
        let mut inner = self.inner.lock();
        inner.time += 1;
        let now = inner.time;
        let (open, used) = inner.open.get_mut(&number)?;
        *used = now;
        Some(open.clone())
    }

    /// When it is full, the quarter that was not used for longest goes.
    pub fn insert(&self, number: u64, opened: T) {
        let mut inner = self.inner.lock();
        inner.time += 1;
        let now = inner.time;
        inner.open.insert(number, (opened, now));
        if inner.open.len() > self.max {
            let mut uses: Vec<u64> = inner.open.values().map(|(_, used)| *used).collect();
            let (_, oldest, _) = uses.select_nth_unstable(self.max / 4);
            let oldest = *oldest;
            inner.open.retain(|_, (_, used)| *used > oldest);
        }
    }

    /// Lets go of all but these numbers.
    pub fn keep(&self, numbers: &BTreeSet<u64>) {
        let mut inner = self.inner.lock();
        inner.open.retain(|number, _| numbers.contains(number));
    }

    pub fn len(&self) -> usize {
        self.inner.lock().open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let cache = Cache::new(8);
        for number in 0..1_000 {
            cache.insert(number, number);
            assert_eq!(cache.get(0), Some(0), "it is used all the time");
            assert!(cache.len() <= 8);
        }
        assert_eq!(cache.get(999), Some(999));
        assert_eq!(cache.get(500), None);
        cache.keep(&BTreeSet::from([999, 7]));
        assert_eq!((cache.len(), cache.get(0)), (1, None));
        let one = Cache::new(0);
        one.insert(1, 1);
        one.insert(2, 2);
        assert!(one.len() <= 1);
    }
}
