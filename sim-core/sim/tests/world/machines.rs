//! Failures by cause, domain, age and job size; crews and spare parts; maintenance; power caps.

use crate::support::*;

/// 2 MW are 1,600 cards of 1 kW with their PUE; these sites hold ten times as many.
fn place_at(more: &str) -> String {
    site("left", more).replace("connection = \"2 MW\"", "connection = \"20 MW\"")
}

fn failure(name: &str, kind: &str, more: &str) -> String {
    format!("\n[[failure]]\nname = \"{name}\"\nkind = \"{kind}\"\n{more}\n")
}

/// A gang of 800 cards, 100 nodes, that begins at the start and never ends.
fn gang(more: &str) -> String {
    format!(
        "\n[[campaign]]\nname = \"model\"\nnation = \"north\"\naccelerators = 800\nutilisation = \"40 %\"\ncompute = \"1e30 FLOP\"\ndeadline = 2027-02-01T00:00:00Z\nrestart = \"0 s\"\n{more}\n"
    )
}

const TRAIN: &str = "\n[[campaign]]\ncampaign = \"model\"\nsite = \"left\"\naccelerator = \"card\"\n";
/// A rate of the type itself that would spoil every result: a cause replaces it.
const REPLACED: &str = "node_failure_rate = \"1 / d\"\nnode_repair = \"9 d\"";

#[test]
fn causes_replace_the_rate_of_the_type_and_add_up() {
    // Alternating renewal: of 100 nodes, up 1 / (1 + sum of rate x repair); each cause is out for its rate x repair of that.
    let causes = failure("gpu", "crash", "rate = \"20 / 1000 node d\"\nrepair = { dist = \"weibull\", shape = 2.0, scale = \"2 d\" }")
        + &failure("host", "crash", "rate = \"30 / 1000 node d\"\nrepair = \"12 h\"");
    let model = load(&[&header("3650 d"), BASE, &card(REPLACED), &place_at(""), &chat(800, ""), &causes]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 20);
    // Mean of the Weibull distribution: scale x gamma(1.5).
    let (gpu, host) = (0.020 * 2.0 * 0.886_226_925_452_758, 0.030 * 0.5);
    let up = 1.0 / (1.0 + gpu + host);
    run.expect("service", "chat", "served_share", up);
    let hours = 100.0 * 3650.0 * 24.0;
    run.expect("failure", "gpu", "node_hours_lost", hours * gpu * up);
    run.expect("failure", "host", "node_hours_lost", hours * host * up);
    run.expect("failure", "gpu", "events", 100.0 * 3650.0 * 0.020 * up);
    run.expect("failure", "gpu", "time_to_repair", 48.0 * 0.886_226_925_452_758);
    assert!(run.values("failure", "host", "time_to_repair").iter().all(|hours| (hours - 12.0).abs() < 1e-6));
    assert!(run.values("failure", "host", "crew_wait").iter().all(|hours| *hours == 0.0));
}

#[test]
fn crews_make_repairs_wait() {
    // Machine repair with 100 machines and 3 crews: down k of them with weight prod (100 - j) rate / min(j + 1, 3) x repair.
    let cause = failure("gpu", "crash", "rate = \"10 / 1000 node d\"\nrepair = { dist = \"exponential\", mean = \"2 d\" }");
    let parts = [&header("3650 d"), BASE, &card(REPLACED), &place_at("repair_crews = 3"), &chat(800, ""), &cause];
    let model = load(&parts.map(AsRef::<str>::as_ref));
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 40);
    let mut weights = vec![1.0];
    for down in 0..100_i32 {
        let last = weights[down as usize];
        weights.push(last * f64::from(100 - down) * 0.010 * 2.0 / f64::from((down + 1).min(3)));
    }
    let total: f64 = weights.iter().sum();
    let mean =
        |value: &dyn Fn(f64) -> f64| weights.iter().enumerate().map(|(down, weight)| value(down as f64) * weight).sum::<f64>() / total;
    run.expect("service", "chat", "served_share", 1.0 - mean(&|down| down) / 100.0);
    run.expect("failure", "gpu", "crew_wait", 3650.0 * 24.0 * mean(&|down| (down - 3.0).max(0.0)));
}

#[test]
fn spare_parts_follow_palm() {
    // One-for-one replenishment: the number of parts on order is Poisson with mean demand x lead time whatever its distribution (Palm
    // 1938); nodes wait for what it exceeds the stock of 2 (Sherbrooke 1968). 1,000 nodes need one part a day, a part takes 3 d.
    let cause = failure("gpu", "crash", "rate = \"1 / 1000 node d\"\nrepair = \"1 h\"\nspare = true");
    let shelf = "spares = 2\nspare_lead_time = { dist = \"exponential\", mean = \"3 d\" }";
    let model = load(&[&header("3650 d"), BASE, &card(REPLACED), &place_at(shelf), &cause]);
    let run = simulate(&model, &plan(&model, &build("left", 8000)), 40);
    let backorders = |mean: f64| {
        let mut term = (-mean).exp();
        (1..200)
            .map(|k| {
                term *= mean / f64::from(k);
                (f64::from(k) - 2.0).max(0.0) * term
            })
            .sum::<f64>()
    };
    // Nodes that are out need no part: the demand falls by their share.
    let mut waiting = 0.0;
    for _ in 0..50 {
        waiting = backorders(3.0 * (1.0 - (waiting + 1.0 / 24.0) / 1000.0));
    }
    run.expect("failure", "gpu", "part_wait", 3650.0 * 24.0 * waiting);
}

#[test]
fn racks_go_down_together() {
    // 110 nodes in 28 racks of 4, the last of 2; a gang of 100 nodes fills 25 of them. Each rack fails once in 1,000 d for 2 h.
    let cause = failure("rack-power", "crash", "domain = \"rack\"\nrate = \"1 / 1000 d\"\nrepair = \"2 h\"");
    let racks = card(&format!("{REPLACED}\nnodes_per_rack = 4"));
    let model = load(&[&header("3650 d"), BASE, &racks, &place_at(""), &gang("checkpoint_interval = \"1 min\""), &cause]);
    let run = simulate(&model, &plan(&model, &(build("left", 880) + TRAIN)), 40);
    let racks_days = 3650.0 / 1000.0;
    run.expect("failure", "rack-power", "events", 28.0 * racks_days);
    run.expect("failure", "rack-power", "node_hours_lost", 110.0 * racks_days * 2.0);
    run.expect("campaign", "model", "interruptions", 25.0 * racks_days);
    // One repair for one rack.
    for (events, nodes) in run.values("failure", "rack-power", "events").iter().zip(run.values("failure", "rack-power", "nodes_out")) {
        assert!(nodes > 3.5 * events && nodes <= 4.0 * events, "{nodes} nodes in {events} racks");
    }
}

#[test]
fn a_hall_is_a_stretch_of_racks_and_a_site_is_all() {
    // 110 nodes in halls of 40: 40, 40 and 30. Each is out for 1 d, 1 in 100 d: up 1 / 1.01.
    for (domain, units) in [("hall", 3.0), ("site", 1.0)] {
        let cause = failure("cooling", "crash", &format!("domain = \"{domain}\"\nrate = \"1 / 100 d\"\nrepair = \"1 d\""));
        let racks = card(&format!("{REPLACED}\nnodes_per_rack = 4"));
        let model = load(&[&header("3650 d"), BASE, &racks, &place_at("racks_per_hall = 10"), &chat(880, ""), &cause]);
        let run = simulate(&model, &plan(&model, &(build("left", 880) + &place("left", 1.0))), 60);
        run.expect("service", "chat", "served_share", 1.0 / 1.01);
        // An event that finds nothing up is none; for a site, that is while it is out.
        let most = 3650.0 / 100.0 * units;
        let events = run.values("failure", "cooling", "events");
        let mean = events.iter().sum::<f64>() / events.len() as f64;
        assert!(mean < most * 1.05 && mean > most * 0.9, "{domain}: {mean} of {most}");
    }
}

#[test]
fn young_and_old_nodes_fail_more_often() {
    // 50 nodes from the start, 50 more after 100 d. Days weighted by age in 365 d: 30 x 4 + 170 x 1 + 165 x 2, and in 265 d.
    let ages = "by_age = [[\"0 d\", 4], [\"30 d\", 1], [\"200 d\", 2]]";
    let cause = failure("infant", "transient", &format!("rate = \"10 / 1000 node d\"\n{ages}"));
    let fleets = "\n[[fleet]]\nname = \"old\"\nsite = \"left\"\naccelerator = \"card\"\ncount = 400\n[[fleet]]\nname = \"new\"\nsite = \"left\"\naccelerator = \"card\"\ncount = 400\nenergised = 2027-04-11T00:00:00Z\n";
    let model = load(&[&header("365 d"), BASE, &card(REPLACED), &place_at("existing = true"), fleets, &cause]);
    let run = simulate(&model, &plan(&model, ""), 60);
    run.expect("failure", "infant", "events", 50.0 * 0.010 * ((120.0 + 170.0 + 330.0) + (120.0 + 170.0 + 130.0)));
    assert!(run.values("failure", "infant", "node_hours_lost").iter().all(|hours| *hours == 0.0));
}

#[test]
fn an_age_without_failures_has_none() {
    let cause = failure("wear", "transient", "rate = \"1 / d\"\nby_age = [[\"0 d\", 0], [\"364 d\", 1]]");
    let model = load(&[&header("365 d"), BASE, &card(REPLACED), &place_at(""), &cause]);
    // All within the last day: 100 nodes, one a day each.
    let run = simulate(&model, &plan(&model, &build("left", 800)), 40);
    run.expect("failure", "wear", "events", 100.0);
    let never = load(&[&header("364 d"), BASE, &card(REPLACED), &place_at(""), &cause]);
    assert_eq!(simulate(&never, &plan(&never, &build("left", 800)), 1).value("failure", "wear", "events"), 0.0);
}

#[test]
fn members_of_a_gang_fail_by_its_size() {
    // Factor 4 at 100 cards, 1 at 6,400: 2 at 800, half way in logarithms. 100 nodes of the gang and 100 that stand idle.
    let cause = failure("network", "transient", "rate = \"10 / 1000 node d\"\nby_job_size = [[100, 4], [6400, 1]]");
    let model = load(&[&header("365 d"), BASE, &card(REPLACED), &place_at(""), &gang("checkpoint_interval = \"1 min\""), &cause]);
    let run = simulate(&model, &plan(&model, &(build("left", 1600) + TRAIN)), 40);
    run.expect("campaign", "model", "interruptions", 365.0 * 2.0);
    run.expect("failure", "network", "events", 365.0 * 3.0);
}

#[test]
fn a_silent_fault_takes_what_was_done_since() {
    // The gang has a fault once in 100 d, found 1 d later; all that was done since is lost: of 101 d, 100 are left. Checkpoints every
    // minute and second faults of the same day (once in 10,000 d) change this by less than the error.
    let cause = failure("corruption", "silent", "rate = \"1 / 10000 node d\"\ndetection = \"1 d\"\nrepair = \"6 h\"");
    let model = load(&[&header("3650 d"), BASE, &card(REPLACED), &place_at(""), &gang("checkpoint_interval = \"1 min\""), &cause]);
    let run = simulate(&model, &plan(&model, &(build("left", 1600) + TRAIN)), 40);
    run.expect("campaign", "model", "goodput", 100.0 / 101.0);
    // Each is repaired, once found.
    run.expect("failure", "corruption", "events", 0.02 * 3650.0);
    assert!(run.values("failure", "corruption", "time_to_repair").iter().all(|hours| (hours - 6.0).abs() < 1e-6));
}

#[test]
fn a_straggler_slows_its_gang() {
    // Slow by a fifth for 1 d after each fault; faults of the gang come once in 2 d: slow with probability 1 - exp(-1/2).
    let cause = failure("slow", "straggler", "rate = \"5 / 1000 node d\"\ndetection = \"1 d\"\nslowdown = \"20 %\"");
    let model = load(&[&header("3650 d"), BASE, &card(REPLACED), &place_at(""), &gang("checkpoint_interval = \"1 min\""), &cause]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + TRAIN)), 30);
    run.expect("campaign", "model", "goodput", 1.0 - 0.2 * (1.0 - (-0.5_f64).exp()));
    assert!(run.values("failure", "slow", "nodes_out").iter().all(|nodes| *nodes == 0.0));
}

#[test]
fn maintenance_takes_its_share_to_the_hour() {
    // From day 2 every 10 d, a third of the nodes for 1 d each: 3 d in each round, 10 rounds in 102 d.
    let window = "\n[[maintenance]]\nname = \"firmware\"\nfrom = 2027-01-03T00:00:00Z\nevery = \"10 d\"\nduration = \"1 d\"\nshare = 0.3333333333333333\n";
    let parts = |cards: u32, more: &str| {
        let model = load(&[&header("102 d"), BASE, &card(NO_FAILURES), &place_at(""), window, more]);
        let train = if more.contains("campaign") { TRAIN.to_owned() } else { place("left", 1.0) };
        simulate(&model, &plan(&model, &(build("left", cards) + &train)), 1)
    };
    let served = parts(960, &chat(960, ""));
    close(served.value("service", "chat", "served_share"), 1.0 - 30.0 / 102.0 / 3.0);
    close(served.value("service", "chat", "tokens_lost"), 960.0 * 10e3 * 30.0 * 86_400.0 / 3.0 / 1e6);
    // 960 cards leave 640 to a gang of 800: it stops for 3 d in each round, in good order. 1,200 leave 800: it never stops.
    let stopped = parts(960, &gang("checkpoint_interval = \"1 h\""));
    assert_eq!(stopped.value("campaign", "model", "interruptions"), 10.0);
    close(stopped.value("campaign", "model", "goodput"), 1.0 - 30.0 / 102.0);
    let whole = parts(1200, &gang("checkpoint_interval = \"1 h\""));
    assert_eq!(whole.value("campaign", "model", "interruptions"), 0.0);
    close(whole.value("campaign", "model", "goodput"), 1.0);
}

#[test]
fn rounds_end_where_until_says() {
    let window = "\n[[maintenance]]\nname = \"firmware\"\nevery = \"7 d\"\nuntil = 2027-01-15T00:00:00Z\nduration = \"6 h\"\n";
    let model = load(&[&header("60 d"), BASE, &card(NO_FAILURES), &place_at(""), window, &chat(800, "")]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 1);
    // On day 0 and day 7; day 14 is not included.
    close(run.value("service", "chat", "served_share"), 1.0 - 12.0 / (60.0 * 24.0));
}

#[test]
fn a_power_cap_costs_less_speed_than_power() {
    // From 22 h to 4 h at half the power and, with an exponent of a half, 0.707 of the speed; the scenario starts at midnight.
    let cap = "\n[[power_cap]]\nname = \"night\"\nshare = \"50 %\"\ndaily_from = \"22 h\"\ndaily_until = \"4 h\"\nexponent = 0.5\n";
    let parts = |cap: &str, more: &str| {
        let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &place_at(""), &chat(800, ""), cap, more]);
        simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 1)
    };
    let run = parts(cap, "");
    let quarter = 6.0 / 24.0;
    close(run.value("service", "chat", "served_share"), 1.0 - quarter * (1.0 - 0.5_f64.sqrt()));
    // 800 cards x 1 kW x PUE 1.25.
    close(run.value("system", "all", "ai_energy"), 2400.0 * (1.0 - quarter * 0.5));
    // Dates that are no full hours, and a second cap that takes less: the lower share counts.
    let dates =
        "\n[[power_cap]]\nname = \"week\"\nshare = \"80 %\"\nfrom = 2027-01-11T00:30:00Z\nuntil = 2027-01-12T00:30:00Z\nexponent = 1\n";
    close(parts(dates, "").value("service", "chat", "served_share"), 1.0 - 0.2 / 100.0);
    close(parts(dates, "").value("system", "all", "ai_energy"), 2400.0 - 24.0 * 0.2);
    close(parts(cap, dates).value("system", "all", "ai_energy"), 2400.0 - 600.0 * 0.5 - 18.0 * 0.2);
    // The default exponent.
    let plain = "\n[[power_cap]]\nname = \"all\"\nshare = 0.6\n";
    close(parts(plain, "").value("service", "chat", "served_share"), 0.6_f64.powf(0.3));
}

#[test]
fn a_cap_follows_its_series() {
    let mut series = String::from("time,cap [1]\n");
    for hour in 0..48 {
        series += &format!("2027-01-{:02}T{:02}:00:00Z,{}\n", 1 + hour / 24, hour % 24, if hour % 2 == 0 { 1.0 } else { 0.25 });
    }
    let cap = "\n[[power_cap]]\nname = \"market\"\nshare = { series = \"cap.csv\", column = \"cap\" }\nexponent = 0.5\n";
    let model = load_with(&[&header("48 h"), BASE, &card(NO_FAILURES), &place_at(""), &chat(800, ""), cap], &[("cap.csv", &series)]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 1);
    close(run.value("service", "chat", "served_share"), 0.75);
    close(run.value("system", "all", "ai_energy"), 48.0 * (1.0 + 0.25) / 2.0);
}

#[test]
fn causes_draw_on_their_own() {
    let one = failure("gpu", "transient", "rate = \"20 / 1000 node d\"");
    let both = failure("switch", "transient", "domain = \"rack\"\nrate = \"1 / 10 d\"") + &one;
    let racks = card(&format!("{REPLACED}\nnodes_per_rack = 4"));
    let events = |causes: &str| {
        let model = load(&[&header("365 d"), BASE, &racks, &place_at(""), causes]);
        let run = simulate(&model, &plan(&model, &build("left", 800)), 4);
        (run.values("failure", "gpu", "events"), run.histories)
    };
    let ((alone, _), (beside, histories)) = (events(&one), events(&both));
    assert_eq!(alone, beside);
    assert_eq!(histories, events(&both).1);
}

#[test]
fn destroyed_nodes_leave_the_queue_of_the_workshop() {
    // One crew for 100 nodes that fail fast; a strike takes half of them. What is left can be repaired, and nothing comes back twice.
    let cause = failure("gpu", "crash", "rate = \"100 / 1000 node d\"\nrepair = \"12 h\"\nspare = true");
    let strike = "\n[[hazard]]\nname = \"salvo\"\nkind = \"strike-campaign\"\ntargets = [\"site.left\"]\nat = 2027-03-01T00:00:00Z\nmunitions = 1\ninterception = 0\ndamage = { none = 1 }\nrepair = \"1 d\"\nnodes_destroyed = 0.5\n";
    let shelf = place_at("repair_crews = 1\nspares = 1\nspare_lead_time = \"6 h\"");
    let model = load(&[&header("365 d"), BASE, &card(REPLACED), &shelf, &chat(800, ""), &cause, strike]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + &place("left", 1.0))), 10);
    // The crew repairs 2 nodes a day, so 20 nodes are up in the mean, whether 100 stand there or 50.
    run.expect("service", "chat", "served_share", 0.2 * (1.0 + (1.0 - 0.2) / 0.2 * 10.0 / 365.0));
}
