//! The planner's section: what is ordered, delivered, energised and retired, period by period; megawatts that wait; the value of knowing more;
//! the front; the rounds of the closed loop; what the planner says about its choices.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Cell, Facts, Figure, Key, Table, words};
use crate::ReportError;
use crate::chart::{self, Axes, Line};
use crate::number::{self, SPACE};
use crate::planning::{Document, Outlook, Period, Point, Price, Roadmap, Round, Uncertainty};

const SOURCE: &str = "Source: planning.json of this study.";
/// Most sentences of one list.
const SENTENCES: usize = 12;
/// Most columns of years.
const YEARS: usize = 12;
/// Largest number that a chart draws: axes of greater ones have no steps.
const DRAWN: f64 = 1e15;
/// A column of a period.
type Column = fn(&Period) -> Option<f64>;
/// Lines of megawatts: colour, words, column.
const POWER: [(usize, &str, Column); 4] = [
    (0, "Connection", |x| x.connection_mw),
    (2, "Facility", |x| x.facility_mw),
    (3, "IT", |x| x.it_mw),
    (1, "Without load", |x| x.stranded_mw),
];
/// Accelerators and megawatts below which nothing waits.
const SOME: f64 = 0.5;

/// The section.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Planning {
    /// Plans, the reference first.
    pub plans: Vec<Planned>,
    /// Plans side by side; absent for a single one.
    pub comparison: Option<Table>,
}

/// What is told of one plan.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Planned {
    /// Title.
    pub title: String,
    /// What holds it back, in sentences.
    pub text: Vec<String>,
    /// Lines of the accelerators.
    pub keys: Vec<Key>,
    /// Lines of the megawatts.
    pub power: Vec<Key>,
    /// Accelerators and megawatts.
    pub figures: Vec<Figure>,
    /// Front.
    pub front: Option<Figure>,
    /// Year by year, sites, uncertainty, rounds.
    pub tables: Vec<Table>,
    /// Why not, and what would change it.
    pub lists: Vec<(String, Vec<String>)>,
}

/// The section; `None` where the planner says nothing that the other sections do not say.
pub(super) fn planning(facts: &Facts<'_>) -> Result<Option<Planning>, ReportError> {
    let Some(found) = crate::planning::read(&facts.study.folder)? else { return Ok(None) };
    let mut section = Planning::default();
    let mut compared = Table::new(
        "Plans over time, side by side",
        &[
            "Plan",
            "#Bought",
            "#Most at work",
            "#Most that wait",
            "#Most MW without load",
            "#Capital, M EUR",
            "#Served, %",
            "#Cost, M EUR/y",
            "#Above the least, M EUR/y",
        ],
    );
    let costs = found.plans.iter().filter(|x| x.roadmap.is_some()).filter_map(|x| x.objective);
    let least = costs.filter(|cost| cost.is_finite()).fold(f64::INFINITY, f64::min);
    for document in &found.plans {
        let known = facts.alternatives.iter().find(|x| x.name == document.alternative);
        let title = known.map_or_else(|| document.alternative.clone(), |x| x.title.clone());
        if let Some(roadmap) = document.roadmap.as_ref().filter(|x| !x.periods.is_empty()) {
            let cost = document.objective.filter(|cost| cost.is_finite());
            let meur = |value: Option<f64>| Cell::from(value.map_or_else(|| "\u{2013}".to_string(), |eur| number::count(eur / 1e6)));
            let mut row = side_by_side(&title, roadmap);
            row.extend([meur(cost), meur(cost.map(|cost| cost - least))]);
            compared.push(row);
        }
        let planned = planned(facts, title, document)?;
        if !(planned.figures.is_empty() && planned.tables.is_empty() && planned.lists.is_empty() && planned.front.is_none()) {
            section.plans.push(planned);
        }
    }
    compared.note = "As planned: a plan that does not know of a limit, or does without one, may cost less than it does when the limit comes; what simulation makes of it stands under the alternatives compared.".to_string();
    section.comparison = (compared.rows.len() > 1).then_some(compared);
    Ok((!section.plans.is_empty()).then_some(section))
}

fn planned(facts: &Facts<'_>, title: String, document: &Document) -> Result<Planned, ReportError> {
    let mut it = Planned { title, ..Planned::default() };
    if let Some(roadmap) = document.roadmap.as_ref().filter(|x| !x.periods.is_empty()) {
        it.text = held_back(&roadmap.periods);
        it.keys = ["Ordered", "Delivered", "Energised", "Retired"]
            .into_iter()
            .enumerate()
            .map(|(colour, label)| Key { label: label.to_string(), colour })
            .collect();
        it.power = POWER.iter().map(|(colour, label, _)| Key { label: format!("{label}, MW"), colour: *colour }).collect();
        it.figures.extend(accelerators(roadmap)?);
        it.figures.extend(megawatts(roadmap)?);
        it.tables.push(years(roadmap));
        it.tables.extend(limits(facts, &document.prices));
        it.tables.extend(sites(facts, roadmap));
        it.tables.extend(steps(facts, roadmap));
    }
    it.tables.extend(document.uncertainty.as_ref().and_then(uncertainty));
    it.tables.extend(outlooks(&document.outlooks));
    it.tables.extend(rounds(&document.rounds));
    it.front = front(document)?;
    for (heading, said) in [("Why not elsewhere", &document.why_not), ("What would change the decision", &document.ranging)] {
        let sentences: Vec<String> = said.iter().filter(|x| !x.sentence.is_empty()).take(SENTENCES).map(|x| x.sentence.clone()).collect();
        if !sentences.is_empty() {
            it.lists.push((heading.to_string(), sentences));
        }
    }
    Ok(it)
}

/// `2026.25` of `2026-04-01T..`; the number of the period where there is no date.
fn year_of(period: &Period, index: usize) -> f64 {
    let number = |from: usize, to: usize| period.from.get(from..to).and_then(|text| text.parse::<f64>().ok());
    match (number(0, 4), number(5, 7), number(8, 10)) {
        (Some(year), Some(month), Some(day)) => year + (month - 1.0) / 12.0 + (day - 1.0) / 365.25,
        _ => index as f64,
    }
}

/// Calendar year of a date or period, as it is written.
fn calendar(text: &str) -> Option<&str> {
    text.get(0..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))
}

fn total(periods: &[Period], of: impl Fn(&Period) -> f64) -> f64 {
    periods.iter().map(of).filter(|value| value.is_finite()).sum::<f64>() + 0.0
}

/// The period in which something is greatest, and how much it is there.
fn peak(periods: &[Period], of: impl Fn(&Period) -> Option<f64>) -> Option<(&Period, f64)> {
    let known = periods.iter().filter_map(|period| of(period).filter(|value| value.is_finite()).map(|value| (period, value)));
    // The first of several.
    known.fold(None, |best, new| match best {
        Some((_, value)) if value >= new.1 => best,
        _ => Some(new),
    })
}

fn served(periods: &[Period]) -> Option<f64> {
    let demand = total(periods, |x| x.demand_tokens_per_s.unwrap_or(0.0));
    let served = periods.iter().map(|x| x.served_tokens_per_s).sum::<Option<f64>>()?;
    (demand > 0.0).then_some(served / demand)
}

fn side_by_side(title: &str, roadmap: &Roadmap) -> Vec<Cell> {
    let periods = &roadmap.periods;
    let most =
        |of: fn(&Period) -> Option<f64>| peak(periods, of).map_or_else(|| "\u{2013}".into(), |(_, value)| number::count(value).into());
    vec![
        title.into(),
        number::count(total(periods, |x| x.ordered)).into(),
        most(|x| x.standing),
        most(|x| x.waiting),
        most(|x| x.stranded_mw),
        number::count(total(periods, |x| x.capital_eur.unwrap_or(0.0)) / 1e6).into(),
        served(periods).map_or_else(|| "\u{2013}".into(), |share| number::fixed(100.0 * share, 1).into()),
    ]
}

/// What waits for what, in sentences.
fn held_back(periods: &[Period]) -> Vec<String> {
    let mut text = Vec::new();
    let count = |of: &dyn Fn(&Period) -> Option<f64>| periods.iter().filter(|x| of(x).is_some_and(|value| value >= SOME)).count();
    if let Some((at, most)) = peak(periods, |x| x.waiting).filter(|(_, most)| *most >= SOME) {
        text.push(format!(
            "Accelerators wait for power in {} of {} periods, at most {} of them ({}).",
            count(&|x| x.waiting),
            periods.len(),
            number::count(most),
            at.name
        ));
    } else if periods.iter().any(|x| x.waiting.is_some()) {
        text.push("No accelerator waits for power: what cannot be energised is not ordered.".to_string());
    }
    if let Some((at, most)) = peak(periods, |x| x.stranded_mw).filter(|(_, most)| *most >= SOME) {
        let connection = at.connection_mw.map_or_else(String::new, |mw| format!(" of {}", number::plain("MW", mw)));
        text.push(format!("At most {}{connection} of connection stand without load ({}).", number::plain("MW", most), at.name));
    }
    let short = |x: &Period| match (x.demand_tokens_per_s, x.served_tokens_per_s) {
        (Some(demand), Some(served)) if demand > 0.0 => Some(1.0 - served / demand),
        _ => None,
    };
    if let Some((at, most)) = peak(periods, short).filter(|(_, most)| *most >= 5e-4) {
        let first = periods.iter().find(|x| short(x).is_some_and(|share| share >= 5e-4)).map_or("", |x| x.name.as_str());
        text.push(format!(
            "Demand is left unserved from {first} on, most in {}: {}{SPACE}%.",
            at.name,
            number::significant(100.0 * most, 3)
        ));
    }
    text
}

/// Steps of a function that is known at the end of each period.
fn staircase(periods: &[Period], of: impl Fn(&Period) -> f64) -> Vec<(f64, f64, f64, f64)> {
    let mut points = Vec::with_capacity(2 * periods.len());
    for (index, period) in periods.iter().enumerate() {
        let value = of(period);
        let (from, until) = (year_of(period, index), periods.get(index + 1).map(|next| year_of(next, index + 1)));
        // The last period is as long as the one before.
        let until = until.unwrap_or_else(|| {
            let before = index.checked_sub(1).map_or(from - 1.0, |before| year_of(&periods[before], before));
            2.0 * from - before
        });
        points.extend([(from, value, value, value), (until, value, value, value)]);
    }
    points
}

fn running(periods: &[Period], of: impl Fn(&Period) -> f64) -> Vec<f64> {
    let mut sum = 0.0;
    periods
        .iter()
        .map(|period| {
            sum += of(period);
            sum
        })
        .collect()
}

/// Whether a chart can hold them.
fn drawable(lines: &[Line]) -> bool {
    let drawn = |value: f64| value.abs() <= DRAWN;
    lines.iter().flat_map(|line| &line.points).all(|point| drawn(point.0) && drawn(point.1))
}

fn top(lines: &[Line]) -> f64 {
    let highest = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    if highest > 0.0 { 1.05 * highest } else { 1.0 }
}

/// Accelerators ordered, delivered, energised and retired since the start.
fn accelerators(roadmap: &Roadmap) -> Result<Option<Figure>, ReportError> {
    let periods = &roadmap.periods;
    let sums: [Vec<f64>; 4] = [
        running(periods, |x| x.ordered),
        running(periods, |x| x.delivered),
        running(periods, |x| x.energised),
        running(periods, |x| x.retired),
    ];
    let most = sums.iter().flatten().copied().fold(0.0, f64::max);
    let (scale, unit) = if most >= 20_000.0 { (1e-3, "thousand accelerators") } else { (1.0, "accelerators") };
    let mut lines = Vec::new();
    for (series, sum) in sums.iter().enumerate() {
        let points = periods.iter().enumerate().map(|(index, period)| {
            let value = sum[index] * scale;
            // At its end, as the table has it.
            let end = periods.get(index + 1).map_or_else(
                || 2.0 * year_of(period, index) - index.checked_sub(1).map_or(year_of(period, index) - 1.0, |i| year_of(&periods[i], i)),
                |next| year_of(next, index + 1),
            );
            (end, value, value, value)
        });
        let start = year_of(&periods[0], 0);
        lines.push(Line { series, points: [(start, 0.0, 0.0, 0.0)].into_iter().chain(points).collect() });
    }
    if !drawable(&lines) {
        return Ok(None);
    }
    let axes = Axes {
        title: "Accelerators since the start".to_string(),
        description: "Accelerators ordered, delivered, energised and retired by the end of each period, summed since the start."
            .to_string(),
        x: "year".to_string(),
        y: unit.to_string(),
        range: (0.0, top(&lines)),
        log: false,
    };
    let mut table =
        Table::new("Accelerators by period", &["Period", "#Ordered", "#Delivered", "#Energised", "#Retired", "#Waiting", "#At work"]);
    for period in periods {
        let known = |value: Option<f64>| value.map_or_else(|| "\u{2013}".to_string(), number::count);
        table.push(vec![
            period.name.as_str().into(),
            number::count(period.ordered).into(),
            number::count(period.delivered).into(),
            number::count(period.energised).into(),
            number::count(period.retired).into(),
            known(period.waiting).into(),
            known(period.standing).into(),
        ]);
    }
    Ok(Some(Figure {
        title: axes.title.clone(),
        caption: "Summed since the start. What lies between ordered and delivered is under way; what lies between delivered and energised waits for halls or power.".to_string(),
        svg: chart::lines(&axes, &lines)?,
        table: Some(table),
        source: SOURCE.to_string(),
    }))
}

/// Connection against what it feeds.
fn megawatts(roadmap: &Roadmap) -> Result<Option<Figure>, ReportError> {
    let periods = &roadmap.periods;
    if periods.iter().all(|x| x.connection_mw.is_none() && x.facility_mw.is_none() && x.it_mw.is_none()) {
        return Ok(None);
    }
    let lines: Vec<Line> = (POWER.iter())
        .filter(|(_, _, of)| periods.iter().any(|x| of(x).is_some()))
        .map(|(series, _, of)| Line { series: *series, points: staircase(periods, |x| of(x).unwrap_or(0.0)) })
        .collect();
    if !drawable(&lines) {
        return Ok(None);
    }
    let axes = Axes {
        title: "Megawatts".to_string(),
        description: "Connection that can be used, facility and IT power at work, and connection without load, by period.".to_string(),
        x: "year".to_string(),
        y: "MW".to_string(),
        range: (0.0, top(&lines)),
        log: false,
    };
    let mut table = Table::new("Megawatts by period", &["Period", "#Connection", "#Facility", "#IT", "#Without load"]);
    for period in periods {
        let known = |value: Option<f64>| Cell::from(value.map_or_else(|| "\u{2013}".to_string(), |value| number::fixed(value, 1)));
        table.push(vec![
            period.name.as_str().into(),
            known(period.connection_mw),
            known(period.facility_mw),
            known(period.it_mw),
            known(period.stranded_mw),
        ]);
    }
    Ok(Some(Figure {
        title: axes.title.clone(),
        caption: "Connection that can be used, power of what is at work with and without cooling, and connection without load.".to_string(),
        svg: chart::lines(&axes, &lines)?,
        table: Some(table),
        source: SOURCE.to_string(),
    }))
}

/// Periods summed to years.
fn years(roadmap: &Roadmap) -> Table {
    let head = [
        "Year",
        "#Ordered",
        "#Delivered",
        "#Energised",
        "#Retired",
        "#At work",
        "#Connection, MW",
        "#IT, MW",
        "#Without load, MW",
        "#Capital, M EUR",
        "#Served, %",
    ];
    let mut table = Table::new("Year by year", &head);
    for year in roadmap.periods.chunk_by(|a, b| calendar(&a.from) == calendar(&b.from)) {
        // A chunk is never empty.
        let Some(last) = year.last() else { continue };
        let whole = |value: Option<f64>| Cell::from(value.map_or_else(|| "\u{2013}".to_string(), number::count));
        table.push(vec![
            calendar(&last.from).unwrap_or(&last.name).into(),
            number::count(total(year, |x| x.ordered)).into(),
            number::count(total(year, |x| x.delivered)).into(),
            number::count(total(year, |x| x.energised)).into(),
            number::count(total(year, |x| x.retired)).into(),
            whole(last.standing),
            whole(last.connection_mw),
            whole(last.it_mw),
            whole(last.stranded_mw),
            whole(year.iter().map(|x| x.capital_eur).sum::<Option<f64>>().map(|eur| eur / 1e6)),
            served(year).map_or_else(|| "\u{2013}".into(), |share| number::fixed(100.0 * share, 1).into()),
        ]);
    }
    table.note = "Flows are sums over the year; what is at work, connected and without load is as at its end.".to_string();
    table
}

/// Rows of the table of prices.
const LIMITS: usize = 24;

/// What one unit more of each limit saves, by year: when the grid binds, and when the accelerators do.
fn limits(facts: &Facts<'_>, prices: &[Price]) -> Option<Table> {
    let dated = |price: &'_ Price| -> Option<(String, String)> {
        // What is asked for is no limit of which there could be more.
        let (limit, year) = price.constraint.rsplit_once(" in ").filter(|(limit, _)| !limit.starts_with("least "))?;
        calendar(year).filter(|known| known.len() == year.len()).map(|year| (limit.to_string(), year.to_string()))
    };
    let mut columns: Vec<String> = prices.iter().filter_map(|price| Some(dated(price)?.1)).collect();
    columns.sort_unstable();
    columns.dedup();
    if columns.is_empty() || columns.len() > YEARS {
        return None;
    }
    let mut rows: Vec<(String, &str, Vec<f64>)> = Vec::new();
    for price in prices.iter().filter(|price| price.annual_eur.is_finite()) {
        let Some((limit, year)) = dated(price) else { continue };
        let column = columns.iter().position(|known| *known == year)?;
        let row = rows.iter().position(|row| row.0 == limit && row.1 == price.unit).unwrap_or_else(|| {
            rows.push((limit, &price.unit, vec![0.0; columns.len()]));
            rows.len() - 1
        });
        rows[row].2[column] += price.annual_eur;
    }
    let hidden = rows.len().saturating_sub(LIMITS);
    rows.truncate(LIMITS);
    let head: Vec<String> =
        ["Limit".to_string(), "One more".to_string()].into_iter().chain(columns.iter().map(|year| format!("#{year}"))).collect();
    let mut table = Table::new(
        "What one more would save, k EUR a year, by the year of the limit",
        &head.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    for (limit, unit, values) in rows {
        let unit = if unit.is_empty() { "one" } else { unit.trim_end_matches('s') };
        let mut cells = vec![words::capital(&super::plans::constraint_words(facts, &limit)).into(), unit.into()];
        cells.extend(values.into_iter().map(|eur| Cell::from(if eur > 0.0 { number::significant(eur / 1e3, 3) } else { String::new() })));
        table.push(cells);
    }
    table.note = "Savings of the yearly cost over the whole horizon, if the limit of that year alone were one higher. An empty cell: the limit does not bind then.".to_string();
    if hidden > 0 {
        table.note += &format!(" {hidden} more limits that are worth less are left out.");
    }
    Some(table)
}

/// Accelerators energised by site, type and year.
fn sites(facts: &Facts<'_>, roadmap: &Roadmap) -> Option<Table> {
    let dated = || roadmap.builds.iter().filter_map(|x| x.energised.as_deref().and_then(calendar).map(|year| (x, year)));
    let mut columns: Vec<&str> = dated().map(|(_, year)| year).collect();
    columns.sort_unstable();
    columns.dedup();
    if columns.is_empty() || columns.len() > YEARS {
        return None;
    }
    let head: Vec<String> = ["Site".to_string(), "Type".to_string()]
        .into_iter()
        .chain(columns.iter().map(|year| format!("#{year}")))
        .chain(["#All".to_string()])
        .collect();
    let mut table =
        Table::new("Accelerators by site and year in which they begin to work", &head.iter().map(String::as_str).collect::<Vec<_>>());
    let mut rows: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for (build, year) in dated() {
        let row = rows.entry((&build.site, &build.accelerator)).or_insert_with(|| vec![0.0; columns.len()]);
        let column = columns.iter().position(|x| *x == year)?;
        row[column] += build.count;
    }
    let cell = |value: f64| Cell::from(if value > 0.0 { number::count(value) } else { String::new() });
    let mut all = vec![0.0; columns.len()];
    for ((site, kind), row) in &rows {
        let mut cells = vec![facts.title("site", site).into(), facts.title("accelerator", kind).into()];
        cells.extend(row.iter().map(|value| cell(*value)));
        cells.push(cell(row.iter().sum()));
        table.push(cells);
        all.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    let mut cells = vec!["All".into(), "".into()];
    cells.extend(all.iter().map(|value| cell(*value)));
    cells.push(cell(all.iter().sum()));
    table.total(cells);
    Some(table)
}

/// Steps of connections.
fn steps(facts: &Facts<'_>, roadmap: &Roadmap) -> Option<Table> {
    let mut table = Table::new("Connection steps", &["Site", "Step", "#Number", "Decided", "Can be used"]);
    let day = |date: &Option<String>| Cell::from(date.as_deref().map_or("\u{2013}", |date| date.get(0..10).unwrap_or(date)));
    for step in roadmap.expansions.iter().filter(|x| x.steps >= SOME) {
        table.push(vec![
            facts.title("site", &step.site).into(),
            step.expansion.as_str().into(),
            number::count(step.steps).into(),
            day(&step.decided),
            day(&step.usable),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// What knowing more is worth.
fn uncertainty(found: &Uncertainty) -> Option<Table> {
    let unit = found.unit.as_deref().unwrap_or("EUR/y").replace("EUR", "M EUR");
    let mut table = Table::new("Value of knowing more", &["What", &format!("#{unit}"), "Meaning"]);
    let rows = [
        ("RP", found.rp, "expected cost of the plan that prepares for all outlooks"),
        ("WS", found.ws, "expected cost if the outlook were known before anything is decided"),
        ("EV", found.ev, "cost of the plan for the mean outlook, if the mean came"),
        ("EEV", found.eev, "expected cost of that plan over the outlooks as they are"),
        ("EVPI = RP \u{2212} WS", found.evpi, "most that knowing the outlook is worth"),
        ("VSS = EEV \u{2212} RP", found.vss, "what preparing for all outlooks saves over planning for their mean"),
    ];
    for (what, value, meaning) in rows {
        let Some(value) = value else { continue };
        table.push(vec![what.into(), number::fixed(value / 1e6, 2).into(), meaning.into()]);
    }
    if found.limited {
        table.note = "A time limit cut a search short: these are values of the plans found, not proven.".to_string();
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The plan in each outlook.
fn outlooks(found: &[Outlook]) -> Option<Table> {
    let mut table = Table::new("The plan in each outlook", &["Outlook", "#Probability, %", "#Left unserved"]);
    for outlook in found {
        let unserved: f64 = outlook.unserved.iter().map(|x| x.tokens_per_s).filter(|rate| rate.is_finite()).sum();
        table.push(vec![
            words::capital(&outlook.name).into(),
            number::significant(100.0 * outlook.probability, 3).into(),
            number::plain("tokens/s", unserved + 0.0).into(),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Rounds of planning and simulating.
fn rounds(found: &[Round]) -> Option<Table> {
    let head = ["#Round", "#Cost, M EUR/y", "Tier", "#Target, %", "#Planned, %", "#Simulated, %", "Cut off"];
    let mut table = Table::new("Plan, simulate, cut, again", &head);
    let share = |value: Option<f64>| Cell::from(value.map_or_else(|| "\u{2013}".to_string(), |x| number::significant(100.0 * x, 5)));
    for round in found {
        let cost = round.objective_eur.map_or_else(|| "\u{2013}".to_string(), |eur| number::fixed(eur / 1e6, 1));
        let none = crate::planning::Service::default();
        let lines: Vec<_> = if round.service.is_empty() { vec![&none] } else { round.service.iter().collect() };
        for (index, service) in lines.into_iter().enumerate() {
            let first = |text: &str| Cell::from(if index == 0 { text } else { "" });
            let simulated = service.simulated.map(|x| number::plus_minus(100.0 * x, service.stderr.map(|error| 100.0 * error)));
            table.push(vec![
                first(&round.round.to_string()),
                first(&cost),
                service.tier.as_str().into(),
                share(service.target),
                share(service.planned),
                Cell {
                    text: simulated.unwrap_or_else(|| "\u{2013}".to_string()),
                    sub: String::new(),
                    mark: if service.met == Some(true) { "best" } else { "" },
                },
                first(&words::list(&round.added, 4)),
            ]);
        }
    }
    table.note = "\u{25cf} marks a target that simulated service meets within its error.".to_string();
    (!table.rows.is_empty()).then_some(table)
}

/// The front of the first two objectives, and a table of all.
fn front(document: &Document) -> Result<Option<Figure>, ReportError> {
    let objectives = &document.objectives;
    let values = |point: &Point| objectives.iter().map(|x| point.value(&x.name)).collect::<Option<Vec<f64>>>();
    let mut points: Vec<(Vec<f64>, &Point)> =
        document.pareto.iter().filter_map(|point| values(point).map(|values| (values, point))).collect();
    if objectives.len() < 2 || points.is_empty() {
        return Ok(None);
    }
    points.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
    let scaled: Vec<(f64, String)> = (objectives.iter().enumerate())
        .map(|(at, objective)| {
            let most = points.iter().map(|x| x.0[at].abs()).fold(0.0, f64::max);
            match objective.unit.strip_prefix("EUR") {
                Some(rest) if most >= 1e5 => (1e-6, format!("M EUR{rest}")),
                _ => (1.0, objective.unit.clone()),
            }
        })
        .collect();
    let label = |at: usize| format!("{} [{}]", words::capital(&objectives[at].name), scaled[at].1);
    let at = |values: &[f64]| (values[0] * scaled[0].0, values[1] * scaled[1].0);
    let line = Line { series: 0, points: points.iter().map(|x| at(&x.0)).map(|(x, y)| (x, y, y, y)).collect() };
    if !drawable(std::slice::from_ref(&line)) {
        return Ok(None);
    }
    let (low, high) =
        line.points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.1), high.max(point.1)));
    let room = if high > low { 0.06 * (high - low) } else { 0.5 * high.abs().max(1.0) };
    let axes = Axes {
        title: format!("{} against {}", words::capital(&objectives[0].name), objectives[1].name),
        description: "Plans of which none is better than another in every objective.".to_string(),
        x: label(0),
        y: label(1),
        range: (low - room, high + room),
        log: false,
    };
    let head: Vec<String> = ["#Point".to_string()]
        .into_iter()
        .chain((0..objectives.len()).map(|at| format!("#{}", label(at))))
        .chain(["#Accelerators".to_string(), "#Gap, %".to_string(), "Proof".to_string()])
        .collect();
    let mut table = Table::new("Points of the front", &head.iter().map(String::as_str).collect::<Vec<_>>());
    for (index, (values, point)) in points.iter().enumerate() {
        let mut cells: Vec<Cell> = vec![(index + 1).to_string().into()];
        cells.extend(scaled.iter().zip(values).map(|((factor, _), value)| Cell::from(number::significant(value * factor, 5))));
        cells.push(point.number("accelerators").map_or_else(|| "\u{2013}".into(), |x| number::count(x).into()));
        cells.push(point.number("gap").map_or_else(|| "\u{2013}".into(), |gap| number::significant(100.0 * gap, 2).into()));
        cells.push(point.word("status").unwrap_or("\u{2013}").into());
        table.push(cells);
    }
    Ok(Some(Figure {
        title: axes.title.clone(),
        caption: "Every point is a plan; none is better than another in everything.".to_string(),
        svg: chart::points(&axes, &[line])?,
        table: Some(table),
        source: SOURCE.to_string(),
    }))
}
