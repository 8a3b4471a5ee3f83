//! From the program's values to a plan: along a tree, that of the first outlooks, the nominal ones.

use bastide_model::model::{DatasetId, ServiceId};
use bastide_model::plan::{Build, CampaignPlacement, Hedge, Lot, Period, Placement, Plan, Replica, Roadmap, StandBy, Step, Works};
use bastide_units::{Power, Time, TokenRate};

use super::formulation::Formulation;
use super::terms::Terms;

/// Shares below this are the solver's dust.
const DUST: f64 = 1e-7;

/// Stages of the nominal way, by period.
pub(super) fn nominal(terms: &Terms) -> Vec<usize> {
    std::iter::successors(Some(0), |stage: &usize| terms.tree.stages[*stage].children.first().copied()).collect()
}

/// The plan that the values describe, without cost, prices and certificate.
pub(super) fn plan(terms: &Terms, formulation: &Formulation, values: &[f64]) -> Plan {
    let way = nominal(terms);
    let mut roadmap = Roadmap {
        lots: lots(terms, formulation, values, &way),
        works: works(terms, formulation, values, &way),
        steps: steps(terms, formulation, values, &way),
        ..Roadmap::default()
    };
    roadmap.periods = way.iter().map(|stage| period(terms, formulation, values, *stage)).collect();
    let mut campaigns = Vec::new();
    for (start, column) in terms.starts.iter().zip(&formulation.run) {
        if values[*column] > 0.5 && way.contains(&start.stage) {
            let (site, accelerator) = (terms.base.sites[start.site].id, terms.base.types[start.kind].id);
            campaigns.push(CampaignPlacement { campaign: start.campaign, site, accelerator, islands: values[*column].round() as u32 });
            let begin = terms.horizon.begin(terms.tree.stages[start.stage].period);
            if !roadmap.starts.contains(&(start.campaign, begin)) {
                roadmap.starts.push((start.campaign, begin));
            }
        }
    }
    let by_dataset = formulation.replica.iter().enumerate();
    let replicas = by_dataset.flat_map(|(at, columns)| {
        let here = columns.iter().filter(|(_, column)| values[*column] > 0.5);
        here.map(move |(site, _)| Replica { dataset: DatasetId::from_index(at), site: terms.base.sites[*site].id }).collect::<Vec<_>>()
    });
    let last = way.last().copied().unwrap_or(0);
    Plan {
        name: String::new(),
        builds: at_the_end(terms, &roadmap),
        placements: placements(terms, formulation, values, last),
        standbys: standbys(terms, formulation, values, last),
        campaigns,
        replicas: replicas.collect(),
        unserved: roadmap.periods.last().map(|it| it.unserved.clone()).unwrap_or_default(),
        investments: Vec::new(),
        links: Vec::new(),
        hedge: Hedge::default(),
        cost: Vec::new(),
        prices: Vec::new(),
        roadmap: Some(Box::new(roadmap)),
        certificate: None,
    }
}

/// Accelerators at work at the end.
fn at_the_end(terms: &Terms, roadmap: &Roadmap) -> Vec<Build> {
    let end = terms.horizon.begin(terms.periods - 1);
    let mut builds: Vec<Build> = Vec::new();
    for lot in roadmap.lots.iter().filter(|lot| lot.runs(end)) {
        match builds.iter_mut().find(|it| it.site == lot.site && it.accelerator == lot.accelerator) {
            Some(build) => build.count += lot.count,
            None => builds.push(Build { site: lot.site, accelerator: lot.accelerator, count: lot.count }),
        }
    }
    builds.sort_by_key(|it| (it.site, it.accelerator));
    builds
}

/// Accelerators that share their dates. The i-th node ordered is the i-th delivered, energised and retired, so that lots are the
/// stretches between the steps of these four counts.
fn lots(terms: &Terms, formulation: &Formulation, values: &[f64], way: &[usize]) -> Vec<Lot> {
    let mut lots = Vec::new();
    for site in 0..terms.base.sites.len() {
        for (book, it) in terms.books.iter().enumerate() {
            let count = |list: &[Option<usize>]| -> Vec<f64> {
                let mut sum = 0.0;
                let each = way.iter().map(|stage| list[*stage].map_or(0.0, |column| values[column]));
                each.map(|value| {
                    sum += value;
                    (sum + 1e-6).floor()
                })
                .collect()
            };
            let (began, left) = (count(&formulation.energise[book][site]), count(&formulation.retire[book][site]));
            // Orders with what of them arrives, and when.
            let mut ordered: Vec<(usize, usize, f64)> = Vec::new();
            let mut sum = 0.0;
            for (period, stage) in way.iter().enumerate() {
                let Some(column) = formulation.order[book][site][*stage] else { continue };
                let Some((to, share)) = terms.arrivals(book, *stage).into_iter().find(|(to, _)| way.contains(to)) else { continue };
                sum += share * values[column];
                ordered.push((period, terms.tree.stages[to].period, (sum + 1e-6).floor()));
            }
            ordered.sort_by_key(|(_, to, _)| *to);
            let mut edges: Vec<u64> =
                began.iter().chain(&left).copied().chain(ordered.iter().map(|it| it.2)).map(|edge| edge as u64).collect();
            edges.sort_unstable();
            edges.dedup();
            let kind = &terms.base.types[it.kind];
            let mut from = 0;
            for until in edges {
                if until <= from {
                    continue;
                }
                let first = |list: &[f64]| {
                    list.iter().position(|count| *count as u64 > from).map_or(Time::NEVER, |period| terms.horizon.begin(period))
                };
                if let Some((order, delivered, _)) = ordered.iter().find(|it| it.2 as u64 > from) {
                    lots.push(Lot {
                        site: terms.base.sites[site].id,
                        accelerator: kind.id,
                        count: ((until - from) as f64 * kind.per_node) as u32,
                        book: it.id,
                        ordered: terms.horizon.begin(*order),
                        delivered: terms.horizon.begin(*delivered),
                        energised: first(&began),
                        retired: first(&left),
                    });
                }
                from = until;
            }
        }
    }
    lots.sort_by_key(|it| (it.site, it.accelerator, it.ordered, it.energised, it.retired));
    lots
}

fn works(terms: &Terms, formulation: &Formulation, values: &[f64], way: &[usize]) -> Vec<Works> {
    let mut works = Vec::new();
    for (at, site) in terms.base.sites.iter().enumerate() {
        let (mut open, mut hall, mut line) = (terms.standing(at) > 0.0, 0.0_f64, 0.0_f64);
        for (period, stage) in way.iter().enumerate() {
            let value = |list: &[usize]| values[list[*stage]];
            let opens = !open && value(&formulation.open[at]) > 0.5;
            let (new_hall, new_line) = (value(&formulation.hall[at]).max(hall), value(&formulation.line[at]).max(line));
            let (it_power, connection) = (new_hall - hall, new_line - line);
            if opens || it_power > DUST || connection > DUST {
                works.push(Works {
                    site: site.id,
                    decided: terms.horizon.begin(period),
                    ready: terms.horizon.begin(period + terms.lead[at]),
                    opens,
                    it_power: Power::from_mw(it_power),
                    connection: Power::from_mw(connection),
                });
                (open, hall, line) = (open || opens, new_hall, new_line);
            }
        }
    }
    works
}

fn steps(terms: &Terms, formulation: &Formulation, values: &[f64], way: &[usize]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (step, list) in terms.steps.iter().zip(&formulation.steps) {
        let mut built = 0.0_f64;
        for (period, stage) in way.iter().enumerate() {
            let now = values[list[*stage]].round().max(built);
            if now > built {
                let ready = (period + step.lead).max(step.earliest);
                let (decided, ready) = (terms.horizon.begin(period), terms.horizon.begin(ready));
                steps.push(Step { expansion: step.id, count: (now - built) as u32, decided, ready });
                built = now;
            }
        }
    }
    steps.sort_by_key(|it| (it.decided, it.expansion));
    steps
}

/// `(service, units served, units of its demand, class, its part of what the class places)` at a stage.
fn served(terms: &Terms, formulation: &Formulation, values: &[f64], stage: usize) -> Vec<(ServiceId, f64, f64, usize, f64)> {
    let mut found = Vec::new();
    for (class, it) in terms.classes.iter().enumerate() {
        let placed: f64 =
            formulation.place[class].iter().flatten().filter_map(|list| list[stage]).map(|column| values[column].max(0.0)).sum();
        for ((service, units), list) in it.members.iter().zip(&formulation.unserved[class]) {
            let demand = terms.units(*service, *units, stage);
            let unserved = values[list[stage]].clamp(0.0, demand);
            let unserved = if unserved < DUST * demand { 0.0 } else { unserved };
            let part = if placed > 0.0 { (demand - unserved) / placed } else { 0.0 };
            found.push((*service, demand - unserved, demand, class, part));
        }
    }
    found
}

fn placements(terms: &Terms, formulation: &Formulation, values: &[f64], stage: usize) -> Vec<Placement> {
    let headroom = terms.base.model.policy.headroom;
    let mut placements = Vec::new();
    for (service, _, demand, class, part) in served(terms, formulation, values, stage) {
        for (site, by_type) in formulation.place[class].iter().enumerate() {
            let here: Vec<f64> = by_type.iter().map(|list| list[stage].map_or(0.0, |column| values[column].max(0.0) * part)).collect();
            let sum: f64 = here.iter().sum();
            if demand > 0.0 && sum > DUST * demand {
                let taken = here.iter().enumerate().filter(|(_, x)| **x > DUST * sum);
                let accelerators =
                    taken.map(|(kind, x)| (terms.base.types[kind].id, x * headroom / terms.classes[class].rate[kind])).collect();
                placements.push(Placement { service, site: terms.base.sites[site].id, share: (sum / demand).min(1.0), accelerators });
            }
        }
    }
    placements.sort_by_key(|it| (it.service, it.site));
    placements
}

/// Where a protected class goes when a site is lost: to where capacity is kept free for it, in proportion.
fn standbys(terms: &Terms, formulation: &Formulation, values: &[f64], stage: usize) -> Vec<StandBy> {
    let mut standbys = Vec::new();
    let placed = placements(terms, formulation, values, stage);
    for (service, _, _, class, _) in served(terms, formulation, values, stage) {
        let spare = |site: &Vec<Vec<Option<usize>>>| -> f64 {
            site.iter().filter_map(|list| list[stage]).map(|column| values[column].max(0.0)).sum()
        };
        let free: Vec<f64> = formulation.spare[class].iter().map(spare).collect();
        for place in placed.iter().filter(|it| it.service == service) {
            let others = || free.iter().enumerate().filter(|(at, free)| terms.base.sites[*at].id != place.site && **free > DUST);
            let sum: f64 = others().map(|(_, free)| free).sum();
            standbys.extend(others().map(|(at, free)| StandBy {
                service,
                of: place.site,
                site: terms.base.sites[at].id,
                share: place.share * free / sum,
            }));
        }
    }
    standbys.sort_by_key(|it| (it.service, it.of, it.site));
    standbys
}

fn period(terms: &Terms, formulation: &Formulation, values: &[f64], stage: usize) -> Period {
    let placed = placements(terms, formulation, values, stage);
    let mut unserved = Vec::new();
    for (service, got, demand, class, _) in served(terms, formulation, values, stage) {
        if demand - got > 0.0 {
            let units = terms.classes[class].members.iter().find(|(id, _)| *id == service).map_or(1.0, |(_, units)| *units);
            unserved.push((service, TokenRate::from_tokens_per_s((demand - got) * terms.tokens_per_unit(service, units))));
        }
    }
    unserved.sort_by_key(|(service, _)| *service);
    let mut busy = Vec::new();
    for site in &terms.base.sites {
        for kind in &terms.base.types {
            let here = placed.iter().filter(|it| it.site == site.id).flat_map(|it| &it.accelerators);
            let sum: f64 = here.filter(|(id, _)| *id == kind.id).map(|(_, count)| count).sum();
            if sum > 0.0 {
                busy.push((site.id, kind.id, sum));
            }
        }
    }
    Period {
        from: terms.horizon.begin(terms.tree.stages[stage].period),
        served: placed.iter().map(|it| (it.service, it.site, it.share)).collect(),
        unserved,
        busy,
    }
}
