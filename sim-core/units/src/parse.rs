//! Text to quantity and back.

use crate::Quantity;

/// Why a text is not a quantity of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseQuantityError {
    /// No number at the start: `"MW"`, `""`.
    NoNumber,
    /// A number that is not finite: `"nan MW"`, `"1e999 MW"`.
    NotFinite,
    /// A number without a unit: `"120"`.
    NoUnit,
    /// A unit that this quantity does not have. Holds it, and its byte offset in the text.
    UnknownUnit(String, usize),
}

/// Splits `"120 MW"` into its number and the rest, with the byte offset of the rest.
fn split_number(text: &str) -> Result<(f64, &str, usize), ParseQuantityError> {
    let trimmed = text.trim_start();
    let lead = text.len() - trimmed.len();
    let lower = trimmed.to_ascii_lowercase();
    if ["nan", "inf", "+inf", "-inf", "+nan", "-nan", "infinity"].iter().any(|word| lower.starts_with(word)) {
        return Err(ParseQuantityError::NotFinite);
    }
    // The number is the longest prefix that reads as one: `3.8e25 FLOP`, `1_000 MW`, `-2 EUR`.
    let mut end = 0;
    let bytes = trimmed.as_bytes();
    while end < bytes.len() {
        let byte = bytes[end];
        let exponent = matches!(byte, b'e' | b'E')
            && end > 0
            && bytes.get(end + 1).is_some_and(|next| {
                next.is_ascii_digit() || (matches!(next, b'+' | b'-') && bytes.get(end + 2).is_some_and(u8::is_ascii_digit))
            });
        let sign = matches!(byte, b'+' | b'-') && (end == 0 || matches!(bytes[end - 1], b'e' | b'E'));
        if byte.is_ascii_digit() || matches!(byte, b'.' | b'_') || exponent || sign {
            end += 1;
        } else {
            break;
        }
    }
    let number: f64 = trimmed[..end].replace('_', "").parse().map_err(|_| ParseQuantityError::NoNumber)?;
    if !number.is_finite() {
        return Err(ParseQuantityError::NotFinite);
    }
    let rest = trimmed[end..].trim();
    let offset = lead + end + (trimmed[end..].len() - trimmed[end..].trim_start().len());
    Ok((number, rest, offset))
}

pub(crate) fn parse_quantity(text: &str, units: &[(&str, f64)]) -> Result<f64, ParseQuantityError> {
    let (number, unit, offset) = split_number(text)?;
    if let Some((_, size)) = units.iter().find(|(name, _)| *name == unit) {
        return finite(number * size);
    }
    if unit.is_empty() {
        return Err(ParseQuantityError::NoUnit);
    }
    parse_per(unit, units).map_or_else(|| Err(ParseQuantityError::UnknownUnit(unit.to_owned(), offset)), |size| finite(number * size))
}

/// Reads the exposure form of a rate: `/ 1000 node d` (a count, a noun, a time).
fn parse_per(unit: &str, units: &[(&str, f64)]) -> Option<f64> {
    if !units.iter().any(|(name, _)| name.starts_with("/ ")) {
        return None;
    }
    let words: Vec<&str> = unit.strip_prefix('/')?.split_whitespace().collect();
    let size = |time: &str| units.iter().find(|(name, _)| name.strip_prefix("/ ") == Some(time)).map(|(_, size)| *size);
    match words.as_slice() {
        [time] => size(time),
        [count, rest @ ..] if count.parse::<f64>().is_ok_and(|count| count > 0.0 && count.is_finite()) => {
            let count: f64 = count.parse().ok()?;
            match rest {
                [time] => size(time).map(|size| size / count),
                [noun, time] if noun.chars().all(char::is_alphabetic) => size(time).map(|size| size / count),
                _ => None,
            }
        }
        [noun, time] if noun.chars().all(char::is_alphabetic) => size(time),
        _ => None,
    }
}

fn finite(value: f64) -> Result<f64, ParseQuantityError> {
    if value.is_finite() { Ok(value) } else { Err(ParseQuantityError::NotFinite) }
}

/// A quantity as a planner writes it, in the largest unit that keeps the number at or above one: `120 MW`.
#[must_use]
pub fn display<Q: Quantity>(quantity: Q) -> String {
    let value = quantity.base();
    let magnitude = value.abs();
    let fits = |unit: &&(&str, f64)| magnitude >= unit.1 * 0.999_999_9;
    // `max_by` takes the last of equals: reversed, that is the first of the list.
    let best = Q::UNITS.iter().rev().filter(fits).max_by(|a, b| a.1.total_cmp(&b.1));
    let smallest = Q::UNITS.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let (name, size) = if value == 0.0 { Q::UNITS[0] } else { *best.or(smallest).unwrap_or(&Q::UNITS[0]) };
    let number = format_significant(value / size, 6);
    let plural = Q::UNITS.iter().find(|unit| number != "1" && unit.1 == size && unit.0.strip_suffix('s') == Some(name));
    // The same size has several names where people write several; the one of the example is the usual one.
    let usual = Q::UNITS.iter().find(|unit| unit.1 == size && !unit.0.is_empty() && Q::EXAMPLE.ends_with(&format!(" {}", unit.0)));
    match plural.or(usual).map_or(name, |unit| unit.0) {
        "" => number,
        name => format!("{number} {name}"),
    }
}

/// A number with at most `digits` significant digits, without trailing zeros.
#[must_use]
pub fn format_significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    let rounded: f64 = format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value);
    if (1e-4..1e15).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bandwidth, CapacityCost, CarbonIntensity, Compute, Duration, Money, Power, Rate, Ratio, Temperature, TokenRate};

    #[test]
    fn reads_what_planners_write() {
        assert_eq!(Power::parse("120 MW").unwrap().as_mw(), 120.0);
        assert_eq!(Power::parse(" 120MW ").unwrap().as_mw(), 120.0);
        assert_eq!(Money::parse("3 bn EUR").unwrap().as_eur(), 3e9);
        assert_eq!(Compute::parse("3.8e25 FLOP").unwrap().as_flop(), 3.8e25);
        assert_eq!(Compute::parse("5 EFLOP").unwrap().as_flop(), 5e18);
        assert_eq!(Ratio::parse("21 %").unwrap().value(), 0.21);
        assert_eq!(Ratio::parse("0.21").unwrap().value(), 0.21);
        assert_eq!(Bandwidth::parse("10 Gbit/s").unwrap().as_gbit_per_s(), 10.0);
        assert_eq!(TokenRate::parse("1_000 k tokens/s").unwrap().as_tokens_per_s(), 1e6);
        assert!((Rate::parse("2 / 100 y").unwrap().as_per_y() - 0.02).abs() < 1e-15);
    }

    #[test]
    fn refuses_what_it_cannot_mean() {
        assert_eq!(Power::parse("MW"), Err(ParseQuantityError::NoNumber));
        assert_eq!(Power::parse("nan MW"), Err(ParseQuantityError::NotFinite));
        assert_eq!(Power::parse("1e308 GW"), Err(ParseQuantityError::NotFinite));
        assert_eq!(Power::parse("120"), Err(ParseQuantityError::NoUnit));
        assert_eq!(Power::parse("120 MWh"), Err(ParseQuantityError::UnknownUnit("MWh".into(), 4)));
        assert_eq!(Duration::parse("3 / d"), Err(ParseQuantityError::UnknownUnit("/ d".into(), 2)));
        assert!(Power::parse("1e400 W").is_err());
    }

    #[test]
    fn of_units_of_one_size_shows_the_usual_one() {
        assert_eq!(display(Money::from_meur(3.0)), "3 M EUR");
        assert_eq!(display(Money::from_eur(30_000.0)), "30 kEUR");
        assert_eq!(display(CapacityCost::from_meur_per_mw(11.0)), "11 M EUR/MW");
        assert_eq!(display(CarbonIntensity::from_g_per_kwh(412.0)), "412 g/kWh");
        assert_eq!(display(Temperature::from_celsius(21.0)), "21 degC");
        assert_eq!(display(Duration::from_d(7.0)), "1 week");
        assert_eq!(display(Duration::from_d(14.0)), "2 weeks");
        assert_eq!(display(Ratio::new(1.2)), "1.2");
    }

    #[test]
    fn shows_the_largest_unit_that_fits() {
        assert_eq!(display(Power::from_mw(120.0)), "120 MW");
        assert_eq!(display(Duration::from_h(36.0)), "1.5 d");
        assert_eq!(display(Power::ZERO), "0 W");
        assert_eq!(display(Power::from_w(16.0)), "16 W");
        assert_eq!(format_significant(1234.5678, 3), "1230");
    }
}
