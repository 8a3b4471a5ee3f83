//! `predict serve`: a replica at a load, or a fleet for a target.

use bastide_cost_models::compute::serving::load::{State, Targets};
use bastide_cost_models::compute::serving::sizing::{Demand, Fleet, size};
use bastide_cost_models::compute::serving::{Deployment, Layout, LengthLaw, Lengths, Speculation, parameters};
use bastide_cost_models::compute::{Grade, READABLE, Term};
use bastide_predict::replay::{Arrivals, Comparison, Policy, Remembered, ReplayError, settled};
use bastide_units::{Duration, Quantity, Rate, TokenRate, format_significant};
use serde_json::{Value, json};

use super::library::Ownership;
use super::replica::Replica;
use crate::args::{Format, Global, ServeInput};
use crate::cmd::aligned;
use crate::cmd::replay::poisson;
use crate::exit::Failure;
use crate::output::Output;

/// Time of one draft pass over that of a step of the model: a draft of a thirtieth of the size (our assumption; Leviathan,
/// Kalman and Matias 2023, table 1, use drafts from a hundredth to a tenth).
const DRAFT_COST: f64 = 0.03;

pub fn run(args: &ServeInput, explain: bool, global: &Global, output: &Output) -> Result<(), Failure> {
    let replica = args.replica.replica()?;
    let speculation = match args.acceptance {
        Some(acceptance) if !(0.0..=1.0).contains(&acceptance) => {
            return Err(Failure::sentence(format!("--acceptance is a probability from 0 to 1: {acceptance}")));
        }
        acceptance => acceptance.map(|acceptance| Speculation { tokens: args.drafted, acceptance, cost: DRAFT_COST }),
    };
    let lengths = Lengths { prompt: args.prompt, output: args.answer };
    let ownership = Ownership::of(replica.accelerator, replica.deployment.device, args.running.pue, args.running.energy_price()?);
    match &args.target {
        Some(text) => fleet(args, &target(text, lengths)?, &replica, speculation, ownership, global, output),
        None => load(args, &replica, lengths, speculation, ownership, explain, global, output),
    }
}

/// One value with its 90 % interval.
struct Answer {
    metric: &'static str,
    unit: &'static str,
    value: f64,
    low: f64,
    high: f64,
    terms: Vec<Term>,
}

/// Latencies and throughput of a state with their intervals.
fn answers(it: &Deployment<'_>, state: &State, lengths: Lengths, speculation: Option<Speculation>) -> (Vec<Answer>, Grade) {
    let (grade, scale) = it.evidence();
    let fitted = parameters();
    let devices = it.layout.devices();
    let time = |metric, value: f64, spread: bastide_cost_models::compute::Conformal, terms| {
        let (low, high) = spread.interval(value, scale);
        Answer { metric, unit: "ms", value: value * 1e3, low: low * 1e3, high: high * 1e3, terms }
    };
    let (low, high) = fitted.tpot.together.interval(1.0, scale);
    // Throughput falls as the time of a token grows.
    let rate = |metric, value: f64| Answer { metric, unit: "tokens/s", value, low: value / high, high: value / low, terms: Vec::new() };
    let list = vec![
        time("ttft", state.latency.ttft, fitted.ttft.together, it.ttft_terms(&state.latency)),
        time("tpot", state.latency.tpot, fitted.tpot.together, it.tpot_terms(&state.latency, lengths, speculation)),
        rate("output_tokens_per_s", state.output_tokens_per_s),
        rate("output_tokens_per_s_per_gpu", state.output_tokens_per_s / devices),
    ];
    (list, grade)
}

/// One replica at a load.
#[expect(clippy::too_many_arguments, reason = "what was asked, of what, at what price, printed how")]
fn load(
    args: &ServeInput,
    replica: &Replica,
    lengths: Lengths,
    speculation: Option<Speculation>,
    ownership: Ownership,
    explain: bool,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let it = &replica.deployment;
    let memory = it
        .memory()
        .map_err(|shortage| Failure::sentence(format!("the model does not fit: {:.1} GB too much on each", shortage.bytes / 1e9)))?;
    let rate = args.rate.or_else(|| args.load.map(|load| load * it.saturation(lengths, speculation)));
    let state = match (args.concurrency, rate) {
        (Some(concurrency), _) => it.state(concurrency, lengths, speculation),
        (None, Some(rate)) => it.at_rate(rate, lengths, speculation).ok_or_else(|| {
            let most = it.saturation(lengths, speculation);
            Failure::hinted(
                format!("the replica cannot serve so many requests: at most {} a second", format_significant(most, 4)),
                "size a fleet with --target",
            )
        })?,
        (None, None) => it.largest_load(lengths, speculation, READABLE).ok_or_else(|| {
            Failure::hinted(
                "one request at a time takes longer than 2 s to its first token or 50 ms for each further one",
                "give the load: --concurrency 8",
            )
        })?,
    };
    if it.room(lengths.prompt + lengths.output) < 1.0 {
        return Err(Failure::hinted(
            format!("a request of {} tokens does not fit the memory beside the weights", lengths.prompt + lengths.output),
            "cut the replica over more accelerators, or take a narrower --cache",
        ));
    }
    let chosen = args.concurrency.is_none() && rate.is_none();
    let checked = args.check.map(|requests| check(it, rate, lengths, speculation, requests)).transpose()?;
    let devices = it.layout.devices();
    let power = ownership.facility_power(state.activity) * devices;
    let energy = power.as_w() / state.output_tokens_per_s;
    let (answers, grade) = answers(it, &state, lengths, speculation);
    let waiting = state.latency.waiting;
    if output.format == Format::Json || global.output.is_some() {
        let rows: Vec<Value> = answers
            .iter()
            .map(|it| {
                let mut row =
                    json!({ "metric": it.metric, "unit": it.unit, "predicted": it.value, "low90": it.low, "high90": it.high, "grade": grade });
                if !it.terms.is_empty() {
                    row["terms"] = json!(it.terms);
                }
                row
            })
            .collect();
        let mut document = json!({
            "model": replica.model, "accelerator": replica.accelerator, "layout": it.layout, "weights": it.weights, "cache": it.cache,
            "prompt_tokens": lengths.prompt, "output_tokens": lengths.output, "state": state, "memory": memory,
            "power_mw": power.as_mw(), "energy_j_per_token": energy, "rows": rows,
        });
        if let Some((comparison, arrivals)) = &checked {
            document["check"] = poisson::document(comparison, arrivals);
        }
        super::keep(&document, "predict/1", global, output)?;
        if output.format == Format::Json {
            return output.json("predict/1", &document);
        }
    }
    let significant = |value: f64| format_significant(value, 4);
    let why = if chosen { ", the most within 2 s to 95 % of first tokens and 50 ms a token" } else { "" };
    output.line(&format!(
        "{} on {}: {}, prompts of {} and answers of {} tokens, {} requests at a time{why}",
        replica.model,
        replica.accelerator,
        words(&it.layout),
        lengths.prompt,
        lengths.output,
        significant(state.concurrency)
    ))?;
    let mut cells = vec![["90 % interval in brackets", "value", "", ""].map(str::to_owned).to_vec()];
    for it in &answers {
        let bounds = format!("({} to {})", format_significant(it.low, 3), format_significant(it.high, 3));
        cells.push(vec![it.metric.replace('_', " "), significant(it.value), bounds, it.unit.to_owned()]);
    }
    for line in aligned(&cells) {
        output.line(&line)?;
    }
    output.line(&format!("95 % of first tokens within {} ms; grade {grade}", significant(state.ttft_p95 * 1e3)))?;
    output.line(&format!(
        "memory of a device: weights {:.1} GB, keys and values {:.1} GB in {:.0} blocks of 16 tokens; the replica holds {:.0} requests of this length",
        memory.weights / 1e9,
        memory.cache / 1e9,
        memory.blocks,
        it.room(lengths.prompt + lengths.output / 2.0)
    ))?;
    if waiting > 0.5 {
        output.line(&format!(
            "{waiting:.0} of the requests wait until the memory of another is free: that is most of their time to the first token"
        ))?;
    }
    output.line(&format!(
        "power: {} kW at the facility (PUE {}, hosts and network included), {} J a token of an answer",
        significant(power.as_w() / 1e3),
        ownership.pue,
        significant(energy)
    ))?;
    if let Some((comparison, arrivals)) = &checked {
        output.line("")?;
        for line in poisson::lines(comparison, arrivals) {
            output.line(&line)?;
        }
    }
    if explain {
        for it in answers.iter().filter(|it| !it.terms.is_empty()) {
            output.line("")?;
            output.line(&format!("{}: {} ms", it.metric, significant(it.value)))?;
            for line in super::terms(&it.terms, it.value / 1e3) {
                output.line(&line)?;
            }
        }
    }
    Ok(())
}

/// The same service, request by request.
fn check(
    it: &Deployment<'_>,
    rate: Option<f64>,
    lengths: Lengths,
    speculation: Option<Speculation>,
    requests: usize,
) -> Result<(Comparison, Arrivals), Failure> {
    let Some(rate) = rate.filter(|_| speculation.is_none()) else {
        return Err(Failure::hinted("--check compares a rate of requests without speculation", "give --rate 5 or --load \"70 %\""));
    };
    let refused = |error: ReplayError| Failure::sentence(format!("--check: {error}"));
    let (deployment, policy) = settled(it, &Policy::default()).map_err(refused)?;
    let (prompt, output) = (LengthLaw::fixed(lengths.prompt), LengthLaw::fixed(lengths.output));
    let arrivals = Arrivals { rate, prompt, output, requests, seed: 1 };
    Comparison::of(&Remembered::new(deployment), &policy, &arrivals).map(|comparison| (comparison, arrivals)).map_err(refused)
}

fn words(it: &Layout) -> String {
    let mut words = format!("tensor {}", it.tensor);
    for (name, value) in [("pipeline", it.pipeline), ("expert", it.expert), ("attention data", it.data)] {
        if value > 1.0 {
            words += &format!(", {name} {value}");
        }
    }
    words
}

/// What a fleet must serve.
struct Target {
    demand: Demand,
    lengths: Lengths,
    targets: Targets,
}

/// Reads `users=20000,tokens=1024/256,ttft_p95=2 s,tpot=50 ms`.
fn target(text: &str, mut lengths: Lengths) -> Result<Target, Failure> {
    let example = "for example --target \"users=20000,think=30 s,tokens=1024/256,ttft_p95=2 s,tpot=50 ms\", or requests=50 / s, or tokens=2000000 tokens/s";
    let wrong = |what: String| Failure::hinted(what, example);
    let mut targets = READABLE;
    let (mut users, mut think, mut requests, mut tokens) = (None, 0.0, None, None);
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or_else(|| wrong(format!("`{pair}` is not KEY=VALUE")))?;
        let positive = |number: Option<f64>| {
            number.filter(|it| it.is_finite() && *it > 0.0).ok_or_else(|| wrong(format!("`{key}` of a target is above 0: {value}")))
        };
        // A bare number of seconds is read as such.
        let seconds = || value.parse().ok().or_else(|| Duration::parse(value).ok().map(Duration::as_s));
        match key {
            "users" => users = Some(positive(value.replace('_', "").parse().ok())?),
            "think" => {
                let pause = seconds().filter(|it: &f64| *it >= 0.0 && it.is_finite());
                think = pause.ok_or_else(|| wrong(format!("`think` is a time from 0: {value}")))?;
            }
            "requests" => {
                // `50`, `50/s`, `50 / s` and `3000 / min` are rates.
                let bare = value.trim_end_matches("/s").trim_end();
                requests = Some(positive(bare.parse().ok().or_else(|| Rate::parse(value).ok().map(Rate::as_per_s)))?);
            }
            "tokens" => match value.split_once('/').map(|(prompt, output)| (prompt.trim().parse(), output.trim().parse())) {
                Some((Ok(prompt), Ok(output))) => {
                    lengths = Lengths { prompt: positive(Some(prompt))?, output: positive(Some(output))? };
                }
                _ => match value.parse() {
                    Ok(output) => lengths.output = positive(Some(output))?,
                    // `2e9/d` is a rate of tokens.
                    Err(_) => {
                        let whole = value.split_once('/').map(|(number, time)| format!("{} tokens/{}", number.trim(), time.trim()));
                        let rate = TokenRate::parse(value).ok().or_else(|| TokenRate::parse(&whole?).ok());
                        tokens = Some(positive(rate.map(TokenRate::as_tokens_per_s))?);
                    }
                },
            },
            "prompt" => lengths.prompt = positive(value.parse().ok())?,
            "answer" => lengths.output = positive(value.parse().ok())?,
            "ttft_p95" | "ttft" => targets.ttft_p95 = positive(seconds())?,
            "tpot" | "tpot_p95" => targets.tpot = positive(seconds())?,
            _ => return Err(wrong(format!("`{key}` is not a part of a target"))),
        }
    }
    let demand = match (users, requests, tokens) {
        (Some(count), None, None) => Demand::Users { count, think },
        (None, Some(rate), None) => Demand::Requests(rate),
        (None, None, Some(rate)) => Demand::Requests(rate / lengths.output),
        (None, None, None) => return Err(wrong("a target has `users`, `requests` (a rate) or `tokens` (a rate)".to_owned())),
        _ => return Err(wrong("a target has one of `users`, `requests` and a rate of `tokens`, not several".to_owned())),
    };
    Ok(Target { demand, lengths, targets })
}

/// What a fleet takes.
struct Bill {
    power_mw: f64,
    capital_eur: Option<f64>,
    energy_eur_per_y: f64,
    yearly_eur: Option<f64>,
    eur_per_million_tokens: Option<f64>,
}

impl Bill {
    fn of(it: &Fleet, ownership: &Ownership) -> Self {
        let activity = it.state.activity;
        let year = Duration::from_y(1.0);
        let (energy, written_off) = ownership.cost(activity, year);
        let tokens = it.replicas * it.state.output_tokens_per_s * year.as_s();
        let yearly = written_off.map(|written_off| (written_off.as_eur() + energy.as_eur()) * it.devices);
        Self {
            power_mw: ownership.facility_power(activity).as_mw() * it.devices,
            capital_eur: ownership.bought.map(|(price, _)| price.as_eur() * it.devices),
            energy_eur_per_y: energy.as_eur() * it.devices,
            yearly_eur: yearly,
            eur_per_million_tokens: yearly.map(|yearly| yearly / tokens * 1e6),
        }
    }
}

/// Fleets for a target.
fn fleet(
    args: &ServeInput,
    target: &Target,
    replica: &Replica,
    speculation: Option<Speculation>,
    ownership: Ownership,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let mut fleets = size(&replica.deployment, target.lengths, speculation, target.targets, target.demand);
    if let Some(tensor) = args.replica.tensor {
        fleets.retain(|it| it.layout.tensor == f64::from(tensor));
    }
    let Some(best) = fleets.first() else {
        return Err(Failure::hinted(
            format!(
                "no layout of `{}` on {} keeps 95 % of first tokens within {} s and a token within {} ms",
                replica.model,
                replica.accelerator,
                target.targets.ttft_p95,
                target.targets.tpot * 1e3
            ),
            "bear longer times, take a narrower format with --weights, or another accelerator",
        ));
    };
    let bill = |it: &Fleet| Bill::of(it, &ownership);
    if output.format == Format::Json || global.output.is_some() {
        let entry = |it: &Fleet| {
            let bill = bill(it);
            json!({
                "layout": it.layout, "replicas": it.replicas, "gpus": it.devices, "power_mw": bill.power_mw, "capital_eur": bill.capital_eur,
                "energy_eur_per_y": bill.energy_eur_per_y, "yearly_eur": bill.yearly_eur,
                "eur_per_million_tokens": bill.eur_per_million_tokens, "utilisation": it.utilisation, "state": it.state,
            })
        };
        let mut document = entry(best);
        document["model"] = json!(replica.model);
        document["accelerator"] = json!(replica.accelerator);
        document["targets"] = json!({ "ttft_p95_s": target.targets.ttft_p95, "tpot_s": target.targets.tpot });
        document["choices"] = fleets.iter().map(entry).collect();
        let (answers, grade) = answers(&Deployment { layout: best.layout, ..replica.deployment }, &best.state, target.lengths, speculation);
        document["grade"] = json!(grade);
        document["rows"] = answers
            .iter()
            .map(|it| json!({ "metric": it.metric, "unit": it.unit, "predicted": it.value, "low90": it.low, "high90": it.high, "grade": grade }))
            .collect();
        super::keep(&document, "predict-fleet/1", global, output)?;
        if output.format == Format::Json {
            return output.json("predict-fleet/1", &document);
        }
    }
    let significant = |value: f64| format_significant(value, 4);
    let money = |value: Option<f64>| value.map_or_else(|| "no price in the library".to_owned(), |it| format!("{} EUR", significant(it)));
    let first = bill(best);
    output.line(&format!(
        "{} replicas of {} on {} {}: {} MW at the facility (PUE {})",
        best.replicas,
        replica.model,
        best.devices,
        replica.accelerator,
        significant(first.power_mw),
        ownership.pue
    ))?;
    output.line(&format!(
        "each {}: {:.1} requests at a time, 95 % of first tokens within {} ms, {} ms a token, {:.0} tokens/s; {:.1} % of the largest load",
        words(&best.layout),
        best.state.concurrency,
        significant(best.state.ttft_p95 * 1e3),
        significant(best.state.latency.tpot * 1e3),
        best.state.output_tokens_per_s,
        best.utilisation * 100.0
    ))?;
    output.line(&format!(
        "capital {} with hosts and network; {} a year written off and with energy, of which energy {} EUR; {} a million tokens",
        money(first.capital_eur),
        money(first.yearly_eur),
        significant(first.energy_eur_per_y),
        money(first.eur_per_million_tokens)
    ))?;
    output.line("")?;
    let mut cells =
        vec![["replica", "replicas", "accelerators", "MW", "first token p95 ms", "token ms", "EUR/M tokens"].map(str::to_owned).to_vec()];
    for it in &fleets {
        let bill = bill(it);
        cells.push(vec![
            words(&it.layout),
            it.replicas.to_string(),
            it.devices.to_string(),
            significant(bill.power_mw),
            significant(it.state.ttft_p95 * 1e3),
            significant(it.state.latency.tpot * 1e3),
            bill.eur_per_million_tokens.map_or_else(String::new, significant),
        ]);
    }
    for line in aligned(&cells) {
        output.line(&line)?;
    }
    let (answers, grade) = answers(&Deployment { layout: best.layout, ..replica.deployment }, &best.state, target.lengths, speculation);
    let sure: Vec<String> = answers
        .iter()
        .take(2)
        .map(|it| format!("{} {} to {} ms", it.metric, format_significant(it.low, 3), format_significant(it.high, 3)))
        .collect();
    output.line("")?;
    output.line(&format!("90 % intervals of the first: {}; grade {grade}", sure.join(", ")))?;
    output.say("no spare replicas: add what failures and maintenance take");
    Ok(())
}
