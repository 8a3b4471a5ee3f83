//! Modes of training, checkpoints and faults of members, each against its closed form.

use bastide_cost_models::compute::low_communication::{Exchange, Link, Workers, utilisation};
use bastide_cost_models::compute::training_time;
use bastide_units::{Duration, Rate};

use crate::support::*;

/// A campaign of 800 cards (100 nodes) that never ends.
fn campaign(more: &str) -> String {
    format!(
        "\n[[campaign]]\nname = \"model\"\nnation = \"north\"\ncompute = \"1e30 FLOP\"\naccelerators = 800\nutilisation = \"40 %\"\ndeadline = 2027-01-02T00:00:00Z\n{more}\n"
    )
}

fn train(site: &str) -> String {
    format!("\n[[campaign]]\ncampaign = \"model\"\nsite = \"{site}\"\naccelerator = \"card\"\n")
}

fn failure(kind: &str, more: &str) -> String {
    format!("\n[[failure]]\nname = \"fault\"\nkind = \"{kind}\"\n{more}\n")
}

/// Histories of a campaign on one site that has spare nodes.
fn run_with(duration: &str, reliability: &str, more: &[&str], cards: u32, replications: u32) -> Run {
    let (head, card, site) = (header(duration), card(reliability), site("left", ""));
    let parts: Vec<&str> = [head.as_str(), BASE, &card, &site].into_iter().chain(more.iter().copied()).collect();
    let model = load(&parts);
    simulate(&model, &plan(&model, &(build("left", cards) + &train("left"))), replications)
}

fn value(run: &Run, metric: &str) -> f64 {
    run.value("campaign", "model", metric)
}

/// Each node once in 100 d: a gang of 100 once a day.
const DAILY: &str = "node_failure_rate = \"10 / 1000 node d\"\nnode_repair = \"6 h\"";

#[test]
fn writing_in_the_background_loses_what_is_not_yet_complete() {
    let text = campaign(
        "checkpoint_mode = \"asynchronous\"\ncheckpoint_interval = \"2 h\"\ncheckpoint_time = \"30 min\"\ndetection = \"20 min\"\nrestart = \"40 min\"",
    );
    let run = run_with("365 d", DAILY, &[&text], 1000, 60);
    let hour = Duration::from_h;
    let expected = training_time::goodput_overlapped(hour(2.0), hour(0.5), hour(1.0), Rate::from_per_d(1.0));
    run.expect("campaign", "model", "goodput", expected);
    assert_eq!(value(&run, "hours_checkpoints"), 0.0);
}

#[test]
fn the_effective_time_is_that_of_kokolis() {
    // To first order in the rate of failures (Kokolis et al. 2024): what is left out is below 0.1 % at these figures.
    let text = campaign("checkpoint_interval = \"30 min\"\ncheckpoint_time = \"30 s\"\nrestart = \"10 min\"");
    let run = run_with("365 d", DAILY, &[&text], 1000, 40);
    let minutes = Duration::from_min;
    let expected = training_time::effective_time_ratio(minutes(30.0), minutes(0.5), minutes(10.0), Rate::from_per_d(1.0));
    let values = run.values("campaign", "model", "ettr");
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((mean / expected - 1.0).abs() < 1e-3, "{mean} {expected}");
}

#[test]
fn hours_are_lost_for_a_cause() {
    let text = campaign("checkpoint_interval = \"30 min\"\ncheckpoint_time = \"1 min\"\nrestart = \"10 min\"\nplanned_stops = \"1 / 7 d\"");
    let run = run_with("90 d", DAILY, &[&text], 1000, 3);
    for at in 0..3 {
        let of = |metric: &str| run.values("campaign", "model", metric)[at];
        let causes: f64 = run
            .layout
            .metrics
            .iter()
            .zip(&run.histories[at].metrics)
            .filter(|(def, _)| def.entity_kind == "interruption" && def.metric == "accelerator_hours_lost")
            .map(|(_, hours)| hours)
            .sum();
        close(causes + of("hours_checkpoints"), of("accelerator_hours_lost"));
        let lines = ["hours_rework", "hours_recovery", "hours_checkpoints", "hours_slowdown", "hours_waiting"];
        close(lines.into_iter().map(of).sum(), of("accelerator_hours_lost"));
        close(of("interruptions"), of("interruptions_unexpected") + of("interruptions_planned"));
        close(of("interruptions_unexpected"), run.values("interruption", "model: node", "interruptions")[at]);
        // 90 d hold 13 weeks of which the first half is over at 3.5 d.
        close(of("interruptions_planned"), 13.0);
    }
}

#[test]
fn planned_stops_cost_a_checkpoint_and_a_restart() {
    let text = campaign("checkpoint_interval = \"300 h\"\ncheckpoint_time = \"5 min\"\nrestart = \"25 min\"\nplanned_stops = \"1 / d\"");
    let run = run_with("10 d", NO_FAILURES, &[&text], 800, 1);
    close(value(&run, "goodput"), 1.0 - 10.0 * 0.5 / 240.0);
    close(value(&run, "hours_recovery"), 10.0 * 0.5 * 800.0);
    assert_eq!((value(&run, "interruptions_planned"), value(&run, "interruptions_unexpected")), (10.0, 0.0));
}

#[test]
fn the_interval_of_young_and_daly_is_resolved() {
    for (word, expected) in [
        ("young", training_time::young_interval(Duration::from_s(30.0), Rate::from_per_d(1.0))),
        ("daly", training_time::checkpoint_interval(Duration::from_s(30.0), Rate::from_per_d(1.0))),
    ] {
        // 60 TB at 2 TB/s take 30 s.
        let text = campaign(&format!("checkpoint_interval = \"{word}\"\ncheckpoint_size = \"60 TB\"\ncheckpoint_bandwidth = \"2 TB/s\""));
        close(value(&run_with("1 d", DAILY, &[&text], 1000, 1), "checkpoint_interval"), expected.as_h() * 60.0);
    }
}

#[test]
fn memory_survives_its_members_and_not_its_site() {
    let text = |more: &str| {
        campaign(&format!(
            "checkpoint_mode = \"in-memory\"\ncheckpoint_interval = \"1 min\"\npersistent_interval = \"6 h\"\nrestart = \"0 s\"\n{more}"
        ))
    };
    // Members come back from memory: a minute at most is lost for each of 365 failures.
    let members = run_with("365 d", DAILY, &[&text("")], 1000, 4);
    assert!(members.values("campaign", "model", "goodput").iter().all(|goodput| *goodput > 0.999));
    // The site stops once in 10 d, and with it the memory. Of each window of 6 h between copies all is lost up to the last stop in it:
    // (1 - exp(-w)) / w is left, with w = 6 / 240 stops in a window.
    let (head, card, text) = (header("365 d"), card(NO_FAILURES), text(""));
    let place = site("left", "mttf = \"240 h\"\nrepair = \"1 s\"");
    let model = load(&[&head, BASE, &card, &place, &text]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &train("left"))), 60);
    let window: f64 = 6.0 / 240.0;
    run.expect("campaign", "model", "goodput", (1.0 - (-window).exp()) / window);
}

#[test]
fn a_rack_is_one_interruption_and_takes_the_memory_of_its_nodes() {
    // Ten racks of the gang, each once in 36.5 d: 100 in a year. More than one node at a time: back to the site's storage.
    let rack = failure("crash", "domain = \"rack\"\nrate = \"1 / 36.5 d\"\nrepair = \"1 s\"\ndetection = \"0 s\"");
    let text =
        campaign("checkpoint_mode = \"in-memory\"\ncheckpoint_interval = \"1 min\"\npersistent_interval = \"6 h\"\nrestart = \"0 s\"");
    let keys = format!("{NO_FAILURES}\nnodes_per_rack = 10");
    let run = run_with("365 d", &keys, &[&text, &rack], 1040, 60);
    run.expect("campaign", "model", "interruptions", 100.0);
    run.expect("interruption", "model: fault", "interruptions", 100.0);
    let window = 6.0 / 87.6;
    run.expect("campaign", "model", "goodput", (1.0 - f64::exp(-window)) / window);
}

#[test]
fn silent_faults_lose_all_that_was_done_since() {
    // Once in 10 d; found 3 h later, and back to the last hourly checkpoint of before: 3.5 h lost in the mean.
    let fault = failure("silent", "rate = \"1 / 1000 node d\"\ndetection = \"3 h\"");
    let text = campaign("checkpoint_interval = \"1 h\"\nrestart = \"0 s\"");
    let run = run_with("365 d", NO_FAILURES, &[&text, &fault], 1000, 60);
    run.expect("campaign", "model", "goodput", 1.0 - 3.5 / 240.0);
    run.expect("interruption", "model: fault", "interruptions", 36.5 - 3.0 / 240.0);
}

#[test]
fn the_slowest_member_sets_the_pace() {
    // One straggler a day for 12 h: none of them is there for exp(-1/2) of the time (M/G/infinity).
    let fault = failure("straggler", "rate = \"10 / 1000 node d\"\nslowdown = 0.2\ndetection = \"12 h\"");
    let text = campaign("checkpoint_interval = \"1 h\"");
    let run = run_with("365 d", NO_FAILURES, &[&text, &fault], 1000, 60);
    run.expect("campaign", "model", "goodput", 1.0 - 0.2 * (1.0 - f64::exp(-0.5)));
    // Slow time is productive time.
    close(value(&run, "ettr"), 1.0);
    assert_eq!(value(&run, "interruptions"), 0.0);
}

#[test]
fn an_elastic_gang_has_the_binomial_share_of_its_members() {
    // 100 nodes without spares, each up with probability 1 / 1.005; the gang goes on with whole tens.
    let nodes = "node_failure_rate = \"10 / 1000 node d\"\nnode_repair = { dist = \"exponential\", mean = \"12 h\" }";
    let text = campaign("mode = \"elastic\"\nmin_accelerators = 80\nstep = 80\nresize = \"0 s\"\ncheckpoint_interval = \"1 h\"");
    let run = run_with("365 d", nodes, &[&text], 800, 60);
    let up: f64 = 1.0 / 1.005;
    let (mut probability, mut mean) = (up.powi(100), 0.0);
    for down in 0..=100_u32 {
        mean += probability * f64::from((100 - down) / 10) / 10.0;
        probability *= f64::from(100 - down) / f64::from(down + 1) * (1.0 - up) / up;
    }
    run.expect("campaign", "model", "goodput", mean);
    assert_eq!(value(&run, "hours_rework"), 0.0);
}

#[test]
fn an_elastic_gang_pays_for_each_change() {
    // With spares its size stays: a change a day, 10 min to notice and 5 min to resize.
    let text = campaign("mode = \"elastic\"\nmin_accelerators = 80\nresize = \"5 min\"\ndetection = \"10 min\"");
    let run = run_with("365 d", DAILY, &[&text], 1000, 60);
    // A change during a change begins it anew: the wait is (exp(x) - 1) / x times as long for x = 15 / 1440 changes in it.
    let x: f64 = 15.0 / 1440.0;
    run.expect("campaign", "model", "goodput", 1.0 / (1.0 + x.exp_m1()));
}

/// Two islands of 400 cards, one at each site.
fn islands(left: &str, right: &str, more: &str, links: &str, duration: &str, replications: u32) -> Run {
    let text = campaign(&format!("mode = \"low-communication\"\nislands = 2\nrestart = \"0 s\"\n{more}"));
    let (head, card) = (header(duration), card(NO_FAILURES));
    let model = load(&[&head, BASE, &card, &site("left", left), &site("right", right), &text, links]);
    simulate(&model, &plan(&model, &[build("left", 400), build("right", 400), train("left"), train("right")].concat()), replications)
}

#[test]
fn a_lost_island_takes_its_share_only() {
    let run = islands(
        "mttf = \"190 h\"\nrepair = { dist = \"exponential\", mean = \"10 h\" }",
        "",
        "sync_interval = \"1 min\"\nsync_time = \"0 s\"",
        "",
        "365 d",
        60,
    );
    run.expect("campaign", "model", "goodput", 0.5 * (1.0 + 0.95));
}

#[test]
fn the_last_island_falls_back_to_the_storage() {
    // Right stops at 10:00 for a day, left at 20:30 for an hour: the state of 20:00 is left of both.
    let hit = |name: &str, site: &str, at: &str, repair: &str| {
        format!(
            "\n[[hazard]]\nname = \"{name}\"\nkind = \"random-outage\"\ntargets = [\"site.{site}\"]\nat = 2027-01-01T{at}Z\nrepair = \"{repair}\"\n"
        )
    };
    let hits = hit("one", "right", "10:00:00", "40 h") + &hit("two", "left", "20:30:00", "40 h");
    let run = islands("", "", "sync_interval = \"1 min\"\nsync_time = \"0 s\"\ncheckpoint_interval = \"1 h\"", &hits, "2 d", 1);
    close(value(&run, "goodput"), (10.0 + 20.0) / (2.0 * 48.0));
    assert_eq!(value(&run, "interruptions"), 2.0);
}

#[test]
fn exchanges_take_what_the_links_let_through() {
    // 2 TB each over the accesses of 100 Gbit/s.
    let run = islands("", "", "sync_interval = \"30 min\"\ninner_steps = 60\nsync_size = \"2 TB\"", "", "100 h", 1);
    let parameters = 1e12;
    let workers = Workers { parameters, layers: Workers::typical_layers(parameters), step_time: 30.0, count: 2.0 };
    let expected = utilisation(&workers, &Exchange::diloco(60.0), &Link { bandwidth: 1e11, round_trip: 0.0 });
    let goodput = value(&run, "goodput");
    // The last round is cut by the end.
    assert!((goodput / expected - 1.0).abs() < 0.005, "{goodput} {expected}");
    assert!(expected < 0.95);
}

#[test]
fn an_island_cut_off_counts_when_it_is_back() {
    // South is another nation behind one cable, which is cut from 10 h to 20 h.
    let more = "\n[[nation]]\nname = \"south\"\n[[link]]\nname = \"cable\"\nfrom = \"nation.north\"\nto = \"nation.south\"\nbandwidth = \"100 Gbit/s\"\nlatency = \"5 ms\"\n";
    let cut =
        "[[hazard]]\nname = \"cut\"\nkind = \"cable-cut\"\ntargets = [\"link.cable\"]\nat = 2027-01-01T10:00:00Z\nrepair = \"10 h\"\n";
    let keys = "sync_interval = \"1 min\"\nsync_time = \"0 s\"";
    let joined = islands("", "nation = \"south\"", keys, &[more, cut].concat(), "48 h", 1);
    close(value(&joined, "goodput"), 1.0);
    // Hit at 15 h while it is alone, it loses its five hours of that, and is back an hour later.
    let hit =
        "[[hazard]]\nname = \"hit\"\nkind = \"random-outage\"\ntargets = [\"site.right\"]\nat = 2027-01-01T15:00:00Z\nrepair = \"1 h\"\n";
    let lost = islands("", "nation = \"south\"", keys, &[more, cut, hit].concat(), "48 h", 1);
    close(value(&lost, "goodput"), 1.0 - 6.0 / 96.0);
}

#[test]
fn copies_elsewhere_outlive_the_site() {
    // Struck at 20 h, with its storage. A copy begins every 6 h; 45 TB at 12.5 GB/s take an hour: that of 18 h is there.
    let strike = "\n[[hazard]]\nname = \"salvo\"\nkind = \"strike-campaign\"\ntargets = [\"site.left\"]\nat = 2027-01-01T20:00:00Z\nmunitions = 1\ninterception = 0\ndamage = { none = 1 }\nrepair = \"5 d\"\nnodes_destroyed = 1\n";
    let goodput = |more: &str| {
        let text = campaign(&format!("checkpoint_interval = \"1 h\"\n{more}"));
        let (head, card) = (header("2 d"), card(NO_FAILURES));
        let model = load(&[&head, BASE, &card, &site("left", ""), &site("right", ""), &text, strike]);
        value(&simulate(&model, &plan(&model, &[build("left", 800), build("right", 8), train("left")].concat()), 1), "goodput")
    };
    close(
        goodput(
            "checkpoint_storage = \"site\"\ncheckpoint_size = \"45 TB\"\ncheckpoint_remote = \"right\"\ncheckpoint_remote_interval = \"6 h\"",
        ),
        18.0 / 48.0,
    );
    assert_eq!(goodput("checkpoint_storage = \"site\""), 0.0);
    close(goodput(""), 20.0 / 48.0);
}
