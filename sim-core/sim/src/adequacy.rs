//! Adequacy of the grid for a study: how often it falls short without AI load, with each plan's, and how much more it could host.
//!
//! By sequential Monte Carlo ([`bastide_grid::adequacy::simulate`]) on the scenario's hours: unit and line failures, storage, forecast error, help
//! between zones, but neither hazards nor prices, which the histories of the study have. All cases and sizes see the same failures, so that
//! they differ by the load alone. Repetitions are fewer for larger grids, so that a study does not wait for this part.

use std::sync::atomic::AtomicBool;

use bastide_engine::{Estimate, Pool};
use bastide_grid::adequacy::{
    HostError, HostOptions, HostPoint, SequentialAdequacy, SequentialError, SequentialOptions, Shortfall, Size, System, TierKind,
    host_sampled, simulate,
};
use bastide_model::model::Model;
use bastide_model::network::{AiLoad, adequacy_areas, adequacy_system, ai_load_of};
use bastide_model::plan::Plan;

use crate::results::{
    AdequacyCase, AdequacyFacts, AiCase, HostPointFacts, HostSize, HostingFacts, Mean, ShortfallFacts, YieldFacts, ZoneFacts,
};

/// Hours of a year, for which indices are given.
const YEAR_H: f64 = 8760.0;
/// What all cases, and all of hosting, may take, in hours times zones squared: some seconds on two cores of 2024.
const CASE_WORK: f64 = 3e8;
const HOST_WORK: f64 = 3e8;
/// Fewest repetitions of a case, and of a size of hosted load.
const FEWEST: f64 = 20.0;
const FEWEST_HOST: f64 = 10.0;
/// Most years that repetitions make up.
const MOST_YEARS: f64 = 2000.0;
/// Loss of load that hosting accepts [h per year]: the reliability standard (Regulation (EU) 2019/943, article 25) of Belgium, Great Britain
/// and Poland.
const MOST_LOLE_H: f64 = 3.0;
/// Share of the hours in which a hosted load that yields may have to.
const MOST_YIELD_SHARE: f64 = 0.01;
/// Most zones for which hosting is looked at.
const MOST_HOSTS: f64 = 8.0;
/// Sizes of a curve.
const POINTS: usize = 8;
/// Simulations of all repetitions that a zone takes, about: sizes far from the limits take few.
const SIZES: f64 = 12.0;
/// Width to which the search for a size closes in, as a share of the zone's greatest load.
const TOLERANCE: f64 = 0.005;

/// Adequacy without AI load, with that of each plan (name and plan, the reference first), and hosting beside the reference.
///
/// # Errors
/// [`SequentialError`] where the grid cannot be simulated, such as one without a bus.
pub fn adequacy(model: &Model, plans: &[(&str, &Plan)], seed: u64, threads: usize) -> Result<AdequacyFacts, SequentialError> {
    let study = Study { model, zones: adequacy_areas(model), seed, per_year: YEAR_H / model.header.hours.max(1) as f64 };
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
    /// Zone of each bus, and their names.
    zones: (Vec<usize>, Vec<String>),
    seed: u64,
    /// From the scenario's hours to a year.
    per_year: f64,
}

impl Study<'_> {
    /// What one repetition takes, in hours times zones squared.
    fn work(&self) -> f64 {
        (self.model.header.hours.max(1) * self.zones.1.len().max(1).pow(2)) as f64
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
        let facts = |(zone, name): (usize, &String)| {
            let bus = model.buses.iter().zip(&self.zones.0).find(|(_, at)| **at == zone);
            // Nations without a bus are zones only where all zones are nations.
            let nation = bus.map_or_else(|| name.clone(), |(bus, _)| model.nations[bus.nation].entity.name.clone());
            ZoneFacts { zone: name.clone(), nation }
        };
        self.zones.1.iter().enumerate().map(facts).collect()
    }

    /// Zones with candidate sites, in the order of the scenario: those with most room for them, as many as there is time for.
    fn hosts(&self) -> Vec<usize> {
        let mut room = vec![0.0; self.zones.1.len()];
        for site in &self.model.planning.candidates {
            let site = &self.model.sites[*site];
            room[self.zones.0[site.bus.index()]] += site.connection.as_mw();
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
        let system = adequacy_system(self.model, &loads);
        let found = self.simulate(&system, repetitions)?;
        let year = self.per_year;
        let sites = loads.iter().filter_map(|load| {
            let zone = self.zones.0[load.bus.index()];
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
        let system = adequacy_system(self.model, loads);
        let year = self.per_year;
        let peak = system.areas[zone].load_mw.iter().copied().fold(0.0, f64::max);
        let options = HostOptions {
            most_lole_h: MOST_LOLE_H / year,
            most_yield_share: MOST_YIELD_SHARE,
            points: POINTS,
            // No generators of its own.
            backup_h: 0.0,
            tolerance_mw: (TOLERANCE * peak).max(1e-3),
            ..HostOptions::default()
        };
        let sequential = SequentialOptions { years: repetitions, seed: self.seed, threads: 1, ..SequentialOptions::default() };
        let found = host_sampled(&system, zone, &options, &sequential).map_err(|error| match error {
            HostError::Simulation(error) => error,
            HostError::Options(error) => SequentialError::Input(error.to_string()),
        })?;
        let found = found.hosting;
        let curve = |risk: fn(&HostPoint) -> f64| found.curve.iter().map(move |x| (x.mw, risk(x)));
        let firm = found.firm.map(|size| sized(&size, curve(|x| x.firm_lole_h), year, options.tolerance_mw));
        let share = 1.0 / system.hours as f64;
        let interruptible = found.interruptible.map(|size| sized(&size, curve(|x| x.yield_h), share, options.tolerance_mw));
        let mut points = vec![HostPointFacts {
            mw: 0.0,
            firm_lole_h_per_year: Mean { mean: found.lole_h * year, stderr: None },
            yield_share: Mean::default(),
        }];
        points.extend(found.curve.iter().map(|x| HostPointFacts {
            mw: x.mw,
            firm_lole_h_per_year: Mean { mean: x.firm_lole_h * year, stderr: Some(x.firm_lole_stderr_h * year) },
            yield_share: Mean { mean: x.yield_share, stderr: Some(x.yield_stderr_h * share) },
        }));
        Ok(HostingFacts { zone, firm, interruptible, curve: points })
    }
}

/// A size with its error: that of its risk over the slope of the risk, and the step of the search. The slope is that of an exponential between the
/// points of the curve on both sides.
fn sized(size: &Size, curve: impl Iterator<Item = (f64, f64)>, unit: f64, tolerance_mw: f64) -> HostSize {
    let mut below = (size.mw, size.risk);
    let mut above = None;
    for (mw, risk) in curve {
        if mw < 0.97 * size.mw && risk > 0.0 {
            below = (mw, risk);
        }
        if mw > 1.03 * size.mw && above.is_none() {
            above = Some((mw, risk));
        }
    }
    let by_risk = above.filter(|above| below.1 > 0.0 && above.1 > below.1).map(|above| {
        let growth = (above.1 / below.1).ln() / (above.0 - below.0);
        size.stderr / size.risk / growth
    });
    let step = size.misses_mw.map(|misses_mw| (misses_mw - size.mw).min(tolerance_mw) / 12_f64.sqrt());
    // A size anywhere in the step would have been answered alike (variance of a uniform law).
    let stderr = by_risk.filter(|error| error.is_finite()).zip(step).map(|(by_risk, step)| by_risk.hypot(step)).or(step);
    let risk = Mean { mean: size.risk * unit, stderr: Some(size.stderr * unit) };
    HostSize { mw: Mean { mean: size.mw, stderr }, misses_mw: size.misses_mw, risk }
}
