//! Money over time: what is paid when is worth what today, and what is left at the end.

use bastide_cost_models::finance::capital_recovery_factor;
use bastide_model::model::{Horizon, Model};

/// Interest and horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worth {
    rate: f64,
    building_years: f64,
    /// Horizon [y].
    pub length: f64,
    /// Period [y].
    pub period: f64,
}

impl Worth {
    /// Of a model.
    pub(super) fn new(model: &Model, horizon: &Horizon) -> Self {
        let planning = &model.planning;
        Self {
            rate: planning.discount_rate,
            building_years: planning.building_lifetime.as_y(),
            length: horizon.length.as_y(),
            period: horizon.period.as_y(),
        }
    }
    /// Yearly payment over the horizon per euro today [1/y]: turns the net present value into a cost per year.
    pub(super) fn recovery(self) -> f64 {
        capital_recovery_factor(self.rate, bastide_units::Duration::from_y(self.length))
    }
    /// Value today of a euro in so many years.
    pub(super) fn discount(self, years: f64) -> f64 {
        (-years * self.rate.ln_1p()).exp()
    }
    /// Value today of a euro at the beginning of a period.
    pub(super) fn at_begin(self, period: usize) -> f64 {
        self.discount(self.period * period as f64)
    }
    /// Value today of a euro at the end of a period.
    pub(super) fn at_end(self, period: usize) -> f64 {
        self.discount((self.period * (period + 1) as f64).min(self.length))
    }
    /// Value today of a euro at the end of the horizon.
    pub(super) fn end(self) -> f64 {
        self.discount(self.length)
    }
    /// Years of a period; the horizon may cut the last.
    pub(super) fn years(self, period: usize) -> f64 {
        self.period.min(self.length - self.period * period as f64)
    }
    /// Share of its price that something is still worth at the end: that of its annuities that are still to come. `period` is the one in
    /// which it began, `life` its life [y].
    pub(super) fn left(self, life: f64, period: usize) -> f64 {
        let rest = life - (self.length - self.period * period as f64);
        match () {
            () if rest <= 0.0 => 0.0,
            () if self.rate == 0.0 => rest / life,
            () => (1.0 - self.discount(rest)) / (1.0 - self.discount(life)),
        }
    }
    /// Value today of a euro of buildings or connections decided in a period, less what is left of it at the end.
    pub(super) fn building(self, period: usize) -> f64 {
        self.at_begin(period) - self.end() * self.left(self.building_years, period)
    }
}
