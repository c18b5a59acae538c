//! Samples and what is told of them: the median, because one disturbed round on a shared machine must not decide.

use std::time::Duration;

/// Figures of one kind, one a round or one an operation.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one figure.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Adds one latency, in microseconds.
    pub fn push_micros(&mut self, latency: Duration) {
        self.push(latency.as_nanos() as f64 / 1e3);
    }

    /// Each figure as a share of the other's of the same round.
    #[must_use]
    pub fn shares_of(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(own, other)| own / other).collect())
    }

    /// The smallest figure that at least the share `q` of all are not above (nearest rank); 0 without any figure.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[allow(clippy::cast_sign_loss)] // q is in 0 … 1
        let rank = (q * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
    }

    /// Half are not above it.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(figures: &[f64]) -> Samples {
        Samples(figures.to_vec())
    }

    #[test]
    fn nearest_rank() {
        let hundred = samples(&(1..=100).map(f64::from).collect::<Vec<_>>());
        assert!((hundred.quantile(0.99) - 99.0).abs() < f64::EPSILON);
        assert!((hundred.median() - 50.0).abs() < f64::EPSILON);
        assert!((samples(&[3.0, 1.0, 2.0]).median() - 2.0).abs() < f64::EPSILON);
        assert!((samples(&[7.0]).quantile(0.0) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn shares_are_of_the_same_round() {
        let shares = samples(&[8.0, 30.0, 1.0]).shares_of(&samples(&[10.0, 10.0, 10.0]));
        assert!((shares.median() - 0.8).abs() < f64::EPSILON);
        assert!((shares.quantile(1.0) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn nothing_is_zero() {
        assert!(Samples::default().median().abs() < f64::EPSILON);
    }
}
