//! Which entries of a plan file a broken constraint is about, and which line of the scenario asks for it.

use bastide_model::diag::Diagnostic;
use bastide_model::model::{Alternative, Model};
use bastide_model::plan::{Plan, PlanPlaces};
use bastide_model::source::Span;
use bastide_units::format_significant;

use super::{Check, Checks, all};

/// Entries that a message points at, besides the first.
const SHOWN: usize = 3;
/// Relative tolerance for what a person wrote: the digits of a plan typed by hand.
const BY_HAND: f64 = 1e-4;

/// An entry of a plan file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `[[build]]`.
    Build(usize),
    /// `[[investment]]`.
    Investment(usize),
    /// `[[placement]]`.
    Placement(usize),
    /// `[[stand-by]]`.
    StandBy(usize),
    /// `[[campaign]]`.
    Campaign(usize),
    /// `[[replica]]`.
    Replica(usize),
    /// `[[unserved]]`.
    Unserved(usize),
    /// `annual_eur` of a `[[cost]]`.
    Annual(usize),
    /// `capital_eur` of a `[[cost]]`.
    Capital(usize),
    /// A key of the `[certificate]`.
    Certificate(&'static str),
}

/// A broken constraint in the file.
pub(crate) struct Mark {
    /// Position of the check.
    check: usize,
    code: &'static str,
    entries: Vec<Entry>,
    rule: Option<Span>,
    /// Whether it is off by no more than the digits of a person.
    slight: bool,
}

impl Checks {
    /// Says of the last check, if it failed, which entries it is about and where the scenario asks for it.
    pub(super) fn marked<E: IntoIterator<Item = Entry>>(
        &mut self,
        code: &'static str,
        rule: Option<&Span>,
        entries: impl FnOnce() -> E,
    ) -> &mut Self {
        if let Some(check) = self.0.last().filter(|check| !check.ok) {
            let slight = -check.slack <= BY_HAND * self.2.abs().max(1.0);
            let mark = Mark {
                check: self.0.len() - 1,
                code,
                entries: entries().into_iter().take(1 + SHOWN).collect(),
                rule: rule.cloned(),
                slight,
            };
            self.1.push(mark);
        }
        self
    }
}

/// How strictly a plan is checked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Everything is an error: the plan claims to answer the scenario.
    Everything,
    /// What a person wrote may leave wishes of `[plan]` open, and has rounded digits: those are warnings. Law, limits and arithmetic are not.
    ByHand,
}

/// Every constraint that a plan file breaks, each with the line of the file and the line of the scenario.
///
/// A plan without a certificate was written by a person; how strictly it is taken is the caller's to say.
#[must_use]
pub fn recheck(model: &Model, plan: &Plan, places: &PlanPlaces, alternative: Option<&Alternative>, strict: Strictness) -> Vec<Diagnostic> {
    let checks = all(model, plan, alternative);
    let mut found: Vec<Diagnostic> = Vec::new();
    let of_lines = checks.1.iter().filter(|mark| mark.code == "F0918").count() > 1;
    // A sum that is off because of a line says nothing more.
    let broken = checks.0.iter().enumerate().filter(|(_, check)| !(check.ok || of_lines && check.name == super::SUM_OF_COSTS));
    for (at, check) in broken {
        let mark = checks.1.iter().find(|mark| mark.check == at);
        let by_hand = strict == Strictness::ByHand;
        let code = mark.map_or("F0915", |mark| mark.code);
        if by_hand && mark.is_some_and(|mark| mark.slight && !["F0911", "F0905", "F0902"].contains(&code)) {
            continue;
        }
        let mut spans: Vec<Span> = mark.iter().flat_map(|mark| &mark.entries).map(|entry| place(places, *entry).clone()).collect();
        spans.dedup();
        if spans.is_empty() {
            // What is missing stands nowhere: the first entry of the plan has to do.
            spans.push(places.builds.iter().chain(&places.placements).next().unwrap_or(&places.file).clone());
        }
        let first = spans.remove(0);
        let wish = by_hand && ["F0914", "F0915", "F0916", "F0917"].contains(&code);
        let mut diagnostic =
            if wish { Diagnostic::warning(code, first, sentence(check)) } else { Diagnostic::error(code, first, sentence(check)) };
        for span in spans {
            diagnostic = diagnostic.label(span, "and this");
        }
        if let Some(rule) = mark.and_then(|mark| mark.rule.as_ref()).filter(|rule| rule.line > 0) {
            diagnostic = diagnostic.label(rule.clone(), "the scenario asks for it here");
        }
        found.push(diagnostic.hint(hint(code)));
    }
    found
}

fn sentence(check: &Check) -> String {
    let by = if check.slack.is_finite() { format!(" by {} {}", format_significant(-check.slack, 4), check.unit) } else { String::new() };
    format!("the plan breaks `{}`{by}", check.name)
}

const fn hint(code: &str) -> &'static str {
    match code.as_bytes() {
        b"F0918" => "costs follow from what is built and placed: leave `[[cost]]` and `[certificate]` out, or plan again",
        b"F0919" => "a certificate is the solver's: leave it out of a plan that was changed, or plan again",
        b"F0916" => "give stand-bys at other sites, and room for them, or change `survive_site_loss`",
        b"F0917" => "place more, or say `[[unserved]]`",
        _ => "change the plan, or the line of the scenario",
    }
}

fn place(places: &PlanPlaces, entry: Entry) -> &Span {
    match entry {
        Entry::Build(at) => places.of(&places.builds, at),
        Entry::Investment(at) => places.of(&places.investments, at),
        Entry::Placement(at) => places.of(&places.placements, at),
        Entry::StandBy(at) => places.of(&places.standbys, at),
        Entry::Campaign(at) => places.of(&places.campaigns, at),
        Entry::Replica(at) => places.of(&places.replicas, at),
        Entry::Unserved(at) => places.of(&places.unserved, at),
        Entry::Annual(at) => places.of(&places.annual_costs, at),
        Entry::Capital(at) => places.of(&places.capital_costs, at),
        Entry::Certificate(key) => places.certificate.iter().find(|(name, _)| *name == key).map_or(&places.file, |(_, span)| span),
    }
}
