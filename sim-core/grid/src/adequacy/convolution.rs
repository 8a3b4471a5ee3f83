//! Exact adequacy of one area: every hour's law of the available capacity against its load.

use super::{
    AdequacyError, System, Tier, TierKind,
    check::Named,
    copt::{Class, Density, Rounding, State, Table},
    demand::{Demand, normal_steps},
    law::UnitLaw,
    snapshot::snapshot_events,
    supply::{Supply, SupplyOptions, capacity_mw},
};

/// Choices of [`convolve`].
#[derive(Clone, Debug, PartialEq)]
pub struct ConvolutionOptions {
    /// Whether several areas are joined as if ties had no limit.
    pub copper_plate: bool,
    /// Steps of the normal law of the load forecast error: 7 are those of Billinton & Allan (1996), more are nearer to
    /// the law. No effect without a forecast error.
    pub forecast_steps: usize,
    /// Whether to count events in continuous time.
    pub frequency: bool,
    /// Whether to count the events that hourly snapshots see as well (about 0.1 s for the IEEE RTS-79).
    pub snapshots: bool,
    /// Most cells of one table. Where capacities have no common step of a whole number of kilowatts within it, and too
    /// many states for a list, they are rounded, and the answer has [`ExactAdequacy::bounds`].
    pub most_cells: usize,
}

impl Default for ConvolutionOptions {
    fn default() -> Self {
        Self { copper_plate: false, forecast_steps: 201, frequency: true, snapshots: false, most_cells: 1 << 20 }
    }
}

impl ConvolutionOptions {
    fn check(&self) -> Result<(), AdequacyError> {
        let (steps, cells) = (self.forecast_steps, self.most_cells);
        if !(1..=10_001).contains(&steps) {
            let expected = "from 1 to 10001";
            return Err(AdequacyError::Option { field: "forecast_steps", expected, value: steps as f64 });
        }
        if !(64..=1 << 24).contains(&cells) {
            let expected = "from 64 to 16777216";
            return Err(AdequacyError::Option { field: "most_cells", expected, value: cells as f64 });
        }
        Ok(())
    }
}

/// Indices of one area over the horizon of its system, in expectation -- output.
///
/// A loss of load is an hour (or an event) in which the firm load or a tier of kind [`TierKind::Firm`] is not served
/// whole. The grid's view counts: generators behind a tier's meter do not help it here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExactAdequacy {
    /// Loss-of-load expectation, hourly \[h per horizon\] -- output.
    pub lole_h: f64,
    /// Days in whose riskiest hour load is lost: with constant capacity, the daily-peak loss-of-load expectation \[days
    /// per horizon\] -- output. Days are whole runs of 24 hours from the start.
    pub lole_days: f64,
    /// Expected unserved energy \[MWh per horizon\] -- output.
    pub eue_mwh: f64,
    /// Unserved share of the demand, in parts per million -- output.
    pub neue_ppm: f64,
    /// Demand of the firm load and of firm tiers \[MWh per horizon\] -- output.
    pub energy_mwh: f64,
    /// Probability of a loss of load, by hour -- output.
    pub lolp: Vec<f64>,
    /// Expected unserved energy by hour \[MWh\] -- output.
    pub eue_by_hour_mwh: Vec<f64>,
    /// Events of lost load with continuous failure times, per horizon -- output. Absent where a unit has only an
    /// unavailability, where capacities are rounded, or where too many units change their capacity at a time.
    pub events: Option<f64>,
    /// Mean duration of those events \[h\] -- output.
    pub mean_duration_h: Option<f64>,
    /// Events that a simulation of hourly snapshots sees, per horizon -- output. Absent unless asked for, and where the
    /// joint law of two hours would be too large.
    pub snapshot_events: Option<f64>,
    /// What tiers yield, in the order of shedding -- output.
    pub tiers: Vec<TierYield>,
    /// Limits of the true indices, when capacities were rounded -- output. Absent: the indices are exact.
    pub bounds: Option<Bounds>,
}

/// What a tier yields -- output.
#[derive(Clone, Debug, PartialEq)]
pub struct TierYield {
    /// Name of the tier.
    pub name: String,
    /// How its curtailment counts.
    pub kind: TierKind,
    /// Demand \[MWh per horizon\] -- output.
    pub demand_mwh: f64,
    /// Hours in which it is curtailed, if only in part \[h per horizon\] -- output.
    pub yield_h: f64,
    /// Energy that is curtailed \[MWh per horizon\] -- output.
    pub yield_mwh: f64,
    /// Hours in which its own generators do not cover the curtailment, with fuel without end \[h per horizon\] -- output.
    pub lost_h: f64,
    /// Energy that they do not cover, with fuel without end \[MWh per horizon\] -- output.
    pub lost_mwh: f64,
    /// Whether its fuel has an end: then `lost_h` and `lost_mwh` are lower limits, and sequential simulation has the rest.
    pub fuel_limited: bool,
}

/// Limits between which the true indices lie -- output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Least and most loss-of-load expectation \[h\] -- output.
    pub lole_h: [f64; 2],
    /// Least and most daily loss-of-load expectation \[days\] -- output.
    pub lole_days: [f64; 2],
    /// Least and most expected unserved energy \[MWh\] -- output.
    pub eue_mwh: [f64; 2],
}

/// Adequacy of an area by convolution of all its units (Billinton & Allan 1996, chapters 2 and 3), exactly.
///
/// Units fail independently and are in their long-run state at the start; events are counted by frequency and duration
/// (Ringlee & Wood 1969), the load steps at full hours. Without `copper_plate` the system has one area.
///
/// # Errors
///
/// [`AdequacyError::Faults`] with every mistake of the system; other variants name what convolution cannot do.
pub fn convolve(system: &System, options: &ConvolutionOptions) -> Result<ExactAdequacy, AdequacyError> {
    options.check()?;
    check_one_area(system, options.copper_plate)?;
    let demand = Demand::of(system)?;
    let build = |rounding, frequency| Supply::of(system, SupplyOptions { frequency, rounding, most_cells: options.most_cells });
    let supply = build(Rounding::KeepMean, options.frequency)?;
    let mut adequacy = evaluate(&supply, &demand, options.forecast_steps);
    if !supply.exact {
        let least = evaluate(&build(Rounding::Up, false)?, &demand, options.forecast_steps);
        let most = evaluate(&build(Rounding::Down, false)?, &demand, options.forecast_steps);
        adequacy.bounds = Some(Bounds {
            lole_h: [least.lole_h, most.lole_h],
            lole_days: [least.lole_days, most.lole_days],
            eue_mwh: [least.eue_mwh, most.eue_mwh],
        });
    } else if options.snapshots {
        adequacy.snapshot_events = snapshot_events(system, &demand, options.forecast_steps, &adequacy.lolp);
    }
    Ok(adequacy)
}

/// An area with its tables built, to be read again with other demands.
pub(super) struct Prepared {
    supply: Supply,
    demand: Demand,
    steps: usize,
}

impl Prepared {
    pub fn of(system: &System, options: &ConvolutionOptions) -> Result<Self, AdequacyError> {
        options.check()?;
        check_one_area(system, options.copper_plate)?;
        let (frequency, most_cells) = (options.frequency, options.most_cells);
        let supply_options = SupplyOptions { frequency, rounding: Rounding::KeepMean, most_cells };
        Ok(Self { supply: Supply::of(system, supply_options)?, demand: Demand::of(system)?, steps: options.forecast_steps })
    }

    pub fn adequacy(&self) -> ExactAdequacy {
        evaluate(&self.supply, &self.demand, self.steps)
    }

    /// With `mw` more of firm load, times a profile unless it is empty; the forecast error does not grow with it.
    pub fn with_load(&self, mw: f64, profile: &[f64]) -> ExactAdequacy {
        let mut demand = self.demand.clone();
        for (hour, net) in demand.net_mw.iter_mut().enumerate() {
            let added = mw * profile.get(hour).copied().unwrap_or(1.0);
            *net += added;
            demand.energy_mwh += added;
        }
        evaluate(&self.supply, &demand, self.steps)
    }

    /// With a tier that is shed before all others.
    pub fn with_first_tier(&self, tier: Tier) -> ExactAdequacy {
        let mut demand = self.demand.clone();
        demand.tiers.insert(0, tier);
        evaluate(&self.supply, &demand, self.steps)
    }

    /// More load than could ever be served or taken away \[MW\]: all capacity and the highest demand.
    pub fn most_mw(&self) -> f64 {
        let demand = self.demand.most_mw();
        self.supply.most_mw() + demand + 1.0
    }
}

/// Whether a tolerance can end a search.
pub(super) fn check_tolerance(tolerance_mw: f64) -> Result<(), AdequacyError> {
    if tolerance_mw > 0.0 {
        return Ok(());
    }
    Err(AdequacyError::Option { field: "tolerance_mw", expected: "above 0", value: tolerance_mw })
}

/// Whether exact methods for one area can do the system.
pub(super) fn check_one_area(system: &System, copper_plate: bool) -> Result<(), AdequacyError> {
    let faults = system.check();
    if !faults.is_empty() {
        return Err(AdequacyError::Faults(faults));
    }
    if system.areas.len() != 1 && !(copper_plate && system.areas.len() > 1) {
        return Err(AdequacyError::SeveralAreas(system.areas.len()));
    }
    if let Some(storage) = system.storages.first() {
        return Err(AdequacyError::Chronological(Named("storage", 0, &storage.name).owned()));
    }
    if let Some(hydro) = system.hydros.first() {
        return Err(AdequacyError::Chronological(Named("hydro", 0, &hydro.name).owned()));
    }
    Ok(())
}

/// Steps of the forecast error of a demand: one without.
pub(super) fn forecast(demand: &Demand, steps: usize) -> Vec<(f64, f64)> {
    if demand.deviation_mw.is_empty() { vec![(0.0, 1.0)] } else { normal_steps(steps) }
}

/// Reads the tables of a supply hour by hour.
pub(super) fn evaluate(supply: &Supply, demand: &Demand, forecast_steps: usize) -> ExactAdequacy {
    let hours = demand.net_mw.len();
    let steps = forecast(demand, forecast_steps);
    let mut out = ExactAdequacy {
        energy_mwh: demand.energy_mwh,
        lolp: vec![0.0; hours],
        eue_by_hour_mwh: vec![0.0; hours],
        tiers: demand.tiers.iter().map(TierYield::nothing).collect(),
        ..ExactAdequacy::default()
    };
    let events = match supply.only_table() {
        Some(table) if steps.len() == 1 && demand.tiers.is_empty() => read_plain(table, &demand.net_mw, &mut out),
        _ => read(supply, demand, &steps, &mut out),
    };
    out.lole_h = out.lolp.iter().sum();
    out.eue_mwh = out.eue_by_hour_mwh.iter().sum();
    out.neue_ppm = if out.energy_mwh > 0.0 { out.eue_mwh / out.energy_mwh * 1e6 } else { 0.0 };
    if supply.frequency {
        out.events = Some(events);
        out.mean_duration_h = (events > 0.0).then(|| out.lole_h / events);
    }
    out
}

/// One table, one level: the common case without what it does not need. Returns the events.
fn read_plain(table: &Table, net_mw: &[f64], out: &mut ExactAdequacy) -> f64 {
    let (mut events, mut last_short) = (0.0, 0.0);
    let days = net_mw.chunks(24).zip(out.lolp.chunks_mut(24).zip(out.eue_by_hour_mwh.chunks_mut(24)));
    for (levels_mw, (lolp, eue_mwh)) in days {
        let mut riskiest = 0.0_f64;
        for (&level_mw, (lolp, eue_mwh)) in levels_mw.iter().zip(lolp.iter_mut().zip(eue_mwh)) {
            let risk = table.at(level_mw);
            (*lolp, *eue_mwh) = (risk.short, risk.unserved_mw);
            riskiest = riskiest.max(risk.short);
            events += risk.falls + (risk.short - last_short).max(0.0);
            last_short = risk.short;
        }
        out.lole_days += if levels_mw.len() == 24 { riskiest } else { 0.0 };
    }
    events
}

/// Every level of every hour. Returns the events.
fn read(supply: &Supply, demand: &Demand, steps: &[(f64, f64)], out: &mut ExactAdequacy) -> f64 {
    let mut events = 0.0;
    // The level whose loss counts and its probability, in the last hour; and the riskiest hour of the day: by step.
    let mut last = vec![(f64::NEG_INFINITY, 0.0); steps.len()];
    let mut riskiest = vec![0.0_f64; steps.len()];
    let mut readings: Vec<State> = Vec::new();
    for hour in 0..demand.net_mw.len() {
        supply.readings(hour, &mut readings);
        let (mut lolp, mut eue_mwh) = (0.0, 0.0);
        let deviation_mw = demand.deviation_mw.get(hour).copied().unwrap_or(0.0);
        for (step, &(z, weight)) in steps.iter().enumerate() {
            let mut level_mw = demand.net_mw[hour] + z * deviation_mw - supply.sure_mw(hour);
            let mut risk = supply.at(hour, level_mw, &readings);
            let (mut counted_mw, mut counted, mut unserved_mw) = (level_mw, risk, risk.unserved_mw);
            for (tier, out) in demand.tiers.iter().zip(&mut out.tiers).rev() {
                let mw = tier.mw[hour];
                if mw <= 0.0 {
                    continue;
                }
                let above_mw = level_mw + mw;
                let above = supply.at(hour, above_mw, &readings);
                let curtailed_mw = above.unserved_mw - risk.unserved_mw;
                out.demand_mwh += weight * mw;
                out.yield_h += weight * above.short;
                out.yield_mwh += weight * curtailed_mw;
                if tier.backup_mw < mw {
                    let left = supply.at(hour, above_mw - tier.backup_mw, &readings);
                    out.lost_h += weight * left.short;
                    out.lost_mwh += weight * (left.unserved_mw - risk.unserved_mw);
                }
                (level_mw, risk) = (above_mw, above);
                if tier.kind == TierKind::Firm {
                    (counted_mw, counted) = (level_mw, risk);
                    unserved_mw += curtailed_mw;
                }
            }
            lolp += weight * counted.short;
            eue_mwh += weight * unserved_mw;
            riskiest[step] = riskiest[step].max(counted.short);
            if supply.frequency {
                // At the full hour the load steps up, or units stop for maintenance. A shortfall at the start is an event.
                let (last_mw, last_short) = last[step];
                let steps_short = if hour > 0 && supply.changes_after(hour - 1) {
                    supply.steps_short(hour - 1, last_mw, counted_mw)
                } else {
                    (counted.short - last_short).max(0.0)
                };
                events += weight * (counted.falls + steps_short);
                last[step] = (counted_mw, counted.short);
            }
        }
        out.lolp[hour] = lolp;
        out.eue_by_hour_mwh[hour] = eue_mwh;
        if hour % 24 == 23 {
            for (riskiest, (_, weight)) in riskiest.iter_mut().zip(steps) {
                out.lole_days += weight * *riskiest;
                *riskiest = 0.0;
            }
        }
    }
    events
}

impl TierYield {
    fn nothing(tier: &Tier) -> Self {
        Self {
            name: tier.name.clone(),
            kind: tier.kind,
            demand_mwh: 0.0,
            yield_h: 0.0,
            yield_mwh: 0.0,
            lost_h: 0.0,
            lost_mwh: 0.0,
            fuel_limited: tier.backup_mw > 0.0 && tier.backup_h.is_finite(),
        }
    }
}

/// The capacity outage probability table of an hour -- output.
#[derive(Clone, Debug, PartialEq)]
pub struct OutageTable {
    /// Capacity of all units that are not on planned maintenance \[MW\] -- output.
    pub installed_mw: f64,
    /// Capacities on forced outage that can occur, rising \[MW\] -- output.
    pub outage_mw: Vec<f64>,
    /// Their probabilities -- output.
    pub probability: Vec<f64>,
    /// Probability of at least as much on outage -- output.
    pub cumulative: Vec<f64>,
    /// Whether no capacity was rounded -- output.
    pub exact: bool,
}

/// The capacity outage probability table (Billinton & Allan 1996, section 2.2) of all units in an hour.
///
/// # Errors
///
/// As [`convolve`]; an `hour` beyond the horizon.
pub fn outage_table(system: &System, hour: usize, most_cells: usize) -> Result<OutageTable, AdequacyError> {
    ConvolutionOptions { most_cells, ..ConvolutionOptions::default() }.check()?;
    let faults = system.check();
    if !faults.is_empty() {
        return Err(AdequacyError::Faults(faults));
    }
    if hour >= system.hours {
        let expected = "an hour of the horizon";
        return Err(AdequacyError::Option { field: "hour", expected, value: hour as f64 });
    }
    let laws: Vec<UnitLaw> = system.units.iter().map(UnitLaw::of).collect();
    let classes: Vec<Class> =
        std::iter::zip(&system.units, &laws).map(|(unit, law)| Class { mw: capacity_mw(unit, hour), count: unit.count, law }).collect();
    let density = Density::of(&classes, false, Rounding::KeepMean, most_cells)?;
    let installed_mw: f64 = classes.iter().map(|class| class.mw * f64::from(class.count)).sum();
    let mut below = 0.0;
    let mut rows: Vec<[f64; 3]> = Vec::new();
    for (state, &probability) in density.probability.iter().enumerate() {
        if probability > 0.0 {
            below += probability;
            rows.push([(installed_mw - density.capacity_mw(state)).max(0.0), probability, below]);
        }
    }
    rows.reverse();
    Ok(OutageTable {
        installed_mw,
        outage_mw: rows.iter().map(|row| row[0]).collect(),
        probability: rows.iter().map(|row| row[1]).collect(),
        cumulative: rows.iter().map(|row| row[2]).collect(),
        exact: density.exact,
    })
}
