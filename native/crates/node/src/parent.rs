//! A process that ends with the one that started it.

use napi_derive::napi;

/// Has the system kill this process (SIGKILL) when the thread that started it ends, even while this process is stopped.
/// Whether the system can do that: Linux can.
#[napi]
pub fn die_with_parent() -> bool {
    set()
}

#[cfg(target_os = "linux")]
fn set() -> bool {
    use rustix::process::{Signal, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL)).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn set() -> bool {
    false
}
