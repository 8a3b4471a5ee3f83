//! `plan`: what to build and what to run where, with a proof; or why it cannot be done.

mod front;
mod questions;
pub mod recheck;
mod timeline;
mod uncertainty;
pub mod verification;

use std::path::Path;

use bastide_model::model::{Alternative, Model, ServiceId, SiteId};
use bastide_model::plan::{Plan, SolveStatus};
use bastide_plan::{Conflict, Outcome, SolveOptions, Stage};
use bastide_units::{Duration, Quantity};
use serde_json::{Value, json};

use crate::args::{Format, Global, Questions, VerifyInput};
use crate::exit::Failure;
use crate::output::Output;

#[expect(clippy::too_many_arguments, reason = "one for each option of the command")]
pub fn run(
    scenario: &Path,
    alternative: Option<&str>,
    check: Option<&Path>,
    time_limit: Option<&str>,
    verify: &VerifyInput,
    asked: &Questions,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let mut model = super::load(scenario, global, output)?;
    uncertainty::strike(&mut model, asked.strike)?;
    let mut alternative = alternative.map(|name| find(&model, name)).transpose()?;
    let options = options(time_limit)?;
    if asked.any() && (model.growth.horizon.is_some() || model.planning.uncertainty.is_robust()) {
        let message = "`--pareto`, `--why-not`, `--ranging` and `--start` are about plans of one moment that are best in expectation";
        return Err(Failure::hinted(message, "leave `horizon`, `strike` and `demand_budget` of `[plan]` out"));
    }
    if let Some(count) = asked.pareto {
        return front::run(&model, alternative, &options, usize::from(count), asked, global, output);
    }
    let verified = if verify.verify {
        let settings = verification::settings(&model, verify)?;
        Some(verification::verify(&model, alternative, &settings, &options, global, output)?)
    } else {
        None
    };
    let mut mistakes = Vec::new();
    let mut stages = Vec::new();
    let plan = match (check, &verified) {
        (Some(file), _) => {
            let (plan, places) = recheck::parsed(&model, file)?;
            alternative = alternative.or_else(|| recheck::of_name(&model, &plan));
            mistakes = recheck::found(&model, &plan, &places, alternative, Some(bastide_plan::Strictness::Everything), false);
            plan
        }
        (None, Some(verified)) => verified.answer().plan.clone(),
        (None, None) => {
            let start = asked.start.as_deref().map(|file| recheck::parsed(&model, file).map(|(plan, _)| plan)).transpose()?;
            let (plan, ended) = search_from(&model, alternative, &options, start.as_ref(), output)?;
            stages = ended;
            plan
        }
    };
    let answers = questions::ask(&model, alternative, &options, &plan, asked)?;
    let information =
        if check.is_none() && plan.roadmap.is_none() { uncertainty::information(&model, alternative, &options, &plan)? } else { None };
    let checks = match &verified {
        Some(verified) => verified.cuts.check(&model, &plan, alternative),
        None => bastide_plan::verify(&model, &plan, alternative),
    };
    if output.format == Format::Json {
        let mut document = document(&model, &plan);
        uncertainty::document(&model, &plan, information.as_ref(), &mut document);
        document["checks"] =
            checks.iter().map(|check| json!({ "name": check.name, "ok": check.ok, "slack": check.slack, "unit": check.unit })).collect();
        answers.add_to(&mut document, &model);
        document["stages"] = questions::stages(&stages);
        if check.is_some() {
            document["diagnostics"] = mistakes.iter().map(crate::render::to_json).collect();
        }
        if let (Some(verified), Some(fields)) = (&verified, document.as_object_mut()) {
            fields.extend(verified.document(&model).as_object().cloned().unwrap_or_default());
        }
        output.json("plan/1", &document)?;
        if let Some(path) = &global.output {
            write(&model, &plan, path)?;
        }
    } else {
        for line in describe(&model, &plan).into_iter().chain(uncertainty::describe(&model, &plan, information.as_ref())) {
            output.say(&line);
        }
        for line in questions::describe(&stages).into_iter().chain(answers.describe(&model)) {
            output.say(&line);
        }
        if let Some(verified) = &verified {
            output.say(&verified.verdict());
        }
        match &global.output {
            Some(path) => {
                write(&model, &plan, path)?;
                output.say(&format!("next: bastide run {} --plan {}", scenario.display(), path.display()));
            }
            None if check.is_none() => super::write_or_print(&plan.write(&model), global, output)?,
            None => {}
        }
    }
    if mistakes.iter().any(|it| it.severity == bastide_model::diag::Severity::Error) {
        return Err(if output.format == Format::Json { Failure::Told } else { Failure::Diagnostics(mistakes) });
    }
    let broken: Vec<_> = checks.iter().filter(|check| !check.ok).collect();
    if broken.is_empty() {
        return match verified.as_ref().and_then(verification::Verified::failure) {
            Some(_) if output.format == Format::Json => Err(Failure::Told),
            Some(failure) => Err(failure),
            None => Ok(()),
        };
    }
    Err(Failure::sentence(format!(
        "the plan breaks {}",
        broken
            .iter()
            .map(|check| format!("`{}` by {} {}", check.name, bastide_units::format_significant(-check.slack, 4), check.unit))
            .collect::<Vec<_>>()
            .join(", ")
    )))
}

/// Searches for a plan; a conflict ends the command with the scenario lines behind it.
pub fn search(model: &Model, alternative: Option<&Alternative>, options: &SolveOptions, output: &Output) -> Result<Plan, Failure> {
    search_from(model, alternative, options, None, output).map(|(plan, _)| plan)
}

/// As [`search`], begun from a plan where there is one; with how each of several objectives ended.
fn search_from(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    start: Option<&Plan>,
    output: &Output,
) -> Result<(Plan, Vec<Stage>), Failure> {
    let name = alternative.map_or("recommended", |alternative| alternative.entity.name.as_str());
    let (outcome, stages) = bastide_plan::solve_in_order(model, alternative, options, start)
        .map_err(|error| Failure::sentence(format!("planning `{name}` failed: {error}")))?;
    match outcome {
        Outcome::Planned(plan) => Ok((*plan, stages)),
        Outcome::Infeasible(conflict) => infeasible(&conflict, alternative, output),
        Outcome::Unknown { bound_eur, reason } => {
            if output.format == Format::Json {
                let bound = Some(bound_eur).filter(|bound| bound.is_finite());
                let told = json!({ "status": "unknown", "alternative": name, "reason": reason, "bound": bound, "unit": "EUR/y" });
                output.json("plan/1", &told)?;
                return Err(Failure::Told);
            }
            let bound =
                if bound_eur.is_finite() { format!(" (no plan costs less than {:.2} M EUR/y)", bound_eur / 1e6) } else { String::new() };
            Err(Failure::hinted(format!("no plan for `{name}` was found: {reason}{bound}"), "raise plan.time_limit or loosen plan.gap"))
        }
    }
}

/// Says why there is no plan.
fn infeasible<T>(conflict: &Conflict, alternative: Option<&Alternative>, output: &Output) -> Result<T, Failure> {
    if output.format == Format::Json {
        let name = alternative.map_or("recommended", |alternative| alternative.entity.name.as_str());
        output.json("plan/1", &json!({ "status": "infeasible", "alternative": name, "conflict": groups(conflict) }))?;
        return Err(Failure::Told);
    }
    Err(Failure::Diagnostics(conflict.diagnostics()))
}

fn groups(conflict: &Conflict) -> Vec<Value> {
    conflict
        .groups
        .iter()
        .map(|group| json!({ "name": group.name, "sentence": group.sentence, "places": group.spans.iter().map(ToString::to_string).collect::<Vec<_>>() }))
        .collect()
}

/// The alternative of a name.
fn find<'a>(model: &'a Model, name: &str) -> Result<&'a Alternative, Failure> {
    model.alternatives.iter().find(|alternative| alternative.entity.name == name).ok_or_else(|| {
        let known: Vec<_> = model.alternatives.iter().map(|alternative| alternative.entity.name.as_str()).collect();
        Failure::hinted(format!("the scenario has no alternative `{name}`"), format!("it has: {}", known.join(", ")))
    })
}

/// Solver options from the command line.
fn options(time_limit: Option<&str>) -> Result<SolveOptions, Failure> {
    let mut options = SolveOptions::default();
    if let Some(text) = time_limit {
        let limit = Duration::parse(text).ok().filter(|limit| *limit > Duration::ZERO);
        options.time_limit =
            Some(limit.ok_or_else(|| Failure::hinted(format!("`{text}` is no time limit"), "write a duration, for example \"30 s\""))?);
    }
    Ok(options)
}

fn write(model: &Model, plan: &Plan, path: &Path) -> Result<(), Failure> {
    std::fs::write(path, plan.write(model)).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))
}

/// A plan as JSON, by names.
pub fn document(model: &Model, plan: &Plan) -> Value {
    let mut document = moment(model, plan);
    if let Some(roadmap) = timeline::timeline(model, plan) {
        document["roadmap"] = roadmap;
    }
    if let Some(worth) = uncertainty::of_roadmap(plan) {
        document["uncertainty"] = worth;
    }
    document
}

/// A plan of one moment, or the end of one over years.
fn moment(model: &Model, plan: &Plan) -> Value {
    let site = |id: SiteId| &model.sites[id].entity.name;
    let service = |id: ServiceId| &model.services[id].entity.name;
    let certificate = plan.certificate.as_ref();
    json!({
        "alternative": plan.name,
        "status": certificate.map_or(SolveStatus::Manual, |c| c.status),
        "objective": certificate.map(|c| c.objective_eur),
        "bound": certificate.map(|c| c.bound_eur),
        "gap": certificate.map(|c| c.gap),
        "unit": "EUR/y",
        "certificate": certificate,
        "cost": plan.cost,
        "builds": plan.builds.iter().map(|b| json!({
            "site": site(b.site), "accelerator": model.accelerators[b.accelerator].entity.name, "count": b.count,
            "it_power_mw": f64::from(b.count) * model.accelerators[b.accelerator].power.as_mw(),
        })).collect::<Vec<_>>(),
        "investments": plan.investments.iter().map(|(id, count)| {
            let it = &model.investments[*id];
            json!({ "name": it.entity.name, "site": it.site.map(site), "count": count, "capital_eur": it.cost.as_eur() * f64::from(*count) })
        }).collect::<Vec<_>>(),
        "placements": plan.placements.iter().map(|p| json!({ "service": service(p.service), "site": site(p.site), "role": "primary", "share": p.share }))
            .chain(plan.standbys.iter().map(|z| json!({ "service": service(z.service), "site": site(z.site), "role": "stand-by", "of": site(z.of), "share": z.share })))
            .collect::<Vec<_>>(),
        "campaigns": plan.campaigns.iter().map(|c| json!({
            "campaign": model.campaigns[c.campaign].entity.name, "site": site(c.site), "accelerator": model.accelerators[c.accelerator].entity.name,
            "islands": c.islands,
        })).collect::<Vec<_>>(),
        "replicas": plan.replicas.iter().map(|r| json!({ "dataset": model.datasets[r.dataset].entity.name, "site": site(r.site) })).collect::<Vec<_>>(),
        "links": plan.links.iter().map(|id| json!({ "link": model.links[*id].entity.name })).collect::<Vec<_>>(),
        "unserved": plan.unserved.iter().map(|(id, rate)| json!({ "service": service(*id), "tokens_per_s": rate.as_tokens_per_s() })).collect::<Vec<_>>(),
        "prices": plan.prices.iter().map(|price| json!({
            "constraint": price.constraint, "annual_eur": price.annual_eur, "unit": price.unit, "limit": price.limit, "place": price.place,
            "sentence": bastide_plan::in_words(price),
        })).collect::<Vec<_>>(),
        "achieved": front::achieved(&bastide_plan::achieved(model, plan)),
    })
}

/// A plan in a few lines for people.
pub fn describe(model: &Model, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let accelerators: u64 = plan.builds.iter().map(|build| u64::from(build.count)).sum();
    // The sum of nothing is -0.
    let power: f64 =
        plan.builds.iter().map(|build| f64::from(build.count) * model.accelerators[build.accelerator].power.as_mw()).sum::<f64>() + 0.0;
    let sites = plan.builds.iter().map(|build| build.site).collect::<std::collections::BTreeSet<_>>().len();
    let one = |n: u64, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    lines.push(format!(
        "plan `{}`: {} at {}, {power:.4} MW IT, {:.1} M EUR capital",
        plan.name,
        one(accelerators, "accelerator"),
        one(sites as u64, "site"),
        bastide_model::plan::capital(model, plan).as_meur()
    ));
    for (id, times) in &plan.investments {
        let count = if *times > 1 { format!("{times} times ") } else { String::new() };
        lines.push(format!("  invests: {count}{}", model.investments[*id].entity.title));
    }
    if let Some(c) = &plan.certificate {
        let status = match c.status {
            SolveStatus::Optimal => "optimal",
            SolveStatus::WithinGap => "within the gap asked for",
            SolveStatus::LimitWithIncumbent => "stopped by the time limit",
            SolveStatus::Manual => "written by hand",
        };
        lines.push(format!(
            "  {status}: {:.2} M EUR/y, none below {:.2} (gap {:.2e}); {}, {} rows, {} columns, {} of them integer",
            c.objective_eur / 1e6,
            c.bound_eur / 1e6,
            c.gap,
            c.solver,
            c.rows,
            c.columns,
            c.integers
        ));
    }
    if !plan.links.is_empty() {
        let names: Vec<&str> = plan.links.iter().map(|id| model.links[*id].entity.name.as_str()).collect();
        lines.push(format!("  builds {}: {}", one(names.len() as u64, "link"), names.join(", ")));
    }
    for price in plan.prices.iter().take(5) {
        lines.push(format!("  binds: {} ({})", bastide_plan::in_words(price), price.place));
    }
    lines
}
