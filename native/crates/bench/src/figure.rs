//! One measured figure, printed as one line of JSON. What it is judged by stands in `bench/bars.ts`.

use std::io::{self, Write};

/// A figure that is ready to print.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name under which its bar is kept.
    pub metric: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Processor time of the process an operation, in microseconds.
    pub cpu_per_op: Option<f64>,
    /// The same figure for the raw floor of the same run.
    pub floor: Option<f64>,
}

impl Figure {
    /// A figure without processor time and floor.
    pub fn new(metric: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            metric: metric.into(),
            value,
            unit,
            cpu_per_op: None,
            floor: None,
        }
    }

    /// With processor time an operation, in microseconds.
    #[must_use]
    pub fn cpu(mut self, micros: f64) -> Self {
        self.cpu_per_op = Some(micros);
        self
    }

    /// With its floor.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self
    }

    /// Prints the line at once, so that a reader sees progress.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn print(&self) -> io::Result<()> {
        let line = serde_json::json!({
            "metric": self.metric, "value": self.value, "unit": self.unit,
            "cpuPerOp": self.cpu_per_op, "floor": self.floor,
        });
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }
}
