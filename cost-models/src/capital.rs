//! What a site costs: once, and each year.

use bastide_units::{CapacityCost, CapacityRate, Duration, EnergyPrice, Money, MoneyRate, Power};

/// Prices of a site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SitePrices {
    /// Opening it, whatever its size.
    pub fixed: Money,
    /// Building, power and cooling per IT power.
    pub building: CapacityCost,
    /// Grid connection per facility power.
    pub connection: CapacityCost,
    /// Staff and upkeep per year, whatever its size.
    pub fixed_upkeep: MoneyRate,
    /// Staff and upkeep per IT power and year.
    pub upkeep: CapacityRate,
    /// Energy.
    pub energy: EnergyPrice,
}

/// Capital of a site, by line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SiteCapital {
    /// Opening it.
    pub fixed: Money,
    /// Building, power and cooling.
    pub building: Money,
    /// Grid connection.
    pub connection: Money,
    /// Accelerators.
    pub accelerators: Money,
}

impl SiteCapital {
    /// All lines.
    #[must_use]
    pub fn total(&self) -> Money {
        self.fixed + self.building + self.connection + self.accelerators
    }
}

/// Yearly operation of a site, by line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SiteOperation {
    /// Staff and upkeep, fixed and by size.
    pub upkeep: MoneyRate,
    /// Energy at the mean load.
    pub energy: MoneyRate,
}

impl SitePrices {
    /// Capital for an IT power, its facility power at the design temperature, and what the accelerators cost.
    #[must_use]
    pub fn capital(&self, it_power: Power, facility_power: Power, accelerators: Money) -> SiteCapital {
        SiteCapital { fixed: self.fixed, building: it_power * self.building, connection: facility_power * self.connection, accelerators }
    }

    /// Yearly operation for an installed IT power and the mean facility load.
    #[must_use]
    pub fn operation(&self, it_power: Power, mean_load: Power) -> SiteOperation {
        let year = Duration::from_y(1.0);
        SiteOperation {
            upkeep: self.fixed_upkeep + it_power * self.upkeep,
            energy: MoneyRate::from_eur_per_y((mean_load * year * self.energy).as_eur()),
        }
    }
}

/// Mean IT load of accelerators that are busy for a share of the time: idle draw, and the rest with the work.
#[must_use]
pub fn mean_load(rated: Power, idle_share: f64, busy_share: f64) -> Power {
    rated * (idle_share + (1.0 - idle_share) * busy_share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_by_hand() {
        // 10 MW of IT at PUE 1.2: 5 + 10 * 11 + 12 * 0.5 + 300 = 421 M EUR.
        let prices = SitePrices {
            fixed: Money::from_meur(5.0),
            building: CapacityCost::from_meur_per_mw(11.0),
            connection: CapacityCost::from_meur_per_mw(0.5),
            fixed_upkeep: MoneyRate::from_eur_per_y(1e6),
            upkeep: CapacityRate::from_eur_per_mw_y(1.2e5),
            energy: EnergyPrice::from_eur_per_mwh(80.0),
        };
        let it = Power::from_mw(10.0);
        let capital = prices.capital(it, it * 1.2, Money::from_meur(300.0));
        assert!((capital.total().as_meur() - 421.0).abs() < 1e-9);
        // Upkeep 1 M + 10 * 120 k = 2.2 M EUR/y. Idle 30 %, busy 60 %: 0.72 * 12 MW * 8,760 h * 80 EUR/MWh = 6,054,912 EUR/y.
        let operation = prices.operation(it, mean_load(it, 0.3, 0.6) * 1.2);
        assert!((operation.upkeep.as_eur_per_y() - 2.2e6).abs() < 1e-6);
        assert!((operation.energy.as_eur_per_y() - 6_054_912.0).abs() < 1e-3);
    }
}
