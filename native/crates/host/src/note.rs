//! Checkpoint notes: what a replica signs, and how (C1–C3, C8).

use std::fmt::Write as _;

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

use crate::base64;

/// Signature type of cosignatures (C3).
const TYPE_COSIGNATURE: u8 = 0x04;
/// Signature type of plain Ed25519 (C8).
const TYPE_ED25519: u8 = 0x01;

/// A key with the name under which it signs.
pub struct NamedKey {
    name: String,
    key: SigningKey,
    /// First bytes of SHA-256(name ‖ LF ‖ type ‖ public key).
    id: [u8; 4],
}

impl NamedKey {
    /// This replica's cosigning key.
    #[must_use]
    pub fn cosigner(name: &str, seed: &[u8; 32]) -> Self {
        Self::new(name, seed, TYPE_COSIGNATURE)
    }

    /// The log key of a SHA-256 tree; its name is the tree's origin (C8).
    #[must_use]
    pub fn log(origin: &str, seed: &[u8; 32]) -> Self {
        Self::new(&format!("{origin}/sha256"), seed, TYPE_ED25519)
    }

    fn new(name: &str, seed: &[u8; 32], kind: u8) -> Self {
        let key = SigningKey::from_bytes(seed);
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([0x0A, kind])
            .chain_update(key.verifying_key().as_bytes())
            .finalize();
        Self {
            name: name.to_owned(),
            key,
            id: [digest[0], digest[1], digest[2], digest[3]],
        }
    }

    fn line(&self, parts: &[&[u8]]) -> String {
        let bytes = [&[&self.id[..]], parts].concat().concat();
        format!("\n\u{2014} {} {}\n", self.name, base64::encode(&bytes))
    }
}

/// What a checkpoint says (C1).
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// The partition's origin (I4).
    pub origin: &'a str,
    /// Records covered.
    pub size: u64,
    /// BLAKE3 root.
    pub root: &'a [u8; 32],
    /// Root of the SHA-256 tree, when there is one.
    pub sha256_root: Option<&'a [u8; 32]>,
    /// Term.
    pub epoch: u32,
    /// Unix milliseconds.
    pub time_ms: u64,
}

impl Body<'_> {
    /// The note with this replica's timestamped cosignature (C3).
    #[must_use]
    pub fn cosign(&self, key: &NamedKey) -> String {
        let mut body = format!(
            "{}\n{}\n{}\nepoch {}\ntime {}\n",
            self.origin,
            self.size,
            base64::encode(self.root),
            self.epoch,
            self.time_ms
        );
        if let Some(root) = self.sha256_root {
            let _ = writeln!(body, "sha256 {}", base64::encode(root));
        }
        let seconds = self.time_ms / 1_000;
        let message = format!("cosignature/v1\ntime {seconds}\n{body}");
        let signature = key.key.sign(message.as_bytes()).to_bytes();
        body + &key.line(&[&seconds.to_be_bytes(), &signature])
    }

    /// The SHA-256 tree's own note, for C2SP readers (C8); `None` when there is no such tree.
    #[must_use]
    pub fn sign_sha256(&self, key: &NamedKey) -> Option<String> {
        let root = base64::encode(self.sha256_root?);
        let body = format!("{}/sha256\n{}\n{root}\n", self.origin, self.size);
        let signature = key.key.sign(body.as_bytes()).to_bytes();
        Some(body + &key.line(&[&signature]))
    }
}
