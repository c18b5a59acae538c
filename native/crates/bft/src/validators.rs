//! The validator set and whose turn it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_malachitebft_core_types as core;
use ed25519_dalek::VerifyingKey;

use crate::context::{Address, Pos};
use crate::error::BftError;

/// Most validators of a set (P1).
pub const VALIDATORS_MAX: usize = 1_024;

/// Greatest power of a whole set (P1): three times it stays below 2^62.
pub const POWER_MAX: u64 = 1 << 60;

/// 2^64 divided by the golden ratio: its multiples spread most evenly (P3).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A validator, its key ready for verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    address: Address,
    key: VerifyingKey,
    power: u64,
}

impl core::Validator<Pos> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &VerifyingKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

impl Validator {
    /// Its power.
    #[must_use]
    pub fn power(&self) -> u64 {
        self.power
    }

    /// Its vote key in bytes.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// Its vote key.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Set {
    /// In the order of the set.
    list: Vec<Validator>,
    /// Cumulative power, this validator included.
    until: Vec<u64>,
    index: BTreeMap<Address, usize>,
    total: u64,
}

/// A validator set in its order (P1). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators(Arc<Set>);

impl Validators {
    /// A set of keys and powers given in any order.
    ///
    /// # Errors
    /// [`BftError::Validators`].
    pub fn new(members: &[([u8; 32], u64)]) -> Result<Self, BftError> {
        let refuse = |problem| Err(BftError::Validators(problem));
        if members.is_empty() || members.len() > VALIDATORS_MAX {
            return refuse("it has 1 to 1,024 validators");
        }
        let mut list = members
            .iter()
            .map(|(key, power)| validator(key, *power))
            .collect::<Result<Vec<_>, _>>()?;
        list.sort_by(|a, b| b.power.cmp(&a.power).then(a.address.cmp(&b.address)));
        let mut total = 0_u64;
        let mut until = Vec::with_capacity(list.len());
        let mut index = BTreeMap::new();
        for (place, validator) in list.iter().enumerate() {
            total = total.saturating_add(validator.power);
            until.push(total);
            if index.insert(validator.address, place).is_some() {
                return refuse("two validators have one key");
            }
        }
        if total > POWER_MAX {
            return refuse("the power in all is above 2^60");
        }
        Ok(Self(Arc::new(Set {
            list,
            until,
            index,
            total,
        })))
    }

    /// In the order of the set.
    #[must_use]
    pub fn list(&self) -> &[Validator] {
        &self.0.list
    }

    /// Power of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Place in the order.
    #[must_use]
    pub fn place(&self, address: &Address) -> Option<usize> {
        self.0.index.get(address).copied()
    }

    /// The validator of a key.
    #[must_use]
    pub fn find(&self, address: &Address) -> Option<&Validator> {
        self.place(address).map(|place| &self.0.list[place])
    }

    /// Whether `power` is more than two thirds (P2).
    #[must_use]
    pub fn quorum(&self, power: u64) -> bool {
        u128::from(power) * 3 > u128::from(self.0.total) * 2
    }

    /// Whether `power` is more than one third (P2).
    #[must_use]
    pub fn honest_part(&self, power: u64) -> bool {
        u128::from(power) * 3 > u128::from(self.0.total)
    }

    /// Whose turn it is (P3).
    #[must_use]
    pub fn proposer(&self, height: u64, round: u32) -> &Validator {
        let x = height.wrapping_add(u64::from(round)).wrapping_mul(GOLDEN);
        let slot = (u128::from(x) * u128::from(self.0.total)) >> 64;
        let place = self
            .0
            .until
            .partition_point(|until| u128::from(*until) <= slot);
        &self.0.list[place]
    }
}

impl core::ValidatorSet<Pos> for Validators {
    fn count(&self) -> usize {
        self.0.list.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.total
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.find(address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.0.list.get(index)
    }
}

fn validator(bytes: &[u8; 32], power: u64) -> Result<Validator, BftError> {
    if power == 0 {
        return Err(BftError::Validators("a validator has no power"));
    }
    let key = VerifyingKey::from_bytes(bytes).ok();
    let key = key.filter(|key| !key.is_weak() && canonical_point(bytes));
    let key = key.ok_or(BftError::Validators("a key could never verify"))?;
    let address = Address(*bytes);
    Ok(Validator {
        address,
        key,
        power,
    })
}

/// Whether a compressed point has its one encoding: y below 2^255 − 19 (C5).
pub fn canonical_point(bytes: &[u8; 32]) -> bool {
    let high = bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|byte| *byte == 0xff);
    !(high && bytes[0] >= 0xed)
}
