//! The suspendable step function around the engine.
//!
//! The engine is a coroutine that yields effects. It owns its state while it runs, so it can be put aside at a signature
//! and taken up again when the host has one (P11).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use arc_malachitebft_core_consensus::{Effect, Error, Input, Params, Resume, State, handle};
use arc_malachitebft_core_types::{Round, ThresholdParams, ValuePayload};
use ed25519_dalek::VerifyingKey;
use genawaiter::{GeneratorState, sync::Gen};

use crate::admit::{HEIGHTS_AHEAD, Kept, ROUNDS_AHEAD};
use crate::context::{Address, Height, Pos, Signature};
use crate::error::BftError;
use crate::inputs::{check_height, propose, start_height};
use crate::session::{Answer, Replay, Session};
use crate::signing::Ask;
use crate::step::{BftEffect, BftInput, BftStep};
use crate::validators::{VALIDATORS_MAX, Validators};
use crate::verify::Verifier;
use crate::wal;

/// Messages kept for a later height: of every validator each type in each round twice (P8), and some judged values.
const KEPT_MAX: usize = VALIDATORS_MAX * 3 * (ROUNDS_AHEAD as usize + 1) * 2 + 1_024;

/// Stands for the address of an observer: a point of small order, which no set holds (P1).
const NOBODY: Address = Address([0; 32]);

type Done = (Box<State<Pos>>, Result<(), Error<Pos>>);
type Job = Gen<Effect<Pos>, Resume<Pos>, Pin<Box<dyn Future<Output = Done> + Send>>>;

enum Machine {
    Idle(Box<State<Pos>>),
    Suspended(Job, Ask),
    Dead(String),
}

/// What a core is made of.
#[derive(Clone, Debug)]
pub struct BftOptions<'a> {
    /// Network id.
    pub network: &'a str,
    /// Validators until the first height is started.
    pub validators: Validators,
    /// Height until the first height is started.
    pub height: u64,
    /// Our vote key; none observes.
    pub me: Option<[u8; 32]>,
}

/// One node's part in consensus: pure (P9), suspended at signatures (P11).
pub struct BftCore {
    machine: Machine,
    queue: VecDeque<Input<Pos>>,
    session: Session,
}

impl BftCore {
    /// A core before its first height.
    ///
    /// # Errors
    /// [`BftError::Argument`].
    pub fn new(options: BftOptions) -> Result<Self, BftError> {
        check_height(options.height)?;
        let me = options
            .me
            .as_ref()
            .map(VerifyingKey::from_bytes)
            .transpose();
        let me = me.map_err(|_| BftError::Argument("the own key is no Ed25519 key".into()))?;
        let session = Session {
            me,
            verifier: Verifier::new(options.network)?,
            validators: options.validators,
            height: options.height,
            round: Round::Nil,
            started: false,
            kept: Kept::default(),
            effects: Vec::new(),
            replay: None,
        };
        let params = Params {
            address: session.address().unwrap_or(NOBODY),
            threshold_params: ThresholdParams::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: me.is_some(),
        };
        let state = State::new(
            Pos,
            Height(session.height),
            session.validators.clone(),
            params,
            HEIGHTS_AHEAD as usize + 1,
            KEPT_MAX,
        );
        Ok(Self {
            machine: Machine::Idle(Box::new(state)),
            queue: VecDeque::new(),
            session,
        })
    }

    /// Current height.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.session.height
    }

    /// Current round; none before the first height.
    #[must_use]
    pub fn round(&self) -> Option<u32> {
        self.session.round.as_u32()
    }

    /// Whether a signature is awaited.
    #[must_use]
    pub fn suspended(&self) -> bool {
        matches!(self.machine, Machine::Suspended(..))
    }

    /// Handles one input.
    ///
    /// # Errors
    /// [`BftError::Suspended`], [`BftError::Argument`] (nothing changed), [`BftError::Halted`].
    pub fn step(&mut self, input: BftInput) -> Result<BftStep, BftError> {
        self.ready()?;
        let input = self.session.input(input)?;
        self.queue.extend(input);
        self.run()
    }

    /// Goes on with a signature over what was asked, or with a refusal to sign (P11).
    ///
    /// # Errors
    /// [`BftError::NotSuspended`], [`BftError::Signature`] (nothing changed), [`BftError::Halted`].
    pub fn resume(&mut self, signature: Option<[u8; 64]>) -> Result<BftStep, BftError> {
        let Machine::Suspended(_, ask) = &self.machine else {
            return Err(self.ready().err().unwrap_or(BftError::NotSuspended));
        };
        let signature = match (signature, self.session.me) {
            (Some(bytes), Some(key)) => {
                let signature = Signature(bytes);
                let request = ask.request();
                let (height, content) = (request.height, request.bytes);
                let verifier = &mut self.session.verifier;
                if !verifier.verify(height, &content, &key, signature) {
                    return Err(BftError::Signature);
                }
                signature
            }
            _ => Signature::REFUSED,
        };
        let halted = Machine::Dead("a panic".to_owned());
        if let Machine::Suspended(job, ask) = std::mem::replace(&mut self.machine, halted) {
            self.drive(job, ask.signed(signature))?;
        }
        self.run()
    }

    /// Begins a height from its log (P12).
    ///
    /// # Errors
    /// [`BftError::Suspended`], [`BftError::Argument`], [`BftError::WalCorrupt`] (nothing changed),
    /// [`BftError::ReplayDivergence`], [`BftError::Halted`].
    pub fn replay<'a>(
        &mut self,
        height: u64,
        validators: Validators,
        entries: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<BftStep, BftError> {
        self.ready()?;
        check_height(height)?;
        let mut replay = Replay::default();
        let mut inputs = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let corrupt = |problem| BftError::WalCorrupt { index, problem };
            let (of, input) = wal::decode(entry).map_err(|_| corrupt("not an entry"))?;
            if of != height {
                return Err(corrupt("of another height"));
            }
            if let Input::ProposedValue(value, _) = &input
                && Some(value.proposer) == self.session.address()
                && value.validity.is_valid()
            {
                replay.own.push((value.round, value.value));
            }
            replay.logged.insert(entry.to_vec());
            inputs.push(input);
        }
        if let Machine::Idle(state) = &mut self.machine {
            state.index_wal_entries(&inputs);
        }
        self.session.replay = Some(replay);
        self.queue.push_back(start_height(height, validators, true));
        self.queue.extend(inputs);
        self.run()
    }

    fn ready(&self) -> Result<(), BftError> {
        match &self.machine {
            Machine::Idle(_) => Ok(()),
            Machine::Suspended(..) => Err(BftError::Suspended),
            Machine::Dead(why) => Err(BftError::Halted(why.clone())),
        }
    }

    /// Runs queued inputs until there are none or a signature is awaited.
    fn run(&mut self) -> Result<BftStep, BftError> {
        loop {
            let halted = Machine::Dead("a panic".to_owned());
            match std::mem::replace(&mut self.machine, halted) {
                Machine::Idle(state) => {
                    let Some(input) = self.queue.pop_front() else {
                        let again = self.end_replay(state);
                        if again {
                            continue;
                        }
                        break;
                    };
                    if let Input::StartHeight(height, validators, ..) = &input {
                        self.session.begin(height.0, validators.clone());
                    }
                    self.drive(job(state, input), Resume::Start)?;
                }
                other => {
                    self.machine = other;
                    break;
                }
            }
        }
        let sign = match &self.machine {
            Machine::Suspended(_, ask) => Some(ask.request()),
            _ => None,
        };
        let effects = std::mem::take(&mut self.session.effects);
        Ok(BftStep { effects, sign })
    }

    /// Puts the state back; after a replay says whether there is an input more.
    fn end_replay(&mut self, mut state: Box<State<Pos>>) -> bool {
        let replay = self.session.replay.take();
        if replay.is_some() {
            state.reset_entries_index();
        }
        let proposing = state.driver.step_is_propose();
        let wanted = replay.as_ref().and_then(|replay| replay.wanted);
        let wanted = wanted.filter(|round| proposing && *round == state.round());
        self.machine = Machine::Idle(state);
        let (Some(replay), Some(round)) = (replay, wanted) else {
            return false;
        };
        let height = self.session.height;
        // A value that was logged is proposed again rather than another one.
        if let Some((_, id)) = replay.own.iter().find(|(of, _)| *of == round) {
            self.queue.push_back(propose(height, round, *id));
            return true;
        }
        self.session.effects.push(BftEffect::GetValue {
            height,
            round: round.as_u32().unwrap_or(0),
        });
        false
    }

    /// Runs the engine until it is done or wants a signature.
    fn drive(&mut self, mut job: Job, mut resume: Resume<Pos>) -> Result<(), BftError> {
        loop {
            let turn = AssertUnwindSafe(|| job.resume_with(resume));
            let result = catch_unwind(turn).map_err(|panic| self.halt(&said(&*panic)))?;
            match result {
                GeneratorState::Yielded(effect) => match self.session.answer(effect) {
                    Answer::Go(next) => resume = next,
                    Answer::Ask(ask) => {
                        self.machine = Machine::Suspended(job, ask);
                        return Ok(());
                    }
                },
                GeneratorState::Complete((state, result)) => return self.completed(state, result),
            }
        }
    }

    fn completed(
        &mut self,
        state: Box<State<Pos>>,
        result: Result<(), Error<Pos>>,
    ) -> Result<(), BftError> {
        match result {
            Ok(()) => {}
            Err(Error::ReplayDivergence(kind, height, round)) => {
                let what = format!("another {kind} at height {height}, round {round}");
                self.halt(&what);
                return Err(BftError::ReplayDivergence(what));
            }
            Err(error @ Error::UnexpectedResume(..)) => return Err(self.halt(&error.to_string())),
            // As in the engine's own host: one input is lost, the state is sound.
            Err(error) => self
                .session
                .effects
                .push(BftEffect::Trouble(error.to_string())),
        }
        self.machine = Machine::Idle(state);
        Ok(())
    }

    fn halt(&mut self, why: &str) -> BftError {
        self.machine = Machine::Dead(why.to_owned());
        BftError::Halted(why.to_owned())
    }
}

/// The engine's coroutine for one input; the state moves in and comes back at the end.
fn job(mut state: Box<State<Pos>>, input: Input<Pos>) -> Job {
    Gen::new(|co| {
        let work = async move {
            // The engine's metrics are off: they are `()`.
            let result = handle(co, &mut state, &(), input).await;
            (state, result)
        };
        Box::pin(work) as Pin<Box<dyn Future<Output = Done> + Send>>
    })
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").to_owned()
}
