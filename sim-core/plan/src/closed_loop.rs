//! The closed loop: what the simulator finds a plan to lose becomes limits on the next plan.
//!
//! A cut is one of three. *Outage*: in a state of the sites that the simulation went through, what is left must serve its share of a
//! tier. *Reserve*: the same with every site up, for some times the demand. *Choice*: less of a tier may be left unserved by choice.
//! The states with the most tokens lost come first; what a cut promises counts as gained, and no more is cut than the excess of the loss
//! over what the target allows. A state that comes back although it was cut is cut deeper, a few times.
//!
//! This is a cutting-plane method with the simulator as its oracle (Kelley 1960; for simulated constraints: Atlason, Epelman and Henderson
//! 2008, *Optimizing call center staffing using simulation and analytic center cutting-plane methods*, Management Science 54). The cuts
//! are heuristic: they need not be implied by the target, so the plan that ends the loop meets it, but need not be the cheapest that does.

use bastide_model::model::{Alternative, Failover, Model, ServiceId, SiteId, Tier};
use bastide_model::plan::{Plan, StandBy};
use bastide_model::shortfall::{BIN, Shortfall, Shortfalls, State};

use crate::class::{full_rate, mean_demand};
use crate::cost::accelerators;
use crate::instance;
use crate::outage::Outage;
use crate::verify::{Check, verify, verify_outages};

/// Most states that one round cuts for a tier.
const CUTS: usize = 4;
/// Most times that a state is cut for a tier: beyond, capacity does not help.
const DEPTH: u32 = 4;
/// Least step of the factor on demand.
const STEP: f64 = 1.1;
/// Largest factor on demand.
const MOST: f64 = 8.0;
/// Parts of the excess loss that are not worth a cut.
const DUST: f64 = 1e-3;
/// Share of a stand-by of last resort: it takes what the others leave.
const LAST_RESORT: f64 = 1e-9;

/// What a cut asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CutKind {
    /// What is left in a state serves its share.
    Outage,
    /// Capacity beyond the mean demand with every site up.
    Reserve,
    /// Less is left unserved by choice.
    Choice,
}

impl CutKind {
    /// `outage`, `reserve`, `choice`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Reserve => "reserve",
            Self::Choice => "choice",
        }
    }
}

/// One limit on the next plan, and what it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// `loss of riga and tallinn`.
    pub name: String,
    /// What it asks for.
    pub kind: CutKind,
    /// Tier that fell short.
    pub tier: Tier,
    /// State in which it did.
    pub state: State,
    /// Share of the tier's demand that must be served then.
    pub least: f64,
    /// Factor on that demand.
    pub factor: f64,
    /// What was down or to blame, most tokens first: `site.riga`, `hazard.salvos`.
    pub assets: Vec<String>,
    /// Time in the state [h in a history].
    pub hours: f64,
    /// Tokens lost in it [tokens in a history].
    pub lost: f64,
    /// Which time the state is cut for the tier, from 1.
    pub depth: u32,
}

/// What no cut changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Beyond {
    /// Tier.
    pub tier: Tier,
    /// Why, in words.
    pub reason: String,
    /// Share of the tier's demand that is lost so.
    pub share: f64,
    /// Whether no plan of the scenario's candidates could change it.
    pub for_any_plan: bool,
}

/// What a round of the loop finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// New cuts, the most telling first within each tier.
    pub cuts: Vec<Cut>,
    /// Losses that no cut changes.
    pub beyond: Vec<Beyond>,
}

/// Limits that were learnt so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cuts {
    all: Vec<Cut>,
    /// Cuts that no plan keeps.
    refused: Vec<Cut>,
}

impl Cuts {
    /// Takes over a cut; a deeper one takes the place of the one before.
    pub fn push(&mut self, cut: Cut) {
        self.all.retain(|known| !(known.kind == cut.kind && known.tier == cut.tier && known.state == cut.state));
        self.all.push(cut);
    }

    /// Remembers that no plan keeps a cut.
    pub fn refuse(&mut self, cut: Cut) {
        self.refused.push(cut);
    }

    /// All that plans keep.
    #[must_use]
    pub fn all(&self) -> &[Cut] {
        &self.all
    }

    /// The model with what may be left unserved by choice.
    #[must_use]
    pub fn model(&self, model: &Model) -> Model {
        let mut model = model.clone();
        let planning = &mut model.planning;
        for outage in &mut planning.uncertainty.outages {
            // The scenario's own outages ask for what they asked for.
            outage.min_service.iter_mut().zip(planning.min_service).for_each(|(own, of_plan)| *own = own.or(of_plan));
        }
        for cut in self.all.iter().filter(|cut| cut.kind == CutKind::Choice) {
            model.planning.min_service[cut.tier as usize] = Some(cut.least);
        }
        model
    }

    /// The outages that the plan must survive: one for each state.
    #[must_use]
    pub fn outages(&self, model: &Model) -> Vec<Outage> {
        let mut all: Vec<(&State, Outage)> = Vec::new();
        for cut in self.all.iter().filter(|cut| cut.kind != CutKind::Choice) {
            let at = all.iter().position(|(state, _)| **state == cut.state).unwrap_or_else(|| {
                all.push((&cut.state, outage(model, cut)));
                all.len() - 1
            });
            all[at].1.min_service[cut.tier as usize] = Some(cut.least);
            all[at].1.demand_factor[cut.tier as usize] = cut.factor;
        }
        all.into_iter().map(|(_, outage)| outage).collect()
    }

    /// Checks a plan against every constraint of a model and against these cuts, outside the solver.
    #[must_use]
    pub fn check(&self, model: &Model, plan: &Plan, alternative: Option<&Alternative>) -> Vec<Check> {
        let mut checks = verify(&self.model(model), plan, alternative);
        checks.extend(verify_outages(model, plan, &self.outages(model)));
        checks
    }

    /// The cut of a state.
    fn of(&self, tier: Tier, state: &State) -> Option<&Cut> {
        self.all.iter().find(|cut| cut.kind != CutKind::Choice && cut.tier == tier && cut.state == *state)
    }

    /// Whether a worse state than this is cut. What every site up can serve no outage tells.
    fn covers(&self, tier: Tier, state: &State) -> bool {
        let worse = |cut: &Cut| cut.kind == CutKind::Outage && cut.tier == tier && state.is_within(&cut.state);
        !state.is_whole() && self.all.iter().any(worse)
    }
}

fn outage(model: &Model, cut: &Cut) -> Outage {
    let lost = |(site, quarters): &(SiteId, u8)| (*site, 1.0 - f64::from(*quarters) / 4.0);
    Outage {
        down_sites: cut.state.down.clone(),
        lost_share: cut.state.weak.iter().map(lost).collect(),
        cut_off: cut.state.cut_off.clone(),
        min_service: [None; 4],
        span: Some(model.planning.verification().span.unwrap_or_else(|| model.planning.span.clone())),
        ..Outage::named(cut.name.clone(), model)
    }
}

/// Whether plans of a model take cuts: those over periods do not.
#[must_use]
pub const fn takes_cuts(model: &Model) -> bool {
    model.growth.horizon.is_none()
}

/// What the shortfalls of `histories` histories ask of the next plan. `served` is the mean share of each tier's demand that was served.
#[must_use]
pub fn tighten(
    model: &Model,
    alternative: Option<&Alternative>,
    target: &[Option<f64>; 4],
    served: &[Option<f64>; 4],
    found: &Shortfalls,
    histories: u32,
    cuts: &Cuts,
) -> Findings {
    let mut findings = Findings::default();
    for tier in Tier::ALL {
        if let (Some(target), Some(served)) = (target[tier as usize], served[tier as usize])
            && served < target
        {
            let round = Round { model, alternative, found, histories: f64::from(histories.max(1)), cuts, tier, target };
            round.tighten(served, &mut findings);
        }
    }
    findings
}

struct Round<'a> {
    model: &'a Model,
    alternative: Option<&'a Alternative>,
    found: &'a Shortfalls,
    histories: f64,
    cuts: &'a Cuts,
    tier: Tier,
    target: f64,
}

impl Round<'_> {
    fn tighten(&self, served: f64, findings: &mut Findings) {
        let sums = &self.found.tiers[self.tier as usize];
        // The mean of shares is not the share of means: whichever asks for more.
        let mut excess = (sums.lost - (1.0 - self.target) * sums.demanded).max((self.target - served) * sums.demanded);
        let enough = DUST * excess;
        let beyond =
            |tokens: f64, reason: String, for_any_plan| Beyond { tier: self.tier, reason, share: tokens / sums.demanded, for_any_plan };
        for (tokens, reason) in [
            (sums.failing_over, "lost while failovers run: shorten `failover_time`, or keep services active at several sites"),
            (sums.not_due, "lost before most of the plan's accelerators are due: shorten `lead_time`"),
            (sums.batch, "batch work that is not done in time"),
        ] {
            if tokens > enough {
                findings.beyond.push(beyond(tokens, reason.to_owned(), false));
            }
        }
        if let Some((cut, gained)) = self.choice(sums.by_choice, sums.demanded, excess) {
            excess -= gained;
            findings.cuts.push(cut);
        }
        let mut states: Vec<(&State, &Shortfall)> =
            self.found.states.iter().filter(|((tier, _), _)| *tier == self.tier).map(|((_, state), it)| (state, it)).collect();
        states.sort_by(|a, b| b.1.lost.total_cmp(&a.1.lost).then_with(|| a.0.cmp(b.0)));
        let mut chosen: Vec<&State> = Vec::new();
        for (state, shortfall) in &states {
            if excess <= enough || chosen.len() >= CUTS || shortfall.lost <= enough {
                break;
            }
            if chosen.iter().any(|worse| state.is_within(worse)) {
                continue;
            }
            match self.cut(state, shortfall, excess) {
                Ok(cut) => {
                    let covered =
                        states.iter().filter(|(other, _)| other.is_within(state) && !chosen.iter().any(|worse| other.is_within(worse)));
                    excess -= cut.least * covered.map(|(_, it)| it.lost).sum::<f64>();
                    chosen.push(state);
                    findings.cuts.push(cut);
                }
                Err((reason, for_any_plan)) => findings.beyond.push(beyond(shortfall.lost, reason, for_any_plan)),
            }
        }
    }

    /// Less left unserved by choice: the cut, and the tokens that it gains.
    fn choice(&self, by_choice: f64, demanded: f64, excess: f64) -> Option<(Cut, f64)> {
        let gained = by_choice.min(excess);
        let least = (1.0 - (by_choice - gained) / demanded).min(1.0);
        let of_choice = |cut: &&Cut| cut.kind == CutKind::Choice && cut.tier == self.tier;
        let before = self.cuts.all.iter().find(of_choice);
        if self.cuts.refused.iter().any(|cut| of_choice(&cut) && cut.least <= least)
            || gained <= DUST * excess
            || before.is_some_and(|cut| cut.least >= least || cut.depth >= DEPTH)
        {
            return None;
        }
        let cut = Cut {
            name: format!("{} left unserved by choice", self.tier.name()),
            kind: CutKind::Choice,
            tier: self.tier,
            state: State::default(),
            least,
            factor: 1.0,
            assets: Vec::new(),
            hours: self.model.header.duration.as_h(),
            lost: by_choice / self.histories,
            depth: before.map_or(1, |cut| cut.depth + 1),
        };
        Some((cut, gained))
    }

    /// The cut of a state, or why there is none and whether that holds for any plan.
    fn cut(&self, state: &State, shortfall: &Shortfall, excess: f64) -> Result<Cut, (String, bool)> {
        let name = name(self.model, state);
        let potential = self.potential(state);
        if potential <= 0.0 {
            return Err((format!("no plan serves {} in `{name}`: no candidate is left", self.tier.name()), true));
        }
        let refused = |cut: &Cut| cut.tier == self.tier && cut.kind != CutKind::Choice && cut.state.is_within(state);
        if self.cuts.refused.iter().any(refused) {
            return Err((format!("no plan within the limits of the scenario keeps enough of it in `{name}`"), false));
        }
        if self.model.policy.failover == Failover::None && !state.is_whole() {
            return Err((format!("lost in `{name}`: `failover` of `[policy]` is `none`"), false));
        }
        let before = self.cuts.of(self.tier, state);
        if before.is_some_and(|cut| cut.depth >= DEPTH) {
            return Err((format!("lost in `{name}` however much capacity is kept for it"), false));
        }
        let step = Self::step(shortfall, excess).max(STEP);
        // Half of what may still be missed, for more demand than before.
        let deeper = |least: f64, factor: f64| (1.0 - 0.5 * (1.0 - least), (factor * step).min(MOST));
        let (least, factor) = match before {
            Some(cut) => deeper(cut.least, cut.factor),
            None if self.cuts.covers(self.tier, state) => deeper(self.target, 1.0),
            None if state.is_whole() => (self.target, step.min(MOST)),
            None => (self.target, 1.0),
        };
        let mut assets: Vec<String> = state.down.iter().map(|site| format!("site.{}", self.model.sites[*site].entity.name)).collect();
        let mut because: Vec<(&String, &f64)> = shortfall.because.iter().filter(|(_, lost)| **lost > 0.05 * shortfall.lost).collect();
        because.sort_by(|a, b| b.1.total_cmp(a.1).then_with(|| a.0.cmp(b.0)));
        for (asset, _) in because {
            if !assets.contains(asset) {
                assets.push(asset.clone());
            }
        }
        Ok(Cut {
            state: state.clone(),
            name,
            kind: if state.is_whole() { CutKind::Reserve } else { CutKind::Outage },
            tier: self.tier,
            least: least.min(potential),
            factor,
            assets,
            hours: shortfall.seconds / 3600.0 / self.histories,
            lost: shortfall.lost / self.histories,
            depth: before.map_or(1, |cut| cut.depth + 1),
        })
    }

    /// Least factor on the capacity of a state that would have saved the excess, or all that is lost in it; what was not served at all no
    /// factor saves.
    fn step(shortfall: &Shortfall, excess: f64) -> f64 {
        let allowed = (shortfall.lost - excess).max(DUST * shortfall.lost);
        let mut factor = 1.0;
        while factor < MOST && shortfall.lost_with(factor) > allowed {
            factor += BIN;
        }
        if factor < MOST { factor } else { STEP }
    }

    /// Share of the tier's mean demand that has a candidate, or a site that stands, left in a state.
    fn potential(&self, state: &State) -> f64 {
        let model = self.model;
        let latencies = bastide_model::latencies(model);
        let usable = |service: ServiceId, site: SiteId| {
            let there = instance::buyable(model, self.alternative, site) || model.fleets.iter().any(|fleet| fleet.site == site);
            there
                && !state.down.contains(&site)
                && !state.cut_off.contains(&(service, site))
                && instance::legal(model, &model.legal_service[service.index()][site.index()])
                && instance::near(&latencies, &model.services[service], site)
        };
        let (mut all, mut left) = (0.0, 0.0);
        for service in (0..model.services.len()).map(ServiceId::from_index).filter(|id| model.services[*id].tier == self.tier) {
            let demand = mean_demand(model, service);
            all += demand;
            if (0..model.sites.len()).map(SiteId::from_index).any(|site| usable(service, site)) {
                left += demand;
            }
        }
        if all > 0.0 { left / all } else { 0.0 }
    }
}

/// A state in words: `loss of riga and tallinn`, `all sites up`.
fn name(model: &Model, state: &State) -> String {
    const SHOWN: usize = 4;
    let site = |id: SiteId| model.sites[id].entity.name.as_str();
    let mut parts = Vec::new();
    if !state.down.is_empty() {
        let more = state.down.len().saturating_sub(SHOWN);
        let mut names: Vec<String> = state.down.iter().take(SHOWN).map(|id| site(*id).to_owned()).collect();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        parts.push(format!("loss of {}", listed(&names)));
    }
    for (id, quarters) in &state.weak {
        parts.push(format!("{} at {}", site(*id), if *quarters >= 2 { "half" } else { "a quarter" }));
    }
    let mut far: Vec<SiteId> = state.cut_off.iter().map(|(_, site)| *site).collect();
    far.sort_unstable();
    far.dedup();
    for id in far {
        let services: Vec<String> =
            state.cut_off.iter().filter(|(_, at)| *at == id).map(|(service, _)| model.services[*service].entity.name.clone()).collect();
        parts.push(format!("{} out of reach of {}", site(id), listed(&services)));
    }
    if parts.is_empty() { "all sites up".to_owned() } else { parts.join(", ") }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Adds stand-bys of last resort: where `failover` follows the plan alone, a service must find every site that the cuts count on. Each has
/// a share of 1e-9, so that it takes what the plan's own stand-bys leave.
pub fn add_last_resorts(model: &Model, plan: &mut Plan, outages: &[Outage]) {
    if model.policy.failover != Failover::Planned {
        return;
    }
    let latencies = bastide_model::latencies(model);
    let mut new: Vec<StandBy> = Vec::new();
    for outage in outages {
        for place in &plan.placements {
            let service = place.service;
            let it = &model.services[service];
            let lost = outage.left(place.site) < 1.0 || outage.cut_off.contains(&(service, place.site));
            if place.share <= 0.0 || !outage.tiers().contains(&it.tier) || !(lost || outage.demand_factor[it.tier as usize] > 1.0) {
                continue;
            }
            for site in (0..model.sites.len()).map(SiteId::from_index).filter(|site| *site != place.site) {
                let able = (0..model.accelerators.len())
                    .map(bastide_model::model::AcceleratorId::from_index)
                    .any(|kind| accelerators(model, plan, site, kind) > 0.0 && full_rate(model, service, kind) > 0.0);
                let data = it.dataset.is_none_or(|dataset| plan.replicas.iter().any(|copy| copy.dataset == dataset && copy.site == site));
                let known = plan.standbys.iter().chain(&new).any(|to| to.service == service && to.of == place.site && to.site == site);
                if able
                    && data
                    && !known
                    && outage.left(site) > 0.0
                    && !outage.cut_off.contains(&(service, site))
                    && instance::legal(model, &model.legal_service[service.index()][site.index()])
                    && instance::near(&latencies, it, site)
                {
                    new.push(StandBy { service, of: place.site, site, share: LAST_RESORT });
                }
            }
        }
    }
    plan.standbys.extend(new);
    plan.standbys.sort_by_key(|it| (it.service, it.of, it.site));
}
