//! Opening, proposing, closing.

use std::sync::Arc;

use napi_derive::napi;
use pyralog_host::{Host, HostError, Reply, Wait, World};

use crate::channel::{Done, channel};
use crate::convert::{NativeMaintenance, NativeOptions, NativeRecovery, NativeStats, whole};
use crate::error::{Result, bad_argument, refused};
use crate::handles::Handles;
use crate::object::layer;

static CORES: Handles<Arc<Host>> = Handles::new();

/// The core of a handle.
pub fn core(handle: u32) -> Result<Arc<Host>> {
    let core = CORES.get(handle);
    core.ok_or_else(|| refused(HostError::Closed))
}

/// Runs `body` on a thread of its own and completes `token` with what it returns, a panic included.
fn in_thread(number: u32, token: u32, body: impl FnOnce() -> Done + Send + 'static) -> Result<()> {
    let spawned = std::thread::Builder::new()
        .name("pyralog-call".to_owned())
        .spawn(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            let panicked = || Done::Failed(HostError::Io("the core panicked".to_owned()));
            if let Some(channel) = channel(number) {
                channel.complete(token, done.unwrap_or_else(|_| panicked()));
            }
        });
    spawned.map(|_| ()).map_err(bad_argument)
}

/// Opens a core; completes `token` with its handle.
#[napi(catch_unwind)]
pub fn open_core(options: NativeOptions, channel: u32, token: u32) -> Result<()> {
    let files = layer(options.lose_unsynced);
    let options = options.to_host()?;
    in_thread(channel, token, move || {
        match Host::open(World::real(files), &options) {
            Ok(host) => Done::Opened(CORES.put(Arc::new(host))),
            Err(error) => Done::Failed(error),
        }
    })
}

/// How opening went.
#[napi(catch_unwind)]
pub fn recovery(handle: u32) -> Result<NativeRecovery> {
    Ok(core(handle)?.recovery().into())
}

/// Puts a proposal in the queue; completes `token` with the answer. `wait`: 0 durable, 1 checkpoint, 2 and paths; 3 more: on every voter.
#[napi(catch_unwind)]
pub fn propose(
    handle: u32,
    partition: u32,
    proposal: &[u8],
    wait: u32,
    number: u32,
    token: u32,
) -> Result<()> {
    let wait = match wait {
        0 => Wait::Durable,
        1 | 2 => Wait::Checkpoint { paths: wait == 2 },
        3 => Wait::AllDurable,
        other => Wait::AllCheckpoint { paths: other == 5 },
    };
    let reply = move |result: std::result::Result<_, HostError>| {
        if let Some(channel) = channel(number) {
            channel.complete(token, result.map_or_else(Done::Failed, Done::Answer));
        }
    };
    let core = core(handle)?;
    let mut bytes = core.buffer();
    bytes.extend_from_slice(proposal);
    core.propose(partition as usize, bytes, wait, Reply::new(reply));
    Ok(())
}

/// Completes `token` with a checkpoint of at least `size` records.
#[napi(catch_unwind)]
pub fn checkpoint_at(
    handle: u32,
    partition: u32,
    size: f64,
    number: u32,
    token: u32,
) -> Result<()> {
    let size = whole(size, "size")?;
    let reply = move |result: std::result::Result<_, HostError>| {
        if let Some(channel) = channel(number) {
            channel.complete(token, result.map_or_else(Done::Failed, Done::Checkpoint));
        }
    };
    core(handle)?.checkpoint_at(partition as usize, size, Reply::new(reply));
    Ok(())
}

/// Figures since opening.
#[napi(catch_unwind)]
pub fn stats(handle: u32) -> Result<NativeStats> {
    Ok(core(handle)?.stats().into())
}

/// What maintenance came to.
#[napi(catch_unwind)]
pub fn maintenance(handle: u32) -> Result<NativeMaintenance> {
    Ok(core(handle)?.maintenance().into())
}

/// Closes a core for everybody; completes `token` when all is on disk. A handle that is closed completes at once.
#[napi(catch_unwind)]
pub fn close_core(handle: u32, channel: u32, token: u32) -> Result<()> {
    in_thread(channel, token, move || {
        let host = CORES.take(handle);
        let result = host.map_or(Ok(()), |host| host.close());
        result.map_or_else(Done::Failed, |()| Done::Empty)
    })
}
