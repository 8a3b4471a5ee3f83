//! Adequacy of the grid for a study: how often it falls short without AI load, with each plan's, and how much more it could host.
//!
//! By sequential Monte Carlo ([`bastide_grid::adequacy::simulate`]) on the scenario's hours: unit and line failures, storage, forecast error, help
//! between zones, but neither hazards nor prices, which the histories of the study have. All cases and sizes see the same failures, so that
//! they differ by the load alone. Repetitions are fewer for larger grids, so that a study does not wait for this part.

use std::sync::atomic::AtomicBool;

use bastide_engine::{Estimate, Pool};
use bastide_grid::adequacy::{
    SequentialAdequacy, SequentialError, SequentialOptions, Shortfall, Size, System, Tier, TierKind, largest_size, simulate,
};
use bastide_model::model::{Model, NationId};
use bastide_model::network::{AiLoad, Zones, adequacy_system_of, ai_load_of};
use bastide_model::plan::Plan;

use crate::results::{
    AdequacyCase, AdequacyFacts, AiCase, HostPointFacts, HostSize, HostingFacts, Mean, ShortfallFacts, YieldFacts, ZoneFacts,
};

/// Hours of a year, for which indices are given.
const YEAR_H: f64 = 8760.0;
/// What all cases, and all of hosting, may take, in hours times zones squared: some seconds on two cores of 2024.
const CASE_WORK: f64 = 6e8;
const HOST_WORK: f64 = 9e8;
/// Fewest repetitions of a case, and of a size of hosted load.
const FEWEST: f64 = 20.0;
const FEWEST_HOST: f64 = 10.0;
/// Most years that repetitions make up.
const MOST_YEARS: f64 = 5000.0;
/// Loss of load that hosting accepts [h per year]: the reliability standard (Regulation (EU) 2019/943, article 25) of Belgium, Great Britain
/// and Poland.
const MOST_LOLE_H: f64 = 3.0;
/// Share of the hours in which a hosted load that yields may have to.
const MOST_YIELD_SHARE: f64 = 0.01;
/// Most zones for which hosting is looked at.
const MOST_HOSTS: f64 = 8.0;
/// Sizes that are tried for a zone, about.
const SIZES: f64 = 17.0;
/// First size of the search, as a share of the greatest load of the zone.
const FIRST_SHARE: f64 = 1.0 / 32.0;
/// Width to which the search closes in, as a share of the first size that misses its limit.
const TOLERANCE: f64 = 1.0 / 32.0;

/// Adequacy without AI load, with that of each plan (name and plan, the reference first), and hosting beside the reference.
///
/// # Errors
/// [`SequentialError`] where the grid cannot be simulated, such as one without a bus.
pub fn adequacy(model: &Model, plans: &[(&str, &Plan)], seed: u64, threads: usize) -> Result<AdequacyFacts, SequentialError> {
    let study = Study { model, zones: Zones::synchronous(model), seed, per_year: YEAR_H / model.header.hours.max(1) as f64 };
    let pool = Pool::new(threads);
    let loads: Vec<Vec<AiLoad>> = plans.iter().map(|(_, plan)| study.ai_load(plan)).collect();
    let jobs: Vec<(Option<usize>, AiCase)> = std::iter::once((None, AiCase::Without))
        .chain((0..plans.len()).flat_map(|plan| [(Some(plan), AiCase::AsPlanned), (Some(plan), AiCase::Interruptible)]))
        .collect();
    let repetitions = study.repetitions(CASE_WORK / jobs.len() as f64, FEWEST);
    let cases = each(&pool, &jobs, |(plan, ai)| study.case(plan.map(|at| (plans[at].0, loads[at].as_slice())), *ai, repetitions))?;
    let reference = loads.first().map_or(&[] as &[AiLoad], Vec::as_slice);
    let hosts = study.hosts();
    let host_repetitions = study.repetitions(HOST_WORK / SIZES / hosts.len().max(1) as f64, FEWEST_HOST);
    let hosting = each(&pool, &hosts, |zone| study.hosting(*zone, reference, host_repetitions))?;
    Ok(AdequacyFacts {
        repetitions,
        host_repetitions,
        hours: model.header.hours,
        zones: study.zones(),
        cases,
        most_lole_h_per_year: MOST_LOLE_H,
        most_yield_share: MOST_YIELD_SHARE,
        hosting,
    })
}

/// Runs `work` for each job on the pool; gives the answers in order, or the first error.
fn each<J: Sync, T: Send>(
    pool: &Pool,
    jobs: &[J],
    work: impl Fn(&J) -> Result<T, SequentialError> + Sync,
) -> Result<Vec<T>, SequentialError> {
    let done = pool.replicate(0..jobs.len() as u32, &AtomicBool::new(false), &|_| (), |at| work(&jobs[at as usize]));
    done.into_iter().flatten().collect()
}

fn scaled(estimate: &Estimate, factor: f64) -> Mean {
    Mean { mean: estimate.mean * factor, stderr: estimate.stderr.map(|stderr| stderr * factor) }
}

struct Study<'a> {
    model: &'a Model,
    zones: Zones,
    seed: u64,
    /// From the scenario's hours to a year.
    per_year: f64,
}

impl Study<'_> {
    /// What one repetition takes, in hours times zones squared.
    fn work(&self) -> f64 {
        (self.model.header.hours.max(1) * self.zones.names.len().max(1).pow(2)) as f64
    }

    fn repetitions(&self, work: f64, fewest: f64) -> u32 {
        let most = (MOST_YEARS * self.per_year).ceil().clamp(fewest, 50_000.0);
        (work / self.work()).floor().clamp(fewest, most) as u32
    }

    fn simulate(&self, system: &System, repetitions: u32) -> Result<SequentialAdequacy, SequentialError> {
        simulate(system, &SequentialOptions { years: repetitions, seed: self.seed, threads: 1, ..SequentialOptions::default() })
    }

    /// Load of a plan's sites, under names that no load of the scenario can have.
    fn ai_load(&self, plan: &Plan) -> Vec<AiLoad> {
        let mut loads = ai_load_of(self.model, plan);
        loads.iter_mut().for_each(|load| load.name.insert_str(0, "site."));
        loads
    }

    fn zones(&self) -> Vec<ZoneFacts> {
        let model = self.model;
        let nation = |zone: usize| {
            let bus = self.zones.of_bus.iter().position(|at| *at == zone);
            bus.map_or_else(|| NationId::from_index(zone), |bus| model.buses.iter().nth(bus).map_or(NationId(0), |bus| bus.nation))
        };
        let facts = |(zone, name): (usize, &String)| ZoneFacts {
            zone: name.clone(),
            // A nation without a bus is a zone only where all zones are nations.
            nation: model.nations[nation(zone)].entity.name.clone(),
        };
        self.zones.names.iter().enumerate().map(facts).collect()
    }

    /// Zones with candidate sites, in the order of the scenario: those with most room for them, as many as there is time for.
    fn hosts(&self) -> Vec<usize> {
        let mut room = vec![0.0; self.zones.names.len()];
        for site in &self.model.planning.candidates {
            let site = &self.model.sites[*site];
            room[self.zones.of_bus[site.bus.index()]] += site.connection.as_mw();
        }
        let mut hosts: Vec<usize> = (0..room.len()).filter(|zone| room[*zone] > 0.0).collect();
        hosts.sort_by(|a, b| room[*b].total_cmp(&room[*a]).then(a.cmp(b)));
        hosts.truncate((HOST_WORK / SIZES / FEWEST_HOST / self.work()).clamp(1.0, MOST_HOSTS) as usize);
        hosts.sort_unstable();
        hosts
    }

    fn shortfall(&self, shortfall: &Shortfall) -> ShortfallFacts {
        let year = self.per_year;
        ShortfallFacts {
            lole_h_per_year: scaled(&shortfall.lole_h, year),
            lolf_per_year: shortfall.events.as_ref().map_or_else(Mean::default, |events| scaled(&events.frequency, year)),
            eue_mwh_per_year: scaled(&shortfall.eue_mwh, year),
            neue_ppm: scaled(&shortfall.neue_ppm, 1.0),
        }
    }

    fn case(&self, plan: Option<(&str, &[AiLoad])>, ai: AiCase, repetitions: u32) -> Result<AdequacyCase, SequentialError> {
        let mut loads = plan.map_or_else(Vec::new, |(_, loads)| loads.to_vec());
        if ai == AiCase::Interruptible {
            loads.iter_mut().for_each(|load| load.kind = TierKind::Interruptible);
        }
        let system = adequacy_system_of(self.model, &loads, &self.zones);
        let found = self.simulate(&system, repetitions)?;
        let year = self.per_year;
        let sites = loads.iter().filter_map(|load| {
            let zone = self.zones.of_bus[load.bus.index()];
            let at = system.areas[zone].tiers.iter().position(|tier| tier.name == load.name)?;
            let used = &found.tiers[zone][at];
            Some(YieldFacts {
                site: load.name.trim_start_matches("site.").to_owned(),
                zone,
                interruptible: load.kind == TierKind::Interruptible,
                mw: system.areas[zone].tiers[at].mw.iter().sum::<f64>() / system.hours as f64,
                hours_per_year: scaled(&used.hours, year),
                share: scaled(&used.hours_share, 1.0),
                mwh_per_year: scaled(&used.curtailed_mwh, year),
                lost_h_per_year: scaled(&used.lost_hours, year),
                lost_mwh_per_year: scaled(&used.lost_mwh, year),
            })
        });
        Ok(AdequacyCase {
            alternative: plan.map(|(name, _)| name.to_owned()),
            ai,
            system: self.shortfall(&found.system),
            zones: found.areas.iter().map(|area| self.shortfall(area)).collect(),
            sites: sites.collect(),
        })
    }

    /// How much a zone could host beside `loads`.
    fn hosting(&self, zone: usize, loads: &[AiLoad], repetitions: u32) -> Result<HostingFacts, SequentialError> {
        let system = adequacy_system_of(self.model, loads, &self.zones);
        let mut host = Host { study: self, zone, system, repetitions, tried: Vec::new() };
        let firm = host.largest(TierKind::Firm)?;
        let interruptible = host.largest(TierKind::Interruptible)?;
        let curve = host.curve()?;
        Ok(HostingFacts { zone, firm, interruptible, curve })
    }
}

/// A zone with one more load, constant in time, whose size and kind change.
struct Host<'a> {
    study: &'a Study<'a>,
    zone: usize,
    system: System,
    repetitions: u32,
    /// What is known: size, kind, risk.
    tried: Vec<(f64, TierKind, Mean)>,
}

impl Host<'_> {
    /// Whether some load has agreed to yield. If not, a hosted load is the first to be shed in its zone, of whichever kind it is: the hours in which
    /// it yields are those in which it would count as short.
    fn somebody_yields(&self) -> bool {
        self.system.areas.iter().flat_map(|area| &area.tiers).any(|tier| tier.kind == TierKind::Interruptible)
    }

    /// Hours of a year in which a hosted load of this size is not served in full. For a firm one they are the zone's loss of load, since
    /// it is shed before what was there.
    fn short_hours(&mut self, kind: TierKind, mw: f64) -> Result<Mean, SequentialError> {
        let kind = if self.somebody_yields() { kind } else { TierKind::Interruptible };
        if let Some((_, _, known)) = self.tried.iter().find(|(size, of, _)| *size == mw && *of == kind) {
            return Ok(*known);
        }
        let tiers = &mut self.system.areas[self.zone].tiers;
        // After those that have agreed to yield, or before all.
        let place = match kind {
            TierKind::Firm => tiers.iter().rposition(|tier| tier.kind == TierKind::Interruptible).map_or(0, |last| last + 1),
            TierKind::Interruptible => 0,
        };
        let hosted =
            Tier { name: "hosted".to_owned(), kind, mw: vec![mw; self.system.hours], backup_mw: 0.0, backup_h: 0.0, most_h_per_day: 24.0 };
        tiers.insert(place, hosted);
        let found = self.study.simulate(&self.system, self.repetitions);
        self.system.areas[self.zone].tiers.remove(place);
        let found = found?;
        let hours = match kind {
            TierKind::Firm => &found.areas[self.zone].lole_h,
            // Nothing is yielded where nothing is hosted; what is short then limits a firm load.
            TierKind::Interruptible if mw == 0.0 && !self.somebody_yields() => &found.areas[self.zone].lole_h,
            TierKind::Interruptible => &found.tiers[self.zone][place].hours,
        };
        let hours = scaled(hours, self.study.per_year);
        self.tried.push((mw, kind, hours));
        Ok(hours)
    }

    /// The largest load that keeps its limit, `None` where none does.
    fn largest(&mut self, kind: TierKind) -> Result<Option<HostSize>, SequentialError> {
        let firm = kind == TierKind::Firm;
        let (target, unit) = if firm { (MOST_LOLE_H, 1.0) } else { (MOST_YIELD_SHARE * YEAR_H, YEAR_H) };
        let most_mw = self.most_mw();
        // Doubling first: what a zone can host is small beside all that it could ever carry.
        let (mut least, mut most) = (0.0, self.first_mw().min(most_mw));
        while most < most_mw && self.short_hours(kind, most)?.mean <= target {
            (least, most) = (most, (2.0 * most).min(most_mw));
        }
        let errors = |mw: f64| self.short_hours(kind, mw).map(|hours| (hours.mean, hours.stderr.unwrap_or(0.0)));
        let Some(size) = largest_size(errors, target, (least, most), TOLERANCE * most)? else { return Ok(None) };
        let risk = Mean { mean: size.risk / unit, stderr: Some(size.stderr / unit) };
        let error = size.misses_mw.and_then(|misses_mw| self.error_mw(kind, &size, misses_mw));
        Ok(Some(HostSize { mw: Mean { mean: size.mw, stderr: error }, misses_mw: size.misses_mw, risk }))
    }

    /// Error of a size: that of its risk over the slope of the risk, and the step of the search. The slope is that of an exponential between
    /// sizes tried on both sides, not too near: neighbours may differ by single failures.
    fn error_mw(&self, kind: TierKind, size: &Size, misses_mw: f64) -> Option<f64> {
        let kind = if self.somebody_yields() { kind } else { TierKind::Interruptible };
        let near = |(mw, of, hours): &(f64, TierKind, Mean)| (*of == kind && hours.mean > 0.0).then_some((*mw, hours.mean));
        let tried = || self.tried.iter().filter_map(near);
        let below = tried().filter(|(mw, _)| *mw <= 0.95 * size.mw).max_by(|a, b| a.0.total_cmp(&b.0));
        let above = tried().filter(|(mw, _)| *mw >= 1.05 * size.mw).min_by(|a, b| a.0.total_cmp(&b.0));
        let (below, above) = (below.or(Some((size.mw, size.risk)).filter(|_| size.risk > 0.0)), above?);
        let by_risk = match below {
            Some(below) => {
                let growth = (above.1 / below.1).ln() / (above.0 - below.0);
                if growth > 0.0 { size.stderr / size.risk / growth } else { return None }
            }
            // Nothing was ever short up to this size: the next one is all that is known.
            None => 0.0,
        };
        // A size anywhere in the step would have been answered alike (variance of a uniform law).
        Some(by_risk.hypot((misses_mw - size.mw) / 12_f64.sqrt()))
    }

    /// All sizes that were tried, and those between that make the curve whole: every size with both kinds.
    fn curve(&mut self) -> Result<Vec<HostPointFacts>, SequentialError> {
        let mut sizes: Vec<f64> = self.tried.iter().map(|(mw, _, _)| *mw).collect();
        sizes.push(0.0);
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        let mut curve = Vec::with_capacity(sizes.len());
        for mw in sizes {
            let firm_lole_h_per_year = self.short_hours(TierKind::Firm, mw)?;
            let hours = if mw > 0.0 { self.short_hours(TierKind::Interruptible, mw)? } else { Mean::default() };
            let yield_share = Mean { mean: hours.mean / YEAR_H, stderr: hours.stderr.map(|stderr| stderr / YEAR_H) };
            curve.push(HostPointFacts { mw, firm_lole_h_per_year, yield_share });
        }
        Ok(curve)
    }

    fn first_mw(&self) -> f64 {
        (FIRST_SHARE * self.system.areas[self.zone].load_mw.iter().copied().fold(0.0, f64::max)).max(0.1)
    }

    /// More than the zone can ever carry: its own units and storage, and all that its ties bring \[MW\].
    fn most_mw(&self) -> f64 {
        let zone = self.zone;
        let units = self.system.units.iter().filter(|unit| unit.area == zone).map(|unit| f64::from(unit.count) * unit.capacity_mw);
        let storages = self.system.storages.iter().filter(|storage| storage.area == zone).map(|storage| storage.discharge_mw);
        let ties = self
            .system
            .ties
            .iter()
            .map(|tie| f64::from(u8::from(tie.to == zone)) * tie.forward_mw + f64::from(u8::from(tie.from == zone)) * tie.backward_mw);
        let variable = self.system.areas[zone].variable_mw.iter().copied().fold(0.0, f64::max);
        units.chain(storages).chain(ties).sum::<f64>() + variable + self.first_mw()
    }
}
