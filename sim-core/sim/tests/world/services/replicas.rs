//! Replicas that follow demand, and what their start costs.

use crate::support::*;

const SCALED: &str = "scale_target = 1\nstartup = \"30 min\"\n";

fn halves(low: &str, high: &str) -> String {
    format!("daily = [{}{}]\n", format!("{low}, ").repeat(12), format!("{high}, ").repeat(12))
}

fn on_site(cards: u32, service: &str) -> Run {
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), &site("left", ""), service]);
    simulate(&model, &plan(&model, &(build("left", cards) + &place("left", 1.0))), 1)
}

#[test]
fn a_step_up_loses_its_rate_times_the_startup() {
    // 2 cards by night, 6 by day: every noon 4 cards' worth is lost for half an hour.
    let run = on_site(16, &chat(4, &(SCALED.to_owned() + &halves("1", "3"))));
    close(run.value("service", "chat", "tokens_lost"), 10.0 * 40e3 * 1800.0 / 1e6);
    // Held: 6 for 12 h, and for the 5 minutes of the window on nine midnights; 2 for the rest.
    close(run.value("service", "chat", "accelerators_held"), (2.0 * 120.0 + 6.0 * 120.0 + 9.0 * 4.0 / 12.0) / 240.0);
    // At half the utilisation 4 are ready at noon: the lack is 2 cards.
    let half = on_site(16, &chat(4, &(SCALED.replace("= 1", "= 0.5") + &halves("1", "3"))));
    close(half.value("service", "chat", "tokens_lost"), 10.0 * 20e3 * 1800.0 / 1e6);
    // What stays up needs no start; nor does what was never needed.
    let lost = |more: &str| on_site(16, &chat(4, &(SCALED.to_owned() + &halves("1", "3") + more))).value("service", "chat", "tokens_lost");
    assert_eq!(lost("min_replicas = 6"), 0.0);
    close(lost("cooldown = \"12 h\""), 40e3 * 1800.0 / 1e6);
}

#[test]
fn replicas_are_whole_and_bounded() {
    // 4 cards' worth at 70 %: 5.71 cards are two replicas of 4.
    let run = on_site(16, &chat(4, "scale_target = 0.7\nreplica = 4\n"));
    close(run.value("service", "chat", "accelerators_held"), 8.0);
    // At most one of them: it serves all that it can.
    let run = on_site(16, &chat(6, "scale_target = 0.7\nreplica = 4\nmax_replicas = 1\n"));
    close(run.value("service", "chat", "accelerators_held"), 4.0);
    close(run.value("service", "chat", "served_share"), 4.0 / 6.0);
    // A site of 7 cards has room for one.
    let run = on_site(7, &chat(6, "scale_target = 0.7\nreplica = 4\n"));
    close(run.value("service", "chat", "accelerators_held"), 4.0);
}

#[test]
fn requests_meet_the_utilisation_of_the_replicas() {
    // 4 of 5 cards: M/M/1 at 80 %.
    let run = on_site(16, &chat(4, "scale_target = 0.8\nrequest_tokens = 10000\n"));
    close(run.value("service", "chat", "request_latency"), 5.0);
    close(run.value("service", "chat", "accelerators_held"), 5.0);
}

#[test]
fn idle_replicas_draw_less() {
    let energy = |more: &str| {
        let half_idle = card(NO_FAILURES).replace("idle_share = \"100 %\"", "idle_share = \"50 %\"");
        let model = load(&[&header("10 d"), BASE, &half_idle, &site("left", ""), &chat(4, more)]);
        simulate(&model, &plan(&model, &(build("left", 16) + &place("left", 1.0))), 1).value("site", "left", "energy")
    };
    // 4 kW at work and 12 at half of it, PUE 1.25, however they are spread over replicas.
    close(energy(""), (4.0 + 6.0) * 1.25 * 240.0 / 1e3);
    close(energy("scale_target = 0.5"), (4.0 + 6.0) * 1.25 * 240.0 / 1e3);
}

const FIRE: &str =
    "\n[[hazard]]\nname = \"fire\"\nkind = \"random-outage\"\ntargets = [\"site.left\"]\nat = 2027-01-05T00:00:00Z\nrepair = \"10 h\"\n";

fn fire(more: &str, failover: &str, planned: &str) -> Run {
    let sites = site("left", "") + &site("right", "");
    let policy = policy(&format!("failover = \"{failover}\"\nfailover_time = \"10 min\""));
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), &sites, &chat(8, more), FIRE, &policy]);
    simulate(&model, &plan(&model, &(build("left", 8) + &build("right", 8) + &place("left", 1.0) + planned)), 1)
}

#[test]
fn a_cold_standby_loads_its_weights_first() {
    let keys = "scale_target = 1\nstartup = \"20 min\"\nkv_warmup = \"5 min\"\n";
    let cold = fire(keys, "planned", &standby("left", "right", 1.0));
    // Ten minutes until requests come, twenty to load, five for the caches. After the repair requests stay until home has loaded.
    close(cold.value("service", "chat", "tokens_lost"), 80e3 * 35.0 * 60.0 / 1e6);
    let warm = fire(&(keys.to_owned() + "min_replicas = 8"), "planned", &standby("left", "right", 1.0));
    close(warm.value("service", "chat", "tokens_lost"), 80e3 * 600.0 / 1e6);
    // Nobody stands by: the outage, and the start at home.
    close(fire(keys, "none", "").value("service", "chat", "tokens_lost"), 80e3 * (10.0 * 60.0 + 25.0) * 60.0 / 1e6);
}

#[test]
fn a_site_without_the_weights_fetches_them() {
    // 1.5 TB at 1.5 GB/s from its own disks: 1,000 s. The sites' accesses carry 12.5 GB/s, so nothing is slower.
    let keys = "scale_target = 1\nweights = \"1.5 TB\"\nwarmup = \"0 s\"\n";
    close(fire(keys, "any-legal", "").value("service", "chat", "tokens_lost"), 80e3 * 1600.0 / 1e6);
    // No site that has them works: what the disks give is all that can be said. Three sites: one stays up as a holder behind 100 MB/s.
    let slow = "\n[[nation]]\nname = \"island\"\n[[link]]\nname = \"cable\"\nfrom = \"nation.north\"\nto = \"nation.island\"\nbandwidth = \"0.8 Gbit/s\"\nlatency = \"1 ms\"\n";
    let sites =
        site("left", "") + &site("third", "") + &site("right", "").replace("bus = \"north\"", "bus = \"north\"\nnation = \"island\"");
    let policy = policy("failover = \"any-legal\"\nfailover_time = \"10 min\"");
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), slow, &sites, &chat(8, keys), FIRE, &policy]);
    let text = build("left", 8) + &build("right", 8) + &build("third", 8) + &place("left", 0.5) + &place("third", 0.5);
    let run = simulate(&model, &plan(&model, &text), 1);
    // Half of the demand goes elsewhere: 4 cards of the third site, which has the weights and 4 cards to spare, after 1,600 s.
    close(run.value("service", "chat", "tokens_lost"), 40e3 * 1600.0 / 1e6);
    // With the third site full, the island's cards load over the cable: 15,000 s.
    let text = build("left", 8) + &build("right", 8) + &build("third", 8) + &place("left", 0.5) + &place("third", 0.5);
    let filler = chat(4, "").replace("\"chat\"", "\"filler\"").replace("T1", "T0");
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), slow, &sites, &chat(8, keys), &filler, FIRE, &policy]);
    let run = simulate(&model, &plan(&model, &(text + &place("third", 1.0).replace("chat", "filler"))), 1);
    close(run.value("service", "chat", "tokens_lost"), 40e3 * 15_600.0 / 1e6);
}

#[test]
fn a_node_failure_with_slack_changes_nothing() {
    let run = |nodes: &str| {
        let model = load(&[&header("10 d"), BASE, &card(nodes), &site("left", ""), &chat(80, SCALED)]);
        simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 1)
    };
    let (still, failing) = (run(NO_FAILURES), run("node_failure_rate = \"20 / 1000 node d\"\nnode_repair = \"1 d\""));
    assert_eq!(failing.value("service", "chat", "tokens_lost"), 0.0);
    assert_eq!(still.value("service", "chat", "accelerators_held"), failing.value("service", "chat", "accelerators_held"));
}
