//! Attacks on a scenario: power, compute and network together, plan by plan.

use std::sync::Arc;

use bastide_model::model::{Alternative, Model};
use bastide_model::plan::Plan;
use bastide_plan::SolveOptions;
use bastide_strike::world::{self, Measure, World, WorldKind, WorldTarget};
use bastide_strike::{Answer, Attack, Defence, Field, Question, Source, frontier, worst};
use bastide_units::{Duration, Quantity};
use serde_json::{Value, json};

use super::replay::{self, Random, Replay};
use super::status;
use crate::args::{DamageArg, Format, Global, StrikeInput, TargetKind};
use crate::cmd::{aligned, threads};
use crate::exit::Failure;
use crate::output::Output;

/// A plan, the worst attack of each budget on it, and its defences.
struct Case {
    title: String,
    plan: Arc<Plan>,
    world: World,
    answers: Vec<Answer>,
    defences: Option<Vec<Defence>>,
    measures: Vec<bastide_strike::Measure>,
    replay: Option<Replay>,
    /// Damage of each target alone, the most first.
    alone: Vec<(usize, f64)>,
    /// What an attacker takes who knows announced sizes alone, and its damage.
    announced: Attack,
}

pub fn run(strike: &StrikeInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let model = crate::cmd::load(&strike.input.case, global, output)?;
    if let Some(what) = world::unsound(&model) {
        return Err(Failure::hinted(format!("the value of {what} has no limit: the damage would have none"), "give it a value"));
    }
    let kinds = kinds(&strike.targets)?;
    let hours = model.header.hours;
    let hour = match strike.input.hour {
        Some(hour) if hour >= hours => {
            return Err(Failure::hinted(
                format!("there is no hour {hour}"),
                format!("the scenario has hours 0 to {}", hours.saturating_sub(1)),
            ));
        }
        hour => hour,
    };
    let horizon = match &strike.within {
        Some(text) => Some(
            Duration::parse(text)
                .ok()
                .filter(|it| *it > Duration::ZERO)
                .ok_or_else(|| Failure::hinted(format!("`{text}` is no time"), "write a duration above zero, for example \"30 d\""))?,
        ),
        None => Some(model.header.duration - replay::at()).filter(|it| *it > Duration::ZERO),
    };
    let mut cases = Vec::new();
    for (title, plan) in plans(&model, strike, global, output)? {
        let real = Arc::new(model.realised(&plan).into_owned());
        let plan = Arc::new(plan);
        let targets = priced(world::targets(&real, &plan, &kinds), strike);
        let world = World::new(real.clone(), plan.clone(), targets, measure(strike.damage), hour, horizon);
        let safe = safe(&world, &strike.safe)?;
        let most: u32 = world.targets().iter().enumerate().filter(|(at, _)| !safe.contains(at)).map(|(_, it)| it.cost).sum();
        if strike.budget > most {
            return Err(Failure::hinted(
                format!("a budget of {} is more than all targets of `{}` take: {most}", strike.budget, plan.name),
                "lower --budget, or name more kinds of --targets",
            ));
        }
        let measures: Vec<bastide_strike::Measure> =
            (0..world.targets().len()).map(|target| bastide_strike::Measure { protects: vec![target], cost: 1 }).collect();
        let effort = strike.effort.map_or(u64::MAX, |millions| millions.saturating_mul(super::MILLION));
        let question = |budget: u32| Question { safe: safe.clone(), best: usize::from(strike.best), effort, ..Question::of(budget) };
        let (answers, defences, alone, announced) = bastide_strike::with_threads(threads(global), || {
            let answers: Vec<Answer> = (1..=strike.budget.max(1)).map(|budget| worst(&world, &question(budget))).collect();
            let defences = strike.harden.map(|most| frontier(&world, &Question { best: 1, ..question(strike.budget) }, &measures, most));
            let (alone, announced) = one_by_one(&world, &safe, strike.budget);
            (answers, defences, alone, announced)
        })
        .map_err(|error| Failure::sentence(format!("cannot start threads: {error}")))?;
        let worst = answers.last().and_then(|answer| answer.attacks.first()).map_or_else(Vec::new, |it| it.targets.clone());
        let replayed = |count: u32| {
            output.say(&format!("simulating {count} random attacks on `{}`", plan.name));
            let seed = global.seed.unwrap_or(model.header.seed);
            let random = Random { budget: strike.budget, count, seed, threads: threads(global) };
            replay::replay(&real, &plan, world.targets(), &worst, random)
        };
        let replay = strike.simulate.map(replayed).transpose()?;
        cases.push(Case { title, plan, world, answers, defences, measures, replay, alone, announced });
    }
    if output.format == Format::Json {
        return output.json("strike/1", &document(&model, &cases, strike, hour));
    }
    cases.iter().try_for_each(|case| human(case, strike, output))
}

/// Damage of each target alone, the most first; and what an attacker takes who knows announced sizes alone: the largest that the budget pays.
fn one_by_one(world: &World, safe: &[usize], budget: u32) -> (Vec<(usize, f64)>, Attack) {
    let mut field = world.field();
    let mut damage = |targets: &[usize]| {
        targets.iter().for_each(|target| field.enter(*target));
        let damage = field.damage();
        targets.iter().for_each(|_| field.leave());
        damage
    };
    let open: Vec<usize> = (0..world.targets().len()).filter(|target| !safe.contains(target)).collect();
    let mut alone: Vec<(usize, f64)> = open.iter().map(|target| (*target, damage(&[*target]))).collect();
    alone.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut largest = open;
    largest.sort_by(|a, b| world.targets()[*b].announced_mw.total_cmp(&world.targets()[*a].announced_mw).then(a.cmp(b)));
    let (mut left, mut targets) = (budget, Vec::new());
    for target in largest {
        let it = &world.targets()[target];
        if it.cost <= left && it.announced_mw > 0.0 {
            left -= it.cost;
            targets.push(target);
        }
    }
    targets.sort_unstable();
    (alone, Attack { damage: damage(&targets), targets })
}

/// The plans in question, with their titles.
fn plans(model: &Arc<Model>, strike: &StrikeInput, global: &Global, output: &Output) -> Result<Vec<(String, Plan)>, Failure> {
    if let Some(file) = &strike.plan {
        let plan = crate::cmd::plan::recheck::read(model, file, global, output)?;
        return Ok(vec![(plan.name.clone(), plan)]);
    }
    let options = SolveOptions::default();
    let of = |alternative: &Alternative| match &alternative.plan {
        Some(file) => crate::cmd::plan::recheck::parsed(model, file).map(|(plan, _)| plan),
        None => crate::cmd::plan::search(model, Some(alternative), &options, output),
    };
    if let Some(name) = strike.alternative.as_deref().filter(|name| *name != "recommended") {
        let Some(found) = model.alternatives.iter().find(|it| it.entity.name == name) else {
            let known: Vec<&str> = model.alternatives.iter().map(|it| it.entity.name.as_str()).collect();
            return Err(Failure::hinted(format!("there is no alternative `{name}`"), format!("recommended, {}", known.join(", "))));
        };
        return Ok(vec![(found.entity.title.clone(), of(found)?)]);
    }
    let mut plans = vec![("Recommended".to_owned(), crate::cmd::plan::search(model, None, &options, output)?)];
    if strike.alternative.is_none() {
        for alternative in &model.alternatives {
            match of(alternative) {
                Ok(plan) => plans.push((alternative.entity.title.clone(), plan)),
                Err(_) => output.say(&format!("alternative `{}` has no plan and is left out", alternative.entity.name)),
            }
        }
    }
    Ok(plans)
}

fn measure(damage: DamageArg) -> Measure {
    match damage {
        DamageArg::Money => Measure::Money,
        DamageArg::Energy => Measure::Energy,
        DamageArg::Tokens => Measure::Tokens,
        DamageArg::Delay => Measure::Delay,
    }
}

/// Unit of the damage, and what it is divided by.
fn unit(damage: DamageArg) -> (&'static str, f64) {
    match damage {
        DamageArg::Money => ("M EUR", 1e6),
        DamageArg::Energy => ("MWh", 1.0),
        DamageArg::Tokens => ("M weighted tokens", 1.0),
        DamageArg::Delay => ("d", 1.0),
    }
}

/// Kinds of targets of a scenario.
fn kinds(asked: &[TargetKind]) -> Result<Vec<WorldKind>, Failure> {
    let of = |kind: &TargetKind| match kind {
        TargetKind::Sites => Ok(WorldKind::Sites),
        TargetKind::Buses | TargetKind::Substations => Ok(WorldKind::Buses),
        TargetKind::Lines => Ok(WorldKind::Lines),
        TargetKind::Plants | TargetKind::Units => Ok(WorldKind::Plants),
        TargetKind::Links => Ok(WorldKind::Links),
        TargetKind::Facilities => Ok(WorldKind::Facilities),
        TargetKind::Vendors => Ok(WorldKind::Vendors),
        TargetKind::Segments => Ok(WorldKind::Segments),
        TargetKind::Transformers => Err(Failure::hinted("a scenario knows no single transformers", "name buses, or facilities")),
    };
    if asked.is_empty() { Ok(WorldKind::SINGLE.to_vec()) } else { asked.iter().map(of).collect() }
}

fn priced(mut targets: Vec<WorldTarget>, strike: &StrikeInput) -> Vec<WorldTarget> {
    for target in &mut targets {
        let cost = strike.cost.iter().find(|(kind, _)| kinds(&[*kind]).is_ok_and(|it| it[0] == target.kind));
        target.cost = cost.map_or(target.cost, |(_, cost)| target.cost * cost);
    }
    targets
}

fn safe(world: &World, words: &[String]) -> Result<Vec<usize>, Failure> {
    let at = |word: &String| {
        world.targets().iter().position(|it| it.word().eq_ignore_ascii_case(word)).ok_or_else(|| {
            let first: Vec<String> = world.targets().iter().take(3).map(WorldTarget::word).collect();
            Failure::hinted(format!("there is no target `{word}`"), format!("the first are {}", first.join(", ")))
        })
    };
    let mut safe = words.iter().map(at).collect::<Result<Vec<_>, _>>()?;
    safe.sort_unstable();
    safe.dedup();
    Ok(safe)
}

fn words(world: &World, targets: &[usize]) -> String {
    if targets.is_empty() {
        "nothing".to_owned()
    } else {
        targets.iter().map(|it| world.targets()[*it].word()).collect::<Vec<_>>().join(", ")
    }
}

fn list(world: &World, targets: &[usize]) -> Vec<Value> {
    let of = |it: &usize| {
        let target = &world.targets()[*it];
        json!({
            "target": target.word(), "kind": target.kind.word(), "name": target.name, "cost": target.cost,
            "repair_d": Duration::from_s(target.repair).as_d(),
        })
    };
    targets.iter().map(of).collect()
}

fn document(model: &Model, cases: &[Case], strike: &StrikeInput, hour: Option<usize>) -> Value {
    let (unit, scale) = unit(strike.damage);
    let attack = |world: &World, it: &Attack| json!({ "damage": it.damage / scale, "targets": list(world, &it.targets) });
    let of = |case: &Case| {
        let world = &case.world;
        let by_budget = case.answers.iter().zip(1..).map(|(answer, budget): (&Answer, u32)| {
            let first = answer.attacks.first().cloned().unwrap_or_default();
            json!({
                "budget": budget, "status": status(answer.proven), "damage": first.damage / scale, "bound": answer.bound / scale, "gap": answer.gap(),
                "targets": list(world, &first.targets), "attacks": answer.attacks.iter().map(|it| attack(world, it)).collect::<Vec<_>>(),
                "sets_looked_at": answer.looked_at, "sets_worked_out": answer.worked_out,
            })
        });
        let mut value = json!({
            "alternative": case.plan.name, "title": case.title, "targets_in_all": world.targets().len(), "by_budget": by_budget.collect::<Vec<_>>(),
        });
        if let Some(defences) = &case.defences {
            let one = |(budget, it): (usize, &Defence)| {
                json!({
                    "harden": budget, "status": status(it.proven), "damage": it.attack.damage / scale,
                    "defences": list(world, &it.measures.iter().flat_map(|at| case.measures[*at].protects.clone()).collect::<Vec<_>>()),
                    "attack": list(world, &it.attack.targets), "rounds": it.rounds,
                })
            };
            value["frontier"] = json!(defences.iter().enumerate().map(one).collect::<Vec<_>>());
            if let Some(last) = defences.last() {
                value["defences"] = json!(list(world, &last.measures));
                value["rounds"] = json!(defences.iter().map(|it| it.rounds).sum::<u64>());
            }
        }
        let worst = case.answers.last().and_then(|answer| answer.attacks.first()).map_or(0.0, |it| it.damage);
        value["ranking"] =
            case.alone.iter().map(|(at, damage)| json!({ "target": world.targets()[*at].word(), "damage": damage / scale })).collect();
        value["announced"] = attack(world, &case.announced);
        value["worth_of_secrecy"] = json!((worst - case.announced.damage) / scale);
        if let Some(replay) = &case.replay {
            value["simulated"] = replay.document(1e6);
            value["simulated"]["unit"] = json!("M EUR");
        }
        value
    };
    let alternatives: Vec<Value> = cases.iter().map(of).collect();
    let mut value = json!({
        "name": model.header.name, "budget": strike.budget, "unit": unit, "hour": hour, "alternatives": alternatives, "defences": [], "rounds": 0,
    });
    // The first plan's worst attack stands at the top, too.
    if let Some(last) = alternatives.first().and_then(|it| it["by_budget"].as_array()).and_then(|it| it.last()).and_then(Value::as_object) {
        for key in ["status", "damage", "bound", "gap", "targets", "attacks"] {
            value[key] = last[key].clone();
        }
    }
    if let Some(first) = alternatives.first() {
        for key in ["defences", "rounds", "frontier"].into_iter().filter(|key| !first[*key].is_null()) {
            value[key] = first[key].clone();
        }
    }
    value
}

fn human(case: &Case, strike: &StrikeInput, output: &Output) -> Result<(), Failure> {
    let (unit, scale) = unit(strike.damage);
    let world = &case.world;
    output.line(&format!("{}: {} targets", case.title, world.targets().len()))?;
    let mut table = vec![["resources".to_owned(), format!("damage [{unit}]"), "proof".to_owned(), "worst attack".to_owned()].to_vec()];
    for (answer, budget) in case.answers.iter().zip(1_u32..) {
        let proof = if answer.proven { "proven".to_owned() } else { format!("gap {:.1} %", 100.0 * answer.gap()) };
        for (at, attack) in answer.attacks.iter().enumerate() {
            let (budget, proof) = if at == 0 { (budget.to_string(), proof.clone()) } else { (String::new(), String::new()) };
            table.push(vec![budget, format!("{:.3}", attack.damage / scale), proof, words(world, &attack.targets)]);
        }
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    let worst = case.answers.last().and_then(|answer| answer.attacks.first()).map_or(0.0, |it| it.damage);
    output.line(&format!(
        "who knows announced sizes alone takes {}: {:.3} {unit}; to keep the rest secret is worth {:.3}",
        words(world, &case.announced.targets),
        case.announced.damage.max(0.0) / scale,
        (worst - case.announced.damage) / scale
    ))?;
    let first: Vec<String> = case
        .alone
        .iter()
        .filter(|it| world.targets()[it.0].cost <= strike.budget && it.1 > 0.0)
        .take(5)
        .map(|(at, damage)| format!("{} {:.3}", world.targets()[*at].word(), damage / scale))
        .collect();
    output.line(&format!("alone: {}", if first.is_empty() { "no target does any damage".to_owned() } else { first.join(", ") }))?;
    let sum = |of: fn(&Answer) -> u64| case.answers.iter().map(of).sum::<u64>();
    output.say(&format!("{} sets looked at, {} worked out", sum(|it| it.looked_at), sum(|it| it.worked_out)));
    if let Some(defences) = &case.defences {
        let head = [
            "hardened".to_owned(),
            format!("worst damage [{unit}]"),
            "saves".to_owned(),
            "worst attack".to_owned(),
            "what is hardened".to_owned(),
        ];
        let mut table = vec![head.to_vec()];
        for (budget, it) in defences.iter().enumerate() {
            let saved = if budget == 0 {
                "-".to_owned()
            } else {
                format!("{:.3}", (defences[budget - 1].attack.damage - it.attack.damage) / scale)
            };
            let proof = if it.proven { "" } else { " (not proven)" };
            table.push(vec![
                budget.to_string(),
                format!("{:.3}{proof}", it.attack.damage / scale),
                saved,
                words(world, &it.attack.targets),
                words(world, &it.measures),
            ]);
        }
        aligned(&table).iter().try_for_each(|line| output.line(line))?;
    }
    if let Some(replay) = &case.replay {
        let random = &replay.random;
        output.line(&format!(
            "simulated: {:.3} M EUR lost to the worst attack; {} random ones of the same budget lose {:.3} on average, {:.3} at most; {} of them do more",
            replay.worst / 1e6,
            random.len(),
            random.iter().sum::<f64>() / random.len().max(1) as f64 / 1e6,
            random.last().copied().unwrap_or(0.0) / 1e6,
            replay.harder()
        ))?;
    }
    output.line("")
}
