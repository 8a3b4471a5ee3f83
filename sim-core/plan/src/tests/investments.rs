use bastide_model::model::{AcceleratorId, InvestmentId, Model, ServiceId, SiteId, Tier};
use bastide_model::plan::Plan;
use bastide_units::{Money, MoneyRate, Power, TokenPrice};
use proptest::prelude::*;
use rstest::rstest;

use super::{close, planned};
use crate::fixture::*;
use crate::{Outcome, SolveOptions, objective, solve, verify};

/// Annuity of a euro over 20 years at 5 %, and a megawatt-year of energy at 100 EUR/MWh.
const RECOVERY: f64 = 0.080_242_587_190_691_3;
const MW_YEAR: f64 = 8760.0 * 100.0;

fn one_site(accelerators: f64) -> (Model, SiteId, ServiceId) {
    let mut model = empty();
    let site = add_site(&mut model, "left");
    let service = add_service(&mut model, "chat", Tier::T1, accelerators);
    (model, site, service)
}

#[test]
fn a_connection_step_is_bought_where_it_is_worth_it() {
    // 16 accelerators draw 20 kW at PUE 1.25; the connection carries 10 kW, and 8 accelerators. Steps of 5 kW: two are needed.
    let (mut model, site, _) = one_site(16.0);
    model.sites[site].connection = Power::from_kw(10.0);
    let step = add_investment(&mut model, "feeder", site, 50_000.0);
    model.investments[step].most = 3;
    model.investments[step].effect.connection = Power::from_kw(5.0);
    let plan = planned(&model, None);
    assert_eq!(plan.investments, [(step, 2)]);
    assert_eq!(plan.builds[0].count, 16);
    let line = plan.cost.iter().find(|line| line.line == "investments").unwrap();
    assert!(close(line.annual_eur, 2.0 * 50_000.0 * RECOVERY) && close(line.capital_eur, 100_000.0));
    // Tokens of 8 accelerators are worth 8 * 157,680 EUR/y less 8 * 8,827: a step beyond that is not bought.
    model.investments[step].upkeep = MoneyRate::from_eur_per_y(8.0 * (157_680.0 - 8_827.0) / 2.0 + 1_000.0);
    assert!(planned(&model, None).investments.is_empty());
}

#[rstest]
// 16 kW for a year at a PUE that falls from 1.25 to 1.05 saves 2,803.2 EUR/y: the price of 34,934 EUR over 20 years at 5 %.
#[case(34_000.0, true)]
#[case(36_000.0, false)]
fn better_cooling_pays_for_itself(#[case] cost: f64, #[case] bought: bool) {
    let (mut model, site, _) = one_site(16.0);
    let before = objective(&planned(&model, None));
    let cooling = add_investment(&mut model, "liquid", site, cost);
    model.investments[cooling].effect.pue = Some(1.05);
    let plan = planned(&model, None);
    assert_eq!(plan.investments.len(), usize::from(bought));
    let saving = if bought { 0.2 * 0.016 * MW_YEAR - cost * RECOVERY } else { 0.0 };
    assert!(close(objective(&plan), before - saving), "{} {}", objective(&plan), before - saving);
}

#[test]
fn a_faster_service_needs_half_the_accelerators() {
    let (mut model, site, service) = one_site(32.0);
    let other = add_service(&mut model, "search", Tier::T1, 16.0);
    let lever = add_investment(&mut model, "quantise", site, 1_000.0);
    model.investments[lever].site = None;
    model.investments[lever].effect.speedup = Some((2.0, vec![service]));
    let plan = planned(&model, None);
    assert_eq!(plan.investments, [(lever, 1)]);
    assert_eq!(plan.builds[0].count, 32, "16 for the faster one and 16 for the other");
    let of = |id| plan.placements.iter().filter(|it| it.service == id).flat_map(|it| &it.accelerators).map(|(_, count)| count).sum::<f64>();
    assert!(close(of(service), 16.0) && close(of(other), 16.0));
    assert!(plan.unserved.is_empty());
}

#[test]
fn rented_accelerators_stand_in_for_bought_ones() {
    let (mut model, site, _) = one_site(8.0);
    let rent = add_investment(&mut model, "pool", site, 0.0);
    model.investments[rent].effect.accelerators = Some((AcceleratorId(0), 8));
    // A bought one costs 6,929 + 802 EUR/y of capital, apart from energy, which both draw.
    model.investments[rent].upkeep = MoneyRate::from_eur_per_y(8.0 * 7_700.0);
    let plan = planned(&model, None);
    assert_eq!((plan.investments.len(), plan.builds.len()), (1, 0));
    assert!(close(objective(&plan), 8.0 * 7_700.0 + 0.01 * MW_YEAR), "{}", objective(&plan));
    model.investments[rent].upkeep = MoneyRate::from_eur_per_y(8.0 * 7_800.0);
    assert!(planned(&model, None).investments.is_empty());
}

#[test]
fn what_rules_out_and_what_is_required_holds() {
    let (mut model, site, _) = one_site(16.0);
    let good = add_investment(&mut model, "good", site, 10_000.0);
    let better = add_investment(&mut model, "better", site, 10_000.0);
    model.investments[good].effect.pue = Some(1.15);
    model.investments[better].effect.pue = Some(1.05);
    // Two cooling plants at one site rule each other out.
    assert_eq!(planned(&model, None).investments, [(better, 1)]);
    let dear = add_investment(&mut model, "permit", site, 100_000.0);
    model.investments[better].requires = vec![dear];
    assert_eq!(planned(&model, None).investments, [(good, 1)]);
    let mut tampered = planned(&model, None);
    tampered.investments = vec![(better, 1)];
    assert!(verify(&model, &tampered, None).iter().any(|check| !check.ok && check.name == "investments as they may be bought"));
}

/// Cheapest plan over all sets of investments, each realised before planning; `None` where none is possible.
fn by_enumeration(model: &Model) -> Option<f64> {
    let count = model.investments.len();
    let mut best: Option<f64> = None;
    for set in 0..1u32 << count {
        let ids: Vec<InvestmentId> = (0..count).filter(|at| set >> at & 1 == 1).map(InvestmentId::from_index).collect();
        if ids.iter().any(|a| ids.iter().any(|b| a < b && model.clash(*a, *b))) {
            continue;
        }
        let bought = Plan { investments: ids.iter().map(|id| (*id, 1)).collect(), ..planned(&empty(), None) };
        let mut realised = model.realised(&bought).into_owned();
        let cost: f64 = ids.iter().map(|id| realised.investments[*id].cost.as_eur()).sum();
        realised.planning.budget = Money::from_eur((realised.planning.budget.as_eur() - cost).max(0.0));
        if cost > model.planning.budget.as_eur() {
            continue;
        }
        realised.investments.clear();
        if let Outcome::Planned(plan) = solve(&realised, None, &SolveOptions::default()).unwrap() {
            let total = objective(&plan) + cost * RECOVERY;
            best = Some(best.map_or(total, |best| best.min(total)));
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_program_chooses_as_well_as_enumeration(
        demand in 1..40u8, other in 0..20u8, kw in 5..40u8, budget in 2..20u8, survive: bool,
        costs in prop::collection::vec(1..60u8, 4), pue in 1..20u8, speed in 11..30u8,
    ) {
        let mut model = empty();
        let site = add_site(&mut model, "left");
        add_site(&mut model, "right");
        model.sites[site].connection = Power::from_kw(f64::from(kw));
        model.sites[site].connection_cost = bastide_units::CapacityCost::from_meur_per_mw(3.0);
        let chat = add_service(&mut model, "chat", Tier::T1, f64::from(demand));
        let more = add_service(&mut model, "more", Tier::T2, f64::from(other));
        model.services[more].value = TokenPrice::from_eur_per_mtokens(0.4);
        model.accelerators[AcceleratorId(0)].idle_share = 0.3;
        model.planning.budget = Money::from_eur(100_000.0 * f64::from(budget));
        if survive {
            model.planning.survive_site_loss = vec![Tier::T1];
        }
        let ids: Vec<InvestmentId> =
            costs.iter().enumerate().map(|(at, cost)| add_investment(&mut model, &format!("i{at}"), site, 1_000.0 * f64::from(*cost))).collect();
        model.investments[ids[0]].effect.connection = Power::from_kw(15.0);
        model.investments[ids[1]].effect.pue = Some(1.0 + 0.01 * f64::from(pue));
        model.investments[ids[2]].effect.speedup = Some((f64::from(speed) / 10.0, vec![chat]));
        model.investments[ids[3]].effect.accelerators = Some((AcceleratorId(0), 8));
        prop_assert_eq!(planned(&model, None).certificate.is_some(), true);
        let (ours, best) = (objective(&planned(&model, None)), by_enumeration(&model).unwrap());
        prop_assert!(close(ours, best), "{} against {}", ours, best);
    }
}
