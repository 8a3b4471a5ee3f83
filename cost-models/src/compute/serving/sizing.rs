//! How many devices a demand needs.

use super::{Deployment, Layout, Lengths, Load, Speculation, Steady, Targets};

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
    /// Device, model, formats and software; its layout is what is looked for.
    pub replica: Deployment<'a>,
    /// Mean lengths of requests.
    pub lengths: Lengths,
    /// Speculative decoding, where it is used.
    pub speculation: Option<Speculation>,
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
    /// Power of the devices \[W\].
    pub power: f64,
    /// Demand over what the replicas could carry within the targets.
    pub utilisation: f64,
    /// One replica at its largest load within the targets.
    pub replica: Steady,
}

impl Service<'_> {
    /// Layouts of a scale-up domain: tensor parallel by powers of two as far as heads are cut evenly; models with experts also
    /// with attention by data and experts over all.
    fn layouts(&self) -> impl Iterator<Item = Layout> + '_ {
        let heads = self.replica.architecture.attention.heads;
        let domain = f64::from(self.replica.device.scale_up_domain).clamp(1.0, 16.0);
        let powers = || (0..5).map(|power| f64::from(1 << power));
        let data = move |tensor: f64| {
            powers().filter(move |data| tensor * data <= domain && (*data == 1.0 || self.replica.architecture.experts.is_some()))
        };
        powers().filter(move |tensor| *tensor <= domain && heads % tensor == 0.0).flat_map(move |tensor| {
            data(tensor).map(move |data| Layout { tensor, pipeline: 1.0, expert: if data > 1.0 { tensor * data } else { 1.0 }, data })
        })
    }

    /// Every layout of a scale-up domain that carries a demand within the targets, fewest devices first, among as many the one
    /// that draws least. Empty where none does.
    #[must_use]
    pub fn sizings(&self, demand: Demand, targets: Targets) -> Vec<Sizing> {
        let mut found: Vec<Sizing> = self.layouts().filter_map(|layout| self.sizing(layout, demand, targets)).collect();
        found.sort_by(|a, b| a.devices.total_cmp(&b.devices).then(a.power.total_cmp(&b.power)));
        found
    }

    /// Replicas of one layout; `None` where it cannot carry the demand within the targets.
    #[must_use]
    pub fn sizing(&self, layout: Layout, demand: Demand, targets: Targets) -> Option<Sizing> {
        let deployment = Deployment { layout, ..self.replica };
        let best = deployment.largest_load(self.lengths, targets, self.speculation)?;
        let held = |state: &Steady| state.latency.ttft + self.lengths.output * state.latency.tpot;
        // Users who wait longer ask less often: the rate follows the latency of the load that it makes.
        let rate_at = |state: &Steady| match demand {
            Demand::Requests(rate) => rate,
            Demand::Users { count, think } => count / (think.max(0.0) + held(state)),
        };
        let rate = rate_at(&best);
        if !(rate.is_finite() && rate > 0.0 && best.latency.rate > 0.0) {
            return None;
        }
        let replicas = (rate / best.latency.rate - 1e-9).ceil().max(1.0);
        let mut state = best.clone();
        for _ in 0..20 {
            let share = (rate_at(&state) / replicas).min(best.latency.rate * (1.0 - 1e-9));
            let Ok(next) = deployment.steady_state(Load::Rate(share), self.lengths, self.speculation) else { break };
            let settled = (next.latency.rate / state.latency.rate - 1.0).abs() < 1e-6;
            state = next;
            if settled {
                break;
            }
        }
        Some(Sizing {
            layout,
            replicas,
            devices: replicas * layout.devices(),
            power: replicas * state.power,
            utilisation: state.latency.rate / best.latency.rate,
            replica: state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Engine;
    use super::*;
    use crate::compute::{Format, architecture, device};

    const CHAT: Lengths = Lengths { prompt: 1024.0, output: 256.0 };
    const BEARABLE: Targets = Targets { ttft_p95: 2.0, tpot: 0.05 };

    fn service() -> Service<'static> {
        let (h100, llama) = (device("h100").unwrap().1, architecture("llama-3.1-70b").unwrap().1);
        let replica = Deployment::new(h100, llama, Format::Fp8, Layout::tensor(1.0), Engine::Vllm);
        Service { replica, lengths: CHAT, speculation: None }
    }

    #[test]
    fn a_fleet_serves_its_demand_within_the_targets() {
        let fleets = service().sizings(Demand::Requests(50.0), BEARABLE);
        assert!(fleets.len() >= 2, "{fleets:?}");
        for it in &fleets {
            assert!((it.replicas * it.replica.latency.rate / 50.0 - 1.0).abs() < 1e-2, "{it:?}");
            let latency = it.replica.latency;
            assert!(latency.ttft_p95 <= 2.0 * 1.001 && latency.tpot <= 0.05 * 1.001 && it.utilisation <= 1.001, "{it:?}");
        }
        // One replica fewer would have to serve more than the largest load.
        let it = &fleets[0];
        assert!(it.replicas == 1.0 || 50.0 / (it.replicas - 1.0) > it.replica.latency.rate / it.utilisation * 0.999);
    }

    #[test]
    fn twice_the_users_need_about_twice_the_devices() {
        let of = |count: f64| service().sizings(Demand::Users { count, think: 30.0 }, BEARABLE)[0].devices;
        let ratio = of(40_000.0) / of(20_000.0);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn impossible_targets_have_no_fleet() {
        assert!(service().sizings(Demand::Requests(1.0), Targets { ttft_p95: 1e-4, tpot: 0.05 }).is_empty());
        assert!(service().sizings(Demand::Requests(f64::NAN), BEARABLE).is_empty());
    }
}
