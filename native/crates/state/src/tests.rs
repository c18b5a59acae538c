//! Histories against a naive model, proofs against everything that is not one, and what forks leave behind.

mod history;
mod proofs;

use std::collections::BTreeMap;

use crate::changes::{Change, Changes};
use crate::hash::{Hash, bit, empty_root, leaf_hash, node_hash};

/// Path and value hash of each key.
type Model = BTreeMap<Hash, Hash>;

/// The root as U2 and U3 define it, from nothing.
fn naive_root(leaves: &[(Hash, Hash)], depth: usize) -> Hash {
    match leaves {
        [] => empty_root(),
        [(path, value)] => leaf_hash(path, value),
        _ => {
            let side = |right: bool| -> Vec<(Hash, Hash)> {
                let on_side = leaves.iter().filter(|(path, _)| bit(path, depth) == right);
                on_side.copied().collect()
            };
            node_hash(
                &naive_root(&side(false), depth + 1),
                &naive_root(&side(true), depth + 1),
            )
        }
    }
}

fn root_of(model: &Model) -> Hash {
    let leaves: Vec<(Hash, Hash)> = model.iter().map(|(path, value)| (*path, *value)).collect();
    naive_root(&leaves, 0)
}

fn changed(mut model: Model, changes: &[Change]) -> Model {
    for change in changes {
        match change.value {
            Some(value) => model.insert(change.path, value),
            None => model.remove(&change.path),
        };
    }
    model
}

fn changes(list: &[Change]) -> Changes {
    Changes::of_hashed(list)
}

/// Paths that share long prefixes: a hash function would not give them before the sun is cold.
fn crowded_path(number: u8) -> Hash {
    let mut path = [0xa5; 32];
    let index = usize::from(number) * 11 % 256;
    path[index / 8] ^= 0x80 >> (index % 8);
    if number.is_multiple_of(3) {
        path[31] ^= 1;
    }
    path
}
