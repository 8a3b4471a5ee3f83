use bastide_model::model::{Model, Tier};
use bastide_units::{Duration, Money, Power};

use crate::fixture::*;
use crate::{Conflict, Outcome, SolveOptions, solve};

fn conflict(model: &Model, alternative: Option<&bastide_model::model::Alternative>) -> Conflict {
    match solve(model, alternative, &SolveOptions::default()).unwrap() {
        Outcome::Infeasible(conflict) => conflict,
        other => panic!("{other:?}"),
    }
}

fn names(conflict: &Conflict) -> Vec<&str> {
    conflict.groups.iter().map(|group| group.name.as_str()).collect()
}

fn two_sites() -> Model {
    let mut model = empty();
    add_site(&mut model, "left");
    add_site(&mut model, "right");
    add_service(&mut model, "chat", Tier::T1, 80.0);
    model.planning.min_service[1] = Some(1.0);
    model
}

#[test]
fn too_little_money() {
    // 80 accelerators cost 3.2 M EUR.
    let mut model = two_sites();
    model.planning.budget = Money::from_meur(3.0);
    let conflict = conflict(&model, None);
    assert_eq!(names(&conflict), ["budget", "least service of T1"]);
    assert_eq!(conflict.groups[0].sentence, format!("at most {} of capital", bastide_units::display(Money::from_meur(3.0))));
    assert_eq!(conflict.groups[1].spans[1].line, 40, "the service behind the tier");
    let diagnostics = conflict.diagnostics();
    assert_eq!(diagnostics[0].code, "F0790");
    assert_eq!(diagnostics[0].message, "no plan satisfies `budget` and `least service of T1` together");
    assert_eq!(diagnostics[0].span().line, 91, "where `budget` stands");
}

#[test]
fn survival_is_what_the_money_lacks() {
    // 3.2 M EUR for 80 accelerators are there, 6.4 M EUR for surviving are not.
    let mut model = two_sites();
    model.planning.budget = Money::from_meur(4.0);
    model.planning.survive_site_loss = vec![Tier::T1];
    assert_eq!(names(&conflict(&model, None)), ["budget", "survival of T1", "least service of T1"]);
}

#[test]
fn power_connections_and_rooms() {
    let mut model = two_sites();
    model.planning.it_power = Power::from_kw(79.0);
    assert_eq!(names(&conflict(&model, None)), ["IT power", "least service of T1"]);
    // 80 kW of IT at PUE 1.25 need 100 kW; two connections of 49 kW carry 39 accelerators each.
    let mut model = two_sites();
    model.sites.iter_mut().for_each(|site| site.connection = Power::from_kw(49.0));
    assert_eq!(names(&conflict(&model, None)), ["connection of left", "connection of right", "least service of T1"]);
    let mut model = two_sites();
    model.buses[0].hosting_limit = Some(Power::from_kw(90.0));
    assert_eq!(names(&conflict(&model, None)), ["hosting limit of north", "least service of T1"]);
    let mut model = two_sites();
    model.planning.accelerators[0].1 = Some(72);
    assert_eq!(names(&conflict(&model, None)), ["number of card", "least service of T1"]);
}

#[test]
fn rules_that_leave_no_site() {
    let mut model = two_sites();
    model.legal_service[0] = vec![never(33), never(34)];
    let conflict = conflict(&model, None);
    assert_eq!(names(&conflict), ["legality of chat", "least service of T1"]);
    assert_eq!(conflict.groups[0].sentence, "the rules let service `chat` run at 0 of 2 sites");
    assert_eq!(conflict.groups[0].spans.iter().map(|span| span.line).collect::<Vec<_>>(), [40, 33, 34]);
}

#[test]
fn users_too_far_away() {
    let mut model = two_sites();
    model.services[0].max_latency = Duration::from_ms(-1.0);
    assert_eq!(names(&conflict(&model, None)), ["latency of chat", "least service of T1"]);
}

#[test]
fn more_copies_than_homes() {
    let mut model = two_sites();
    let data = add_dataset(&mut model, "records");
    model.datasets[data].replicas = 3;
    assert_eq!(names(&conflict(&model, None)), ["copies of records"]);
}

#[test]
fn copies_against_the_number_of_sites() {
    let mut model = two_sites();
    add_dataset(&mut model, "records");
    model.planning.sites = (0, 1);
    assert_eq!(names(&conflict(&model, None)), ["most sites", "copies of records"]);
}

#[test]
fn a_rival_that_contradicts_itself() {
    let model = two_sites();
    let mut rival = alternative("rival");
    rival.sites = Some(vec![bastide_model::model::SiteId(0)]);
    rival.required = vec![bastide_model::model::SiteId(1)];
    let conflict = conflict(&model, Some(&rival));
    assert_eq!(names(&conflict), ["required site right"]);
    assert_eq!(conflict.groups[0].spans[0].line, 95);
}

#[test]
fn every_member_of_a_conflict_counts() {
    // Leaving out any one group of a conflict makes it possible again.
    let mut model = two_sites();
    model.planning.budget = Money::from_meur(4.0);
    model.planning.survive_site_loss = vec![Tier::T1];
    let possible = |model: &Model| matches!(solve(model, None, &SolveOptions::default()).unwrap(), Outcome::Planned(_));
    let mut richer = model.clone();
    richer.planning.budget = Money::from_meur(10.0);
    let mut bolder = model.clone();
    bolder.planning.survive_site_loss = vec![];
    let mut poorer = model.clone();
    poorer.planning.min_service = [None; 4];
    assert!(possible(&richer) && possible(&bolder) && possible(&poorer) && !possible(&model));
}
