//! Training over slow links: workers that train alone for a while and exchange what they learnt.
//!
//! ```text
//! compute  |fwd|==bwd==|fwd|==bwd==| .. H steps .. |fwd|==bwd==|        |   <- exposed: what is still under way when the
//! link                                               |fragment 1|...|      overlap window closes
//! ```
//!
//! A round is `H` steps. In its backward passes layers finish one by one, from the last to the first, and what they are to send
//! queues on the link; a fragment of strided layers is sent in one of the round's steps. The link may go on for `overlap` more
//! steps before the result is needed (Douillard et al. 2025, Streaming `DiLoCo`, arXiv 2501.18512, section 2 and the simulation of
//! compute utilisation; Charles et al. 2025, arXiv 2503.09799, wall-clock model). Data parallelism is `H` = 1 with one fragment, `DiLoCo`
//! (Douillard et al. 2024) one fragment every `H` steps.

pub mod federated;
mod parameters;
pub mod pipeline;

pub use federated::{Client, Round, expected_round, federated_round};
pub use parameters::{Distributed, parameters};
pub use pipeline::{DecodeChain, pipeline_loss, pipeline_rate};

/// Share of a step that its backward pass takes: two of three matrix products (Kaplan et al. 2020).
const BACKWARD: f64 = 2.0 / 3.0;
/// Narrowest and widest link considered by [`bandwidth_for`] \[bit/s\].
const LINKS: (f64, f64) = (1.0, 1e18);

/// A model in training on one of several workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workers {
    /// Parameters.
    pub parameters: f64,
    /// Layers, which finish one by one in the backward pass.
    pub layers: f64,
    /// Time of one inner step without exchange \[s\].
    pub step_time: f64,
    /// Workers that exchange.
    pub count: f64,
}

impl Workers {
    /// Layers of a decoder with so many parameters: 24 at a billion and with the power 0.3, as in the Chinchilla and Llama
    /// families (126 at 405 billion).
    #[must_use]
    pub fn typical_layers(parameters: f64) -> f64 {
        if parameters > 0.0 { (24.0 * (parameters / 1e9).powf(0.3)).round().clamp(1.0, 1000.0) } else { 1.0 }
    }
}

/// What workers exchange and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Inner steps between two exchanges of the same parameter.
    pub inner_steps: f64,
    /// Fragments of the model, each of every `fragments`-th layer, exchanged in turn within a round.
    pub fragments: f64,
    /// Steps that go on while an exchange is under way.
    pub overlap_steps: f64,
    /// Bits of a number on the link.
    pub bits: f64,
}

impl Exchange {
    /// Gradients of every step in 16 bits.
    pub const DATA_PARALLEL: Self = Self { inner_steps: 1.0, fragments: 1.0, overlap_steps: 0.0, bits: 16.0 };

    /// The whole difference every `inner_steps` (Douillard et al. 2024, `DiLoCo`, arXiv 2311.08105).
    #[must_use]
    pub fn diloco(inner_steps: f64) -> Self {
        Self { inner_steps, ..Self::DATA_PARALLEL }
    }

    /// Fragment by fragment (Douillard et al. 2025).
    #[must_use]
    pub fn streaming(inner_steps: f64, fragments: f64) -> Self {
        Self { fragments, ..Self::diloco(inner_steps) }
    }

    /// The result is applied a whole round later (Kale et al. 2025, Eager Updates, arXiv 2502.12996).
    #[must_use]
    pub fn eager(inner_steps: f64) -> Self {
        Self { overlap_steps: inner_steps, ..Self::diloco(inner_steps) }
    }

    /// The same with `steps` of overlap.
    #[must_use]
    pub fn overlapped(self, steps: f64) -> Self {
        Self { overlap_steps: steps, ..self }
    }

    /// The same with `bits` a number.
    #[must_use]
    pub fn quantised(self, bits: f64) -> Self {
        Self { bits, ..self }
    }
}

/// A worker's link to the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Bandwidth, each direction \[bit/s\].
    pub bandwidth: f64,
    /// Round-trip time \[s\].
    pub round_trip: f64,
}

/// Bits that a worker sends in a round: a bandwidth-optimal all-reduce, `2 (M - 1) / M` times the payload (Patarasuk and Yuan
/// 2009).
#[must_use]
pub fn traffic(workers: &Workers, exchange: &Exchange) -> f64 {
    if workers.count > 1.0 { 2.0 * (workers.count - 1.0) / workers.count * workers.parameters * exchange.bits } else { 0.0 }
}

/// Time of a round in which the workers wait for the link \[s\].
#[must_use]
pub fn exposed(workers: &Workers, exchange: &Exchange, link: &Link) -> f64 {
    let layers = workers.layers.clamp(1.0, 10_000.0).max(1.0);
    let fragments = exchange.fragments.clamp(1.0, layers).floor();
    let backward = BACKWARD * workers.step_time;
    let each = traffic(workers, exchange) / (layers * link.bandwidth);
    // A ring of M passes 2 (M - 1) messages one after the other, each half a round trip away.
    let latency = if workers.count > 1.0 { (workers.count - 1.0) * link.round_trip } else { 0.0 };
    let mut sum = 0.0;
    let mut fragment = 0.0;
    while fragment < fragments {
        // Layers fragment, fragment + P, ..; the last of them is ready first.
        let own = ((layers - fragment) / fragments).ceil();
        let top = fragment + (own - 1.0) * fragments;
        // Ready times fall on a line, so that the queue's end is set by its first or its last.
        let queue = (backward * (1.0 - top / layers) + own * each).max(backward * (1.0 - fragment / layers) + each);
        sum += (queue + latency - backward - exchange.overlap_steps * workers.step_time).max(0.0);
        fragment += 1.0;
    }
    sum
}

/// Share of the time that the workers compute.
#[must_use]
pub fn utilisation(workers: &Workers, exchange: &Exchange, link: &Link) -> f64 {
    let compute = exchange.inner_steps * workers.step_time;
    compute / (compute + exposed(workers, exchange, link))
}

/// Bandwidth that a utilisation takes \[bit/s\], at a round-trip time \[s\]; `None` where latency alone makes it impossible.
#[must_use]
pub fn bandwidth_for(workers: &Workers, exchange: &Exchange, round_trip: f64, share: f64) -> Option<f64> {
    let reaches = |bandwidth: f64| utilisation(workers, exchange, &Link { bandwidth, round_trip }) >= share;
    if !reaches(LINKS.1) {
        return None;
    }
    let (mut low, mut high) = (LINKS.0.ln(), LINKS.1.ln());
    // Utilisation rises with bandwidth: 50 halvings of 41 natural logarithms leave 4e-14.
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if reaches(middle.exp()) { high = middle } else { low = middle }
    }
    Some(high.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BILLION: Workers = Workers { parameters: 1e9, layers: 24.0, step_time: 0.1, count: 2.0 };

    #[test]
    fn one_exchange_by_hand() {
        // 16 Gbit over 1 Gbit/s start at 1/24 of a backward pass of 66.7 ms: 16 - 0.0667 * 23/24 s too late.
        let link = Link { bandwidth: 1e9, round_trip: 0.0 };
        let exposed = exposed(&BILLION, &Exchange::diloco(100.0), &link);
        assert!((exposed - (16.0 - 0.2 / 3.0 * 23.0 / 24.0)).abs() < 1e-9, "{exposed}");
        let share = utilisation(&BILLION, &Exchange::diloco(100.0), &link);
        assert!((share - 10.0 / (10.0 + exposed)).abs() < 1e-12);
        // Half of the time: 10 s for 16 Gbit, 1.589 Gbit/s with the overlap of 64 ms.
        let half = bandwidth_for(&BILLION, &Exchange::diloco(100.0), 0.0, 0.5).unwrap();
        assert!((half / (16e9 / (10.0 + 0.2 / 3.0 * 23.0 / 24.0)) - 1.0).abs() < 1e-9, "{half}");
    }

    #[test]
    fn cells_of_the_published_simulation_are_within_a_step_of_its_grid() {
        // Douillard et al. 2025, table 4, 1 billion parameters, 0.1 s a step: Gbit/s for 50 to 99 % of utilisation. The
        // table prints the last point of a logarithmic grid (factor 1.21) before the utilisation is reached.
        let cells: [(Exchange, [f64; 5]); 5] = [
            (Exchange::DATA_PARALLEL, [86.8, 152.6, 184.2, 222.3, 569.0]),
            (Exchange::diloco(100.0), [1.4, 6.2, 13.3, 23.3, 86.8]),
            (Exchange::streaming(100.0, 8.0), [1.4, 5.2, 9.1, 16.0, 28.1]),
            (Exchange::streaming(100.0, 8.0).overlapped(1.0), [1.4, 4.3, 6.2, 9.1, 11.0]),
            (Exchange::streaming(100.0, 8.0).overlapped(1.0).quantised(4.0), [0.4, 0.9, 1.7, 2.0, 3.0]),
        ];
        for (exchange, published) in cells {
            for (share, published) in [0.5, 0.8, 0.9, 0.95, 0.99].into_iter().zip(published) {
                let ours = bandwidth_for(&BILLION, &exchange, 0.0, share).unwrap() / 1e9;
                assert!((0.85..1.45).contains(&(ours / published)), "{exchange:?} {share}: {ours} {published}");
            }
        }
    }

    #[test]
    fn a_whole_round_of_overlap_hides_what_a_round_takes() {
        let eager = Exchange::eager(100.0);
        // 16 Gbit in 10 s and a backward pass.
        assert!(utilisation(&BILLION, &eager, &Link { bandwidth: 1.6e9, round_trip: 0.0 }) > 0.9999);
        assert!(utilisation(&BILLION, &eager, &Link { bandwidth: 0.8e9, round_trip: 0.0 }) < 0.6);
    }

    #[test]
    fn latency_alone_can_forbid_a_utilisation() {
        assert_eq!(bandwidth_for(&BILLION, &Exchange::DATA_PARALLEL, 1.0, 0.9), None);
        assert!(bandwidth_for(&BILLION, &Exchange::diloco(100.0), 1.0, 0.9).is_some());
        // Four workers send 1.5 payloads instead of 1.
        let four = Workers { count: 4.0, ..BILLION };
        assert!((traffic(&four, &Exchange::DATA_PARALLEL) / traffic(&BILLION, &Exchange::DATA_PARALLEL) - 1.5).abs() < 1e-12);
        assert!(traffic(&Workers { count: 1.0, ..BILLION }, &Exchange::DATA_PARALLEL).abs() < 1e-12);
    }

    #[test]
    fn odd_values_do_not_panic_or_hang() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let workers = Workers { parameters: value, layers: value, step_time: value, count: value };
            let exchange = Exchange { inner_steps: value, fragments: value, overlap_steps: value, bits: value };
            let _ = utilisation(&workers, &exchange, &Link { bandwidth: value, round_trip: value });
            let _ = bandwidth_for(&Workers { layers: 10.0, ..workers }, &exchange, value, value);
        }
        assert!((Workers::typical_layers(f64::NAN) - 1.0).abs() < 1e-12);
    }
}
