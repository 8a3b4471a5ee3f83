//! What else is asked about a plan: why something is not in it, what would change it, and how each of several objectives ended.

use bastide_model::model::{Alternative, Model, SiteId};
use bastide_model::plan::Plan;
use bastide_plan::{Choice, End, Input, Ranging, Reason, SolveOptions, Stage, WhyNot};
use bastide_units::Duration;
use serde_json::{Value, json};

use crate::args::Questions;
use crate::exit::Failure;

/// Time limits of one solve that all ranges together may take.
const RANGING: f64 = 10.0;

/// The answers.
pub struct Answers {
    why_not: Vec<WhyNot>,
    ranging: Option<Ranging>,
}

/// Asks what the command line asks.
pub fn ask(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    plan: &Plan,
    asked: &Questions,
) -> Result<Answers, Failure> {
    let mut why_not = Vec::new();
    for name in &asked.why_not {
        let choice = Choice::named(model, name).ok_or_else(|| unknown(model, name))?;
        let answer = bastide_plan::why_not(model, alternative, options, plan, choice)
            .map_err(|error| Failure::sentence(format!("planning with `{name}` failed: {error}")))?;
        why_not.push(answer);
    }
    let ranging = asked
        .ranging
        .then(|| {
            let time = Duration::from_s(options.time_limit.unwrap_or(model.planning.time_limit).as_s() * RANGING);
            bastide_plan::ranging(model, alternative, options, plan, &Input::all(model, plan), time)
        })
        .transpose()
        .map_err(|error| Failure::sentence(format!("ranging failed: {error}")))?;
    Ok(Answers { why_not, ranging })
}

fn unknown(model: &Model, name: &str) -> Failure {
    let names = model.sites.iter().map(|it| &it.entity).chain(model.accelerators.iter().map(|it| &it.entity));
    let known: Vec<&str> = names.chain(model.campaigns.iter().map(|it| &it.entity)).map(|entity| entity.name.as_str()).collect();
    Failure::hinted(format!("the scenario has no site, type or campaign `{name}`"), format!("it has: {}", known.join(", ")))
}

impl Answers {
    /// Adds them to the plan's document.
    pub fn add_to(&self, document: &mut Value, model: &Model) {
        if !self.why_not.is_empty() {
            document["why_not"] = self.why_not.iter().map(|it| why_not(model, it)).collect();
        }
        if let Some(ranging) = &self.ranging {
            document["ranging"] = ranging
                .ranges
                .iter()
                .map(|range| {
                    json!({
                        "input": range.input.name(model), "value": range.input.value(model, 1.0), "place": range.input.place(model).to_string(),
                        "low": end(model, range.input, &range.low), "high": end(model, range.input, &range.high), "sentence": range.sentence,
                    })
                })
                .collect();
            document["ranging_left_out"] = ranging.left_out.iter().map(|input| Value::from(input.name(model))).collect();
        }
    }

    /// The same for people.
    pub fn describe(&self, model: &Model) -> Vec<String> {
        let mut lines: Vec<String> =
            self.why_not.iter().map(|it| format!("  why not {}: {}", it.choice.name(model), it.sentence)).collect();
        if let Some(ranging) = &self.ranging {
            lines.extend(ranging.ranges.iter().map(|range| format!("  range: {}", range.sentence)));
            if !ranging.left_out.is_empty() {
                let names: Vec<String> = ranging.left_out.iter().map(|input| input.name(model)).collect();
                lines.push(format!("  not looked at, for lack of time: {}", names.join(", ")));
            }
        }
        lines
    }
}

fn why_not(model: &Model, it: &WhyNot) -> Value {
    let mut value = json!({ "name": it.choice.name(model), "sentence": it.sentence });
    match &it.reason {
        Reason::Chosen => value["status"] = "chosen".into(),
        Reason::Unknown(_) => value["status"] = "unknown".into(),
        Reason::Impossible(_, conflict) => {
            value["status"] = "impossible".into();
            if let Some(conflict) = conflict {
                value["conflict"] = super::groups(conflict).into();
            }
        }
        Reason::Dearer(forced) => {
            value["status"] = "dearer".into();
            value["extra_eur"] = forced.extra_eur.into();
            value["at_least_eur"] = finite(forced.at_least_eur);
            value["at_most_eur"] = finite(forced.at_most_eur);
            value["lines"] = forced
                .lines
                .iter()
                .map(|line| json!({ "line": line.line, "annual_eur": line.annual_eur, "capital_eur": line.capital_eur }))
                .collect();
            value["plan"] = super::document(model, &forced.plan);
        }
    }
    value
}

fn end(model: &Model, input: Input, end: &End) -> Value {
    let names = |sites: &[SiteId]| sites.iter().map(|id| model.sites[*id].entity.name.clone()).collect::<Vec<_>>();
    let change = end.changes.as_ref().map(|change| {
        json!({
            "factor": change.at, "value": input.value(model, change.at), "better_by_eur": change.better_by_eur,
            "opened": names(&change.opened), "left": names(&change.left),
        })
    });
    json!({
        "stays_factor": end.stays, "stays_value": input.value(model, end.stays), "tolerance": end.tolerance, "changes": change,
        "limited": end.limited,
    })
}

/// A number, or null where it is infinite.
fn finite(number: f64) -> Value {
    if number.is_finite() { number.into() } else { Value::Null }
}

/// How each of several objectives ended, as JSON.
pub fn stages(stages: &[Stage]) -> Value {
    let one = |it: &Stage| {
        json!({
            "objective": it.objective.name(), "unit": it.objective.unit(), "value": it.value, "bound": finite(it.bound),
            "tolerance": it.tolerance, "limited": it.limited,
        })
    };
    stages.iter().map(one).collect()
}

/// The same for people.
pub fn describe(stages: &[Stage]) -> Vec<String> {
    let number = |value: f64| bastide_units::format_significant(value, 6);
    let one = |it: &Stage| {
        let (name, unit) = (it.objective.name(), it.objective.unit());
        format!("  {name}: {} {unit}, none below {}", number(it.value), number(it.bound))
    };
    stages.iter().map(one).collect()
}
