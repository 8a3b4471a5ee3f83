//! The gangs that a plan runs: one for a campaign, or one for each of its islands.

use std::ops::Range;

use bastide_model::model::{AcceleratorId, CampaignId, CampaignMode, CheckpointMode, Model, SiteId};
use bastide_model::plan::Plan;

use super::Pool;

/// Accelerators this close to a gang's size are enough.
const ROUNDING: f64 = 1e-6;
/// A time that no history reaches \[s\].
pub(crate) const NEVER_S: f64 = 1e300;

/// Work, then a pause, then work again; what was done is safe some time after the beginning of the pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cycle {
    /// Work between two checkpoints or exchanges \[s\].
    pub interval_s: f64,
    /// How long each stops training \[s\].
    pub pause_s: f64,
    /// How long after the pause it is complete \[s\]; at most the interval.
    pub late_s: f64,
}

impl Cycle {
    /// Checkpoints that training waits for.
    pub(crate) fn blocking(interval_s: f64, pause_s: f64) -> Self {
        Self { interval_s: interval_s.max(1.0), pause_s: pause_s.max(0.0), late_s: 0.0 }
    }

    /// Checkpoints that are written while training goes on; the next begins when the one before is complete.
    fn asynchronous(interval_s: f64, write_s: f64) -> Self {
        Self { interval_s: interval_s.max(write_s).max(1.0), pause_s: 0.0, late_s: write_s.max(0.0) }
    }
}

/// A gang that the plan runs: a campaign, or an island of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gang {
    pub campaign: usize,
    pub pool: usize,
    /// Accelerators at work when it is complete.
    pub size: f64,
    /// Accelerators of the nodes that it then holds.
    pub held: f64,
    /// Accelerators of the nodes that it holds at least.
    pub least: f64,
    /// Accelerators of the nodes that come and go together.
    pub step: f64,
    /// FLOP/s when it is complete, at full power, between checkpoints.
    pub rate: f64,
    /// Checkpoints; exchanges, where an island is alone.
    pub cycle: Cycle,
    /// Work between two checkpoints \[s\].
    pub checkpoint_s: f64,
}

impl Gang {
    /// Accelerators that it takes of so many; zero where they are too few.
    pub(crate) fn fits(&self, free: f64) -> f64 {
        if free + ROUNDING >= self.held {
            return self.held;
        }
        let steps = ((free + ROUNDING) / self.step).floor() * self.step;
        if steps + ROUNDING >= self.least { steps } else { 0.0 }
    }
}

/// All gangs of a plan, campaign after campaign.
pub(crate) struct Gangs {
    pub all: Vec<Gang>,
    /// Where else each may go on, in the order of the plan's pools; empty where it waits for its own site.
    pub elsewhere: Vec<Vec<Gang>>,
    /// Gangs of each campaign; empty where the plan does not run it.
    pub of_campaign: Vec<Range<usize>>,
}

/// The gangs of a plan, and those of each pool in the order of tier, then of the scenario.
pub(super) fn gangs(model: &Model, plan: &Plan, pools: &[Pool]) -> (Gangs, Vec<Vec<usize>>) {
    let mut gangs = Gangs { all: Vec::new(), elsewhere: Vec::new(), of_campaign: Vec::with_capacity(model.campaigns.len()) };
    let mut of_pool = vec![Vec::new(); pools.len()];
    for (campaign, it) in model.campaigns.iter().enumerate() {
        let first = gangs.all.len();
        for placement in plan.campaigns.iter().filter(|placement| placement.campaign.index() == campaign) {
            let here = |pool: &Pool| pool.site == placement.site.index() && pool.accelerator == placement.accelerator.index();
            let Some(pool) = pools.iter().position(here) else { continue };
            let gang = gang(model, campaign, pool, &pools[pool]);
            let missing = it.islands() as usize - (gangs.all.len() - first);
            if gang.rate > 0.0 {
                gangs.all.extend(std::iter::repeat_n(gang, missing.min(placement.islands as usize)));
            }
        }
        for (at, gang) in gangs.all.iter().enumerate().skip(first) {
            of_pool[gang.pool].push(at);
        }
        gangs.of_campaign.push(first..gangs.all.len());
    }
    for list in &mut of_pool {
        list.sort_by_key(|&at| (model.campaigns[gangs.all[at].campaign].tier, at));
    }
    gangs.elsewhere = gangs.all.iter().map(|gang| elsewhere(model, pools, gang)).collect();
    (gangs, of_pool)
}

/// The same gang at other sites with as many accelerators of its type, where its campaign may move.
fn elsewhere(model: &Model, pools: &[Pool], gang: &Gang) -> Vec<Gang> {
    if model.campaigns[gang.campaign].relocate_after.is_none() {
        return Vec::new();
    }
    let ordered = |pool: &Pool| pool.orders.iter().map(|order| f64::from(order.nodes)).sum::<f64>() * pool.per_node;
    let may = |at: &usize| {
        let pool = &pools[*at];
        *at != gang.pool && pool.accelerator == pools[gang.pool].accelerator && gang.fits(ordered(pool)) > 0.0
    };
    (0..pools.len()).filter(may).map(|at| self::gang(model, gang.campaign, at, &pools[at])).collect()
}

fn gang(model: &Model, campaign: usize, at: usize, pool: &Pool) -> Gang {
    let (id, it) = (CampaignId::from_index(campaign), &model.campaigns[campaign]);
    let accelerator = AcceleratorId::from_index(pool.accelerator);
    let size = f64::from(it.gang());
    // A fraction of an accelerator per node is what an order in broken nodes leaves.
    let whole = |accelerators: f64| (accelerators / pool.per_node - ROUNDING).ceil().max(1.0) * pool.per_node;
    let held = whole(size);
    let (least, step) = match it.mode {
        CampaignMode::Elastic { least, step, .. } => (whole(f64::from(least)), whole(f64::from(step))),
        _ => (held, held),
    };
    let checkpoint_s = model.checkpoint_interval(id, accelerator, SiteId::from_index(pool.site)).as_s();
    let write_s = it.checkpoints.time.as_s();
    let cycle = match (it.mode, it.checkpoints.mode) {
        (CampaignMode::LowCommunication { exchange, .. }, _) => Cycle::blocking(exchange.interval.as_s(), 0.0),
        (_, CheckpointMode::Asynchronous) => Cycle::asynchronous(checkpoint_s, write_s),
        _ => Cycle::blocking(checkpoint_s, write_s),
    };
    let rate = model.training_rate[campaign][pool.accelerator].as_flop_per_s() * size;
    Gang { campaign, pool: at, size, held, least, step, rate, cycle, checkpoint_s }
}
