//! The grid over the scenario's hours as an adequacy system, with AI load in it.

use bastide_engine::Distribution;
use bastide_grid::adequacy::{Area, Storage, System, Tie, Tier, TierKind, TwoState, Unit};
use bastide_units::{Duration, Power, Temperature};
use petgraph::unionfind::UnionFind;

use crate::model::{BusId, Model, Profile, Reliability, Site, SiteId};
use crate::plan::Plan;

/// Most areas by lines; above, nations are areas.
pub const MOST_AREAS: usize = 40;

/// Demand of AI at a bus.
#[derive(Clone, Debug, PartialEq)]
pub struct AiLoad {
    /// Name.
    pub name: String,
    /// Where.
    pub bus: BusId,
    /// Demand by hour of the scenario \[MW\]; the last value holds for further hours, so that one value is a constant.
    pub mw: Vec<f64>,
    /// Whether it has agreed to yield.
    pub kind: TierKind,
    /// Power of its own generators and batteries.
    pub backup: Power,
    /// How long they can run at full power.
    pub backup_for: Duration,
}

impl AiLoad {
    /// A load that is the same at all hours, without backup.
    #[must_use]
    pub fn constant(name: &str, bus: BusId, power: Power, kind: TierKind) -> Self {
        Self { name: name.to_owned(), bus, mw: vec![power.as_mw()], kind, backup: Power::ZERO, backup_for: Duration::ZERO }
    }
}

/// What a plan builds, beside what stands, as demand at its buses: one entry for each site with accelerators.
///
/// The demand is that of full use: IT power of all accelerators, up to what the site has room for and can cool, times the
/// PUE at the hour's outdoor temperature, up to the connection. Emergency generators count as certain to start; fuel and UPS
/// together give the time for which they carry the site.
#[must_use]
pub fn ai_load_of(model: &Model, plan: &Plan) -> Vec<AiLoad> {
    let realised = model.realised(plan);
    let model = &*realised;
    let mut installed = vec![Power::ZERO; model.sites.len()];
    for build in &plan.builds {
        installed[build.site.index()] += model.accelerators[build.accelerator].power * f64::from(build.count);
    }
    for fleet in &model.fleets {
        installed[fleet.site.index()] += model.accelerators[fleet.accelerator].power * f64::from(fleet.count);
    }
    let sites = model.sites.iter().zip(installed).enumerate().filter(|(_, (_, power))| *power > Power::ZERO);
    sites.map(|(index, (site, power))| ai_load(model, SiteId::from_index(index), site, power)).collect()
}

fn ai_load(model: &Model, id: SiteId, site: &Site, installed: Power) -> AiLoad {
    let it_mw = installed.as_mw().min(site.max_it_power.as_mw());
    let hours = if site.temperature.is_some() { model.header.hours } else { 1 };
    let at = |hour: usize| {
        let celsius = site.temperature.map(|profile| model.at(profile, hour));
        let above = celsius.map_or(0.0, |now| (now - site.cooling_limit.as_celsius()).max(0.0));
        let cooled = (1.0 - site.cooling_loss_per_degree * above).max(0.0);
        (it_mw * cooled * model.pue(id, celsius.map(Temperature::from_celsius))).min(site.connection.as_mw())
    };
    let mw: Vec<f64> = (0..hours).map(at).collect();
    let generators = if site.generator_start > 0.0 { site.fuel } else { Duration::ZERO };
    let backup_for = generators + site.ups;
    let most = mw.iter().copied().fold(0.0, f64::max);
    AiLoad {
        name: site.entity.name.clone(),
        bus: site.bus,
        mw,
        kind: if site.interruptible { TierKind::Interruptible } else { TierKind::Firm },
        backup: if backup_for > Duration::ZERO { Power::from_mw(most) } else { Power::ZERO },
        backup_for,
    }
}

/// The adequacy area of each bus, and the areas' names.
///
/// An area is what AC lines join within a nation: inside it adequacy asks whether there is enough, and not whether each line can
/// carry it, which is the question of a dispatch. A bus without AC lines is an area of its own. An area is named after its nation if it holds all
/// of the nation's buses, else after its first bus. Above [`MOST_AREAS`], areas are the nations.
#[must_use]
pub fn adequacy_areas(model: &Model) -> (Vec<usize>, Vec<String>) {
    let mut joined = UnionFind::new(model.buses.len());
    for line in model.lines.iter().filter(|line| line.reactance_pu.is_some()) {
        if model.buses[line.from].nation == model.buses[line.to].nation {
            joined.union(line.from.index(), line.to.index());
        }
    }
    let roots = joined.into_labeling();
    let mut area_of_root = vec![None; model.buses.len()];
    let mut first_bus: Vec<usize> = Vec::new();
    let areas: Vec<usize> = roots
        .iter()
        .enumerate()
        .map(|(bus, root)| {
            *area_of_root[*root].get_or_insert_with(|| {
                first_bus.push(bus);
                first_bus.len() - 1
            })
        })
        .collect();
    if first_bus.len() > MOST_AREAS {
        let names = model.nations.iter().map(|nation| nation.entity.name.clone()).collect();
        return (model.buses.iter().map(|bus| bus.nation.index()).collect(), names);
    }
    let name = |(area, bus): (usize, &usize)| {
        let members = areas.iter().filter(|it| **it == area).count();
        let bus = &model.buses[BusId::from_index(*bus)];
        let whole = members == model.buses.iter().filter(|other| other.nation == bus.nation).count();
        if members > 1 && whole { model.nations[bus.nation].entity.name.clone() } else { bus.entity.name.clone() }
    };
    let names = first_bus.iter().enumerate().map(name).collect();
    (areas, names)
}

/// The scenario as an adequacy system over its hours, with AI load.
///
/// - Areas are those of [`adequacy_areas`]. Lines between areas are ties with their capacities, AC lines too; lines without
///   failures between the same two areas are one tie.
/// - A class of generators is a class of units with its failure rate and the mean of its repair time; its availability is
///   the units' profile. Generation without failures is taken as it comes.
/// - Interruptible loads and AI load are tiers, the cheapest to lose first (AI load by `policy.value_of_lost_load`, equals
///   in the order of the scenario); all other loads are the firm load. The forecast error of an area is the mean of its buses', weighted by load.
/// - Storage loses on charging, as in the scenario.
#[must_use]
pub fn adequacy_system(model: &Model, ai: &[AiLoad]) -> System {
    let hours = model.header.hours;
    let (area_of_bus, names) = adequacy_areas(model);
    let area_of = |bus: BusId| area_of_bus[bus.index()];
    let mut areas: Vec<Area> = names.into_iter().map(|name| Area { name, load_mw: vec![0.0; hours], ..Area::default() }).collect();
    loads(model, ai, &mut areas, &area_of);

    let mut units = Vec::new();
    for generator in &model.generators {
        let area = area_of(generator.bus);
        let outage = outage(generator.reliability);
        let mw = generator.capacity.as_mw();
        if outage == TwoState::Perfect {
            let variable = &mut areas[area].variable_mw;
            variable.resize(hours, 0.0);
            for (hour, sum) in variable.iter_mut().enumerate() {
                *sum += mw * model.at(generator.availability, hour);
            }
            continue;
        }
        let (share, profile) = match generator.availability {
            Profile::Constant(share) => (share, Vec::new()),
            Profile::Series { .. } => (1.0, (0..hours).map(|hour| model.at(generator.availability, hour)).collect()),
        };
        units.push(Unit {
            name: generator.entity.name.clone(),
            area,
            count: generator.units,
            capacity_mw: mw * share / f64::from(generator.units.max(1)),
            profile,
            outage,
            derated: None,
            maintenance: Vec::new(),
        });
    }
    let storages = model.storages.iter().map(|storage| Storage {
        name: storage.entity.name.clone(),
        area: area_of(storage.bus),
        charge_mw: storage.power.as_mw(),
        discharge_mw: storage.power.as_mw(),
        energy_mwh: storage.energy.as_mwh(),
        charge_efficiency: storage.efficiency,
        discharge_efficiency: 1.0,
        initial: storage.initial,
        outage: TwoState::Perfect,
    });
    System { hours, areas, units, storages: storages.collect(), hydros: Vec::new(), ties: ties(model, &area_of) }
}

/// Firm load and tiers of each area.
fn loads(model: &Model, ai: &[AiLoad], areas: &mut [Area], area_of: &dyn Fn(BusId) -> usize) {
    let hours = model.header.hours;
    // Standard deviations of what one normal factor moves add up: the areas' buses are taken to err together.
    let mut moved = vec![(0.0, 0.0); areas.len()];
    // (area, value, tier), sorted by value later.
    let mut tiers: Vec<(usize, f64, Tier)> = Vec::new();
    for load in &model.loads {
        let area = area_of(load.bus);
        let mean = model.mean(load.power);
        moved[area].0 += mean * model.buses[load.bus].forecast_error;
        moved[area].1 += mean;
        let power = (0..hours).map(|hour| model.at(load.power, hour) / 1e6);
        if load.interruptible {
            let tier = Tier {
                name: load.entity.name.clone(),
                kind: TierKind::Interruptible,
                mw: power.collect(),
                backup_mw: 0.0,
                backup_h: 0.0,
                most_h_per_day: 24.0,
            };
            tiers.push((area, load.value_of_lost_load.as_eur_per_mwh(), tier));
        } else {
            for (sum, mw) in areas[area].load_mw.iter_mut().zip(power) {
                *sum += mw;
            }
        }
    }
    for load in ai {
        let last = load.mw.last().copied().unwrap_or(0.0);
        let tier = Tier {
            name: load.name.clone(),
            kind: load.kind,
            mw: (0..hours).map(|hour| load.mw.get(hour).copied().unwrap_or(last)).collect(),
            backup_mw: load.backup.as_mw(),
            backup_h: load.backup_for.as_h(),
            most_h_per_day: 24.0,
        };
        tiers.push((area_of(load.bus), model.policy.value_of_lost_load.as_eur_per_mwh(), tier));
    }
    tiers.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (area, _, tier) in tiers {
        areas[area].tiers.push(tier);
    }
    for (area, (error, mean)) in areas.iter_mut().zip(moved) {
        area.forecast_error = if mean > 0.0 { error / mean } else { 0.0 };
    }
}

/// Lines between areas; those that never fail are merged by pair of areas.
fn ties(model: &Model, area_of: &dyn Fn(BusId) -> usize) -> Vec<Tie> {
    let mut ties: Vec<Tie> = Vec::new();
    for line in &model.lines {
        let (from, to) = (area_of(line.from), area_of(line.to));
        if from == to {
            continue;
        }
        let outage = outage(line.reliability);
        let (forward, backward) = (line.capacity.as_mw(), line.reverse_capacity.as_mw());
        let same = |tie: &&mut Tie| {
            tie.outage == TwoState::Perfect && (tie.from.min(tie.to), tie.from.max(tie.to)) == (from.min(to), from.max(to))
        };
        if outage == TwoState::Perfect
            && let Some(tie) = ties.iter_mut().find(same)
        {
            let (along, against) = if tie.from == from { (forward, backward) } else { (backward, forward) };
            tie.forward_mw += along;
            tie.backward_mw += against;
            tie.name = format!("{}+{}", tie.name, line.entity.name);
            continue;
        }
        ties.push(Tie { name: line.entity.name.clone(), from, to, forward_mw: forward, backward_mw: backward, outage });
    }
    ties
}

/// Failures as rates: the mean of the repair time is all that long-run probabilities depend on.
fn outage(reliability: Option<Reliability>) -> TwoState {
    let Some(Reliability { failure_rate, repair }) = reliability else { return TwoState::Perfect };
    let (per_hour, mttr_h) = (failure_rate.as_per_h(), mean_h(&repair));
    if per_hour > 0.0 && mttr_h > 0.0 { TwoState::Times { mttf_h: 1.0 / per_hour, mttr_h } } else { TwoState::Perfect }
}

fn mean_h(repair: &Distribution) -> f64 {
    Duration::from_s(repair.mean()).as_h()
}
