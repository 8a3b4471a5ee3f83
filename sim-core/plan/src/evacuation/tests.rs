use bastide_engine::{Distribution, Stream};
use bastide_model::model::*;
use bastide_model::plan::{Plan, Replica};
use bastide_units::*;
use proptest::prelude::*;
use rstest::rstest;

use super::instance::Instance;
use super::{evacuate, rehearsal, search};
use crate::fixture;

/// A site at home, one abroad, a link of 1 Gbit/s (10.8 TB a day) between them, and data of some sizes [TB] and values.
fn model(data: &[(f64, f64)], loss: Distribution) -> (Model, Plan) {
    let mut model = fixture::empty();
    model.nations.push(Nation {
        entity: fixture::entity("south", 3),
        groups: vec![],
        hub: None,
        utc_offset: Duration::ZERO,
        backbone: false,
    });
    let home = fixture::add_site(&mut model, "home");
    let abroad = fixture::add_site(&mut model, "abroad");
    model.sites[abroad].nation = NationId(1);
    model.links.push(Link {
        entity: fixture::entity("cable", 40),
        from: Endpoint::Nation(NationId(0)),
        to: Endpoint::Nation(NationId(1)),
        kind: LinkKind::Fibre,
        bandwidth: Bandwidth::from_gb_per_s(0.125),
        latency: Duration::ZERO,
        length: None,
        build_cost: None,
        ducts: vec![],
        standby: false,
        reliability: None,
    });
    let mut replicas = Vec::new();
    for (at, (size, value)) in data.iter().enumerate() {
        let id = fixture::add_dataset(&mut model, &format!("data-{at}"));
        model.datasets[id].size = DataSize::from_tb(*size);
        model.datasets[id].value = Money::from_eur(*value);
        replicas.push(Replica { dataset: id, site: home });
    }
    model.evacuations.push(Evacuation {
        entity: fixture::entity("out", 80),
        datasets: (0..data.len()).map(DatasetId::from_index).collect(),
        from: vec![home],
        to: vec![abroad],
        start: EvacuationStart::At(Time::ZERO),
        expected_loss: Some(loss),
        order: DepartureOrder::Optimal,
        partial: false,
        link_share: 1.0,
        power_cuts: Duration::ZERO,
        couriers: vec![],
    });
    let plan = Plan {
        name: "by-hand".into(),
        builds: vec![],
        investments: vec![],
        placements: vec![],
        standbys: vec![],
        campaigns: vec![],
        replicas,
        links: vec![],
        unserved: vec![],
        hedge: bastide_model::plan::Hedge::default(),
        cost: vec![],
        prices: vec![],
        roadmap: None,
        certificate: None,
    };
    (model, plan)
}

fn days(days: f64) -> Distribution {
    Distribution::Fixed(days * 86_400.0)
}

fn courier(devices: u32) -> Courier {
    Courier {
        entity: fixture::entity("van", 90),
        to: SiteId(1),
        devices,
        capacity: DataSize::from_tb(20.0),
        load_rate: Bandwidth::from_gb_per_s(1.0),
        round_trip: days(3.0),
        first: Duration::from_d(1.0),
        trip_loss: 0.0,
        closed: None,
        staff: 2,
        trip_cost: Money::from_eur(0.0),
    }
}

/// The best of all orders.
fn best_of_all(instance: &Instance) -> f64 {
    fn go(instance: &Instance, list: &mut Vec<usize>, at: usize, best: &mut f64) {
        if at == list.len() {
            *best = best.max(rehearsal::value(instance, list));
            return;
        }
        for other in at..list.len() {
            list.swap(at, other);
            go(instance, list, at + 1, best);
            list.swap(at, other);
        }
    }
    let mut best = 0.0;
    go(instance, &mut (0..instance.jobs.len()).collect(), 0, &mut best);
    best
}

#[test]
fn a_knapsack_by_hand() {
    // 5 d: 54 TB. By value per byte 30 TB of 10 (0.33) first, then nothing of 27 + 27 (0.3 each) fits but one; both are worth more.
    let (model, plan) = model(&[(30.0, 10.0), (27.0, 8.1), (27.0, 8.1)], days(5.0));
    let found = evacuate(&model, &plan, 0).unwrap();
    let whole = 10.0 + 16.2;
    assert!((found.value - 16.2 / whole).abs() < 1e-9, "{found:?}");
    assert!((found.by_value - 10.0 / whole).abs() < 1e-9);
    assert!(found.gap <= 1e-3 && found.bound >= found.value);
    assert_eq!(&found.order[2..], &[0]);
    assert!((found.saved_tb - 54.0).abs() < 1e-6);
}

#[rstest]
#[case(0)]
#[case(1)]
#[case(2)]
#[case(3)]
fn no_order_is_better_than_the_one_found(#[case] kind: u32) {
    for number in 0..6 {
        let mut stream = Stream::new(7, number, u64::from(kind));
        let count = 4 + stream.index(3);
        let data: Vec<(f64, f64)> = (0..count).map(|_| (3.0 + 27.0 * stream.uniform(), 1.0 + 9.0 * stream.uniform())).collect();
        let loss =
            if kind == 3 { Distribution::Uniform { low: 86_400.0, high: 6.0 * 86_400.0 } } else { days(2.0 + 3.0 * stream.uniform()) };
        let (mut model, plan) = model(&data, loss);
        if kind >= 1 {
            model.evacuations[0].couriers.push(courier(1));
        }
        if kind == 2 {
            for dataset in 0..count {
                let opens = Time::ZERO + Duration::from_d((2.0 * stream.uniform()).floor());
                model.legal_dataset[dataset][1].from = opens;
            }
            model.evacuations[0].power_cuts = Duration::from_h(12.0);
        }
        let found = evacuate(&model, &plan, 0).unwrap();
        let best = best_of_all(&Instance::new(&model, &plan, 0));
        assert!(best <= found.bound + 1e-9, "kind {kind}, {number}: {best} above the bound {}", found.bound);
        assert!(found.value >= best - found.gap * found.bound - 1e-9, "kind {kind}, {number}: {} of {best}", found.value);
        assert!(found.value >= found.by_value.max(found.first_come) - 1e-12);
        assert!(found.value >= found.random.0 - 3.0 * found.random.1 - 1e-12);
        // Where all may go at once and the loss is known, the order is the best there is, not only near the bound.
        if kind == 0 {
            assert!((found.value - best).abs() < 1e-9, "{number}: {} of {best}", found.value);
        }
    }
}

#[test]
fn parts_have_value_where_the_scenario_says_so() {
    // 5 d: 54 of 108 TB, all by value per byte.
    let (mut model, plan) = model(&[(54.0, 1.0), (54.0, 3.0)], days(2.5));
    assert!(evacuate(&model, &plan, 0).unwrap().value.abs() < 1e-12);
    model.evacuations[0].partial = true;
    let found = evacuate(&model, &plan, 0).unwrap();
    assert!((found.value - 0.5 * 0.75).abs() < 1e-9, "{found:?}");
    assert!((found.bound - found.value).abs() < 1e-6);
}

#[test]
fn what_the_law_holds_back_does_not_leave() {
    let (mut model, plan) = model(&[(10.0, 5.0), (10.0, 1.0)], days(2.0));
    model.legal_dataset[0][1].from = Time::ZERO + Duration::from_d(1.5);
    let found = evacuate(&model, &plan, 0).unwrap();
    // The second in the first 22 h; of the first only half a day.
    let first = found.schedule.iter().find(|it| it.dataset == 0).unwrap();
    assert!(first.begins.unwrap() >= Duration::from_d(1.5) && first.out.is_none());
    assert!((first.share - 0.54).abs() < 1e-9, "{first:?}");
    assert!((found.value - 1.0 / 6.0).abs() < 1e-9);
    // Copies that stand abroad already are safe without any order.
    let mut abroad = plan.clone();
    abroad.replicas.push(Replica { dataset: DatasetId(0), site: SiteId(1) });
    assert!((evacuate(&model, &abroad, 0).unwrap().value - 1.0).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn more_warning_devices_and_bandwidth_never_hurt(data in prop::collection::vec((2.0..40.0_f64, 0.1..10.0_f64), 2..9), loss in 1.0..8.0_f64) {
        let of = |loss: f64, devices: u32, width: f64| {
            let (mut model, plan) = model(&data, days(loss));
            model.links[0].bandwidth = Bandwidth::from_gb_per_s(0.125 * width);
            model.evacuations[0].couriers.push(courier(devices));
            evacuate(&model, &plan, 0).unwrap()
        };
        let less = of(loss, 1, 1.0);
        for more in [of(loss + 1.0, 1, 1.0), of(loss, 3, 1.0), of(loss, 1, 2.0)] {
            // The bound exactly as far as the solver proves it; the order within its gap.
            prop_assert!(more.bound >= less.bound * (1.0 - 1e-3) - 1e-9);
            prop_assert!(more.value >= less.value - more.gap * more.bound - 1e-9, "{} after {}", more.value, less.value);
        }
    }

    #[test]
    fn the_bound_holds_for_the_program_of_any_data(data in prop::collection::vec((0.5..60.0_f64, 0.0..10.0_f64), 1..12)) {
        let (model, plan) = model(&data, Distribution::Exponential { mean: 3.0 * 86_400.0 });
        let instance = Instance::new(&model, &plan, 0);
        let (order, bound) = search(&instance).unwrap();
        prop_assert!(bound >= rehearsal::value(&instance, &order) - 1e-9);
        prop_assert_eq!(order.len(), data.len());
    }
}
