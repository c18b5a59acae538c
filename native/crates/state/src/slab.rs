//! Counted slots in chunks that never move: growing copies nothing, so no block pays for all the keys before it.

/// Slots of a chunk.
const CHUNK: usize = 4096;
/// End of the list of free slots.
const NONE: u32 = u32::MAX;
/// Slots a slab can number; the bit above tells leaves from inner nodes.
pub const SLOTS_MAX: usize = (1 << 31) - 1;

#[derive(Debug)]
struct Slot<T> {
    value: T,
    /// References while the slot is in use, the next free slot while it is not.
    refs: u32,
}

/// Values of one kind, each with a count of references.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Vec<Slot<T>>>,
    free: u32,
    live: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: NONE,
            live: 0,
        }
    }
}

impl<T> Slab<T> {
    /// Slots in use.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Memory of all slots, free ones included.
    pub fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Slot<T>>()
    }

    /// Keeps `value` with one reference. The caller has made sure that there is a number left for it.
    pub fn insert(&mut self, value: T) -> u32 {
        self.live += 1;
        if self.free != NONE {
            let at = self.free;
            let slot = self.slot_mut(at);
            let next = slot.refs;
            *slot = Slot { value, refs: 1 };
            self.free = next;
            return at;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.chunks.len() - 1;
        let last = &mut self.chunks[chunk];
        last.push(Slot { value, refs: 1 });
        (chunk * CHUNK + last.len() - 1) as u32
    }

    /// The value of a slot in use.
    pub fn get(&self, at: u32) -> &T {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK].value
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, at: u32) -> &mut T {
        &mut self.slot_mut(at).value
    }

    /// One more reference.
    pub fn retain(&mut self, at: u32) {
        self.slot_mut(at).refs += 1;
    }

    /// One reference less; whether it was the last, which frees the slot. Its value can be read until the next insert.
    pub fn release(&mut self, at: u32) -> bool {
        let free = self.free;
        let slot = self.slot_mut(at);
        slot.refs -= 1;
        if slot.refs > 0 {
            return false;
        }
        slot.refs = free;
        self.free = at;
        self.live -= 1;
        true
    }

    fn slot_mut(&mut self, at: u32) -> &mut Slot<T> {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }
}
