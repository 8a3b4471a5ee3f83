//! Fits collectives to points that were measured on one node.

use super::{Collective, Communication, Exchange, Fabric, Implementation};
use crate::compute::{Conformal, Device};

/// A measured collective inside a scale-up domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollectivePoint {
    /// What was done.
    pub operation: Collective,
    /// Buffer, members and numbers.
    pub exchange: Exchange,
    /// Who did it.
    pub by: Implementation,
    /// Measured time \[s\].
    pub seconds: f64,
}

impl Communication {
    /// The shipped parameters adjusted to a node's points by two factors, of latencies and of bandwidths, within a quarter and
    /// four times the shipped. Intervals are those of the points' own errors where there are twenty or more.
    #[must_use]
    pub fn from_points(&self, device: &Device, points: &[CollectivePoint]) -> Self {
        const ENOUGH: usize = 20;
        let errors = |it: &Self| -> Vec<f64> {
            let error = |point: &CollectivePoint| {
                (point.seconds * 1e6 / it.time(device, point.operation, point.exchange, Fabric::ScaleUp, point.by)).ln()
            };
            points.iter().map(error).filter(|error| error.is_finite()).collect()
        };
        if errors(self).is_empty() {
            return self.clone();
        }
        let loss = |latency: f64, bandwidth: f64| {
            let errors = errors(&self.scaled(latency, bandwidth));
            errors.iter().map(|it| it.abs()).sum::<f64>() / errors.len().max(1) as f64 + 1e-3 * (latency.ln().abs() + bandwidth.ln().abs())
        };
        let (mut latency, mut bandwidth) = (1.0, 1.0);
        let (mut value, mut step) = (loss(latency, bandwidth), 0.5_f64);
        while step > 1e-3 {
            let moves = [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
            let tried = moves.map(|(a, b): (f64, f64)| {
                let (latency, bandwidth): (f64, f64) = ((latency * a.exp()).clamp(0.25, 4.0), (bandwidth * b.exp()).clamp(0.25, 4.0));
                (loss(latency, bandwidth), latency, bandwidth)
            });
            match tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)) {
                Some((there, a, b)) if there < value => (value, latency, bandwidth) = (there, a, b),
                _ => step /= 2.0,
            }
        }
        let mut it = self.scaled(latency, bandwidth);
        let errors = errors(&it);
        if errors.len() >= ENOUGH
            && let Some(spread) = Conformal::calibrate(errors.into_iter().map(|error| (error, 1.0)))
        {
            let all = &mut it.spread;
            for each in [&mut all.all_reduce, &mut all.all_gather, &mut all.reduce_scatter, &mut all.pairs, &mut all.direct] {
                *each = spread;
            }
        }
        it
    }

    pub(super) fn scaled(&self, latency: f64, bandwidth: f64) -> Self {
        let mut it = self.clone();
        for ring in [&mut it.all_reduce, &mut it.all_gather, &mut it.reduce_scatter] {
            for time in [&mut ring.base, &mut ring.hop, &mut ring.line_base, &mut ring.chunk_base, &mut ring.chunk_hop] {
                *time *= latency;
            }
            for time in [&mut ring.word, &mut ring.line] {
                *time /= bandwidth;
            }
            ring.link *= bandwidth;
        }
        it.switch.base *= latency;
        it.switch.link *= bandwidth;
        for time in [&mut it.pairs.base, &mut it.pairs.partner, &mut it.pairs.chunk_base] {
            *time *= latency;
        }
        it.pairs.word /= bandwidth;
        it.pairs.link *= bandwidth;
        for time in [&mut it.direct.base, &mut it.direct.member, &mut it.direct.two_base] {
            *time *= latency;
        }
        it.direct.link *= bandwidth;
        it.direct.two_link *= bandwidth;
        it
    }
}
