//! `plan --pareto`: plans between which there is a choice.

use std::fmt::Write as _;
use std::path::Path;

use bastide_model::model::{Alternative, Model, Objective, SiteId};
use bastide_plan::{Achieved, Front, FrontOutcome, Point, SolveOptions};
use serde_json::{Value, json};

use crate::args::{Format, Global, Questions};
use crate::exit::Failure;
use crate::output::Output;

/// Finds a front, prints it, and writes a folder with a plan file for each point.
pub fn run(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    count: usize,
    asked: &Questions,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let objectives = objectives(&asked.objectives)?;
    let outcome = bastide_plan::front(model, alternative, &objectives, count, options)
        .map_err(|error| Failure::sentence(format!("the front was not found: {error}")))?;
    let front = match outcome {
        FrontOutcome::Found(front) => front,
        FrontOutcome::Infeasible(conflict) => return super::infeasible(&conflict, alternative, output),
        FrontOutcome::Unknown { bound, reason } => {
            let bound = if bound.is_finite() { format!(" (none below {bound} {})", objectives[0].unit()) } else { String::new() };
            return Err(Failure::hinted(format!("no plan was found: {reason}{bound}"), "raise plan.time_limit or loosen plan.gap"));
        }
    };
    if output.format == Format::Json {
        output.json("plan/1", &document(model, &front))?;
    } else {
        table(model, &front, count, output);
    }
    if let Some(folder) = &global.output {
        write(model, &front, folder)?;
        output.say(&format!("written: {}", folder.display()));
    }
    Ok(())
}

fn objectives(names: &[String]) -> Result<Vec<Objective>, Failure> {
    if names.is_empty() {
        return Ok(vec![Objective::Cost, Objective::Carbon]);
    }
    let mut objectives = Vec::new();
    for name in names {
        let objective = Objective::named(name.trim()).ok_or_else(|| {
            Failure::hinted(format!("there is no objective `{name}`"), format!("any of: {}", Objective::NAMES.join(", ")))
        })?;
        if objectives.contains(&objective) {
            return Err(Failure::hinted(format!("the objective `{name}` stands twice"), "name each once"));
        }
        objectives.push(objective);
    }
    if objectives.len() < 2 {
        return Err(Failure::hinted("a front needs two objectives or more", "such as --objectives cost,carbon"));
    }
    Ok(objectives)
}

/// What a plan achieves, by name.
pub fn achieved(it: &Achieved) -> Value {
    let [t0, t1, t2, t3] = it.unserved_by_tier;
    json!({
        "cost": it.cost, "net_present_cost": it.net_present_cost, "unserved": it.unserved,
        "unserved_by_tier": { "T0": t0, "T1": t1, "T2": t2, "T3": t3 },
        "carbon": it.carbon, "sovereignty": it.sovereignty, "effective_sovereignty": it.effective_sovereignty,
    })
}

fn name(at: usize) -> String {
    format!("point-{:02}.toml", at + 1)
}

fn document(model: &Model, front: &Front) -> Value {
    let point = |(at, it): (usize, &Point)| {
        let mut value = achieved(&it.achieved);
        let limits: serde_json::Map<String, Value> =
            it.limits.iter().map(|(objective, limit)| (objective.name().to_owned(), (*limit).into())).collect();
        value["objective"] = it.objective.into();
        value["bound"] = it.bound.into();
        value["gap"] = it.gap.into();
        value["limits"] = limits.into();
        value["status"] = if it.limited { "limit-with-incumbent" } else { "proven" }.into();
        value["file"] = name(at).into();
        value["sites"] = sites(model, it).into();
        value["accelerators"] = it.plan.builds.iter().map(|build| build.count).sum::<u32>().into();
        value["plan"] = super::document(model, &it.plan);
        value
    };
    json!({
        "objectives": front.objectives.iter().map(|it| json!({ "name": it.name(), "unit": it.unit() })).collect::<Vec<_>>(),
        "pareto": front.points.iter().enumerate().map(point).collect::<Vec<_>>(),
        "dominated": front.dominated,
        "solves": front.solves,
        "more": front.more,
    })
}

fn sites(model: &Model, point: &Point) -> Vec<String> {
    let mut sites: Vec<SiteId> = point.plan.builds.iter().map(|build| build.site).collect();
    sites.sort_unstable();
    sites.dedup();
    sites.into_iter().map(|id| model.sites[id].entity.name.clone()).collect()
}

fn table(model: &Model, front: &Front, count: usize, output: &Output) {
    let digits = |value: f64| bastide_units::format_significant(value, 6);
    let units: Vec<String> = front.objectives.iter().map(|it| format!("{} [{}]", it.name(), it.unit())).collect();
    output.say(&format!("{} points of the front of {}", front.points.len(), units.join(" and ")));
    for (at, it) in front.points.iter().enumerate() {
        let values: Vec<String> = front.objectives.iter().map(|objective| digits(it.achieved.of(*objective))).collect();
        let limited = if it.limited { ", stopped by the time limit" } else { "" };
        let line = format!(
            "  {:2}: {}; none below {} (gap {:.1e}{limited}); {}",
            at + 1,
            values.join(", "),
            digits(it.bound),
            it.gap,
            sites(model, it).join(", ")
        );
        output.say(&line);
    }
    if front.dominated > 0 {
        output.say(&format!("removed: {} that another plan is at least as good as in every objective", front.dominated));
    }
    if front.points.len() < count {
        let why = if front.more { "further ones may lie between them" } else { "the front has no more, within the gap" };
        output.say(&format!("fewer points than asked for: {why}"));
    }
}

fn write(model: &Model, front: &Front, folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::sentence(format!("cannot write `{}`: {error}", folder.display()));
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::hinted(format!("`{}` is not empty", folder.display()), "name another folder"));
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut csv = String::from("file");
    for objective in &front.objectives {
        // Writing to a String cannot fail.
        let _ = write!(csv, ",{} [{}]", objective.name(), objective.unit());
    }
    csv.push_str(",bound,gap\n");
    for (at, it) in front.points.iter().enumerate() {
        let _ = write!(csv, "{}", name(at));
        for objective in &front.objectives {
            let _ = write!(csv, ",{}", it.achieved.of(*objective));
        }
        let _ = writeln!(csv, ",{},{}", it.bound, it.gap);
        std::fs::write(folder.join(name(at)), it.plan.write(model)).map_err(failed)?;
    }
    std::fs::write(folder.join("front.csv"), csv).map_err(failed)
}
