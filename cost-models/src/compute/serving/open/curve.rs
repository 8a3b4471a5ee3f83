//! Latency and power against load, tabulated once for use in long simulations.

use super::{Open, OpenState};

/// A replica at some load.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct LoadPoint {
    /// Share of the saturation rate.
    pub load: f64,
    /// Mean time to the last token \[s\].
    pub latency: f64,
    /// Its 95th percentile \[s\].
    pub latency_p95: f64,
    /// Mean time to the first token \[s\].
    pub ttft: f64,
    /// Its 95th percentile \[s\].
    pub ttft_p95: f64,
    /// Power between idle (0) and full (1).
    pub activity: f64,
}

/// Latencies and power of a replica at any load below saturation.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct LoadCurve {
    /// The largest rate \[1/s\].
    pub saturation: f64,
    /// In ascending order of load, the first at 0.
    pub points: Vec<LoadPoint>,
}

/// Points of a curve.
const POINTS: usize = 32;
/// Highest load of a curve; beyond it queues have no steady state worth the name within an hour.
const HIGHEST: f64 = 0.98;

impl LoadCurve {
    /// Of a service; `activity` gives the power of a state between idle and full.
    #[must_use]
    pub fn new(service: &Open, activity: impl Fn(&OpenState) -> f64) -> Self {
        let saturation = service.saturation();
        let mut points: Vec<LoadPoint> = Vec::with_capacity(POINTS);
        for index in 0..POINTS {
            // Denser where latencies rise.
            let load = HIGHEST * (1.0 - (1.0 - index as f64 / (POINTS - 1) as f64).powf(1.5)).max(1e-3);
            let Some(it) = service.at(load * saturation) else { continue };
            let mut point = LoadPoint {
                load: if index == 0 { 0.0 } else { load },
                latency: it.latency,
                latency_p95: it.latency_p95,
                ttft: it.ttft,
                ttft_p95: it.ttft_p95,
                activity: if index == 0 { 0.0 } else { activity(&it) },
            };
            // Latencies rise with load; where a kernel of a larger batch is faster, the slower one stands for both.
            if let Some(last) = points.last() {
                point.latency = point.latency.max(last.latency);
                point.latency_p95 = point.latency_p95.max(last.latency_p95);
                point.ttft = point.ttft.max(last.ttft);
                point.ttft_p95 = point.ttft_p95.max(last.ttft_p95);
                point.activity = point.activity.max(last.activity);
            }
            points.push(point);
        }
        Self { saturation, points }
    }

    /// The replica at a share of the saturation rate, linear between points. Above the last point it is that of the last.
    #[must_use]
    pub fn at(&self, load: f64) -> LoadPoint {
        let Some(last) = self.points.last() else { return LoadPoint { load, ..LoadPoint::default() } };
        let high = self.points.partition_point(|it| it.load < load);
        if high == 0 {
            return LoadPoint { load, ..self.points[0] };
        }
        if high == self.points.len() {
            return LoadPoint { load, ..*last };
        }
        let (a, b) = (&self.points[high - 1], &self.points[high]);
        let share = (load - a.load) / (b.load - a.load);
        let mix = |of: fn(&LoadPoint) -> f64| of(a) + (of(b) - of(a)) * share;
        LoadPoint {
            load,
            latency: mix(|it| it.latency),
            latency_p95: mix(|it| it.latency_p95),
            ttft: mix(|it| it.ttft),
            ttft_p95: mix(|it| it.ttft_p95),
            activity: mix(|it| it.activity),
        }
    }
}
