//! Collectives between scale-up domains: every member talks over its share of the network with its peers of the other domains,
//! while its own domain exchanges what it gathers (hierarchical algorithms, Thakur, Rabenseifner and Gropp 2005; NCCL).

use super::Collective;
use crate::compute::attention::machine::soft_max3;

/// Share of a network adapter's rate that collectives of many nodes reach: 370 of 400 Gbit/s (NCCL over InfiniBand NDR;
/// stas00/ml-engineering, network benchmarks).
const NETWORK: f64 = 0.92;
/// Software of a message between nodes \[us\] (NCCL's model of InfiniBand with LL packets: `nccl/src/graph/tuning.cc`).
const MESSAGE: f64 = 5.0;
/// Messages of an all-to-all that are posted one after the other \[us\].
const POST: f64 = 0.3;

/// The network between domains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Members of each domain.
    pub inside: f64,
    /// Bandwidth of each member's share of the network, each direction \[B/us\].
    pub bandwidth: f64,
    /// Latency of one message \[us\].
    pub latency: f64,
}

impl Network {
    /// Time of an exchange of `bytes` among `members`, where the domain's own exchange takes `within` \[us\].
    #[must_use]
    pub fn time(&self, operation: Collective, bytes: f64, members: f64, within: f64) -> f64 {
        let groups = (members / self.inside).max(1.0);
        let rate = self.bandwidth * NETWORK;
        let hop = self.latency + MESSAGE;
        // Trees and their kin (NCCL: double binary trees, PAT) need as many messages as the groups have binary digits.
        let depth = groups.log2().ceil().max(1.0);
        let share = (groups - 1.0) / groups;
        let across = match operation {
            Collective::AllReduce => 2.0 * depth * hop + 2.0 * share * bytes / self.inside / rate,
            Collective::AllGather | Collective::ReduceScatter => depth * hop + share * bytes / self.inside / rate,
            Collective::AllToAll => {
                let outside = (members - self.inside).max(0.0);
                hop + POST * outside.min(1e6) + bytes * outside / members / rate
            }
            Collective::SendReceive => return hop + bytes / rate,
        };
        // Chunks are on the network while others are inside.
        soft_max3(within, across)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_stage_decides() {
        // 1 GB among 4 domains of 8 over 50 GB/s: 2 x 3/4 x 125 MB / 46 GB/s = 4,076 us and 2 x 2 x 10 us.
        let it = Network { inside: 8.0, bandwidth: 50e3, latency: 5.0 };
        let time = it.time(Collective::AllReduce, 1e9, 32.0, 0.0);
        assert!((time - (4076.09 + 40.0)).abs() < 0.1, "{time}");
        assert!(it.time(Collective::AllReduce, 1e9, 32.0, 4000.0) > time);
        // A message of 1 MB: 10 us and 1e6 / 46e3 = 21.7 us.
        assert!((it.time(Collective::SendReceive, 1e6, 2.0, 0.0) - 31.74).abs() < 0.01);
    }
}
