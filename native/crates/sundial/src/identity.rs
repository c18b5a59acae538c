//! Who is meant: a member in one of its lives (SD2).

use foca::Identity;

use crate::mutant::{Mutant, on};

/// A node's number and which of its lives this is. In a later life it is somebody else, who was never dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub number: u16,
    /// Rises from life to life.
    pub life: u64,
}

impl Identity for Node {
    type Addr = u16;

    /// Who hears that it is dead goes on in a new life.
    fn renew(&self) -> Option<Self> {
        if on(Mutant::StayDead) {
            return None;
        }
        let life = self.life.checked_add(1)?;
        Some(Self { life, ..*self })
    }

    fn addr(&self) -> u16 {
        self.number
    }

    fn win_addr_conflict(&self, other: &Self) -> bool {
        self.life > other.life
    }
}
