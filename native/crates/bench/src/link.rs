//! Links between two nodes in one process over the loopback interface, beside bare TCP of the same run: round trips, flow, and what a
//! quiet link costs. Both ends are counted together, so that figures of processor time are those of the sender and the receiver.

use std::thread;
use std::time::{Duration, Instant};

use pyralog_link::Limits;

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::link_pair::Pair;
use crate::link_raw;
use crate::plan::Plan;
use crate::sample::Samples;

/// Bytes of a small message: an acknowledgement with its heads.
pub const SMALL: usize = 64;
/// Bytes of a large one: an append of a full group.
const LARGE: usize = 1 << 20;
/// Rounds of each kind, links and bare TCP in turn.
const ROUNDS: usize = 5;

/// Round trips that were timed.
pub struct Trips {
    /// One each.
    pub micros: Samples,
    /// Of the process meanwhile.
    pub cpu: Duration,
    /// How many.
    pub count: usize,
}

/// Messages that went one way.
pub struct Flow {
    /// From the first byte to the last.
    pub took: Duration,
    /// Of the process meanwhile.
    pub cpu: Duration,
    /// How many.
    pub count: usize,
    /// Of each.
    pub bytes: usize,
}

impl Trips {
    /// Microseconds of processor time a message; there are two a trip.
    fn cpu_a_message(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / (2 * self.count) as f64
    }
}

impl Flow {
    fn megabytes(&self) -> f64 {
        (self.count * self.bytes) as f64 / 1e6
    }

    fn rate(&self) -> f64 {
        self.megabytes() / self.took.as_secs_f64()
    }

    fn cpu_a_megabyte(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.megabytes()
    }

    fn cpu_a_message(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count as f64
    }
}

/// All figures of links.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let trips = (plan.operations / 20) as usize;
    let larges = (plan.operations / 400) as usize;
    let mut measured = Measured::default();
    for _ in 0..ROUNDS {
        let pair = Pair::start(Limits::default())?;
        measured.trips(&pair.ping_pong(trips)?, &link_raw::ping_pong(trips, SMALL)?);
        let messages = plan.operations as usize;
        measured.smalls(
            &pair.one_way(messages, SMALL)?,
            &link_raw::one_way(messages, SMALL)?,
        );
        measured.larges(
            &pair.one_way(larges, LARGE)?,
            &link_raw::one_way(larges, LARGE)?,
        );
        pair.close();
    }
    measured.print()?;
    quiet("quiet link, heartbeats of 10 ms", Limits::default(), plan)?;
    let fast = Limits {
        idle_heartbeat: Limits::default().heartbeat,
        ..Limits::default()
    };
    quiet("quiet link, heartbeats of 2 ms", fast, plan)
}

/// Medians over the rounds; `[0]` of links, `[1]` of bare TCP.
#[derive(Default)]
struct Measured {
    p50: [Samples; 2],
    p99: [Samples; 2],
    trip_cpu: [Samples; 2],
    small_cpu: [Samples; 2],
    rate: [Samples; 2],
    large_cpu: [Samples; 2],
}

impl Measured {
    fn trips(&mut self, link: &Trips, raw: &Trips) {
        for (at, trips) in [link, raw].into_iter().enumerate() {
            self.p50[at].push(trips.micros.median());
            self.p99[at].push(trips.micros.quantile(0.99));
            self.trip_cpu[at].push(trips.cpu_a_message());
        }
    }

    fn smalls(&mut self, link: &Flow, raw: &Flow) {
        for (at, flow) in [link, raw].into_iter().enumerate() {
            self.small_cpu[at].push(flow.cpu_a_message());
        }
    }

    fn larges(&mut self, link: &Flow, raw: &Flow) {
        for (at, flow) in [link, raw].into_iter().enumerate() {
            self.rate[at].push(flow.rate());
            self.large_cpu[at].push(flow.cpu_a_megabyte());
        }
    }

    fn print(&self) -> Result<(), BenchError> {
        let figures: [(&str, &[Samples; 2], &'static str); 6] = [
            ("link round trip p50", &self.p50, "us"),
            ("link round trip p99", &self.p99, "us"),
            ("link processor a message, in turn", &self.trip_cpu, "us"),
            ("link processor a message, one way", &self.small_cpu, "us"),
            ("link flow, 1 MiB messages", &self.rate, "MB/s"),
            (
                "link processor a megabyte, 1 MiB messages",
                &self.large_cpu,
                "us",
            ),
        ];
        for (name, [link, raw], unit) in figures {
            Figure::new(name, link.median(), unit)
                .floor(raw.median())
                .print()?;
        }
        Ok(())
    }
}

/// Share of a core that a node spends on a link over which nothing goes.
fn quiet(name: &str, limits: Limits, plan: &Plan) -> Result<(), BenchError> {
    let pair = Pair::start(limits)?;
    // Until nothing of the layer above was there for long enough.
    thread::sleep(Duration::from_millis(200));
    let watch = plan.soak.min(Duration::from_secs(5));
    let (cpu, start, before) = (cpu::process(), Instant::now(), pair.wake_ups());
    thread::sleep(watch);
    let share = cpu::process().saturating_sub(cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    let wakes = (pair.wake_ups() - before) as f64 / start.elapsed().as_secs_f64();
    Figure::new(name, share * 100.0 / 2.0, "% of a core a node").print()?;
    Figure::new(
        format!("{name}, wake-ups"),
        wakes / 2.0,
        "a node and second",
    )
    .print()?;
    pair.close();
    Ok(())
}
