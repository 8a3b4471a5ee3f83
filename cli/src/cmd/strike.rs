//! `strike`: the attack that hurts most, and the defence that makes it least bad.

mod network;
mod replay;
mod targets;
mod world;

use bastide_strike::{Answer, Defence, Field, Measure, Question, Source, frontier, worst};
use serde_json::{Value, json};

use super::grid::input;
use crate::args::{Format, Global, StrikeInput};
use crate::cmd::{aligned, threads};
use crate::exit::Failure;
use crate::output::Output;

/// Sets that a search looks at for each unit of `--effort`.
const MILLION: u64 = 1_000_000;

pub fn run(input: &StrikeInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let path = &input.input.case;
    if input::is_case(path) || input::is_rts_gmlc(path) { network::run(input, global, output) } else { world::run(input, global, output) }
}

/// What is attacked, in words.
struct Subject<'a> {
    /// Its name.
    name: String,
    /// Unit of the damage.
    unit: &'static str,
    /// The damage of losing everything.
    total: f64,
    /// A target in words.
    word: &'a dyn Fn(usize) -> String,
    /// A target in JSON.
    json: &'a dyn Fn(usize) -> Value,
    /// Further facts of the document.
    about: Value,
}

/// Asks the question of a field, and prints what comes of it.
fn ask<S: Source>(
    source: &S,
    subject: &Subject<'_>,
    safe: Vec<usize>,
    input: &StrikeInput,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let field = source.field();
    let open = field.targets() - safe.len();
    let cheapest = (0..field.targets()).filter(|it| !safe.contains(it)).map(|it| field.cost(it)).sum::<u32>();
    if input.budget > cheapest {
        return Err(Failure::hinted(
            format!("a budget of {} is more than all {open} targets take: {cheapest}", input.budget),
            "lower --budget, or name more kinds of --targets",
        ));
    }
    let question = Question {
        best: usize::from(input.best),
        safe,
        effort: input.effort.map_or(u64::MAX, |millions| millions.saturating_mul(MILLION)),
        ..Question::of(input.budget)
    };
    let targets = field.targets();
    let (answer, defences) = bastide_strike::with_threads(threads(global), || {
        let answer = worst(source, &question);
        let measures: Vec<Measure> = (0..targets).map(|target| Measure { protects: vec![target], cost: 1 }).collect();
        let defences = input.harden.map(|most| frontier(source, &Question { best: 1, ..question.clone() }, &measures, most));
        (answer, defences)
    })
    .map_err(|error| Failure::sentence(format!("cannot start threads: {error}")))?;
    if output.format == Format::Json {
        return output.json("strike/1", &document(subject, &answer, defences.as_deref(), input));
    }
    human(subject, &answer, defences.as_deref(), input, output)
}

fn status(proven: bool) -> &'static str {
    if proven { "optimal" } else { "limit-with-incumbent" }
}

fn document(subject: &Subject<'_>, answer: &Answer, defences: Option<&[Defence]>, input: &StrikeInput) -> Value {
    let list = |targets: &[usize]| targets.iter().map(|it| (subject.json)(*it)).collect::<Vec<_>>();
    let first = answer.attacks.first().cloned().unwrap_or_default();
    let attacks: Vec<Value> = answer.attacks.iter().map(|it| json!({ "damage": it.damage, "targets": list(&it.targets) })).collect();
    let mut value = json!({
        "name": subject.name, "budget": input.budget, "unit": subject.unit, "status": status(answer.proven), "damage": first.damage,
        "bound": answer.bound.min(subject.total), "gap": answer.gap(), "targets": list(&first.targets), "attacks": attacks, "all_lost": subject.total,
        "sets_looked_at": answer.looked_at, "sets_worked_out": answer.worked_out, "defences": [], "rounds": 0,
    });
    if let Some(defences) = defences {
        let frontier = defences.iter().enumerate().map(|(budget, it)| {
            json!({
                "harden": budget, "status": status(it.proven), "damage": it.attack.damage, "bound": if it.proven { it.bound } else { 0.0 },
                "defences": list(&it.measures), "attack": list(&it.attack.targets), "rounds": it.rounds,
                "saved_by_the_last": if budget == 0 { 0.0 } else { defences[budget - 1].attack.damage - it.attack.damage },
            })
        });
        let last = &defences[defences.len() - 1];
        value["status"] = json!(status(answer.proven && last.proven));
        value["defences"] = json!(list(&last.measures));
        value["rounds"] = json!(defences.iter().map(|it| it.rounds).sum::<u64>());
        value["hardened"] =
            json!({ "damage": last.attack.damage, "targets": list(&last.attack.targets), "gap": if last.proven { 0.0 } else { 1.0 } });
        value["frontier"] = json!(frontier.collect::<Vec<_>>());
    }
    if let (Value::Object(value), Value::Object(about)) = (&mut value, subject.about.clone()) {
        value.extend(about);
    }
    value
}

fn human(
    subject: &Subject<'_>,
    answer: &Answer,
    defences: Option<&[Defence]>,
    input: &StrikeInput,
    output: &Output,
) -> Result<(), Failure> {
    let words = |targets: &[usize]| {
        if targets.is_empty() { "nothing".to_owned() } else { targets.iter().map(|it| (subject.word)(*it)).collect::<Vec<_>>().join(", ") }
    };
    let percent = |damage: f64| if subject.total > 0.0 { format!("{:.1} %", 100.0 * damage / subject.total) } else { "-".to_owned() };
    let mut table = vec![[format!("damage [{}]", subject.unit), "of all".to_owned(), "attack".to_owned()].to_vec()];
    for attack in &answer.attacks {
        table.push(vec![format!("{:.3}", attack.damage), percent(attack.damage), words(&attack.targets)]);
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    let sets = format!("{} sets looked at, {} worked out", answer.looked_at, answer.worked_out);
    output.say(&if answer.proven {
        format!("proven: no attack of a budget of {} does more ({sets})", input.budget)
    } else {
        format!(
            "not proven: no attack does more than {:.3} {}, a gap of {:.1} % ({sets})",
            answer.bound.min(subject.total),
            subject.unit,
            100.0 * answer.gap()
        )
    });
    if let Some(defences) = defences {
        let mut table = vec![
            [
                "hardened".to_owned(),
                format!("worst damage [{}]", subject.unit),
                "saves".to_owned(),
                "worst attack".to_owned(),
                "what is hardened".to_owned(),
            ]
            .to_vec(),
        ];
        for (budget, it) in defences.iter().enumerate() {
            let saved = if budget == 0 { "-".to_owned() } else { format!("{:.3}", defences[budget - 1].attack.damage - it.attack.damage) };
            let proof = if it.proven { "" } else { " (not proven)" };
            table.push(vec![
                budget.to_string(),
                format!("{:.3}{proof}", it.attack.damage),
                saved,
                words(&it.attack.targets),
                words(&it.measures),
            ]);
        }
        output.line("")?;
        aligned(&table).iter().try_for_each(|line| output.line(line))?;
    }
    Ok(())
}
