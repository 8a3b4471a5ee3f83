//! `tune`: one key of a scenario over a range of values, under the same draws; where the best value lies, and how sure that is.

use std::sync::atomic::Ordering;

use bastide_cost_models::compute::training_time;
use bastide_engine::{Estimate, Pool};
use bastide_model::keys::{self, Kind};
use bastide_model::model::{CampaignId, Model};
use bastide_model::plan::Plan;
use bastide_sim::Options;
use bastide_sim::record::{Better, Layout, MetricDef};
use bastide_units::{Duration, format_significant};
use serde_json::json;

use super::fit::{Form, Optimum, optimum};
use crate::args::{Format, Global, TuneInput};
use crate::exit::Failure;
use crate::output::Output;
use crate::progress;

/// Values of a key, in the unit that the range is written in.
struct Range {
    /// As the scenario would have it: `2 min`; a bare number for counts and ratios.
    unit: &'static str,
    /// Base units in one of it.
    size: f64,
    values: Vec<f64>,
    /// Whether only whole numbers make sense.
    whole: bool,
}

impl Range {
    fn text(&self, value: f64) -> String {
        let number = if self.whole { format!("{value:.0}") } else { format_significant(value, 6) };
        if self.unit.is_empty() { number } else { format!("{number} {}", self.unit) }
    }
    /// As a value for `--set`.
    fn set(&self, value: f64) -> String {
        if self.unit.is_empty() { self.text(value) } else { format!("\"{}\"", self.text(value)) }
    }
}

/// What is measured.
struct Target {
    name: String,
    at: usize,
    unit: &'static str,
    highest: bool,
}

pub fn run(input: &TuneInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let model = super::load(&input.scenario, global, output)?;
    let range = range(input)?;
    let layout = Layout::new(&model);
    let target = target(&layout, input)?;
    let plan = match &input.plan {
        Some(file) => super::plan::recheck::read(&model, file, global, output)?,
        None => super::plan::search(&model, None, &bastide_plan::SolveOptions::default(), output)?,
    };
    let observed = observe(input, &plan.write(&model), &range, &target, global, output)?;
    let checkpoints = checkpoints(&model, &plan, &input.key);
    let losses = checkpoints.is_some() && ["goodput", "ettr", "training_goodput"].iter().any(|metric| target.name.ends_with(metric));
    let form = if losses { Form::Checkpoints } else { Form::Quadratic };
    let best = optimum(form, &range.values, &observed, target.highest);
    tell(input, &range, &target, &observed, best.as_ref(), checkpoints, global.seed.unwrap_or(model.header.seed), output)
}

/// The grid of values, evenly spaced in logarithms.
fn range(input: &TuneInput) -> Result<Range, Failure> {
    let parts: Vec<&str> = input.key.split('.').collect();
    let (Some(table), Some(name)) = (parts.first(), parts.last()) else { return Err(Failure::sentence("name a key")) };
    let spec = keys::table(table).filter(|_| parts.len() >= 2);
    let spec =
        spec.ok_or_else(|| Failure::hinted(format!("there is no key `{}`", input.key), "such as `campaign.NAME.checkpoint_interval`"))?;
    let all = spec.keys.iter().chain(spec.variants.iter().flat_map(|(_, keys)| *keys));
    let kind = all.into_iter().find(|key| key.name == *name).map(|key| key.kind);
    let (units, whole): (&'static [(&'static str, f64)], bool) = match kind {
        Some(Kind::Quantity(unit, _) | Kind::QuantityOr(unit, ..) | Kind::Distribution(unit) | Kind::Profile(unit, _)) => {
            (unit.units, false)
        }
        Some(Kind::Ratio(_)) => (&[("", 1.0)], false),
        Some(Kind::Count(_) | Kind::Integer) => (&[("", 1.0)], true),
        Some(_) => return Err(Failure::sentence(format!("`{}` is no number", input.key))),
        None => {
            let hint = format!("`bastide explain {table}` lists its keys");
            return Err(Failure::hinted(format!("`{table}` has no key `{name}`"), hint));
        }
    };
    let read = |text: &str| {
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E' | '_'))).unwrap_or(text.len());
        let (number, word) = (text[..end].replace('_', "").parse::<f64>().ok(), text[end..].trim());
        let unit = units.iter().find(|(unit, _)| *unit == word);
        number.filter(|number| number.is_finite() && *number > 0.0).zip(unit).ok_or_else(|| {
            let known: Vec<&str> = units.iter().map(|(unit, _)| *unit).filter(|unit| !unit.is_empty()).collect();
            let units = if known.is_empty() { "a bare number".to_owned() } else { format!("a number and one of {}", known.join(", ")) };
            Failure::hinted(format!("`{text}` is no end of a range of `{}`", input.key), format!("above zero, {units}"))
        })
    };
    let ((from, (unit, size)), (to, (_, other))) = (read(&input.from)?, read(&input.to)?);
    let to = to * other / size;
    if to.partial_cmp(&from) != Some(std::cmp::Ordering::Greater) {
        return Err(Failure::sentence(format!("`--to {}` is not above `--from {}`", input.to, input.from)));
    }
    let steps = f64::from(input.points - 1);
    let mut values: Vec<f64> = (0..input.points).map(|at| from * (to / from).powf(f64::from(at) / steps)).collect();
    if whole {
        values.iter_mut().for_each(|value| *value = value.round());
        values.dedup();
    } else {
        // What is written is what is simulated.
        values.iter_mut().for_each(|value| *value = format_significant(*value, 6).parse().unwrap_or(*value));
    }
    Ok(Range { unit, size: *size, values, whole })
}

/// The metric of `kind.entity.metric`, or of the system; by default what a campaign's or a service's key is there for.
fn target(layout: &Layout, input: &TuneInput) -> Result<Target, Failure> {
    let own = input.key.split('.').take(2).collect::<Vec<_>>().join(".");
    let default = match input.key.split('.').next() {
        Some("campaign") => format!("{own}.goodput"),
        Some("service") => format!("{own}.served_share"),
        _ => "served_share".to_owned(),
    };
    let name = input.maximise.as_ref().or(input.minimise.as_ref()).unwrap_or(&default);
    let matches = |def: &MetricDef| match name.split_once('.') {
        None => def.entity_kind == "system" && def.metric == name,
        Some((kind, rest)) => {
            def.entity_kind == kind && rest.rsplit_once('.').is_some_and(|(entity, metric)| def.entity == entity && def.metric == metric)
        }
    };
    let at = layout.metrics.iter().position(matches).ok_or_else(|| {
        Failure::hinted(
            format!("there is no metric `{name}`"),
            "`campaign.NAME.goodput`, `tier.T1.served_share`, or one of the system: `served_share`",
        )
    })?;
    let def = &layout.metrics[at];
    let highest = if input.maximise.is_some() { true } else { input.minimise.is_none() && def.better != Better::Lower };
    Ok(Target { name: name.clone(), at, unit: def.unit, highest })
}

/// The metric in every replication at every value: `[value][replication]`.
fn observe(
    input: &TuneInput,
    plan: &str,
    range: &Range,
    target: &Target,
    global: &Global,
    output: &Output,
) -> Result<Vec<Vec<f64>>, Failure> {
    let pool = Pool::new(super::threads(global));
    let stop = progress::stop_on_interrupt();
    let bar = progress::bar(output, u64::from(input.replications) * range.values.len() as u64);
    let mut observed = Vec::with_capacity(range.values.len());
    for value in &range.values {
        let mut global = global.clone();
        global.sets.push((input.key.clone(), range.set(*value)));
        let model = bastide_model::load(&input.scenario, &global.sets).map_err(Failure::Diagnostics)?.model;
        let plan = Plan::read(plan, "plan", &model).map_err(Failure::Diagnostics)?;
        let layout = Layout::new(&model);
        let realised = model.realised(&plan);
        let simulator = super::simulate::simulator(&realised, &plan, &layout)?;
        let seed = global.seed.unwrap_or(model.header.seed);
        let one = |replication| simulator.simulate(seed, replication, Options::default()).metrics[target.at];
        let values: Vec<f64> = pool.replicate(0..input.replications, &stop, &|_| bar.inc(1), one).into_iter().flatten().collect();
        if stop.load(Ordering::SeqCst) {
            bar.finish_and_clear();
            return Err(Failure::Interrupted("interrupted: nothing is kept".to_owned()));
        }
        observed.push(values);
    }
    bar.finish_and_clear();
    Ok(observed)
}

/// Young's and Daly's interval of a campaign whose checkpoint interval is tuned, as the plan places it.
fn checkpoints(model: &Model, plan: &Plan, key: &str) -> Option<(Duration, Duration)> {
    let name = key.strip_prefix("campaign.")?.strip_suffix(".checkpoint_interval")?;
    let id = CampaignId::from_index(model.campaigns.iter().position(|campaign| campaign.entity.name == name)?);
    let placed = plan.campaigns.iter().find(|placed| placed.campaign == id)?;
    let write = model.campaigns[id].checkpoints.time;
    let rate = model.interruption_rate(id, placed.accelerator, placed.site);
    (write > Duration::ZERO && rate.as_per_s() > 0.0)
        .then(|| (training_time::young_interval(write, rate), training_time::checkpoint_interval(write, rate)))
}

#[allow(clippy::too_many_arguments, reason = "all that is told")]
fn tell(
    input: &TuneInput,
    range: &Range,
    target: &Target,
    observed: &[Vec<f64>],
    best: Option<&Optimum>,
    checkpoints: Option<(Duration, Duration)>,
    seed: u64,
    output: &Output,
) -> Result<(), Failure> {
    let estimates: Vec<Option<Estimate>> = observed.iter().map(|values| Estimate::of(values)).collect();
    let in_unit = |duration: Duration| duration.as_s() / range.size;
    if output.format == Format::Json {
        let points: Vec<_> = range
            .values
            .iter()
            .zip(&estimates)
            .map(|(value, estimate)| json!({ "value": range.text(*value), "number": value, "estimate": estimate }))
            .collect();
        let best = best.map(|best| {
            json!({
                "number": best.value, "value": range.text(best.value), "low": best.low, "high": best.high, "estimate": best.metric,
                "form": best.form.name(), "at_edge": best.at_edge,
            })
        });
        let mut document = json!({
            "key": input.key, "unit": range.unit, "metric": target.name, "metric_unit": target.unit,
            "direction": if target.highest { "maximise" } else { "minimise" }, "replications": input.replications, "seed": seed,
            "points": points, "best": best,
        });
        if let Some((young, daly)) = checkpoints {
            document["young"] = json!(in_unit(young));
            document["daly"] = json!(in_unit(daly));
        }
        return output.json("tune/1", &document);
    }
    let unit = if target.unit == "1" { String::new() } else { format!(" [{}]", target.unit) };
    let mut table = vec![vec![input.key.clone(), format!("{}{unit}", target.name), "error".to_owned()]];
    for (value, estimate) in range.values.iter().zip(&estimates) {
        let cells = estimate.map_or_else(Default::default, |estimate| {
            let error = estimate.stderr.map_or_else(String::new, |error| format!("± {}", format_significant(error, 2)));
            (format_significant(estimate.mean, 6), error)
        });
        table.push(vec![range.text(*value), cells.0, cells.1]);
    }
    for line in super::aligned(&table) {
        output.line(&line)?;
    }
    match best {
        Some(best) if best.at_edge => output.line(&format!("best: {} or beyond; widen the range", range.text(best.value)))?,
        Some(best) => output.line(&format!(
            "best: {} (95 %: {} to {}), from {}",
            range.text(best.value),
            range.text(best.low),
            range.text(best.high),
            best.form.words()
        ))?,
        None => output.line("best: none; the metric is the same at all values, or there are too few")?,
    }
    if let Some((young, daly)) = checkpoints {
        let beside = best.map_or_else(String::new, |best| format!("; best / Daly {:.3}", best.value / in_unit(daly)));
        output.line(&format!("Young 1974: {}; Daly 2006: {}{beside}", range.text(in_unit(young)), range.text(in_unit(daly))))?;
    }
    Ok(())
}
