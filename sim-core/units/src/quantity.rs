//! The quantities, their units and their product table.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use crate::parse::{self, ParseQuantityError};

/// A physical or monetary quantity: a number in a base unit.
pub trait Quantity: Copy + Sized {
    /// What it is called in messages: `power`.
    const NAME: &'static str;
    /// How a planner writes one: `120 MW`.
    const EXAMPLE: &'static str;
    /// Every unit that a scenario may use, with its size in base units.
    const UNITS: &'static [(&'static str, f64)];

    /// From a number of base units.
    fn from_base(value: f64) -> Self;
    /// The number of base units.
    fn base(self) -> f64;

    /// Reads `"120 MW"`.
    ///
    /// # Errors
    /// [`ParseQuantityError`] when the number or the unit cannot be read, or the value is not finite.
    fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        parse::parse_quantity(text, Self::UNITS).map(Self::from_base)
    }
}

macro_rules! quantities {
    ($( $(#[$doc:meta])* $name:ident, $word:literal, $example:literal, base $base:literal,
        units { $( $unit:literal = $size:expr ),* $(,)? },
        as { $( $from:ident / $as_:ident = $scale:expr ),* $(,)? } ; )*) => { $(
        $(#[$doc])*
        #[doc = concat!("\n\nBase unit: ", $base, ".")]
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0.0);
            $(
                #[doc = concat!("Constructor in the unit that its name says (", stringify!($scale), " base units).")]
                #[inline] #[must_use] pub const fn $from(value: f64) -> Self { Self(value * $scale) }
                #[doc = concat!("Value in the unit that its name says (", stringify!($scale), " base units).")]
                #[inline] #[must_use] pub const fn $as_(self) -> f64 { self.0 / $scale }
            )*
            /// The smaller of the two.
            #[inline] #[must_use] pub const fn min(self, other: Self) -> Self { Self(self.0.min(other.0)) }
            /// The larger of the two.
            #[inline] #[must_use] pub const fn max(self, other: Self) -> Self { Self(self.0.max(other.0)) }
        }
        impl Quantity for $name {
            const NAME: &'static str = $word;
            const EXAMPLE: &'static str = $example;
            const UNITS: &'static [(&'static str, f64)] = &[$( ($unit, $size) ),*];
            #[inline] fn from_base(value: f64) -> Self { Self(value) }
            #[inline] fn base(self) -> f64 { self.0 }
        }
        impl Add for $name { type Output = Self; #[inline] fn add(self, o: Self) -> Self { Self(self.0 + o.0) } }
        impl Sub for $name { type Output = Self; #[inline] fn sub(self, o: Self) -> Self { Self(self.0 - o.0) } }
        impl Neg for $name { type Output = Self; #[inline] fn neg(self) -> Self { Self(-self.0) } }
        impl AddAssign for $name { #[inline] fn add_assign(&mut self, o: Self) { self.0 += o.0; } }
        impl SubAssign for $name { #[inline] fn sub_assign(&mut self, o: Self) { self.0 -= o.0; } }
        impl Mul<f64> for $name { type Output = Self; #[inline] fn mul(self, k: f64) -> Self { Self(self.0 * k) } }
        impl Mul<$name> for f64 { type Output = $name; #[inline] fn mul(self, q: $name) -> $name { $name(self * q.0) } }
        impl Div<f64> for $name { type Output = Self; #[inline] fn div(self, k: f64) -> Self { Self(self.0 / k) } }
        impl Div for $name { type Output = f64; #[inline] fn div(self, o: Self) -> f64 { self.0 / o.0 } }
        impl Sum for $name { fn sum<I: Iterator<Item = Self>>(it: I) -> Self { Self(it.map(|q| q.0).sum()) } }
    )* };
}

/// `A * B = C`, in base units, with both quotients.
macro_rules! products {
    ($( $a:ident * $b:ident = $c:ident ; )*) => { $(
        impl Mul<$b> for $a { type Output = $c; #[inline] fn mul(self, b: $b) -> $c { $c(self.0 * b.0) } }
        impl Mul<$a> for $b { type Output = $c; #[inline] fn mul(self, a: $a) -> $c { $c(self.0 * a.0) } }
        impl Div<$a> for $c { type Output = $b; #[inline] fn div(self, a: $a) -> $b { $b(self.0 / a.0) } }
        impl Div<$b> for $c { type Output = $a; #[inline] fn div(self, b: $b) -> $a { $a(self.0 / b.0) } }
    )* };
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
/// A year of 365 days: a scenario's year is a calendar-free 8,760 hours.
const YEAR: f64 = 365.0 * DAY;
const WATT_HOUR: f64 = 3600.0;

quantities! {
    /// Electric power.
    Power, "power", "120 MW", base "W",
        units { "W" = 1.0, "kW" = 1e3, "MW" = 1e6, "GW" = 1e9 },
        as { from_w / as_w = 1.0, from_kw / as_kw = 1e3, from_mw / as_mw = 1e6 };
    /// Energy.
    Energy, "energy", "500 MWh", base "J",
        units { "J" = 1.0, "Wh" = WATT_HOUR, "kWh" = 1e3 * WATT_HOUR, "MWh" = 1e6 * WATT_HOUR, "GWh" = 1e9 * WATT_HOUR, "TWh" = 1e12 * WATT_HOUR },
        as { from_kwh / as_kwh = 1e3 * WATT_HOUR, from_mwh / as_mwh = 1e6 * WATT_HOUR };
    /// A length of time.
    Duration, "duration", "36 h", base "s",
        units { "s" = 1.0, "ms" = 1e-3, "min" = MINUTE, "h" = HOUR, "d" = DAY, "week" = 7.0 * DAY, "weeks" = 7.0 * DAY, "month" = YEAR / 12.0, "months" = YEAR / 12.0, "y" = YEAR },
        as { from_s / as_s = 1.0, from_ms / as_ms = 1e-3, from_min / as_min = MINUTE, from_h / as_h = HOUR, from_d / as_d = DAY, from_y / as_y = YEAR };
    /// Money, in euro of the scenario's price year.
    Money, "money", "3 bn EUR", base "EUR",
        units { "EUR" = 1.0, "kEUR" = 1e3, "k EUR" = 1e3, "M EUR" = 1e6, "mn EUR" = 1e6, "bn EUR" = 1e9 },
        as { from_eur / as_eur = 1.0, from_meur / as_meur = 1e6 };
    /// Money over time.
    MoneyRate, "money per time", "4 M EUR/y", base "EUR/s",
        units { "EUR/h" = 1.0 / HOUR, "EUR/d" = 1.0 / DAY, "EUR/y" = 1.0 / YEAR, "k EUR/d" = 1e3 / DAY, "kEUR/d" = 1e3 / DAY, "k EUR/y" = 1e3 / YEAR, "kEUR/y" = 1e3 / YEAR, "M EUR/d" = 1e6 / DAY, "M EUR/y" = 1e6 / YEAR },
        as { from_eur_per_y / as_eur_per_y = 1.0 / YEAR, from_eur_per_d / as_eur_per_d = 1.0 / DAY };
    /// Price of electric energy.
    EnergyPrice, "energy price", "85 EUR/MWh", base "EUR/J",
        units { "EUR/MWh" = 1e-6 / WATT_HOUR, "EUR/kWh" = 1e-3 / WATT_HOUR, "ct/kWh" = 1e-5 / WATT_HOUR },
        as { from_eur_per_mwh / as_eur_per_mwh = 1e-6 / WATT_HOUR };
    /// Cost of capacity: money per power.
    CapacityCost, "cost per power", "11 M EUR/MW", base "EUR/W",
        units { "EUR/W" = 1.0, "EUR/kW" = 1e-3, "EUR/MW" = 1e-6, "k EUR/MW" = 1e-3, "M EUR/MW" = 1.0, "bn EUR/GW" = 1.0 },
        as { from_eur_per_w / as_eur_per_w = 1.0, from_meur_per_mw / as_meur_per_mw = 1.0 };
    /// Yearly cost of capacity: money per power and time.
    CapacityRate, "yearly cost per power", "120 k EUR/MW/y", base "EUR/(W s)",
        units { "EUR/kW/y" = 1e-3 / YEAR, "EUR/MW/y" = 1e-6 / YEAR, "k EUR/MW/y" = 1e-3 / YEAR, "M EUR/MW/y" = 1.0 / YEAR },
        as { from_eur_per_mw_y / as_eur_per_mw_y = 1e-6 / YEAR };
    /// Greenhouse gas per electric energy, as CO2 equivalent.
    CarbonIntensity, "carbon intensity", "412 g/kWh", base "g/J",
        units { "g/kWh" = 1e-3 / WATT_HOUR, "kg/MWh" = 1e-3 / WATT_HOUR, "t/MWh" = 1.0 / WATT_HOUR, "gCO2/kWh" = 1e-3 / WATT_HOUR },
        as { from_g_per_kwh / as_g_per_kwh = 1e-3 / WATT_HOUR };
    /// Price of greenhouse gas.
    CarbonPrice, "carbon price", "80 EUR/t", base "EUR/g",
        units { "EUR/t" = 1e-6, "EUR/tCO2" = 1e-6, "EUR/kg" = 1e-3 },
        as { from_eur_per_t / as_eur_per_t = 1e-6 };
    /// Mass.
    Mass, "mass", "5 t", base "g",
        units { "g" = 1.0, "kg" = 1e3, "t" = 1e6, "kt" = 1e9, "Mt" = 1e12 },
        as { from_t / as_t = 1e6 };
    /// Volume of water or fuel.
    Volume, "volume", "1200 m3", base "m3",
        units { "L" = 1e-3, "m3" = 1.0 },
        as { from_l / as_l = 1e-3, from_m3 / as_m3 = 1.0 };
    /// Water per electric energy at the IT equipment (WUE).
    WaterIntensity, "water use", "1.8 L/kWh", base "m3/J",
        units { "L/kWh" = 1e-6 / WATT_HOUR, "m3/MWh" = 1e-6 / WATT_HOUR },
        as { from_l_per_kwh / as_l_per_kwh = 1e-6 / WATT_HOUR };
    /// Area of land.
    Area, "area", "12 ha", base "ha", units { "ha" = 1.0, "m2" = 1e-4, "km2" = 100.0 }, as { from_ha / as_ha = 1.0 };
    /// Length of a route.
    Length, "length", "480 km", base "km", units { "km" = 1.0, "m" = 1e-3 }, as { from_km / as_km = 1.0 };
    /// Amount of data.
    DataSize, "data size", "10 PB", base "B",
        units { "B" = 1.0, "kB" = 1e3, "MB" = 1e6, "GB" = 1e9, "TB" = 1e12, "PB" = 1e15, "EB" = 1e18, "GiB" = 1_073_741_824.0, "TiB" = 1_099_511_627_776.0 },
        as { from_bytes / as_bytes = 1.0, from_gb / as_gb = 1e9, from_tb / as_tb = 1e12 };
    /// Data over time.
    Bandwidth, "bandwidth", "100 Gbit/s", base "B/s",
        units { "bit/s" = 0.125, "kbit/s" = 125.0, "Mbit/s" = 1.25e5, "Gbit/s" = 1.25e8, "Tbit/s" = 1.25e11, "MB/s" = 1e6, "GB/s" = 1e9, "TB/s" = 1e12 },
        as { from_gbit_per_s / as_gbit_per_s = 1.25e8, from_gb_per_s / as_gb_per_s = 1e9 };
    /// Floating-point operations.
    Compute, "compute", "3.8e25 FLOP", base "FLOP",
        units { "FLOP" = 1.0, "TFLOP" = 1e12, "PFLOP" = 1e15, "EFLOP" = 1e18, "ZFLOP" = 1e21, "YFLOP" = 1e24 },
        as { from_flop / as_flop = 1.0 };
    /// Floating-point operations over time.
    ComputeRate, "compute rate", "989 TFLOP/s", base "FLOP/s",
        units { "FLOP/s" = 1.0, "GFLOP/s" = 1e9, "TFLOP/s" = 1e12, "PFLOP/s" = 1e15, "EFLOP/s" = 1e18 },
        as { from_flop_per_s / as_flop_per_s = 1.0, from_tflop_per_s / as_tflop_per_s = 1e12 };
    /// Tokens read or written by a model.
    Tokens, "tokens", "15 T tokens", base "tokens",
        units { "tokens" = 1.0, "k tokens" = 1e3, "M tokens" = 1e6, "G tokens" = 1e9, "bn tokens" = 1e9, "T tokens" = 1e12 },
        as { from_tokens / as_tokens = 1.0, from_mtokens / as_mtokens = 1e6 };
    /// Tokens over time.
    TokenRate, "token rate", "250 k tokens/s", base "tokens/s",
        units { "tokens/s" = 1.0, "k tokens/s" = 1e3, "M tokens/s" = 1e6, "tokens/d" = 1.0 / DAY, "M tokens/d" = 1e6 / DAY, "bn tokens/d" = 1e9 / DAY, "T tokens/d" = 1e12 / DAY },
        as { from_tokens_per_s / as_tokens_per_s = 1.0 };
    /// Price of tokens.
    TokenPrice, "token price", "1.5 EUR/M tokens", base "EUR/token",
        units { "EUR/M tokens" = 1e-6, "EUR/k tokens" = 1e-3, "ct/M tokens" = 1e-8 },
        as { from_eur_per_mtokens / as_eur_per_mtokens = 1e-6 };
    /// Events over time, for one exposed thing (`6.5 / 1000 node d` is 6.5 per 1,000 node-days).
    Rate, "rate", "6.5 / 1000 node d", base "1/s",
        units { "/ s" = 1.0, "/ h" = 1.0 / HOUR, "/ d" = 1.0 / DAY, "/ week" = 1.0 / (7.0 * DAY), "/ month" = 12.0 / YEAR, "/ y" = 1.0 / YEAR },
        as { from_per_s / as_per_s = 1.0, from_per_h / as_per_h = 1.0 / HOUR, from_per_d / as_per_d = 1.0 / DAY, from_per_y / as_per_y = 1.0 / YEAR };
    /// A temperature on the Celsius scale.
    Temperature, "temperature", "21 degC", base "degC", units { "degC" = 1.0, "°C" = 1.0 }, as { from_celsius / as_celsius = 1.0 };
    /// A pure number: a share, a factor, an efficiency. The one quantity that may stand without a unit.
    Ratio, "ratio", "21 %", base "1", units { "%" = 0.01, "" = 1.0 }, as { new / value = 1.0, from_percent / as_percent = 0.01 };
}

products! {
    Power * Duration = Energy;
    Energy * EnergyPrice = Money;
    Power * CapacityCost = Money;
    MoneyRate * Duration = Money;
    Power * CapacityRate = MoneyRate;
    Energy * CarbonIntensity = Mass;
    Mass * CarbonPrice = Money;
    Energy * WaterIntensity = Volume;
    Bandwidth * Duration = DataSize;
    ComputeRate * Duration = Compute;
    TokenRate * Duration = Tokens;
    Tokens * TokenPrice = Money;
    Rate * Duration = Ratio;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_has_both_quotients() {
        // 20 MW for 3 h is 60 MWh; at 50 EUR/MWh that is 3,000 EUR.
        let energy = Power::from_mw(20.0) * Duration::from_h(3.0);
        assert!((energy.as_mwh() - 60.0).abs() < 1e-12);
        assert!(((energy * EnergyPrice::from_eur_per_mwh(50.0)).as_eur() - 3000.0).abs() < 1e-9);
        assert!(((energy / Power::from_mw(20.0)).as_h() - 3.0).abs() < 1e-12);
    }

    #[test]
    fn rates_count_exposure() {
        // 6.5 failures per 1,000 node-days, 1,000 nodes, one day: 6.5 failures.
        let rate = Rate::parse("6.5 / 1000 node d").unwrap();
        assert!(((rate * Duration::from_d(1.0)).value() * 1000.0 - 6.5).abs() < 1e-12);
    }
}
