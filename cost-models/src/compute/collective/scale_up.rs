//! Collectives inside a scale-up domain: latency and bandwidth of each algorithm and protocol (alpha-beta model: Hockney 1994;
//! Thakur, Rabenseifner and Gropp 2005), of which the library takes the fastest.
//!
//! How latency grows with members is physical: a ring of p has p - 1 steps (an all-reduce twice as many), reduction in the
//! switch none, one-shot reads p - 1 neighbours.

use serde::{Deserialize, Serialize};

use crate::compute::attention::parameters;

/// Bytes that make a microsecond's worth in the parameters below.
const MEGABYTE: f64 = 1e6;
/// Bytes after which a transfer is past its start, when pages and buffers are new to it.
const START_BYTES: f64 = 64e6;

parameters! {
    /// Ring of a library (NCCL): fast small packets with flags in every word (LL) or every line (LL128), and plain chunks.
    Ring {
        /// Launch and synchronisation \[us\].
        base = 4.5,
        /// A step of packets with flags in every word \[us\].
        hop = 0.85,
        /// Packets with flags in every word \[us/MB\].
        word = 100.0,
        /// Packets with flags in every line start so much later \[us\].
        line_base = 1.2,
        /// Packets with flags in every line \[us/MB\].
        line = 6.0,
        /// Plain chunks: launch and synchronisation \[us\].
        chunk_base = 10.0,
        /// A step of plain chunks \[us\].
        chunk_hop = 5.0,
        /// Share of the links' bandwidth.
        link = 0.8,
        /// A member's own part is copied at this share of memory bandwidth.
        copy = 0.25,
        /// A long transfer's slow start \[us\].
        start = 20.0,
        /// Sums of 8-bit numbers take so much longer: a share.
        narrow = 0.05,
    }
}

parameters! {
    /// All-reduce in the switch (NVLink SHARP): every member sends its vector and a share of the sum, and receives the same.
    Switch {
        /// Launch and synchronisation \[us\].
        base = 21.0,
        /// Share of the links' bandwidth.
        link = 0.675,
        /// A long transfer's slow start \[us\].
        start = 10.0,
        /// Sums of 8-bit numbers take so much longer: a share.
        narrow = 0.05,
    }
}

parameters! {
    /// Messages of each to each.
    Pairs {
        /// Launch and synchronisation \[us\].
        base = 6.3,
        /// A further partner \[us\]: 10.5 us among eight H20, whose links are those of H100 (deepseek-ai/DeepEP, issue 303).
        partner = 0.65,
        /// Packets with flags in every word \[us/MB\] of each message.
        word = 150.0,
        /// Plain chunks: launch and synchronisation \[us\].
        chunk_base = 13.5,
        /// Share of the links' bandwidth: that of the ring which gathers, since two partners say nothing of more.
        link = 0.8,
        /// A member's own part is copied at this share of memory bandwidth.
        copy = 0.4,
        /// A long transfer's slow start \[us\].
        start = 10.0,
    }
}

parameters! {
    /// An engine's own all-reduce over peer memory: everyone reads everything (one shot), or each sums a part that all read (two
    /// shots).
    Direct {
        /// Launch and flags \[us\].
        base = 2.5,
        /// A further member \[us\].
        member = 0.1,
        /// Share of the links' bandwidth in one shot.
        link = 0.71,
        /// Two shots: launch and flags \[us\].
        two_base = 6.0,
        /// Share of the links' bandwidth in two shots.
        two_link = 0.47,
    }
}

/// Links of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Links {
    /// Bandwidth to the other members, each direction \[B/us\].
    pub bandwidth: f64,
    /// Memory bandwidth \[B/us\].
    pub memory: f64,
    /// Whether the switch sums.
    pub sums: bool,
    /// Latencies over those of NVLink.
    pub latency: f64,
}

/// What is exchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Buffer \[B\].
    pub bytes: f64,
    /// Members.
    pub members: f64,
    /// Bytes of a number.
    pub number: f64,
}

impl Exchange {
    fn narrow(&self, share: f64) -> f64 {
        if self.number < 2.0 { 1.0 + share } else { 1.0 }
    }
}

/// The part of `start` that a transfer of `bytes` has behind it \[us\].
fn slow_start(start: f64, bytes: f64) -> f64 {
    start * bytes / (bytes + START_BYTES)
}

impl Ring {
    /// Time of `rounds` walks around the ring (two for an all-reduce) \[us\]; `sums` where numbers are added on the way.
    #[must_use]
    pub fn time(&self, links: &Links, it: &Exchange, rounds: f64, sums: bool) -> f64 {
        let steps = rounds * (it.members - 1.0);
        let narrow = if sums { it.narrow(self.narrow) } else { 1.0 };
        let megabytes = it.bytes / MEGABYTE;
        // Packets keep pace with the links of the generation on which they were fitted (450 GB/s); slower links slow them.
        let pace = (450e3 / links.bandwidth).max(1.0);
        let word = self.base + self.hop * steps + self.word * megabytes * pace;
        let line = self.base + self.line_base + self.hop * steps + self.line * megabytes * narrow * pace;
        let moved = rounds * it.bytes * (it.members - 1.0) / it.members;
        // The own part of a gathered vector is copied; an all-reduce sums in place.
        let own = if rounds > 1.0 { 0.0 } else { it.bytes / it.members / (links.memory * self.copy) };
        let chunk = self.chunk_base
            + self.chunk_hop * steps
            + moved / (links.bandwidth * self.link) * narrow
            + own
            + slow_start(self.start, it.bytes);
        // Latencies of other links are multiples of NVLink's.
        let extra = (links.latency - 1.0) * (self.base + self.hop * steps);
        word.min(line).min(chunk) + extra
    }
}

impl Switch {
    /// Time of an all-reduce \[us\]; infinite where the switch does not sum or there are but two.
    #[must_use]
    pub fn time(&self, links: &Links, it: &Exchange) -> f64 {
        if !links.sums || it.members < 3.0 {
            return f64::INFINITY;
        }
        let moved = it.bytes * (1.0 + 1.0 / it.members);
        self.base + moved / (links.bandwidth * self.link) * it.narrow(self.narrow) + slow_start(self.start, it.bytes)
    }
}

impl Pairs {
    /// Time of messages of `bytes / members` to each other member \[us\].
    #[must_use]
    pub fn time(&self, links: &Links, it: &Exchange) -> f64 {
        let message = it.bytes / it.members;
        let partners = (it.members - 2.0).max(0.0);
        let word = self.base + self.partner * partners + self.word * message / MEGABYTE;
        let moved = message * (it.members - 1.0);
        let own = message / (links.memory * self.copy);
        let chunk =
            self.chunk_base + self.partner * partners + moved / (links.bandwidth * self.link) + own + slow_start(self.start, it.bytes);
        word.min(chunk) + (links.latency - 1.0) * self.base
    }
}

impl Direct {
    /// Time of an all-reduce \[us\].
    #[must_use]
    pub fn time(&self, links: &Links, it: &Exchange) -> f64 {
        let others = it.members - 1.0;
        let flags = self.member * others;
        let one = self.base + flags + it.bytes * others / (links.bandwidth * self.link);
        let two = self.two_base + flags + 2.0 * it.bytes * others / it.members / (links.bandwidth * self.two_link);
        one.min(two) + (links.latency - 1.0) * self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: Links = Links { bandwidth: 450e3, memory: 4.8e6, sums: true, latency: 1.0 };

    #[test]
    fn latency_grows_with_the_steps_of_each_algorithm() {
        let tiny = |members| Exchange { bytes: 1e-3, members, number: 2.0 };
        let ring = Ring::START;
        // An all-gather has 1, 3 and 7 steps, an all-reduce twice as many.
        for (members, steps) in [(2.0, 1.0), (4.0, 3.0), (8.0, 7.0)] {
            assert!((ring.time(&LINKS, &tiny(members), 1.0, false) - (4.5 + 0.85 * steps)).abs() < 1e-6);
            assert!((ring.time(&LINKS, &tiny(members), 2.0, true) - (4.5 + 0.85 * 2.0 * steps)).abs() < 1e-6);
            let direct = Direct::START.time(&LINKS, &tiny(members));
            assert!((direct - (2.5 + 0.1 * (members - 1.0))).abs() < 1e-6);
        }
    }

    #[test]
    fn the_switch_moves_the_vector_and_a_share() {
        // 450 MB among 8: 506.25 MB over 0.675 x 450 GB/s = 1666.7 us, 21 to begin with, 10 x 450 / 514 of a slow start.
        let it = Exchange { bytes: 450e6, members: 8.0, number: 2.0 };
        let time = Switch::START.time(&LINKS, &it);
        assert!((time - (1666.67 + 21.0 + 8.755)).abs() < 0.1, "{time}");
        assert!(Switch::START.time(&Links { sums: false, ..LINKS }, &it).is_infinite());
    }

    #[test]
    fn a_ring_moves_what_it_must() {
        // Gathering 800 MB among 8: 700 MB over 360 GB/s = 1944.4 us, own 100 MB at 1.2 TB/s = 83.3 us, 10 + 7 x 5 us, and
        // 20 x 800 / 864 = 18.5 us.
        let time = Ring::START.time(&LINKS, &Exchange { bytes: 800e6, members: 8.0, number: 2.0 }, 1.0, false);
        assert!((time - (1944.44 + 83.33 + 45.0 + 18.52)).abs() < 0.1, "{time}");
    }
}
