//! Blackouts, the way back, fuel, starts of generators, heat, rolling shedding, cascades.

use crate::support::*;

const BLACKOUT: &str = "\n[[hazard]]\nname = \"dark\"\nkind = \"blackout\"\nat = 2027-01-11T00:00:00Z\n";

/// The base with keys of its bus.
fn base(bus: &str) -> String {
    BASE.replace("energy_price = \"80 EUR/MWh\"", &format!("energy_price = \"80 EUR/MWh\"\n{bus}"))
}

fn one_site(parts: &[&str], keys: &str, cards: u32, replications: u32) -> Run {
    let site = site("left", keys);
    let mut all: Vec<&str> = vec![parts[0], parts[1]];
    let (card, chat) = (card(NO_FAILURES), chat(cards.min(80), ""));
    all.extend([card.as_str(), site.as_str(), chat.as_str()]);
    all.extend(&parts[2..]);
    let model = load(&all);
    simulate(&model, &plan(&model, &(build("left", cards) + &place("left", 1.0))), replications)
}

#[test]
fn a_bus_comes_back_by_its_curve_and_the_chain_of_causes_shows_it() {
    let base = base("black_start = \"2 h\"\nrestored_after = \"12 h\"");
    let run = one_site(&[&header("100 d"), &base, BLACKOUT], "", 8, 1);
    // 2 MW dark for 2 h, then 1 % more each 6 min; a step holds what it begins with.
    let expected = 2.0 * (2.0 + 10.0 * 0.505);
    let unserved = run.value("system", "all", "others_unserved");
    assert!((unserved - expected).abs() < 0.01 * expected, "{unserved} against {expected}");
    // The site comes last: its value of lost load is the lower one.
    let down = (1.0 - run.value("site", "left", "availability")) * 2400.0;
    assert!((11.8..12.2).contains(&down), "{down}");
    let events = &run.histories[0].events;
    let find = |kind: &str, of: &str| events.iter().find(|event| event.kind == kind && event.entity_kind == of).unwrap();
    assert_eq!(find("service-lost", "service").cause_seq, Some(find("site-down", "site").seq));
    assert_eq!(find("site-down", "site").cause_seq, Some(find("blackout", "bus").seq));
    assert_eq!(find("blackout", "bus").cause_seq, Some(find("blackout", "hazard").seq));
    let back = find("bus-restored", "bus");
    assert!((back.time.as_hours() - 252.0).abs() < 0.2, "{}", back.time.as_hours());
    assert!((run.value("system", "all", "longest_cut") - 12.0).abs() < 0.2);
}

#[test]
fn hazards_that_do_not_come_change_nothing() {
    let keys = "generator_start = 0.9\nfuel = \"12 h\"\nups = \"5 min\"\nmttf = \"190 h\"\nrepair = \"10 h\"";
    let none = r#"
[[hazard]]
name = "dark"
kind = "blackout"
rate = "0 / y"
[[hazard]]
name = "hot"
kind = "heatwave"
degrees = 10
targets = ["generator.hydro"]
derating = "50 %"
probability = 0
[[hazard]]
name = "dry"
kind = "fuel-block"
probability = 0
[[hazard]]
name = "bad"
kind = "generator-failure"
start = 0
probability = 0
"#;
    let with = one_site(&[&header("365 d"), BASE, none], keys, 80, 5);
    let without = one_site(&[&header("365 d"), BASE], keys, 80, 5);
    for (a, b) in with.histories.iter().zip(&without.histories) {
        assert_eq!((&a.metrics, &a.timeline, &a.balance), (&b.metrics, &b.timeline, &b.balance));
    }
    let quiet = one_site(&[&header("365 d"), BASE], "", 8, 1);
    assert_eq!(quiet.value("site", "left", "availability"), 1.0);
    assert_eq!(quiet.value("system", "all", "longest_cut"), 0.0);
}

#[test]
fn blocked_deliveries_cost_a_small_tank_and_spare_a_large_one() {
    let base = base("black_start = \"30 h\"\nrestored_after = \"30 h\"");
    let block = "\n[[hazard]]\nname = \"roads\"\nkind = \"fuel-block\"\nfrom = 2027-01-11T00:00:00Z\nuntil = 2027-01-21T00:00:00Z\n";
    let of = |fuel: u32, block: &str| {
        let keys = format!("generator_start = 1\nfuel = \"{fuel} h\"\nrefuel = \"6 h\"");
        one_site(&[&header("100 d"), &base, BLACKOUT, block], &keys, 8, 1)
    };
    assert_eq!(of(12, "").value("site", "left", "availability"), 1.0);
    let dry = of(12, block);
    close(dry.value("site", "left", "fuel_exhausted_after"), 12.0);
    assert_eq!(dry.value("system", "all", "sites_out_of_fuel"), 1.0);
    assert!((dry.value("site", "left", "availability") - (1.0 - 18.0 / 2400.0)).abs() < 1e-5);
    let events = &dry.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("site-down").cause_seq, Some(find("fuel-exhausted").seq));
    assert_eq!(find("delivery-stopped").cause_seq, Some(find("fuel-block").seq));
    let large = of(72, block);
    assert_eq!(large.value("site", "left", "availability"), 1.0);
    assert_eq!(large.value("system", "all", "sites_out_of_fuel"), 0.0);
    close(large.value("site", "left", "fuel_exhausted_after"), 2400.0);
    // 10 kW for 30 h.
    close(large.value("site", "left", "fuel"), 81.0);
}

#[test]
fn more_fuel_never_hurts_in_blackouts() {
    let base =
        base("black_start = { dist = \"exponential\", mean = \"4 h\" }\nrestored_after = { dist = \"exponential\", mean = \"40 h\" }");
    let hazards = r#"
[[hazard]]
name = "dark"
kind = "blackout"
rate = "12 / y"
[[hazard]]
name = "roads"
kind = "fuel-block"
from = 2027-03-01
until = 2027-09-01
[[hazard]]
name = "bad"
kind = "generator-failure"
start = "60 %"
probability = "50 %"
"#;
    let served = |fuel: u32, refuel: u32| {
        let keys = format!(
            "generator_start = 0.95\nups = \"5 min\"\nfuel = \"{fuel} h\"\nrefuel = {{ dist = \"exponential\", mean = \"{refuel} h\" }}\nrestart = \"2 h\""
        );
        one_site(&[&header("365 d"), &base, hazards], &keys, 80, 30).values("service", "chat", "served_share")
    };
    let ladder: Vec<Vec<f64>> = [6, 12, 24, 72, 240].into_iter().map(|fuel| served(fuel, 36)).collect();
    for pair in ladder.windows(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(less, more)| *more >= less - 1e-12), "{pair:?}");
    }
    assert!(ladder[0].iter().sum::<f64>() < ladder[4].iter().sum::<f64>());
}

#[test]
fn a_common_cause_correlates_failures_to_start_with_the_right_marginal() {
    let base = base("black_start = \"4 h\"\nrestored_after = \"4 h\"");
    let hazard =
        format!("{BLACKOUT}\n[[hazard]]\nname = \"bad\"\nkind = \"generator-failure\"\nstart = \"50 %\"\nprobability = \"30 %\"\n");
    let keys = "generator_start = 0.9\nfuel = \"48 h\"";
    let sites = site("left", keys) + &site("right", keys) + &site("sure", &format!("{keys}\ncommon_start = \"80 %\""));
    let model = load(&[&header("30 d"), &base, &card(NO_FAILURES), &sites, &hazard]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &build("right", 8) + &build("sure", 8))), 4000);
    run.expect("site", "left", "outages", 0.7 * 0.1 + 0.3 * 0.5);
    run.expect("site", "right", "outages", 0.7 * 0.1 + 0.3 * 0.5);
    run.expect("site", "sure", "outages", 0.7 * 0.1 + 0.3 * 0.2);
    let (left, right) = (run.values("site", "left", "outages"), run.values("site", "right", "outages"));
    let both = left.iter().zip(&right).filter(|(a, b)| **a > 0.0 && **b > 0.0).count() as f64 / 4000.0;
    let expected: f64 = 0.7 * 0.01 + 0.3 * 0.25;
    assert!((both - expected).abs() < 3.0 * (expected * (1.0 - expected) / 4000.0).sqrt(), "{both} against {expected}");
}

#[test]
fn sites_that_come_back_late_never_slow_the_others() {
    let base = base("black_start = \"1 h\"\nrestored_after = \"11 h\"");
    let others = |policy_keys: &str, keys: &str| {
        let parts = [&header("30 d"), base.as_str(), BLACKOUT, &policy(policy_keys)];
        let parts: Vec<&str> = parts.into_iter().collect();
        one_site(&parts, keys, 1000, 1).value("system", "all", "others_unserved")
    };
    let first = others("reconnect = \"first\"", "");
    let high = others("", "priority = 5");
    let by_value = others("", "");
    let last = others("reconnect = \"last\"", "priority = 5");
    let never = others("reconnect = \"first\"", "reconnect_after = \"20 h\"");
    let half = others("reconnect = \"first\"", "reconnect_after = \"5 h\"");
    assert!(first > last + 1.0, "{first} {last}");
    close(high, first);
    close(by_value, last);
    close(never, last);
    assert!(last <= half && half < first, "{last} {half} {first}");
}

#[test]
fn rolling_shedding_cuts_the_same_energy_in_shorter_turns() {
    // 1.4 MW for a town of 2 MW in 10 feeders, and none for the farm: 3 feeders of the town are missing, half of the time 4.
    let town = BASE.replace("power = \"2 MW\"", "power = \"2 MW\"\nfeeders = 10").replace("100 MW", "1.4 MW");
    let run = |keys: &str| one_site(&[&header("10 d"), &town, &policy(keys)], "", 8, 1);
    let by_value = run("value_of_lost_load = \"100 EUR/MWh\"");
    let rolling = run("value_of_lost_load = \"100 EUR/MWh\"\nshedding = \"rolling\"\nshedding_block = \"3 h\"");
    close(by_value.value("bus", "north", "longest_cut"), 240.0);
    close(rolling.value("bus", "north", "longest_cut"), 3.0);
    close(rolling.value("system", "all", "others_unserved"), by_value.value("system", "all", "others_unserved"));
    close(rolling.value("system", "all", "others_unserved"), 0.6 * 240.0);
    close(rolling.value("system", "all", "ai_unserved"), by_value.value("system", "all", "ai_unserved"));
}

/// 16 units for a town of 2 MW and a site of 1.25 MW, of which an event takes 9: 1.83 MW of 3.25 MW.
fn loss(site_keys: &str, policy_keys: &str) -> Run {
    let few = BASE.replace("capacity = \"100 MW\"", "capacity = \"3.3 MW\"\nunits = 16");
    let trip = "\n[[hazard]]\nname = \"trip\"\nkind = \"random-outage\"\ntargets = [\"generator.hydro\"]\nunits = 0.5625\nat = 2027-01-11T00:30:00Z\nrepair = \"1 h\"\n";
    one_site(&[&header("30 d"), &few, trip, &policy(policy_keys)], site_keys, 1000, 1)
}

#[test]
fn interruptible_ai_load_prevents_the_collapse() {
    let keys = "cascades = true\ninertia = \"30 s\"";
    let kinds = |run: &Run, kind: &str| run.histories[0].events.iter().filter(|event| event.kind == kind).count();
    let firm = loss("", keys);
    let reserve = loss("interruptible = true", keys);
    assert_eq!((kinds(&firm, "blackout"), kinds(&reserve, "blackout")), (1, 0));
    assert_eq!(kinds(&reserve, "reserve-called"), 1);
    let unserved = |run: &Run| run.value("system", "all", "others_unserved");
    assert!(unserved(&reserve) < 0.2 * unserved(&firm), "{} {}", unserved(&reserve), unserved(&firm));
    // The dark bus is put down to the units, and these to the hazard.
    let events = &firm.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("blackout").cause_seq, Some(find("unit-down").seq));
    assert_eq!(find("unit-down").cause_seq, Some(find("outage").seq));
    assert_eq!(find("site-down").cause_seq, Some(find("blackout").seq));
    // A share of the load at which the island collapses anyway, less what yields.
    assert_eq!(kinds(&loss("interruptible = true", "cascades = true\ninertia = \"30 s\"\ncollapse_share = \"10 %\""), "blackout"), 1);
    // Without cascades the dispatch finds the best of what is left.
    assert_eq!(kinds(&loss("", ""), "blackout"), 0);
}

/// A town at the end of two AC lines, one of which is lost.
fn corridor(capacity: &str, keys: &str) -> Run {
    let lines = format!(
        r#"
[[bus]]
name = "south"
nation = "north"
energy_price = "80 EUR/MWh"
restored_after = "6 h"
[[load]]
name = "port"
bus = "south"
power = "10 MW"
value_of_lost_load = "9000 EUR/MWh"
[[line]]
name = "east"
from = "north"
to = "south"
capacity = "{capacity}"
reactance = 0.1
[[line]]
name = "west"
from = "north"
to = "south"
capacity = "{capacity}"
reactance = 0.1
[[hazard]]
name = "storm"
kind = "random-outage"
targets = ["line.east"]
at = 2027-01-11T00:30:00Z
repair = "24 h"
"#
    );
    one_site(&[&header("30 d"), BASE, &lines, &policy(keys)], "bus = \"south\"", 8, 1)
}

#[test]
fn an_overload_trips_the_next_line_and_the_island_behind_it_goes_dark() {
    let dark = corridor("6 MW", "cascades = true");
    let events = &dark.histories[0].events;
    let lines: Vec<_> = events.iter().filter(|event| event.kind == "line-down").collect();
    assert_eq!((lines.len(), lines[1].note), (2, "overload"));
    assert_eq!(lines[1].cause_seq, Some(lines[0].seq));
    let blackout = events.iter().find(|event| event.kind == "blackout").unwrap();
    assert_eq!((blackout.cause_seq, blackout.entity), (Some(lines[1].seq), 1));
    // Without protection 4 MW are missing for a day; with it all 10 MW are gone for hours.
    close(corridor("6 MW", "").value("bus", "south", "shed_energy"), 4.0 * 24.0 + 0.0);
    assert!(dark.value("bus", "south", "shed_energy") > 20.0);
    // Lines that are strong enough for the loss of one trip nothing.
    let secure = corridor("11 MW", "cascades = true");
    assert_eq!(secure.value("bus", "south", "shed_energy"), 0.0);
    assert!(secure.histories[0].events.iter().all(|event| event.kind != "blackout"));
}

#[test]
fn a_heatwave_costs_power_and_capacity_while_it_lasts() {
    // Eight days of 12 degrees on top of 18: PUE 1.25 + 12 x 0.01; cooling 5 degrees above its limit at 2 % each.
    let keys = "pue_rise = 0.01\nfree_cooling = \"18 degC\"\ncooling_limit = \"25 degC\"\ncooling_loss = 0.02";
    let heat = "\n[[hazard]]\nname = \"hot\"\nkind = \"heatwave\"\nnations = [\"north\"]\ndegrees = 12\ntargets = [\"generator.hydro\"]\nderating = \"99 %\"\nfrom = 2027-01-11\nuntil = 2027-01-19\n";
    let run = one_site(&[&header("100 d"), BASE, heat], keys, 8, 1);
    // 1 MW of hydro power is left for the town: the site's value is the lower one, and it is without power.
    close(run.value("service", "chat", "served_share"), 0.92);
    close(run.value("bus", "north", "shed_energy"), 192.0);
    let mild = heat.replace("targets = [\"generator.hydro\"]\nderating = \"99 %\"\n", "");
    let run = one_site(&[&header("100 d"), BASE, &mild], keys, 8, 1);
    close(run.value("service", "chat", "served_share"), 1.0 - 0.08 * 0.1);
    close(run.value("site", "left", "energy"), 8e-3 * (1.25 * 92.0 + 0.9 * 1.37 * 8.0) * 24.0);
}

#[test]
fn a_plant_is_all_its_units() {
    let few = BASE.replace("capacity = \"100 MW\"", "capacity = \"3 MW\"\nunits = 3");
    let trip = "\n[[hazard]]\nname = \"trip\"\nkind = \"random-outage\"\ntargets = [\"generator.hydro\"]\nat = 2027-01-11T00:00:00Z\nrepair = \"24 h\"\n";
    let shed = |more: &str| one_site(&[&header("30 d"), &few, &format!("{trip}{more}\n")], "", 8, 1).value("bus", "north", "shed_energy");
    close(shed("units = \"all\""), 48.0);
    close(shed("units = \"67 %\""), 24.0);
    assert_eq!(shed(""), 0.0);
}

#[test]
fn neighbours_help_and_a_dark_bus_carries_nothing_through() {
    // Three buses in a row: with the middle one dark, the last one has no supply but is not dark itself.
    let row = r#"
[[bus]]
name = "middle"
nation = "north"
energy_price = "80 EUR/MWh"
black_start = "10 h"
restored_after = "20 h"
restoration_help = "50 %"
[[bus]]
name = "south"
nation = "north"
energy_price = "80 EUR/MWh"
[[load]]
name = "village"
bus = "middle"
power = "4 MW"
value_of_lost_load = "9000 EUR/MWh"
[[load]]
name = "port"
bus = "south"
power = "1 MW"
value_of_lost_load = "9000 EUR/MWh"
[[line]]
name = "upper"
from = "north"
to = "middle"
capacity = "6 MW"
[[line]]
name = "lower"
from = "middle"
to = "south"
capacity = "6 MW"
"#;
    let dark = BLACKOUT.replace("kind = \"blackout\"", "kind = \"blackout\"\nbuses = [\"middle\"]");
    let run = |row: &str| one_site(&[&header("30 d"), BASE, row, &dark], "", 8, 1);
    let helped = run(row);
    assert_eq!(helped.value("bus", "north", "shed_energy"), 0.0);
    close(helped.value("bus", "south", "shed_energy"), 10.0);
    // Half of the lines of 6 MW from the live neighbours is enough for the village from the first moment on.
    close(helped.value("bus", "middle", "shed_energy"), 40.0);
    let alone = run(&row.replace("restoration_help = \"50 %\"", ""));
    assert!(alone.value("bus", "middle", "shed_energy") > 59.0);
}

#[test]
fn units_that_start_without_the_grid_lead_a_dark_network_back() {
    // Two buses: hydro in the north starts by itself, the port in the south waits for the line.
    let rows = r#"
[[bus]]
name = "south"
nation = "north"
energy_price = "80 EUR/MWh"
[[load]]
name = "port"
bus = "south"
power = "10 MW"
value_of_lost_load = "9000 EUR/MWh"
[[line]]
name = "east"
from = "north"
to = "south"
capacity = "50 MW"
reactance = 0.1
"#;
    let run = |base: &str| one_site(&[&header("30 d"), base, rows, BLACKOUT], "", 8, 1);
    let planned = run(&BASE.replace("capacity = \"100 MW\"", "capacity = \"100 MW\"\nblack_start = true"));
    let curve = run(BASE);
    // The unit needs 30 min, the line 5 more, and 2 % of 100 MW a minute are soon enough for 12 MW.
    let hours = |run: &Run, bus: &str| run.value("bus", bus, "shed_hours");
    assert!((0.5..0.9).contains(&hours(&planned, "north")), "{}", hours(&planned, "north"));
    assert!((0.5..0.9).contains(&hours(&planned, "south")), "{}", hours(&planned, "south"));
    assert!((11.5..12.1).contains(&hours(&curve, "south")), "{}", hours(&curve, "south"));
    // With the line out of service the south has nothing to start from but its curve.
    let cut = format!(
        "{BLACKOUT}\n[[hazard]]\nname = \"storm\"\nkind = \"random-outage\"\ntargets = [\"line.east\"]\nat = 2027-01-10T00:00:00Z\nrepair = \"20 d\"\n"
    );
    let base = BASE.replace("capacity = \"100 MW\"", "capacity = \"100 MW\"\nblack_start = true");
    let cut = one_site(&[&header("30 d"), &base, rows, &cut], "", 8, 1);
    assert!((0.5..0.9).contains(&hours(&cut, "north")), "{}", hours(&cut, "north"));
}
