use bastide_model::model::{AcceleratorId, DatasetId, Model, Tier};
use bastide_model::plan::SolveStatus;
use bastide_units::{CapacityCost, Duration, Money, Power, TokenRate};

use super::planned;
use crate::fixture::*;
use crate::{Outcome, SolveOptions, solve};

/// A national case: sites of three sizes and several costs, 10 services of four tiers in three legal classes, two types, two
/// campaigns, a dataset; T0 and T1 survive any site loss.
fn national(sites: usize) -> Model {
    let mut model = empty();
    let mut fast = card("fast", 54_000.0);
    fast.power = Power::from_kw(2.0);
    fast.idle_share = 0.3;
    fast.per_node = 72;
    model.accelerators.push(fast);
    model.planning.accelerators.push((AcceleratorId(1), Some(20_000)));
    for at in 0..sites {
        let id = add_site(&mut model, &format!("s{at}"));
        let site = &mut model.sites[id];
        let (size, cost, fixed) = [(40.0, 10.0, 30.0), (10.0, 11.0, 8.0), (2.0, 12.5, 1.0)][at % 3];
        site.max_it_power = Power::from_mw(size);
        site.connection = Power::from_mw(size * 1.3);
        site.building_cost = CapacityCost::from_meur_per_mw(cost + (at % 5) as f64 * 0.3);
        site.connection_cost = CapacityCost::from_meur_per_mw(0.4);
        site.fixed_cost = Money::from_meur(fixed);
    }
    let data = add_dataset(&mut model, "records");
    for at in 0..10_usize {
        let id = add_service(&mut model, &format!("v{at}"), Tier::ALL[at % 4], 400.0 + 150.0 * at as f64);
        model.token_rate[id.index()][1] = TokenRate::from_tokens_per_s(2600.0 + 200.0 * (at % 3) as f64);
        if at % 4 == 0 {
            (0..sites).filter(|site| site % 2 == 1).for_each(|site| model.legal_service[id.index()][site] = never(33));
        }
        model.services[id].dataset = (at == 1).then_some(DatasetId(data.0));
    }
    for (name, size) in [("first", 2048), ("second", 1024)] {
        let id = add_campaign(&mut model, name);
        model.campaigns[id].accelerators = size;
        model.campaigns[id].compute = model.campaigns[id].compute * (f64::from(size) / 16.0);
        model.campaigns[id].value = Money::from_meur(80.0);
        model.training_rate[id.index()][1] = bastide_units::ComputeRate::from_tflop_per_s(900.0);
    }
    model.policy.headroom = 0.7;
    model.planning.survive_site_loss = vec![Tier::T0, Tier::T1];
    model.planning.min_service[0] = Some(1.0);
    model.planning.budget = Money::from_meur(1500.0);
    model.planning.gap = 1e-3;
    model.planning.time_limit = Duration::from_s(120.0);
    model
}

#[test]
fn eight_sites() {
    let plan = planned(&national(8), None);
    assert!(plan.certificate.unwrap().gap <= 1e-3);
}

#[test]
fn forty_sites() {
    let plan = planned(&national(40), None);
    let certificate = plan.certificate.unwrap();
    assert!(certificate.gap <= 1e-3, "{certificate:?}");
}

#[test]
fn a_time_limit_is_kept_and_said() {
    // Too short for the root node: no plan, and the reason; a plan cut short keeps its rules and says so.
    let model = national(40);
    let options = |seconds| SolveOptions { time_limit: Some(Duration::from_s(seconds)), gap: Some(0.0), ..SolveOptions::default() };
    match solve(&model, None, &options(1e-3)).unwrap() {
        Outcome::Unknown { reason, .. } => assert_eq!(reason, "no plan was found within the time limit of 1 ms"),
        Outcome::Planned(plan) => assert_eq!(plan.certificate.unwrap().status, SolveStatus::LimitWithIncumbent),
        other @ Outcome::Infeasible(_) => panic!("{other:?}"),
    }
}
