//! How much AI load an area can host, by sequential Monte Carlo: for systems with neighbours, storage or fuel that runs out.

use super::{AdequacyError, HostOptions, HostPoint, Hosting, SequentialError, SequentialOptions, Size, System, Tier, TierKind, simulate};

/// Shares of the years at which an evaluation may stop early.
const STAGES: [u32; 3] = [25, 5, 1];
/// A risk this many standard errors from the target is on its side.
const DECISIVE: f64 = 6.0;
/// An error of a point on the curve that is good enough, as a share of its value.
const GOOD: f64 = 0.05;

/// Steps of the search: the range of sizes over this is the nearest that an answer can be.
const STEPS: f64 = 1000.0;

/// An answer of [`host_sampled`], with the range that was searched.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledHosting {
    /// What the area can host. Indices are those of the area, but `others_lole_h`, which is that of the whole system -- output.
    pub hosting: Hosting,
    /// Size above which nothing was tried: all that the area's units, storage and ties can bring \[MW\] -- output.
    pub most_mw: f64,
    /// Most years behind a number; its standard error says how well it is known -- output.
    pub years: u32,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HostError {
    /// An option is out of range.
    #[error(transparent)]
    Options(#[from] AdequacyError),
    /// The system cannot be simulated.
    #[error(transparent)]
    Simulation(#[from] SequentialError),
}

/// How many megawatts of AI load an area can host: firm, interruptible, with generators of its own whose fuel can run out.
///
/// The same draws serve every size, so risks rise with it and their differences are sharper than their errors. A size whose risk is far
/// from the target is given fewer years, in fixed stages: only sizes near the answer need all of them. The firm
/// load counts against the loss-of-load expectation of the area; an interruptible one is the first to be shed there. Sizes are found to a
/// thousandth of the range, or to the tolerance asked for if that is coarser.
///
/// # Errors
///
/// [`HostError`]; nothing is left behind.
pub fn host_sampled(
    system: &System,
    area: usize,
    options: &HostOptions,
    sequential: &SequentialOptions,
) -> Result<SampledHosting, HostError> {
    options.check(system.hours)?;
    let Some(place) = system.areas.get(area) else {
        return Err(SequentialError::Input(format!("there is no area {area}")).into());
    };
    let most_mw = most(system, area);
    let asked = Asked { system, area, options, sequential, hours: place.load_mw.len() };
    let base = simulate(system, sequential)?.areas[area].clone();
    let tolerance = options.tolerance_mw.max(most_mw / STEPS);
    let most_yield_h = options.most_yield_share * system.hours as f64;
    let far = |target: f64| move |risk: f64, stderr: f64| (risk - target).abs() > DECISIVE * stderr.max(target / 100.0);
    let search = |target: f64, first_mw: f64, risk: &dyn Fn(f64, u32) -> Result<(f64, f64), SequentialError>| {
        sampled_size(|mw| staged(sequential.years, far(target), |years| risk(mw, years)), target, (first_mw, most_mw), tolerance)
    };
    let firm = search(options.most_lole_h, most_mw / 8.0, &|mw, years| asked.firm(mw, years).map(|it| (it.0, it.1)))?;
    // Interruptible load is mostly larger: it yields in every hour in which firm load of the size would be short.
    let first_mw = firm.map_or(most_mw / 8.0, |size| 1.2 * size.mw);
    let interruptible = search(most_yield_h, first_mw, &|mw, years| asked.shed_first(mw, years).map(|it| (it.yield_h, it.yield_stderr_h)))?;
    let backed_up = if options.backup_mw > 0.0 {
        search(most_yield_h, first_mw, &|mw, years| asked.shed_first(mw, years).map(|it| (it.lost_h, it.lost_stderr_h)))?
    } else {
        // Without generators of its own it loses what it yields.
        interruptible
    };
    let solved = [firm, interruptible, backed_up].iter().flatten().map(|size: &Size| size.mw).fold(0.0, f64::max);
    let widest = options.most_mw.unwrap_or(if solved > 0.0 { (1.25 * solved).min(most_mw) } else { most_mw });
    let points = options.points;
    let curve = (1..=points).map(|k| asked.point(widest * k as f64 / points as f64)).collect::<Result<Vec<_>, _>>()?;
    let hosting = Hosting {
        lole_h: base.lole_h.mean,
        eue_mwh: base.eue_mwh.mean,
        firm,
        interruptible,
        backed_up,
        // Fuel was burnt as it lasts.
        fuel_limited: false,
        curve,
    };
    Ok(SampledHosting { hosting, most_mw, years: sequential.years })
}

/// The largest size whose risk is `target`, as well as a sample can tell: the search ends where the risk is within half its standard
/// error of the target, or where the sizes on both sides are within the tolerance.
///
/// Risk grows by a nearly constant factor with each megawatt, so the search is a regula falsi on its logarithm (the Illinois variant:
/// Dowell & Jarratt 1971), on a bracket that grows from `first_mw`:
/// large sizes are short in every hour, and slow.
fn sampled_size(
    mut risk: impl FnMut(f64) -> Result<(f64, f64), SequentialError>,
    target: f64,
    (first_mw, most_mw): (f64, f64),
    tolerance: f64,
) -> Result<Option<Size>, SequentialError> {
    let height = |risk: f64| ((risk + target / 1000.0) / (target + target / 1000.0)).max(f64::MIN_POSITIVE).ln();
    let (mut low_mw, mut low) = (0.0, risk(0.0)?);
    if low.0 > target {
        return Ok(None);
    }
    let mut high_mw = first_mw.max(tolerance).min(most_mw);
    let mut high = risk(high_mw)?;
    while high.0 <= target {
        if high_mw >= most_mw {
            return Ok(Some(Size { mw: high_mw, misses_mw: None, risk: high.0, stderr: high.1 }));
        }
        (low_mw, low) = (high_mw, high);
        high_mw = (1.5 * high_mw).min(most_mw);
        high = risk(high_mw)?;
    }
    let (mut below, mut above) = (height(low.0), height(high.0));
    let mut last_side = 0;
    // A size at which the risk is the target, for all that the sample can tell.
    let even = |it: (f64, f64)| (it.0 - target).abs() <= 0.5 * it.1;
    while high_mw - low_mw > tolerance && !even(low) {
        let share = (below / (below - above)).clamp(0.02, 0.98);
        let middle_mw = low_mw + share * (high_mw - low_mw);
        let middle = risk(middle_mw)?;
        if middle.0 <= target || even(middle) {
            (low_mw, low, below) = (middle_mw, middle, height(middle.0).min(-1e-9));
            above *= if last_side == -1 { 0.5 } else { 1.0 };
            last_side = -1;
        } else {
            (high_mw, above) = (middle_mw, height(middle.0));
            below *= if last_side == 1 { 0.5 } else { 1.0 };
            last_side = 1;
        }
    }
    Ok(Some(Size { mw: low_mw, misses_mw: Some(high_mw), risk: low.0, stderr: low.1 }))
}

/// Evaluates with ever more of the years until the answer will do.
fn staged(
    years: u32,
    will_do: impl Fn(f64, f64) -> bool,
    mut risk: impl FnMut(u32) -> Result<(f64, f64), SequentialError>,
) -> Result<(f64, f64), SequentialError> {
    let mut done = 0;
    for share in &STAGES[..STAGES.len() - 1] {
        let few = (years / share).max(10).min(years);
        // The same years would say the same.
        if few == done || few == years {
            continue;
        }
        done = few;
        let (mean, stderr) = risk(few)?;
        // Without any event, the risk is below one event in a third of these years (the rule of three): small enough from twenty years on.
        let enough = if mean > 0.0 { will_do(mean, stderr) } else { few >= 20 };
        if enough {
            return Ok((mean, stderr));
        }
    }
    risk(years)
}

/// All that can ever reach a load in an area.
fn most(system: &System, area: usize) -> f64 {
    let units: f64 = system.units.iter().filter(|unit| unit.area == area).map(|unit| unit.capacity_mw * f64::from(unit.count)).sum();
    let storages: f64 = system.storages.iter().filter(|it| it.area == area).map(|it| it.discharge_mw).sum();
    let hydros: f64 = system.hydros.iter().filter(|it| it.area == area).map(|it| it.power_mw).sum();
    let into = |from: usize, to: usize, forward: f64, backward: f64| {
        f64::from(u8::from(to == area)) * forward + f64::from(u8::from(from == area)) * backward
    };
    let ties: f64 = system.ties.iter().map(|tie| into(tie.from, tie.to, tie.forward_mw, tie.backward_mw)).sum();
    let variable = system.areas[area].variable_mw.iter().copied().fold(0.0, f64::max);
    (units + storages + hydros + ties + variable).max(1.0)
}

struct Asked<'a> {
    system: &'a System,
    area: usize,
    options: &'a HostOptions,
    sequential: &'a SequentialOptions,
    hours: usize,
}

/// What an interruptible load of a size does.
struct ShedFirst {
    yield_h: f64,
    yield_stderr_h: f64,
    yield_mwh: f64,
    lost_h: f64,
    lost_stderr_h: f64,
    lost_mwh: f64,
    others_lole_h: f64,
    demand_mwh: f64,
}

impl Asked<'_> {
    fn series(&self, mw: f64) -> Vec<f64> {
        if self.options.profile.is_empty() { vec![mw; self.hours] } else { self.options.profile.iter().map(|share| mw * share).collect() }
    }

    /// LOLE, its error, and EUE of the area with a firm load.
    fn firm(&self, mw: f64, years: u32) -> Result<(f64, f64, f64), SequentialError> {
        let mut system = self.system.clone();
        system.areas[self.area].load_mw.iter_mut().zip(self.series(mw)).for_each(|(load, more)| *load += more);
        let found = simulate(&system, &SequentialOptions { years, ..self.sequential.clone() })?;
        let it = &found.areas[self.area];
        Ok((it.lole_h.mean, it.lole_h.stderr.unwrap_or(0.0), it.eue_mwh.mean))
    }

    fn shed_first(&self, mw: f64, years: u32) -> Result<ShedFirst, SequentialError> {
        let mut system = self.system.clone();
        let series = self.series(mw);
        let demand_mwh = series.iter().sum();
        let tier = Tier {
            name: "AI load".to_owned(),
            kind: TierKind::Interruptible,
            mw: series,
            backup_mw: self.options.backup_mw,
            backup_h: self.options.backup_h,
            most_h_per_day: 24.0,
        };
        system.areas[self.area].tiers.insert(0, tier);
        let found = simulate(&system, &SequentialOptions { years, ..self.sequential.clone() })?;
        let it = &found.tiers[self.area][0];
        Ok(ShedFirst {
            yield_h: it.hours.mean,
            yield_stderr_h: it.hours.stderr.unwrap_or(0.0),
            yield_mwh: it.curtailed_mwh.mean,
            lost_h: it.lost_hours.mean,
            lost_stderr_h: it.lost_hours.stderr.unwrap_or(0.0),
            lost_mwh: it.lost_mwh.mean,
            others_lole_h: found.system.lole_h.mean,
            demand_mwh,
        })
    }

    fn point(&self, mw: f64) -> Result<HostPoint, SequentialError> {
        let good = |value: f64, stderr: f64| stderr < GOOD * value;
        let mut firm_eue_mwh = 0.0;
        let mut last = None;
        let (firm_lole_h, firm_lole_stderr_h) = staged(self.sequential.years, good, |years| {
            let (lole, stderr, eue) = self.firm(mw, years)?;
            firm_eue_mwh = eue;
            Ok((lole, stderr))
        })?;
        staged(self.sequential.years, good, |years| {
            let it = self.shed_first(mw, years)?;
            let risk = (it.yield_h, it.yield_stderr_h);
            last = Some(it);
            Ok(risk)
        })?;
        let Some(it) = last else {
            return Err(SequentialError::Input("at least one year expected".into()));
        };
        let share = |mwh: f64| if it.demand_mwh > 0.0 { mwh / it.demand_mwh } else { 0.0 };
        Ok(HostPoint {
            mw,
            firm_lole_h,
            firm_lole_stderr_h,
            firm_eue_mwh,
            others_lole_h: it.others_lole_h,
            yield_h: it.yield_h,
            yield_stderr_h: it.yield_stderr_h,
            yield_share: it.yield_h / self.hours.max(1) as f64,
            yield_mwh: it.yield_mwh,
            yield_energy_share: share(it.yield_mwh),
            lost_h: it.lost_h,
            lost_mwh: it.lost_mwh,
            lost_energy_share: share(it.lost_mwh),
        })
    }
}
