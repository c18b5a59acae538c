//! A replica's part in checkpoints: the state is held against its own log, made durable, and signed (CO3).

use std::sync::Arc;

use pyralog_log::TreeState;

use super::cosign::{body, judge};
use super::drive::Driving;
use super::message::{Asked, Declined, Message};
use crate::shared::Counters;

impl Driving {
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
