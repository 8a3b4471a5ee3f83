//! Replicas for a demand.

use super::load::{State, Targets};
use super::{Deployment, Layout, Lengths, Speculation};

/// What is asked of a fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    /// Requests \[1/s\].
    Requests(f64),
    /// People who read an answer, think for a while \[s\], and ask again.
    Users {
        /// How many.
        count: f64,
        /// Pause between an answer and the next question \[s\].
        think: f64,
    },
}

/// Replicas of one layout for a demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fleet {
    /// How each replica is cut.
    pub layout: Layout,
    /// Replicas.
    pub replicas: f64,
    /// Accelerators in all.
    pub devices: f64,
    /// A replica at its share of the demand.
    pub state: State,
    /// Its share over the largest load within the targets.
    pub utilisation: f64,
}

/// The fleets of each layout within a scale-up domain that meets the targets, fewest accelerators first, then those that draw
/// least. `base` gives device, model, formats and software. Layouts are tensor parallel by powers of two as far as heads are
/// cut evenly; models with experts also with attention by data and experts over all.
#[must_use]
pub fn size(base: &Deployment<'_>, lengths: Lengths, speculation: Option<Speculation>, targets: Targets, demand: Demand) -> Vec<Fleet> {
    // Cards without links of their own are cut within a host at most.
    let domain = if base.device.scale_up_domain <= 1 { 8.0 } else { f64::from(base.device.scale_up_domain).min(64.0) };
    let heads = base.architecture.attention.heads;
    let powers = || (0..7).map(|power| f64::from(1 << power));
    let data = |tensor: f64| powers().filter(move |data| tensor * data <= domain && (*data == 1.0 || base.architecture.experts.is_some()));
    let layouts = powers().filter(|tensor| *tensor <= domain && heads % tensor == 0.0).flat_map(|tensor| {
        data(tensor).map(move |data| Layout { tensor, pipeline: 1.0, expert: if data > 1.0 { tensor * data } else { 1.0 }, data })
    });
    let mut fleets: Vec<Fleet> =
        layouts.filter_map(|layout| fleet(&Deployment { layout, ..*base }, lengths, speculation, targets, demand)).collect();
    let draw = |it: &Fleet| it.devices * it.state.activity;
    fleets.sort_by(|a, b| a.devices.total_cmp(&b.devices).then(draw(a).total_cmp(&draw(b))));
    fleets
}

/// Replicas of one layout; `None` where it cannot carry the demand within the targets.
fn fleet(it: &Deployment<'_>, lengths: Lengths, speculation: Option<Speculation>, targets: Targets, demand: Demand) -> Option<Fleet> {
    let best = it.largest_load(lengths, speculation, targets)?;
    let held = |state: &State| state.latency.ttft + lengths.output * state.latency.tpot;
    // Users who wait longer ask less often: the rate follows the latency of the load that it makes.
    let rate_at = |state: &State| match demand {
        Demand::Requests(rate) => rate,
        Demand::Users { count, think } => count / (think + held(state)),
    };
    let replicas = (rate_at(&best) / best.latency.rate - 1e-9).ceil().max(1.0);
    let mut state = best;
    for _ in 0..20 {
        let share = (rate_at(&state) / replicas).min(best.latency.rate);
        let Some(next) = it.closed_at_rate(share, lengths, speculation) else { break };
        let settled = (next.latency.rate / state.latency.rate - 1.0).abs() < 1e-6;
        state = next;
        if settled {
            break;
        }
    }
    let utilisation = state.latency.rate / best.latency.rate;
    Some(Fleet { layout: it.layout, replicas, devices: replicas * it.layout.devices(), state, utilisation })
}

#[cfg(test)]
mod tests {
    use super::super::Engine;
    use super::*;
    use crate::compute::{Format, architecture, device};

    const CHAT: Lengths = Lengths { prompt: 1024.0, output: 256.0 };
    const BEARABLE: Targets = Targets { ttft_p95: 2.0, tpot: 0.05 };

    fn base() -> Deployment<'static> {
        let (h100, llama) = (device("h100").unwrap().1, architecture("llama-3.1-70b").unwrap().1);
        Deployment::new(h100, llama, Format::Fp8, Layout::tensor(1.0), Engine::Vllm)
    }

    #[test]
    fn a_fleet_serves_its_demand_within_the_targets() {
        let fleets = size(&base(), CHAT, None, BEARABLE, Demand::Requests(50.0));
        assert!(fleets.len() >= 2, "{fleets:?}");
        for it in &fleets {
            assert!((it.replicas * it.state.latency.rate / 50.0 - 1.0).abs() < 1e-3, "{it:?}");
            assert!(it.state.ttft_p95 <= 2.0 * 1.001 && it.state.latency.tpot <= 0.05 * 1.001 && it.utilisation <= 1.001, "{it:?}");
        }
        // One replica fewer would have to serve more than the largest load.
        let it = fleets[0];
        assert!(it.replicas == 1.0 || 50.0 / (it.replicas - 1.0) > it.state.latency.rate / it.utilisation);
    }

    #[test]
    fn twice_the_users_need_about_twice_the_replicas() {
        let of = |count: f64| size(&base(), CHAT, None, BEARABLE, Demand::Users { count, think: 30.0 })[0].devices;
        let ratio = of(40_000.0) / of(20_000.0);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn impossible_targets_have_no_fleet() {
        assert!(size(&base(), CHAT, None, Targets { ttft_p95: 1e-4, tpot: 0.05 }, Demand::Requests(1.0)).is_empty());
    }
}
