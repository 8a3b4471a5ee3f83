//! Steady states with a known answer.

use crate::support::*;

const OUTAGES: &str = "mttf = \"190 h\"\nrepair = { dist = \"exponential\", mean = \"10 h\" }";

#[test]
fn nothing_fails_without_failures() {
    let model = load(&[&header("365 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(8, "")]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 1);
    assert_eq!(run.value("site", "left", "availability"), 1.0);
    assert_eq!(run.value("tier", "T1", "served_share"), 1.0);
    assert_eq!(run.value("tier", "T1", "tokens_lost"), 0.0);
    assert_eq!(run.value("system", "all", "sites_up_share"), 1.0);
    assert_eq!(run.value("site", "left", "outages"), 0.0);
    // 8 cards x 1 kW x PUE 1.25 x 8,760 h.
    close(run.value("system", "all", "ai_energy"), 87.6);
    close(run.value("cost", "energy", "cost"), 87.6 * 80.0);
    close(run.value("system", "all", "co2"), 87.6 * 0.020);
    // 80 k tokens/s for a year.
    close(run.value("system", "all", "tokens_served"), 80e3 * 31_536_000.0 / 1e6);
    assert!(run.histories[0].timeline[..run.layout.bins].iter().all(|share| *share == 1.0));
}

#[test]
fn a_site_is_up_for_mttf_over_mttf_plus_mttr() {
    let model = load(&[&header("365 d"), BASE, &card(NO_FAILURES), &site("left", OUTAGES), &chat(8, "")]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 300);
    // 190 / (190 + 10); a history starts with the site up, which lifts it by 0.05 x 9.5 h / 8,760 h = 0.00005.
    run.expect("site", "left", "availability", 0.95);
    run.expect("service", "chat", "served_share", 0.95);
    run.expect("system", "all", "ai_energy", 87.6 * 0.95);
    // Below 90 % exactly while it is out.
    run.expect("tier", "T1", "hours_below_90", 438.0);
    assert_eq!(run.values("tier", "T1", "hours_below_90"), run.values("tier", "T1", "hours_below_50"));
}

#[test]
fn either_of_two_sites_can_serve_all() {
    let sites = site("left", OUTAGES) + &site("right", OUTAGES);
    let model = load(&[&header("365 d"), BASE, &card(NO_FAILURES), &sites, &chat(8, ""), &policy("failover_time = \"0 s\"")]);
    let text = build("left", 8) + &build("right", 8) + &place("left", 1.0) + &standby("left", "right", 1.0);
    let run = simulate(&model, &plan(&model, &text), 400);
    // Both out at the same time: 0.05 x 0.05.
    run.expect("service", "chat", "served_share", 1.0 - 0.05 * 0.05);
    // Served away from home: left out, right up, of all that is served.
    run.expect("service", "chat", "failed_over_share", 0.05 * 0.95 / 0.9975);
}

#[test]
fn nodes_in_repair_are_a_machine_repair_queue_without_waiting() {
    // Each node works 50 d on average, then is in repair for exactly 1 d: up 50 / 51 whatever the distribution of repairs.
    let nodes = "node_failure_rate = \"20 / 1000 node d\"\nnode_repair = \"1 d\"";
    let model = load(&[&header("3650 d"), BASE, &card(nodes), &site("left", ""), &chat(800, "")]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 30);
    // The demand takes all 800 cards, so the share served is the share up.
    run.expect("service", "chat", "served_share", 50.0 / 51.0);
}

#[test]
fn a_generator_that_is_too_small_sheds_by_its_outages() {
    // 4 units of 1 MW, each up 0.9 of the time, for a town of 3.5 MW: short by 0.5 MW with 3 up, 1.5 with 2, 2.5 with 1, 3.5 with none.
    let model = load(&[
        &header("730 d"),
        &BASE
            .replace("100 MW\"\ncost", "4 MW\"\nunits = 4\nmttf = \"90 h\"\nrepair = { dist = \"exponential\", mean = \"10 h\" }\ncost")
            .replace("2 MW\"\nvalue", "3.5 MW\"\nvalue"),
        &card(NO_FAILURES),
        &site("left", ""),
    ]);
    let run = simulate(&model, &plan(&model, ""), 60);
    let up = |k: i32| [1.0, 4.0, 6.0, 4.0, 1.0][k as usize] * 0.9_f64.powi(k) * 0.1_f64.powi(4 - k);
    let hours = 730.0 * 24.0;
    run.expect("bus", "north", "shed_hours", hours * (1.0 - up(4)));
    run.expect("system", "all", "others_unserved", hours * (0.5 * up(3) + 1.5 * up(2) + 2.5 * up(1) + 3.5 * up(0)));
}
