//! Adequacy systems as JSON, with hourly probabilities of failure and repair.

use std::collections::BTreeMap;
use std::path::Path;

use bastide_grid::adequacy::{Area, System, Tie, TwoState, Unit};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::SystemOptions;
use crate::decode::suggestion;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::text::{self, MAX_SERIES};

/// The file: several systems by name, or one.
#[derive(Deserialize)]
struct File {
    systems: Option<BTreeMap<String, Described>>,
    load: Option<Load>,
    #[serde(default)]
    gens: Vec<Gen>,
    #[serde(default)]
    lines: Vec<Link>,
}

#[derive(Deserialize)]
struct Described {
    load: Load,
    #[serde(default)]
    gens: Vec<Gen>,
    #[serde(default)]
    lines: Vec<Link>,
}

#[derive(Deserialize)]
struct Gen {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    region: usize,
    cap: ByHour,
    #[serde(default)]
    lam: Probability,
    #[serde(default = "certain")]
    mu: Probability,
}

#[derive(Deserialize)]
struct Link {
    a: usize,
    b: usize,
    cap: Megawatts,
    #[serde(default)]
    lam: Probability,
    #[serde(default = "certain")]
    mu: Probability,
}

const fn certain() -> Probability {
    Probability(1.0)
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(try_from = "f64")]
struct Probability(f64);
impl TryFrom<f64> for Probability {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(format!("a probability must be between 0 and 1: {value}")) }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Megawatts(f64);
impl TryFrom<f64> for Megawatts {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        if value >= 0.0 && value.is_finite() { Ok(Self(value)) } else { Err(format!("a power in MW must be zero or more: {value}")) }
    }
}

/// One number, or one by hour.
struct ByHour(Vec<f64>);
impl<'de> Deserialize<'de> for ByHour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ByHour;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a power in MW, or a list of them by hour")
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<ByHour, E> {
                Ok(ByHour(vec![Megawatts::try_from(value).map_err(E::custom)?.0]))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<ByHour, E> {
                self.visit_f64(value as f64)
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<ByHour, E> {
                self.visit_f64(value as f64)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ByHour, A::Error> {
                let mut all = Vec::new();
                while let Some(Megawatts(value)) = items.next_element()? {
                    all.push(value);
                }
                Ok(ByHour(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Load by hour of one area, or of each.
struct Load(Vec<Vec<f64>>);
impl<'de> Deserialize<'de> for Load {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<Item>::deserialize(deserializer)?;
        if rows.iter().all(|row| !row.list) {
            return Ok(Self(vec![rows.into_iter().flat_map(|row| row.values).collect()]));
        }
        if rows.iter().any(|row| !row.list) {
            return Err(D::Error::custom("`load` mixes numbers and lists: give one list, or one list for each area"));
        }
        Ok(Self(rows.into_iter().map(|row| row.values).collect()))
    }
}

struct Item {
    values: Vec<f64>,
    list: bool,
}
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Item;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a load in MW, or a list of them by hour")
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Item, E> {
                Ok(Item { values: vec![Megawatts::try_from(value).map_err(E::custom)?.0], list: false })
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Item, E> {
                self.visit_f64(value as f64)
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Item, E> {
                self.visit_f64(value as f64)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
                let mut values = Vec::new();
                while let Some(Megawatts(value)) = items.next_element()? {
                    values.push(value);
                }
                Ok(Item { values, list: true })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Reads a JSON file.
pub fn read(path: &Path, name: &str, options: &SystemOptions) -> Result<System, Vec<Diagnostic>> {
    let contents = text::read(path, name, MAX_SERIES).map_err(|diagnostic| vec![*diagnostic])?;
    let whole = |code, message: String, hint: String| Err(vec![Diagnostic::error(code, Span::file(name), message).hint(hint)]);
    let file: File = serde_json::from_str(&contents.text).map_err(|error| {
        let line = contents.text.lines().nth(error.line().saturating_sub(1)).unwrap_or("");
        let span = Span {
            line: error.line() as u32,
            column: error.column().max(1) as u32,
            text: line.chars().take(240).collect::<String>().into(),
            ..Span::file(name)
        };
        // serde_json ends its words with the place, which the span says.
        let words = error.to_string();
        let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words).to_owned();
        vec![Diagnostic::error("F1005", span, words).hint("a system has `load` by hour, `gens` with `cap`, `lam` and `mu`, and `lines`")]
    })?;
    let described = match (file.systems, file.load) {
        (None, Some(load)) => Described { load, gens: file.gens, lines: file.lines },
        (None, None) => {
            return whole(
                "F1005",
                format!("`{name}` holds no system"),
                "`systems` by name, or one system with `load` and `gens`".to_owned(),
            );
        }
        (Some(mut systems), _) => {
            let names: Vec<String> = systems.keys().cloned().collect();
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let wanted = match (&options.system, known.as_slice()) {
                (Some(wanted), _) => wanted.clone(),
                (None, [only]) => (*only).to_owned(),
                (None, _) => {
                    return whole(
                        "F1005",
                        format!("`{name}` holds {} systems", known.len()),
                        format!("say which: `--system {}`", known.join("` or `--system ")),
                    );
                }
            };
            match systems.remove(&wanted) {
                Some(system) => system,
                None => return whole("F0301", format!("there is no system `{wanted}`"), suggestion(&wanted, &known, "system")),
            }
        }
    };
    build(described, name)
}

fn build(described: Described, file: &str) -> Result<System, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let mut wrong = |message: String, hint: &str| mistakes.push(Diagnostic::error("F1005", Span::file(file), message).hint(hint));
    let hours = described.load.0.first().map_or(0, Vec::len);
    let count = described.load.0.len();
    if hours == 0 || described.load.0.iter().any(|row| row.len() != hours) {
        wrong("the areas have loads of no or of different hours".to_owned(), "one number for each hour, as many for each area");
        return Err(mistakes);
    }
    let mut areas: Vec<Area> = described
        .load
        .0
        .into_iter()
        .enumerate()
        .map(|(index, load_mw)| Area { name: format!("area-{index}"), load_mw, ..Area::default() })
        .collect();
    let mut units = Vec::new();
    for (index, unit) in described.gens.into_iter().enumerate() {
        let name = unit.name.unwrap_or_else(|| format!("gen-{index}"));
        if unit.region >= count {
            wrong(format!("generator `{name}` lies in region {}, and the load has {count}", unit.region), "regions count from 0");
            continue;
        }
        let cap = unit.cap.0;
        if cap.len() != 1 && cap.len() != hours {
            wrong(format!("generator `{name}` has {} hours, the load has {hours}", cap.len()), "one `cap`, or one for each hour");
            continue;
        }
        let most = cap.iter().copied().fold(0.0, f64::max);
        let at = |hour: usize| if cap.len() == 1 { cap[0] } else { cap[hour] };
        let Some(outage) = outage(unit.lam, unit.mu) else {
            wrong(format!("generator `{name}` fails and is never repaired"), "`mu` must be above 0 where `lam` is");
            continue;
        };
        if outage == TwoState::Perfect {
            let variable = &mut areas[unit.region].variable_mw;
            variable.resize(hours, 0.0);
            for (hour, sum) in variable.iter_mut().enumerate() {
                *sum += at(hour);
            }
        } else if most > 0.0 {
            let constant = cap.iter().all(|value| value.to_bits() == most.to_bits());
            let profile = if constant { Vec::new() } else { (0..hours).map(|hour| at(hour) / most).collect() };
            units.push(Unit {
                name,
                area: unit.region,
                count: 1,
                capacity_mw: most,
                profile,
                outage,
                derated: None,
                maintenance: Vec::new(),
            });
        }
    }
    let mut ties = Vec::new();
    for line in described.lines {
        let name = format!("{}-{}", line.a, line.b);
        match outage(line.lam, line.mu) {
            _ if line.a >= count || line.b >= count || line.a == line.b => {
                wrong(format!("line `{name}` does not join two of the {count} regions"), "regions count from 0");
            }
            None => wrong(format!("line `{name}` fails and is never repaired"), "`mu` must be above 0 where `lam` is"),
            Some(outage) => ties.push(Tie { name, from: line.a, to: line.b, forward_mw: line.cap.0, backward_mw: line.cap.0, outage }),
        }
    }
    if mistakes.is_empty() { Ok(System { hours, areas, units, storages: Vec::new(), hydros: Vec::new(), ties }) } else { Err(mistakes) }
}

/// Hourly probabilities as mean times: of a geometric sojourn with probability p of ending, 1/p hours. None if never repaired.
fn outage(lam: Probability, mu: Probability) -> Option<TwoState> {
    if lam.0 == 0.0 {
        return Some(TwoState::Perfect);
    }
    (mu.0 > 0.0).then(|| TwoState::Times { mttf_h: 1.0 / lam.0, mttr_h: 1.0 / mu.0 })
}
