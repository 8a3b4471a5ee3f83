//! A log of jobs, scheduled on a cluster.

use std::fmt::Write as _;
use std::path::Path;

use bastide_schedule::cluster::Cluster;
use bastide_schedule::outcome::{Comparison, Distribution, Group};
use bastide_schedule::simulation::{Refused, SimulationError};
use bastide_schedule::span::as_s;
use bastide_schedule::trace::{self, Bad, Kind, Reading, TraceError};
use bastide_schedule::{Log, Packing, Replay, Replayed, Settings, Summary, Timeline};
use serde_json::json;

use super::plots;
use crate::args::{Format, Global, JobsInput};
use crate::cmd::{aligned, read_text};
use crate::exit::Failure;
use crate::output::Output;

/// The seed of random placements, unless another is given.
pub(super) const SEED: u64 = 7;
/// Jobs that an error names; the others are counted.
const NAMED: usize = 5;

pub fn run(path: &Path, cluster: &str, args: &JobsInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let cluster = Cluster::read(cluster).map_err(Failure::Diagnostics)?;
    // Who packs pods calls the placement the policy: `--policy fgd` is first come, first served with that placement.
    let (order, placement) = match (args.policy.as_deref(), args.placement.as_deref()) {
        (Some(word), None) if Packing::named(word).is_some() => ("fifo", word),
        (order, placement) => (order.unwrap_or("fifo"), placement.unwrap_or("consolidated")),
    };
    let policy = policy(order)?;
    let packing = Packing::named(placement).ok_or_else(|| {
        let known: Vec<&str> = Packing::ALL.iter().map(|(word, _)| *word).collect();
        Failure::hinted(format!("`{placement}` is no placement"), format!("there are {}", known.join(", ")))
    })?;
    keep_the_log(path, global.output.as_deref())?;
    if let Some(until) = args.until {
        if order != "fifo" {
            return Err(Failure::hinted(
                format!("--until has no use for policy `{order}`: its jobs come in random orders and stay"),
                "leave --policy out; --placement says which nodes they get",
            ));
        }
        return super::inflation::run(path, &cluster, packing, until, args, global, output);
    }
    let target = global.output.as_deref().map(Target::of).transpose()?;
    let reading = Reading { kind: args.kind.map(Kind::from), skip_bad: args.skip_bad, asks_only: false };
    let log = trace::read(path, reading).map_err(|error| unreadable(path, &error))?;
    for notice in &log.notices {
        output.say(&format!("note: {notice}"));
    }

    let seed = global.seed.unwrap_or(SEED);
    let replay = Replay { log: &log, cluster: &cluster, policy: &policy, packing, seed, skip_bad: args.skip_bad };
    let mut timeline = Timeline::default();
    let replayed = replay.run(&mut timeline).map_err(|error| impossible(path, &log, error))?;
    if replayed.unlimited > 0 {
        output.say(&format!(
            "note: {} jobs without GPUs left out: the cluster does not say how many CPUs it has, so nothing limits them",
            replayed.unlimited
        ));
    }
    if !replayed.refused.is_empty() {
        output.say(&format!("note: {} jobs that can never run left out: {}", replayed.refused.len(), named(&replayed.refused)));
    }
    let summary = Summary::of(&log, &replayed, Some((&timeline, cluster.gpus() * 1000)));

    let document = json!({
        "log": { "path": path.display().to_string(), "kind": log.kind, "jobs": log.jobs.len(), "bad_lines_skipped": log.skipped,
            "never_run": replayed.refused.len(), "without_gpus": replayed.unlimited, "notices": log.notices },
        "cluster": { "nodes": cluster.nodes.len(), "gpus": cluster.gpus(), "models": cluster.models },
        "policy": policy,
        "placement": packing.name(),
        "seed": seed,
        "jobs": summary,
    });
    if let Some(target) = &target {
        target.write(&log, &replayed, &timeline, &summary, &document, cluster.gpus())?;
        output.say(&format!("written to `{}`", target.path().display()));
    }
    if output.format == Format::Json {
        return output.json("replay-jobs/1", &document);
    }
    for line in lines(path, &log, &cluster, &policy, packing, &summary) {
        output.line(&line)?;
    }
    if target.is_none() {
        output.say("next: add -o FOLDER for a table of all jobs, timelines and plots");
    }
    Ok(())
}

/// Refuses to write results over the log that they are made from.
fn keep_the_log(log: &Path, output: Option<&Path>) -> Result<(), Failure> {
    let same = |output: &&Path| log.canonicalize().is_ok_and(|log| output.canonicalize().is_ok_and(|output| log == output));
    match output.filter(same) {
        Some(output) => Err(Failure::hinted(format!("`{}` is the log itself", output.display()), "write to another file with -o")),
        None => Ok(()),
    }
}

/// A word with keys, or a file.
fn policy(text: &str) -> Result<Settings, Failure> {
    let path = Path::new(text);
    let file = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
    let read = if file { Settings::from_toml(&read_text(path)?) } else { Settings::parse(text) };
    read.map_err(|error| {
        let place = match (file, error.line) {
            (false, _) => "--policy".to_owned(),
            (true, None) => text.to_owned(),
            (true, Some(line)) => format!("{text}:{line}"),
        };
        Failure::sentence(format!("{place}: {error}"))
    })
}

pub(super) fn unreadable(path: &Path, error: &TraceError) -> Failure {
    let path = path.display();
    match error {
        TraceError::Io(error) => Failure::sentence(format!("cannot read `{path}`: {error}")),
        TraceError::Empty => Failure::sentence(format!("{path}: there is no job in it")),
        TraceError::Unknown(message) => Failure::hinted(
            format!("{path}: {message}"),
            "logs of jobs are described in docs/formats.md; a trace of requests is replayed without --cluster",
        ),
        TraceError::Lines { first, count } => {
            let place = |bad: &Bad| format!("{path}:{}:{}: {}", bad.line, bad.column, bad.message);
            let mut text = first.iter().map(place).collect::<Vec<_>>().join("\n       ");
            if *count > first.len() {
                // Writing to a string cannot fail.
                let _ = write!(text, "\n       and {} more bad lines", count - first.len());
            }
            Failure::hinted(text, "--skip-bad goes on without such lines and counts them")
        }
    }
}

fn named(refused: &[Refused]) -> String {
    let mut text = refused.iter().take(NAMED).map(|it| it.why.as_str()).collect::<Vec<_>>().join("; ");
    if refused.len() > NAMED {
        // Writing to a string cannot fail.
        let _ = write!(text, "; and {} more", refused.len() - NAMED);
    }
    text
}

fn impossible(path: &Path, log: &Log, error: SimulationError) -> Failure {
    match error {
        SimulationError::NeverRun(refused) => {
            let line = refused.first().map_or(0, |it| log.jobs[it.job as usize].line);
            Failure::hinted(
                format!("{}:{line}: {}", path.display(), named(&refused)),
                "it would wait forever; take a larger --cluster, or leave such jobs out with --skip-bad",
            )
        }
        other => Failure::sentence(format!("{}: {other}", path.display())),
    }
}

/// Where results go: a table of jobs, or a folder of everything.
enum Target<'a> {
    Table(&'a Path),
    Folder(&'a Path),
}

impl<'a> Target<'a> {
    fn of(path: &'a Path) -> Result<Self, Failure> {
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("csv")) && !path.is_dir() {
            return Ok(Self::Table(path));
        }
        let filled = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if filled || path.is_file() {
            return Err(Failure::hinted(format!("`{}` is not empty", path.display()), "name a new folder, or a file that ends in .csv"));
        }
        Ok(Self::Folder(path))
    }

    const fn path(&self) -> &Path {
        match self {
            Self::Table(path) | Self::Folder(path) => path,
        }
    }

    fn write(
        &self,
        log: &Log,
        replayed: &Replayed,
        timeline: &Timeline,
        summary: &Summary,
        document: &serde_json::Value,
        gpus: u64,
    ) -> Result<(), Failure> {
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |error: std::io::Error| Failure::sentence(format!("cannot write `{path}`: {error}"))
        };
        let folder = match self {
            Self::Table(path) => return std::fs::write(path, job_rows(log, replayed)).map_err(failed(path)),
            Self::Folder(folder) => *folder,
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut files = vec![
            ("jobs.csv", job_rows(log, replayed)),
            ("timeline.csv", point_rows(timeline)),
            ("summary.json", serde_json::to_string_pretty(document)? + "\n"),
        ];
        files.extend(plots::plots(log, replayed, timeline, summary, gpus)?);
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(failed(&path))?;
        }
        Ok(())
    }
}

/// Every job with its times.
fn job_rows(log: &Log, replayed: &Replayed) -> String {
    let mut text = "id,submit_s,runtime_s,gpus,user,nation,partition,start_s,end_s,wait_s,completion_s,preemptions\n".to_owned();
    for (index, run) in replayed.jobs.iter().zip(&replayed.runs) {
        let job = &log.jobs[*index as usize];
        let word = |name: Option<bastide_schedule::job::Name>| quoted(name.map_or("", |name| log.names.word(name)));
        let gpus = job.ask.total_gpu_milli() as f64 / 1000.0;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{gpus},{},{},{},{},{},{},{},{}",
            quoted(&job.id),
            as_s(job.submit),
            job.runtime.as_s(),
            word(job.user),
            word(job.nation),
            word(job.partition),
            as_s(run.start),
            as_s(run.end),
            run.waited.as_s(),
            bastide_schedule::Span::between(job.submit, run.end).as_s(),
            run.preemptions
        );
    }
    text
}

/// A cell of a CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// What held from each change on.
fn point_rows(timeline: &Timeline) -> String {
    let mut text = "time_s,gpus_in_use,running_jobs,waiting_jobs,fragmentation\n".to_owned();
    for point in timeline.points() {
        let gpus = point.gpu_milli as f64 / 1000.0;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{gpus},{},{},{:.6}", as_s(point.at), point.running, point.waiting, point.fragmentation);
    }
    text
}

fn lines(path: &Path, log: &Log, cluster: &Cluster, policy: &Settings, packing: Packing, it: &Summary) -> Vec<String> {
    let kind = match log.kind {
        Kind::Swf => "Standard Workload Format",
        Kind::Helios => "CSV of the Helios and Philly kind",
        Kind::Pods => "Alibaba GPU pods",
        Kind::Batsim => "Batsim workload",
        Kind::Own => "own format",
    };
    let row = |name: &str, of: &Distribution, scale: f64, digits: usize| {
        let mut cells = vec![name.to_owned()];
        cells.extend([of.mean, of.p50, of.p90, of.p95, of.p99, of.max].map(|value| format!("{:.digits$}", value * scale)));
        cells
    };
    let mut lines = vec![
        format!(
            "{} jobs of {} ({kind}) on {} nodes with {} GPUs; policy {}, placement {}",
            it.count,
            path.display(),
            cluster.nodes.len(),
            cluster.gpus(),
            policy.policy,
            packing.name()
        ),
        format!(
            "{:.1} GPU h in {:.2} d: {:.1} % of the GPUs in use on average; {} pre-emptions",
            it.gpu_hours,
            it.makespan_s / 86_400.0,
            it.utilisation * 100.0,
            it.preemptions
        ),
        String::new(),
    ];
    let mut table = vec![["", "mean", "p50", "p90", "p95", "p99", "max"].map(str::to_owned).to_vec()];
    table.push(row("completion [s]", &it.completion_s, 1.0, 1));
    table.push(row("wait [s]", &it.wait_s, 1.0, 1));
    table.push(row("slowdown", &it.slowdown, 1.0, 2));
    let over_time = [
        ("GPUs in use [%]", &it.utilisation_over_time, 100.0),
        ("fragmentation [% of the free]", &it.fragmentation, 100.0),
        ("jobs waiting", &it.waiting, 1.0),
    ];
    table.extend(over_time.iter().filter_map(|(name, of, scale)| of.as_ref().map(|of| row(name, of, *scale, 1))));
    lines.extend(aligned(&table));
    for (kind, groups) in &it.by {
        if groups.len() > 1 {
            lines.push(String::new());
            lines.extend(by_group(kind, groups));
        }
    }
    if let Some(it) = &it.published {
        lines.push(String::new());
        lines.extend(published(it));
    }
    lines
}

fn by_group(kind: &str, groups: &[Group]) -> Vec<String> {
    /// Groups of a kind that are printed; JSON has more.
    const SHOWN: usize = 12;
    let mut table = vec![[kind, "jobs", "GPU h", "completion [s]", "wait [s]", "slowdown"].map(str::to_owned).to_vec()];
    table.extend(groups.iter().take(SHOWN).map(|it| {
        vec![
            it.name.clone(),
            it.count.to_string(),
            format!("{:.1}", it.gpu_hours),
            format!("{:.1}", it.mean_completion_s),
            format!("{:.1}", it.mean_wait_s),
            format!("{:.2}", it.mean_slowdown),
        ]
    }));
    let mut lines = aligned(&table);
    if groups.len() > SHOWN {
        lines.push(format!("and {} more", groups.len() - SHOWN));
    }
    lines
}

fn published(it: &Comparison) -> Vec<String> {
    let mut lines = aligned(&[
        vec!["against the schedule in the log".to_owned(), "log".to_owned(), "replay".to_owned()],
        vec!["mean completion [s]".to_owned(), format!("{:.3}", it.mean_completion_s), format!("{:.3}", it.replayed_mean_completion_s)],
        vec!["mean wait [s]".to_owned(), format!("{:.3}", it.mean_wait_s), format!("{:.3}", it.replayed_mean_wait_s)],
    ]);
    let largest = if it.largest_at.is_empty() {
        String::new()
    } else {
        format!("; largest difference of an end {:.1} s, job `{}`", it.largest_difference_s, it.largest_at)
    };
    lines.push(format!("{} of {} jobs start and end at the same second{largest}", it.same, it.count));
    lines
}
