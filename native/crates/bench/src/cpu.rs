//! Processor time, because on a shared machine it says more about a program than wall time does.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// User and system time of all threads of this process, the ended ones too.
#[must_use]
pub fn process() -> Duration {
    used(libc::RUSAGE_SELF)
}

/// User and system time of the thread that asks. By its clock, for its usage (getrusage) is brought up to date by ticks only.
#[must_use]
pub fn thread() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid, writable timespec for the length of the call.
    #[allow(unsafe_code)]
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    debug_assert_eq!(failed, 0, "every thread has such a clock");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

fn used(who: libc::c_int) -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a valid, writable rusage for the length of the call; all-zero is a valid rusage, so it may be
    // read whatever the call returned.
    #[allow(unsafe_code)]
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

fn of(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

/// Time of each living thread by its name; threads of one name are added up. Empty where there is no `/proc`.
#[must_use]
pub fn by_thread() -> BTreeMap<String, Duration> {
    let mut times = BTreeMap::new();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return times; // not Linux: there is nothing to break down, and `process` still has the sum
    };
    for task in tasks.flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let nanos = read("schedstat")
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        *times.entry(read("comm").trim().to_owned()).or_default() += Duration::from_nanos(nanos);
    }
    times
}

/// Name of the thread that asks, as [`by_thread`] has it.
#[must_use]
pub fn thread_name() -> String {
    let name = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
    name.trim().to_owned()
}

/// Waits until no other thread of this process runs or waits for the disk, so that background work of one subject
/// (preparing the next log file) is not charged to the next. Gives up after two seconds.
pub fn quiesce() {
    let start = std::time::Instant::now();
    let mut quiet = 0;
    while quiet < 5 && start.elapsed() < Duration::from_secs(2) {
        quiet = if others_busy() { 0 } else { quiet + 1 };
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn others_busy() -> bool {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return false; // not Linux: nothing to look at
    };
    let own = std::process::id().to_string();
    tasks
        .flatten()
        .filter(|task| task.file_name() != own.as_str())
        .any(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // The state follows the name, which is in parentheses and may itself hold some.
            let state = stat
                .rsplit(") ")
                .next()
                .and_then(|rest| rest.chars().next());
            matches!(state, Some('R' | 'D'))
        })
}
