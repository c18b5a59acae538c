//! Hosts without disk, clock or network: virtual time, a seeded shuffle of messages, logs in memory.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};

use crate::verify::signing_prefix;
use crate::{
    BftCore, BftEffect, BftInput, BftOptions, BftStep, BlockId, Committed, Decision, Evidence,
    InfoKind, JudgedValue, SignRequest, Timer, TimerStep, Validators, message_info, verify_commit,
};

pub const NETWORK: &str = "test-00112233445566778899aabb";

/// A small generator (`SplitMix64`), so that a seed is a run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The key of a number.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number.wrapping_add(1); 32])
}

/// A set of the keys 0, 1, …
pub fn set(powers: &[u64]) -> Validators {
    let keys = (0..).map(|number| key(number).verifying_key().to_bytes());
    let members: Vec<_> = keys.zip(powers.iter().copied()).collect();
    Validators::new(&members).unwrap()
}

/// Signs in the domain `vote`.
pub fn sign(key: &SigningKey, content: &[u8]) -> [u8; 64] {
    let message = [signing_prefix(NETWORK).unwrap().as_slice(), content].concat();
    key.sign(&message).to_bytes()
}

/// A message of ours that was signed: what the slashing protection of a host holds.
#[derive(Clone, Debug)]
pub struct Record {
    /// Entries of the log that were durable then.
    pub durable: usize,
    pub request: SignRequest,
}

/// One height in a node's log.
#[derive(Clone, Default)]
pub struct Log {
    pub entries: Vec<Vec<u8>>,
    pub signed: Vec<Record>,
    pub decision: Option<Decision>,
    /// The decision came from another node.
    pub synced: bool,
}

pub struct Node {
    pub key: SigningKey,
    pub core: BftCore,
    pub logs: BTreeMap<u64, Log>,
    pub evidence: Vec<Evidence>,
    pub refused: usize,
}

impl Node {
    pub fn new(number: u8, validators: &Validators, height: u64) -> Self {
        let key = key(number);
        let core = BftCore::new(BftOptions {
            network: NETWORK,
            validators: validators.clone(),
            height,
            me: Some(key.verifying_key().to_bytes()),
        });
        Self {
            key,
            core: core.unwrap(),
            logs: BTreeMap::new(),
            evidence: Vec::new(),
            refused: 0,
        }
    }
}

/// What is decided of a proposal in a round: the id names its round and maker.
pub fn id_of(height: u64, round: u32, node: usize) -> BlockId {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&height.to_le_bytes());
    id[8..12].copy_from_slice(&round.to_le_bytes());
    id[12] = u8::try_from(node).unwrap();
    BlockId(id)
}

pub struct Net {
    pub nodes: Vec<Node>,
    pub validators: Validators,
    pub random: Random,
    /// Nodes that do nothing.
    pub silent: BTreeSet<usize>,
    /// Messages lost of a hundred.
    pub loss: u64,
    /// Every effect in order, as text: what two runs must have in common.
    pub transcript: Option<Vec<String>>,
    messages: Vec<(usize, Vec<u8>)>,
    timers: BTreeMap<(usize, Timer), u64>,
    now: u64,
    until: u64,
}

impl Net {
    pub fn new(powers: &[u64], seed: u64) -> Self {
        let validators = set(powers);
        let nodes = (0..powers.len()).map(|n| Node::new(u8::try_from(n).unwrap(), &validators, 1));
        Self {
            nodes: nodes.collect(),
            validators,
            random: Random(seed),
            silent: BTreeSet::new(),
            loss: 0,
            transcript: None,
            messages: Vec::new(),
            timers: BTreeMap::new(),
            now: 0,
            until: 0,
        }
    }

    /// Runs until every node that is not silent has finalized `height`.
    pub fn run(&mut self, height: u64) {
        self.until = height;
        for node in 0..self.nodes.len() {
            if self.nodes[node].core.round().is_none() {
                self.start(node, self.nodes[node].core.height());
            }
        }
        for _ in 0..5_000_000_u64 {
            let done = |(at, node): (usize, &Node)| {
                self.silent.contains(&at) || node.core.height() > height
            };
            if self.nodes.iter().enumerate().all(done) {
                return;
            }
            self.turn();
        }
        panic!("no progress: {:?}", self.heights());
    }

    pub fn heights(&self) -> Vec<u64> {
        self.nodes.iter().map(|node| node.core.height()).collect()
    }

    /// The decision of a height, which all that have one share.
    pub fn decision(&self, height: u64) -> Decision {
        let logs = self.nodes.iter().filter_map(|node| node.logs.get(&height));
        let decisions: Vec<_> = logs.filter_map(|log| log.decision.clone()).collect();
        let (first, rest) = decisions.split_first().unwrap();
        for other in rest {
            assert_eq!((other.id, other.height), (first.id, first.height));
        }
        first.clone()
    }

    fn turn(&mut self) {
        if self.messages.is_empty() {
            let next = self.timers.iter().min_by_key(|(name, at)| (**at, **name));
            let ((node, timer), at) = next.map(|(name, at)| (*name, *at)).unwrap();
            self.timers.remove(&(node, timer));
            self.now = at;
            if timer.step == TimerStep::Rebroadcast && self.sync(node, timer.height) {
                return;
            }
            self.input(node, BftInput::Timeout(timer));
            return;
        }
        let at = self.random.below(self.messages.len() as u64) as usize;
        let (node, bytes) = self.messages.swap_remove(at);
        if self.random.below(100) < self.loss {
            return;
        }
        self.deliver(node, &bytes);
    }

    /// A node that hears nothing asks whether the others are done: their certificate is enough.
    fn sync(&mut self, at: usize, height: u64) -> bool {
        let mut logs = self.nodes.iter().filter_map(|node| node.logs.get(&height));
        let Some(decision) = logs.find_map(|log| log.decision.clone()) else {
            return false;
        };
        let committed = Committed {
            network: NETWORK,
            validators: &self.validators,
            height,
            id: decision.id,
        };
        verify_commit(committed, &decision.certificate).unwrap();
        let log = self.nodes[at].logs.entry(height).or_default();
        log.synced = true;
        log.decision = Some(decision);
        self.start(at, height + 1);
        true
    }

    /// A message as it arrives, a proposal with its body.
    pub fn deliver(&mut self, node: usize, bytes: &[u8]) {
        let info = message_info(bytes);
        self.input(node, BftInput::Message(bytes));
        let Some(info) = info.filter(|info| info.kind == InfoKind::Proposal) else {
            return;
        };
        let value = JudgedValue {
            height: info.height,
            round: info.round,
            valid_round: None,
            proposer: info.validator.unwrap(),
            id: info.id.unwrap(),
            valid: true,
        };
        self.input(node, BftInput::Value(value));
    }

    fn start(&mut self, node: usize, height: u64) {
        self.nodes[node].logs.entry(height).or_default();
        let validators = self.validators.clone();
        let input = BftInput::StartHeight {
            height,
            validators,
            restart: false,
        };
        self.input(node, input);
    }

    pub fn input(&mut self, node: usize, input: BftInput) {
        if self.silent.contains(&node) {
            return;
        }
        let step = self.nodes[node].core.step(input).unwrap();
        self.perform(node, step);
    }

    fn perform(&mut self, at: usize, mut step: BftStep) {
        let mut later = Vec::new();
        loop {
            for effect in std::mem::take(&mut step.effects) {
                if let Some(transcript) = &mut self.transcript {
                    transcript.push(format!("{at} {effect:?}"));
                }
                self.effect(at, effect, &mut later);
            }
            let Some(request) = step.sign.take() else {
                break;
            };
            let node = &mut self.nodes[at];
            let signature = sign(&node.key, &request.bytes);
            let log = node.logs.entry(request.height).or_default();
            let durable = log.entries.len();
            log.signed.push(Record { durable, request });
            step = node.core.resume(Some(signature)).unwrap();
        }
        for (height, round) in later {
            match round {
                Some(round) => {
                    let id = id_of(height, round, at);
                    self.input(at, BftInput::Propose { height, round, id });
                }
                None if height <= self.until + 1 => self.start(at, height),
                None => {}
            }
        }
    }

    fn effect(&mut self, at: usize, effect: BftEffect, later: &mut Vec<(u64, Option<u32>)>) {
        let node = &mut self.nodes[at];
        match effect {
            BftEffect::ScheduleTimeout(timer) => {
                let base = match timer.step {
                    TimerStep::Propose => 30,
                    TimerStep::Prevote | TimerStep::Precommit => 10,
                    TimerStep::Rebroadcast => 50,
                };
                let due = self.now + base * (1 + u64::from(timer.round));
                self.timers.insert((at, timer), due);
            }
            BftEffect::CancelTimeout(timer) => {
                self.timers.remove(&(at, timer));
            }
            BftEffect::CancelAllTimeouts => self.timers.retain(|(node, _), _| *node != at),
            BftEffect::GetValue { height, round } => later.push((height, Some(round))),
            BftEffect::Publish { bytes, .. } => {
                for to in (0..self.nodes.len()).filter(|to| *to != at) {
                    self.messages.push((to, bytes.clone()));
                }
            }
            BftEffect::Wal { height, entry } => {
                node.logs.entry(height).or_default().entries.push(entry);
            }
            BftEffect::Decide(decision) => {
                let log = node.logs.entry(decision.height).or_default();
                assert!(log.decision.is_none(), "decided twice");
                log.decision = Some(decision);
            }
            BftEffect::Finalize(decision, evidence) => {
                node.evidence.extend(evidence);
                later.push((decision.height + 1, None));
            }
            BftEffect::Refused { .. } => node.refused += 1,
            BftEffect::Trouble(text) => panic!("trouble: {text}"),
            BftEffect::StartRound { .. } | BftEffect::Restream { .. } => {}
        }
    }
}
