//! How much AI load an area can host: the mirror of load-carrying capability.

use super::{
    AdequacyError, ConvolutionOptions, Size, System, Tier, TierKind,
    convolution::{Prepared, check_tolerance},
    size::largest_size,
};

/// The question asked of [`host`].
#[derive(Clone, Debug, PartialEq)]
pub struct HostOptions {
    /// Most loss-of-load expectation that the area accepts \[h per horizon\] -- input.
    pub most_lole_h: f64,
    /// Most share of the hours in which an interruptible load yields -- input.
    pub most_yield_share: f64,
    /// Load per megawatt of size by hour; empty for a flat load -- input.
    pub profile: Vec<f64>,
    /// Generators behind the meter of the load \[MW\] -- input.
    pub backup_mw: f64,
    /// Hours of their fuel; exact answers burn it without end \[h\] -- input.
    pub backup_h: f64,
    /// Points of the curve -- input.
    pub points: usize,
    /// Largest size of the curve \[MW\] -- input. Absent: a quarter more than the largest size solved for.
    pub most_mw: Option<f64>,
    /// Tolerance of the solved sizes \[MW\] -- input.
    pub tolerance_mw: f64,
    /// How adequacy is computed -- input.
    pub convolution: ConvolutionOptions,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            most_lole_h: 3.0,
            most_yield_share: 0.01,
            profile: Vec::new(),
            backup_mw: 0.0,
            backup_h: f64::INFINITY,
            points: 25,
            most_mw: None,
            tolerance_mw: 0.01,
            convolution: ConvolutionOptions::default(),
        }
    }
}

/// How much AI load an area can host -- output.
#[derive(Clone, Debug, PartialEq)]
pub struct Hosting {
    /// Loss-of-load expectation without the load \[h per horizon\] -- output.
    pub lole_h: f64,
    /// Expected unserved energy without the load \[MWh per horizon\] -- output.
    pub eue_mwh: f64,
    /// Largest firm load with a loss-of-load expectation within the target -- output. Absent: the area misses the target
    /// without any.
    pub firm: Option<Size>,
    /// Largest interruptible load that yields in few enough hours; `risk` is the hours -- output. Absent as above.
    pub interruptible: Option<Size>,
    /// Largest interruptible load that, behind its own generators, loses power in few enough hours; `risk` is the hours
    /// -- output. Absent as above.
    pub backed_up: Option<Size>,
    /// Whether the fuel of its generators has an end, which makes `backed_up` an upper limit -- output.
    pub fuel_limited: bool,
    /// Sizes from small to large -- output.
    pub curve: Vec<HostPoint>,
}

/// A size of load and what it does -- output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostPoint {
    /// Size \[MW\] -- input.
    pub mw: f64,
    /// Loss-of-load expectation if it is firm \[h per horizon\] -- output.
    pub firm_lole_h: f64,
    /// Standard error of that; 0 for exact methods \[h per horizon\] -- output.
    pub firm_lole_stderr_h: f64,
    /// Expected unserved energy if it is firm \[MWh per horizon\] -- output.
    pub firm_eue_mwh: f64,
    /// Loss-of-load expectation of the others if it is interruptible \[h per horizon\] -- output.
    pub others_lole_h: f64,
    /// Hours in which it yields, if only in part, if it is interruptible \[h per horizon\] -- output.
    pub yield_h: f64,
    /// Standard error of that; 0 for exact methods \[h per horizon\] -- output.
    pub yield_stderr_h: f64,
    /// Those hours as a share of the horizon -- output.
    pub yield_share: f64,
    /// Energy that it yields \[MWh per horizon\] -- output.
    pub yield_mwh: f64,
    /// That energy as a share of its demand -- output.
    pub yield_energy_share: f64,
    /// Hours in which its own generators do not cover that; exact methods burn fuel without end \[h per horizon\] -- output.
    pub lost_h: f64,
    /// Energy that they do not cover \[MWh per horizon\] -- output.
    pub lost_mwh: f64,
    /// That energy as a share of its demand -- output.
    pub lost_energy_share: f64,
}

/// How many megawatts of AI load an area can host: firm, interruptible, with generators of its own.
///
/// A firm load is added to the firm demand. An interruptible one is the first to be shed, so nobody else loses more
/// than before. Exact, by convolution; for systems beyond it, [`largest_size`] takes Monte Carlo.
///
/// # Errors
///
/// As [`convolve`](super::convolve), and options out of range.
pub fn host(system: &System, options: &HostOptions) -> Result<Hosting, AdequacyError> {
    options.check(system.hours)?;
    let convolution = ConvolutionOptions { frequency: false, snapshots: false, ..options.convolution.clone() };
    let area = Prepared::of(system, &convolution)?;
    let point = |mw: f64| options.point(&area, mw);
    let base = area.adequacy();
    let range = (0.0, area.most_mw());
    let most_yield_h = options.most_yield_share * system.hours as f64;
    let solve = |risk: &dyn Fn(f64) -> f64, target: f64| {
        largest_size(|mw| Ok::<_, AdequacyError>((risk(mw), 0.0)), target, range, options.tolerance_mw)
    };
    let firm = solve(&|mw| area.with_load(mw, &options.profile).lole_h, options.most_lole_h)?;
    let interruptible = solve(&|mw| point(mw).yield_h, most_yield_h)?;
    let backed_up = solve(&|mw| point(mw).lost_h, most_yield_h)?;
    let solved = [firm, interruptible, backed_up].iter().flatten().map(|size| size.mw).fold(0.0, f64::max);
    let most_mw = options.most_mw.unwrap_or(if solved > 0.0 { 1.25 * solved } else { range.1 });
    let points = options.points;
    Ok(Hosting {
        lole_h: base.lole_h,
        eue_mwh: base.eue_mwh,
        firm,
        interruptible,
        backed_up,
        fuel_limited: options.backup_mw > 0.0 && options.backup_h.is_finite(),
        curve: (1..=points).map(|k| point(most_mw * k as f64 / points as f64)).collect(),
    })
}

impl HostOptions {
    pub(super) fn check(&self, hours: usize) -> Result<(), AdequacyError> {
        let error = |field, expected, value| Err(AdequacyError::Option { field, expected, value });
        check_tolerance(self.tolerance_mw)?;
        for (field, value) in [("most_lole_h", self.most_lole_h), ("backup_mw", self.backup_mw)] {
            if !(0.0..f64::INFINITY).contains(&value) {
                return error(field, "a finite number, 0 or more", value);
            }
        }
        if !(0.0..=1.0).contains(&self.most_yield_share) {
            return error("most_yield_share", "a share from 0 to 1", self.most_yield_share);
        }
        if self.backup_h.is_nan() || self.backup_h < 0.0 {
            return error("backup_h", "0 or more", self.backup_h);
        }
        if let Some(mw) = self.most_mw.filter(|mw| !(*mw > 0.0 && mw.is_finite())) {
            return error("most_mw", "a finite number above 0", mw);
        }
        if self.points > 100_000 {
            return error("points", "at most 100000", self.points as f64);
        }
        if !self.profile.is_empty() && self.profile.len() != hours {
            return error("profile", "empty or one value an hour, but its length is", self.profile.len() as f64);
        }
        if let Some(value) = self.profile.iter().find(|value| !(0.0..f64::INFINITY).contains(*value)) {
            return error("profile", "finite and 0 or more", *value);
        }
        Ok(())
    }

    fn point(&self, area: &Prepared, mw: f64) -> HostPoint {
        let firm = area.with_load(mw, &self.profile);
        let series =
            if self.profile.is_empty() { vec![mw; firm.lolp.len()] } else { self.profile.iter().map(|share| mw * share).collect() };
        let shed_first = area.with_first_tier(Tier {
            name: "AI load".to_owned(),
            kind: TierKind::Interruptible,
            mw: series,
            backup_mw: self.backup_mw,
            backup_h: self.backup_h,
            most_h_per_day: 24.0,
        });
        let ai = &shed_first.tiers[0];
        let share = |mwh: f64| if ai.demand_mwh > 0.0 { mwh / ai.demand_mwh } else { 0.0 };
        HostPoint {
            mw,
            firm_lole_h: firm.lole_h,
            firm_lole_stderr_h: 0.0,
            firm_eue_mwh: firm.eue_mwh,
            others_lole_h: shed_first.lole_h,
            yield_h: ai.yield_h,
            yield_stderr_h: 0.0,
            yield_share: ai.yield_h / firm.lolp.len() as f64,
            yield_mwh: ai.yield_mwh,
            yield_energy_share: share(ai.yield_mwh),
            lost_h: ai.lost_h,
            lost_mwh: ai.lost_mwh,
            lost_energy_share: share(ai.lost_mwh),
        }
    }
}
