//! Checkpoint notes: what a replica signs, and how (C1–C3, C8).

use std::fmt::Write as _;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::base64;

/// Signature type of cosignatures (C3).
const TYPE_COSIGNATURE: u8 = 0x04;
/// Signature type of plain Ed25519 (C8).
const TYPE_ED25519: u8 = 0x01;

/// A public key with the name under which it signs.
#[derive(Clone)]
pub struct NamedVerifier {
    name: String,
    key: VerifyingKey,
    /// First bytes of SHA-256(name ‖ LF ‖ type ‖ public key).
    id: [u8; 4],
}

/// A key with the name under which it signs.
pub struct NamedKey {
    key: SigningKey,
    public: NamedVerifier,
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
        let public = NamedVerifier::new(name, key.verifying_key(), kind);
        Self { key, public }
    }

    /// Its public half.
    #[must_use]
    pub fn verifier(&self) -> &NamedVerifier {
        &self.public
    }
}

impl NamedVerifier {
    /// Another replica's cosigning key.
    #[must_use]
    pub fn cosigner(name: &str, key: VerifyingKey) -> Self {
        Self::new(name, key, TYPE_COSIGNATURE)
    }

    fn new(name: &str, key: VerifyingKey, kind: u8) -> Self {
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([0x0A, kind])
            .chain_update(key.as_bytes())
            .finalize();
        Self {
            name: name.to_owned(),
            key,
            id: [digest[0], digest[1], digest[2], digest[3]],
        }
    }

    /// A signature line of a note (C2).
    fn line(&self, parts: &[&[u8]]) -> String {
        let bytes = [&[&self.id[..]], parts].concat().concat();
        format!("\u{2014} {} {}\n", self.name, base64::encode(&bytes))
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
        let signature = self.signature(key);
        self.note([(&key.public, &signature)])
    }

    /// A replica's timestamped cosignature, without its line (C3).
    #[must_use]
    pub fn signature(&self, key: &NamedKey) -> [u8; 64] {
        key.key.sign(self.message().as_bytes()).to_bytes()
    }

    /// Whether a cosignature is one of this key.
    #[must_use]
    pub fn is_signed_by(&self, by: &NamedVerifier, signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        by.key
            .verify_strict(self.message().as_bytes(), &signature)
            .is_ok()
    }

    /// The note with these cosignatures.
    #[must_use]
    pub fn note<'s>(
        &self,
        signatures: impl IntoIterator<Item = (&'s NamedVerifier, &'s [u8; 64])>,
    ) -> String {
        let seconds = self.seconds().to_be_bytes();
        let mut note = self.text() + "\n";
        for (signer, signature) in signatures {
            note += &signer.line(&[&seconds, signature]);
        }
        note
    }

    fn seconds(&self) -> u64 {
        self.time_ms / 1_000
    }

    /// What a cosignature is over (C3).
    fn message(&self) -> String {
        format!("cosignature/v1\ntime {}\n{}", self.seconds(), self.text())
    }

    fn text(&self) -> String {
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
        body
    }

    /// The SHA-256 tree's own note, for C2SP readers (C8); `None` when there is no such tree.
    #[must_use]
    pub fn sign_sha256(&self, key: &NamedKey) -> Option<String> {
        let root = base64::encode(self.sha256_root?);
        let body = format!("{}/sha256\n{}\n{root}\n", self.origin, self.size);
        let signature = key.key.sign(body.as_bytes()).to_bytes();
        Some(body + "\n" + &key.public.line(&[&signature]))
    }
}
