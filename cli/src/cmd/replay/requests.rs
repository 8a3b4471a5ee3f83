//! A trace of requests, served one by one.

use std::fmt::Write as _;
use std::path::Path;

use bastide_predict::Table;
use bastide_predict::replay::{
    Outcome, Policy, Profiled, Remembered, ReplayError, Since, Statistics, StepModel, Trace, profile_of, replay, settled,
};
use serde_json::{Value, json};

use crate::args::{Format, Global, ReplayInput, ReplicaInput};
use crate::cmd::predict::replica::Replica;
use crate::cmd::{aligned, read_text};
use crate::exit::Failure;
use crate::output::Output;

/// The description of a service: its replica and the scheduler's settings.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Service {
    model: Option<String>,
    #[serde(alias = "gpu", alias = "device")]
    accelerator: Option<String>,
    #[serde(alias = "tp")]
    tensor: Option<u32>,
    #[serde(alias = "pp")]
    pipeline: Option<u32>,
    #[serde(alias = "ep")]
    expert: Option<u32>,
    #[serde(alias = "dp")]
    data: Option<u32>,
    #[serde(alias = "precision")]
    weights: Option<String>,
    experts: Option<String>,
    cache: Option<String>,
    engine: Option<String>,
    batching: Option<bastide_predict::replay::policy::Batching>,
    max_num_seqs: Option<u32>,
    max_num_batched_tokens: Option<u32>,
    longest_chunk: Option<u32>,
    block_size: Option<u32>,
    blocks: Option<u32>,
    prefix_caching: Option<bool>,
    schedule_ahead: Option<bool>,
    replicas: Option<u32>,
    lockstep: Option<bool>,
}

pub fn run(args: &ReplayInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let at = |message: String| Failure::sentence(format!("{}: {message}", args.trace.display()));
    let trace = Trace::read(&read_text(&args.trace)?).map_err(|error| at(error.to_string()))?;
    let service = match &args.service {
        Some(text) => service(text)?,
        None => from_table(&args.trace).unwrap_or_else(|| from_name(&args.trace)),
    };
    let replica = replica(args, &service)?;
    let refused = |error: ReplayError| at(error.to_string());
    let (deployment, policy) = settled(&replica.deployment, &policy(&service, args)).map_err(refused)?;
    let measured = profile_of(&deployment).filter(|_| !args.datasheet);
    let model: Box<dyn StepModel> = match measured {
        Some(it) => Box::new(Profiled::new(&deployment, &it.parameters)),
        None => Box::new(Remembered::new(deployment)),
    };
    let outcome = replay(&trace, model.as_ref(), &policy).map_err(refused)?;
    let steps = measured.map_or_else(
        || "kernel models and data sheet".to_owned(),
        |it| format!("profile of {} under {} ({})", it.device, it.engine, it.source),
    );

    if let Some(path) = &global.output {
        std::fs::write(path, rows(&trace, &outcome))
            .map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
        output.say(&format!("requests written to `{}`", path.display()));
    }
    // Measured times of engines count from their own queue; a user counts from the arrival.
    let since = if trace.measured.is_empty() { Since::Arrival } else { Since::Queue };
    let summary = outcome.summary(since);
    let compared = compare(&trace, &summary.ttft, &summary.tpot, &summary.latency);
    if output.format == Format::Json {
        let mut document = json!({
            "service": { "model": replica.model, "accelerator": replica.accelerator, "layout": replica.deployment.layout,
                "weights": replica.deployment.weights, "policy": policy, "step_times": steps },
            "since": since,
            "requests": summary,
        });
        if !compared.is_empty() {
            document["measured"] = Value::from(
                compared.iter().map(|it| json!({ "metric": it.metric, "statistic": it.statistic, "measured_s": it.measured, "predicted_s": it.predicted, "error": it.predicted / it.measured - 1.0 })).collect::<Vec<_>>(),
            );
        }
        return output.json("replay/1", &document);
    }
    let short = measured.map_or("kernel models and data sheet".to_owned(), |it| format!("profile of {} under {}", it.device, it.engine));
    for line in lines(&replica, &policy, &short, &summary, &compared) {
        output.line(&line)?;
    }
    Ok(())
}

/// The replica of the options, and of the service where these are silent.
pub(super) fn replica(args: &ReplayInput, service: &Service) -> Result<Replica, Failure> {
    let input = args.replica.clone().or(ReplicaInput {
        model: service.model.clone(),
        accelerator: service.accelerator.clone(),
        tensor: service.tensor,
        pipeline: service.pipeline,
        expert: service.expert,
        data: service.data,
        weights: service.weights.clone(),
        experts: service.experts.clone(),
        cache: service.cache.clone(),
        engine: service.engine.clone(),
    });
    input.replica()
}

/// A file, or `key=value,..`.
pub(super) fn service(text: &str) -> Result<Service, Failure> {
    let path = Path::new(text);
    let (source, origin) = if text.contains('=') {
        let mut source = String::new();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Failure::hinted(format!("`{pair}` is not KEY=VALUE"), "for example model=llama-3.1-8b,accelerator=h100,tensor=1")
            })?;
            let (key, value) = (key.trim(), value.trim());
            let plain = value.parse::<u32>().is_ok() || matches!(value, "true" | "false");
            // Writing to a string cannot fail.
            let _ = if plain { writeln!(source, "{key} = {value}") } else { writeln!(source, "{key} = {value:?}") };
        }
        (source, "--service".to_owned())
    } else {
        (read_text(path)?, path.display().to_string())
    };
    toml::from_str(&source).map_err(|error| {
        let line = error.span().map_or(1, |span| source[..span.start.min(source.len())].matches('\n').count() + 1);
        let place = if text.contains('=') { origin } else { format!("{origin}:{line}") };
        Failure::sentence(format!("{place}: {}", error.message()))
    })
}

/// What a table of request statistics beside the trace, or one folder above, says of how the trace was measured.
fn from_table(trace: &Path) -> Option<Service> {
    let name = trace.file_name()?.to_str()?;
    let folder = trace.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let above = folder.join("..");
    for folder in [folder, &above] {
        let mut files: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().map(|it| it.path()).collect();
        files.retain(|it| it.extension().is_some_and(|it| it == "csv") && it.file_name() != trace.file_name());
        files.sort();
        for file in files {
            // Tables of statistics are small; anything else is not read to the end.
            let small = std::fs::metadata(&file).is_ok_and(|it| it.len() < 1 << 20);
            let Some(table) = small.then(|| std::fs::read_to_string(&file).ok()).flatten().and_then(|text| Table::read(&text).ok()) else {
                continue;
            };
            if !table.columns().any(|it| it == "request_file") {
                continue;
            }
            let found = table
                .rows()
                .find(|row| row.get("request_file").is_some_and(|it| Path::new(it).file_name().and_then(|it| it.to_str()) == Some(name)));
            if let Some(row) = found {
                let text = |column: &str| row.get(column).map(str::to_owned);
                let count = |column: &str| row.number(column).filter(|it| *it >= 1.0).map(|it| it as u32);
                return Some(Service {
                    accelerator: text("accelerator"),
                    model: text("model"),
                    weights: text("precision"),
                    engine: text("engine"),
                    tensor: count("tp"),
                    data: count("dp"),
                    expert: count("ep"),
                    max_num_seqs: count("max_num_seqs"),
                    max_num_batched_tokens: count("max_num_batched_tokens"),
                    ..Service::default()
                });
            }
        }
    }
    None
}

/// A file named `ACCELERATOR_MODEL.csv`, as the measurements of LLMServingSim are published: its schedulers hold 128 requests and
/// 2,048 tokens a step (Cho et al. 2024; version 2.0 of 2026).
fn from_name(path: &Path) -> Service {
    let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    let known = |(accelerator, model): (&str, &str)| {
        bastide_cost_models::compute::device(accelerator)?;
        bastide_cost_models::compute::architecture(model)?;
        Some(Service {
            accelerator: Some(accelerator.to_owned()),
            model: Some(model.to_owned()),
            max_num_seqs: Some(128),
            max_num_batched_tokens: Some(2048),
            ..Service::default()
        })
    };
    stem.match_indices('_').find_map(|(at, _)| known((&stem[..at], &stem[at + 1..]))).unwrap_or_default()
}

pub(super) fn policy(service: &Service, args: &ReplayInput) -> Policy {
    let base = Policy::default();
    Policy {
        batching: service.batching.unwrap_or(base.batching),
        max_num_seqs: args.max_num_seqs.or(service.max_num_seqs).unwrap_or(base.max_num_seqs),
        max_num_batched_tokens: args.max_num_batched_tokens.or(service.max_num_batched_tokens).unwrap_or(base.max_num_batched_tokens),
        longest_chunk: service.longest_chunk.or(base.longest_chunk),
        block_size: service.block_size.unwrap_or(base.block_size),
        blocks: service.blocks.or(base.blocks),
        prefix_caching: service.prefix_caching.unwrap_or(base.prefix_caching),
        schedule_ahead: service.schedule_ahead.unwrap_or(base.schedule_ahead),
        replicas: service.replicas.unwrap_or(base.replicas),
        lockstep: service.lockstep.unwrap_or(base.lockstep),
        ..base
    }
}

/// Every request with its times.
fn rows(trace: &Trace, outcome: &Outcome) -> String {
    let mut text = "request,arrival_s,input_tokens,output_tokens,queueing_ms,ttft_ms,tpot_ms,latency_ms\n".to_owned();
    for (index, it) in trace.requests.iter().enumerate() {
        let per_token = outcome.tpot(index).map_or_else(String::new, |tpot| format!("{:.4}", tpot * 1e3));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{index},{:.6},{},{},{:.3},{:.3},{per_token},{:.3}",
            it.arrival,
            it.input,
            it.output,
            (outcome.times.scheduled[index] - it.arrival) * 1e3,
            outcome.ttft(index, Since::Arrival) * 1e3,
            outcome.latency(index, Since::Arrival) * 1e3
        );
    }
    text
}

struct Compared {
    metric: &'static str,
    statistic: &'static str,
    measured: f64,
    predicted: f64,
}

/// Statistics of the trace's measured times beside ours.
fn compare(trace: &Trace, ttft: &Statistics, tpot: &Statistics, latency: &Statistics) -> Vec<Compared> {
    if trace.measured.is_empty() {
        return Vec::new();
    }
    let measured = [
        ("ttft", Statistics::of(trace.measured.iter().map(|it| it.first)), ttft),
        ("tpot", Statistics::of(trace.measured.iter().filter_map(|it| it.per_token)), tpot),
        ("latency", Statistics::of(trace.measured.iter().map(|it| it.latency)), latency),
    ];
    let statistics = ["mean", "median", "p90", "p95", "p99"];
    measured
        .iter()
        .flat_map(|(metric, measured, predicted)| {
            statistics.iter().filter_map(|statistic| {
                let (measured, predicted) = (measured.get(statistic)?, predicted.get(statistic)?);
                Some(Compared { metric, statistic, measured, predicted })
            })
        })
        .collect()
}

fn lines(
    replica: &Replica,
    policy: &Policy,
    steps: &str,
    it: &bastide_predict::replay::ReplaySummary,
    compared: &[Compared],
) -> Vec<String> {
    let ms = |seconds: f64| bastide_units::format_significant(seconds * 1e3, 4);
    let statistics = |name: &str, of: &Statistics| {
        let mut row = vec![name.to_owned()];
        row.extend([of.mean, of.median, of.p90, of.p95, of.p99].map(ms));
        row
    };
    let layout = replica.deployment.layout;
    let mut lines = vec![
        format!(
            "{} on {} replicas of {} {}, at most {} requests and {} tokens a step in each; step times: {steps}",
            replica.model,
            policy.replicas,
            layout.devices() / layout.data,
            replica.accelerator,
            policy.max_num_seqs,
            policy.max_num_batched_tokens
        ),
        format!(
            "{} requests in {:.1} s: {:.2} requests/s, {:.0} tokens/s of answers, {:.0} tokens/s in all",
            it.requests, it.makespan, it.requests_per_s, it.output_tokens_per_s, it.total_tokens_per_s
        ),
        format!(
            "busy {:.1} % of the time; {:.1} requests decode at a time; cache {:.1} % full on average, {:.1} % at most; {} preemptions",
            it.utilisation * 100.0,
            it.mean_batch,
            it.mean_occupancy * 100.0,
            it.peak_occupancy * 100.0,
            it.preemptions
        ),
        String::new(),
    ];
    lines.extend(aligned(&[
        ["ms", "mean", "median", "p90", "p95", "p99"].map(str::to_owned).to_vec(),
        statistics("time to first token", &it.ttft),
        statistics("time per output token", &it.tpot),
        statistics("latency", &it.latency),
        statistics("queueing", &it.queueing),
    ]));
    if !compared.is_empty() {
        lines.push(String::new());
        let mut cells = vec![["against the measured", "statistic", "measured ms", "ours ms", "error"].map(str::to_owned).to_vec()];
        cells.extend(compared.iter().map(|it| {
            vec![
                it.metric.to_owned(),
                it.statistic.to_owned(),
                ms(it.measured),
                ms(it.predicted),
                format!("{:+.1} %", (it.predicted / it.measured - 1.0) * 100.0),
            ]
        }));
        lines.extend(aligned(&cells));
    }
    lines
}
