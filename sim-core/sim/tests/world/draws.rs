//! Draws belong to their entities; histories belong to (model, plan, seed, replication).

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use bastide_sim::{Layout, Options, entity_name, run};

use crate::support::*;

const NOISE: &str = "mttf = \"190 h\"\nrepair = { dist = \"lognormal\", median = \"10 h\", p95 = \"40 h\" }";
const NODES: &str = "node_failure_rate = \"5 / 1000 node d\"\nnode_repair = { dist = \"exponential\", mean = \"1 d\" }";
const STRIKES: &str = "\n[[hazard]]\nname = \"salvo\"\nkind = \"strike-campaign\"\ntargets = [\"site.*\"]\nrate = \"2 / month\"\nmunitions = 6\ninterception = 0.5\ndamage = { none = 0.5 }\nrepair = { dist = \"exponential\", mean = \"5 d\" }\nnodes_destroyed = 0.1\n";

#[test]
fn another_site_does_not_move_the_failures_of_this_one() {
    let failures = |sites: &[&str]| {
        let text: String = sites.iter().map(|name| site(name, NOISE)).collect();
        let model = load(&[&header("365 d"), BASE, &card(NODES), &text]);
        let builds: String = sites.iter().map(|name| build(name, 80)).collect();
        let run = simulate_with(&model, &plan(&model, &builds), 3, Options { trace: true, ..Options::default() });
        let of_left = |event: &&bastide_sim::EventRecord| entity_name(&model, event.entity_kind, event.entity) == "left";
        run.histories.iter().map(|h| h.events.iter().filter(of_left).map(|e| (e.time, e.kind)).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let (alone, among) = (failures(&["left"]), failures(&["a", "left", "z"]));
    assert!(alone.iter().all(|events| events.len() > 100));
    assert_eq!(alone, among);
}

#[test]
fn plans_meet_the_same_salvos() {
    let model = load(&[&header("365 d"), BASE, &card(NODES), &site("left", ""), &site("right", ""), STRIKES]);
    let strikes = |text: &str| {
        let run = simulate(&model, &plan(&model, text), 4);
        let of = |event: &&bastide_sim::EventRecord| event.kind.starts_with("strike");
        run.histories.iter().map(|h| h.events.iter().filter(of).map(|e| e.time).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let (one, both) = (strikes(&build("left", 80)), strikes(&(build("left", 80) + &build("right", 800))));
    assert!(one.iter().all(|times| times.len() > 5));
    assert_eq!(one, both);
}

#[test]
fn threads_and_trace_change_nothing() {
    let sites = site("left", NOISE) + &site("right", NOISE);
    let model = load(&[&header("180 d"), BASE, &card(NODES), &sites, &chat(120, ""), STRIKES]);
    let both = build("left", 80) + &build("right", 80) + &place("left", 0.5) + &place("right", 0.5) + &standby("left", "right", 0.5);
    let plans = [plan(&model, &both), plan(&model, &(build("left", 160) + &place("left", 1.0)))];
    let layout = Layout::new(&model);
    let stop = AtomicBool::new(false);
    let heard = Mutex::new(Vec::new());
    let with = |threads, trace| {
        run(&model, &plans, &layout, 6, 11, threads, Options { trace, ..Options::default() }, &stop, &|plan, replication| {
            heard.lock().unwrap().push((plan, replication));
        })
        .unwrap()
    };
    let one = with(1, false);
    assert_eq!(heard.lock().unwrap().len(), 12);
    assert!(one.iter().flatten().all(Option::is_some));
    assert_eq!(one, with(4, false));
    for (plain, traced) in one.iter().flatten().flatten().zip(with(2, true).iter().flatten().flatten()) {
        assert_eq!((&plain.metrics, &plain.timeline, &plain.balance), (&traced.metrics, &traced.timeline, &traced.balance));
        assert!(traced.events.len() > plain.events.len());
        // The same events with the same numbers and causes, and finer ones between.
        let mut finer = traced.events.iter();
        assert!(plain.events.iter().all(|event| finer.any(|other| other == event)));
        for events in [&plain.events, &traced.events] {
            assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].time <= pair[1].time));
            assert!(events.iter().all(|event| event.cause_seq.is_none_or(|cause| cause < event.seq)));
        }
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(with(2, false).iter().flatten().all(Option::is_none));
}
