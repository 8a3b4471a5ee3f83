//! Plan files that were tampered with: each is refused at the line that was changed.

use bastide_model::diag::{Diagnostic, Severity};
use bastide_model::model::{Model, Tier};
use bastide_model::plan::{Plan, check_plan};
use bastide_units::{Money, Power};
use proptest::prelude::*;

use super::planned;
use crate::fixture::*;
use crate::{Strictness, cost_lines, recheck};

/// Two protected services at three sites, data, a campaign.
fn model() -> Model {
    let mut model = empty();
    for name in ["a", "b", "c"] {
        add_site(&mut model, name);
    }
    add_service(&mut model, "any", Tier::T1, 20.0);
    let home = add_service(&mut model, "home", Tier::T0, 8.0);
    model.legal_service[home.index()][2] = never(33);
    let data = add_dataset(&mut model, "records");
    model.services[home].dataset = Some(data);
    add_campaign(&mut model, "train");
    model.accelerators[0].idle_share = 0.4;
    model.policy.headroom = 0.7;
    model.planning.survive_site_loss = vec![Tier::T0, Tier::T1];
    model.planning.min_service = [Some(0.9), Some(0.9), None, None];
    model
}

fn errors(model: &Model, text: &str, strict: Strictness) -> Vec<Diagnostic> {
    let (plan, places) = match Plan::read_with_places(text, "plan.toml", model) {
        Ok(read) => read,
        Err(list) => return list,
    };
    let found = check_plan(model, &plan, &places).into_iter().chain(recheck(model, &plan, &places, None, strict));
    found.filter(|it| it.severity == Severity::Error).collect()
}

/// Line of the nth occurrence of some text, from 1.
fn line(text: &str, wanted: &str, nth: usize) -> u32 {
    1 + text.lines().enumerate().filter(|(_, line)| line.contains(wanted)).nth(nth).unwrap().0 as u32
}

#[track_caller]
fn refused(model: &Model, text: &str, code: &str, at: u32) {
    let found = errors(model, text, Strictness::Everything);
    let hit = found.iter().any(|it| it.code == code && it.labels.iter().any(|(span, _)| &*span.file == "plan.toml" && span.line == at));
    assert!(hit, "{code} at {at}: {found:#?}\n{text}");
}

/// The value of a key at its nth occurrence, replaced.
fn with(text: &str, key: &str, nth: usize, value: &str) -> (String, u32) {
    let prefix = format!("{key} = ");
    let at = line(text, &prefix, nth);
    let lines =
        text.lines().enumerate().map(|(number, old)| if number as u32 + 1 == at { format!("{prefix}{value}") } else { old.to_owned() });
    (lines.collect::<Vec<_>>().join("\n"), at)
}

#[test]
fn a_plan_as_it_was_written_passes() {
    let model = model();
    let text = planned(&model, None).write(&model);
    assert!(errors(&model, &text, Strictness::Everything).is_empty());
}

#[test]
fn figures_are_refused_where_they_stand() {
    let model = model();
    let text = planned(&model, None).write(&model);
    for nth in 0..3 {
        let (tampered, at) = with(&text, "annual_eur", nth, "12345678.0");
        refused(&model, &tampered, "F0918", at);
    }
    let (tampered, at) = with(&text, "capital_eur", 0, "1.0");
    refused(&model, &tampered, "F0918", at);
    let (tampered, at) = with(&text, "objective_eur", 0, "1.0");
    refused(&model, &tampered, "F0919", at);
    let (tampered, at) = with(&text, "bound_eur", 0, "1e12");
    refused(&model, &tampered, "F0919", at);
    let (tampered, at) = with(&text, "gap", 0, "0.5");
    refused(&model, &tampered, "F0919", at);
    let (tampered, at) = with(&text, "bound_eur", 0, "nan");
    refused(&model, &tampered, "F0919", at);
}

#[test]
fn what_is_built_is_refused_where_it_stands() {
    let model = model();
    let text = planned(&model, None).write(&model);
    let (tampered, at) = with(&text, "count", 0, "800000");
    let build = line(&text, "[[build]]", 0);
    assert!(build < at);
    // Connection and room, all IT power, the budget.
    for code in ["F0907", "F0909", "F0908"] {
        let found = errors(&model, &tampered, Strictness::Everything);
        assert!(found.iter().any(|it| it.code == code), "{code}: {found:#?}");
    }
    refused(&model, &tampered, "F0907", build);
    let (tampered, _) = with(&text, "count", 0, "9");
    refused(&model, &tampered, "F0911", build);
    let mut poor = model.clone();
    poor.planning.budget = Money::from_eur(1000.0);
    refused(&poor, &text, "F0908", build);
    let found = errors(&poor, &text, Strictness::Everything);
    let budget = found.iter().find(|it| it.code == "F0908" && it.labels.len() > 1).unwrap();
    assert!(budget.labels.iter().any(|(span, _)| span.line == 91), "the scenario's line: {budget:?}");
    let mut capped = model.clone();
    capped.planning.accelerators[0].1 = Some(8);
    refused(&capped, &text, "F0903", build);
    let mut weak = model.clone();
    weak.buses[0].hosting_limit = Some(Power::from_kw(1.0));
    refused(&weak, &text, "F0915", build);
}

#[test]
fn placements_and_stand_bys_are_refused_where_they_stand() {
    let mut model = model();
    let plan = planned(&model, None);
    let text = plan.write(&model);
    let place = line(&text, "[[placement]]", 0);
    let half = plan.placements[0].share / 2.0;
    let (tampered, _) = with(&text, "share", 0, &half.to_string());
    refused(&model, &tampered, "F0917", place);
    let twice = text.replacen("[[placement]]", "[[placement]]\nservice = \"any\"\nsite = \"a\"\nshare = 0.9\n\n[[placement]]", 1);
    refused(&model, &twice, "F0910", place);
    // Without stand-bys the loss of each site is open.
    let bare = Plan { standbys: vec![], ..plan.clone() }.write(&model);
    refused(&model, &bare, "F0916", line(&bare, "[[placement]]", 0));
    let missing = Plan { replicas: vec![], ..plan.clone() }.write(&model);
    let found = errors(&model, &missing, Strictness::Everything);
    assert!(found.iter().any(|it| it.code == "F0913"), "{found:#?}");
    // Against a rule: the message names the line of the rule.
    let at = plan.placements.iter().position(|it| it.service.index() == 0).unwrap();
    let site = plan.placements[at].site;
    model.legal_service[0][site.index()] = never(77);
    refused(&model, &text, "F0905", line(&text, "[[placement]]", at));
    let found = errors(&model, &text, Strictness::Everything);
    assert!(found.iter().any(|it| it.code == "F0905" && it.labels.iter().any(|(span, _)| span.line == 77)));
}

#[test]
fn what_a_person_writes_may_leave_wishes_open() {
    let model = model();
    let plan = planned(&model, None);
    let by_hand = Plan { standbys: vec![], cost: vec![], prices: vec![], certificate: None, ..plan }.write(&model);
    let (plan, places) = Plan::read_with_places(&by_hand, "plan.toml", &model).unwrap();
    let found = recheck(&model, &plan, &places, None, Strictness::ByHand);
    assert!(!found.is_empty() && found.iter().all(|it| it.severity == Severity::Warning && it.code == "F0916"), "{found:#?}");
    assert!(recheck(&model, &plan, &places, None, Strictness::Everything).iter().all(|it| it.severity == Severity::Error));
}

/// Pieces of a plan file that can be changed: numbers and names, with their places.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(equals) = line.find(" = ") {
            let value = &line[equals + 3..];
            if value.starts_with(['{', '"']) && value.contains("= ") {
                let from = value.rfind("= ").unwrap() + 2;
                let length = value[from..].find([' ', ',']).unwrap_or(value.len() - from);
                found.push(start + equals + 3 + from..start + equals + 3 + from + length);
            } else {
                found.push(start + equals + 3..start + equals + 3 + value.trim_end().len());
            }
        }
        start += line.len();
    }
    found
}

fn mutated(old: &str, how: usize) -> String {
    if old.starts_with('"') {
        return ["\"a\"", "\"b\"", "\"c\"", "\"any\"", "\"home\"", "\"train\"", "\"records\"", "\"card\"", "\"\"", "7"][how % 10]
            .to_owned();
    }
    let number: f64 = old.parse().unwrap();
    let whole = !old.contains(['.', 'e', 'n']);
    let new =
        [0.0, -number, number * 0.5, number * 0.999, number * 1.001, number * 2.0, number + 8.0, 1e9, f64::NAN, f64::INFINITY][how % 10];
    if whole && new.is_finite() {
        format!("{}", new.round() as i64)
    } else if new.is_nan() {
        "nan".into()
    } else {
        format!("{new:?}")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Whatever single value of a plan is changed: it is refused at a place in the file, or the plan still costs what the proof says and
    /// builds and serves the same.
    #[test]
    fn a_changed_value_is_refused_or_harmless(pick in any::<prop::sample::Index>(), how in 0_usize..10) {
        use std::sync::LazyLock;
        static CASE: LazyLock<(Model, Plan, String)> = LazyLock::new(|| {
            let model = model();
            let plan = planned(&model, None);
            let text = plan.write(&model);
            (model, plan, text)
        });
        let (model, plan, text) = &*CASE;
        let tokens = tokens(text);
        let range = tokens[pick.index(tokens.len())].clone();
        let new = mutated(&text[range.clone()], how);
        let changed = format!("{}{new}{}", &text[..range.start], &text[range.end..]);
        let found = errors(model, &changed, Strictness::Everything);
        if !found.is_empty() {
            prop_assert!(found.iter().all(|it| &*it.span().file == "plan.toml"), "{found:#?}");
            return Ok(());
        }
        let read = Plan::read(&changed, "plan.toml", model).unwrap();
        prop_assert_eq!(&read.builds, &plan.builds);
        prop_assert_eq!(&read.campaigns, &plan.campaigns);
        prop_assert_eq!(read.placements.len(), plan.placements.len());
        for (one, other) in read.placements.iter().zip(&plan.placements) {
            prop_assert!(one.service == other.service && one.site == other.site && (one.share - other.share).abs() < 1e-5);
        }
        let cost: f64 = cost_lines(model, &read).iter().map(|line| line.annual_eur).sum();
        let proof = plan.certificate.as_ref().unwrap();
        prop_assert!((cost - proof.objective_eur).abs() <= 1e-5 * proof.objective_eur, "{cost}: {}", &text[range]);
    }
}
