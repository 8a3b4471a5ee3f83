//! States that a duct passes through: normal, degraded, intermittent, off.

use bastide_engine::Distribution;
use bastide_units::Duration;

/// One state of a semi-Markov chain (Howard 1971, "Dynamic Probabilistic Systems", volume 2): how long it lasts and what follows, and what
/// it makes of the links in the duct.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkState {
    /// Name, unique in its chain.
    pub name: String,
    /// Share of the bandwidth that is left; zero is off.
    pub bandwidth: f64,
    /// Factor on the latency.
    pub latency_factor: f64,
    /// Latency on top.
    pub added_latency: Duration,
    /// Share of what is sent that is lost and sent again: it costs that share of the bandwidth, and `1 / (1 - loss)` transmissions on average.
    pub loss: f64,
    /// Share of each period in which it carries at all.
    pub duty: f64,
    /// Up and down once; `None` where it is up all the time.
    pub period: Option<Duration>,
    /// Time in the state \[s\]; `None` where only the hazard's events end it, or nothing does.
    pub stay: Option<Distribution>,
    /// Probability of each state to be the next; sums to one, or all zero where it never ends.
    pub next: Vec<f64>,
}

impl LinkState {
    /// Share of the bandwidth that is left for what gets through while it carries.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.bandwidth * (1.0 - self.loss)
    }
    /// Factor on the latency: transmissions until one is not lost (geometric), each as slow as the state makes it.
    #[must_use]
    pub fn slowness(&self) -> f64 {
        self.latency_factor / (1.0 - self.loss)
    }
    /// Normal, degraded, intermittent or off.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.bandwidth <= 0.0 || self.duty <= 0.0 {
            "off"
        } else if self.duty < 1.0 {
            "intermittent"
        } else if self.width() < 1.0 || self.latency_factor != 1.0 || self.added_latency > Duration::ZERO {
            "degraded"
        } else {
            "normal"
        }
    }
}
