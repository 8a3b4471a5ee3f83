//! Services: shares, failover, tiers, law, data, reach.

use crate::support::*;

const OUT_TEN_HOURS: &str = r#"
[[hazard]]
name = "fire"
kind = "random-outage"
targets = ["site.left"]
at = 2027-01-11T00:00:00Z
repair = "10 h"
"#;

#[test]
fn failover_loses_what_it_waits_for() {
    let lost = |failover: &str, time: &str| {
        let sites = site("left", "") + &site("right", "");
        let policy = policy(&format!("failover = \"{failover}\"\nfailover_time = \"{time}\""));
        let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &sites, &chat(8, ""), OUT_TEN_HOURS, &policy]);
        let planned =
            build("left", 8) + &build("right", 8) + &place("left", 0.75) + &place("right", 0.25) + &standby("left", "right", 0.75);
        simulate(&model, &plan(&model, &planned), 1).value("system", "all", "tokens_lost")
    };
    // 60 k tokens/s at the site that is out.
    close(lost("planned", "1 h"), 60e3 * 3600.0 / 1e6);
    close(lost("planned", "0 s"), 0.0);
    close(lost("any-legal", "2 h"), 60e3 * 7200.0 / 1e6);
    close(lost("none", "0 s"), 60e3 * 36_000.0 / 1e6);
}

#[test]
fn any_legal_finds_room_that_the_plan_did_not_name() {
    let sites = site("left", "") + &site("right", "") + &site("third", "");
    let model = load(&[
        &header("100 d"),
        BASE,
        &card(NO_FAILURES),
        &sites,
        &chat(8, ""),
        OUT_TEN_HOURS,
        &policy("failover = \"any-legal\"\nfailover_time = \"0 s\""),
    ]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &build("third", 8) + &place("left", 1.0))), 1);
    assert_eq!(run.value("system", "all", "tokens_lost"), 0.0);
    close(run.value("site", "third", "tokens_served"), 80e3 * 36_000.0 / 1e6);
}

#[test]
fn the_lowest_tier_is_shed_first() {
    let second = chat(8, "").replace("\"chat\"", "\"talk\"").replace("T1", "T3");
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), &site("left", ""), &second, &chat(8, "")]);
    let text = build("left", 8) + &place("left", 1.0) + &place("left", 1.0).replace("chat", "talk");
    let run = simulate(&model, &plan(&model, &text), 1);
    assert_eq!((run.value("tier", "T1", "served_share"), run.value("tier", "T3", "served_share")), (1.0, 0.0));
    close(run.value("tier", "T3", "hours_below_50"), 240.0);
    close(run.value("tier", "T3", "time_to_recover"), 240.0);
}

#[test]
fn a_rule_moves_a_service_on_its_day() {
    let rule = "\n[[rule]]\nname = \"sanction\"\nkind = \"forbid\"\nsites = [\"left\"]\nfrom = 2027-01-21T00:00:00Z\n";
    let sites = site("left", "") + &site("right", "");
    let parts = [
        &header("100 d"),
        BASE,
        &card(NO_FAILURES),
        &sites,
        &chat(8, ""),
        rule,
        &policy("failover = \"any-legal\"\nfailover_time = \"0 s\""),
    ];
    let model = load(&parts);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &build("right", 8) + &place("left", 1.0))), 1);
    assert_eq!(run.value("system", "all", "tokens_lost"), 0.0);
    assert_eq!(run.value("system", "all", "residency_violations"), 0.0);
    close(run.value("site", "left", "tokens_served") / run.value("site", "right", "tokens_served"), 20.0 / 80.0);
}

/// A second nation behind one cable, whose requests the site in the north serves.
const ISLAND: &str = r#"
[[nation]]
name = "island"

[[link]]
name = "cable"
from = "nation.north"
to = "nation.island"
kind = "submarine"
bandwidth = "100 Gbit/s"
latency = "7 ms"

[[link]]
name = "detour"
from = "nation.north"
to = "nation.island"
kind = "satellite"
bandwidth = "1 Gbit/s"
latency = "300 ms"

[[hazard]]
name = "anchor"
kind = "cable-cut"
targets = ["cable"]
at = 2027-01-11T00:00:00Z
repair = "240 h"
"#;

#[test]
fn a_cut_cable_leaves_its_origin_without_service() {
    let run = |limit: &str| {
        let service = chat(8, &format!("origins = {{ north = 0.75, island = 0.25 }}\nmax_latency = \"{limit}\""));
        let cable = ISLAND.replace("targets = [\"cable\"]", "targets = [\"link.cable\"]");
        let model = load(&[&header("100 d"), BASE, &cable, &card(NO_FAILURES), &site("left", ""), &service]);
        simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 1)
    };
    // The detour is too slow for 100 ms, not for 400 ms.
    let strict = run("100 ms");
    close(strict.value("service", "chat", "served_share"), 1.0 - 0.25 * 0.1);
    close(strict.value("tier", "T1", "latency_p95"), 7.0);
    close(strict.value("link", "cable", "availability"), 0.9);
    assert_eq!(run("400 ms").value("service", "chat", "served_share"), 1.0);
}

#[test]
fn a_service_without_its_data_is_down() {
    let data = "\n[[dataset]]\nname = \"records\"\nnation = \"north\"\nsize = \"450 TB\"\nreplication_interval = \"1 h\"\n";
    let fire = OUT_TEN_HOURS.replace("site.left", "site.right");
    let sites = site("left", "") + &site("right", "");
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &sites, &chat(8, "dataset = \"records\""), data, &fire]);
    let replica = "\n[[replica]]\ndataset = \"records\"\nsite = \"right\"\n";
    let text = build("left", 8) + &build("right", 8) + &place("left", 1.0) + replica;
    let run = simulate(&model, &plan(&model, &text), 1);
    close(run.value("service", "chat", "served_share"), 1.0 - 10.0 / 2400.0);
    close(run.value("dataset", "records", "readable_share"), 1.0 - 10.0 / 2400.0);
    // With a copy at the site itself nothing is lost.
    let text = text + &replica.replace("right", "left");
    assert_eq!(simulate(&model, &plan(&model, &text), 1).value("service", "chat", "served_share"), 1.0);
}
