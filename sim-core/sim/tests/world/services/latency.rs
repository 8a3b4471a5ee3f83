//! Times of requests against queueing theory.

use crate::support::*;

/// Requests of 10,000 tokens: one second on one card, one at a time, so that each card is M/M/1.
const SECONDS: &str = "request_tokens = 10000\n";

fn halves(low: &str, high: &str) -> String {
    format!("daily = [{}{}]\n", format!("{low}, ").repeat(12), format!("{high}, ").repeat(12))
}

fn on_site(reliability: &str, cards: u32, services: &str, plan_text: &str) -> Run {
    let model = load(&[&header("20 d"), BASE, &card(reliability), &site("left", ""), services]);
    simulate(&model, &plan(&model, &(build("left", cards) + &place("left", 1.0) + plan_text)), 1)
}

#[test]
fn two_levels_of_demand_are_the_weighted_curve() {
    // Of 8 cards 2 are busy by night and 6 by day: 1 / (1 - u) is 4/3 s and 4 s, for a quarter and three quarters of the tokens.
    let run = on_site(NO_FAILURES, 8, &chat(4, &(SECONDS.to_owned() + &halves("1", "3"))), "");
    let mean = 0.25 * 4.0 / 3.0 + 0.75 * 4.0;
    close(run.value("service", "chat", "request_latency"), mean);
    close(run.value("service", "chat", "queueing_delay"), mean - 1.0);
    close(run.value("tier", "T1", "request_latency"), mean);
    // Times of both are exponential: 0.05 = 0.25 exp(-0.75 t) + 0.75 exp(-0.25 t).
    let p95 = run.value("service", "chat", "request_latency_p95");
    close(0.25 * (-0.75 * p95).exp() + 0.75 * (-0.25 * p95).exp(), 0.05);
    assert_eq!(run.value("service", "chat", "within_target"), 1.0);
}

#[test]
fn several_places_wait_by_erlang() {
    // Replicas of two cards with four places: 10,000 tokens take 2 s each; at 75 % the offered load is 3. Erlang B(4, 3) = 0.206107,
    // C = B / (1 - 0.75 (1 - B)) = 0.509434, wait = C 2 s / (4 - 3).
    let run = on_site(NO_FAILURES, 8, &chat(6, "request_tokens = 10000\nconcurrency = 4\nreplica = 2\n"), "");
    let wait = 0.509_433_962 * 2.0;
    assert!((run.value("service", "chat", "queueing_delay") - wait).abs() < 1e-6);
    assert!((run.value("service", "chat", "request_latency") - wait - 2.0).abs() < 1e-6);
}

#[test]
fn the_network_counts_both_ways() {
    let island = "\n[[nation]]\nname = \"island\"\n[[link]]\nname = \"cable\"\nfrom = \"nation.north\"\nto = \"nation.island\"\nbandwidth = \"100 Gbit/s\"\nlatency = \"70 ms\"\n";
    let service = chat(4, &(SECONDS.to_owned() + "origins = { north = 0.5, island = 0.5 }\nlatency_target = \"5 s\""));
    let run = on_site(NO_FAILURES, 8, &(service + island), "");
    close(run.value("service", "chat", "request_latency"), 2.0 + 0.5 * 0.14);
    // Tokens of one site and utilisation have their mean network time: 1 - exp(-(5 - 0.07) / 2).
    close(run.value("service", "chat", "within_target"), 1.0 - (-(5.0 - 0.07) / 2.0_f64).exp());
}

#[test]
fn a_cap_turns_away_what_would_miss_the_target() {
    // P95 of M/M/1 is ln 20 / (1 - u): 6 s at u = 1 - ln 20 / 6.
    let service = chat(8, &(SECONDS.to_owned() + "latency_target = \"6 s\"\nlatency_cap = true"));
    let run = on_site(NO_FAILURES, 8, &service, "");
    close(run.value("service", "chat", "served_share"), 1.0 - 20.0_f64.ln() / 6.0);
    let within = run.value("service", "chat", "within_target");
    assert!((within - 0.95).abs() < 1e-3, "{within}");
    let free = on_site(NO_FAILURES, 8, &chat(8, &(SECONDS.to_owned() + "latency_target = \"6 s\"")), "");
    assert!(free.value("service", "chat", "served_share") == 1.0 && free.value("service", "chat", "within_target") < 0.1);
}

/// A small service of tier T3 that asks for another number of tokens every hour, so that everything is allocated again.
fn restless() -> String {
    chat(1, "demand_noise = 0.2").replace("\"chat\"", "\"restless\"").replace("T1", "T3")
}

#[test]
fn node_failures_with_slack_count_without_a_new_allocation() {
    let nodes = "node_failure_rate = \"20 / 1000 node d\"\nnode_repair = { dist = \"exponential\", mean = \"2 d\" }";
    let service = chat(400, SECONDS);
    let calm = on_site(nodes, 800, &service, "");
    let sites = site("left", "") + &site("right", "");
    let model = load(&[&header("20 d"), BASE, &card(nodes), &sites, &service, &restless()]);
    let text = build("left", 800) + &build("right", 80) + &place("left", 1.0) + &place("right", 1.0).replace("chat", "restless");
    let shaken = simulate(&model, &plan(&model, &text), 1);
    for metric in ["request_latency", "request_latency_p95", "queueing_delay"] {
        let (a, b) = (calm.value("service", "chat", metric), shaken.value("service", "chat", metric));
        assert!((a / b - 1.0).abs() < 1e-9, "{metric}: {a} {b}");
    }
    // Nodes are out: with all of them up it would be 2 s; by 4 % fewer cards u = 0.52, and the time 2.08 s.
    let mean = calm.value("service", "chat", "request_latency");
    assert!(mean > 2.02 && mean < 2.2, "{mean}");
}

#[test]
fn gangs_leave_services_less_room() {
    let train = "\n[[campaign]]\nname = \"model\"\nnation = \"north\"\naccelerators = 400\ncompute = \"1e30 FLOP\"\ndeadline = 2027-01-15T00:00:00Z\nstart = 2027-01-11T00:00:00Z\n";
    let run = on_site(
        NO_FAILURES,
        800,
        &(chat(200, SECONDS) + train),
        "\n[[campaign]]\ncampaign = \"model\"\nsite = \"left\"\naccelerator = \"card\"\n",
    );
    // Ten days at u = 1/4, ten at u = 1/2.
    close(run.value("service", "chat", "request_latency"), 0.5 * 4.0 / 3.0 + 0.5 * 2.0);
}

#[test]
fn measuring_can_be_left_out() {
    let model = load(&[&header("20 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(4, SECONDS)]);
    let plan = plan(&model, &(build("left", 8) + &place("left", 1.0)));
    let off = bastide_sim::Options { timeline: false, latency: false, ..bastide_sim::Options::default() };
    let (with, without) = (simulate(&model, &plan, 1), simulate_with(&model, &plan, 1, off));
    assert!(without.histories[0].timeline.is_empty());
    assert_eq!(without.value("service", "chat", "request_latency"), 0.0);
    for (at, def) in with.layout.metrics.iter().enumerate() {
        if !["request_latency", "request_latency_p95", "queueing_delay"].contains(&def.metric) {
            assert_eq!(with.histories[0].metrics[at], without.histories[0].metrics[at], "{def:?}");
        }
    }
}
