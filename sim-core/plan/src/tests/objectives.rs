use bastide_model::model::{Model, NationId, Objective, Profile, Ranked, SiteId, Tier};
use bastide_units::{CarbonIntensity, CarbonPrice, EnergyPrice, Quantity, TokenPrice};
use rstest::rstest;

use super::{close, planned};
use crate::fixture::*;
use crate::{
    Choice, Front, FrontOutcome, Input, Outcome, Reason, SolveOptions, achieved, front, objective, ranging, solve_in_order, why_not,
};

/// Yearly cost of one accelerator of the fixture without energy: annuities of the card and of its building.
const CAPITAL: f64 = 30_000.0 * 0.230_974_798_128_267_23 + 10_000.0 * 0.080_242_587_190_691_3;
/// Energy of one accelerator in a year: 1.25 kW all the time \[MWh\].
const MWH: f64 = 1.25e-3 * 8760.0;

/// A coal bus at 50 EUR/MWh and 800 g/kWh, and a clean one at 150 EUR/MWh and 100 g/kWh, each with a site; tokens for 24 accelerators.
fn two_buses() -> Model {
    let mut model = empty();
    model.buses[0].carbon = Some(CarbonIntensity::from_g_per_kwh(800.0));
    model.buses[0].energy_price = Profile::Constant(EnergyPrice::from_eur_per_mwh(50.0).base());
    let mut clean = model.buses[0].clone();
    clean.entity = entity("clean", 3);
    clean.carbon = Some(CarbonIntensity::from_g_per_kwh(100.0));
    clean.energy_price = Profile::Constant(EnergyPrice::from_eur_per_mwh(150.0).base());
    model.buses.push(clean);
    add_site(&mut model, "coal");
    let green = add_site(&mut model, "green");
    model.sites[green].bus = bastide_model::model::BusId(1);
    add_service(&mut model, "chat", Tier::T1, 24.0);
    model
}

fn ranked(model: &mut Model, wishes: &[(Objective, f64)]) {
    model.planning.ranking.objectives =
        wishes.iter().map(|(objective, tolerance)| Ranked { objective: *objective, tolerance: *tolerance }).collect();
}

#[test]
fn what_a_plan_achieves() {
    // 24 accelerators at the coal site: 24 * 10.95 MWh * 0.8 t.
    let model = two_buses();
    let plan = planned(&model, None);
    let it = achieved(&model, &plan);
    assert!(close(it.cost, 24.0 * (CAPITAL + MWH * 50.0)));
    assert!(close(it.carbon, 24.0 * MWH * 0.8), "{}", it.carbon);
    // The same for 20 years at 5 %.
    assert!(close(it.net_present_cost, it.cost / 0.080_242_587_190_691_3));
    assert_eq!((it.unserved, it.sovereignty, it.effective_sovereignty), (0.0, 0.0, 1.0));
}

#[rstest]
// Moving saves 0.7 t/MWh and costs 100 EUR/MWh: it pays above 142.86 EUR/t.
#[case(140.0, 0)]
#[case(145.0, 1)]
fn a_price_of_carbon_moves_the_plan(#[case] eur_per_t: f64, #[case] site: u32) {
    let mut model = two_buses();
    model.planning.ranking.carbon_price = Some(CarbonPrice::from_eur_per_t(eur_per_t));
    let plan = planned(&model, None);
    assert!(plan.builds.iter().all(|build| build.site == SiteId(site)));
    let line = plan.cost.iter().find(|line| line.line == "carbon").unwrap();
    assert!(close(line.annual_eur, eur_per_t * achieved(&model, &plan).carbon));
}

#[test]
fn the_mix_of_a_bus_follows_from_its_plants() {
    use bastide_model::model::{Generator, Load};
    // 100 MW of load: 60 MW of coal at 900 g/kWh first, 40 MW of gas at 400 g/kWh: 700 g/kWh.
    let mut model = empty();
    for (name, mw, eur, grams) in [("coal", 60.0, 20.0, 900.0), ("gas", 500.0, 60.0, 400.0)] {
        model.generators.push(Generator {
            entity: entity(name, 50),
            bus: bastide_model::model::BusId(0),
            technology: name.into(),
            capacity: bastide_units::Power::from_mw(mw),
            units: 1,
            availability: Profile::Constant(1.0),
            cost: EnergyPrice::from_eur_per_mwh(eur),
            carbon: CarbonIntensity::from_g_per_kwh(grams),
            reliability: None,
            black_start: false,
        });
    }
    model.loads.push(Load {
        entity: entity("town", 51),
        bus: bastide_model::model::BusId(0),
        power: Profile::Constant(1e8),
        value_of_lost_load: EnergyPrice::from_eur_per_mwh(8000.0),
        interruptible: false,
        cut: bastide_model::model::LoadCut::default(),
    });
    assert!(close(crate::carbon::intensities(&model)[0], 0.7));
}

#[test]
fn objectives_in_their_order() {
    // Tokens at 0.05 EUR per million are not worth their accelerators: for its cost alone, nothing is built.
    let mut model = two_buses();
    model.services[bastide_model::model::ServiceId(0)].value = TokenPrice::from_eur_per_mtokens(0.05);
    assert!(planned(&model, None).builds.is_empty());
    // Everything is served, at the least cost.
    ranked(&mut model, &[(Objective::Unserved, 0.0), (Objective::Cost, 0.0)]);
    let plan = planned(&model, None);
    assert_eq!((plan.builds[0].site, plan.builds[0].count), (SiteId(0), 24));
    // Everything is served, as cleanly as can be; cost comes last by itself.
    ranked(&mut model, &[(Objective::Unserved, 0.0), (Objective::Carbon, 0.0)]);
    let (outcome, stages) = solve_in_order(&model, None, &SolveOptions::default(), None).unwrap();
    let Outcome::Planned(plan) = outcome else { panic!("{outcome:?}") };
    assert_eq!((plan.builds[0].site, plan.builds[0].count), (SiteId(1), 24));
    assert_eq!(stages.iter().map(|stage| stage.objective).collect::<Vec<_>>(), [Objective::Unserved, Objective::Carbon, Objective::Cost]);
    assert!(close(stages[1].value, 24.0 * MWH * 0.1) && stages.iter().all(|stage| stage.bound <= stage.value));
    ranked(&mut model, &[(Objective::Cost, 0.0), (Objective::Carbon, 0.0)]);
    assert!(planned(&model, None).builds.is_empty(), "the cheapest plan is the only one");
}

#[test]
fn foreign_operators_are_left_where_sovereignty_ranks_first() {
    use bastide_model::model::Nation;
    let mut model = two_buses();
    model.nations.push(Nation {
        entity: entity("abroad", 4),
        groups: vec![],
        hub: None,
        utc_offset: bastide_units::Duration::ZERO,
        backbone: false,
    });
    model.sites[SiteId(0)].operator_nation = NationId(1);
    let plan = planned(&model, None);
    assert_eq!(achieved(&model, &plan).effective_sovereignty, 0.0);
    ranked(&mut model, &[(Objective::Sovereignty, 0.0), (Objective::Cost, 0.0)]);
    let plan = planned(&model, None);
    assert!(plan.builds.iter().all(|build| build.site == SiteId(1)));
    assert_eq!(achieved(&model, &plan).effective_sovereignty, 1.0);
}

fn found(model: &Model, objectives: &[Objective], count: usize) -> Front {
    match front(model, None, objectives, count, &SolveOptions::default()).unwrap() {
        FrontOutcome::Found(front) => front,
        other => panic!("{other:?}"),
    }
}

/// Everything that must hold of any front.
fn check_front(model: &Model, front: &Front) {
    let values = |at: usize| front.objectives.iter().map(|it| front.points[at].achieved.of(*it)).collect::<Vec<_>>();
    for at in 0..front.points.len() {
        let point = &front.points[at];
        assert!(point.bound <= point.objective && point.gap >= 0.0, "{point:?}");
        for (objective, limit) in &point.limits {
            assert!(point.achieved.of(*objective) <= limit * (1.0 + 1e-6) + 1e-6, "{objective:?} {limit}");
        }
        let broken: Vec<_> = crate::verify(model, &point.plan, None).into_iter().filter(|check| !check.ok).collect();
        assert!(broken.is_empty(), "{broken:?}");
        for other in (0..front.points.len()).filter(|other| *other != at) {
            let (a, b) = (values(at), values(other));
            assert!(!a.iter().zip(&b).all(|(a, b)| a <= b), "{a:?} dominates {b:?}");
        }
    }
}

#[test]
fn a_front_by_enumeration() {
    // Three nodes for 24 accelerators' worth, each at either site or not bought at all. Tokens are worth 157,680 EUR/y for each
    // accelerator. What is not busy draws nothing, so that work spread over nodes in parts gives the front more points than whole nodes have;
    // none of them is better than a full node of the same kind in both.
    let mut model = two_buses();
    model.accelerators[0].idle_share = 0.0;
    let mut plans = Vec::new();
    for coal in 0..=3_u32 {
        for green in 0..=3 - coal {
            let cost = |nodes: u32, price: f64| f64::from(nodes * 8) * (CAPITAL + MWH * price);
            let lost = f64::from(24 - 8 * (coal + green)) * 157_680.0;
            let carbon = f64::from(coal * 8) * MWH * 0.8 + f64::from(green * 8) * MWH * 0.1;
            plans.push((cost(coal, 50.0) + cost(green, 150.0) + lost, carbon));
        }
    }
    let best: Vec<_> = plans.iter().filter(|a| !plans.iter().any(|b| b != *a && b.0 <= a.0 + 1e-6 && b.1 <= a.1 + 1e-6)).collect();
    let front = found(&model, &[Objective::Cost, Objective::Carbon], 12);
    check_front(&model, &front);
    assert!(front.points.len() >= 12, "{}", front.points.len());
    for (cost, carbon) in best {
        let better = front.points.iter().filter(|point| point.achieved.cost < cost - 1.0 && point.achieved.carbon < carbon - 1e-6);
        assert_eq!(better.count(), 0, "{cost} {carbon}");
    }
    let (first, last) = (&front.points[0], &front.points[front.points.len() - 1]);
    assert!(close(first.achieved.cost, 24.0 * (CAPITAL + MWH * 50.0)) && close(last.achieved.carbon, 0.0), "{first:?} {last:?}");
    assert!(front.points.iter().all(|point| point.gap <= 1e-6));
}

#[test]
fn a_front_of_whole_plans_is_exactly_theirs() {
    // With idle draw as large as full load, emissions and cost follow the nodes alone: the front is that of the ten plans.
    let model = two_buses();
    let front = found(&model, &[Objective::Cost, Objective::Carbon], 20);
    check_front(&model, &front);
    let mut plans: Vec<(f64, f64)> = Vec::new();
    for coal in 0..=3_u32 {
        for green in 0..=3 - coal {
            let cost = |nodes: u32, price: f64| f64::from(nodes * 8) * (CAPITAL + MWH * price);
            let lost = f64::from(24 - 8 * (coal + green)) * 157_680.0;
            plans.push((cost(coal, 50.0) + cost(green, 150.0) + lost, f64::from(coal * 8) * MWH * 0.8 + f64::from(green * 8) * MWH * 0.1));
        }
    }
    let mut best: Vec<(f64, f64)> =
        plans.iter().copied().filter(|a| !plans.iter().any(|b| b != a && b.0 <= a.0 + 1e-6 && b.1 <= a.1 + 1e-6)).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    let points: Vec<(f64, f64)> = front.points.iter().map(|point| (point.achieved.cost, point.achieved.carbon)).collect();
    assert_eq!(points.len(), best.len(), "{points:?} {best:?}");
    assert!(points.iter().zip(&best).all(|(a, b)| close(a.0, b.0) && close(a.1, b.1)), "{points:?} {best:?}");
    assert!(!front.more);
}

#[test]
fn a_front_of_three_objectives() {
    let model = two_buses();
    let front = found(&model, &[Objective::Cost, Objective::Carbon, Objective::Unserved], 9);
    check_front(&model, &front);
    // Serving nothing, serving all dirtily, serving all cleanly.
    assert!(front.points.len() >= 3, "{}", front.points.len());
}

#[test]
fn why_a_site_is_not_used() {
    // 24 accelerators at the other site cost 100 EUR/MWh more; one node of them is enough to use it.
    let model = two_buses();
    let options = SolveOptions::default();
    let base = planned(&model, None);
    let asked = |choice| why_not(&model, None, &options, &base, choice).unwrap();
    assert_eq!(asked(Choice::Site(SiteId(0))).reason, Reason::Chosen);
    let Reason::Dearer(forced) = asked(Choice::Site(SiteId(1))).reason else { panic!() };
    assert!(close(forced.extra_eur, 8.0 * MWH * 100.0), "{}", forced.extra_eur);
    assert!(forced.at_least_eur <= forced.extra_eur && forced.extra_eur <= forced.at_most_eur);
    assert!(close(forced.lines.iter().map(|line| line.annual_eur).sum(), forced.extra_eur));
    assert!(crate::verify(&model, &forced.plan, None).iter().all(|check| check.ok));
}

#[test]
fn why_a_type_or_a_campaign_is_not_there() {
    let mut model = two_buses();
    model.accelerators.push(card("dear", 100_000.0));
    model.token_rate[0].push(bastide_units::TokenRate::from_tokens_per_s(1000.0));
    let options = SolveOptions::default();
    let base = planned(&model, None);
    let choice = Choice::named(&model, "accelerator.dear").unwrap();
    let answer = why_not(&model, None, &options, &base, choice).unwrap();
    assert!(matches!(answer.reason, Reason::Impossible(..)), "{answer:?}");
    model.planning.accelerators.push((bastide_model::model::AcceleratorId(1), None));
    let Reason::Dearer(forced) = why_not(&model, None, &options, &base, choice).unwrap().reason else { panic!() };
    assert!(close(forced.extra_eur, 8.0 * 70_000.0 * 0.230_974_798_128_267_23), "{}", forced.extra_eur);
    // A campaign that is worth less than its accelerators.
    let mut model = two_buses();
    let train = add_campaign(&mut model, "train");
    model.campaigns[train].value = bastide_units::Money::from_eur(1000.0);
    let base = planned(&model, None);
    let Reason::Dearer(forced) = why_not(&model, None, &options, &base, Choice::Campaign(train)).unwrap().reason else { panic!() };
    assert!(close(forced.extra_eur, 16.0 * (CAPITAL + MWH * 50.0) - 1000.0), "{}", forced.extra_eur);
}

#[test]
fn a_site_that_no_plan_can_use_names_the_conflict() {
    let mut model = two_buses();
    model.planning.sites = (0, 1);
    let mut rival = alternative("rival");
    rival.required = vec![SiteId(0)];
    let base = planned(&model, Some(&rival));
    let answer = why_not(&model, Some(&rival), &SolveOptions::default(), &base, Choice::Site(SiteId(1))).unwrap();
    let Reason::Impossible(_, Some(conflict)) = answer.reason else { panic!("{answer:?}") };
    let names: Vec<_> = conflict.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["most sites", "required site coal", "required site green"]);
}

#[test]
fn ranges_hold_just_inside_and_not_outside() {
    // At 50 and 90 EUR/MWh: the sites change places where the first is above 90, 1.8 of it, or the second below 50, 0.556 of it.
    let mut model = two_buses();
    model.buses[1].energy_price = Profile::Constant(EnergyPrice::from_eur_per_mwh(90.0).base());
    let plan = planned(&model, None);
    let (coal, clean) = (Input::Energy(bastide_model::model::BusId(0)), Input::Energy(bastide_model::model::BusId(1)));
    let options = SolveOptions::default();
    let time = bastide_units::Duration::from_s(600.0);
    let answer = ranging(&model, None, &options, &plan, &[coal, clean], time).unwrap();
    assert!(answer.left_out.is_empty());
    let (up, down) = (&answer.ranges[0].high, &answer.ranges[1].low);
    let change = |end: &crate::End| end.changes.as_ref().expect("it changes").at;
    assert!(up.stays <= 1.8 && change(up) > 1.8 && change(up) - up.stays <= 0.13, "{up:?}");
    assert!(down.stays >= 50.0 / 90.0 && change(down) < 50.0 / 90.0 && down.stays - change(down) <= 0.07, "{down:?}");
    assert!(answer.ranges[0].low.changes.is_none() && answer.ranges[1].high.changes.is_none());
    // Solved again, just inside and just outside.
    for (input, end) in [(coal, up), (clean, down)] {
        assert_eq!(planned(&input.scaled(&model, end.stays), None).builds[0].site, SiteId(0));
        assert_eq!(planned(&input.scaled(&model, change(end)), None).builds[0].site, SiteId(1));
    }
    assert_eq!(up.changes.as_ref().unwrap().opened, [SiteId(1)]);
}

#[test]
fn a_start_gives_the_same_optimum() {
    let model = two_buses();
    let plan = planned(&model, None);
    for (factor, model) in [(1.0, model.clone()), (1.5, Input::Demand(bastide_model::model::ServiceId(0)).scaled(&model, 1.5))] {
        let (outcome, _) = solve_in_order(&model, None, &SolveOptions::default(), Some(&plan)).unwrap();
        let Outcome::Planned(again) = outcome else { panic!("{outcome:?}") };
        assert!(close(objective(&again), objective(&planned(&model, None))), "{factor}");
        assert!(close(again.certificate.unwrap().gap, 0.0));
    }
}
