//! When a campaign ends on a type of accelerator, and what its delay costs.

use bastide_model::model::{Campaign, CampaignId, Model, SiteId};
use bastide_units::{Duration, Time};

/// A place where a campaign may run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gang {
    /// Campaign.
    pub campaign: CampaignId,
    /// Position of the site in the instance.
    pub site: usize,
    /// Position of the type in the instance.
    pub kind: usize,
    /// Accelerators that it holds; of an island, where the campaign runs as islands.
    pub accelerators: f64,
    /// Most gangs there: all islands, or the one.
    pub islands: u32,
    /// Share of the history that it is busy.
    pub busy: f64,
    /// Cost of its delay [M EUR/y].
    pub delay_cost: f64,
}

/// Years that one-off values are spread over: the history, but at least one.
pub(crate) fn years(model: &Model) -> f64 {
    model.header.duration.as_y().max(1.0)
}

/// When accelerators that the plan buys are energised.
pub(crate) fn ready(model: &Model) -> Time {
    Time::ZERO + model.planning.lead_time
}

/// How long a campaign takes on a type, with the time that failures and checkpoints cost (Daly 2006), repairs from stock; `None` where it
/// cannot run or never ends. Islands count as if their links were wide; failures as at the first site.
pub(crate) fn duration(model: &Model, id: CampaignId, accelerator: bastide_model::model::AcceleratorId) -> Option<Duration> {
    let campaign = &model.campaigns[id];
    let rate = model.training_rate[id.index()][accelerator.index()].as_flop_per_s() * f64::from(campaign.accelerators);
    if rate <= 0.0 || campaign.accelerators == 0 || model.sites.is_empty() {
        return None;
    }
    let site = SiteId::from_index(0);
    let failures = model.interruption_rate(id, accelerator, site);
    let seconds = campaign.compute.as_flop() / (rate * campaign.goodput(model.checkpoint_interval(id, accelerator, site), failures));
    seconds.is_finite().then(|| Duration::from_s(seconds))
}

/// When a campaign may begin.
pub(crate) fn begin(model: &Model, campaign: &Campaign) -> Time {
    campaign.start.max(ready(model))
}

/// Days late, as a duration.
pub(crate) fn delay(model: &Model, campaign: &Campaign, duration: Duration) -> Duration {
    (begin(model, campaign) + duration).since(campaign.deadline)
}

/// Whether the rules allow a campaign at a site from its beginning to its end.
pub(crate) fn legal(model: &Model, id: CampaignId, site: SiteId, duration: Duration) -> bool {
    let legality = &model.legal_campaign[id.index()][site.index()];
    let begin = begin(model, &model.campaigns[id]);
    legality.from <= begin && begin + duration <= legality.until
}
