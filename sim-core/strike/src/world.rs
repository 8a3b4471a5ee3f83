//! Power, compute and network under attack: the operators keep what is worth most.
//!
//! At a moment after an attack, what is left serves as much as it can:
//!
//! ```text
//! min   sum_l voll_l shed_l + sum_c value_c unserved_c + sum_k delay_k (1 - run_k)
//! s.t.  generation + inflow - outflow + shed = load + draw of its sites         each bus
//!       flow = b (angle_from - angle_to)                                        each line with a reactance that is up
//!       draw_s + backup_s >= pue_s power of the accelerators at work            each site
//!       sum_c work_cst / rate_ct + gangs <= accelerators_st                     each site and type
//!       sum_o reach_cos = sum_t work_cst,  sum_s reach_cos + unserved_co = demand_co
//!       traffic on each link <= its bandwidth
//! ```
//!
//! A service works where law, data and memory allow and where its requests arrive in time over the links that are up; a campaign runs where the plan
//! put it, if all its sites are up. Loads, output and demand are those of one hour, or their means.
//!
//! Damage adds up over the time of repair: the moments differ in what is still down, in what batteries and fuel still carry, in what goes on for a
//! while without a facility, and in that before the failover work stays where the plan put it. Between them nothing changes.

mod lp;
mod moment;
mod operator;
mod target;

use std::sync::Arc;

use bastide_model::model::{Model, Profile, SiteId};
use bastide_model::plan::Plan;
use bastide_units::{Duration, Quantity, Time};

pub use operator::Operator;
pub use target::{WorldKind, WorldTarget, targets};

use crate::search::Source;

/// What counts as damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Value of unserved tokens and unserved load, cost of delay \[EUR\].
    Money,
    /// Energy that loads other than the sites' go without \[MWh\].
    Energy,
    /// Unserved tokens, weighted by tier [M tokens of T3].
    Tokens,
    /// Delay of campaigns, each by the share of it that stands still \[d\].
    Delay,
}

/// What a token of each tier weighs beside one of T3: an assumption, ten for each tier.
pub const TIER_WEIGHTS: [f64; 4] = [1000.0, 100.0, 10.0, 1.0];

/// Without an hour, attacks come a day after the start \[h\].
const ATTACK_H: f64 = 24.0;

/// A scenario with a plan, and what may be attacked.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) model: Arc<Model>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) targets: Arc<[WorldTarget]>,
    pub(crate) measure: Measure,
    /// The hour whose loads, output and demand count; `None` for their means.
    pub(crate) hour: Option<usize>,
    pub(crate) time: Time,
    /// Accelerators by site, then type.
    pub(crate) fleet: Arc<[Vec<f64>]>,
    /// Moments end here after the attack \[s\].
    pub(crate) horizon: f64,
}

impl World {
    /// States the question. `horizon` ends the count of damage; `None` counts to the last repair.
    #[must_use]
    pub fn new(
        model: Arc<Model>,
        plan: Arc<Plan>,
        targets: Vec<WorldTarget>,
        measure: Measure,
        hour: Option<usize>,
        horizon: Option<Duration>,
    ) -> Self {
        let time = Time::ZERO + Duration::from_h(hour.map_or(ATTACK_H, |hour| hour as f64));
        let mut fleet = vec![vec![0.0; model.accelerators.len()]; model.sites.len()];
        for it in model.fleets.iter().filter(|it| it.energised <= time && it.retired > time) {
            fleet[it.site.index()][it.accelerator.index()] += f64::from(it.count);
        }
        for it in &plan.builds {
            fleet[it.site.index()][it.accelerator.index()] += f64::from(it.count);
        }
        let last = targets.iter().map(|it| it.repair).fold(0.0, f64::max);
        let horizon = horizon.map_or(last, Quantity::base).min(last);
        Self { model, plan, targets: targets.into(), measure, hour, time, fleet: fleet.into(), horizon }
    }

    /// The targets.
    #[must_use]
    pub fn targets(&self) -> &[WorldTarget] {
        &self.targets
    }

    /// Value of a profile in the hour that counts, or its mean.
    pub(crate) fn value(&self, profile: Profile) -> f64 {
        self.hour.map_or_else(|| self.model.mean(profile), |hour| self.model.at(profile, hour))
    }

    /// Accelerators at a site.
    pub(crate) fn accelerators(&self, site: SiteId) -> f64 {
        self.fleet[site.index()].iter().sum()
    }
}

/// What has no finite value, in words: damage would have no limit.
#[must_use]
pub fn unsound(model: &Model) -> Option<String> {
    let service = model.services.iter().find(|it| !it.value.base().is_finite());
    let load = model.loads.iter().find(|it| !it.value_of_lost_load.base().is_finite());
    service.map(|it| format!("service `{}`", it.entity.name)).or_else(|| load.map(|it| format!("load `{}`", it.entity.name)))
}

impl Source for World {
    type Field = Operator;
    fn field(&self) -> Operator {
        Operator::new(self.clone())
    }
}
