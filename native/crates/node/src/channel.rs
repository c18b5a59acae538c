//! Completions on their way to one JavaScript environment.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use parking_lot::Mutex;
use pyralog_host::{Answer, ClusterStatus, HostError, SignedCheckpoint};

use crate::agreed_services::NativeDone;
use crate::cluster::NativeClusterStatus;
use crate::handles::Handles;

/// Weak: a bell does not keep the process alive; the facade does while promises are pending.
type Bell = ThreadsafeFunction<(), (), (), Status, false, true>;

/// What a pending call came to.
#[napi(object)]
pub struct Completion {
    /// The number given with the call.
    pub token: u32,
    /// `NativeErrorCode` when it failed.
    pub code: Option<String>,
    /// Message when it failed.
    pub message: Option<String>,
    /// Handle of a core that was opened.
    pub handle: Option<u32>,
    /// Term of a proposal's records.
    pub epoch: Option<u32>,
    /// Packed outcomes (B4).
    pub outcomes: Option<Buffer>,
    /// Those records are on disk; else they were accepted only (W16).
    pub durable: Option<bool>,
    /// Packed inclusion paths.
    pub paths: Option<Buffer>,
    /// Size of a checkpoint.
    pub size: Option<f64>,
    /// What a node knows of its cluster.
    pub cluster: Option<NativeClusterStatus>,
    /// What a command came to.
    pub done: Option<NativeDone>,
    /// Its note.
    pub note: Option<String>,
    /// The SHA-256 tree's note.
    pub sha256_note: Option<String>,
}

/// The Rust side of [`Completion`].
pub enum Done {
    /// A core is open.
    Opened(u32),
    /// Nothing to say.
    Empty,
    /// A proposal's answer.
    Answer(Answer),
    /// A size.
    Size(u64),
    /// What a node knows of its cluster.
    Cluster(Box<ClusterStatus>),
    /// What a command came to.
    Commanded(Box<NativeDone>),
    /// A checkpoint.
    Checkpoint(Arc<SignedCheckpoint>),
    /// It failed.
    Failed(HostError),
    /// It failed elsewhere: code and message.
    Refused(&'static str, String),
}

/// One environment's completions.
pub struct Channel {
    bell: Bell,
    waiting: Mutex<Vec<(u32, Done)>>,
}

impl Channel {
    /// Puts a completion in and rings, unless the bell rings already.
    pub fn complete(&self, token: u32, done: Done) {
        let mut waiting = self.waiting.lock();
        waiting.push((token, done));
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            // A closing environment refuses the call; nobody waits there any more.
            let _ = self.bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

static CHANNELS: Handles<Arc<Channel>> = Handles::new();

/// The channel of a number; `None` when its environment is gone.
pub fn channel(number: u32) -> Option<Arc<Channel>> {
    CHANNELS.get(number)
}

/// Opens this environment's channel. `bell` is called when completions wait; take them with `drain`.
#[napi(catch_unwind)]
pub fn open_channel(env: napi::Env, bell: Function<'_, (), ()>) -> napi::Result<u32> {
    let bell: Bell = bell
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .callee_handled::<false>()
        .build()?;
    let number = CHANNELS.put(Arc::new(Channel {
        bell,
        waiting: Mutex::default(),
    }));
    env.add_env_cleanup_hook(number, |number| {
        drop(CHANNELS.take(number));
    })?;
    Ok(number)
}

/// Takes everything that waits in a channel.
#[napi(catch_unwind)]
pub fn drain(number: u32) -> Vec<Completion> {
    let Some(channel) = channel(number) else {
        return Vec::new();
    };
    let waiting = std::mem::take(&mut *channel.waiting.lock());
    waiting
        .into_iter()
        .map(|(token, done)| completion(token, done))
        .collect()
}

fn completion(token: u32, done: Done) -> Completion {
    let mut out = Completion {
        token,
        code: None,
        message: None,
        handle: None,
        epoch: None,
        outcomes: None,
        durable: None,
        paths: None,
        size: None,
        cluster: None,
        done: None,
        note: None,
        sha256_note: None,
    };
    let mut checkpoint = None;
    match done {
        Done::Empty => {}
        Done::Opened(handle) => out.handle = Some(handle),
        Done::Answer(answer) => {
            out.epoch = Some(answer.epoch);
            out.outcomes = Some(answer.outcomes.into());
            out.durable = Some(answer.durable);
            out.paths = answer.paths.map(Into::into);
            checkpoint = answer.checkpoint;
        }
        Done::Size(size) => out.size = Some(size as f64),
        Done::Cluster(status) => out.cluster = Some((*status).into()),
        Done::Commanded(done) => out.done = Some(*done),
        Done::Checkpoint(signed) => checkpoint = Some(signed),
        Done::Failed(error) => {
            out.code = Some(error.code().to_owned());
            out.message = Some(error.to_string());
        }
        Done::Refused(code, message) => {
            out.code = Some(code.to_owned());
            out.message = Some(message);
        }
    }
    if let Some(signed) = checkpoint {
        out.size = Some(signed.size as f64);
        out.note = Some(signed.note.clone());
        out.sha256_note.clone_from(&signed.sha256_note);
    }
    out
}
