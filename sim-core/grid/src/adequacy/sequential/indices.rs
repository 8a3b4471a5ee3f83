//! The indices: what the replications say together.

use bastide_engine::Estimate;

use super::prepare::Prepared;
use super::record::{Layout, Lengths};

/// What sequential simulation says of a system. All estimates are per year, that is per horizon of the system.
#[derive(Clone, Debug, PartialEq)]
pub struct SequentialAdequacy {
    /// Replications -- output.
    pub years: u32,
    /// Hours of the horizon -- output.
    pub hours: usize,
    /// The system: some area is short -- output.
    pub system: Shortfall,
    /// Each area -- output.
    pub areas: Vec<Shortfall>,
    /// Each tier of each area, in the order of its list -- output.
    pub tiers: Vec<Vec<TierUse>>,
    /// Each storage -- output.
    pub storages: Vec<StorageUse>,
    /// Each hydro -- output.
    pub hydros: Vec<HydroUse>,
    /// Each tie -- output.
    pub ties: Vec<TieUse>,
    /// Energy not served in each replication, for paired comparisons under the same draws \[MWh\] -- output.
    pub annual_eue_mwh: Vec<f64>,
}

/// Loss of load: of the firm load and of the firm tiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortfall {
    /// Loss-of-load hours (LOLH, hourly LOLE) \[h\] -- output.
    pub lole_h: Estimate,
    /// Days with a short hour \[d\] -- output.
    pub days: Estimate,
    /// Days whose hour of greatest firm demand is short (daily-peak LOLE) \[d\] -- output.
    pub peak_days: Estimate,
    /// Expected unserved energy \[MWh\] -- output.
    pub eue_mwh: Estimate,
    /// The same per million of the mean demand (NEUE) \[ppm\] -- output.
    pub neue_ppm: Estimate,
    /// Conditional value at risk: mean energy not served of the worst 5 % of the years \[MWh\] -- output.
    pub cvar95_eue_mwh: f64,
    /// Frequency and duration; absent where a component has no chronology -- output.
    pub events: Option<Events>,
}

/// Loss-of-load events. One that is under way when the horizon begins is counted; one at its end is cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// Events of whole hours, from the states at the beginning of each (LOLF) -- output.
    pub frequency: Estimate,
    /// Events in continuous time, which also sees failures that are repaired within the hour; absent where hours depend
    /// on earlier ones (storage, hydro, a tier with limited hours) -- output.
    pub continuous_frequency: Option<Estimate>,
    /// Hours of an event: mean over events with the standard error of a ratio (delta method), quantiles over events;
    /// absent without an event \[h\] -- output.
    pub duration_h: Option<Estimate>,
    /// Number of events of 1, 2, 3, ... hours in all replications -- output.
    pub lengths: Vec<u64>,
}

/// A tier's curtailment.
#[derive(Clone, Debug, PartialEq)]
pub struct TierUse {
    /// Hours in which the grid curtails it \[h\] -- output.
    pub hours: Estimate,
    /// Share of all hours -- output.
    pub hours_share: Estimate,
    /// Energy that the grid does not give it \[MWh\] -- output.
    pub curtailed_mwh: Estimate,
    /// Energy from its own generators \[MWh\] -- output.
    pub backup_mwh: Estimate,
    /// Hours in which it loses something after its own generators \[h\] -- output.
    pub lost_hours: Estimate,
    /// Energy it loses after its own generators \[MWh\] -- output.
    pub lost_mwh: Estimate,
}

/// A storage's use, at its terminals.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageUse {
    /// Energy taken from the grid \[MWh\] -- output.
    pub charged_mwh: Estimate,
    /// Energy given to the grid \[MWh\] -- output.
    pub discharged_mwh: Estimate,
}

/// A hydro's use.
#[derive(Clone, Debug, PartialEq)]
pub struct HydroUse {
    /// Energy given in short hours \[MWh\] -- output.
    pub called_mwh: Estimate,
    /// Inflow that found the reservoir full and ran through or was spilt \[MWh\] -- output.
    pub overflow_mwh: Estimate,
}

/// A tie's use for help in need and for charging.
#[derive(Clone, Debug, PartialEq)]
pub struct TieUse {
    /// Energy from `from` to `to` \[MWh\] -- output.
    pub forward_mwh: Estimate,
    /// Energy from `to` to `from` \[MWh\] -- output.
    pub backward_mwh: Estimate,
}

/// The estimate of `Estimate::of`, to the last bit, without sorting everything: three selections are enough.
fn estimate(values: &[f64], scratch: &mut Vec<f64>) -> Estimate {
    let n = values.len();
    scratch.clear();
    scratch.extend_from_slice(values);
    let count = n as f64;
    let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for x in values {
        min = min.min(*x);
        max = max.max(*x);
        sum += x;
    }
    let rough = sum / count;
    let (mut deviations, mut squares) = (0.0, 0.0);
    for x in values {
        let deviation = x - rough;
        deviations += deviation;
        squares += deviation * deviation;
    }
    let mean = (rough + deviations / count).clamp(min, max);
    let stderr = (n > 1).then(|| ((squares - deviations * deviations / count).max(0.0) / (count - 1.0) / count).sqrt());
    let mut at = |p: f64| {
        // Type 7, as the engine has it. All zeros above the place need no search.
        let place = p * (n - 1) as f64;
        let below = (place.floor() as usize).min(n - 1);
        let share = place - below as f64;
        let (_, low, rest) = scratch.select_nth_unstable_by(below, f64::total_cmp);
        let low = *low;
        let high = rest.iter().copied().fold(f64::INFINITY, f64::min);
        if share == 0.0 || low == high || rest.is_empty() { low } else { low + (high - low) * share }
    };
    let (p05, p50, p95) = (at(0.05), at(0.5), at(0.95));
    Estimate { mean, stderr, n, p05, p50, p95, min, max }
}

/// Mean of the worst 5 %, an atom at the quantile split as needed: the engine's `cvar` without its sort.
fn cvar95(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    let n = values.len() as f64;
    let tail = (1.0 - 0.95) * n;
    if tail <= 1.0 {
        return values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    }
    scratch.clear();
    scratch.extend_from_slice(values);
    let place = ((0.95 * n).ceil() as usize).clamp(1, values.len()) - 1;
    let (_, at_risk, worse) = scratch.select_nth_unstable_by(place, f64::total_cmp);
    let at_risk = *at_risk;
    worse.sort_unstable_by(f64::total_cmp);
    at_risk + worse.iter().map(|x| x - at_risk).sum::<f64>() / tail
}

fn scaled(estimate: &Estimate, factor: f64) -> Estimate {
    Estimate {
        mean: estimate.mean * factor,
        stderr: estimate.stderr.map(|stderr| stderr * factor),
        n: estimate.n,
        p05: estimate.p05 * factor,
        p50: estimate.p50 * factor,
        p95: estimate.p95 * factor,
        min: estimate.min * factor,
        max: estimate.max * factor,
    }
}

/// Hours per event: ratio of the totals, its standard error by the delta method over years.
fn duration(hours: &[f64], events: &[f64], lengths: &[u64]) -> Option<Estimate> {
    let count: u64 = lengths.iter().sum();
    let total: u64 = lengths.iter().zip(1_u64..).map(|(count, hours)| count * hours).sum();
    if count == 0 {
        return None;
    }
    let mean = total as f64 / count as f64;
    let years = hours.len() as f64;
    let rate = count as f64 / years;
    let squares: f64 = hours.iter().zip(events).map(|(hours, events)| (hours - mean * events).powi(2)).sum();
    let stderr = (hours.len() > 1).then(|| (squares / (years - 1.0) / years).sqrt() / rate);
    // Quantiles of type 7 over the events, which stand in order in their counts.
    let nth = |wanted: u64| {
        let mut before = 0;
        let found = lengths.iter().position(|count| {
            before += count;
            before > wanted
        });
        found.map_or(0.0, |place| (place + 1) as f64)
    };
    let at = |p: f64| {
        let place = p * (count - 1) as f64;
        let (low, high) = (nth(place.floor() as u64), nth(place.ceil() as u64));
        low + (high - low) * place.fract()
    };
    let (min, max) = (nth(0), lengths.len() as f64);
    let n = usize::try_from(count).unwrap_or(usize::MAX);
    Some(Estimate { mean, stderr, n, p05: at(0.05), p50: at(0.5), p95: at(0.95), min, max })
}

/// Turns rows (one for each replication, in order) into indices.
pub(super) fn summarise(prepared: &Prepared, layout: Layout, rows: &[Vec<f64>], lengths: &Lengths, years: u32) -> SequentialAdequacy {
    let width = layout.width();
    let mut scratch = Vec::new();
    let column = |place: usize| -> Vec<f64> { rows.iter().flat_map(|rows| rows.iter().skip(place).step_by(width).copied()).collect() };
    let mut annual_eue_mwh = Vec::new();
    let mut shortfalls: Vec<Shortfall> = Vec::new();
    for scope in 0..prepared.scopes() {
        let base = layout.scope(scope);
        let (hours, events, energy) = (column(base), column(base + 3), column(base + 5));
        let eue_mwh = estimate(&energy, &mut scratch);
        let demand = prepared.demand_mwh[scope];
        let counts = &lengths.counts[scope];
        shortfalls.push(Shortfall {
            lole_h: estimate(&hours, &mut scratch),
            days: estimate(&column(base + 1), &mut scratch),
            peak_days: estimate(&column(base + 2), &mut scratch),
            neue_ppm: scaled(&eue_mwh, if demand > 0.0 { 1e6 / demand } else { 0.0 }),
            eue_mwh,
            cvar95_eue_mwh: cvar95(&energy, &mut scratch),
            events: prepared.chronology.then(|| Events {
                frequency: estimate(&events, &mut scratch),
                continuous_frequency: (!prepared.memory).then(|| estimate(&column(base + 4), &mut scratch)),
                duration_h: duration(&hours, &events, counts),
                lengths: counts.clone(),
            }),
        });
        if scope == 0 {
            annual_eue_mwh = energy;
        }
    }
    let mut of = |place: usize| estimate(&column(place), &mut scratch);
    let mut tiers: Vec<Vec<TierUse>> = vec![Vec::new(); prepared.areas];
    for (place, tier) in prepared.tiers.iter().enumerate() {
        let base = layout.tier(place);
        let hours = of(base);
        tiers[tier.area].push(TierUse {
            hours_share: scaled(&hours, 1.0 / prepared.hours as f64),
            hours,
            curtailed_mwh: of(base + 1),
            lost_hours: of(base + 2),
            backup_mwh: of(base + 3),
            lost_mwh: of(base + 4),
        });
    }
    let system = prepared.system;
    let storages = (0..system.storages.len())
        .map(|place| StorageUse { charged_mwh: of(layout.storage(place)), discharged_mwh: of(layout.storage(place) + 1) })
        .collect();
    let hydros = (0..system.hydros.len())
        .map(|place| HydroUse { called_mwh: of(layout.hydro(place)), overflow_mwh: of(layout.hydro(place) + 1) })
        .collect();
    let ties = (0..system.ties.len())
        .map(|place| TieUse { forward_mwh: of(layout.tie(place)), backward_mwh: of(layout.tie(place) + 1) })
        .collect();
    let first = shortfalls[0].clone();
    let areas = if shortfalls.len() == 1 { shortfalls } else { shortfalls.split_off(1) };
    SequentialAdequacy { years, hours: prepared.hours, system: first, areas, tiers, storages, hydros, ties, annual_eue_mwh }
}

#[cfg(test)]
mod tests {
    use bastide_engine::{Stream, cvar};

    use super::*;

    #[test]
    fn selections_give_what_sorting_gives() {
        let mut scratch = Vec::new();
        for n in [1, 2, 3, 19, 20, 21, 1000, 4096] {
            for zeros in [0.0, 0.7, 0.99] {
                let mut stream = Stream::new(1, n as u32, 4);
                let values: Vec<f64> =
                    (0..n).map(|_| if stream.uniform() < zeros { 0.0 } else { stream.lognormal(3.0, 1.0).round() }).collect();
                assert_eq!(estimate(&values, &mut scratch), Estimate::of(&values).unwrap());
                let (ours, theirs) = (cvar95(&values, &mut scratch), cvar(&values, 0.95).unwrap());
                assert!((ours - theirs).abs() <= 1e-12 * theirs.max(1.0), "{ours} {theirs}");
            }
        }
    }

    #[test]
    fn durations_are_ratios() {
        // Years with (3 h in 2 events), (0, 0), (5 h in 1): mean 8 / 3; lengths 1, 2, 5.
        let duration = duration(&[3.0, 0.0, 5.0], &[2.0, 0.0, 1.0], &[1, 1, 0, 0, 1]).unwrap();
        assert!((duration.mean - 8.0 / 3.0).abs() < 1e-12);
        assert_eq!((duration.n, duration.min, duration.p50, duration.max), (3, 1.0, 2.0, 5.0));
        // Residuals 3 - 16/3 = -7/3, 0, 7/3; sum of squares 98/9; / 2 / 3, root, / (events a year = 1).
        assert!((duration.stderr.unwrap() - (98.0 / 9.0_f64 / 6.0).sqrt()).abs() < 1e-12);
    }
}
