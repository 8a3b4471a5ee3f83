//! Programs that are location problems, against the general search; and programs that are none.

use bastide_engine::Stream;
use bastide_model::model::{AcceleratorId, Model, Profile, ServingCost, Tier};
use bastide_units::{CapacityCost, Money, MoneyRate, Power};
use rstest::rstest;

use super::{close, planned};
use crate::fixture::*;
use crate::formulation::Formulation;
use crate::instance::{Instance, Relaxed};
use crate::solver::{self, Answer, Limits};
use crate::{Outcome, SolveOptions, objective, siting, solve};

/// Accelerators cost nothing, energy neither; all of tier T2 is served.
fn free() -> Model {
    let mut model = empty();
    model.accelerators[0].price = Money::ZERO;
    model.accelerators[0].idle_share = 0.0;
    model.accelerators[0].per_node = 1;
    model.buses[0].energy_price = Profile::Constant(0.0);
    model.planning.min_service[2] = Some(1.0);
    model
}

fn open_at(model: &mut Model, name: &str, fixed: f64, most: u32) {
    let id = add_site(model, name);
    model.sites[id].building_cost = CapacityCost::ZERO;
    model.sites[id].fixed_cost = Money::from_eur(fixed);
    model.sites[id].max_accelerators = Some(most);
}

/// Costs by service, then site; none where a service may not run.
fn serve(model: &mut Model, costs: &[Vec<Option<f64>>]) {
    let annual = costs.iter().map(|row| row.iter().map(|cost| cost.map(MoneyRate::from_eur_per_y)).collect()).collect();
    for (row, costs) in model.legal_service.iter_mut().zip(costs) {
        for (legality, _) in row.iter_mut().zip(costs).filter(|(_, cost)| cost.is_none()) {
            *legality = never(90);
        }
    }
    model.planning.serving_cost = Some(ServingCost { span: span(90), annual });
}

/// A random problem: some sites, some services, sometimes with a limit on their number, with gaps in the costs, or with a single source.
fn random(seed: u32) -> Model {
    let mut stream = Stream::new(11, seed, 0);
    let mut below = move |most: f64| stream.uniform() * most;
    let mut model = free();
    let (sites, services) = (2 + below(4.0) as usize, 3 + below(5.0) as usize);
    model.accelerators[0].per_node = 1 + below(3.0) as u32;
    for at in 0..sites {
        open_at(&mut model, &format!("s{at}"), 1e4 * below(9.0).floor(), 4 + below(12.0) as u32);
    }
    let (single, gaps) = (seed.is_multiple_of(3), seed % 4 == 1);
    let mut costs = Vec::new();
    for at in 0..services {
        let id = add_service(&mut model, &format!("v{at}"), Tier::T2, 1.0 + below(6.0));
        model.services[id].operation.single_site = single;
        costs.push((0..sites).map(|site| (!gaps || site == at % sites || below(1.0) < 0.7).then(|| 1e3 * below(40.0))).collect());
    }
    serve(&mut model, &costs);
    if seed % 5 == 2 {
        model.planning.sites = (1, 2);
    }
    model
}

fn limits() -> Limits {
    Limits { gap: 0.0, time_limit: bastide_units::Duration::from_s(60.0) }
}

#[test]
fn the_search_of_its_own_finds_what_the_general_one_finds() {
    let (mut found, mut impossible) = (0, 0);
    for seed in 0..60 {
        let model = random(seed);
        let instance = Instance::new(&model, None, &Relaxed::default());
        let formulation = Formulation::new(&instance, &Relaxed::default());
        let (answer, proof) =
            siting::solve(&instance, &formulation, &limits()).unwrap().unwrap_or_else(|| panic!("{seed} is a location problem"));
        let general = solver::solve(&formulation.program, &limits()).unwrap();
        let possible = siting::is_possible(&instance, &formulation);
        match (&answer, &general) {
            (Answer::Found(own), Answer::Found(general)) => {
                assert!(
                    (own.objective - general.objective).abs() <= 1e-6 * general.objective.abs().max(1e-3),
                    "{seed}: {own:?} {general:?}"
                );
                assert!(own.bound <= own.objective && own.objective - own.bound <= 1e-6 * own.objective.abs().max(1e-6), "{seed}");
                assert_ne!(possible, Some(false), "{seed}");
                let plan = planned(&model, None);
                assert!(close(objective(&plan), general.objective * 1e6), "{seed}");
                assert_eq!(plan.certificate.unwrap().solver, proof.solver);
                found += 1;
            }
            (Answer::Infeasible, Answer::Infeasible) => {
                assert_ne!(possible, Some(true), "{seed}");
                impossible += 1;
            }
            other => panic!("{seed}: {other:?}"),
        }
    }
    assert!(found > 20 && impossible > 3, "{found} {impossible}");
}

/// Two sites at 60 and 50 k EUR that take 10 and 6, three services of 4: both must open. The second takes 6 of the 12.
fn two_sites() -> Model {
    let mut model = free();
    open_at(&mut model, "a", 60_000.0, 10);
    open_at(&mut model, "b", 50_000.0, 6);
    for name in ["u", "v", "w"] {
        add_service(&mut model, name, Tier::T2, 4.0);
    }
    serve(&mut model, &[vec![Some(1000.0), Some(9000.0)], vec![Some(5000.0), Some(2000.0)], vec![Some(4000.0), Some(4000.0)]]);
    model.planning.discount_rate = 0.0;
    model.planning.building_lifetime = bastide_units::Duration::from_y(1.0);
    model
}

#[test]
fn by_hand() {
    let plan = planned(&two_sites(), None);
    // u at a, v at b, w anywhere: 110,000 + 1,000 + 2,000 + 4,000.
    assert!(close(objective(&plan), 117_000.0), "{plan:?}");
    let serving = plan.cost.iter().find(|line| line.line == "serving").unwrap();
    assert!(close(serving.annual_eur, 7_000.0) && serving.capital_eur == 0.0);
    assert!(plan.certificate.unwrap().solver.starts_with("location search (capacitated, split demand)"));
}

#[test]
fn a_service_of_a_single_site_is_not_split() {
    let mut model = two_sites();
    for service in &mut model.services {
        service.operation.single_site = true;
    }
    let plan = planned(&model, None);
    // The same: 4 at b, 8 at a.
    assert!(close(objective(&plan), 117_000.0));
    assert!(plan.placements.iter().all(|place| (place.share - 1.0).abs() < 1e-9) && plan.placements.len() == 3);
    // Of five each, one alone fits at b and two at a; b is full with one.
    model.services.iter_mut().for_each(|service| service.demand = service.demand * 1.25);
    let plan = planned(&model, None);
    assert!(close(objective(&plan), 117_000.0) && plan.placements.len() == 3, "{plan:?}");
    // Of 5.2 each, no two fit at a, though all of it is less than the capacity of both.
    model.services.iter_mut().for_each(|service| service.demand = service.demand * 1.04);
    let Outcome::Infeasible(conflict) = solve(&model, None, &SolveOptions::default()).unwrap() else { panic!() };
    let names: Vec<&str> = conflict.groups.iter().map(|group| group.name.as_str()).collect();
    assert!(names.contains(&"accelerators of a") && names.iter().any(|name| name.starts_with("single site of")), "{names:?}");
}

#[rstest]
// Something that costs by the accelerator, must not be served, may bind, stands, must survive, or is of two types.
#[case::priced(|model: &mut Model| model.accelerators[0].price = Money::from_eur(1.0))]
#[case::unserved(|model: &mut Model| model.planning.min_service[2] = Some(0.9))]
#[case::budget(|model: &mut Model| model.planning.budget = Money::from_eur(110_000.0 - 1.0))]
#[case::power(|model: &mut Model| model.planning.it_power = Power::from_kw(12.5))]
#[case::survival(|model: &mut Model| model.planning.survive_site_loss = vec![Tier::T2])]
#[case::two_types(|model: &mut Model| {
    model.accelerators.push(card("other", 0.0));
    model.planning.accelerators.push((AcceleratorId(1), None));
    model.token_rate.iter_mut().for_each(|row| row.push(row[0]));
})]
#[case::half_of_them(|model: &mut Model| model.services[bastide_model::model::ServiceId(0)].operation.single_site = true)]
#[case::campaign(|model: &mut Model| { add_campaign(model, "run"); })]
#[case::dataset(|model: &mut Model| { add_dataset(model, "records"); })]
fn other_programs_are_none(#[case] change: fn(&mut Model)) {
    let mut model = two_sites();
    let is_location = |model: &Model| {
        let instance = Instance::new(model, None, &Relaxed::default());
        siting::solve(&instance, &Formulation::new(&instance, &Relaxed::default()), &limits()).unwrap().is_some()
    };
    assert!(is_location(&model));
    change(&mut model);
    assert!(!is_location(&model));
}

#[test]
fn too_little_capacity_is_said_at_once() {
    let mut model = free();
    for at in 0..12 {
        open_at(&mut model, &format!("s{at}"), 1000.0, 10);
    }
    for at in 0..60 {
        add_service(&mut model, &format!("v{at}"), Tier::T2, 2.5);
    }
    serve(&mut model, &(0..60).map(|at| (0..12).map(|site| Some(f64::from(at * site % 7))).collect()).collect::<Vec<_>>());
    let Outcome::Infeasible(conflict) = solve(&model, None, &SolveOptions::default()).unwrap() else { panic!() };
    // 150 in 120: all twelve sites, and that all must be served.
    assert_eq!(conflict.groups.iter().filter(|group| group.name.starts_with("accelerators of")).count(), 12);
    assert!(conflict.groups.iter().any(|group| group.name == "least service of T2"));
}
