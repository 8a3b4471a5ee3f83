//! Curves, bars and their tables.

use bastide_sim::results::{Channel, Spread};

use super::{Cell, Facts, Figure, Key, Table, metric_words, words};
use crate::ReportError;
use crate::chart::{self, Axes, Bar, Line};
use crate::number::{self, Scale};

const TIMELINE: &str = "Source: timeline.parquet of this study; bins hold time-weighted means.";
const ESTIMATES: &str = "Source: estimates.parquet of this study.";
/// Mean share of sites at work in one bin below which their curve is shown.
const TOGETHER: f64 = 0.7;
/// Rows of a table of a curve.
const ROWS: usize = 13;

/// Served share by tier.
pub(super) fn survival(facts: &Facts<'_>) -> Result<Vec<Figure>, ReportError> {
    let tiers: Vec<&str> = channel_entities(facts, "tier", "served_share");
    let mut figures =
        tiers.iter().map(|tier| curve(facts, "tier", tier, "served_share", &tier_words(tier))).collect::<Result<Vec<_>, _>>()?;
    // Sites that work, where they fall together: what services make of that stands above.
    let fall = |x: &&Channel| x.subject.metric == "sites_up_share" && x.values.iter().any(|value| value.mean < TOGETHER);
    if facts.study.timeline.iter().any(|x| fall(&x)) {
        figures.push(curve(facts, "system", "all", "sites_up_share", "Sites at work")?);
    }
    Ok(figures)
}

/// Training goodput.
pub(super) fn training(facts: &Facts<'_>) -> Result<Vec<Figure>, ReportError> {
    let some = !channel_entities(facts, "system", "training_goodput").is_empty() && !facts.entities("campaign", "goodput").is_empty();
    let words = "Training goodput: useful compute as a share of full speed";
    if some { Ok(vec![curve(facts, "system", "all", "training_goodput", words)?]) } else { Ok(Vec::new()) }
}

pub(super) fn tier_words(tier: &str) -> String {
    let words = match tier {
        "T0" => "defence and emergency",
        "T1" => "government, health, energy",
        "T2" => "finance and industry",
        _ => "everything else",
    };
    format!("{tier}: {words}")
}

fn channel_entities<'a>(facts: &Facts<'a>, kind: &str, metric: &str) -> Vec<&'a str> {
    let reference = &facts.study.summary.reference;
    let wanted = |x: &&Channel| x.alternative == *reference && x.subject.entity_kind == kind && x.subject.metric == metric;
    facts.study.timeline.iter().filter(wanted).map(|x| x.subject.entity.as_str()).collect()
}

/// A share over time for every alternative, in percent.
fn curve(facts: &Facts<'_>, kind: &str, entity: &str, metric: &str, title: &str) -> Result<Figure, ReportError> {
    let channels: Vec<Option<&Channel>> = facts.alternatives.iter().map(|x| facts.study.channel(&x.name, kind, entity, metric)).collect();
    let series: Vec<_> = (channels.iter().enumerate())
        .filter_map(|(series, channel)| channel.map(|channel| (series, channel.time_h.clone(), channel.values.clone())))
        .collect();
    let mut figure = curve_of(facts, title, "Mean; the band holds 90 % of histories", &series)?;
    let clock = Clock::of(facts);
    let mut table = facts.table(format!("{title}: mean ± standard error (5 % to 95 % quantile) [%]"), clock.head);
    table.note = "Every bin stands in timeline.parquet.".to_string();
    let scale = Scale::of("1", 1.0);
    let bins = channels.iter().flatten().map(|x| x.values.len()).min().unwrap_or(0);
    let step = bins.div_ceil(ROWS).max(1);
    for bin in (0..bins).step_by(step) {
        let mut cells = Vec::new();
        for channel in channels.iter().flatten() {
            if cells.is_empty() {
                cells.push(Cell::from(number::significant(channel.time_h[bin] / clock.hours, 4)));
            }
            let value = &channel.values[bin];
            let mut cell = Cell::from(scale.value(value.mean, value.stderr));
            cell.sub = format!("{} to {}", scale.value(value.p05, None), scale.value(value.p95, None));
            cells.push(cell);
        }
        table.push(cells);
    }
    figure.table = Some(table);
    Ok(figure)
}

/// A curve over time: its colour, times in hours, values.
pub(super) type Curve = (usize, Vec<f64>, Vec<Spread>);

/// How time is told: in days, or in hours where there are few.
struct Clock {
    hours: f64,
    head: &'static str,
    words: &'static str,
}

impl Clock {
    fn of(facts: &Facts<'_>) -> Self {
        if facts.study.summary.scenario.duration_h <= 96.0 {
            Self { hours: 1.0, head: "Hour", words: "hour of the study" }
        } else {
            Self { hours: 24.0, head: "Day", words: "day of the study" }
        }
    }
}

/// Shares over time, in percent, with bands from the 5 % to the 95 % quantile.
pub(super) fn curve_of(facts: &Facts<'_>, title: &str, caption: &str, series: &[Curve]) -> Result<Figure, ReportError> {
    let clock = Clock::of(facts);
    let mut lowest = 100.0_f64;
    let mut lines = Vec::new();
    for (series, time_h, values) in series {
        let points: Vec<_> = (time_h.iter().zip(values))
            .map(|(time, value)| (time / clock.hours, 100.0 * value.mean, 100.0 * value.p05, 100.0 * value.p95))
            .collect();
        lowest = points.iter().fold(lowest, |lowest, point| lowest.min(point.2).min(point.1));
        lines.push(Line { series: *series, points });
    }
    // Down to the next step of twenty, so that the panels of one page are few kinds.
    let from = if lowest >= 90.0 { 90.0 } else { (lowest / 20.0).floor() * 20.0 };
    let axes = Axes {
        title: title.to_string(),
        description: format!(
            "Mean over {} histories by alternative, with the band from the 5 % to the 95 % quantile.",
            facts.study.summary.replications
        ),
        x: clock.words.to_string(),
        y: "%".to_string(),
        // A little above, so that a line at the top is whole.
        range: (from.max(0.0), 101.0),
        log: false,
    };
    let floor = if from > 0.0 { format!(" The axis begins at {from} %.") } else { String::new() };
    let svg = chart::lines(&axes, &lines)?;
    Ok(Figure { title: title.to_string(), caption: format!("{caption}.{floor}"), svg, table: None, source: TIMELINE.to_string() })
}

/// Campaigns one by one.
pub(super) fn campaigns(facts: &Facts<'_>) -> Table {
    let mut table = facts.table("Training campaigns: mean ± standard error", "Campaign");
    for campaign in facts.entities("campaign", "goodput") {
        table.group(&facts.title("campaign", campaign));
        for metric in ["goodput", "progress", "done", "delay", "interruptions", "time_to_interruption", "accelerator_hours_lost"] {
            let scale = facts.scale("campaign", &[campaign], metric);
            let mut head = Cell::from(match metric {
                "done" => "Probability of completion".to_string(),
                "delay" => "Delay after the deadline".to_string(),
                _ => metric_words("campaign", metric),
            });
            head.sub = if metric == "interruptions" { "per history".to_string() } else { scale.unit.clone() };
            let mut cells = vec![head];
            cells.extend(facts.value_cells("campaign", campaign, metric, &scale));
            table.push(cells);
        }
        causes(facts, campaign, &mut table);
    }
    table
}

/// What interrupted a campaign, in some alternative at least: how often, and what it cost.
fn causes(facts: &Facts<'_>, campaign: &str, table: &mut Table) {
    let own = format!("{campaign}: ");
    for entity in facts.entities("interruption", "interruptions") {
        let Some(cause) = entity.strip_prefix(&own) else { continue };
        for (metric, what) in [("interruptions", "Stops:"), ("accelerator_hours_lost", "Hours lost:")] {
            let scale = facts.scale("interruption", &[entity], metric);
            let happens =
                (0..facts.alternatives.len()).any(|at| facts.estimate(at, "interruption", entity, metric).is_some_and(|it| it.mean > 0.0));
            if happens {
                let mut head = Cell::from(format!("{what} {}", cause.replace('-', " ")));
                head.sub = if metric == "interruptions" { "per history".to_string() } else { scale.unit.clone() };
                let mut cells = vec![head];
                cells.extend(facts.value_cells("interruption", entity, metric, &scale));
                table.push(cells);
            }
        }
    }
}

fn cost_lines<'a>(facts: &Facts<'a>) -> Vec<&'a str> {
    facts.entities("cost", "cost").into_iter().filter(|line| *line != "total").collect()
}

pub(super) fn cost_legend(facts: &Facts<'_>) -> Vec<Key> {
    cost_lines(facts).into_iter().enumerate().map(|(colour, line)| Key { label: words::capital(line), colour }).collect()
}

/// Cost by line: bars, and a table that sums.
pub(super) fn cost(facts: &Facts<'_>) -> Result<Vec<Figure>, ReportError> {
    let lines = cost_lines(facts);
    let scale = facts.scale("cost", &["total"], "cost");
    let bars = (facts.alternatives.iter().enumerate())
        .map(|(index, alternative)| {
            let mean = |line: &str| facts.estimate(index, "cost", line, "cost").map_or(0.0, |x| scale.apply(x.mean));
            let total = facts.estimate(index, "cost", "total", "cost");
            Bar {
                label: alternative.title.clone(),
                parts: lines.iter().enumerate().map(|(colour, line)| (colour, mean(line))).collect(),
                stderr: total.and_then(|x| x.stderr).map_or(0.0, |x| scale.apply(x)),
                value: total.map_or_else(String::new, |x| scale.value(x.mean, x.stderr)),
            }
        })
        .collect::<Vec<_>>();
    let axes = Axes {
        title: "Cost by line and alternative".to_string(),
        description: format!("Mean cost over {} by line, one bar for each alternative.", facts.period()),
        x: format!("{} over {}", scale.unit, facts.period()),
        y: String::new(),
        range: (0.0, 0.0),
        log: false,
    };
    let svg = chart::bars(&axes, &bars)?;
    // In one unit and to one place, so that the lines sum.
    let mut table = facts.table(format!("Cost over {} [M EUR]: means, and the total with its standard error", facts.period()), "Line");
    let row = |line: &str| {
        let mut cells = vec![Cell::from(words::capital(line))];
        cells.extend((0..facts.alternatives.len()).map(|index| {
            let estimate = facts.estimate(index, "cost", line, "cost");
            let mut cell = Cell::from(estimate.map_or_else(|| "\u{2013}".to_string(), |x| number::fixed(x.mean / 1e6, 1)));
            // To the place of the value; what rounds to nothing is left out.
            let error = estimate.and_then(|x| x.stderr).filter(|x| *x >= 5e4);
            cell.sub = error.map_or_else(String::new, |x| format!("± {}", number::fixed(x / 1e6, 1)));
            cell
        }));
        cells
    };
    for line in &lines {
        table.push(row(line));
    }
    table.total(row("total"));
    let caption =
        format!("Simulated cost over {}; capital as its annuity, lost tokens and delays at their value in the scenario.", facts.period());
    Ok(vec![Figure { title: axes.title, caption, svg, table: Some(table), source: ESTIMATES.to_string() }])
}

/// Carbon and water: a bar for each alternative.
pub(super) fn environment(facts: &Facts<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for metric in ["co2", "water"] {
        if facts.entities("system", metric).is_empty() {
            continue;
        }
        let scale = facts.scale("system", &["all"], metric);
        let title = metric_words("system", metric);
        let mut bars = Vec::new();
        for (index, alternative) in facts.alternatives.iter().enumerate() {
            let Some(x) = facts.estimate(index, "system", "all", metric) else { continue };
            bars.push(Bar {
                label: alternative.title.clone(),
                parts: vec![(index, scale.apply(x.mean))],
                stderr: x.stderr.map_or(0.0, |x| scale.apply(x)),
                value: scale.value(x.mean, x.stderr),
            });
        }
        let axes = Axes {
            title: title.clone(),
            description: format!("{title} over {}, one bar for each alternative.", facts.period()),
            x: format!("{} over {}", scale.unit, facts.period()),
            y: String::new(),
            range: (0.0, 0.0),
            log: false,
        };
        let mut table = facts.table(format!("{title} over {}: mean ± standard error", facts.period()), "Metric");
        let mut head = Cell::from(title.as_str());
        head.sub.clone_from(&scale.unit);
        let mut cells = vec![head];
        cells.extend(facts.value_cells("system", "all", metric, &scale));
        table.push(cells);
        let meaning = facts.study.summary.metrics.iter().find(|x| x.entity_kind == "system" && x.metric == metric);
        let caption = meaning.map_or_else(String::new, |x| format!("{}.", words::capital(&x.meaning)));
        figures.push(Figure { title, caption, svg: chart::bars(&axes, &bars)?, table: Some(table), source: ESTIMATES.to_string() });
    }
    Ok(figures)
}

/// Sovereignty and concentration.
pub(super) fn sovereignty(facts: &Facts<'_>) -> Table {
    let mut table = facts.table("Sovereignty and concentration: mean ± standard error", "Metric");
    for metric in ["effective_sovereignty", "hhi_site", "hhi_operator", "hhi_vendor", "residency_violations"] {
        if facts.entities("system", metric).is_empty() {
            continue;
        }
        // An index, not a share in percent.
        let scale = if metric.starts_with("hhi") { Scale::of("", 1.0) } else { facts.scale("system", &["all"], metric) };
        let mut head = Cell::from(metric_words("system", metric));
        head.sub = if metric.starts_with("hhi") { "0 to 1".to_string() } else { scale.unit.clone() };
        let mut cells = vec![head];
        cells.extend(facts.value_cells("system", "all", metric, &scale));
        table.push(cells);
    }
    table
}

/// LOLE and EUE by zone.
pub(super) fn grid(facts: &Facts<'_>) -> Table {
    let caption = format!("Effect on other users of the grid over {}: mean ± standard error", facts.period());
    let mut table = facts.table(caption, "Zone");
    let buses = facts.entities("bus", "shed_energy");
    for metric in ["shed_energy", "shed_hours", "price"] {
        let scale = facts.scale("bus", &buses, metric);
        let words = if metric == "price" { "Mean marginal price".to_string() } else { metric_words("bus", metric) };
        table.group(&format!("{words} [{}]", scale.unit));
        for bus in &buses {
            let mut cells = vec![Cell::from(facts.title("bus", bus))];
            cells.extend(facts.value_cells("bus", bus, metric, &scale));
            table.push(cells);
        }
    }
    table
}
