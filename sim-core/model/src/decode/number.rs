//! Quantities, ratios, counts and distributions.

use bastide_engine::Distribution;
use bastide_units::{Duration, ParseQuantityError, Quantity, Rate, Ratio};

use super::Cursor;
use crate::keys::{Kind, Range, nearest};
use crate::model::Reliability;
use crate::text::At;
use crate::tree::{Node, Table, Value};

impl<'t> Cursor<'_, 't> {
    /// A number of base units, or `None` after a message.
    pub(crate) fn number<Q: Quantity>(&mut self, key: &str, node: &Node, range: Range) -> Option<f64> {
        let value = match &node.value {
            Value::Text(text) => match Q::parse(text) {
                Ok(quantity) => quantity.base(),
                Err(error) => {
                    self.wrong_quantity::<Q>(key, node.at, text, &error);
                    return None;
                }
            },
            Value::Integer(_) | Value::Float(_) => {
                let number = if let Value::Integer(integer) = node.value {
                    integer as f64
                } else if let Value::Float(float) = node.value {
                    float
                } else {
                    f64::NAN
                };
                if !number.is_finite() {
                    self.ctx.error_hint("F0207", node.at, format!("`{key}` is not a finite number"), format!("write {}", example::<Q>()));
                    return None;
                }
                if !is_bare::<Q>() {
                    self.no_unit::<Q>(key, node.at);
                    return None;
                }
                number
            }
            _ => {
                self.wrong_form(key, node, &format!("{}, such as {}", a(Q::NAME), example::<Q>()));
                return None;
            }
        };
        if range.holds(value) {
            return Some(value);
        }
        let code = if is_bare::<Q>() { "F0209" } else { "F0208" };
        let written = self.ctx.files.sources.slice(node.at).trim_matches('"').to_owned();
        let hint = match range {
            Range::AtLeastOne if is_bare::<Q>() => "such as `1.2`".to_owned(),
            // Percent that were written without their sign.
            Range::Share | Range::PositiveShare | Range::BelowOne if is_bare::<Q>() && value >= 2.0 && range.holds(value / 100.0) => {
                format!("write `\"{value} %\"` if percent are meant, or a number from 0 to 1")
            }
            _ => format!("such as {}", example::<Q>()),
        };
        self.ctx.error_hint(code, node.at, format!("`{key}` must be {}: {written}", range.words()), hint);
        None
    }

    /// The number is not joined to a unit: which one was meant is what nobody knows.
    fn no_unit<Q: Quantity>(&mut self, key: &str, at: At) {
        let hint = format!("write {} with its unit, in quotes, such as {}", a(Q::NAME), example::<Q>());
        self.ctx.error_hint("F0205", at, format!("`{key}` is {} and needs a unit", a(Q::NAME)), hint);
    }

    fn wrong_quantity<Q: Quantity>(&mut self, key: &str, at: At, text: &str, error: &ParseQuantityError) {
        match error {
            ParseQuantityError::NoNumber => {
                self.ctx.error_hint("F0207", at, format!("`{key}` has no number: `{text}`"), format!("write {}", example::<Q>()));
            }
            ParseQuantityError::NotFinite => {
                self.ctx.error_hint("F0207", at, format!("`{key}` is not a finite number: `{text}`"), format!("write {}", example::<Q>()));
            }
            ParseQuantityError::NoUnit => self.no_unit::<Q>(key, at),
            ParseQuantityError::UnknownUnit(unit, offset) if separators(&text[..*offset], unit).is_some() => {
                let plain = separators(&text[..*offset], unit).unwrap_or_default();
                let hint = format!("decimals have a point, and thousands no separator: write `\"{}\"`", plain.join("\"` or `\""));
                self.ctx.error_hint("F0207", at, format!("`{key}` is not written as a number: `{text}`"), hint);
            }
            ParseQuantityError::UnknownUnit(unit, offset) => {
                // Without escapes the text stands in the file as it is, one quote further.
                let plain = (at.end - at.start) as usize == text.len() + 2;
                let start = at.start + 1 + *offset as u32;
                let at = if plain { At { start, end: start + unit.len() as u32, ..at } } else { at };
                let units: Vec<&str> = Q::UNITS.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
                let same = units.iter().find(|name| name.eq_ignore_ascii_case(unit)).copied();
                let near = same.or_else(|| nearest(unit, units.iter().copied()));
                let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                let respelt = respelt(text).filter(|respelt| Q::parse(respelt).is_ok());
                let near = respelt.map_or(near, |respelt| format!("write `\"{respelt}\"`; "));
                let hint = format!("{near}units of {}: {}", Q::NAME, units.join(", "));
                self.ctx.error_hint("F0206", at, format!("`{unit}` is not a unit of {}", Q::NAME), hint);
            }
        }
    }

    pub(super) fn range(&self, key: &str) -> Range {
        match self.row(key).map(|row| row.kind) {
            Some(
                Kind::Quantity(_, range)
                | Kind::QuantityOr(_, range, _)
                | Kind::Profile(_, range)
                | Kind::Ratio(range)
                | Kind::QuantityBy(_, range, _)
                | Kind::Count(range),
            ) => range,
            Some(Kind::Munitions) => Range::AtLeastOne,
            _ => Range::Any,
        }
    }

    /// A quantity, if the key stands.
    pub fn quantity_opt<Q: Quantity>(&mut self, key: &str) -> Option<Q> {
        let node = self.take(key)?;
        let range = self.range(key);
        Some(Q::from_base(self.number::<Q>(key, node, range).unwrap_or(f64::NAN)))
    }
    /// A quantity, or its default; NaN after a message.
    pub fn quantity<Q: Quantity>(&mut self, key: &str) -> Q {
        if let Some(quantity) = self.quantity_opt(key) {
            return quantity;
        }
        self.missing(key);
        let default = self.default(key).and_then(|text| Q::parse(text).ok());
        default.unwrap_or_else(|| Q::from_base(f64::NAN))
    }
    /// One of some words that may stand in place of a quantity; `None`, without a message, for anything else.
    #[must_use]
    pub fn word_instead(&self, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let value = match &self.table.get(key)?.node.value {
            Value::Table(table) => &table.get("value")?.node.value,
            value => value,
        };
        let Value::Text(text) = value else { return None };
        words.iter().copied().find(|word| word == text)
    }
    /// A ratio, if the key stands.
    pub fn ratio_opt(&mut self, key: &str) -> Option<f64> {
        self.quantity_opt::<Ratio>(key).map(Ratio::value)
    }
    /// A ratio, or its default; NaN after a message.
    pub fn ratio(&mut self, key: &str) -> f64 {
        self.quantity::<Ratio>(key).value()
    }

    /// A whole number, if the key stands.
    pub fn integer_opt(&mut self, key: &str) -> Option<i64> {
        let node = self.take(key)?;
        match node.value {
            Value::Integer(integer) => Some(integer),
            Value::Float(float) if float.fract() != 0.0 || !float.is_finite() => {
                self.ctx.error("F0204", node.at, format!("`{key}` must be a whole number: {float}"));
                None
            }
            Value::Float(float) => {
                self.ctx.error_hint("F0204", node.at, format!("`{key}` must be a whole number"), format!("write `{key} = {float:.0}`"));
                None
            }
            _ => {
                self.wrong_form(key, node, "a whole number");
                None
            }
        }
    }
    /// A whole number from 0 to 4,294,967,295, if the key stands and can be read.
    pub fn count_opt(&mut self, key: &str) -> Option<u32> {
        let integer = self.integer_opt(key)?;
        let range = self.range(key);
        let holds = integer >= 0 && range.holds(integer as f64);
        let count = u32::try_from(integer).ok().filter(|_| holds);
        if count.is_none() {
            let words = if holds { "at most 4294967295" } else { range.words() };
            self.wrong("F0208", key, format!("`{key}` must be {words}: {integer}"), "write a whole number");
        }
        count
    }
    /// A whole number, or its default; 1 after a message.
    pub fn count(&mut self, key: &str) -> u32 {
        if !self.has(key) {
            self.missing(key);
        }
        let default = self.default(key).and_then(|text| text.parse().ok());
        self.count_opt(key).or(default).unwrap_or(1)
    }

    /// Degrees between minus and plus `limit`, if the key stands and can be read.
    pub fn degrees(&mut self, key: &str, limit: f64) -> Option<f64> {
        let node = self.take(key)?;
        let degrees = match node.value {
            Value::Integer(integer) => integer as f64,
            Value::Float(float) => float,
            _ => {
                self.wrong_form(key, node, "a bare number of degrees, such as 56.9");
                return None;
            }
        };
        if degrees.abs() <= limit {
            return Some(degrees);
        }
        self.ctx.error_hint(
            "F0504",
            node.at,
            format!("`{key}` must be between -{limit} and {limit}: {degrees}"),
            if key == "phase_shift" { "decimal degrees" } else { "decimal degrees, north and east positive" },
        );
        None
    }

    /// A distribution, if the key stands; of NaN after a message.
    pub fn distribution_opt<Q: Quantity>(&mut self, key: &str) -> Option<Distribution> {
        let node = self.take(key)?;
        Some(self.distribution_at::<Q>(key, node))
    }
    /// A distribution inside a table; of NaN after a message.
    pub(crate) fn distribution_at<Q: Quantity>(&mut self, key: &str, node: &'t Node) -> Distribution {
        let distribution = match &node.value {
            Value::Table(table) => self.distribution_of::<Q>(key, node.at, table),
            _ => self.number::<Q>(key, node, Range::NotNegative).map(Distribution::Fixed),
        };
        distribution.unwrap_or(Distribution::Fixed(f64::NAN))
    }
    /// A distribution, or its default.
    pub fn distribution<Q: Quantity>(&mut self, key: &str) -> Distribution {
        if let Some(distribution) = self.distribution_opt::<Q>(key) {
            return distribution;
        }
        self.missing(key);
        Distribution::Fixed(self.default(key).and_then(|text| Q::parse(text).ok()).map_or(f64::NAN, Quantity::base))
    }

    pub(super) fn distribution_of<Q: Quantity>(&mut self, key: &str, at: At, table: &'t Table) -> Option<Distribution> {
        let form = "such as `{ dist = \"lognormal\", median = \"7 d\", p95 = \"21 d\" }`";
        let Some(entry) = table.get("dist") else {
            self.ctx.error_hint("F0213", at, format!("the distribution of `{key}` has no `dist`"), form);
            return None;
        };
        let Value::Text(dist) = &entry.node.value else {
            self.wrong_form("dist", &entry.node, "a word");
            return None;
        };
        let Some((_, sets)) = DISTRIBUTIONS.iter().find(|(name, _)| name == dist) else {
            let names: Vec<&str> = DISTRIBUTIONS.iter().map(|(name, _)| *name).collect();
            let near = nearest(dist, names.iter().copied()).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let hint = format!("{near}one of `{}`", names.join("`, `"));
            self.ctx.error_hint("F0213", entry.node.at, format!("there is no distribution `{dist}`"), hint);
            return None;
        };
        let known = |name: &str| sets.iter().any(|set| set.contains(&name));
        for entry in &table.entries {
            let name = entry.key.as_str();
            if !known(name) && !["dist", "source", "verified"].contains(&name) {
                let hint = format!("it takes `{}`", sets.iter().map(|set| set.join("`, `")).collect::<Vec<_>>().join("`, or `"));
                self.ctx.error_hint("F0202", entry.key_at, format!("{} has no `{name}`", a(&format!("{dist} distribution"))), hint);
                return None;
            }
        }
        let Some(set) = sets.iter().find(|set| set.iter().all(|name| table.get(name).is_some())) else {
            let hint = format!("it needs `{}`", sets.iter().map(|set| set.join("` and `")).collect::<Vec<_>>().join("`, or `"));
            self.ctx.error_hint("F0213", at, format!("the {dist} distribution of `{key}` lacks a parameter"), hint);
            return None;
        };
        let mut values = [0.0; 3];
        let mut complete = true;
        for (value, name) in values.iter_mut().zip(*set) {
            let entry = table.get(name)?;
            let number = match *name {
                "shape" | "sigma" => self.number::<Ratio>(name, &entry.node, Range::Any),
                _ => self.number::<Q>(name, &entry.node, Range::NotNegative),
            };
            complete &= number.is_some();
            *value = number.unwrap_or(f64::NAN);
        }
        if !complete {
            return None;
        }
        let [a, b, c] = values;
        let distribution = match (dist.as_str(), set.get(1).copied()) {
            ("fixed", _) => Some(Distribution::Fixed(a)),
            ("exponential", _) => Some(Distribution::Exponential { mean: a }),
            ("uniform", _) => Some(Distribution::Uniform { low: a, high: b }),
            ("triangular", _) => Some(Distribution::Triangular { low: a, mode: b, high: c }),
            ("lognormal", Some("p95")) => Distribution::lognormal_from_median_p95(a, b),
            ("lognormal", _) => Some(Distribution::Lognormal { median: a, sigma: b }),
            ("weibull", _) => Some(Distribution::Weibull { shape: a, scale: b }),
            _ => Some(Distribution::Gamma { shape: a, scale: b }),
        };
        let proper = distribution.filter(Distribution::is_proper);
        if proper.is_none() {
            let hint = "low <= mode <= high, median <= p95, shape and scale and median above zero, sigma not negative";
            self.ctx.error_hint("F0213", at, format!("the parameters of `{key}` make no {dist} distribution"), hint);
        }
        proper
    }

    /// `mttf` or `failure_rate`, with `repair`; none of the three if it never fails by itself.
    pub fn reliability(&mut self) -> Option<Reliability> {
        let mttf = self.quantity_opt::<Duration>("mttf");
        let rate = self.quantity_opt::<Rate>("failure_rate");
        let repair = self.distribution_opt::<Duration>("repair");
        if mttf.is_some() && rate.is_some() {
            self.wrong("F0214", "failure_rate", "`mttf` and `failure_rate` both stand", "keep one: the rate is one over the mean time");
        }
        let failure_rate = rate.or_else(|| mttf.map(|mttf| Rate::from_per_s(1.0 / mttf.as_s())));
        match (failure_rate, repair) {
            (Some(failure_rate), Some(repair)) => Some(Reliability { failure_rate, repair }),
            (None, None) => None,
            (Some(_), None) => {
                let key = if mttf.is_some() { "mttf" } else { "failure_rate" };
                self.wrong("F0215", key, format!("`{key}` stands without `repair`"), "say how long a repair takes: `repair = \"12 h\"`");
                None
            }
            (None, Some(_)) => {
                self.wrong(
                    "F0215",
                    "repair",
                    "`repair` stands without `mttf` or `failure_rate`",
                    "say how often it fails, or leave `repair` out",
                );
                None
            }
        }
    }
}

/// Distributions and their sets of parameters.
pub const DISTRIBUTIONS: &[(&str, &[&[&str]])] = &[
    ("fixed", &[&["value"]]),
    ("exponential", &[&["mean"]]),
    ("uniform", &[&["low", "high"]]),
    ("triangular", &[&["low", "mode", "high"]]),
    ("lognormal", &[&["median", "p95"], &["median", "sigma"]]),
    ("weibull", &[&["shape", "scale"]]),
    ("gamma", &[&["shape", "scale"]]),
];

/// Whether a quantity may stand without a unit.
fn is_bare<Q: Quantity>() -> bool {
    Q::UNITS.iter().any(|(name, _)| name.is_empty())
}

/// With its article; money is not counted.
fn a(name: &str) -> String {
    if ["money", "money per time", "compute", "tokens"].contains(&name) {
        return format!("an amount of {name}");
    }
    if name.starts_with(['a', 'e', 'i', 'o', 'u']) { format!("an {name}") } else { format!("a {name}") }
}

/// What a number with commas or other separators may mean: `1,5 MW` is 1.5 MW, `2,000,000 EUR` 2000000 EUR, and `1,500 MW`
/// either. `rest` is what stands behind the first digits.
fn separators(number: &str, rest: &str) -> Option<Vec<String>> {
    let is_mark = |c: char| matches!(c, ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}');
    let behind = rest.trim_start_matches(is_mark);
    if !behind.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || is_mark(c))).unwrap_or(rest.len());
    let (digits, unit) = (format!("{}{}", number.trim(), rest[..end].trim_end()), rest[end..].trim());
    let with_unit = |number: String| format!("{number} {unit}").trim_end().to_owned();
    let joined = digits.replace(is_mark, "");
    let (whole, decimals) = digits.split_once(',').unwrap_or((&digits, ""));
    if decimals.is_empty() || decimals.contains(is_mark) || decimals.contains('.') {
        return Some(vec![with_unit(joined)]);
    }
    let pointed = with_unit(format!("{}.{decimals}", whole.replace('.', "").replace(is_mark, "")));
    // A group of three may be thousands as well.
    Some(if decimals.len() == 3 && !whole.contains('.') { vec![pointed, with_unit(joined)] } else { vec![pointed] })
}

/// A quantity with the usual units for the words that people write: `6.5 per 1000 node days` is `6.5 / 1000 node d`.
fn respelt(text: &str) -> Option<String> {
    let words = text.split_whitespace().map(|word| match word.to_lowercase().as_str() {
        "per" => "/",
        "second" | "seconds" | "sec" => "s",
        "minute" | "minutes" => "min",
        "hour" | "hours" | "hr" | "hrs" => "h",
        "day" | "days" => "d",
        "year" | "years" | "yr" | "a" => "y",
        "euro" | "euros" | "€" => "EUR",
        "million" => "M",
        "billion" => "bn",
        "percent" => "%",
        "watt" | "watts" => "W",
        "kilowatt" | "kilowatts" => "kW",
        "megawatt" | "megawatts" => "MW",
        "gigawatt" | "gigawatts" => "GW",
        _ => word,
    });
    let respelt = words.collect::<Vec<_>>().join(" ");
    (respelt != text).then_some(respelt)
}

fn example<Q: Quantity>() -> String {
    if is_bare::<Q>() { "`0.21` or `\"21 %\"`".to_owned() } else { format!("`\"{}\"`", Q::EXAMPLE) }
}
