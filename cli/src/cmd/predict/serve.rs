//! `predict serve`: a replica at a load, or a fleet for a target.

use bastide_cost_models::compute::Grade;
use bastide_cost_models::compute::serving::load::{State, Targets};
use bastide_cost_models::compute::serving::sizing::{Demand, Fleet, size};
use bastide_cost_models::compute::serving::{Batch, Layout, Lengths, Memory, Speculation};
use bastide_units::{Duration, Quantity, Rate, TokenRate, format_significant};
use serde_json::{Value, json};

use super::library::Ownership;
use super::replica::Replica;
use crate::args::{Format, ServeInput};
use crate::cmd::aligned;
use crate::exit::Failure;
use crate::output::Output;

/// Time of one draft pass over that of a step of the model: a draft of a thirtieth of the size (our assumption; Leviathan,
/// Kalman and Matias 2023, table 1, use drafts from a hundredth to a tenth).
const DRAFT_COST: f64 = 0.03;
/// What a reader can bear where no target says otherwise: 95 % of first tokens within 2 s, 20 tokens a second.
const BEARABLE: Targets = Targets { ttft_p95: 2.0, tpot: 0.05 };

pub fn run(args: &ServeInput, explain: bool, output: &Output) -> Result<(), Failure> {
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
        Some(text) => fleet(args, &target(text, lengths)?, &replica, speculation, ownership, output),
        None => load(args, &replica, lengths, speculation, ownership, explain, output),
    }
}

/// One replica at a load.
fn load(
    args: &ServeInput,
    replica: &Replica,
    lengths: Lengths,
    speculation: Option<Speculation>,
    ownership: Ownership,
    explain: bool,
    output: &Output,
) -> Result<(), Failure> {
    let it = &replica.deployment;
    let memory = it.memory().map_err(|shortage| Failure::sentence(format!("the model does not fit: {:.1} GB too much on each", shortage.bytes / 1e9)))?;
    let state = match args.concurrency {
        Some(concurrency) => it.state(concurrency, lengths, speculation),
        None => it.largest_load(lengths, speculation, BEARABLE).ok_or_else(|| {
            Failure::hinted(
                "one request at a time takes longer than 2 s to its first token or 50 ms for each further one",
                "give the load: --concurrency 8",
            )
        })?,
    };
    let devices = it.layout.devices();
    let power = ownership.facility_power(state.activity) * devices;
    let energy = power.as_w() / state.output_tokens_per_s;
    let context = lengths.prompt + lengths.output / 2.0;
    let step = it.step(&Batch::decode(state.latency.decoding, context));
    let prompt = it.step(&Batch::prompts(1.0, lengths.prompt));
    let answers = [
        ("ttft", "ms", state.latency.ttft * 1e3),
        ("tpot", "ms", state.latency.tpot * 1e3),
        ("output_tokens_per_s", "tokens/s", state.output_tokens_per_s),
        ("output_tokens_per_s_per_gpu", "tokens/s", state.output_tokens_per_s / devices),
    ];
    let intervals = bastide_predict::serving_intervals();
    let range = |metric: &str, value: f64| match metric {
        "ttft" => (value * intervals.ttft.0, value * intervals.ttft.1),
        "tpot" => (value * intervals.tpot.0, value * intervals.tpot.1),
        // Throughput falls as the time of a token grows.
        _ => (value / intervals.tpot.1, value / intervals.tpot.0),
    };
    let grade = bastide_predict::serving_grade(it);
    if output.format == Format::Json {
        let mut rows: Vec<Value> = answers
            .iter()
            .map(|(metric, unit, value)| {
                let (low, high) = range(metric, *value);
                json!({ "metric": metric, "unit": unit, "predicted": value, "low90": low, "high90": high, "grade": grade })
            })
            .collect();
        if explain {
            rows[1]["terms"] = json!(step.terms());
            rows[0]["terms"] = json!(prompt.terms());
        }
        return output.json(
            "predict/1",
            &json!({
                "model": replica.model, "accelerator": replica.accelerator, "layout": it.layout, "weights": it.weights, "cache": it.cache,
                "prompt_tokens": lengths.prompt, "output_tokens": lengths.output, "state": state, "memory": memory,
                "power_mw": power.as_mw(), "energy_j_per_token": energy, "rows": rows,
            }),
        );
    }
    for line in load_lines(replica, lengths, &state, &memory, power.as_w(), energy, grade, &answers, range) {
        output.line(&line)?;
    }
    if explain {
        output.line("")?;
        output.line(&format!("a decoding step of {:.1} requests at {context:.0} tokens each: {} ms", state.latency.decoding, format_significant(step.total() * 1e3, 4)))?;
        for line in super::terms(&step.terms(), step.total()) {
            output.line(&line)?;
        }
        output.line("")?;
        output.line(&format!("the prefill of one prompt of {} tokens: {} ms", lengths.prompt, format_significant(prompt.total() * 1e3, 4)))?;
        for line in super::terms(&prompt.terms(), prompt.total()) {
            output.line(&line)?;
        }
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the parts of one printed answer")]
fn load_lines(
    replica: &Replica,
    lengths: Lengths,
    state: &State,
    memory: &Memory,
    power_w: f64,
    energy: f64,
    grade: Grade,
    answers: &[(&str, &str, f64)],
    range: impl Fn(&str, f64) -> (f64, f64),
) -> Vec<String> {
    let it = &replica.deployment;
    let significant = |value: f64| format_significant(value, 4);
    let mut lines = vec![format!(
        "{} on {}: {}, prompts of {} and answers of {} tokens, {:.1} requests at a time",
        replica.model,
        replica.accelerator,
        words(&it.layout),
        lengths.prompt,
        lengths.output,
        state.concurrency
    )];
    let mut cells = vec![["90 % interval in brackets", "value", "", ""].map(str::to_owned).to_vec()];
    for (metric, unit, value) in answers {
        let (low, high) = range(metric, *value);
        let bounds = format!("({} to {})", format_significant(low, 3), format_significant(high, 3));
        cells.push(vec![metric.replace('_', " "), significant(*value), bounds, (*unit).to_owned()]);
    }
    lines.extend(aligned(&cells));
    lines.push(format!("95 % of first tokens within {} ms; grade {grade}", significant(state.ttft_p95 * 1e3)));
    lines.push(format!(
        "memory of a device: weights {:.1} GB, keys and values {:.1} GB in {:.0} blocks of 16 tokens; the replica holds {:.0} requests of this length",
        memory.weights / 1e9,
        memory.cache / 1e9,
        memory.blocks,
        it.room(lengths.prompt + lengths.output / 2.0)
    ));
    lines.push(format!("power: {} kW at the facility, {} J a token of an answer", significant(power_w / 1e3), significant(energy)));
    lines
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
    let mut targets = BEARABLE;
    let (mut users, mut think, mut requests, mut tokens) = (None, 0.0, None, None);
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').map(|(key, value)| (key.trim(), value.trim())).ok_or_else(|| wrong(format!("`{pair}` is not KEY=VALUE")))?;
        let positive = |number: Option<f64>| {
            number.filter(|it| it.is_finite() && *it > 0.0).ok_or_else(|| wrong(format!("`{key}` of a target is above 0: {value}")))
        };
        // A bare number of seconds is read as such.
        let seconds = || value.parse().ok().or_else(|| Duration::parse(value).ok().map(Duration::as_s));
        match key {
            "users" => users = Some(positive(value.replace('_', "").parse().ok())?),
            "think" => think = seconds().filter(|it: &f64| *it >= 0.0 && it.is_finite()).ok_or_else(|| wrong(format!("`think` is a time from 0: {value}")))?,
            "requests" => requests = Some(positive(value.parse().ok().or_else(|| Rate::parse(value.trim_end_matches("/s")).ok().or_else(|| Rate::parse(value).ok()).map(Rate::as_per_s)).or_else(|| value.trim_end_matches("/s").trim().parse().ok()))?),
            "tokens" => match value.split_once('/').map(|(prompt, output)| (prompt.trim().parse(), output.trim().parse())) {
                Some((Ok(prompt), Ok(output))) => {
                    lengths = Lengths { prompt: positive(Some(prompt))?, output: positive(Some(output))? };
                }
                _ => match value.parse() {
                    Ok(output) => lengths.output = positive(Some(output))?,
                    Err(_) => tokens = Some(positive(TokenRate::parse(value).ok().map(TokenRate::as_tokens_per_s))?),
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
        _ => return Err(wrong("a target has one of `users`, `requests` (a rate) and `tokens` (a rate)".to_owned())),
    };
    Ok(Target { demand, lengths, targets })
}

/// Fleets for a target.
fn fleet(args: &ServeInput, target: &Target, replica: &Replica, speculation: Option<Speculation>, ownership: Ownership, output: &Output) -> Result<(), Failure> {
    let mut fleets = size(&replica.deployment, target.lengths, speculation, target.targets, target.demand);
    if let Some(tensor) = args.replica.tensor {
        fleets.retain(|it| it.layout.tensor == f64::from(tensor));
    }
    let Some(best) = fleets.first() else {
        return Err(Failure::hinted(
            format!(
                "no tensor parallelism of `{}` on {} keeps 95 % of first tokens within {} s and a token within {} ms",
                replica.model,
                replica.accelerator,
                target.targets.ttft_p95,
                target.targets.tpot * 1e3
            ),
            "bear longer times, take a narrower format with --weights, or another accelerator",
        ));
    };
    let of = |it: &Fleet| {
        let power = ownership.facility_power(it.state.activity) * it.devices;
        let year = Duration::from_y(1.0);
        let (energy, written_off) = ownership.cost(it.state.activity, year);
        let tokens_a_year = it.replicas * it.state.output_tokens_per_s * year.as_s();
        let capital = ownership.bought.map(|(price, _)| price.as_eur() * it.devices);
        let yearly = written_off.map(|written_off| (written_off.as_eur() + energy.as_eur()) * it.devices);
        (power.as_mw(), capital, energy.as_eur() * it.devices, yearly, yearly.map(|yearly| yearly / tokens_a_year * 1e6))
    };
    let (power, capital, energy, yearly, per_million) = of(best);
    if output.format == Format::Json {
        let entry = |it: &Fleet| {
            let (power, capital, energy, yearly, per_million) = of(it);
            json!({
                "layout": it.layout, "replicas": it.replicas, "gpus": it.devices, "power_mw": power, "capital_eur": capital,
                "energy_eur_per_y": energy, "yearly_eur": yearly, "eur_per_million_tokens": per_million,
                "utilisation": it.utilisation, "state": it.state,
            })
        };
        let mut document = entry(best);
        document["model"] = json!(replica.model);
        document["accelerator"] = json!(replica.accelerator);
        document["targets"] = json!({ "ttft_p95_s": target.targets.ttft_p95, "tpot_s": target.targets.tpot });
        document["choices"] = fleets.iter().map(entry).collect();
        return output.json("predict-fleet/1", &document);
    }
    let significant = |value: f64| format_significant(value, 4);
    let money = |value: Option<f64>| value.map_or_else(|| "no price in the library".to_owned(), |it| format!("{} EUR", significant(it)));
    output.line(&format!(
        "{} replicas of {} on {} {}: {} MW at the facility (PUE {})",
        best.replicas,
        replica.model,
        best.devices,
        replica.accelerator,
        significant(power),
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
        money(capital),
        money(yearly),
        significant(energy),
        money(per_million)
    ))?;
    output.line("")?;
    let mut cells = vec![["replica", "replicas", "accelerators", "MW", "first token p95 ms", "token ms", "EUR/M tokens"].map(str::to_owned).to_vec()];
    for it in &fleets {
        let (power, _, _, _, per_million) = of(it);
        cells.push(vec![
            words(&it.layout),
            it.replicas.to_string(),
            it.devices.to_string(),
            significant(power),
            significant(it.state.ttft_p95 * 1e3),
            significant(it.state.latency.tpot * 1e3),
            per_million.map_or_else(String::new, significant),
        ]);
    }
    for line in aligned(&cells) {
        output.line(&line)?;
    }
    output.say("no spare replicas: add what failures and maintenance take");
    Ok(())
}
