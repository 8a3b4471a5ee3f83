//! Entries of the library that a prediction names, and what owning and running them costs.

use bastide_cost_models::AcceleratorData;
use bastide_cost_models::compute::{Architecture, Device, Format};
use bastide_predict::library::{self, Unknown};
use bastide_units::{Duration, EnergyPrice, Money, Power};

use crate::exit::Failure;

/// The data sheet of a name, or the nearest names.
pub fn find_device(name: &str) -> Result<(&'static str, &'static Device), Failure> {
    library::find_device(name).map_err(unknown)
}

/// The shape of a model, or the nearest names.
pub fn find_architecture(name: &str) -> Result<(&'static str, &'static Architecture), Failure> {
    library::find_architecture(name).map_err(unknown)
}

fn unknown(Unknown { what, name, nearest }: Unknown) -> Failure {
    Failure::hinted(format!("the library has no {what} `{name}`"), format!("nearest: {nearest}"))
}

/// A number format by name.
pub fn find_format(name: &str) -> Result<Format, Failure> {
    Format::parse(name)
        .ok_or_else(|| Failure::hinted(format!("`{name}` is not a number format"), "one of fp4, int4, fp8, fp8-block, int8, bf16, fp32"))
}

/// What an accelerator costs to own and to run; IT figures are with its share of host, network and storage.
#[derive(Clone, Copy, Debug)]
pub struct Ownership {
    /// IT power at full work.
    pub full: Power,
    /// IT power when idle.
    pub idle: Power,
    /// Price and lifetime, where the library has them.
    pub bought: Option<(Money, Duration)>,
    /// Facility over IT power.
    pub pue: f64,
    /// Price of electric energy.
    pub energy_price: EnergyPrice,
}

/// Host, network and storage add this share to a board's power limit where the library has no server of it: 1.34 kW for a
/// 700 W board (NVIDIA DGX H100; our assumption for others).
const SERVER_OVER_BOARD: f64 = 1.9;
/// A board draws this share of its limit when idle, with its host (see `idle_share` in `cost-models/data/accelerators.toml`).
const IDLE_SHARE: f64 = 0.3;

impl Ownership {
    /// From the library, by the accelerator's name.
    pub fn of(name: &str, sheet: &Device, pue: f64, energy_price: EnergyPrice) -> Self {
        let data: Option<&AcceleratorData> = bastide_cost_models::library().accelerators.get(name);
        let full = data.map_or(sheet.board_power * SERVER_OVER_BOARD, |it| it.power.value);
        let idle = full * data.map_or(IDLE_SHARE, |it| it.idle_share.value.value());
        Self { full, idle, bought: data.map(|it| (it.price.value, it.lifetime.value)), pue, energy_price }
    }

    /// Facility power of one accelerator that works for this share of the time.
    pub fn facility_power(&self, busy: f64) -> Power {
        (self.idle + (self.full - self.idle) * busy.clamp(0.0, 1.0)) * self.pue
    }

    /// Cost of one accelerator for a time: energy, and the price written off evenly over its lifetime.
    pub fn cost(&self, busy: f64, time: Duration) -> (Money, Option<Money>) {
        let energy = self.facility_power(busy) * time * self.energy_price;
        (energy, self.bought.map(|(price, lifetime)| price * (time.as_s() / lifetime.as_s())))
    }
}
