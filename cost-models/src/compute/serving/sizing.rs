//! How many devices a demand needs.

use super::{Deployment, Engine, Layout, Lengths, Speculation, Steady, Targets, parameters};
use crate::compute::{Architecture, Device, Format};

/// What a service must carry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    /// Requests arrive \[1/s\].
    Requests(f64),
    /// People, each of whom reads an answer and thinks before asking again.
    Users {
        /// How many.
        count: f64,
        /// Seconds from an answer's end to the next question.
        think: f64,
    },
}

/// What is served on what.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Device.
    pub device: &'a Device,
    /// Model.
    pub architecture: &'a Architecture,
    /// Format of weights and experts.
    pub weights: Format,
    /// Format of keys and values.
    pub cache: Format,
    /// Serving software.
    pub engine: Engine,
    /// Mean lengths of requests.
    pub lengths: Lengths,
    /// Speculative decoding, where it is used.
    pub speculation: Option<Speculation>,
    /// Power of the whole site over that of its devices: hosts, network and cooling (power usage effectiveness and the share of
    /// servers beside their accelerators).
    pub overhead: f64,
}

/// An answer: replicas and what they need.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Sizing {
    /// How each replica is cut.
    pub layout: Layout,
    /// Replicas.
    pub replicas: f64,
    /// Devices in all.
    pub devices: f64,
    /// Power of the site \[W\].
    pub power: f64,
    /// Demand over what the replicas could carry within the targets.
    pub utilisation: f64,
    /// One replica at its largest load within the targets.
    pub replica: Steady,
}

impl Service<'_> {
    /// The replica cut in a layout.
    #[must_use]
    pub fn deployment(&self, layout: Layout) -> Deployment<'_> {
        Deployment {
            device: self.device,
            architecture: self.architecture,
            weights: self.weights,
            experts: self.weights,
            cache: self.cache,
            layout,
            engine: self.engine,
            parameters: parameters(),
        }
    }

    /// Layouts of a scale-up domain: tensor parallel by powers of two as far as heads are cut evenly; models with experts also
    /// with attention by data and experts over all.
    fn layouts(&self) -> impl Iterator<Item = Layout> + '_ {
        let heads = self.architecture.attention.heads;
        let domain = f64::from(self.device.scale_up_domain).clamp(1.0, 16.0);
        let powers = || (0..5).map(|power| f64::from(1 << power));
        let data = move |tensor: f64| {
            powers().filter(move |data| tensor * data <= domain && (*data == 1.0 || self.architecture.experts.is_some()))
        };
        powers().filter(move |tensor| *tensor <= domain && heads % tensor == 0.0).flat_map(move |tensor| {
            data(tensor).map(move |data| Layout { tensor, pipeline: 1.0, expert: if data > 1.0 { tensor * data } else { 1.0 }, data })
        })
    }

    /// The fewest devices, and among them the least power, that carry a demand within the targets; `None` where no layout of one
    /// scale-up domain does.
    #[must_use]
    pub fn size_for(&self, demand: Demand, targets: Targets) -> Option<Sizing> {
        let mut best: Option<Sizing> = None;
        for layout in self.layouts() {
            let Some(replica) = self.deployment(layout).largest_load(self.lengths, targets, self.speculation) else { continue };
            let rate = match demand {
                Demand::Requests(rate) => rate,
                // Each user is either answered or thinks.
                Demand::Users { count, think } => {
                    count / (think.max(0.0) + replica.latency.ttft + self.lengths.output * replica.latency.tpot)
                }
            };
            if !(rate.is_finite() && rate > 0.0 && replica.latency.rate > 0.0) {
                continue;
            }
            let replicas = (rate / replica.latency.rate).ceil().max(1.0);
            let utilisation = rate / (replicas * replica.latency.rate);
            // Devices that carry less than their largest load draw less, down to their idle power.
            let idle = super::power::IDLE_SHARE * self.device.board_power.as_w() * layout.devices();
            let power = replicas * (idle + (replica.power - idle).max(0.0) * utilisation) * self.overhead.max(1.0);
            let it = Sizing { layout, replicas, devices: replicas * layout.devices(), power, utilisation, replica };
            let better = best.as_ref().is_none_or(|best| (it.devices, it.power) < (best.devices, best.power));
            if better {
                best = Some(it);
            }
        }
        best
    }
}
