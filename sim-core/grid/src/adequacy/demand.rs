//! The demand of one area as levels: the firm load and, above it, what is shed before it.

use super::{AdequacyError, System, Tier, TierKind, check::Named};

/// Demand of one area.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand {
    /// Firm load less generation that is taken as it comes, by hour \[MW\].
    pub net_mw: Vec<f64>,
    /// Standard deviation of the load forecast by hour; empty for none \[MW\].
    pub deviation_mw: Vec<f64>,
    /// Further demand in the order of shedding.
    pub tiers: Vec<Tier>,
    /// Energy of the firm load and of firm tiers \[MWh\].
    pub energy_mwh: f64,
}

impl Demand {
    /// Demand of all areas of the system, joined. Tiers are shed by their position in their area, then by area. Forecast
    /// errors of several areas are independent. The system has passed its check.
    pub fn of(system: &System) -> Result<Self, AdequacyError> {
        let mut demand = Self { net_mw: vec![0.0; system.hours], ..Self::default() };
        for area in &system.areas {
            for (net, load) in demand.net_mw.iter_mut().zip(&area.load_mw) {
                *net += load;
            }
            for (net, mw) in demand.net_mw.iter_mut().zip(&area.variable_mw) {
                *net -= mw;
            }
            demand.energy_mwh += area.load_mw.iter().sum::<f64>();
            if area.forecast_error > 0.0 {
                demand.deviation_mw.resize(system.hours, 0.0);
                for (deviation, load) in demand.deviation_mw.iter_mut().zip(&area.load_mw) {
                    *deviation = deviation.hypot(area.forecast_error * load);
                }
            }
        }
        let most = system.areas.iter().map(|area| area.tiers.len()).max().unwrap_or(0);
        for position in 0..most {
            for tier in system.areas.iter().filter_map(|area| area.tiers.get(position)) {
                if tier.most_h_per_day < 24.0 {
                    return Err(AdequacyError::Chronological(Named("tier", position, &tier.name).owned()));
                }
                demand.tiers.push(tier.clone());
            }
        }
        demand.energy_mwh += demand.firm_tiers_mwh();
        Ok(demand)
    }

    /// The largest magnitude of net load, tiers and ten standard deviations of the forecast \[MW\].
    pub fn most_mw(&self) -> f64 {
        let of = |series: &[f64]| series.iter().fold(0.0_f64, |most, mw| most.max(mw.abs()));
        of(&self.net_mw) + 10.0 * of(&self.deviation_mw) + self.tiers.iter().map(|tier| of(&tier.mw)).sum::<f64>()
    }

    fn firm_tiers_mwh(&self) -> f64 {
        self.tiers.iter().filter(|tier| tier.kind == TierKind::Firm).flat_map(|tier| &tier.mw).sum()
    }
}

/// Steps of a standard normal variable and their probabilities: `steps` intervals, one standard deviation wide or narrower
/// so that they cover ±5; the outer ones take the tails. Seven are those of Billinton & Allan (1996, section 2.8).
pub(super) fn normal_steps(steps: usize) -> Vec<(f64, f64)> {
    let width = (10.0 / steps as f64).min(1.0);
    let middle = (steps as f64 - 1.0) / 2.0;
    let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let mut out: Vec<(f64, f64)> = (0..steps)
        .map(|step| {
            let z = (step as f64 - middle) * width;
            // Simpson's rule with 32 parts: exact to rounding for a width of at most one.
            let part = width / 32.0;
            let sum: f64 = (0..=32)
                .map(|i| {
                    let weight = if i == 0 || i == 32 { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                    weight * density(z - width / 2.0 + f64::from(i) * part)
                })
                .sum();
            (z, sum * part / 3.0)
        })
        .collect();
    let tail = (1.0 - out.iter().map(|step| step.1).sum::<f64>()) / 2.0;
    if let [first, .., last] = &mut out[..] {
        first.1 += tail;
        last.1 += tail;
    } else if let [only] = &mut out[..] {
        only.1 = 1.0;
    }
    out
}
