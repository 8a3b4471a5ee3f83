//! Fitted parameters of distributed runs.

use std::sync::OnceLock;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::super::Conformal;

/// What is fitted to published distributed runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distributed {
    /// Where the figures come from.
    pub provenance: String,
    /// A study's printed bandwidth over ours: studies print points of a grid below or above the threshold.
    pub printed: IndexMap<String, f64>,
    /// Printed over ours where the study is not known.
    pub printed_otherwise: f64,
    /// Lowest and highest point (Gbit/s) and number of points of the logarithmic grid of simulated bandwidths.
    pub grid: (f64, f64, u32),
    /// Printed volume of an exchange over the payload's.
    pub printed_volume: f64,
    /// Model FLOP utilisation of an inner step on one server of eight H100, sharded (Jaghouar et al. 2024, INTELLECT-1).
    pub inner_mfu: f64,
    /// Data in flight on a wide-area connection between workers (bit): bandwidth = window / round trip.
    pub window_bits: f64,
    /// Time of a layer's launches and conversions in a chain of servers \[s\].
    pub layer_overhead: f64,
    /// Time a server of a chain takes beside its layers \[s\].
    pub server_overhead: f64,
    /// Rate at which a server of a chain reads keys and values \[B/s\].
    pub context_bandwidth: f64,
    /// Interval of bandwidths for a utilisation.
    pub bandwidth_interval: Conformal,
    /// Interval of everything else.
    pub interval: Conformal,
}

/// The shipped parameters.
///
/// # Panics
/// Never: they are compiled in, and the tests parse them.
#[must_use]
pub fn parameters() -> &'static Distributed {
    static TABLE: OnceLock<Distributed> = OnceLock::new();
    TABLE.get_or_init(|| {
        toml::from_str(include_str!("../../../data/throughput/distributed.toml"))
            // The file is compiled in and the test below parses it: no input of a user reaches this.
            .expect("the compiled-in parameters parse")
    })
}

impl Distributed {
    /// The nearest point of the grid to a bandwidth \[Gbit/s\], as it is printed: with one decimal.
    #[must_use]
    pub fn on_grid(&self, bandwidth: f64) -> f64 {
        let (low, high, points) = self.grid;
        let step = (high / low).ln() / f64::from(points.max(2) - 1);
        let point = low * (((bandwidth / low).ln() / step).round().clamp(0.0, f64::from(points.max(2) - 1)) * step).exp();
        (point * 10.0).round() / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_has_the_printed_points() {
        // Points that Douillard et al. 2025 print: 1.4, 11.0, 104.8, 569.0 and the end, 1000.
        let it = parameters();
        for printed in [0.4, 1.4, 11.0, 104.8, 569.0, 1000.0] {
            assert!((it.on_grid(printed * 1.02) / printed - 1.0).abs() < 1e-9, "{printed}: {}", it.on_grid(printed));
        }
        assert!((it.on_grid(1e9) - 1000.0).abs() < 1e-6 && it.on_grid(0.0) > 0.0);
    }
}
