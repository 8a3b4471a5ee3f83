//! Time of collective communication among accelerators.

use super::Device;

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

/// Time of a collective of `members` accelerators over `bytes` \[s\]: the buffer's size as NCCL counts it (the whole vector
/// of an all-reduce, the gathered result of an all-gather, the input of a reduce-scatter, what one member sends in all of an
/// all-to-all).
#[must_use]
pub fn collective_time(device: &Device, operation: Collective, bytes: f64, members: f64, fabric: Fabric) -> f64 {
    if members <= 1.0 {
        return 0.0;
    }
    let steps = if operation == Collective::AllReduce { 2.0 } else { 1.0 };
    let moved = if operation == Collective::SendReceive { bytes } else { steps * bytes * (members - 1.0) / members };
    let (bandwidth, latency) = match fabric {
        Fabric::ScaleUp => (device.scale_up_bandwidth.as_gb_per_s() * 1e9 * 0.75, 8e-6),
        Fabric::Network { bandwidth, latency, .. } => (bandwidth * 0.85, 15e-6 + latency),
    };
    moved / bandwidth + latency * steps
}
