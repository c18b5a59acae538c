//! Integers at fixed places of packed bytes, little-endian.

/// The u32 at byte `at`.
///
/// # Panics
/// When the bytes end before: the caller has checked their length.
#[inline]
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

/// The u64 at byte `at`.
///
/// # Panics
/// See [`u32_at`].
#[inline]
#[must_use]
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
