//! Every table and key of the scenario format, once: kind, need, range and words.
//!
//! The decoder takes defaults, ranges and suggestions from here; the JSON Schema, the reference page and `explain` are
//! written from here.

mod reference;
mod schema;
mod tables;

pub use crate::decode::DISTRIBUTIONS;
pub use reference::{example, explain, reference_markdown};
pub use schema::json_schema;
pub use tables::TABLES;
pub(crate) use tables::*;

use bastide_units::Quantity;

/// A quantity's words and units, as data.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// `power`.
    pub name: &'static str,
    /// `120 MW`.
    pub example: &'static str,
    /// Names and sizes in base units.
    pub units: &'static [(&'static str, f64)],
}

/// The words and units of a quantity.
#[must_use]
pub const fn unit<Q: Quantity>() -> Unit {
    Unit { name: Q::NAME, example: Q::EXAMPLE, units: Q::UNITS }
}

/// Which numbers make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All.
    Any,
    /// Above zero.
    Positive,
    /// Zero or more.
    NotNegative,
    /// From 0 to 1.
    Share,
    /// Above 0, up to 1.
    PositiveShare,
    /// From 0 to below 1.
    BelowOne,
    /// One or more.
    AtLeastOne,
}

impl Range {
    /// Whether a number lies in it. NaN, which stands for a value that was already refused, lies in every range.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        if value.is_nan() {
            return true;
        }
        match self {
            Self::Any => true,
            Self::Positive => value > 0.0,
            Self::NotNegative => value >= 0.0,
            Self::Share => (0.0..=1.0).contains(&value),
            Self::PositiveShare => value > 0.0 && value <= 1.0,
            Self::BelowOne => (0.0..1.0).contains(&value),
            Self::AtLeastOne => value >= 1.0,
        }
    }
    /// In words, after `must be`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Any => "any number",
            Self::Positive => "above zero",
            Self::NotNegative => "zero or more",
            Self::Share => "between 0 and 1",
            Self::PositiveShare => "above 0 and at most 1",
            Self::BelowOne => "at least 0 and below 1",
            Self::AtLeastOne => "one or more",
        }
    }
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `"120 MW"`.
    Quantity(Unit, Range),
    /// A quantity that is drawn.
    Distribution(Unit),
    /// A quantity, or one of these words.
    QuantityOr(Unit, Range, &'static [&'static str]),
    /// A quantity by hour.
    Profile(Unit, Range),
    /// `0.21` or `"21 %"`.
    Ratio(Range),
    /// A whole number that is not negative.
    Count(Range),
    /// A whole number.
    Integer,
    /// Degrees, a bare number between two ends.
    Degrees(f64),
    /// `true` or `false`.
    Boolean,
    /// A date.
    Date,
    /// Any text.
    Text,
    /// A text that is not empty.
    Word,
    /// Lower-case letters, digits and hyphens.
    Name,
    /// The name of an entry of a table.
    Reference(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts.
    Words,
    /// A list of names of a table.
    References(&'static str),
    /// A list of nations or groups.
    Nations,
    /// A list of these words.
    ListOf(&'static [&'static str]),
    /// Targets: `site.riga`, `line.*`.
    Targets,
    /// What needs a facility: `site.riga`, `service.*`.
    Dependants,
    /// `nation.poland` or `site.riga`.
    Endpoint,
    /// A table of these words = ratio.
    RatiosOf(&'static [&'static str]),
    /// A table of ratios by the names of a table.
    RatiosBy(&'static str, Range),
    /// A quantity, or a table of it by the names of a table.
    QuantityBy(Unit, Range, &'static str),
    /// A table of nation = ratio.
    RatiosOfNations,
    /// A list of names, or of `{ name = .., cap = .. }`.
    Purchases,
    /// An objective, or a list of them or of `{ name = .., tolerance = .. }`.
    Objectives,
    /// A whole number, a distribution of it, or either by munition.
    Munitions,
    /// A ratio, or ratios by munition.
    RatioByMunition,
    /// A table with rows of its own.
    Table(&'static TableSpec),
    /// A list of such tables.
    Tables(&'static TableSpec),
    /// The states of a duct.
    LinkStates,
    /// The restoration steps of a wiper.
    Restoration,
    /// Factors by a quantity: a list of pairs.
    Factors(Unit),
    /// `applies_to` of a rule.
    AppliesTo,
    /// Settings of a case: a table of path = value.
    Settings,
    /// A list of so many factors, zero or more.
    Shape(usize),
    /// A list of quantities, one for each year; the last holds on.
    ByYear(Unit, Range),
}

/// Whether a key must stand, and what holds if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Must stand.
    Required,
    /// This text holds, as if it were written.
    Default(&'static str),
    /// Something worked out holds; in words.
    Computed(&'static str),
    /// Nothing holds.
    Optional,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Name.
    pub name: &'static str,
    /// Form of its value.
    pub kind: Kind,
    /// Need.
    pub need: Need,
    /// One sentence.
    pub doc: &'static str,
}

/// One table.
#[derive(Clone, Copy, Debug)]
pub struct TableSpec {
    /// Name.
    pub name: &'static str,
    /// `[[name]]` rather than `[name]`.
    pub array: bool,
    /// Whether a scenario must have it.
    pub required: bool,
    /// One sentence.
    pub doc: &'static str,
    /// Keys that every entry may have.
    pub keys: &'static [Key],
    /// Further keys by `kind`.
    pub variants: &'static [(&'static str, &'static [Key])],
}

impl TableSpec {
    /// All keys, those of a kind included.
    pub fn keys_of(&self, kind: Option<&str>) -> impl Iterator<Item = &'static Key> + use<> {
        let variant = self.variants.iter().find(|(name, _)| Some(*name) == kind).map_or(&[][..], |(_, keys)| *keys);
        self.keys.iter().chain(variant)
    }
}

/// The table of a name.
#[must_use]
pub fn table(name: &str) -> Option<&'static TableSpec> {
    TABLES.iter().find(|table| table.name == name)
}

/// The nearest of some names to a word that is none of them, if one is near.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names of a hundred characters are nobody's slip of the pen; comparing them costs time.
    if word.chars().count() > 64 {
        return None;
    }
    let close = |name: &&str| {
        let distance = strsim::damerau_levenshtein(word, name);
        let least = word.chars().count().max(name.chars().count());
        (distance * 3 <= least).then_some(distance)
    };
    names.into_iter().filter_map(|name| close(&name).map(|distance| (distance, name))).min().map(|(_, name)| name)
}
