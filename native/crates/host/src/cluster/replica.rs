//! A replica's part in checkpoints: the state is held against its own log, made durable, and signed (CO3).

use std::collections::BTreeSet;
use std::sync::Arc;

use pyralog_log::TreeState;

use super::cosign::{body, judge};
use super::drive::Driving;
use super::message::{Asked, Declined, Message};
use crate::answer::SignedCheckpoint;
use crate::shared::{Counters, Shard};

/// A checkpoint with its signatures, by node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub asked: Asked,
    pub signatures: Vec<(u16, [u8; 64])>,
}

/// A checkpoint with good signatures that this replica's own log contradicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contradiction {
    pub partition: u32,
    /// Who sent it.
    pub from: u16,
    /// Where its note is kept, below the store.
    pub file: String,
}

/// Contradictions that are kept: the first ones tell what happened.
const CONTRADICTIONS_MAX: usize = 16;

impl Driving {
    /// The leader shows a checkpoint. It counts when enough keys signed it and this replica's log says the same; what has
    /// good signatures and says something else is evidence (C7), kept and never shown (CO5).
    pub fn take_checkpoint(&mut self, peer: u16, whole: Whole) {
        let host = Arc::clone(&self.shared);
        let partition = whole.asked.partition as usize;
        let Ok(shard) = host.shard(partition) else {
            return;
        };
        if !self.is_signed(shard, &whole) {
            Counters::add(&host.counters.bad_messages, 1);
            return;
        }
        match judge(shard, &whole.asked, (u64::MAX, 0)) {
            Err(Declined::Behind) => {
                self.checkpoints.ahead.insert(partition, (peer, whole));
            }
            Err(Declined::OtherRoot) => self.keep_evidence(peer, shard, &whole),
            _ => shard.show(&Arc::new(self.note_of(shard, &whole))),
        }
    }

    fn is_signed(&self, shard: &Shard, whole: &Whole) -> bool {
        let body = body(&shard.origin, &whole.asked);
        let known = &self.checkpoints.known;
        let good = whole.signatures.iter().filter(|(node, signature)| {
            let signer = known.get(node);
            signer.is_some_and(|signer| body.is_signed_by(signer, signature))
        });
        let signers: BTreeSet<u16> = good.map(|(node, _)| *node).collect();
        signers.len() >= self.needed(shard.number as usize)
    }

    /// The note of a checkpoint (CO4).
    pub fn note_of(&self, shard: &Shard, whole: &Whole) -> SignedCheckpoint {
        let body = body(&shard.origin, &whole.asked);
        let lines = whole
            .signatures
            .iter()
            .filter_map(|(node, signature)| Some((self.checkpoints.known.get(node)?, signature)));
        SignedCheckpoint {
            size: whole.asked.size,
            note: body.note(lines),
            sha256_note: shard.log_key.as_ref().and_then(|key| body.sign_sha256(key)),
        }
    }

    fn keep_evidence(&mut self, peer: u16, shard: &Shard, whole: &Whole) {
        Counters::add(&self.shared.counters.contradictions, 1);
        if self.checkpoints.contradictions.len() >= CONTRADICTIONS_MAX {
            return;
        }
        let asked = &whole.asked;
        let name = format!("{:08x}-{:016x}-{peer}.note", asked.partition, asked.size);
        let file = format!("evidence/{name}");
        let note = self.note_of(shard, whole).note;
        let files = &self.shared.world.files;
        let dir = self.shared.dir.join("evidence");
        let kept = files
            .create_dir(&dir)
            .and_then(|()| files.replace_file(&dir.join(name), note.as_bytes()));
        let file = match kept {
            Ok(()) => file,
            Err(error) => format!("{file} (not written: {error})"),
        };
        self.checkpoints.contradictions.push(Contradiction {
            partition: asked.partition,
            from: peer,
            file,
        });
    }

    /// Stages the state: once it is durable the signature leaves (C6). False when the log takes nothing.
    pub fn stage_signature(&mut self, to: u16, asked: &Asked) -> bool {
        let asked_for = TreeState {
            size: asked.size,
            root: asked.root,
            sha256_root: asked.sha256_root,
        };
        // What is on record never goes back, though an earlier state may be signed again: this log shows both.
        let signed = &mut self.checkpoints.signed;
        let newest = signed.entry(asked.partition).or_insert(asked_for);
        if newest.size < asked.size {
            *newest = asked_for;
        }
        let state = *newest;
        let staged = self.staging.stage_state(asked.partition, &state);
        if staged {
            self.checkpoints.cosigning.staged.push((to, asked.clone()));
        }
        staged
    }

    /// A leader asks this replica to sign.
    pub fn cosign(&mut self, peer: u16, asked: Asked) {
        let host = Arc::clone(&self.shared);
        let Ok(shard) = host.shard(asked.partition as usize) else {
            return;
        };
        let clock = ((host.world.clock)(), host.lead_ms_max);
        match judge(shard, &asked, clock) {
            Ok(()) if host.failure().is_none() => {
                if !self.stage_signature(peer, &asked) {
                    self.decline(peer, &asked, Declined::Unable);
                }
            }
            Ok(()) => self.decline(peer, &asked, Declined::Unable),
            Err(Declined::Behind) => {
                let partition = asked.partition as usize;
                self.checkpoints.behind.insert(partition, (peer, asked));
            }
            Err(declined) => {
                Counters::add(&host.counters.cosignatures_declined, 1);
                self.decline(peer, &asked, declined);
            }
        }
    }

    fn decline(&self, peer: u16, asked: &Asked, declined: Declined) {
        let message = Message::Cosigned {
            partition: asked.partition,
            size: asked.size,
            time_ms: asked.time_ms,
            result: Err(declined),
        };
        self.tell(peer, message.encode());
    }

    /// States up to this frame are durable: their signatures leave.
    pub fn sign_durable(&mut self, sequence: u64) {
        for (peer, asked) in self.checkpoints.cosigning.durable(sequence) {
            let host = Arc::clone(&self.shared);
            let Ok(shard) = host.shard(asked.partition as usize) else {
                continue;
            };
            let signature = body(&shard.origin, &asked).signature(&host.cosigner);
            if peer == self.me {
                let about = (asked.partition as usize, asked.size, asked.time_ms);
                self.signed(self.me, about, Ok(signature));
            } else {
                let message = Message::Cosigned {
                    partition: asked.partition,
                    size: asked.size,
                    time_ms: asked.time_ms,
                    result: Ok(signature),
                };
                self.tell(peer, message.encode());
            }
        }
    }
}
