use bastide_model::model::{AssetClass, Critical, Cvar, DemandBudget, Model, Outlook, SiteId, Tier};
use bastide_model::plan::Plan;
use bastide_units::{Money, Power, Quantity, TokenPrice};

use super::{close, planned};
use crate::fixture::*;
use crate::stochastic::uncertainty;
use crate::{Outcome, SolveOptions, objective, solve};

/// Yearly cost of an accelerator of the fixture that costs 10 k EUR a year and nothing else.
const CARD: f64 = 10_000.0;

/// Types that cost 10 k EUR a year, one per node; sites without cost; no energy.
fn plain(sites: usize) -> Model {
    let mut model = empty();
    model.planning.discount_rate = 0.0;
    model.accelerators[0].price = Money::from_eur(5.0 * CARD);
    model.accelerators[0].per_node = 1;
    model.buses[0].energy_price = bastide_model::model::Profile::Constant(0.0);
    for at in 0..sites {
        let id = add_site(&mut model, &format!("s{at}"));
        model.sites[id].building_cost = bastide_units::CapacityCost::ZERO;
    }
    model
}

fn outlook(model: &Model, name: &str, probability: f64) -> Outlook {
    Outlook {
        entity: entity(name, 80),
        probability,
        availability: vec![1.0; model.sites.len()],
        demand: vec![1.0; model.services.len()],
        energy_price: vec![1.0; model.buses.len()],
        branch: bastide_model::model::Branch::default(),
    }
}

fn count(plan: &Plan) -> u32 {
    plan.builds.iter().map(|build| build.count).sum()
}

/// A newsvendor of accelerators: 10 with probability 0.6, 20 with 0.3, 30 with 0.1; one costs 10,000 a year and its tokens are worth
/// `worth`.
fn newsvendor(worth: f64) -> Model {
    let mut model = plain(1);
    add_service(&mut model, "chat", Tier::T1, 10.0);
    // 1,000 tokens/s for a year.
    model.services[0].value = TokenPrice::from_eur_per_mtokens(worth / 31_536.0);
    let mut all: Vec<Outlook> = [("low", 0.6), ("middle", 0.3), ("high", 0.1)].map(|(name, p)| outlook(&model, name, p)).into();
    all[1].demand[0] = 2.0;
    all[2].demand[0] = 3.0;
    model.planning.uncertainty.outlooks = all;
    model
}

#[test]
fn the_newsvendor_buys_up_to_the_critical_ratio() {
    // Worth 30,000: the 11th is used with probability 0.4 (12,000 > 10,000), the 21st with 0.1 (3,000 < 10,000): 20.
    // Cost: 20 * 10,000 + 0.1 * 10 * 30,000 = 230,000.
    let model = newsvendor(30_000.0);
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 20);
    assert!(close(objective(&plan), 230_000.0), "{}", objective(&plan));
    assert_eq!(plan.hedge.recourse.len(), 2);
    // WS: 10,000 * (0.6 * 10 + 0.3 * 20 + 0.1 * 30) = 150,000. EV: the mean is 15. EEV: 150,000 + 30,000 * (0.3 * 5 + 0.1 * 15) = 240,000.
    let it = uncertainty(&model, None, &SolveOptions::default(), &plan).unwrap().unwrap();
    let near = |value: Option<f64>, expected: f64| assert!(close(value.unwrap(), expected), "{value:?} {expected}");
    near(it.ws, 150_000.0);
    near(it.ev, 150_000.0);
    near(it.eev, 240_000.0);
    near(it.evpi(), 80_000.0);
    near(it.vss(), 10_000.0);
}

#[test]
fn weight_on_the_worst_buys_more() {
    // The mean of the worst 10 % is the loss in `high`, 30,000 for each accelerator that lacks: with weight 1 the 21st saves
    // 0.1 * 30,000 + 30,000 > 10,000. All 30: no loss, cost 300,000.
    let mut model = newsvendor(30_000.0);
    model.planning.uncertainty.cvar = Some(Cvar { level: 0.9, weight: 1.0 });
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 30);
    // Weight 0.2: 3,000 + 6,000 < 10,000: 20, and the risk is 0.2 * 300,000.
    model.planning.uncertainty.cvar = Some(Cvar { level: 0.9, weight: 0.2 });
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 20);
    assert!(close(objective(&plan), 230_000.0 + 60_000.0));
    assert!(plan.cost.iter().any(|line| line.line == "risk of unserved demand" && close(line.annual_eur, 60_000.0)));
}

#[test]
fn an_outlook_in_which_a_site_is_lost() {
    // Two sites; the first is out with probability 0.5. One accelerator is worth 30,000 a year: at the other site all 10 are always
    // served for 100,000.
    let mut model = plain(2);
    add_service(&mut model, "chat", Tier::T1, 10.0);
    model.services[0].value = TokenPrice::from_eur_per_mtokens(30_000.0 / 31_536.0);
    let (calm, mut war) = (outlook(&model, "calm", 0.5), outlook(&model, "war", 0.5));
    war.availability[0] = 0.0;
    model.planning.uncertainty.outlooks = vec![calm, war];
    let plan = planned(&model, None);
    assert!(close(objective(&plan), 100_000.0));
    assert_eq!(plan.builds.iter().map(|build| build.site).collect::<Vec<_>>(), [SiteId(1)]);
}

#[test]
fn energy_prices_of_outlooks_are_weighed() {
    // 10 accelerators of 1 kW at PUE 1.25 draw 109.5 MWh a year; at 100 EUR/MWh, or 300 with probability 0.25: 150 on average.
    let mut model = plain(1);
    model.buses[0].energy_price = bastide_model::model::Profile::Constant(bastide_units::EnergyPrice::from_eur_per_mwh(100.0).base());
    model.accelerators[0].idle_share = 0.5;
    add_service(&mut model, "chat", Tier::T1, 10.0);
    let (calm, mut dear) = (outlook(&model, "calm", 0.75), outlook(&model, "dear", 0.25));
    dear.energy_price[0] = 3.0;
    model.planning.uncertainty.outlooks = vec![calm, dear];
    let plan = planned(&model, None);
    let energy: f64 = plan.cost.iter().filter(|line| line.line == "energy").map(|line| line.annual_eur).sum();
    assert!(close(energy, 109.5 * 150.0), "{energy}");
}

#[test]
fn critical_demand_is_held_outside_the_largest_site() {
    // 10 accelerators' worth, 60 % critical: 6 must be outside the largest site, 10 in all. Two sites: 6 and 6. Three: 4, 3, 3 is enough.
    for (sites, expected) in [(2, 12), (3, 10)] {
        let mut model = plain(sites);
        add_service(&mut model, "chat", Tier::T1, 10.0);
        model.services[0].critical = Critical { share: 0.6, penalty: None };
        let plan = planned(&model, None);
        assert_eq!(count(&plan), expected, "{sites} sites");
    }
}

#[test]
fn critical_demand_that_is_too_dear_is_paid_for() {
    // Outside the largest of two sites one accelerator more costs 10,000; a penalty of 4,000 is cheaper. Without any at the second
    // site 6 stay uncovered.
    let mut model = plain(2);
    add_service(&mut model, "chat", Tier::T1, 10.0);
    model.services[0].critical = Critical { share: 0.6, penalty: Some(TokenPrice::from_eur_per_mtokens(4_000.0 / 31_536.0)) };
    let plan = planned(&model, None);
    // 5 and 5 cost nothing more than 10 at one site: one is uncovered.
    assert_eq!(count(&plan), 10);
    assert!(close(objective(&plan), 104_000.0), "{}", objective(&plan));
}

#[test]
fn every_single_loss_leaves_the_least_service() {
    // 9 accelerators' worth, all of it after the loss of any of three sites: 5, 5, 4 of 14 are left with 9 or more.
    let mut model = plain(3);
    add_service(&mut model, "chat", Tier::T1, 9.0);
    model.planning.min_service[1] = Some(1.0);
    model.planning.uncertainty.survive = vec![AssetClass::Site];
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 14);
    // Only what can run where it is left counts: a second service that the first site alone may run cannot survive its loss.
    add_service(&mut model, "vault", Tier::T1, 1.0);
    model.legal_service[1] = vec![always(), never(33), never(34)];
    let Outcome::Infeasible(conflict) = solve(&model, None, &SolveOptions::default()).unwrap() else { panic!("a plan") };
    let names: Vec<&str> = conflict.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["legality of vault", "outage loss of s0"]);
}

#[test]
fn a_vendor_and_a_bus_can_be_lost() {
    let mut model = plain(2);
    let mut other = card("other", 5.0 * 3.0 * CARD);
    (other.per_node, other.vendor) = (1, "second".into());
    model.accelerators.push(other);
    model.planning.accelerators.push((bastide_model::model::AcceleratorId(1), None));
    add_service(&mut model, "chat", Tier::T1, 4.0);
    model.planning.min_service[1] = Some(1.0);
    model.planning.uncertainty.survive = vec![AssetClass::Vendor];
    // Four of each: 40,000 + 120,000.
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 8);
    model.planning.uncertainty.survive = vec![AssetClass::Bus];
    assert!(matches!(solve(&model, None, &SolveOptions::default()).unwrap(), Outcome::Infeasible(_)), "both sites hang on one bus");
}

#[test]
fn the_worst_loss_of_a_site_is_weighed_against_capital() {
    // Three sites, 10 critical, 30,000 each: with n at each site one loss leaves 2 n; n = 5 costs 150,000 and nothing is lost. One more
    // at each of three sites saves two: 60,000 for 30,000.
    let mut model = plain(3);
    add_service(&mut model, "chat", Tier::T1, 10.0);
    model.services[0].value = TokenPrice::from_eur_per_mtokens(30_000.0 / 31_536.0);
    model.services[0].critical.share = 1.0;
    model.planning.uncertainty.strike = Some(1);
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 15);
    assert!(close(objective(&plan), 150_000.0));
    // Two lost: one more at each of three saves one, 30,000 for 30,000; with less value nothing is built.
    model.services[0].value = TokenPrice::from_eur_per_mtokens(29_000.0 / 31_536.0);
    model.planning.uncertainty.strike = Some(2);
    let plan = planned(&model, None);
    assert_eq!(count(&plan), 0);
    assert!(close(objective(&plan), 290_000.0));
}

#[test]
fn demand_rises_within_its_budget() {
    // Two services of 10 at one site; one of them rises by half: 25.
    let mut model = plain(1);
    for name in ["chat", "mail"] {
        let id = add_service(&mut model, name, Tier::T1, 10.0);
        model.services[id.index()].critical.share = 1.0;
    }
    model.sites[0].max_it_power = Power::from_mw(1.0);
    model.planning.uncertainty.demand_budget = Some(DemandBudget { services: 1, rise: 0.5 });
    assert_eq!(count(&planned(&model, None)), 25);
    model.planning.uncertainty.demand_budget = Some(DemandBudget { services: 2, rise: 0.5 });
    assert_eq!(count(&planned(&model, None)), 30);
}

#[test]
fn sites_of_unlike_reach_share_what_they_can() {
    // Three services on three sites, each at two of them: the sets overlap, and in the outlook every set must have room.
    let mut model = plain(3);
    for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
        let id = add_service(&mut model, name, Tier::T1, 6.0);
        model.services[id.index()].value = TokenPrice::from_eur_per_mtokens(40_000.0 / 31_536.0);
        model.legal_service[id.index()][at] = never(30);
    }
    let (calm, mut war) = (outlook(&model, "calm", 0.5), outlook(&model, "war", 0.5));
    war.availability = vec![0.0, 1.0, 0.5];
    war.demand = vec![1.0, 2.0, 1.0];
    model.planning.uncertainty.outlooks = vec![calm, war];
    // `planned` checks that every outlook's placement has room at every site.
    let plan = planned(&model, None);
    assert!(plan.hedge.recourse[0].placements.iter().all(|it| it.site != SiteId(0)));
}
