//! Islands that train alone and exchange what they learnt.
//!
//! The islands at work that reach each other, most of them together, exchange in each round; the time for which that stops them follows from
//! what they send and from the narrowest of the widest paths between them (Douillard et al. 2025, see `bastide_cost_models`); latency is left
//! out, as exchanges of gigabytes last minutes. An island cut off from the others works on alone. Its work counts when it meets them again, at
//! once, or is lost with it.

use bastide_cost_models::compute::low_communication::{self as slow, Exchange, Link, Workers};
use bastide_model::model::{CampaignMode, SlowExchange};

use super::World;
use crate::setup::{Cycle, NEVER_S};

/// Bits of a number on the link, of which a payload's parameters are counted.
const BITS: f64 = 16.0;

impl World<'_> {
    /// Islands came, went, or reach others than before.
    pub(super) fn islands_changed(&mut self, campaign: usize) {
        let CampaignMode::LowCommunication { exchange, .. } = self.setup.model.campaigns[campaign].mode else { return };
        let setup = self.setup;
        let site = |at: usize| setup.pools[self.gangs[at].gang.pool].site;
        let working: Vec<usize> = setup.gangs.of_campaign[campaign].clone().filter(|at| self.gangs[*at].running).collect();
        let meets = |at: usize, other: usize| self.net.paths.joined(site(at), site(other));
        // The largest group, the first of those that are alike.
        let size = |at: &usize| working.iter().filter(|other| meets(*at, **other)).count();
        let Some(first) = working.iter().copied().rev().max_by_key(size) else { return };
        let joined: Vec<usize> = working.iter().copied().filter(|other| meets(first, *other)).collect();
        let width = |at: &usize| match (site(first), site(*at)) {
            (a, b) if a == b => f64::INFINITY,
            (a, b) => self.path_width(a, b),
        };
        let narrowest = joined.iter().map(width).fold(f64::INFINITY, f64::min);
        let pause_s = pause_s(&exchange, joined.len(), narrowest);
        for at in working {
            let cycle = if joined.contains(&at) {
                Cycle::blocking(exchange.interval.as_s(), pause_s)
            } else {
                Cycle { interval_s: NEVER_S, pause_s: 0.0, late_s: 0.0 }
            };
            if self.gangs[at].cycle != cycle {
                self.advance(at);
                let state = &mut self.gangs[at];
                state.cycle = cycle;
                state.cycle_s = state.cycle_s.min(cycle.interval_s);
                self.campaigns[campaign].due = bastide_units::Time::NEVER;
                self.schedule_completion(campaign);
            }
        }
    }

    /// Paths have changed.
    pub(in crate::world) fn paths_changed(&mut self) {
        for campaign in 0..self.campaigns.len() {
            if self.setup.gangs.of_campaign[campaign].len() > 1 && !self.campaigns[campaign].done {
                self.islands_changed(campaign);
            }
        }
    }
}

/// How long an exchange of so many islands stops training, over a path of this width [B/s] \[s\].
fn pause_s(exchange: &SlowExchange, islands: usize, width: f64) -> f64 {
    if islands < 2 {
        return 0.0;
    }
    if let Some(time) = exchange.time {
        return time.as_s();
    }
    let parameters = exchange.size.as_bytes() * 8.0 / BITS;
    let steps = f64::from(exchange.inner_steps.max(1));
    let workers = Workers {
        parameters,
        layers: Workers::typical_layers(parameters),
        step_time: exchange.interval.as_s() / steps,
        count: islands as f64,
    };
    let sent = Exchange {
        inner_steps: steps,
        fragments: f64::from(exchange.fragments),
        overlap_steps: f64::from(exchange.overlap_steps),
        bits: BITS,
    };
    let time = slow::exposed(&workers, &sent, &Link { bandwidth: width * 8.0, round_trip: 0.0 });
    if time.is_finite() { time } else { NEVER_S }
}
