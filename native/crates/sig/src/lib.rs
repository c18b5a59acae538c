//! Strict Ed25519 (docs/spec/checkpoint.md C5) and BLAKE3 over packed items.
//!
//! Each signature is checked by itself: consensus needs the same verdict on every machine, and a randomised batch equation
//! gives keys with a torsion component one verdict here and another there.
//!
//! ```
//! use pyralog_sig::{public_key, sign, verify};
//!
//! let seed = [7; 32];
//! let signature = sign(&seed, b"vote");
//! assert!(verify(&public_key(&seed), &signature, b"vote"));
//! assert!(!verify(&public_key(&seed), &signature, b"note"));
//! ```

mod ed25519;
mod error;
mod hashing;
mod packed;

pub use ed25519::{public_key, sign, verify};
pub use error::SigError;
pub use hashing::{derived, derived_many, keyed, keyed_many, plain};
pub use packed::{check_packed, verify_packed};
