//! Numbers for people: value, error and unit, with no more digits than the error supports.

/// Between groups of three digits: narrow no-break space.
const GROUP: char = '\u{202f}';
/// Between value and unit: no-break space.
pub const SPACE: char = '\u{a0}';
const MINUS: char = '\u{2212}';

/// How a metric is shown: values are multiplied by `factor` and carry `unit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    factor: f64,
    /// Unit after scaling; empty for a count.
    pub unit: String,
}

impl Scale {
    /// The scale in which `magnitude` (of a metric's `unit`) has one to four digits before the point.
    #[must_use]
    pub fn of(unit: &str, magnitude: f64) -> Self {
        let magnitude = if magnitude.is_finite() { magnitude.abs() } else { 0.0 };
        // (unit of the metric, [(least magnitude, factor, unit shown)]), from large to small.
        let steps: &[(f64, f64, &str)] = match unit {
            "1" => &[(0.0, 100.0, "%")],
            "count" => &[(0.0, 1.0, "")],
            "EUR" => &[(1e9, 1e-9, "bn EUR"), (1e5, 1e-6, "M EUR"), (0.0, 1.0, "EUR")],
            "M EUR" => &[(1e3, 1e-3, "bn EUR"), (0.0, 1.0, "M EUR")],
            "MWh" => &[(1e6, 1e-6, "TWh"), (1e4, 1e-3, "GWh"), (0.0, 1.0, "MWh")],
            "MW" => &[(1e4, 1e-3, "GW"), (0.1, 1.0, "MW"), (1e-12, 1e3, "kW"), (0.0, 1.0, "MW")],
            "M tokens" => &[(1e6, 1e-6, "T tokens"), (1e3, 1e-3, "bn tokens"), (0.0, 1.0, "M tokens")],
            "tokens/s" => &[(1e6, 1e-6, "M tokens/s"), (1e4, 1e-3, "k tokens/s"), (0.0, 1.0, "tokens/s")],
            "t" => &[(1e6, 1e-6, "Mt"), (1e4, 1e-3, "kt"), (0.0, 1.0, "t")],
            "m3" => &[(1e7, 1e-6, "M m\u{b3}"), (0.0, 1.0, "m\u{b3}")],
            "L" => &[(1e4, 1e-3, "m\u{b3}"), (0.0, 1.0, "L")],
            "accelerator h" => &[(1e7, 1e-6, "M accelerator h"), (1e5, 1e-3, "k accelerator h"), (0.0, 1.0, "accelerator h")],
            _ => &[],
        };
        let fits = steps.iter().find(|step| magnitude >= step.0);
        fits.map_or_else(|| Self { factor: 1.0, unit: unit.to_string() }, |step| Self { factor: step.1, unit: step.2.to_string() })
    }

    /// The value in the shown unit.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        value * self.factor
    }

    /// Unit of differences: percentage points for percent.
    #[must_use]
    pub fn difference_unit(&self) -> &str {
        if self.unit == "%" { "pp" } else { &self.unit }
    }

    /// `97.4 ± 0.2`, in the shown unit.
    #[must_use]
    pub fn value(&self, value: f64, stderr: Option<f64>) -> String {
        plus_minus(self.apply(value), stderr.map(|error| self.apply(error)))
    }

    /// `97.4 ± 0.2 %`.
    #[must_use]
    pub fn with_unit(&self, value: f64, stderr: Option<f64>) -> String {
        append(self.value(value, stderr), &self.unit)
    }

    /// `+1.3 ± 0.2`, for differences.
    #[must_use]
    pub fn signed(&self, value: f64, stderr: Option<f64>) -> String {
        let text = self.value(value, stderr);
        let zero = !text.split('±').next().unwrap_or_default().contains(|c: char| ('1'..='9').contains(&c));
        if zero || text.starts_with(MINUS) { text } else { format!("+{text}") }
    }
}

fn append(text: String, unit: &str) -> String {
    if unit.is_empty() { text } else { format!("{text}{SPACE}{unit}") }
}

/// `12.3 MW`, three significant digits and a unit, for inputs and other numbers without error.
#[must_use]
pub fn plain(unit: &str, value: f64) -> String {
    let scale = Scale::of(unit, value);
    append(significant(scale.apply(value), 3), &scale.unit)
}

/// `97.4 ± 0.2`: the error with one significant digit (two if it begins with 1), the value to the same place. Three
/// significant digits of a value whose error is unknown, four of one without error.
#[must_use]
pub fn plus_minus(value: f64, stderr: Option<f64>) -> String {
    if !value.is_finite() {
        return "\u{2013}".to_string();
    }
    match stderr {
        None => significant(value, 3),
        // Rounding in sums is no error.
        Some(error) if !error.is_finite() || error <= 1e-9 * value.abs() => significant(value, 4),
        Some(error) => {
            let places = places_of_error(error);
            format!("{}{SPACE}±{SPACE}{}", fixed(value, places), fixed(error, places))
        }
    }
}

/// Decimal places that an error supports; negative for tens, hundreds, ...
fn places_of_error(error: f64) -> i32 {
    let exponent = error.log10().floor() as i32;
    let leading = error / 10f64.powi(exponent);
    let digits = if leading < 1.95 { 2 } else { 1 };
    (digits - 1 - exponent).min(8)
}

/// A number with at most `digits` significant digits, without trailing zeros.
#[must_use]
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_string() } else { "\u{2013}".to_string() };
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&exponent) {
        return format!("{value:.*e}", (digits - 1).max(0) as usize).replace('-', &MINUS.to_string());
    }
    // Whole numbers up to 99,999 are counts: no digit is taken from them.
    let places = if value.fract() == 0.0 && exponent < 5 { 0 } else { digits - 1 - exponent };
    let text = fixed(value, places);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// A number rounded to `places` decimals (negative: tens, hundreds), with grouped digits.
#[must_use]
pub fn fixed(value: f64, places: i32) -> String {
    let text = if places >= 0 {
        format!("{:.*}", places as usize, value.abs())
    } else {
        let unit = 10f64.powi(-places);
        format!("{:.0}", (value.abs() / unit).round() * unit)
    };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    if value < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) {
        out.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        // Four digits stay together, as the SI brochure allows.
        if index > 0 && whole.len() > 4 && (whole.len() - index).is_multiple_of(3) {
            out.push(GROUP);
        }
        out.push(digit);
    }
    out + rest
}

/// A count with grouped digits.
#[must_use]
pub fn count(value: impl Into<f64>) -> String {
    fixed(value.into(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With ordinary spaces and signs, so that cases can be read.
    fn ascii(text: &str) -> String {
        text.replace([SPACE, GROUP], " ").replace(MINUS, "-").replace('±', "+-")
    }

    #[test]
    fn digits_follow_the_error() {
        for (value, error, shown) in [
            (97.3789, Some(0.217), "97.4 +- 0.2"),
            (97.3789, Some(0.117), "97.38 +- 0.12"),
            (97.3789, Some(2.17), "97 +- 2"),
            (1234.56, Some(31.0), "1230 +- 30"),
            (1234.56, Some(196.0), "1200 +- 200"),
            (1_234_567.0, Some(12_345.0), "1 235 000 +- 12 000"),
            (0.000_123_4, Some(0.000_002_1), "0.000123 +- 0.000002"),
            (-3.21, Some(0.4), "-3.2 +- 0.4"),
            (0.001, Some(0.4), "0.0 +- 0.4"),
            (-0.001, Some(0.4), "0.0 +- 0.4"),
            (9.97, Some(0.3), "10.0 +- 0.3"),
            (5.0, Some(0.096), "5.00 +- 0.10"),
            // Nothing random, or nothing known about it.
            (1.0, Some(0.0), "1"),
            (0.1 + 0.2, Some(1e-17), "0.3"),
            (1299.4567, Some(0.0), "1299"),
            (97.3789, None, "97.4"),
            (0.0, None, "0"),
            (f64::NAN, Some(1.0), "\u{2013}"),
        ] {
            assert_eq!(ascii(&plus_minus(value, error)), shown, "{value} {error:?}");
        }
    }

    #[test]
    fn units_fit_the_size() {
        for (unit, value, shown) in [
            ("1", 0.974, "97.4 %"),
            ("EUR", 1.322e9, "1.32 bn EUR"),
            ("EUR", 86_000.0, "86 000 EUR"),
            ("EUR", 1.2e6, "1.2 M EUR"),
            ("MWh", 1.6e6, "1.6 TWh"),
            ("MWh", 14.2, "14.2 MWh"),
            ("M tokens", 7.7e7, "77 T tokens"),
            ("t", 410_000.0, "410 kt"),
            ("count", 3.0, "3"),
            ("EUR/M tokens", 9.96, "9.96 EUR/M tokens"),
            ("MW", -194.04, "-194 MW"),
            ("MW", 0.0451, "45.1 kW"),
            ("MW", 0.0, "0 MW"),
            ("t", 1e-9, "1.00e-9 t"),
        ] {
            assert_eq!(ascii(&plain(unit, value)), shown, "{unit} {value}");
        }
        // One scale for a row, whatever its values.
        let scale = Scale::of("EUR", 1.3e9);
        assert_eq!(ascii(&scale.with_unit(0.9e9, Some(2e6))), "0.900 +- 0.002 bn EUR");
        assert_eq!((Scale::of("1", 0.5).difference_unit(), scale.difference_unit()), ("pp", "bn EUR"));
    }

    #[test]
    fn differences_carry_their_sign() {
        let scale = Scale::of("1", 1.0);
        assert_eq!(ascii(&scale.signed(0.0131, Some(0.002))), "+1.3 +- 0.2");
        assert_eq!(ascii(&scale.signed(-0.0131, Some(0.002))), "-1.3 +- 0.2");
        assert_eq!(ascii(&scale.signed(0.00001, Some(0.002))), "0.0 +- 0.2");
        assert_eq!(ascii(&scale.signed(0.0, Some(0.0))), "0");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(ascii(&count(92_000)), "92 000");
        assert_eq!(ascii(&count(8760)), "8760");
        assert_eq!(ascii(&fixed(-1_234_567.0, -3)), "-1 235 000");
        assert_eq!(ascii(&significant(92_001.0, 3)), "92 001");
    }
}
