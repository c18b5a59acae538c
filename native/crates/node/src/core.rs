//! Opening, proposing, closing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use napi_derive::napi;
use parking_lot::Mutex;
use pyralog_host::{Host, HostError, Reply, Wait, World};
use pyralog_log::{FileLayer, LoseUnsynced, RealFiles};

use crate::channel::{Done, channel};
use crate::convert::{NativeMaintenance, NativeOptions, NativeRecovery, NativeStats, whole};
use crate::error::{Result, bad_argument, refused};

static CORES: LazyLock<Mutex<HashMap<u32, Arc<Host>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The core of a handle.
pub fn core(handle: u32) -> Result<Arc<Host>> {
    let core = CORES.lock().get(&handle).cloned();
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
    let files: Arc<dyn FileLayer> = if options.lose_unsynced {
        Arc::new(LoseUnsynced::new())
    } else {
        Arc::new(RealFiles)
    };
    let options = options.to_host()?;
    in_thread(channel, token, move || {
        match Host::open(World::real(files), &options) {
            Ok(host) => {
                let handle = NEXT.fetch_add(1, Ordering::Relaxed);
                CORES.lock().insert(handle, Arc::new(host));
                Done::Opened(handle)
            }
            Err(error) => Done::Failed(error),
        }
    })
}

/// How opening went.
#[napi(catch_unwind)]
pub fn recovery(handle: u32) -> Result<NativeRecovery> {
    Ok(core(handle)?.recovery().into())
}

/// Puts a proposal in the queue; completes `token` with the answer. `wait`: 0 durable, 1 checkpoint, 2 and paths.
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
        other => Wait::Checkpoint { paths: other == 2 },
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
        let host = CORES.lock().remove(&handle);
        let result = host.map_or(Ok(()), |host| host.close());
        result.map_or_else(Done::Failed, |()| Done::Empty)
    })
}
