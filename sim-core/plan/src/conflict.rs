//! Why there is no plan: an irreducible set of wishes that exclude each other.
//!
//! Deletion filter (Chinneck 2008, *Feasibility and Infeasibility in Optimization*, section 6.1), over groups of
//! constraints instead of rows: whatever can be left out while the rest still excludes every plan is left out, many at a
//! time where possible. What remains is a conflict in which every member counts.

use bastide_model::diag::Diagnostic;
use bastide_model::model::{Alternative, DatasetId, Model, ServiceId, SiteId, SiteTier, Tier};
use bastide_model::source::Span;
use bastide_units::display;

use crate::PlanError;
use crate::class::mean_demand;
use crate::formulation::Formulation;
use crate::instance::{self, Instance, Relaxed};
use crate::lazy;
use crate::outage::{Outage, outages};
use crate::program::Group;
use crate::siting;
use crate::solver::{Answer, Limits};

/// One wish of the scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictGroup {
    /// `budget`, `connection of riga`.
    pub name: String,
    /// What it demands, one sentence without a full stop.
    pub sentence: String,
    /// Lines of the scenario behind it, most telling first.
    pub spans: Vec<Span>,
}

/// Wishes that exclude each other; without any one of them there is a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The wishes.
    pub groups: Vec<ConflictGroup>,
}

impl Conflict {
    /// One diagnostic that points at all of them.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let names: Vec<String> = self.groups.iter().map(|group| format!("`{}`", group.name)).collect();
        let list = match names.as_slice() {
            [one] => one.clone(),
            [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
            [] => return Vec::new(),
        };
        let message = format!("no plan satisfies {list}{}", if names.len() > 1 { " together" } else { "" });
        let mut labels = self.groups.iter().flat_map(|group| group.spans.iter().take(1).map(|span| (span.clone(), group.sentence.clone())));
        let Some((first, word)) = labels.next() else { return Vec::new() };
        let mut diagnostic = Diagnostic::error("F0790", first, message).hint("relax any one of them");
        diagnostic.labels[0].1 = word;
        diagnostic.labels.extend(labels);
        for group in &self.groups {
            diagnostic.labels.extend(group.spans.iter().skip(1).map(|span| (span.clone(), String::new())));
        }
        vec![diagnostic]
    }
}

/// What a search was given beside the scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extra<'a> {
    /// Outages that the plan must survive.
    pub outages: &'a [Outage],
    /// Capital of the links that it builds [M EUR].
    pub links: f64,
}

/// An irreducible conflict of an infeasible model.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub(crate) fn find(model: &Model, alternative: Option<&Alternative>, extra: Extra<'_>, limits: &Limits) -> Result<Conflict, PlanError> {
    let outages: Vec<Outage> = outages(model).into_iter().chain(extra.outages.iter().cloned()).collect();
    let candidates = candidates(model, alternative, outages.len());
    let mut relaxed = Relaxed::default();
    for batch in &candidates {
        leave_out(model, alternative, extra, limits, batch, &mut relaxed)?;
    }
    let kept = candidates.iter().flatten().filter(|group| !relaxed.contains(group));
    let mut groups: Vec<Group> = kept.copied().collect();
    groups.sort();
    Ok(Conflict { groups: groups.into_iter().map(|group| explain(model, alternative, &outages, group)).collect() })
}

/// Leaves out as much of a batch as the rest allows.
fn leave_out(
    model: &Model,
    alternative: Option<&Alternative>,
    extra: Extra<'_>,
    limits: &Limits,
    batch: &[Group],
    relaxed: &mut Relaxed,
) -> Result<(), PlanError> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut without = relaxed.clone();
    without.extend(batch);
    // Twins differ once one of them is relaxed.
    without.insert(Group::Order);
    if !possible(model, alternative, extra, limits, &without)? {
        *relaxed = without;
    } else if batch.len() > 1 {
        let (first, second) = batch.split_at(batch.len() / 2);
        leave_out(model, alternative, extra, limits, first, relaxed)?;
        leave_out(model, alternative, extra, limits, second, relaxed)?;
    }
    Ok(())
}

/// Whether any plan exists without these groups. Out of time counts as yes: the conflict is then true but perhaps not the
/// smallest.
fn possible(
    model: &Model,
    alternative: Option<&Alternative>,
    extra: Extra<'_>,
    limits: &Limits,
    relaxed: &Relaxed,
) -> Result<bool, PlanError> {
    if let Some(horizon) = &model.growth.horizon {
        let mut program = crate::roadmap::program(model, horizon, alternative, relaxed);
        program.columns.iter_mut().for_each(|column| column.cost = 0.0);
        return Ok(!matches!(crate::solver::solve(&program, limits)?, Answer::Infeasible));
    }
    let mut instance = Instance::new(model, alternative, relaxed);
    instance.add_outages(extra.outages);
    instance.links = if relaxed.contains(&Group::LinkLoss) { 0.0 } else { extra.links };
    let mut formulation = Formulation::new(&instance, relaxed);
    if let Some(possible) = siting::is_possible(&instance, &formulation) {
        return Ok(possible);
    }
    formulation.program.columns.iter_mut().for_each(|column| column.cost = 0.0);
    Ok(!matches!(lazy::solve(&instance, &mut formulation, limits)?, Answer::Infeasible))
}

/// Every group, in batches; what comes first is left out first, so that a conflict names the planner's own wishes.
fn candidates(model: &Model, alternative: Option<&Alternative>, outages: usize) -> Vec<Vec<Group>> {
    let planning = &model.planning;
    let instance = Instance::new(model, alternative, &Relaxed::default());
    let sites = || instance.sites.iter().map(|site| site.id);
    let services = || (0..model.services.len()).map(ServiceId::from_index);
    let survive = instance::survive(model, alternative);
    vec![
        services().map(Group::Latency).collect(),
        planning.accelerators.iter().filter(|(_, cap)| cap.is_some()).map(|(id, _)| Group::TypeCap(*id)).collect(),
        instance.hosts().into_iter().map(|(bus, _, _)| Group::Hosting(bus)).collect(),
        sites().map(Group::Room).collect(),
        sites().map(Group::Connection).collect(),
        sites().filter(|site| model.sites[*site].max_accelerators.is_some()).map(Group::Accelerators).collect(),
        alternative.iter().flat_map(|it| &it.tier_share).map(|(tier, _)| Group::TierShare(*tier)).collect(),
        alternative.iter().filter(|it| it.max_site_share.is_some()).map(|_| Group::SiteShare).collect(),
        vec![Group::MostSites],
        vec![Group::FewestSites],
        alternative.iter().flat_map(|it| &it.required).map(|site| Group::Required(*site)).collect(),
        (0..model.datasets.len()).map(|at| Group::Dataset(DatasetId::from_index(at))).collect(),
        services().map(Group::Legality).collect(),
        services().filter(|id| model.services[*id].critical.share > 0.0).map(Group::Critical).collect(),
        (0..outages).map(Group::Outage).collect(),
        services().filter(|id| model.services[*id].operation.single_site).map(Group::SingleSite).collect(),
        survive.into_iter().map(Group::Survival).collect(),
        if planning.survive_link_loss { vec![Group::LinkLoss] } else { Vec::new() },
        vec![Group::ItPower],
        crate::roadmap::limits(model),
        vec![Group::Budget],
        Tier::ALL.into_iter().filter(|tier| crate::roadmap::has_least(model, *tier)).map(Group::MinService).collect(),
    ]
}

fn tier_word(tier: SiteTier) -> &'static str {
    match tier {
        SiteTier::Core => "core",
        SiteTier::Regional => "regional",
        SiteTier::Edge => "edge",
        SiteTier::Pool => "pool",
    }
}

fn explain(model: &Model, alternative: Option<&Alternative>, outages: &[Outage], group: Group) -> ConflictGroup {
    let planning = &model.planning;
    let plan = || vec![planning.span.clone()];
    let places = &planning.ranking.places;
    // A rival's own wish stands in its own table.
    let rival_at = |own: bool, key: &Span| alternative.filter(|_| own).map_or_else(|| vec![key.clone()], |it| vec![it.entity.span.clone()]);
    let rival = |own: bool| rival_at(own, &planning.span);
    let (fewest, most) = instance::count(model, alternative);
    let site = |id: SiteId| &model.sites[id];
    let (name, sentence, spans) = match group {
        // Never a candidate.
        Group::Structure | Group::InUse | Group::Order => (String::new(), String::new(), plan()),
        Group::Budget => {
            ("budget".to_owned(), format!("at most {} of capital", display(planning.budget)), vec![planning.budget_span.clone()])
        }
        Group::YearBudget(_) | Group::OrderBook(_) | Group::ExportCap(_) => {
            crate::roadmap::limit(model, group).unwrap_or_else(|| (String::new(), String::new(), plan()))
        }
        Group::ItPower => (
            "IT power".to_owned(),
            format!("at most {} of IT power in all sites", display(planning.it_power)),
            vec![planning.it_power_span.clone()],
        ),
        Group::FewestSites => (
            "fewest sites".to_owned(),
            format!("at least {fewest} sites"),
            rival_at(alternative.is_some_and(|it| it.count.is_some()), &places.min_sites),
        ),
        Group::MostSites => (
            "most sites".to_owned(),
            format!("at most {most} sites"),
            rival_at(alternative.is_some_and(|it| it.count.is_some()), &places.max_sites),
        ),
        Group::Required(id) => {
            (format!("required site {}", site(id).entity.name), format!("site `{}` must be used", site(id).entity.name), rival(true))
        }
        Group::TierShare(tier) => {
            let share = alternative.iter().flat_map(|it| &it.tier_share).find(|(it, _)| *it == tier).map_or(0.0, |(_, share)| *share);
            let word = tier_word(tier);
            (format!("share of {word} sites"), format!("at least {:.0} % of IT power in {word} sites", share * 100.0), rival(true))
        }
        Group::SiteShare => {
            let share = alternative.and_then(|it| it.max_site_share).unwrap_or(1.0);
            ("share of one site".to_owned(), format!("at most {:.0} % of IT power at any one site", share * 100.0), rival(true))
        }
        Group::Connection(id) => {
            let it = site(id);
            let sentence = format!("site `{}` draws at most {} from the grid", it.entity.name, display(it.connection));
            (format!("connection of {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
        Group::Room(id) => {
            let it = site(id);
            let sentence = format!("site `{}` has room for {} of IT power", it.entity.name, display(it.max_it_power));
            (format!("IT power of {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
        Group::Accelerators(id) => {
            let it = site(id);
            let sentence = format!("site `{}` takes at most {} accelerators", it.entity.name, it.max_accelerators.unwrap_or(u32::MAX));
            (format!("accelerators of {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
        Group::LinkLoss => {
            let sentence = "nations with sites or users stay connected when any single link is down".to_owned();
            ("survival of link loss".to_owned(), sentence, plan())
        }
        Group::SingleSite(id) => {
            let it = &model.services[id].entity;
            let sentence = format!("all of service `{}` runs at one site", it.name);
            (format!("single site of {}", it.name), sentence, vec![it.span.clone()])
        }
        Group::Hosting(id) => {
            let bus = &model.buses[id];
            let limit = bus.hosting_limit.map_or_else(String::new, display);
            let sentence = format!("bus `{}` accepts at most {limit} of AI load", bus.entity.name);
            (format!("hosting limit of {}", bus.entity.name), sentence, vec![bus.entity.span.clone()])
        }
        Group::TypeCap(id) => {
            let kind = &model.accelerators[id].entity;
            let cap = planning.accelerators.iter().find(|(it, _)| *it == id).and_then(|(_, cap)| *cap).unwrap_or(u32::MAX);
            (format!("number of {}", kind.name), format!("at most {cap} accelerators `{}`", kind.name), vec![places.accelerators.clone()])
        }
        Group::Legality(id) => legality(model, alternative, id),
        Group::Latency(id) => {
            let it = &model.services[id];
            let sentence = format!("service `{}` runs within {} of every origin", it.entity.name, display(it.max_latency));
            (format!("latency of {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
        Group::Survival(tier) => {
            let own = alternative.is_some_and(|it| it.survive_site_loss.is_some());
            (
                format!("survival of {}", tier.name()),
                format!("tier {} survives the loss of any single site", tier.name()),
                rival_at(own, &places.survive_site_loss),
            )
        }
        Group::Critical(id) => {
            let it = &model.services[id];
            let share = bastide_units::format_significant(it.critical.share * 100.0, 4);
            let sentence = format!("{share} % of the demand of service `{}` keeps running outside any single site", it.entity.name);
            (format!("critical share of {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
        Group::Outage(at) => outage(model, &outages[at]),
        Group::MinService(tier) => {
            let least = planning.min_service[tier as usize].unwrap_or(0.0);
            let mut spans = vec![places.min_service.clone()];
            let services = model
                .services
                .iter()
                .enumerate()
                .filter(|(at, it)| it.tier == tier && mean_demand(model, ServiceId::from_index(*at)) > 0.0);
            // A thousand places help nobody.
            spans.extend(services.take(12).map(|(_, it)| it.entity.span.clone()));
            let sentence = format!(
                "at least {} % of the demand of tier {} is served",
                bastide_units::format_significant(least * 100.0, 4),
                tier.name()
            );
            (format!("least service of {}", tier.name()), sentence, spans)
        }
        Group::Dataset(id) => {
            let it = &model.datasets[id];
            let homes = Instance::new(model, alternative, &Relaxed::default()).homes(id).len();
            let sentence =
                format!("dataset `{}` has {} copies at different sites in use, of {homes} that may hold it", it.entity.name, it.replicas);
            (format!("copies of {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
    };
    ConflictGroup { name, sentence, spans }
}

/// An outage: what must be served in it.
fn outage(model: &Model, it: &Outage) -> (String, String, Vec<Span>) {
    let least = |tier: &Tier| {
        let share = it.min_service[*tier as usize].unwrap_or(0.0);
        format!("{} % of tier {}", bastide_units::format_significant(share * 100.0, 4), tier.name())
    };
    let tiers: Vec<String> = it.tiers().iter().map(least).collect();
    let span = it.span.clone().unwrap_or_else(|| model.planning.span.clone());
    (format!("outage {}", it.name), format!("at least {} is served in outage `{}`", tiers.join(", "), it.name), vec![span])
}

/// A service's rules: how many sites they leave, and the lines that close the others.
fn legality(model: &Model, alternative: Option<&Alternative>, id: ServiceId) -> (String, String, Vec<Span>) {
    let it = &model.services[id];
    let usable = Instance::new(model, alternative, &Relaxed::default());
    let rows = || usable.sites.iter().map(|site| &model.legal_service[id.index()][site.id.index()]);
    let open = rows().filter(|legality| instance::legal(model, legality)).count();
    let mut spans = vec![it.entity.span.clone()];
    for (_, span) in rows().filter_map(|legality| legality.forbidden_by.as_ref()) {
        if !spans.contains(span) {
            spans.push(span.clone());
        }
    }
    let sentence = format!("the rules let service `{}` run at {open} of {} sites", it.entity.name, usable.sites.len());
    (format!("legality of {}", it.entity.name), sentence, spans)
}
