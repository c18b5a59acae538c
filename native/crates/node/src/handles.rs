//! What the process holds for JavaScript, by number: every thread of Node.js can name it, and nothing else crosses over.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// Things of one kind. A number is never given twice, and 0 is none.
pub struct Handles<T>(Mutex<Held<T>>);

struct Held<T> {
    last: u32,
    things: BTreeMap<u32, T>,
}

impl<T> Handles<T> {
    /// None yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Held {
            last: 0,
            things: BTreeMap::new(),
        }))
    }

    /// Holds a thing; its number.
    pub fn put(&self, thing: T) -> u32 {
        let mut held = self.0.lock();
        held.last += 1;
        let number = held.last;
        held.things.insert(number, thing);
        number
    }

    /// The thing of a number.
    pub fn get(&self, number: u32) -> Option<T>
    where
        T: Clone,
    {
        self.0.lock().things.get(&number).cloned()
    }

    /// Does something with the thing of a number, while nobody else gets at any of them.
    pub fn with<R>(&self, number: u32, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.lock().things.get_mut(&number).map(body)
    }

    /// Lets go of a thing. It is dropped by the caller, for that may take its time.
    pub fn take(&self, number: u32) -> Option<T> {
        self.0.lock().things.remove(&number)
    }

    /// Lets go of what is not to be kept.
    pub fn retain(&self, keep: impl Fn(&T) -> bool) {
        self.0.lock().things.retain(|_, thing| keep(thing));
    }
}
