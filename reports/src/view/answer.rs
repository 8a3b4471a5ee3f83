//! The first screen: a sentence made from the numbers, and the numbers behind it.

use bastide_engine::Estimate;
use bastide_model::plan::SolveStatus;
use serde::Serialize;

use super::comparison::Line;
use super::{Facts, is_clear};
use crate::number::{self, Scale};

/// The answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Answer {
    /// One or two sentences.
    pub text: String,
    /// What qualifies it.
    pub more: Vec<String>,
    /// The numbers behind it.
    pub cards: Vec<Card>,
}

/// One number of the first screen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Card {
    /// What.
    pub label: String,
    /// Whose.
    pub alternative: String,
    /// Value.
    pub value: String,
    /// Its error.
    pub error: String,
    /// Unit of both.
    pub unit: String,
    /// The others: title, value.
    pub others: Vec<(String, String)>,
}

/// `0.8 ± 0.2 pp`, without sign.
fn size(scale: &Scale, difference: &Estimate) -> String {
    let text = scale.value(difference.mean.abs(), difference.stderr);
    format!("{text}{}{}", number::SPACE, scale.difference_unit())
}

fn with_unit(line: &Line, index: usize) -> String {
    line.estimate(index).map_or_else(|| "\u{2013}".to_string(), |x| line.scale().with_unit(x.mean, x.stderr))
}

pub(super) fn answer(facts: &Facts<'_>) -> Answer {
    let served = facts.comparison.line("system", "all", "served_share");
    let cost = facts.comparison.line("cost", "total", "cost");
    let trained = facts.comparison.line("system", "all", "training_progress");
    let Some(served) = served else { return Answer::default() };
    if facts.entities("service", "served_share").is_empty() {
        return of_training(facts, cost, trained).unwrap_or_default();
    }
    let order = served.ranking();
    let best = order[0];
    let name = |index: usize| facts.alternatives[index].title.as_str();
    let mut more = Vec::new();
    let text = match order.get(1).map(|second| (*second, served.difference(best, *second))) {
        Some((second, Some(difference))) if is_clear(&difference) => {
            let money = cost.map_or_else(String::new, |cost| format!(", {}", cost_words(facts, cost, best, second)));
            format!(
                "{} serves most: {} of all demand, {} more than {}{money}.",
                name(best),
                with_unit(served, best),
                size(&served.scale(), &difference),
                name(second)
            )
        }
        Some((second, difference)) => {
            // The cheaper one of those that serve alike comes first.
            let alike: Vec<usize> =
                order.iter().copied().filter(|x| *x == best || served.difference(*x, best).is_none_or(|d| !is_clear(&d))).collect();
            let cheap = cost.and_then(|cost| cost.ranking().into_iter().find(|x| alike.contains(x))).unwrap_or(best);
            let other = if cheap == best { second } else { best };
            let error = difference.map_or_else(String::new, |d| format!(" (difference {})", size(&served.scale(), &d)));
            let money = cost.map_or_else(String::new, |cost| match cost.difference(cheap, other) {
                Some(difference) if is_clear(&difference) => format!(" {} comes {}.", name(cheap), cost_words(facts, cost, cheap, other)),
                _ => format!(
                    " Nor do their costs differ beyond error: {} and {} over {}.",
                    with_unit(cost, best),
                    with_unit(cost, second),
                    facts.period()
                ),
            });
            format!(
                "{} and {} cannot be told apart by the demand they serve, {} and {}: no difference beyond error{error}.{money}",
                name(best),
                name(second),
                with_unit(served, best),
                with_unit(served, second)
            )
        }
        None => {
            let money = cost.map_or_else(String::new, |cost| format!(" at {} over {}", with_unit(cost, best), facts.period()));
            format!("{} serves {} of all demand{money}.", name(best), with_unit(served, best))
        }
    };
    if let Some(difference) = served.difference(best, 0).filter(|x| best != 0 && order.get(1) != Some(&0) && is_clear(x)) {
        let proven = facts.alternatives[0].plan.certificate.as_ref().is_some_and(|x| x.status != SolveStatus::Manual);
        let what = if proven { ", the plan of least cost before anything breaks," } else { "" };
        let mut sentence = format!("{}{what} serves {} less than {}", name(0), size(&served.scale(), &difference), name(best));
        if let Some((cost, difference)) = cost.and_then(|cost| cost.difference(0, best).map(|x| (cost, x)))
            && is_clear(&difference)
        {
            let word = if difference.mean > 0.0 { "more" } else { "less" };
            sentence += &format!(" and costs {} {word}", size(&Scale::of(&cost.unit, difference.mean), &difference));
        }
        more.push(sentence + ".");
    }
    if let Some(worst) = order.last().filter(|worst| order.len() > 2 && **worst != best)
        && let Some(difference) = served.difference(best, *worst).filter(is_clear)
    {
        more.push(format!("{} serves least: {} less than {}.", name(*worst), size(&served.scale(), &difference), name(best)));
    }
    if let Some(trained) = trained.filter(|_| order.len() > 1 && !facts.entities("campaign", "goodput").is_empty()) {
        let order = trained.ranking();
        let sentence = match trained.difference(order[0], order[1]) {
            Some(x) if is_clear(&x) => format!(
                "{} trains most: {} of the training wanted, {} more than {}.",
                name(order[0]),
                with_unit(trained, order[0]),
                size(&trained.scale(), &x),
                name(order[1])
            ),
            _ => format!("{} and {} train most, with no difference beyond error.", name(order[0]), name(order[1])),
        };
        more.push(sentence);
    }
    let cards = [Some(("Demand served", served)), cost.map(|x| ("Total cost", x)), trained.map(|x| ("Training done", x))];
    let cards = cards.into_iter().flatten().map(|(label, line)| card(facts, label, line, best)).collect();
    Answer { text, more, cards }
}

/// The answer where nothing asks for tokens: what becomes of the training.
fn of_training(facts: &Facts<'_>, cost: Option<&Line>, trained: Option<&Line>) -> Option<Answer> {
    let (goodput, trained) = (facts.comparison.line("system", "all", "training_goodput")?, trained?);
    let order = goodput.ranking();
    let (best, second) = (*order.first()?, order.get(1).copied());
    let name = |index: usize| facts.alternatives[index].title.as_str();
    let share = with_unit(goodput, best);
    let text = match second.map(|second| (second, goodput.difference(best, second).filter(is_clear))) {
        Some((second, Some(more))) => format!(
            "{} wastes least: {share} of the time of its gangs is useful work, {} more than with {}.",
            name(best),
            size(&goodput.scale(), &more),
            name(second)
        ),
        Some((second, None)) => format!("{} and {} turn as much of their time into useful work, {share}.", name(best), name(second)),
        None => format!("{} turns {share} of the time of its gangs into useful work.", name(best)),
    };
    let cards = [Some(("Training goodput", goodput)), Some(("Training done", trained)), cost.map(|cost| ("Total cost", cost))];
    let cards = cards.into_iter().flatten().map(|(label, line)| card(facts, label, line, best)).collect();
    Some(Answer { text, more: Vec::new(), cards })
}

/// `at 1.32 ± 0.01 bn EUR over 365 days, 29 ± 1 M EUR less`.
fn cost_words(facts: &Facts<'_>, cost: &Line, of: usize, than: usize) -> String {
    let total = format!("at {} over {}", with_unit(cost, of), facts.period());
    match cost.difference(of, than) {
        Some(difference) if is_clear(&difference) => {
            let word = if difference.mean > 0.0 { "more" } else { "less" };
            format!("{total}, {} {word}", size(&Scale::of(&cost.unit, difference.mean), &difference))
        }
        _ => format!("{total}, which is no different beyond error"),
    }
}

fn card(facts: &Facts<'_>, label: &str, line: &Line, best: usize) -> Card {
    let scale = line.scale();
    let text = line.estimate(best).map_or_else(|| "\u{2013}".to_string(), |x| scale.value(x.mean, x.stderr));
    let (value, error) =
        text.split_once('±').map_or((text.as_str(), String::new()), |(value, error)| (value.trim(), format!("± {}", error.trim())));
    let others = (0..facts.alternatives.len()).filter(|index| *index != best);
    Card {
        label: label.to_string(),
        alternative: facts.alternatives[best].title.clone(),
        value: value.to_string(),
        error,
        unit: scale.unit.clone(),
        others: others.map(|index| (facts.alternatives[index].title.clone(), with_unit(line, index))).collect(),
    }
}

/// What the planner should know before trusting the numbers.
pub(super) fn warnings(facts: &Facts<'_>) -> Vec<String> {
    let summary = &facts.study.summary;
    let mut warnings = summary.warnings.clone();
    if summary.replications < 30 {
        let noun = if summary.replications == 1 { "history" } else { "histories" };
        warnings.push(format!("Only {} {noun}: errors and quantiles are rough.", summary.replications));
    }
    for alternative in facts.alternatives {
        let title = &alternative.title;
        match &alternative.plan.certificate {
            Some(x) if x.status == SolveStatus::LimitWithIncumbent => warnings.push(format!(
                "The search for {title} stopped at its limit: the plan may cost up to {} % more than the best one.",
                number::significant(100.0 * x.gap, 2)
            )),
            _ => {}
        }
        if let Some(violations) = summary
            .estimates
            .iter()
            .find(|x| x.alternative == alternative.name && x.subject.metric == "residency_violations" && x.estimate.mean > 0.0)
        {
            warnings.push(format!("{title} breaks residency rules {} times a history.", number::significant(violations.estimate.mean, 3)));
        }
    }
    for law in summary.balance.iter().filter(|law| law.residual > 1e-6) {
        warnings.push(format!(
            "The law of conservation of {} is off by {} in some history.",
            law.law,
            number::significant(law.residual, 2)
        ));
    }
    let unverified = facts.study.assumptions.iter().filter(|x| x.verified != Some(true)).count();
    if unverified > 0 {
        let all = facts.study.assumptions.len();
        warnings.push(format!("{unverified} of {all} assumptions rest on a source that is absent or was not verified; see the list."));
    }
    warnings
}
