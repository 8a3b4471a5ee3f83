//! Roadmaps worked out by hand, laws, and every way tried.

use bastide_model::model::{
    AcceleratorId, Branch, Expansion, ExportCap, Fleet, Horizon, Milestone, Model, NationId, OrderBook, Outlook, Path, Profile, Series,
    SeriesId, SiteId, Tier,
};
use bastide_model::plan::{Plan, Roadmap, SolveStatus};
use bastide_units::{Duration, Money, Power, Time, TokenPrice};

use crate::fixture::*;
use crate::{Outcome, SolveOptions, objective, solve, verify};

/// Quarters of a year.
fn horizon(periods: usize, period: f64) -> Horizon {
    Horizon {
        length: Duration::from_y(periods as f64 * period),
        period: Duration::from_y(period),
        budget_by_year: Vec::new(),
        budget_span: span(91),
        waiting_cost: 0.0,
    }
}

/// Demand in each quarter of a year as a factor on that of the service.
fn by_quarter(model: &mut Model, service: usize, factors: [f64; 4]) {
    let values = (0..8760).map(|hour| factors[hour / 2190]).collect();
    model.series.push(Series::new("grows".to_owned(), values));
    model.services[service].profile = Profile::Series { series: SeriesId::from_index(model.series.len() - 1), scale: 1.0 };
}

/// Two sites, a service that grows from one to four nodes over the quarters of a year.
fn growing() -> Model {
    let mut model = empty();
    add_site(&mut model, "left");
    add_site(&mut model, "right");
    add_service(&mut model, "chat", Tier::T1, 8.0);
    by_quarter(&mut model, 0, [1.0, 2.0, 3.0, 4.0]);
    model.growth.horizon = Some(horizon(4, 0.25));
    model
}

fn planned(model: &Model) -> Plan {
    match solve(model, None, &SolveOptions { gap: Some(1e-9), ..SolveOptions::default() }).unwrap() {
        Outcome::Planned(plan) => {
            let broken: Vec<_> = verify(model, &plan, None).into_iter().filter(|check| !check.ok).collect();
            assert!(broken.is_empty(), "{broken:#?}\n{plan:#?}");
            *plan
        }
        other => panic!("{other:?}"),
    }
}

fn road(plan: &Plan) -> &Roadmap {
    plan.roadmap.as_deref().unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
}

/// Accelerators at work at the beginning of each period.
fn at_work(model: &Model, plan: &Plan) -> Vec<u32> {
    let horizon = model.growth.horizon.as_ref().unwrap();
    let count = |now: Time| road(plan).lots.iter().filter(|lot| lot.runs(now)).map(|lot| lot.count).sum();
    (0..horizon.periods()).map(|period| count(horizon.begin(period))).collect()
}

fn book(model: &mut Model) -> &mut OrderBook {
    let kind = &model.accelerators[AcceleratorId(0)];
    model.growth.order_books.push(OrderBook {
        entity: entity("book", 92),
        accelerator: AcceleratorId(0),
        from: Time::ZERO,
        until: Time::NEVER,
        cap: None,
        cap_by_year: Vec::new(),
        cap_per_period: None,
        lead_time: Duration::ZERO,
        price: kind.price,
        price_path: Path::Rate(0.0),
        life: kind.lifetime,
        sites: None,
    });
    model.growth.order_books.last_mut().unwrap()
}

#[test]
fn one_period_is_the_plan_of_one_moment() {
    // Without growth and lead time, a horizon of one period asks for what the plan of one moment asks for.
    for (accelerators, survive) in [(10.0, false), (8.0, true)] {
        let mut model = empty();
        add_site(&mut model, "left");
        add_site(&mut model, "right");
        add_service(&mut model, "chat", Tier::T1, accelerators);
        model.planning.survive_site_loss = if survive { vec![Tier::T1] } else { Vec::new() };
        let Outcome::Planned(once) = solve(&model, None, &SolveOptions { gap: Some(1e-9), ..SolveOptions::default() }).unwrap() else {
            panic!("there is a plan")
        };
        model.growth.horizon = Some(horizon(1, 1.0));
        let plan = planned(&model);
        assert!(close(objective(&plan), objective(&once)), "{} {}", objective(&plan), objective(&once));
        assert_eq!(plan.builds.iter().map(|it| it.count).sum::<u32>(), once.builds.iter().map(|it| it.count).sum::<u32>());
    }
}

#[test]
fn nodes_come_when_demand_does() {
    let plan = planned(&growing());
    assert_eq!(at_work(&growing(), &plan), [8, 16, 24, 32]);
    assert_eq!(plan.certificate.as_ref().unwrap().status, SolveStatus::Optimal);
    // 4 nodes of 8 at 30 k EUR and 10 k EUR of building each, paid at the beginning of their quarter, with what is left at the end; energy
    // of 1.25 kW at 100 EUR/MWh in each quarter, paid at its end.
    let v = |years: f64| 1.05_f64.powf(-years);
    let left = |life: f64, age: f64| (1.0 - v(life - age)) / (1.0 - v(life));
    let mut today = 0.0;
    for quarter in 0..4 {
        let (begin, age) = (f64::from(quarter) * 0.25, 1.0 - f64::from(quarter) * 0.25);
        today += 8.0 * 30_000.0 * (v(begin) - v(1.0) * left(5.0, age));
        today += 8.0 * 10_000.0 * (v(begin) - v(1.0) * left(20.0, age));
        today += 8.0 * f64::from(quarter + 1) * 1.25e-3 * 2190.0 * 100.0 * v(begin + 0.25);
    }
    assert!(close(objective(&plan), today * 1.05), "{} {}", objective(&plan), today * 1.05);
}

#[test]
fn lead_times_cost_what_they_delay() {
    let mut last = 0.0;
    for quarters in 0..4 {
        let mut model = growing();
        model.planning.lead_time = Duration::from_y(0.25 * f64::from(quarters));
        let plan = planned(&model);
        let work = at_work(&model, &plan);
        assert!(work[..quarters as usize].iter().all(|count| *count == 0), "{work:?}");
        assert!(work[quarters as usize..].iter().zip(quarters as usize..).all(|(count, at)| *count == 8 * (at as u32 + 1)), "{work:?}");
        assert!(objective(&plan) >= last - 1.0, "a longer lead time never costs less");
        last = objective(&plan);
    }
}

#[test]
fn caps_of_a_book_and_of_exports_bind() {
    let mut free = growing();
    book(&mut free);
    let cheapest = objective(&planned(&free));
    let mut model = growing();
    book(&mut model).cap_per_period = Some(8);
    assert_eq!(at_work(&model, &planned(&model)), [8, 16, 24, 32]);
    let mut last = f64::INFINITY;
    for cap in [0, 8, 16, 24, 32, 40] {
        let mut model = growing();
        book(&mut model).cap = Some(cap);
        let plan = planned(&model);
        let bought: u32 = road(&plan).lots.iter().map(|lot| lot.count).sum();
        assert_eq!(bought, cap.min(32));
        assert!(objective(&plan) <= last + 1.0, "more cap never costs more");
        last = objective(&plan);
        let mut other = growing();
        other.growth.export_caps.push(ExportCap {
            entity: entity("cap", 93),
            nations: vec![NationId(0)],
            accelerators: None,
            cap,
            from: Time::ZERO,
            until: Time::NEVER,
        });
        assert!(close(objective(&planned(&other)), last), "one book and one nation: the same limit");
    }
    assert!(close(last, cheapest));
    let mut model = growing();
    book(&mut model).cap_by_year = vec![16.0];
    let prices = planned(&model).prices;
    assert!(prices.iter().any(|price| price.constraint == "orders of book in 2027" && price.annual_eur > 0.0), "{prices:?}");
}

#[test]
fn a_falling_price_makes_nobody_wait_who_needs_it_now() {
    let mut model = growing();
    book(&mut model).price_path = Path::Rate(-0.5);
    assert_eq!(at_work(&model, &planned(&model)), [8, 16, 24, 32]);
    // A book that closes after the first quarter: all is bought then, and waits.
    let mut model = growing();
    book(&mut model).until = Time::from_hours(2190);
    model.growth.horizon.as_mut().unwrap().waiting_cost = 0.02;
    let plan = planned(&model);
    assert!(road(&plan).lots.iter().all(|lot| lot.ordered == Time::ZERO));
    assert_eq!(at_work(&model, &plan), [8, 16, 24, 32], "what waits draws no power");
    let waiting = plan.cost.iter().find(|line| line.line == "waiting accelerators").unwrap();
    let v = |years: f64| 1.05_f64.powf(-years);
    let expected = 0.02 * 30_000.0 * 0.25 * (24.0 * v(0.25) + 16.0 * v(0.5) + 8.0 * v(0.75)) * 1.05;
    assert!(close(waiting.annual_eur, expected), "{} {expected}", waiting.annual_eur);
}

#[test]
fn second_hand_leaves_at_the_end_of_its_life() {
    let mut model = growing();
    by_quarter(&mut model, 0, [1.0; 4]);
    book(&mut model).life = Duration::from_y(0.5);
    let plan = planned(&model);
    assert_eq!(at_work(&model, &plan), [8, 8, 8, 8]);
    let lots = &road(&plan).lots;
    assert_eq!(lots.len(), 2);
    assert_eq!(lots[0].retired, Time::from_hours(4380));
    assert_eq!(lots[1].energised, Time::from_hours(4380));
}

#[test]
fn connections_come_in_steps() {
    // A site of its own has room for 2 nodes: 16 kW of IT power. Each step adds as much again, half a year after it is decided.
    let mut model = growing();
    model.planning.candidates = vec![SiteId(0)];
    for site in &mut model.sites {
        (site.connection, site.max_it_power) = (Power::from_kw(20.0), Power::from_kw(16.0));
    }
    model.growth.expansions.push(Expansion {
        entity: entity("bay", 94),
        site: SiteId(0),
        connection: Power::from_kw(20.0),
        it_power: Power::from_kw(16.0),
        cost: Money::from_eur(50_000.0),
        lead_time: Duration::from_y(0.5),
        earliest: Time::ZERO,
        most: 2,
    });
    let plan = planned(&model);
    assert_eq!(at_work(&model, &plan), [8, 16, 24, 32]);
    assert_eq!(road(&plan).steps.len(), 1, "one step, for the third and fourth node");
    assert_eq!((road(&plan).steps[0].decided, road(&plan).steps[0].ready), (Time::ZERO, Time::from_hours(4380)));
    // It comes in the last quarter at the earliest: the grid binds, not the accelerators, and that is what the price says.
    model.growth.expansions[0].earliest = Time::from_hours(6570);
    let plan = planned(&model);
    assert_eq!(at_work(&model, &plan), [8, 16, 16, 32]);
    assert!(plan.prices.iter().any(|price| price.constraint.ends_with("of left in 2027")), "{:?}", plan.prices);
    assert!(!plan.prices.iter().any(|price| price.constraint.starts_with("number of") || price.constraint.starts_with("orders")));
}

#[test]
fn budgets_of_years_and_milestones() {
    let mut model = growing();
    // 16 accelerators at 40 k EUR, buildings included.
    model.growth.horizon.as_mut().unwrap().budget_by_year = vec![Money::from_eur(640_000.0)];
    let plan = planned(&model);
    assert_eq!(at_work(&model, &plan), [8, 16, 16, 16]);
    assert!(close(plan.capital().as_eur(), 640_000.0));
    model.growth.milestones.push(Milestone {
        entity: entity("later", 95),
        from: Time::from_hours(6570),
        min_service: [None, Some(0.9), None, None],
    });
    let Outcome::Infeasible(conflict) = solve(&model, None, &SolveOptions::default()).unwrap() else { panic!("four nodes are needed") };
    let names: Vec<&str> = conflict.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["budget of 2027", "least service of T1"]);
}

#[test]
fn worthless_work_is_left_undone() {
    let mut model = growing();
    model.services[0].value = TokenPrice::from_eur_per_mtokens(0.01);
    let plan = planned(&model);
    assert!(road(&plan).lots.is_empty() && plan.builds.is_empty());
    assert!(plan.cost.iter().all(|line| line.line == "unserved demand" || line.annual_eur == 0.0));
}

#[test]
fn every_way_tried_is_no_better() {
    // Which of two sites opens when: 5 moments each (or never), everything else follows. Opening costs and upkeep differ.
    let mut model = growing();
    for (site, cost) in model.sites.iter_mut().zip([120_000.0, 90_000.0]) {
        site.fixed_cost = Money::from_eur(cost);
        (site.connection, site.max_it_power) = (Power::from_kw(30.0), Power::from_kw(24.0));
    }
    let best = objective(&planned(&model));
    let mut least = f64::INFINITY;
    for left in 0..5 {
        for right in 0..5 {
            let terms = super::Terms::new(&model, model.growth.horizon.as_ref().unwrap(), None, &crate::instance::Relaxed::default());
            let mut formulation = super::Formulation::new(&terms, &crate::instance::Relaxed::default());
            super::rounding::count_nodes(&mut formulation);
            for (site, first) in [left, right].into_iter().enumerate() {
                for (stage, column) in formulation.open[site].iter().enumerate() {
                    let value = if stage >= first { 1.0 } else { 0.0 };
                    (formulation.program.columns[*column].lower, formulation.program.columns[*column].upper) = (value, value);
                }
            }
            let limits = crate::solver::Limits { gap: 0.0, time_limit: Duration::from_s(60.0) };
            if let crate::solver::Answer::Found(found) = crate::solver::solve(&formulation.program, &limits).unwrap() {
                least = least.min(found.objective * 1e6);
            }
        }
    }
    assert!(close(best, least), "{best} {least}");
}

#[test]
fn an_outlook_that_nobody_knows_yet_is_hedged() {
    // From the second quarter on either nothing changes, or deliveries stop for good. Half of what will be needed may never come: buying
    // at once is worth the waiting, and planning for the mean costs more than planning for both.
    let mut model = growing();
    model.services[0].value = TokenPrice::from_eur_per_mtokens(50.0);
    let outlook = |name: &str, deliveries: f64| Outlook {
        entity: entity(name, 96),
        probability: 0.5,
        availability: vec![1.0; 2],
        demand: vec![1.0],
        energy_price: vec![1.0],
        branch: Branch { deliveries, ..Branch::default() },
    };
    model.planning.uncertainty.outlooks = vec![outlook("open", 1.0), outlook("stop", 0.0)];
    let plan = planned(&model);
    let first: u32 = road(&plan).lots.iter().filter(|lot| lot.ordered == Time::ZERO).map(|lot| lot.count).sum();
    assert_eq!(first, 32, "all is bought before anybody knows");
    let value = road(&plan).value_of_stochastic_solution.unwrap();
    assert!(value > Money::ZERO, "{value:?}");
    // Perfect information: each outlook planned for as if it were certain.
    let alone = |name: &str, deliveries: f64| {
        let mut model = model.clone();
        model.planning.uncertainty.outlooks = vec![Outlook { probability: 1.0, ..outlook(name, deliveries) }];
        objective(&planned(&model))
    };
    let known = 0.5 * (alone("open", 1.0) + alone("stop", 0.0));
    let found = road(&plan).value_of_perfect_information.unwrap();
    assert!(found > Money::ZERO && close(found.as_eur(), objective(&plan) - known), "{found:?} {known}");
    let lines: f64 = plan.cost.iter().map(|line| line.annual_eur).sum();
    assert!(close(lines, plan.certificate.unwrap().objective_eur));
}

#[test]
fn nodes_too_many_to_count_are_whole_on_the_nominal_way_of_a_tree() {
    let mut model = growing();
    for site in 0..30 {
        add_site(&mut model, &format!("site-{site}"));
    }
    for site in &mut model.sites {
        (site.connection, site.max_it_power) = (Power::from_kw(23.0), Power::from_kw(20.0));
    }
    model.planning.candidates = (0..model.sites.len()).map(SiteId::from_index).collect();
    model.services[0].demand = model.services[0].demand * 7.3;
    let outlook = |name: &str, probability: f64, demand: f64| Outlook {
        entity: entity(name, 96),
        probability,
        availability: vec![1.0; 32],
        demand: vec![demand],
        energy_price: vec![1.0],
        branch: Branch::default(),
    };
    model.planning.uncertainty.outlooks = vec![outlook("as-planned", 0.7, 1.0), outlook("less", 0.3, 0.61)];
    let plan = match solve(&model, None, &SolveOptions { gap: Some(0.1), ..SolveOptions::default() }).unwrap() {
        Outcome::Planned(plan) => plan,
        other => panic!("{other:?}"),
    };
    let broken: Vec<_> = verify(&model, &plan, None).into_iter().filter(|check| !check.ok).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(road(&plan).lots.iter().all(|lot| lot.count % 8 == 0) && !road(&plan).lots.is_empty());
}

#[test]
fn what_leaves_within_a_period_keeps_its_power_to_the_end_of_it() {
    let mut model = growing();
    by_quarter(&mut model, 0, [2.0; 4]);
    model.planning.candidates = vec![SiteId(0)];
    (model.sites[SiteId(0)].connection, model.sites[SiteId(0)].max_it_power) = (Power::from_kw(20.0), Power::from_kw(16.0));
    let leaves = Time::from_hours(3000);
    let fleet = Fleet {
        entity: entity("old", 95),
        site: SiteId(0),
        accelerator: AcceleratorId(0),
        count: 16,
        energised: Time::ZERO,
        retired: leaves,
    };
    model.fleets.push(fleet);
    assert_eq!(at_work(&model, &planned(&model)), [0, 0, 16, 16]);
    model.fleets[0].retired = Time::from_hours(2190);
    assert_eq!(at_work(&model, &planned(&model)), [0, 16, 16, 16], "at the end of a period it gives way at once");
}

#[test]
fn a_tree_of_one_certain_outlook_is_a_path() {
    let mut model = growing();
    let without = objective(&planned(&model));
    model.planning.uncertainty.outlooks = vec![Outlook {
        entity: entity("certain", 96),
        probability: 1.0,
        availability: vec![1.0; 2],
        demand: vec![1.0],
        energy_price: vec![1.0],
        branch: Branch::default(),
    }];
    assert!(close(objective(&planned(&model)), without));
}
