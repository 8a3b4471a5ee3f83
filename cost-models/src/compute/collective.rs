//! Time of collective communication among accelerators.
//!
//! ```text
//! Device --> Links --(Ring, Switch, Pairs, Direct: collective.toml)--> inside a domain --(Network)--> among domains --> seconds
//! ```

pub mod calibration;
pub mod network;
pub mod scale_up;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use network::Network;
pub use scale_up::{Direct, Exchange, Links, Pairs, Ring, Switch};

use super::attention::positive;
use super::{Conformal, Device, Generation, Grade, Prediction, Term};

/// A collective operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collective {
    /// Everyone ends with the sum.
    AllReduce,
    /// Everyone ends with every part.
    AllGather,
    /// Everyone ends with the sum of one part.
    ReduceScatter,
    /// Everyone sends a part to everyone.
    AllToAll,
    /// One sends to the next.
    SendReceive,
}

/// Where the partners sit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fabric {
    /// All in one scale-up domain (NVLink, xGMI, PCIe).
    ScaleUp,
    /// Groups of `inside` in a scale-up domain, joined by the network at `bandwidth` \[B/s\] for each accelerator and `latency` \[s\].
    Network {
        /// Partners inside each scale-up domain.
        inside: f64,
        /// Bandwidth of each accelerator's share of the network, each direction \[B/s\].
        bandwidth: f64,
        /// Latency of one message \[s\].
        latency: f64,
    },
}

/// Who implements a collective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implementation {
    /// The vendor's library (NCCL, RCCL).
    Library,
    /// An inference engine's own all-reduce for small vectors, the library's beyond.
    Engine,
}

/// What is fitted of collectives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Communication {
    /// Where the parameters come from.
    pub provenance: String,
    /// Intervals.
    pub spread: Spread,
    /// All-reduce around a ring.
    pub all_reduce: Ring,
    /// All-gather around a ring.
    pub all_gather: Ring,
    /// Reduce-scatter around a ring.
    pub reduce_scatter: Ring,
    /// All-reduce in the switch.
    pub switch: Switch,
    /// Messages of each to each.
    pub pairs: Pairs,
    /// All-reduce of inference engines.
    pub direct: Direct,
}

/// How far numbers of members that a fit had not seen lay from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// All-reduce.
    pub all_reduce: Conformal,
    /// All-gather.
    pub all_gather: Conformal,
    /// Reduce-scatter.
    pub reduce_scatter: Conformal,
    /// Messages of each to each, and of one to one.
    pub pairs: Conformal,
    /// All-reduce of inference engines.
    pub direct: Conformal,
}

/// The shipped parameters.
///
/// # Panics
/// Never: the file is compiled in, and the tests parse it.
#[must_use]
pub fn communication() -> &'static Communication {
    static COMMUNICATION: OnceLock<Communication> = OnceLock::new();
    COMMUNICATION.get_or_init(|| {
        toml::from_str(include_str!("../../data/throughput/collective.toml"))
            // The file is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in parameters parse")
    })
}

/// Time of a collective of `members` accelerators over `bytes` \[s\]: the buffer's size as NCCL counts it (the whole vector
/// of an all-reduce, the gathered result of an all-gather, the input of a reduce-scatter, what one member sends in all of an
/// all-to-all).
#[must_use]
pub fn collective_time(device: &Device, operation: Collective, bytes: f64, members: f64, fabric: Fabric) -> f64 {
    communication().time(device, operation, Exchange { bytes, members, number: 2.0 }, fabric, Implementation::Library) * 1e-6
}

/// Time of an inference engine's all-reduce inside a scale-up domain \[s\]: its own where that is faster than the library's.
#[must_use]
pub fn engine_all_reduce_time(device: &Device, bytes: f64, members: f64) -> f64 {
    let exchange = Exchange { bytes, members, number: 2.0 };
    communication().time(device, Collective::AllReduce, exchange, Fabric::ScaleUp, Implementation::Engine) * 1e-6
}

/// [`collective_time`] with its interval, for numbers of `number` bytes \[s\].
#[must_use]
pub fn collective(device: &Device, operation: Collective, exchange: Exchange, fabric: Fabric, by: Implementation) -> Prediction {
    let it = communication();
    let value = it.time(device, operation, exchange, fabric, by) * 1e-6;
    let spread = match (by, operation) {
        (Implementation::Engine, Collective::AllReduce) => it.spread.direct,
        (_, Collective::AllReduce) => it.spread.all_reduce,
        (_, Collective::AllGather) => it.spread.all_gather,
        (_, Collective::ReduceScatter) => it.spread.reduce_scatter,
        (_, Collective::AllToAll | Collective::SendReceive) => it.spread.pairs,
    };
    let measured = device.generation == Generation::Hopper && device.scale_up_domain == 8 && fabric == Fabric::ScaleUp;
    let (grade, wider) = match device.generation {
        _ if measured => (Grade::Interpolated, 1.0),
        Generation::Hopper | Generation::Ampere | Generation::Blackwell => (Grade::Transferred, 2.0),
        _ => (Grade::Datasheet, 3.0),
    };
    // The intervals are those of twice or half the members that were seen; each further doubling adds as much.
    let (low90, high90) = spread.interval(value, wider * (positive(exchange.members, 1e7) / 4.0).log2().max(1.0));
    let formula = "min over algorithms and protocols of (latency x steps + bytes / bandwidth), domain and network";
    let terms = vec![Term { name: "collective", seconds: value, formula, source: "alpha-beta (Hockney 1994; Thakur et al. 2005)" }];
    Prediction { value, low90, high90, grade, terms }
}

impl Links {
    /// Links of `members` devices in one scale-up domain.
    #[must_use]
    pub fn of(device: &Device, members: f64) -> Self {
        let domain = f64::from(device.scale_up_domain.max(1));
        let bandwidth = (device.scale_up_bandwidth.as_gb_per_s() * 1e3).max(1.0);
        let others = (members - 1.0).max(1.0);
        let share = match device.generation {
            // Links are a mesh: a link for each partner, so that few partners use few links. At 8 MI300X reach 313 of
            // 448 GB/s (stas00/ml-engineering, network benchmarks) where rings on NVLink reach 83 %.
            Generation::Cdna2 | Generation::Cdna3 | Generation::Cdna4 => 0.85 * (others / (domain - 1.0).max(1.0)).min(1.0),
            Generation::Gaudi => (others / (domain - 1.0).max(1.0)).min(1.0),
            // 235 of 300 GB/s at 16 GB (stas00/ml-engineering, network benchmarks).
            Generation::Volta | Generation::Ampere => 0.95,
            _ => 1.0,
        };
        // PCIe and what the sheet knows no partners of: neighbours share the host's bridges, and messages take longer.
        let alone = device.scale_up_domain <= 1;
        let sums = matches!(device.generation, Generation::Hopper | Generation::Blackwell) && device.scale_up_domain >= 8;
        Self {
            bandwidth: bandwidth * share * if alone { 0.8 } else { 1.0 },
            memory: (device.memory_bandwidth.as_gb_per_s() * 1e3).max(1.0),
            sums,
            latency: if alone { 2.0 } else { 1.0 },
        }
    }
}

impl Communication {
    /// Time of a collective \[us\].
    #[must_use]
    pub fn time(&self, device: &Device, operation: Collective, exchange: Exchange, fabric: Fabric, by: Implementation) -> f64 {
        let members = positive(exchange.members, 1e7);
        let bytes = if exchange.bytes > 0.0 { exchange.bytes.min(1e18) } else { 0.0 };
        if members <= 1.0 && operation != Collective::SendReceive {
            return 0.0;
        }
        let it = Exchange { bytes, members: members.max(2.0), number: exchange.number };
        // Between one and two members (an average) it is a share of what two take.
        let share = (members - 1.0).clamp(0.0, 1.0).max(if operation == Collective::SendReceive { 1.0 } else { 0.0 });
        match fabric {
            Fabric::ScaleUp => share * self.inside(&Links::of(device, it.members), operation, &it, by),
            Fabric::Network { inside, bandwidth, latency } => {
                let inside = positive(inside, it.members).max(1.0);
                let network = Network {
                    inside,
                    bandwidth: if bandwidth > 0.0 { (bandwidth * 1e-6).min(1e12) } else { 1e-6 }.max(1e-6),
                    latency: if latency > 0.0 { (latency * 1e6).min(1e12) } else { 0.0 },
                };
                let domain = Exchange {
                    members: inside,
                    // Of an all-to-all only the partners inside are reached without the network.
                    bytes: if operation == Collective::AllToAll { it.bytes * inside / it.members } else { it.bytes },
                    number: it.number,
                };
                let within = if inside < 2.0 || operation == Collective::SendReceive {
                    0.0
                } else {
                    self.inside(&Links::of(device, inside), operation, &domain, Implementation::Library)
                };
                if inside >= it.members && operation != Collective::SendReceive {
                    return share * within;
                }
                share * network.time(operation, it.bytes, it.members, within)
            }
        }
    }

    /// Time of a collective inside a scale-up domain \[us\].
    #[must_use]
    pub fn inside(&self, links: &Links, operation: Collective, it: &Exchange, by: Implementation) -> f64 {
        match operation {
            Collective::AllReduce => {
                let library = self.all_reduce.time(links, it, 2.0, true).min(self.switch.time(links, it));
                if by == Implementation::Engine { library.min(self.direct.time(links, it)) } else { library }
            }
            Collective::AllGather => self.all_gather.time(links, it, 1.0, false),
            Collective::ReduceScatter => self.reduce_scatter.time(links, it, 1.0, true),
            Collective::AllToAll => self.pairs.time(links, it),
            // One message is as half of an exchange between two.
            Collective::SendReceive => self.pairs.time(links, &Exchange { bytes: 2.0 * it.bytes, members: 2.0, number: it.number }),
        }
    }
}

#[cfg(test)]
mod tests;
