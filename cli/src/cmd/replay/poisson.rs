//! `replay --poisson`: requests that arrive on their own, one by one and by the fluid law.

use bastide_cost_models::compute::serving::LengthLaw;
use bastide_predict::replay::{
    Arrivals, Comparison, Policy, Profiled, Remembered, ReplayError, StepModel, Trace, fluid, profile_of, settled,
};
use serde_json::{Value, json};

use crate::args::{Format, Global, ReplayInput};
use crate::cmd::{aligned, read_text};
use crate::exit::Failure;
use crate::output::Output;

/// What arrives.
struct Asked {
    rate: Option<f64>,
    load: Option<f64>,
    prompt: LengthLaw,
    output: LengthLaw,
    requests: usize,
    seed: u64,
}

/// Requests where nobody says how many.
const REQUESTS: usize = 20_000;
/// The seed where neither `seed=` nor `--seed` gives one.
const SEED: u64 = 1;

/// Reads `rate=5,input=1024,output=256,requests=20000`; `seed` is that of the requests unless the text has one.
fn asked(text: &str, seed: u64) -> Result<Asked, Failure> {
    let wrong = |what: String| {
        Failure::hinted(what, "for example --poisson rate=5,input=1024,output=256,output_cv=0.8,requests=20000, or load=70 %")
    };
    let mut it = Asked { rate: None, load: None, prompt: LengthLaw::fixed(1.0), output: LengthLaw::fixed(1.0), requests: REQUESTS, seed };
    let mut lengths = [1024.0, 256.0];
    let (mut variations, mut laws, mut file) = ([None, None], [None, None], None);
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| wrong(format!("`{pair}` is not KEY=VALUE")))?;
        let (key, value) = (key.trim(), value.trim());
        let number = |low: f64, high: f64| {
            let number: Option<f64> = value.parse().ok();
            number.filter(|it| (low..=high).contains(it)).ok_or_else(|| wrong(format!("`{key}` is a number from {low} to {high}: {value}")))
        };
        match key {
            "rate" => it.rate = Some(crate::args::rate(value).map_err(|must| wrong(format!("`rate`: {must}: {value}")))?),
            "load" => it.load = Some(crate::args::load(value).map_err(|must| wrong(format!("`load`: {must}: {value}")))?),
            "input" | "prompt" => lengths[0] = number(1.0, 1e7)?,
            "output" | "answer" => lengths[1] = number(1.0, 1e7)?,
            "input_cv" => variations[0] = Some(number(0.0, 10.0)?),
            "output_cv" => variations[1] = Some(number(0.0, 10.0)?),
            "input_law" => laws[0] = Some(value.to_owned()),
            "output_law" => laws[1] = Some(value.to_owned()),
            "lengths" => file = Some(value.to_owned()),
            "requests" => it.requests = number(100.0, 5e7)? as usize,
            "seed" => it.seed = value.parse().map_err(|_| wrong(format!("`seed` is a whole number: {value}")))?,
            _ => return Err(wrong(format!("`{key}` is not known"))),
        }
    }
    if it.rate.is_some() == it.load.is_some() {
        return Err(wrong("--poisson has one of `rate` and `load`".to_owned()));
    }
    let law = |side: usize| match (laws[side].as_deref(), variations[side]) {
        (None | Some("fixed"), None | Some(0.0)) => Ok(LengthLaw::fixed(lengths[side])),
        (None | Some("lognormal"), Some(variation)) => Ok(LengthLaw::lognormal(lengths[side], variation)),
        (Some("geometric"), None) => Ok(LengthLaw::geometric(lengths[side])),
        (Some("uniform"), None) => Ok(LengthLaw::uniform(1.0, 2.0 * lengths[side] - 1.0)),
        (Some(law), _) => Err(wrong(format!("no such law of lengths: `{law}`, with a coefficient of variation or without"))),
    };
    (it.prompt, it.output) = match file {
        None => (law(0)?, law(1)?),
        Some(file) => {
            let path = std::path::Path::new(&file);
            let trace = Trace::read(&read_text(path)?).map_err(|error| Failure::sentence(format!("{file}: {error}")))?;
            let of = |length: fn(&bastide_predict::replay::Request) -> u32| {
                LengthLaw::empirical(trace.requests.iter().map(|it| f64::from(length(it))))
            };
            let empty = || wrong(format!("{file}: the trace has no requests"));
            (of(|it| it.input).ok_or_else(empty)?, of(|it| it.output).ok_or_else(empty)?)
        }
    };
    Ok(it)
}

/// No request is longer than what the replica keeps: lengths are cut off at half of it each.
fn within(mut it: Asked, policy: &Policy) -> Asked {
    let kept = f64::from(policy.blocks.unwrap_or(u32::MAX / 2)) * f64::from(policy.block_size);
    let half = (kept / 2.0).floor().max(1.0);
    if it.prompt.quantile(1.0) + it.output.quantile(1.0) > kept {
        (it.prompt, it.output) = (it.prompt.at_most(half), it.output.at_most(half));
    }
    it
}

pub fn run(text: &str, args: &ReplayInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let service = match &args.service {
        Some(text) => super::requests::service(text)?,
        None => super::requests::Service::default(),
    };
    let replica = super::requests::replica(args, &service)?;
    let refused = |error: ReplayError| Failure::sentence(format!("--poisson: {error}"));
    let (deployment, policy) = settled(&replica.deployment, &super::requests::policy(&service, args)).map_err(refused)?;
    let model: Box<dyn StepModel> = match profile_of(&deployment).filter(|_| !args.datasheet) {
        Some(it) => Box::new(Profiled::new(&deployment, &it.parameters)),
        None => Box::new(Remembered::new(deployment)),
    };
    let it = within(asked(text, global.seed.unwrap_or(SEED))?, &policy);
    let rate = match (it.rate, it.load) {
        (None, Some(load)) => {
            let (law, apart) = fluid(model.as_ref(), &policy, &it.prompt, &it.output);
            load * law.saturation() * apart
        }
        (rate, _) => rate.unwrap_or_default(),
    };
    let arrivals = Arrivals { rate, prompt: it.prompt, output: it.output, requests: it.requests, seed: it.seed };
    let comparison = Comparison::of(model.as_ref(), &policy, &arrivals).map_err(refused)?;
    let document = document(&comparison, &arrivals);
    if let Some(path) = &global.output {
        std::fs::write(path, format!("{document:#}\n"))
            .map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
    }
    if output.format == Format::Json {
        return output.json("replay-poisson/1", &document);
    }
    output.line(&format!(
        "{} on {} {}, prompts of {} and answers of {} tokens on average",
        replica.model,
        replica.deployment.layout.devices(),
        replica.accelerator,
        bastide_units::format_significant(arrivals.prompt.mean(), 4),
        bastide_units::format_significant(arrivals.output.mean(), 4)
    ))?;
    for line in lines(&comparison, &arrivals) {
        output.line(&line)?;
    }
    Ok(())
}

/// Both, for other programs.
pub fn document(it: &Comparison, arrivals: &Arrivals) -> Value {
    let rows: Vec<Value> = it
        .rows(arrivals.output.mean())
        .into_iter()
        .map(|(metric, simulated, fluid)| {
            json!({ "metric": metric, "simulated": simulated.mean, "standard_error": simulated.error, "fluid": fluid,
                "difference": fluid.map(|fluid| if simulated.mean > 0.0 { fluid / simulated.mean - 1.0 } else { 0.0 }) })
        })
        .collect();
    json!({ "rate_per_s": arrivals.rate, "saturation_per_s": it.saturation, "load": arrivals.rate / it.saturation,
        "requests": it.simulated.requests, "prompt_tokens": arrivals.prompt.mean(), "output_tokens": arrivals.output.mean(),
        "rows": rows, "fluid": it.fluid, "simulated": it.simulated })
}

/// Both, for people.
pub fn lines(it: &Comparison, arrivals: &Arrivals) -> Vec<String> {
    let significant = |value: f64| bastide_units::format_significant(value, 4);
    let mut lines = vec![format!(
        "{} requests/s, {} of the largest rate of {} requests/s; means of {} requests after a warm-up of a fifth",
        significant(arrivals.rate),
        match arrivals.rate / it.saturation {
            load if load.is_finite() => format!("{:.1} %", load * 100.0),
            _ => "more than all".to_owned(),
        },
        significant(it.saturation),
        it.simulated.requests
    )];
    let head = ["one by one and by the fluid law", "simulated", "+-", "fluid", "difference"].map(str::to_owned).to_vec();
    let mut cells = vec![head];
    for (metric, simulated, fluid) in it.rows(arrivals.output.mean()) {
        let (name, scale) = match metric {
            "requests_per_s" => ("requests/s", 1.0),
            "latency" => ("latency, ms", 1e3),
            "ttft" => ("time to first token, ms", 1e3),
            "tpot" => ("time per output token, ms", 1e3),
            "latency_p95" => ("95 % of latencies within, ms", 1e3),
            _ => ("95 % of first tokens within, ms", 1e3),
        };
        let error = if simulated.error > 0.0 { bastide_units::format_significant(simulated.error * scale, 2) } else { String::new() };
        cells.push(vec![
            name.to_owned(),
            significant(simulated.mean * scale),
            error,
            fluid.map_or_else(String::new, |fluid| significant(fluid * scale)),
            fluid
                .filter(|_| simulated.mean > 0.0)
                .map_or_else(String::new, |fluid| format!("{:+.1} %", (fluid / simulated.mean - 1.0) * 100.0)),
        ]);
    }
    lines.extend(aligned(&cells));
    if it.fluid.is_none() {
        lines.push("above the largest rate there is no steady state: the queue grows for as long as requests come".to_owned());
    }
    lines
}
