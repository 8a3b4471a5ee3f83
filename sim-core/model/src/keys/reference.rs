//! Words about tables and keys, written from the registry.

use std::fmt::Write as _;

use super::{Key, Kind, Need, TABLES, TableSpec, table};

impl Kind {
    /// Whether values of this kind are numbers with a source worth noting.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Quantity(..)
                | Self::Distribution(_)
                | Self::QuantityOr(..)
                | Self::Profile(..)
                | Self::Ratio(_)
                | Self::Count(_)
                | Self::RatiosOf(_)
                | Self::RatiosBy(..)
                | Self::QuantityBy(..)
                | Self::Munitions
                | Self::RatioByMunition
                | Self::RatiosOfNations
                | Self::Factors(_)
                | Self::ByYear(..)
        )
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Quantity(unit, _) => unit.name.to_owned(),
            Self::Distribution(unit) => format!("distribution of {}", unit.name),
            Self::QuantityOr(unit, _, words) => format!("{}, or `{}`", unit.name, words.join("`, `")),
            Self::Profile(unit, _) => format!("profile of {}", unit.name),
            Self::Ratio(_) => "ratio".to_owned(),
            Self::Count(_) | Self::Integer => "whole number".to_owned(),
            Self::Degrees(_) => "degrees".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Word => "word".to_owned(),
            Self::Name => "name".to_owned(),
            Self::Reference(table) => format!("name of a {table}"),
            Self::OneOf(words) => format!("one of `{}`", words.join("`, `")),
            Self::Words => "list of words".to_owned(),
            Self::References(table) => format!("list of {table}s"),
            Self::Nations => "list of nations or groups".to_owned(),
            Self::ListOf(words) => format!("list of `{}`", words.join("`, `")),
            Self::Targets => "list of targets".to_owned(),
            Self::Dependants => "list of things".to_owned(),
            Self::Endpoint => "`nation.NAME` or `site.NAME`".to_owned(),
            Self::RatiosOf(words) => format!("table of ratios by `{}`", words.join("`, `")),
            Self::RatiosBy(table, _) => format!("table of ratios by {table}"),
            Self::QuantityBy(unit, _, table) => format!("{}, or table of it by {table}", unit.name),
            Self::RatiosOfNations => "table of ratios by nation".to_owned(),
            Self::Purchases => "list of accelerators".to_owned(),
            Self::Objectives => format!("one of `{}`, or a list of them in their order", super::OBJECTIVES.join("`, `")),
            Self::Munitions => "whole number, distribution, or table of either by munition".to_owned(),
            Self::RatioByMunition => "ratio, or table of ratios by munition".to_owned(),
            Self::Table(spec) => format!("table of `{}`", spec.keys.iter().map(|key| key.name).collect::<Vec<_>>().join("`, `")),
            Self::Tables(spec) => format!("list of tables of `{}`", spec.keys.iter().map(|key| key.name).collect::<Vec<_>>().join("`, `")),
            Self::LinkStates => "list of states".to_owned(),
            Self::Restoration => "list of steps".to_owned(),
            Self::Factors(unit) if unit.name == "ratio" => "list of [number, factor]".to_owned(),
            Self::Factors(unit) => format!("list of [{}, factor]", unit.name),
            Self::AppliesTo => "table of lists".to_owned(),
            Self::Shape(length) => format!("list of {length} weights"),
            Self::ByYear(unit, _) => format!("list of {} by year", unit.name),
            Self::Settings => "table of path = value".to_owned(),
        }
    }
}

/// A table with the keys that it must have, or with its first key.
fn example_table(spec: &TableSpec) -> String {
    let required: Vec<&Key> = spec.keys.iter().filter(|key| key.need == Need::Required).collect();
    let keys = if required.is_empty() { spec.keys.iter().take(1).collect() } else { required };
    let entries: Vec<String> = keys.into_iter().map(|key| format!("{} = {}", key.name, example(key))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A value that the key could have, as TOML.
#[must_use]
pub fn example(key: &Key) -> String {
    match key.kind {
        Kind::QuantityOr(unit, ..) | Kind::QuantityBy(unit, ..) => format!("\"{}\"", unit.example),
        Kind::Quantity(unit, _) | Kind::Distribution(unit) | Kind::Profile(unit, _) if unit.name != "ratio" => {
            format!("\"{}\"", unit.example)
        }
        Kind::Profile(..) | Kind::Distribution(_) | Kind::Quantity(..) | Kind::Ratio(super::Range::AtLeastOne) => "1.0".to_owned(),
        Kind::Ratio(_) => "\"21 %\"".to_owned(),
        Kind::Count(_) => "8".to_owned(),
        Kind::Integer => match key.name {
            "format" => "1".to_owned(),
            "price_year" => "2025".to_owned(),
            _ => "7".to_owned(),
        },
        Kind::Degrees(_) => "56.9".to_owned(),
        Kind::Boolean => "true".to_owned(),
        Kind::Date => "2027-01-01T00:00:00Z".to_owned(),
        Kind::Text | Kind::Word => "\"...\"".to_owned(),
        Kind::Name => "\"riga\"".to_owned(),
        Kind::Reference(table) => format!("\"a-{table}\""),
        Kind::OneOf(words) => format!("\"{}\"", words[0]),
        Kind::Words => "[\"...\"]".to_owned(),
        Kind::References(table) => format!("[\"a-{table}\"]"),
        Kind::Nations => "[\"eu\"]".to_owned(),
        Kind::ListOf(words) => format!("[\"{}\"]", words[0]),
        Kind::Targets => "[\"site.*\"]".to_owned(),
        Kind::Dependants => "[\"site.*\", \"service.chat\"]".to_owned(),
        Kind::Endpoint => "\"nation.latvia\"".to_owned(),
        Kind::RatiosOf(words) => format!("{{ {} = 0.9 }}", words[0]),
        Kind::RatiosBy(table, _) => format!("{{ a-{table} = 0.5 }}"),
        Kind::RatiosOfNations => "{ latvia = 0.6, estonia = 0.4 }".to_owned(),
        Kind::Munitions => "{ drone = 30 }".to_owned(),
        Kind::RatioByMunition => "{ drone = 0.8 }".to_owned(),
        Kind::Table(spec) => example_table(spec),
        Kind::Tables(spec) => format!("[{}]", example_table(spec)),
        Kind::Purchases => "[\"b200\", { name = \"h100\", cap = 800 }]".to_owned(),
        Kind::Objectives => "[\"unserved\", { name = \"carbon\", tolerance = \"1 %\" }, \"cost\"]".to_owned(),
        Kind::LinkStates => {
            "[{ name = \"normal\", stay = \"30 d\" }, { name = \"degraded\", bandwidth = \"30 %\", latency_factor = 2, stay = \"6 h\" }]"
                .to_owned()
        }
        Kind::Restoration => "[{ after = \"2 d\", restored = 0.5 }, { after = \"9 d\", restored = 1 }]".to_owned(),
        Kind::Factors(unit) if unit.name == "ratio" => "[[1024, 3.7], [4096, 1]]".to_owned(),
        Kind::Factors(_) => "[[\"0 d\", 3], [\"90 d\", 1]]".to_owned(),
        Kind::AppliesTo => "{ tiers = [\"T0\"] }".to_owned(),
        Kind::Settings => "{ \"site.*.fuel\" = \"12 h\" }".to_owned(),
        Kind::Shape(length) => format!("[{}]", vec!["1.0"; length].join(", ")),
        Kind::ByYear(unit, _) if unit.name == "ratio" => "[1.0, 1.5]".to_owned(),
        Kind::ByYear(unit, _) => format!("[\"{}\"]", unit.example),
    }
}

fn need(key: &Key) -> String {
    match key.need {
        Need::Required => "required".to_owned(),
        Need::Default("") if matches!(key.kind, Kind::Text) => "empty".to_owned(),
        Need::Default("") => "none".to_owned(),
        Need::Default(text) | Need::Computed(text) => text.to_owned(),
        Need::Optional => "-".to_owned(),
    }
}

fn heading(spec: &TableSpec) -> String {
    if spec.array { format!("[[{}]]", spec.name) } else { format!("[{}]", spec.name) }
}

/// The reference of the scenario format, as a page of Markdown.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Scenario reference\n\nEvery table and key. Written by the program from its own registry (`bastide explain TABLE.KEY` prints one row); \
         how values are written is in [formats.md](formats.md).\n",
    );
    for spec in TABLES {
        let need = if spec.required { " Required." } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## `{}`\n\n{}{need}\n\n", heading(spec), spec.doc);
        rows(&mut page, spec.keys);
        for (kind, keys) in spec.variants {
            let _ = write!(page, "\nWith `kind = \"{kind}\"` also:\n\n");
            rows(&mut page, keys);
        }
    }
    page
}

fn rows(page: &mut String, keys: &[Key]) {
    page.push_str("| key | value | without it | meaning |\n|---|---|---|---|\n");
    for key in keys {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", key.name, key.kind.words(), need(key), key.doc);
    }
}

/// Explains a table (`site`), a key (`site.connection`) or a kind's key (`hazard.wiper.spread`). `None` if there is no such thing.
#[must_use]
pub fn explain(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('.').collect();
    let spec = table(parts.first()?)?;
    let all =
        || spec.keys.iter().map(|key| ("", key)).chain(spec.variants.iter().flat_map(|(kind, keys)| keys.iter().map(|key| (*kind, key))));
    let mut text = String::new();
    match parts.as_slice() {
        [_] => {
            let _ = write!(text, "{}\n{}\n\n", heading(spec), spec.doc);
            let mut last = "";
            for (kind, key) in all() {
                if kind != last {
                    let _ = writeln!(text, "kind = \"{kind}\":");
                    last = kind;
                }
                let _ = writeln!(text, "  {:<24} {} [{}]", key.name, key.doc, need(key));
            }
        }
        [_, rest @ ..] => {
            let name = rest.last()?;
            let wanted = |kind: &str| rest.len() == 1 || kind == rest[0];
            let found: Vec<_> = all().filter(|(kind, key)| key.name == *name && wanted(kind)).collect();
            if found.is_empty() {
                return None;
            }
            for (kind, key) in found {
                let of = if kind.is_empty() { String::new() } else { format!(" (kind = \"{kind}\")") };
                let _ = write!(text, "{}.{}{of}\n{}\n\n  value      {}\n", spec.name, key.name, key.doc, key.kind.words());
                if let Kind::Quantity(_, range) | Kind::Ratio(range) | Kind::Count(range) | Kind::Profile(_, range) = key.kind {
                    let _ = writeln!(text, "  range      {}", range.words());
                }
                if let Kind::Quantity(unit, _) | Kind::Profile(unit, _) | Kind::Distribution(unit) = key.kind {
                    let units: Vec<&str> = unit.units.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
                    let _ = writeln!(text, "  units      {}", units.join(", "));
                }
                let _ = write!(text, "  without it {}\n  example    {} = {}\n", need(key), key.name, example(key));
            }
        }
        [] => return None,
    }
    Some(text)
}
