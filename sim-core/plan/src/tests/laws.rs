use bastide_model::model::{AcceleratorId, Model, Tier};
use bastide_units::{CapacityCost, Duration, Money, Power, TokenPrice, TokenRate};
use good_lp::{Solution, SolverModel, microlp};
use proptest::prelude::*;

use super::{close, planned};
use crate::fixture::*;
use crate::formulation::Formulation;
use crate::instance::{Instance, Relaxed};
use crate::{Outcome, SolveOptions, objective, solve, solver};

/// A random small model: sites of different cost and size, services of different tiers and laws, two types, a campaign.
#[derive(Clone, Debug)]
struct Draw {
    sites: Vec<(u8, u8)>,
    services: Vec<(u8, u8, u8, u8)>,
    budget: u8,
    campaign: bool,
    dataset: bool,
    survive: bool,
}

fn draws() -> impl Strategy<Value = Draw> {
    let sites = prop::collection::vec((0..10u8, 1..5u8), 1..4);
    let services = prop::collection::vec((0..4u8, 1..30u8, any::<u8>(), 1..20u8), 1..4);
    (sites, services, 1..40u8, any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(sites, services, budget, campaign, dataset, survive)| Draw { sites, services, budget, campaign, dataset, survive })
}

fn model_of(draw: &Draw) -> Model {
    let mut model = empty();
    let mut fast = card("fast", 50_000.0);
    fast.power = Power::from_kw(1.5);
    model.accelerators.push(fast);
    model.planning.accelerators.push((AcceleratorId(1), Some(16)));
    for (at, (cost, size)) in draw.sites.iter().enumerate() {
        let id = add_site(&mut model, &format!("s{at}"));
        model.sites[id].building_cost = CapacityCost::from_meur_per_mw(8.0 + f64::from(*cost));
        model.sites[id].fixed_cost = Money::from_eur(20_000.0 * f64::from(*cost));
        model.sites[id].max_it_power = Power::from_kw(12.0 * f64::from(*size));
    }
    let data = (draw.dataset && draw.sites.len() > 1).then(|| add_dataset(&mut model, "records"));
    for (at, (tier, demand, law, value)) in draw.services.iter().enumerate() {
        let id = add_service(&mut model, &format!("v{at}"), Tier::ALL[usize::from(*tier)], f64::from(*demand));
        model.services[id].value = TokenPrice::from_eur_per_mtokens(0.2 * f64::from(*value));
        model.services[id].dataset = data.filter(|_| at == 0);
        model.token_rate[id.index()][1] = TokenRate::from_tokens_per_s(1500.0 + 300.0 * at as f64);
        for site in 0..model.sites.len() {
            if law >> site & 1 == 1 && at > 0 {
                model.legal_service[id.index()][site] = never(33);
            }
        }
    }
    if draw.campaign {
        add_campaign(&mut model, "train");
    }
    if draw.survive {
        model.planning.survive_site_loss = vec![Tier::T0, Tier::T1];
    }
    model.planning.budget = Money::from_eur(100_000.0 * f64::from(draw.budget));
    model.planning.time_limit = Duration::from_s(20.0);
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: prop::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// A pure-Rust solver of another make finds the same objective.
    #[test]
    fn another_solver_agrees(draw in draws()) {
        let model = model_of(&draw);
        let instance = Instance::new(&model, None, &Relaxed::default());
        let program = Formulation::new(&instance, &Relaxed::default()).program;
        let (unsolved, _, constraints) = solver::express(&program);
        let mut other = unsolved.using(microlp);
        constraints.into_iter().for_each(|constraint| { other.add_constraint(constraint); });
        let other = other.solve();
        match solve(&model, None, &SolveOptions::default()).unwrap() {
            Outcome::Planned(plan) => {
                let other = other.expect("microlp finds what HiGHS finds");
                let (_, columns, _) = solver::express(&program);
                let theirs: f64 = program.offset + columns.iter().zip(&program.columns).map(|(at, column)| other.value(*at) * column.cost).sum::<f64>();
                prop_assert!((theirs * 1e6 - objective(&plan)).abs() <= 1e-5 * objective(&plan).abs().max(1.0), "{} {}", theirs * 1e6, objective(&plan));
            }
            Outcome::Infeasible(_) => prop_assert!(other.is_err()),
            other @ Outcome::Unknown { .. } => prop_assert!(false, "{other:?}"),
        }
    }

    /// Every plan keeps every constraint (`planned` verifies), its lines sum to its objective, and more money never costs more.
    #[test]
    fn more_money_never_costs_more(draw in draws()) {
        let mut model = model_of(&draw);
        let cost = |model: &Model| {
            let plan = match solve(model, None, &SolveOptions::default()).unwrap() {
                Outcome::Planned(_) => planned(model, None),
                _ => return f64::INFINITY,
            };
            let certificate = plan.certificate.clone().unwrap();
            assert!(close(certificate.objective_eur, plan.cost.iter().map(|line| line.annual_eur).sum()));
            assert!(certificate.bound_eur <= certificate.objective_eur);
            certificate.objective_eur
        };
        let tight = cost(&model);
        model.planning.budget = model.planning.budget * 1.5;
        let loose = cost(&model);
        prop_assert!(loose <= tight * (1.0 + 1e-7) + 1e-3, "{loose} > {tight}");
    }

    /// The same model gives the same plan, bit for bit.
    #[test]
    fn the_same_question_has_the_same_answer(draw in draws()) {
        let model = model_of(&draw);
        let first = solve(&model, None, &SolveOptions::default()).unwrap();
        prop_assert_eq!(first, solve(&model, None, &SolveOptions::default()).unwrap());
    }
}
