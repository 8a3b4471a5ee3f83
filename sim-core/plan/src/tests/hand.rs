use bastide_model::model::{AcceleratorId, CampaignMode, SiteTier, SlowExchange, Tier};
use bastide_model::plan::SolveStatus;
use bastide_units::{ComputeRate, DataSize, Duration, Money, MoneyRate, Power, TokenPrice, TokenRate};
use rstest::rstest;

use super::{close, planned};
use crate::fixture::*;
use crate::objective;

/// Yearly cost of one accelerator of the fixture: 30 k EUR at 0.2309748 (5 y, 5 %), 10 k EUR of building at 0.0802426 (20 y),
/// 1.25 kW all year at 100 EUR/MWh.
const PER_ACCELERATOR: f64 = 30_000.0 * 0.230_974_798_128_267_23 + 10_000.0 * 0.080_242_587_190_691_3 + 1.25e-3 * 8760.0 * 100.0;

#[test]
fn one_site_without_survival() {
    // 10 accelerators need 2 nodes of 8: 16 accelerators, at 6,929 + 802 + 1,095 = 8,827 EUR/y each. Tokens are worth
    // 1,000 * 31,536,000 * 5e-6 = 157,680 EUR/y for each accelerator: all are served.
    let mut model = empty();
    add_site(&mut model, "left");
    add_site(&mut model, "right");
    add_service(&mut model, "chat", Tier::T1, 10.0);
    let plan = planned(&model, None);
    assert_eq!(plan.builds.iter().map(|it| it.count).sum::<u32>(), 16);
    assert!(close(objective(&plan), 16.0 * PER_ACCELERATOR), "{}", objective(&plan));
    assert!(close(plan.capital().as_eur(), 16.0 * 40_000.0));
    assert!(plan.unserved.is_empty());
    let certificate = plan.certificate.unwrap();
    assert_eq!(certificate.status, SolveStatus::Optimal);
    assert!(close(certificate.bound_eur, certificate.objective_eur));
}

#[test]
fn survival_of_one_site_loss_doubles_two_sites() {
    // Each site alone must carry 8 accelerators: one node at each.
    let mut model = empty();
    add_site(&mut model, "left");
    add_site(&mut model, "right");
    add_service(&mut model, "chat", Tier::T1, 8.0);
    model.planning.survive_site_loss = vec![Tier::T1];
    let plan = planned(&model, None);
    assert_eq!(plan.builds.iter().map(|it| it.count).collect::<Vec<_>>(), [8, 8]);
    assert!(close(objective(&plan), 16.0 * PER_ACCELERATOR));
    for place in &plan.placements {
        let moved: f64 = plan.standbys.iter().filter(|it| it.of == place.site).map(|it| it.share).sum();
        assert!(close(moved, place.share));
    }
}

#[rstest]
// Without loss 32 accelerators in 4 nodes. For n sites alike, each must hold 32 / (n - 1) accelerators in whole nodes:
// n = 2: 4 + 4 nodes; n = 3: 2 + 2 + 2; n = 5: 1 each; n = 4: three survivors hold 4 nodes, 2 + 2 + 1 + 1 fails (losing
// a 2 leaves 4: fine), so 6.
#[case(2, 8)]
#[case(3, 6)]
#[case(4, 6)]
#[case(5, 5)]
fn more_sites_need_less_spare(#[case] sites: usize, #[case] nodes: u32) {
    let mut model = empty();
    for at in 0..sites {
        add_site(&mut model, &format!("s{at}"));
    }
    add_service(&mut model, "chat", Tier::T0, 32.0);
    model.planning.survive_site_loss = vec![Tier::T0];
    let plan = planned(&model, None);
    assert_eq!(plan.builds.iter().map(|it| it.count / 8).sum::<u32>(), nodes);
}

#[test]
fn worthless_tokens_are_left_unserved() {
    // 0.05 EUR per million: 1,577 EUR/y per accelerator, less than the 8,827 that it costs.
    let mut model = empty();
    add_site(&mut model, "left");
    let chat = add_service(&mut model, "chat", Tier::T3, 8.0);
    model.services[chat].value = TokenPrice::from_eur_per_mtokens(0.05);
    let plan = planned(&model, None);
    assert!(plan.builds.is_empty());
    assert!(close(objective(&plan), 8.0 * 1576.8));
    assert!(close(plan.unserved[0].1.as_tokens_per_s(), 8000.0));
    // Unless the tier must be served.
    model.planning.min_service[3] = Some(0.5);
    let plan = planned(&model, None);
    assert_eq!(plan.builds[0].count, 8);
}

#[test]
fn headroom_and_idle_draw() {
    // 5.6 accelerators' worth of demand at headroom 0.7 takes 8. Idle draw 30 %, busy 70 % of the time:
    // 0.3 + 0.7 * 0.7 = 0.79 of 8 * 1.25 kW * 8,760 h * 100 EUR/MWh = 8,760 EUR/y: 6,920.40.
    let mut model = empty();
    add_site(&mut model, "left");
    add_service(&mut model, "chat", Tier::T1, 5.6);
    model.policy.headroom = 0.7;
    model.accelerators[0].idle_share = 0.3;
    let plan = planned(&model, None);
    assert_eq!(plan.builds[0].count, 8);
    let energy = plan.cost.iter().find(|line| line.line == "energy").unwrap();
    assert!(close(energy.annual_eur, 6920.4), "{}", energy.annual_eur);
}

#[test]
fn the_cheaper_type_per_token_is_bought() {
    // `fast` serves 3 times as much for twice the price and power 2 kW: 8 fast do the work of 24 cards.
    let mut model = empty();
    add_site(&mut model, "left");
    let mut fast = card("fast", 60_000.0);
    fast.power = Power::from_kw(2.0);
    model.accelerators.push(fast);
    model.planning.accelerators.push((AcceleratorId(1), None));
    let chat = add_service(&mut model, "chat", Tier::T1, 24.0);
    model.token_rate[chat.index()][1] = TokenRate::from_tokens_per_s(3000.0);
    let plan = planned(&model, None);
    assert_eq!((plan.builds[0].accelerator, plan.builds[0].count), (AcceleratorId(1), 8));
    // With none of them to be had, 24 cards.
    model.planning.accelerators[1].1 = Some(0);
    assert_eq!(planned(&model, None).builds[0].count, 24);
}

#[test]
fn a_campaign_runs_whole_or_not_at_all() {
    // 16 accelerators cost 141 k EUR/y, running is worth 10 M EUR.
    let mut model = empty();
    add_site(&mut model, "left");
    add_campaign(&mut model, "train");
    let plan = planned(&model, None);
    assert_eq!(plan.campaigns.len(), 1);
    assert!(close(objective(&plan), 16.0 * PER_ACCELERATOR));
    // At half the rate it takes 200 days; on day 150 it is due: 50 days at 10,000 EUR.
    model.training_rate[0][0] = ComputeRate::from_tflop_per_s(200.0);
    model.campaigns[0].deadline = bastide_units::Time::from_hours(150 * 24);
    let plan = planned(&model, None);
    assert!(close(objective(&plan), 16.0 * PER_ACCELERATOR + 500_000.0));
    // With money for 8 only, it does not run and nothing is bought.
    model.planning.budget = Money::from_eur(8.0 * 40_000.0);
    let plan = planned(&model, None);
    assert!(plan.campaigns.is_empty() && plan.builds.is_empty());
    assert!(close(objective(&plan), 10e6));
}

#[test]
fn islands_go_where_there_is_room_or_nowhere() {
    // Two islands of 8, and room for 8 at each site.
    let mut model = empty();
    for name in ["left", "right"] {
        let site = add_site(&mut model, name);
        model.sites[site].max_it_power = Power::from_mw(0.0085);
    }
    add_campaign(&mut model, "train");
    let plan = planned(&model, None);
    assert!(plan.campaigns.is_empty(), "one gang of 16 has room nowhere");
    let exchange = SlowExchange {
        interval: Duration::from_min(30.0),
        inner_steps: 100,
        size: DataSize::ZERO,
        fragments: 1,
        overlap_steps: 0,
        time: Some(Duration::ZERO),
    };
    model.campaigns[0].mode = CampaignMode::LowCommunication { islands: 2, exchange };
    let plan = planned(&model, None);
    assert_eq!(plan.campaigns.iter().map(|placed| placed.islands).collect::<Vec<_>>(), [1, 1]);
    assert!(close(objective(&plan), 16.0 * PER_ACCELERATOR));
    assert!(crate::verify(&model, &plan, None).iter().all(|check| check.ok));
    // Both at one site where that has room.
    model.sites[0].max_it_power = Power::from_mw(0.017);
    model.planning.sites = (0, 1);
    let plan = planned(&model, None);
    assert_eq!(plan.campaigns.iter().map(|placed| (placed.site.index(), placed.islands)).collect::<Vec<_>>(), [(0, 2)]);
    // One alone is worth nothing: half a campaign is never planned.
    model.sites[0].max_it_power = Power::from_mw(0.0085);
    assert!(planned(&model, None).campaigns.is_empty());
}

#[test]
fn training_gives_way_to_what_must_survive() {
    // 16 accelerators for the service at one site, 16 for the campaign at the other: when the first is lost, the service
    // takes over the campaign's, so 32 accelerators are enough. If training may not be pre-empted, 48.
    let mut model = empty();
    add_site(&mut model, "left");
    add_site(&mut model, "right");
    add_service(&mut model, "chat", Tier::T1, 16.0);
    add_campaign(&mut model, "train");
    model.planning.survive_site_loss = vec![Tier::T1];
    let bought = |model: &_| planned(model, None).builds.iter().map(|it| it.count).sum::<u32>();
    assert_eq!(bought(&model), 32);
    model.policy.preempt_training = false;
    assert_eq!(bought(&model), 48);
    // A campaign as critical as T0 does not give way to T1 either.
    model.policy.preempt_training = true;
    model.campaigns[0].tier = Tier::T0;
    assert_eq!(bought(&model), 48);
}

#[test]
fn a_fleet_that_is_there_costs_only_its_running() {
    let mut model = empty();
    let left = add_site(&mut model, "left");
    model.sites[left].existing = true;
    model.sites[left].fixed_upkeep = MoneyRate::from_eur_per_y(1000.0);
    model.fleets.push(bastide_model::model::Fleet {
        entity: entity("old", 80),
        site: left,
        accelerator: AcceleratorId(0),
        count: 10,
        energised: bastide_units::Time::ZERO,
        retired: bastide_units::Time::NEVER,
    });
    add_service(&mut model, "chat", Tier::T1, 10.0);
    let plan = planned(&model, None);
    assert!(plan.builds.is_empty());
    // 10 * 1,095 EUR of energy (idle draw is 100 %) and the upkeep.
    assert!(close(objective(&plan), 10.0 * 1095.0 + 1000.0));
}

#[test]
fn data_lie_where_services_run() {
    // Two copies and three sites: the service may use only the two that hold one.
    let mut model = empty();
    for name in ["a", "b", "c"] {
        add_site(&mut model, name);
    }
    let data = add_dataset(&mut model, "records");
    let chat = add_service(&mut model, "chat", Tier::T1, 32.0);
    model.services[chat].dataset = Some(data);
    model.planning.survive_site_loss = vec![Tier::T1];
    let plan = planned(&model, None);
    assert_eq!(plan.replicas.len(), 2);
    // Two sites must hold 4 nodes each; three without data would do with 6.
    assert_eq!(plan.builds.iter().map(|it| it.count / 8).sum::<u32>(), 8);
}

#[test]
fn two_protected_classes_share_the_rest() {
    // `home` may run at a and b, `any` at all three; 8 accelerators each. Losing c must leave room for `any`, losing a or b for
    // `home` as well. One node at each of the three sites: `home` at a, `any` at c; losing a, `home` goes to b; losing c,
    // `any` goes to b: 3 nodes.
    let mut model = empty();
    for name in ["a", "b", "c"] {
        add_site(&mut model, name);
    }
    let home = add_service(&mut model, "home", Tier::T0, 8.0);
    add_service(&mut model, "any", Tier::T1, 8.0);
    model.legal_service[home.index()][2] = never(33);
    model.planning.survive_site_loss = vec![Tier::T0, Tier::T1];
    let plan = planned(&model, None);
    assert_eq!(plan.builds.iter().map(|it| it.count / 8).sum::<u32>(), 3);
    assert!(plan.placements.iter().chain([]).all(|it| it.service != home || it.site.0 < 2));
}

#[test]
fn alternatives_restrict_the_search() {
    let mut model = empty();
    for name in ["a", "b", "c"] {
        add_site(&mut model, name);
    }
    model.sites[2].tier = SiteTier::Core;
    model.sites[2].building_cost = bastide_units::CapacityCost::from_meur_per_mw(20.0);
    add_service(&mut model, "chat", Tier::T1, 32.0);
    let sites = |alternative| {
        let plan = planned(&model, Some(&alternative));
        plan.builds.iter().map(|it| (model.sites[it.site].entity.name.clone(), it.count / 8)).collect::<Vec<_>>()
    };
    let mut one = alternative("required");
    one.required = vec![bastide_model::model::SiteId(1)];
    assert!(sites(one).iter().any(|(name, _)| name == "b"));
    let mut core = alternative("core");
    core.tier_share = vec![(SiteTier::Core, 0.5)];
    assert!(sites(core).contains(&("c".to_owned(), 2)));
    let mut all = alternative("all");
    all.count = Some((3, 3));
    assert_eq!(sites(all).len(), 3);
    let mut only = alternative("only");
    only.sites = Some(vec![bastide_model::model::SiteId(2)]);
    assert_eq!(sites(only), [("c".to_owned(), 4)]);
}

#[test]
fn prices_say_what_a_unit_more_brings() {
    // The budget buys 16 of 24 wanted accelerators at 40,000 EUR: each further M EUR buys 25, each of which saves 157,680
    // and costs 8,827 EUR/y, until all are served.
    let mut model = empty();
    add_site(&mut model, "left");
    add_service(&mut model, "chat", Tier::T1, 24.0);
    model.planning.budget = Money::from_eur(16.0 * 40_000.0);
    let plan = planned(&model, None);
    assert_eq!(plan.prices.len(), 1, "{:?}", plan.prices);
    let price = &plan.prices[0];
    assert_eq!((price.constraint.as_str(), price.unit.as_str(), price.place.as_str()), ("budget", "M EUR", "scenario.toml:91:1"));
    assert!((price.annual_eur / (25.0 * (157_680.0 - PER_ACCELERATOR)) - 1.0).abs() < 1e-4, "{price:?}");
    // Connections: one MW of facility power carries 800 accelerators.
    model.planning.budget = Money::from_meur(1e3);
    model.sites[0].connection = Power::from_kw(20.0);
    // A second, dearer site that is not worth opening shows no price of its own.
    let right = add_site(&mut model, "right");
    model.sites[right].fixed_cost = Money::from_meur(900.0);
    let plan = planned(&model, None);
    assert_eq!(plan.prices.iter().map(|price| price.constraint.as_str()).collect::<Vec<_>>(), ["connection of left"]);
    assert!((plan.prices[0].annual_eur / (800.0 * (157_680.0 - PER_ACCELERATOR)) - 1.0).abs() < 1e-4);
}

#[test]
fn the_loss_of_a_site_has_its_price() {
    let mut model = empty();
    add_site(&mut model, "left");
    add_site(&mut model, "right");
    add_service(&mut model, "chat", Tier::T1, 8.0);
    model.planning.survive_site_loss = vec![Tier::T1];
    let plan = planned(&model, None);
    // Wherever the service runs, covering one accelerator fewer saves one accelerator at the other site.
    let losses: Vec<_> = plan.prices.iter().filter(|price| price.constraint.starts_with("loss of")).collect();
    assert!(!losses.is_empty() && losses.iter().all(|price| price.limit > 0.0 && price.unit == "accelerators to replace"));
    assert!((losses[0].annual_eur / PER_ACCELERATOR - 1.0).abs() < 1e-3, "{losses:?}");
}

#[test]
fn services_far_away_are_not_served() {
    use bastide_model::model::{Endpoint, Link, LinkKind, Nation, NationId};
    let mut model = empty();
    model.nations.push(Nation { entity: entity("south", 3), groups: vec![], hub: None, utc_offset: Duration::ZERO, backbone: false });
    model.links.push(Link {
        entity: entity("sea", 4),
        from: Endpoint::Nation(NationId(0)),
        to: Endpoint::Nation(NationId(1)),
        kind: LinkKind::Submarine,
        bandwidth: bastide_units::Bandwidth::from_gbit_per_s(100.0),
        latency: Duration::from_ms(20.0),
        length: None,
        build_cost: None,
        ducts: vec![],
        standby: false,
        reliability: None,
    });
    let near = add_site(&mut model, "near");
    let far = add_site(&mut model, "far");
    model.sites[far].nation = NationId(1);
    model.sites[near].building_cost = bastide_units::CapacityCost::from_meur_per_mw(11.0);
    let chat = add_service(&mut model, "chat", Tier::T1, 8.0);
    assert_eq!(planned(&model, None).builds[0].site, far);
    model.services[chat].max_latency = Duration::from_ms(19.0);
    assert_eq!(planned(&model, None).builds[0].site, near);
}

#[test]
fn the_minimal_scenario_is_planned_as_its_readme_says() {
    // Two sites of 8: 110,868 EUR/y of accelerators, 12,839 of buildings and, without outages, 14,016 of energy.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/minimal");
    let model = bastide_model::load(&folder, &[]).unwrap().model;
    let plan = planned(&model, None);
    assert_eq!(plan.builds.iter().map(|it| it.count).collect::<Vec<_>>(), [8, 8]);
    let line = |name: &str| plan.cost.iter().find(|line| line.line == name).unwrap().annual_eur;
    assert!((line("accelerators") - 110_868.0).abs() < 1.0 && (line("buildings") - 12_839.0).abs() < 1.0);
    assert!((line("energy") - 14_016.0).abs() < 1e-3);
    let one = planned(&model, model.alternatives.first());
    assert_eq!(one.builds.iter().map(|it| it.count).collect::<Vec<_>>(), [8]);
    assert!((objective(&one) - (55_434.0 + 6_419.0 + 7_008.0)).abs() < 2.0);
}
