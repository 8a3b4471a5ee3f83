//! How much AI load an area can host, by sequential Monte Carlo: for systems with neighbours, storage or fuel that runs out.

use super::{
    AdequacyError, HostOptions, HostPoint, Hosting, SequentialError, SequentialOptions, Size, System, Tier, TierKind, simulate,
    size::largest_size,
};

/// Steps of the search: the range of sizes over this is the nearest that an answer can be.
const STEPS: f64 = 1000.0;

/// An answer of [`host_sampled`], with the range that was searched.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledHosting {
    /// What the area can host. Indices are those of the area, but `others_lole_h`, which is that of the whole system -- output.
    pub hosting: Hosting,
    /// Size above which nothing was tried: all that the area's units, storage and ties can bring \[MW\] -- output.
    pub most_mw: f64,
    /// Years behind each number -- output.
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
/// The same draws serve every size, so risks rise with it and their differences are sharper than their errors. The firm
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
    let firm = largest_size(|mw| asked.firm(mw).map(|it| (it.0, it.1)), options.most_lole_h, (0.0, most_mw), tolerance)?;
    let interruptible =
        largest_size(|mw| asked.shed_first(mw).map(|it| (it.yield_h, it.yield_stderr_h)), most_yield_h, (0.0, most_mw), tolerance)?;
    let backed_up = if options.backup_mw > 0.0 {
        largest_size(|mw| asked.shed_first(mw).map(|it| (it.lost_h, it.lost_stderr_h)), most_yield_h, (0.0, most_mw), tolerance)?
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
    fn firm(&self, mw: f64) -> Result<(f64, f64, f64), SequentialError> {
        let mut system = self.system.clone();
        system.areas[self.area].load_mw.iter_mut().zip(self.series(mw)).for_each(|(load, more)| *load += more);
        let found = simulate(&system, self.sequential)?;
        let it = &found.areas[self.area];
        Ok((it.lole_h.mean, it.lole_h.stderr.unwrap_or(0.0), it.eue_mwh.mean))
    }

    fn shed_first(&self, mw: f64) -> Result<ShedFirst, SequentialError> {
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
        let found = simulate(&system, self.sequential)?;
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
        let (firm_lole_h, firm_lole_stderr_h, firm_eue_mwh) = self.firm(mw)?;
        let it = self.shed_first(mw)?;
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
