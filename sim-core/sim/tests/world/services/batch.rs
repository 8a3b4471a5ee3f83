//! Batch work that fills the valleys.

use crate::support::*;

/// `chat` takes 8 cards for the first half of each day and none for the second.
fn valleys() -> String {
    chat(4, &format!("daily = [{}{}]", "1, ".repeat(12), "0, ".repeat(12)))
}

fn batch(cards: u32, defer: &str) -> String {
    chat(cards, &format!("defer = \"{defer}\"")).replace("\"chat\"", "\"night\"").replace("T1", "T3")
}

fn run_with(parts: &[&str], nodes: &str, cards: u32, text: &str) -> Run {
    let (head, kind, site) = (header("10 d"), card(nodes), site("left", ""));
    let mut all = vec![head.as_str(), BASE, &kind, &site];
    all.extend(parts);
    let model = load(&all);
    let planned = build("left", cards) + &place("left", 1.0) + &place("left", 1.0).replace("chat", "night") + text;
    simulate(&model, &plan(&model, &planned), 1)
}

#[test]
fn a_sawtooth_by_hand() {
    let run = run_with(&[&valleys(), &batch(2, "24 h")], NO_FAILURES, 8, "");
    assert_eq!(run.value("system", "all", "tokens_lost"), 0.0);
    assert_eq!(run.value("service", "night", "served_share"), 1.0);
    // 12 h at 2 cards wait at noon; 8 cards drain them in 4 h.
    let most = 20e3 * 12.0 * 3600.0 / 1e6;
    close(run.value("service", "night", "backlog_max"), most);
    close(run.value("service", "night", "backlog_mean"), most * 0.5 * 16.0 / 24.0);
    // Little's law: mean wait = mean backlog / demand.
    close(run.value("service", "night", "completion_age"), 12.0 * 0.5 * 16.0 / 24.0);
    assert_eq!(run.value("service", "night", "tokens_late"), 0.0);
    // The timeline shows it: bins of an hour, the triangle's means.
    let channel = run.layout.find_channel("service", "night", "backlog").unwrap();
    let at = |hour: usize| f64::from(run.histories[0].timeline[channel * run.layout.bins + hour]);
    assert!((at(5) / most - 5.5 / 12.0).abs() < 1e-6 && (at(12) / most - 3.5 / 4.0).abs() < 1e-6 && at(17).abs() < 1e-9);
}

#[test]
fn what_is_older_than_it_may_be_is_lost() {
    let run = run_with(&[&valleys(), &batch(2, "6 h")], NO_FAILURES, 8, "");
    // From 6 h to noon what came six hours before is late.
    close(run.value("service", "night", "tokens_late"), 10.0 * 20e3 * 6.0 * 3600.0 / 1e6);
    close(run.value("service", "night", "tokens_lost"), run.value("service", "night", "tokens_late"));
    close(run.value("service", "night", "served_share"), 0.75);
    close(run.value("service", "night", "backlog_max"), 20e3 * 6.0 * 3600.0 / 1e6);
    // Served with a wait: 6 h of arrivals in the queue at noon, and 2 h more until it is empty; the ages fall evenly from 6 h to 0.
    close(run.value("service", "night", "completion_age"), 3.0 * 8.0 / 18.0);
}

#[test]
fn tiers_take_turns() {
    // 2 cards' worth for each; 4 cards in the valley serve the first tier's backlog before the second's.
    let first = batch(2, "48 h").replace("night", "first").replace("T3", "T2");
    let day = chat(2, &format!("daily = [{}{}]", "1, ".repeat(12), "0, ".repeat(12)));
    let run = run_with(&[&day, &batch(2, "48 h"), &first], NO_FAILURES, 4, &place("left", 1.0).replace("chat", "first"));
    // 24 h of the first at 2 cards need 12 h of 4 cards: nothing is ever left for the other, which is late after 48 h.
    close(run.value("service", "first", "served_share"), 1.0);
    assert_eq!(run.value("service", "night", "tokens_served"), 0.0);
    close(run.value("service", "night", "tokens_late"), 20e3 * 192.0 * 3600.0 / 1e6);
    close(run.value("service", "night", "tokens_waiting"), 20e3 * 48.0 * 3600.0 / 1e6);
}

#[test]
fn gangs_go_first() {
    let train = "\n[[campaign]]\nname = \"model\"\nnation = \"north\"\naccelerators = 8\ncompute = \"1e30 FLOP\"\ndeadline = 2027-01-09T00:00:00Z\nstart = 2027-01-03T00:00:00Z\n";
    let placed = "\n[[campaign]]\ncampaign = \"model\"\nsite = \"left\"\naccelerator = \"card\"\n";
    let small = chat(1, "daily = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]");
    let run = run_with(&[&small, &batch(2, "720 h"), train], NO_FAILURES, 8, placed);
    // In the last hour of each day chat takes all. Two days flow through but for the second's last hour; then the gang has all the others.
    close(run.value("service", "night", "tokens_served"), 47.0 * 20e3 * 3600.0 / 1e6);
    assert!(run.value("campaign", "model", "goodput") > 0.9);
}

#[test]
fn failing_nodes_change_batch_work_exactly() {
    let nodes = "node_failure_rate = \"20 / 1000 node d\"\nnode_repair = { dist = \"exponential\", mean = \"2 d\" }";
    let run = |restless: &str, more: &str| {
        let sites = site("left", "") + &site("right", "");
        let parts = [&header("20 d"), BASE, &card(nodes), &sites, &chat(400, ""), &batch(500, "100 h"), restless];
        let model = load(&parts);
        let text = build("left", 800) + &build("right", 80) + &place("left", 1.0) + &place("left", 1.0).replace("chat", "night") + more;
        simulate(&model, &plan(&model, &text), 1)
    };
    let calm = run("", "");
    let service = chat(1, "demand_noise = 0.2").replace("\"chat\"", "\"restless\"").replace("T1", "T2");
    let shaken = run(&service, &place("right", 1.0).replace("chat", "restless"));
    for metric in ["tokens_served", "tokens_late", "backlog_mean", "backlog_max", "completion_age", "tokens_waiting"] {
        let (a, b) = (calm.value("service", "night", metric), shaken.value("service", "night", metric));
        assert!((a / b - 1.0).abs() < 1e-9, "{metric}: {a} {b}");
    }
    // About 96 % of 800 cards less 400 are left for 500: never all.
    let share = calm.value("service", "night", "tokens_served") / (5e6 * 20.0 * 0.0864);
    assert!(share > 0.6 && share < 0.8, "{share}");
}

#[test]
fn batch_work_fills_stand_bys_too() {
    let sites = site("left", "") + &site("right", "");
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), &sites, &batch(12, "24 h")]);
    let text = build("left", 8) + &build("right", 8) + &place("left", 1.0).replace("chat", "night");
    let alone = simulate(&model, &plan(&model, &text), 1);
    close(alone.value("site", "left", "tokens_served"), 80e3 * 864_000.0 / 1e6);
    let text = text + &standby("left", "right", 1.0).replace("chat", "night");
    let both = simulate(&model, &plan(&model, &text), 1);
    close(both.value("site", "right", "tokens_served"), 40e3 * 864_000.0 / 1e6);
    assert_eq!(both.value("service", "night", "tokens_lost"), 0.0);
    assert_eq!(both.value("service", "night", "backlog_max"), 0.0);
}
