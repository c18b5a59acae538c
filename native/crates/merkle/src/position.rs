//! Where a subtree's hash stands in the node file (M5). Pure arithmetic, apart so that it can be read alone.

/// Hashes that a tree of `size` leaves fills.
#[must_use]
pub const fn nodes_of(size: u64) -> u64 {
    2 * size - size.count_ones() as u64
}

/// Position of the root of the complete subtree of `height` whose leaves begin at `index << height`.
#[must_use]
pub const fn position(height: u32, index: u64) -> u64 {
    let last = ((index + 1) << height) - 1;
    nodes_of(last) + height as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_order_leaves_no_gap() {
        let mut next = 0;
        for leaf in 0_u64..2_000 {
            for height in 0..=leaf.trailing_ones() {
                assert_eq!(position(height, leaf >> height), next);
                next += 1;
            }
            assert_eq!(nodes_of(leaf + 1), next);
        }
    }
}
