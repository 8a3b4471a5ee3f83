//! What `study` and `run` share: plans through the simulator into a results folder.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use bastide_engine::{Estimate, Pool};
use bastide_model::model::{Case, Model, Tier};
use bastide_model::plan::Plan;
use bastide_sim::results::{AlternativeMeta, ResultsError, RunFacts, Study, StudyMeta, StudyWriter};
use bastide_sim::{History, Layout, Options, Simulator};

use super::cases::CaseJob;
use crate::args::Global;
use crate::exit::Failure;
use crate::output::Output;
use crate::progress;

/// Histories that are written together. Not a function of the threads, so that the files do not depend on them either.
fn chunk_length(replications: u32) -> u32 {
    (replications / 20).clamp(5, 500)
}

/// Where the results of a scenario go by default.
pub fn default_folder(model: &Model, global: &Global, word: &str) -> PathBuf {
    global.output.clone().unwrap_or_else(|| Path::new("results").join(format!("{}{word}", model.header.name)))
}

/// The plan that an earlier run of the same command left in the folder, so that going on after an interruption needs no
/// second search. The fingerprint of the folder tells whether it really is the same command.
pub fn stored_plan(model: &Model, folder: &Path, name: &str) -> Option<Plan> {
    let text = std::fs::read_to_string(folder.join("plans").join(format!("{name}.toml"))).ok()?;
    let plan = Plan::read(&text, name, model).ok()?;
    // Only a plan that is written as it was read can keep the fingerprint.
    (plan.write(model) == text).then_some(plan)
}

/// A study to simulate.
pub struct Job<'a> {
    pub model: &'a Model,
    /// Name for people and plan of each alternative; the first is the reference.
    pub plans: &'a [(String, Plan)],
    pub replications: u32,
    pub seed: u64,
    pub threads: usize,
    /// The command that repeats the study.
    pub command: &'a str,
    pub warnings: &'a [String],
    pub cases: &'a [CaseJob<'a>],
}

/// Simulates every plan in every case on the same draws and writes the results folder; goes on where an interrupted run stopped.
pub fn simulate(job: &Job, folder: &Path, global: &Global, output: &Output) -> Result<Study, Failure> {
    for (_, plan) in job.plans {
        for (at, campaign) in job.model.campaigns.iter().enumerate() {
            if !plan.campaigns.iter().any(|placed| placed.campaign.index() == at) {
                output.say(&format!("warning: plan `{}` leaves campaign `{}` out; its figures are 0", plan.name, campaign.entity.name));
            }
        }
    }
    let sets: Vec<String> = global.sets.iter().map(|(key, value)| format!("{key}={value}")).collect();
    one(job, None, &sets, folder, output, || {
        let mut studies = Vec::new();
        for (at, case) in job.cases.iter().enumerate() {
            let Some(model) = case.model else { continue };
            output.say(&format!("case {} of {}: {}", at + 1, job.cases.len(), case.case.entity.title));
            // Places of services and datasets in a plan are those of a model: the case has its own.
            let plans = (job.plans.iter())
                .map(|(title, plan)| {
                    Ok((title.clone(), Plan::read(&plan.write(job.model), &plan.name, model).map_err(Failure::Diagnostics)?))
                })
                .collect::<Result<Vec<_>, Failure>>()?;
            let own = Job { model, plans: &plans, replications: case.replications, cases: &[], warnings: &[], ..*job };
            let sets: Vec<String> =
                sets.iter().cloned().chain(case.case.settings.iter().map(|(key, value)| format!("{key}={value}"))).collect();
            studies.push(one(&own, Some(case.case), &sets, &folder.join("cases").join(&case.case.entity.name), output, || Ok(Vec::new()))?);
        }
        Ok(studies)
    })
}

/// The scenario itself, or one case: `below` gives the finished studies that belong to it, once its own histories are on disk.
fn one(
    job: &Job,
    case: Option<&Case>,
    sets: &[String],
    folder: &Path,
    output: &Output,
    below: impl FnOnce() -> Result<Vec<Study>, Failure>,
) -> Result<Study, Failure> {
    let clock = Instant::now();
    let started = jiff::Timestamp::now();
    // Two builds of different source are two versions: what they compute may differ.
    let version = [env!("CARGO_PKG_VERSION")].into_iter().chain(option_env!("BASTIDE_REVISION")).collect::<Vec<_>>().join("+");
    let files: Vec<String> = job.plans.iter().map(|(_, plan)| plan.write(job.model)).collect();
    let alternatives: Vec<AlternativeMeta> =
        job.plans.iter().zip(&files).map(|((title, plan), file)| AlternativeMeta { name: &plan.name, title, plan, file }).collect();
    let run = RunFacts {
        threads: job.threads,
        started: started.to_string(),
        revision: option_env!("BASTIDE_REVISION").map(str::to_owned),
        ..RunFacts::default()
    };
    let cases: Vec<(&str, u32)> = job.cases.iter().map(|case| (case.case.entity.name.as_str(), case.replications)).collect();
    let meta = StudyMeta {
        model: job.model,
        sets,
        seed: job.seed,
        replications: job.replications,
        alternatives: &alternatives,
        version: &version,
        command: job.command,
        warnings: job.warnings,
        case,
        cases: &cases,
        run: &run,
    };
    let mut writer = match StudyWriter::create(folder, &meta) {
        Ok(writer) => writer,
        Err(ResultsError::Complete(_)) => {
            output.say(&format!("`{}` holds this study already; nothing to simulate", folder.display()));
            return open(folder);
        }
        Err(error) => return Err(results(&error)),
    };
    histories(job, &mut writer, folder, output)?;
    let studies = below()?;

    let adequacy = case.is_none().then(|| {
        output.say("adequacy of the grid, without and with the AI load of each plan");
        let plans: Vec<(&str, &Plan)> = job.plans.iter().map(|(_, plan)| (plan.name.as_str(), plan)).collect();
        bastide_sim::adequacy(job.model, &plans, job.seed, job.threads).map_err(|error| error.to_string())
    });

    let ended = RunFacts { finished: jiff::Timestamp::now().to_string(), wall_s: clock.elapsed().as_secs_f64(), ..run.clone() };
    writer.conclude(&ended, adequacy, &studies).map_err(|error| results(&error))?;
    open(folder)
}

/// A simulator of a plan, whose evacuations that ask for the best order follow the one that a search finds under this model.
pub fn simulator<'a>(model: &'a Model, plan: &'a Plan, layout: &'a Layout) -> Result<Simulator<'a>, Failure> {
    let simulator =
        Simulator::new(model, plan, layout).map_err(|error| Failure::sentence(format!("the grid cannot be simulated: {error}")))?;
    if model.evacuations.is_empty() {
        return Ok(simulator);
    }
    let departures =
        bastide_plan::evacuation::departures(model, plan).map_err(|error| Failure::sentence(format!("no order of evacuation: {error}")))?;
    Ok(simulator.with_departures(departures))
}

/// Simulates what is missing, a stretch of replications for every plan at a time, so that all estimates grow together.
fn histories(job: &Job, writer: &mut StudyWriter, folder: &Path, output: &Output) -> Result<(), Failure> {
    let layout = writer.layout().clone();
    let realised: Vec<_> = job.plans.iter().map(|(_, plan)| job.model.realised(plan)).collect();
    let simulators =
        job.plans.iter().zip(&realised).map(|((_, plan), model)| simulator(model, plan, &layout)).collect::<Result<Vec<_>, _>>()?;
    let pool = Pool::new(job.threads);
    let stop = progress::stop_on_interrupt();
    let missing: Vec<Vec<Range<u32>>> = (0..job.plans.len()).map(|index| writer.missing(index)).collect();
    let total: u64 = missing.iter().flatten().map(|range| u64::from(range.end - range.start)).sum();
    let bar = progress::bar(output, total);
    let tier = Tier::ALL.into_iter().find_map(|tier| layout.find("tier", tier.name(), "served_share").map(|at| (tier, at)));
    let mut served = vec![Vec::new(); job.plans.len()];

    let length = chunk_length(job.replications);
    for from in (0..job.replications).step_by(length as usize) {
        let chunk = from..(from + length).min(job.replications);
        for (index, simulator) in simulators.iter().enumerate() {
            for range in missing[index].iter().filter_map(|range| overlap(range, &chunk)) {
                let done = pool
                    .replicate(range, &stop, &|_| bar.inc(1), |replication| simulator.simulate(job.seed, replication, Options::default()));
                let done: Vec<History> = done.into_iter().flatten().collect();
                if let Some((_, at)) = tier {
                    served[index].extend(done.iter().map(|history| history.metrics[at]));
                }
                writer.write_chunk(index, &done).map_err(|error| results(&error))?;
                if stop.load(Ordering::SeqCst) {
                    bar.finish_and_clear();
                    let kept: u64 = (0..job.plans.len())
                        .flat_map(|index| writer.completed(index))
                        .map(|range| u64::from(range.end - range.start))
                        .sum();
                    return Err(Failure::Interrupted(format!(
                        "interrupted: {kept} of {} histories are kept in `{}`; the same command goes on from there",
                        u64::from(job.replications) * job.plans.len() as u64,
                        folder.display()
                    )));
                }
            }
        }
        if let (Some((tier, _)), Some(estimate)) = (tier, Estimate::of(&served[0])) {
            let error = estimate.stderr.map_or_else(String::new, |stderr| format!(" ± {:.3}", 100.0 * stderr));
            bar.set_message(format!("{} served {:.2}{error} %", tier.name(), 100.0 * estimate.mean));
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn overlap(a: &Range<u32>, b: &Range<u32>) -> Option<Range<u32>> {
    let range = a.start.max(b.start)..a.end.min(b.end);
    (!range.is_empty()).then_some(range)
}

/// Reads a results folder.
pub fn open(folder: &Path) -> Result<Study, Failure> {
    Study::open(folder).map_err(|error| results(&error))
}

fn results(error: &ResultsError) -> Failure {
    Failure::sentence(error.to_string())
}
