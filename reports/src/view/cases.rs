//! The scenario under other assumptions: tables, curves, break-even points, costs of avoided hours, and answers to its questions.

use std::collections::BTreeMap;

use bastide_sim::Better;
use bastide_sim::results::{BreakEven, CaseEstimate, CaseFacts, Crossing, MarginalCost, Spread, Standing, Study, Subject};
use serde::Serialize;

use super::charts::{Curve, curve_of, tier_words};
use super::{Cell, Facts, Figure, Key, Part, Table, metric_words, words};
use crate::ReportError;
use crate::chart::{self, Axes, Line};
use crate::number::{self, SPACE, Scale};

const SUMMARY: &str = "Source: summary.json of this study, under cases.";
const CURVES: &str = "Source: timeline.parquet of this study and of its cases.";
/// Most curves of one panel, and most panels of a group.
const MOST: usize = 6;
/// Most sentences on break-even points that answer a question, and that stand before the table of a group.
const SENTENCES: (usize, usize) = (12, 4);
/// Change of a served share, in some bin, without which curves of cases are one.
const MOVED: f64 = 0.005;
/// Standard errors beyond which a change is marked.
const CLEAR: f64 = 1.959_963_984_540_054;

/// The section.
#[derive(Clone, Debug, Serialize)]
pub struct Cases {
    /// Groups of cases.
    pub groups: Vec<Group>,
    /// What avoided hours cost.
    pub costs: Option<Table>,
}

/// Cases that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Heading.
    pub title: String,
    /// Who overtakes whom.
    pub text: Vec<String>,
    /// Metrics by case and alternative.
    pub table: Table,
    /// Metrics along the axis.
    pub figures: Vec<Figure>,
    /// Break-even points.
    pub break_even: Option<Table>,
    /// Colours of the curves of cases.
    pub keys: Vec<Key>,
    /// Curves of tiers over time, by case.
    pub curves: Vec<Figure>,
}

/// The section on cases; `None` for a study without.
pub(super) fn cases(facts: &Facts<'_>) -> Result<Option<Cases>, ReportError> {
    let summary = &facts.study.summary;
    let mut groups = Vec::new();
    for name in group_names(facts.study) {
        groups.push(group(facts, name, &of_group(facts.study, Some(name)))?);
    }
    let costs = (!summary.marginal_costs.is_empty()).then(|| costs(facts));
    Ok((!groups.is_empty()).then_some(Cases { groups, costs }))
}

/// A part for each question of the scenario, with the metrics that answer it.
pub(super) fn questions(facts: &Facts<'_>) -> Vec<Part> {
    let summary = &facts.study.summary;
    let mut parts = Vec::new();
    for question in &summary.questions {
        let group = question.group.as_deref().filter(|group| group_names(facts.study).contains(group));
        let cases = of_group(facts.study, group);
        let mut text = Vec::new();
        if let Some(group) = group {
            let wanted = |it: &&BreakEven| it.group == group && question.metrics.contains(&it.subject);
            text = sentences(facts, &summary.break_even.iter().filter(wanted).collect::<Vec<_>>(), SENTENCES.0);
        }
        let table = table(facts, "", &cases, &question.metrics);
        parts.push(Part { title: question.title.clone(), text, tables: vec![table] });
    }
    parts
}

/// Names of groups in the order of the scenario.
fn group_names(study: &Study) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for case in study.summary.cases.iter().skip(1) {
        if !names.contains(&case.group.as_str()) {
            names.push(&case.group);
        }
    }
    names
}

/// The cases of a group, ordered along its axis; the scenario itself first, unless a case of the group stands for it.
fn of_group<'a>(study: &'a Study, group: Option<&str>) -> Vec<&'a CaseFacts> {
    let all = &study.summary.cases;
    let mut cases: Vec<&CaseFacts> = all.iter().skip(1).filter(|case| Some(case.group.as_str()) == group).collect();
    cases.sort_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)));
    if cases.iter().all(|case| !case.changes.is_empty()) {
        cases.splice(0..0, all.first());
    }
    cases
}

fn group(facts: &Facts<'_>, name: &str, cases: &[&CaseFacts]) -> Result<Group, ReportError> {
    let summary = &facts.study.summary;
    let axis = cases.iter().find_map(|case| case.axis.clone());
    let crossings: Vec<&BreakEven> = summary.break_even.iter().filter(|it| it.group == name).collect();
    let figures = match &axis {
        Some(axis) => along(facts, axis, cases)?,
        None => Vec::new(),
    };
    let (keys, curves) = curves(facts, cases)?;
    Ok(Group {
        title: words::capital(name),
        text: sentences(facts, &crossings, SENTENCES.1),
        table: table(facts, name, cases, &summary.shown),
        figures,
        break_even: (!crossings.is_empty()).then(|| break_even(facts, &crossings)),
        keys,
        curves,
    })
}

fn better(facts: &Facts<'_>, subject: &Subject) -> Better {
    let known = facts.study.summary.metrics.iter().find(|it| it.entity_kind == subject.entity_kind && it.metric == subject.metric);
    known.map_or(Better::Neither, |it| it.better)
}

/// A metric with what it is about, without unit.
fn subject_words(facts: &Facts<'_>, subject: &Subject) -> String {
    let metric = metric_words(&subject.entity_kind, &subject.metric);
    match subject.entity_kind.as_str() {
        "system" => metric,
        "tier" => format!("{metric}, {}", subject.entity),
        "cost" if subject.entity == "total" => "Total cost".to_owned(),
        "cost" => format!("Cost: {}", subject.entity),
        kind => format!("{metric}, {}", facts.title(kind, &subject.entity)),
    }
}

fn unit_of(subject: &Subject) -> &str {
    // An index is not shown in percent.
    if subject.metric.starts_with("hhi") { "" } else { &subject.unit }
}

fn find<'a>(case: &'a CaseFacts, alternative: &str, subject: &Subject) -> Option<&'a CaseEstimate> {
    case.estimates.iter().find(|it| it.alternative == alternative && it.subject == *subject)
}

fn scale(cases: &[&CaseFacts], subject: &Subject) -> Scale {
    let all = cases.iter().flat_map(|case| &case.estimates).filter(|it| it.subject == *subject);
    Scale::of(unit_of(subject), all.map(|it| it.estimate.mean.abs()).fold(0.0, f64::max))
}

fn case_title(case: &CaseFacts) -> String {
    match (case.value, case.title == case.name) {
        (Some(value), true) if case.changes.is_empty() => format!("{} (as written)", number::significant(value, 4)),
        (Some(value), true) => number::significant(value, 4),
        (Some(value), false) => format!("{}: {}", number::significant(value, 4), case.title),
        (None, _) => words::capital(&case.title),
    }
}

/// Metrics by case and alternative, with the change from the scenario itself.
fn table(facts: &Facts<'_>, name: &str, cases: &[&CaseFacts], metrics: &[Subject]) -> Table {
    let one = cases.len() < 2;
    let axis = cases.iter().find_map(|case| case.axis.clone());
    let change = if one { "" } else { ", and the change from the scenario as written on the same draws" };
    let head = if name.is_empty() { String::new() } else { format!("{}: ", words::capital(name)) };
    let first = if one { "Metric".to_owned() } else { axis.map_or_else(|| "Case".to_owned(), |axis| words::capital(&axis)) };
    let mut table = facts.table(words::capital(&format!("{head}mean ± standard error{change}")), &first);
    for subject in metrics {
        let scale = scale(cases, subject);
        let words = subject_words(facts, subject);
        if !one {
            let unit = if scale.unit.is_empty() { String::new() } else { format!(" [{}]", scale.unit) };
            table.group(&format!("{words}{unit}"));
        }
        for case in cases {
            let mut head = Cell::from(if one { words.clone() } else { case_title(case) });
            if one {
                head.sub.clone_from(&scale.unit);
            }
            let mut cells = vec![head];
            cells.extend(
                facts.alternatives.iter().map(|it| find(case, &it.name, subject).map_or_else(|| "\u{2013}".into(), |it| cell(&scale, it))),
            );
            table.push(cells);
        }
    }
    if !one {
        let changes: Vec<String> = (cases.iter().filter(|case| !case.changes.is_empty()))
            .map(|case| {
                let all: Vec<String> = case.changes.iter().map(|change| format!("{} = {}", change.key, change.value)).collect();
                format!("{}: {}", case_title(case), all.join(", "))
            })
            .collect();
        let star = "* changes by more than 1.96 standard errors of the paired difference";
        table.note = if name.is_empty() { format!("{star}.") } else { format!("{star}. {}.", changes.join("; ")) };
    }
    table
}

fn is_sure(change: &Spread) -> bool {
    change.mean != 0.0 && change.stderr.is_some_and(|stderr| change.mean.abs() > CLEAR * stderr)
}

fn cell(scale: &Scale, found: &CaseEstimate) -> Cell {
    let sub = found.change.map_or_else(String::new, |change| {
        if change.mean == 0.0 && change.stderr.is_none_or(|stderr| stderr == 0.0) {
            "the same".to_owned()
        } else {
            let star = if is_sure(&change) { "*" } else { "" };
            format!("{} {}{star}", scale.signed(change.mean, change.stderr), scale.difference_unit())
        }
    });
    let mark = match found.standing {
        Some(Standing::Best) => "best",
        Some(Standing::Tied) => "tied",
        None => "",
    };
    Cell { text: scale.value(found.estimate.mean, found.estimate.stderr), sub, mark }
}

/// A panel for each metric: a line for each alternative along the axis, with 95 % intervals.
fn along(facts: &Facts<'_>, axis: &str, cases: &[&CaseFacts]) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    let ordered: Vec<(f64, &CaseFacts)> = cases.iter().filter_map(|case| Some((case.value?, *case))).collect();
    if ordered.len() < 2 {
        return Ok(figures);
    }
    for subject in &facts.study.summary.shown {
        let scale = scale(cases, subject);
        let mut lines = Vec::new();
        for (series, alternative) in facts.alternatives.iter().enumerate() {
            let points: Vec<_> = (ordered.iter())
                .filter_map(|(value, case)| {
                    let estimate = find(case, &alternative.name, subject)?.estimate;
                    let half = CLEAR * estimate.stderr.unwrap_or(0.0);
                    let at = |value: f64| scale.apply(value);
                    Some((*value, at(estimate.mean), at(estimate.mean - half), at(estimate.mean + half)))
                })
                .collect();
            lines.push(Line { series, points });
        }
        let ends = lines
            .iter()
            .flat_map(|line| &line.points)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it.2), high.max(it.3)));
        // What no case moves is told by the table.
        if ends.1 - ends.0 <= 1e-9 * ends.1.abs().max(ends.0.abs()) || figures.len() >= MOST {
            continue;
        }
        let title = match subject.entity_kind.as_str() {
            "tier" if subject.metric == "served_share" => tier_words(&subject.entity),
            _ => subject_words(facts, subject),
        };
        let margin = 0.06 * (ends.1 - ends.0);
        let low = if ends.0 >= 0.0 { (ends.0 - margin).max(0.0) } else { ends.0 - margin };
        let high = if scale.unit == "%" && ends.1 <= 100.0 + 1e-9 { (ends.1 + margin).min(101.0) } else { ends.1 + margin };
        let axes = Axes {
            title: title.clone(),
            description: format!("Mean by alternative along {axis}, with 95 % confidence intervals."),
            x: axis.to_owned(),
            y: scale.unit.clone(),
            range: (low, high),
            log: false,
        };
        let caption = format!("{}; mean with its 95 % confidence interval.", subject_words(facts, subject));
        figures.push(Figure { title, caption, svg: chart::points(&axes, &lines)?, table: None, source: SUMMARY.to_owned() });
    }
    Ok(figures)
}

/// Served share of each tier over time in each case, for the first alternative.
fn curves(facts: &Facts<'_>, cases: &[&CaseFacts]) -> Result<(Vec<Key>, Vec<Figure>), ReportError> {
    let study = facts.study;
    let reference = &facts.alternatives[0];
    let shown: Vec<&CaseFacts> = cases.iter().copied().take(MOST).collect();
    let mut channels: BTreeMap<&str, Vec<Curve>> = BTreeMap::new();
    for (series, case) in shown.iter().enumerate() {
        let own = case.folder.as_ref().map(|folder| Study::open(&study.folder.join(folder))).transpose()?;
        let timeline = own.as_ref().map_or(&study.timeline, |own| &own.timeline);
        for channel in study.timeline.iter().filter(|it| it.alternative == reference.name && it.subject.metric == "served_share") {
            let same = timeline.iter().find(|it| it.alternative == reference.name && it.subject == channel.subject);
            if let Some(same) = same.filter(|_| channel.subject.entity_kind == "tier") {
                let curve = (series, same.time_h.clone(), same.values.clone());
                channels.entry(&channel.subject.entity).or_default().push(curve);
            }
        }
    }
    let mut figures = Vec::new();
    for (tier, mut curves) in channels {
        let first: Vec<f64> = curves.first().map(|(.., values)| values.iter().map(|value| value.mean).collect()).unwrap_or_default();
        let moves = |values: &[Spread]| values.iter().zip(&first).any(|(value, first)| (value.mean - first).abs() > MOVED);
        if curves.iter().any(|(.., values)| moves(values)) {
            // More bands on each other cannot be told apart.
            let bands = curves.len() <= 3;
            if !bands {
                let values = curves.iter_mut().flat_map(|(.., values)| values);
                values.for_each(|value| (value.p05, value.p95) = (value.mean, value.mean));
            }
            let words = if bands { "; the bands hold 90 % of histories" } else { "" };
            let caption = format!("Demand served by {}: mean by case{words}", reference.title);
            let mut figure = curve_of(facts, &tier_words(tier), &caption, &curves)?;
            CURVES.clone_into(&mut figure.source);
            figures.push(figure);
        }
    }
    let keys = shown.iter().enumerate().map(|(colour, case)| Key { label: case_title(case), colour }).collect();
    Ok(if figures.is_empty() { (Vec::new(), figures) } else { (keys, figures) })
}

fn alternative<'a>(facts: &'a Facts<'_>, name: &'a str) -> &'a str {
    facts.alternatives.iter().find(|it| it.name == name).map_or(name, |it| it.title.as_str())
}

/// Who leads at a difference `alternative - against`.
fn leader<'a>(facts: &'a Facts<'_>, it: &'a BreakEven, difference: f64) -> &'a str {
    let ahead = match better(facts, &it.subject) {
        Better::Lower => difference < 0.0,
        _ => difference > 0.0,
    };
    alternative(facts, if ahead { &it.alternative } else { &it.against })
}

fn place(value: f64) -> String {
    number::significant(value, 3)
}

/// `11 to 18`, with the ends that lie beyond the cases said so.
fn interval(it: &BreakEven, crossing: &Crossing) -> String {
    let (first, last) = (it.values.first().copied().unwrap_or(0.0), it.values.last().copied().unwrap_or(0.0));
    let low = crossing.low.map_or_else(|| format!("below {}", place(first)), place);
    let high = crossing.high.map_or_else(|| format!("above {}", place(last)), place);
    format!("{low} to {high}")
}

/// The means on both sides of a crossing.
fn sides(it: &BreakEven, crossing: &Crossing) -> (f64, f64) {
    let mean = |found: Option<(&f64, &Spread)>| found.map_or(0.0, |(_, spread)| spread.mean);
    let told = || it.values.iter().zip(&it.differences).filter(|(_, spread)| spread.mean != 0.0);
    (mean(told().rfind(|(value, _)| **value <= crossing.value)), mean(told().find(|(value, _)| **value >= crossing.value)))
}

/// Whether each of the two is clearly ahead somewhere on its side.
fn is_told(it: &BreakEven, crossing: &Crossing) -> bool {
    let (before, after) = sides(it, crossing);
    let clear = |sign: f64, below: bool| {
        let mut found = it.values.iter().zip(&it.differences).filter(|(value, _)| (**value <= crossing.value) == below);
        found.any(|(_, spread)| spread.mean * sign > 0.0 && is_sure(spread))
    };
    clear(before, true) && clear(after, false)
}

fn axis_words(axis: &str) -> (String, String) {
    match axis.split_once('[') {
        Some((words, unit)) => (words.trim().to_owned(), format!("{SPACE}{}", unit.trim_end_matches(']').trim())),
        None => (axis.to_owned(), String::new()),
    }
}

/// The difference that is farthest from nought.
fn largest(it: &BreakEven) -> f64 {
    it.differences.iter().map(|it| it.mean).fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a })
}

/// Metrics, each once.
fn subjects<'a>(all: &[&'a BreakEven]) -> Vec<&'a Subject> {
    let mut found: Vec<&Subject> = Vec::new();
    for it in all {
        if !found.contains(&&it.subject) {
            found.push(&it.subject);
        }
    }
    found
}

/// Break-even points in words, shares served first; where there are none, who leads.
fn sentences(facts: &Facts<'_>, all: &[&BreakEven], most: usize) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut crossing: Vec<&&BreakEven> = all.iter().filter(|it| !it.crossings.is_empty()).collect();
    crossing.sort_by_key(|it| it.subject.metric != "served_share");
    for it in &crossing {
        for found in it.crossings.iter().filter(|found| is_told(it, found)) {
            let (before, after) = sides(it, found);
            let (axis, unit) = axis_words(&it.axis);
            told.push(format!(
                "{}: {} leads {} below {axis} = {}{unit} (95 % interval {}{unit}); above, it is the other way round.",
                subject_words(facts, &it.subject),
                leader(facts, it, before),
                leader(facts, it, after),
                place(found.value),
                interval(it, found),
            ));
        }
    }
    if told.len() > most {
        let more = told.len() - most;
        told.truncate(most);
        told.push(format!("{more} more in the table of break-even points."));
    }
    for subject in subjects(all) {
        let pairs: Vec<&&BreakEven> = all.iter().filter(|it| it.subject == *subject).collect();
        let still = pairs.iter().all(|it| it.crossings.is_empty() && it.differences.iter().any(is_sure));
        let wins = |name: &str| {
            let mut own = pairs.iter().filter(|it| it.alternative == name || it.against == name).peekable();
            own.peek().is_some() && own.all(|it| leader(facts, it, largest(it)) == alternative(facts, name))
        };
        let first = pairs.first().filter(|_| still && told.len() < most);
        if let Some((it, best)) = first.zip(facts.alternatives.iter().find(|it| wins(&it.name))) {
            let (axis, unit) = axis_words(&it.axis);
            let range =
                it.values.first().zip(it.values.last()).map_or_else(String::new, |(a, b)| format!("{} to {}{unit}", place(*a), place(*b)));
            told.push(format!(
                "{}: {} leads all along, with {axis} from {range}; there is no break-even point.",
                subject_words(facts, subject),
                best.title
            ));
        }
    }
    told
}

/// Each pair of alternatives in each metric.
fn break_even(facts: &Facts<'_>, all: &[&BreakEven]) -> Table {
    let (axis, unit) = axis_words(&all[0].axis);
    let unit = if unit.is_empty() { String::new() } else { format!(" [{}]", unit.trim_start_matches(SPACE)) };
    let point = format!("#Break-even at {axis}{unit}");
    let mut table = Table::new(
        "Break-even points: where two alternatives change places",
        &["Pair", &point, "#95 % interval", "Leads below", "Leads above"],
    );
    let mut last = None;
    for it in all {
        if last != Some(&it.subject) {
            table.group(&subject_words(facts, &it.subject));
            last = Some(&it.subject);
        }
        let pair = format!("{} and {}", alternative(facts, &it.alternative), alternative(facts, &it.against));
        for crossing in &it.crossings {
            let (before, after) = sides(it, crossing);
            let cells =
                [place(crossing.value), interval(it, crossing), leader(facts, it, before).to_owned(), leader(facts, it, after).to_owned()];
            table.push(std::iter::once(pair.clone()).chain(cells).map(Cell::from).collect());
        }
        if it.crossings.is_empty() {
            let clear = it.differences.iter().any(is_sure);
            let leads = if clear { leader(facts, it, largest(it)) } else { "not told apart" };
            table.push([pair.as_str(), "never", "", leads, leads].map(Cell::from).to_vec());
        }
    }
    table.note = String::from(
        "The paired difference of two alternatives is interpolated between the cases; the interval holds the places at which it is within 1.96 standard errors of nought (Fieller 1954).",
    );
    table
}

/// Cost over avoided hours.
fn costs(facts: &Facts<'_>) -> Table {
    let summary = &facts.study.summary;
    let head = ["Measure", "Tier", "#Cost", "#Avoided hours below 90 %", "#EUR per avoided hour"];
    let mut table = Table::new(format!("What an avoided hour costs, over {}: mean ± standard error", facts.period()), &head);
    let mut last: Option<(&Option<String>, bool)> = None;
    for it in &summary.marginal_costs {
        let key = (&it.case, it.against.is_some());
        if last != Some(key) {
            let case = it.case.as_ref().and_then(|name| summary.cases.iter().find(|case| case.name == *name));
            table.group(&case.map_or_else(|| "Another plan, in the scenario as written".to_owned(), |case| words::capital(&case.title)));
            last = Some(key);
        }
        let measure = match &it.against {
            Some(against) => format!("{} instead of {}", alternative(facts, &it.alternative), alternative(facts, against)),
            None => alternative(facts, &it.alternative).to_owned(),
        };
        let scale = Scale::of("EUR", it.cost.mean);
        let hours = number::plus_minus(it.hours.mean, it.hours.stderr);
        let cost = scale.with_unit(it.cost.mean, it.cost.stderr);
        table.push([measure, it.tier.clone(), cost, hours, ratio(it)].map(Cell::from).to_vec());
    }
    table.note = String::from(
        "Cost: what the case says, and the change of capital, upkeep and energy. Error of the ratio by the delta method on paired histories (Cochran 1977).",
    );
    table
}

fn ratio(it: &MarginalCost) -> String {
    match it.eur_per_hour {
        None => "no hours avoided beyond error".to_owned(),
        Some(ratio) if ratio <= 0.0 => "none: it costs no more".to_owned(),
        Some(ratio) => number::plus_minus(ratio, it.stderr),
    }
}
