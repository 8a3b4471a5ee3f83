//! Hazards.

use crate::support::*;

fn strike(munitions: u32, interception: f64, more: &str) -> String {
    format!(
        "\n[[hazard]]\nname = \"salvo\"\nkind = \"strike-campaign\"\ntargets = [\"site.*\"]\nat = 2027-01-11T00:00:00Z\nmunitions = {munitions}\ninterception = {interception:?}\n{more}\n"
    )
}

#[test]
fn hits_follow_interception_aim_and_damage() {
    // 40 munitions, a quarter leaks, 3 in 4 of these aim at the larger site, one in ten takes it out.
    let hazard = strike(40, 0.75, "aim = \"value\"\ndamage = { none = 0.1 }\nrepair = \"10 d\"");
    let sites = site("large", "") + &site("small", "");
    let model = load(&[&header("30 d"), BASE, &card(NO_FAILURES), &sites, &hazard]);
    let run = simulate(&model, &plan(&model, &(build("large", 24) + &build("small", 8))), 2000);
    run.expect("site", "large", "outages", 1.0 - (1.0_f64 - 0.25 * 0.75 * 0.1).powi(40));
    run.expect("site", "small", "outages", 1.0 - (1.0_f64 - 0.25 * 0.25 * 0.1).powi(40));
    // A bunker withstands half of it.
    let bunker = hazard.replace("none = 0.1", "none = 0.1, bunker = 0.05");
    let sites = site("large", "hardening = \"bunker\"") + &site("small", "");
    let model = load(&[&header("30 d"), BASE, &card(NO_FAILURES), &sites, &bunker]);
    let run = simulate(&model, &plan(&model, &(build("large", 24) + &build("small", 8))), 2000);
    run.expect("site", "large", "outages", 1.0 - (1.0_f64 - 0.25 * 0.75 * 0.05).powi(40));
}

#[test]
fn perfect_interception_is_no_strike() {
    let noise = site("left", "mttf = \"190 h\"\nrepair = { dist = \"exponential\", mean = \"10 h\" }");
    let of = |hazard: &str| {
        let model = load(&[
            &header("365 d"),
            BASE,
            &card("node_failure_rate = \"5 / 1000 node d\"\nnode_repair = \"1 d\""),
            &noise,
            &chat(80, ""),
            hazard,
        ]);
        simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 5)
    };
    let (with, without) = (of(&strike(50, 1.0, "damage = { none = 1 }\nrepair = \"10 d\"\nnodes_destroyed = 1")), of(""));
    for (a, b) in with.histories.iter().zip(&without.histories) {
        assert_eq!((&a.metrics, &a.timeline, &a.balance), (&b.metrics, &b.timeline, &b.balance));
    }
}

#[test]
fn a_hit_destroys_nodes_and_the_chain_of_causes_shows_it() {
    let hazard = strike(1, 0.0, "damage = { none = 1 }\nrepair = \"10 d\"\nnodes_destroyed = 0.5");
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(80, ""), &hazard]);
    let run = simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 1);
    // All for 10 d, none for 10 d, half for 80 d.
    close(run.value("service", "chat", "served_share"), (10.0 + 40.0) / 100.0);
    close(run.value("site", "left", "availability"), 0.9);
    let events = &run.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("service-lost").cause_seq, Some(find("site-down").seq));
    assert_eq!(find("site-down").cause_seq, Some(find("strike").seq));
    assert_eq!(find("strike").cause_seq, None);
}

#[test]
fn the_latest_repair_ends_an_outage() {
    let one =
        "\n[[hazard]]\nname = \"a\"\nkind = \"random-outage\"\ntargets = [\"site.left\"]\nat = 2027-01-11T00:00:00Z\nrepair = \"5 d\"\n";
    let two = one.replace("\"a\"", "\"b\"").replace("01-11", "01-13").replace("5 d", "1 d");
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &site("left", ""), one, &two]);
    let run = simulate(&model, &plan(&model, &build("left", 8)), 1);
    close(run.value("site", "left", "availability"), 0.95);
    assert_eq!(run.value("site", "left", "outages"), 1.0);
}

#[test]
fn a_wiped_site_comes_back_in_stages() {
    let hazard = "\n[[hazard]]\nname = \"worm\"\nkind = \"wiper\"\nsegments = [\"*\"]\nat = 2027-01-11T00:00:00Z\nshare = 0.8\nrestoration = [{ after = \"10 d\", restored = 0.5 }, { after = \"20 d\", restored = 1 }]\ndata_lost = true\n";
    let data = "\n[[dataset]]\nname = \"records\"\nnation = \"north\"\nsize = \"1 TB\"\nbackup_interval = \"24 h\"\n";
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(80, ""), data, hazard]);
    let text = build("left", 80) + &place("left", 1.0) + "\n[[replica]]\ndataset = \"records\"\nsite = \"left\"\n";
    let run = simulate(&model, &plan(&model, &text), 20);
    // 80 % lost for 10 d, 40 % for another 10 d.
    close(run.value("service", "chat", "served_share"), 1.0 - (0.8 * 10.0 + 0.4 * 10.0) / 100.0);
    assert_eq!(run.value("site", "left", "availability"), 1.0);
    // The backup is up to a day old; it comes back when the site is clean, 1 TB at 12.5 GB/s later.
    let ages = run.values("dataset", "records", "recovery_point");
    assert!(ages.iter().all(|age| (0.0..24.0).contains(age)) && ages.iter().any(|age| *age > 6.0));
    close(run.value("dataset", "records", "readable_share"), 1.0 - (20.0 * 86_400.0 + 80.0) / 8_640_000.0);
    assert_eq!(run.value("dataset", "records", "data_lost"), 0.0);
}

#[test]
fn the_primary_lost_falls_back_to_the_last_synchronisation() {
    let hazard = strike(1, 0.0, "damage = { none = 1 }\nrepair = \"10 d\"\nnodes_destroyed = 1").replace("site.*", "site.left");
    let data = "\n[[dataset]]\nname = \"records\"\nnation = \"north\"\nsize = \"1 TB\"\nreplicas = 2\nreplication_interval = \"6 h\"\n";
    let sites = site("left", "") + &site("right", "");
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &sites, data, &hazard]);
    let copy = |site: &str| format!("\n[[replica]]\ndataset = \"records\"\nsite = \"{site}\"\n");
    let both = build("left", 8) + &build("right", 8) + &copy("left") + &copy("right");
    let run = simulate(&model, &plan(&model, &both), 400);
    // Uniform over the interval.
    run.expect("dataset", "records", "recovery_point", 3.0);
    assert!(run.values("dataset", "records", "data_lost").iter().all(|lost| *lost == 0.0));
    assert_eq!(run.histories[0].balance.bytes_replicated, 1e12);
    // The only copy, without backup: all is gone.
    let alone = build("left", 8) + &copy("left");
    assert_eq!(simulate(&model, &plan(&model, &alone), 1).value("dataset", "records", "data_lost"), 1.0);
}

#[test]
fn late_supply_is_late_for_what_is_on_order() {
    let hazard = "\n[[hazard]]\nname = \"embargo\"\nkind = \"supply-delay\"\nprobability = 0.25\ndelay = \"30 d\"\n";
    let model = load(&[
        &header("100 d"),
        &BASE.replace("discount", "lead_time = \"20 d\"\ndiscount"),
        &card(NO_FAILURES),
        &site("left", ""),
        &chat(8, ""),
        hazard,
    ]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 400);
    // 80 % of the time after the lead time, 50 % when late.
    run.expect("service", "chat", "served_share", 0.75 * 0.8 + 0.25 * 0.5);
    assert!(run.values("site", "left", "availability").iter().all(|share| *share == 1.0));
}

#[test]
fn poisson_hazards_come_at_their_rate_within_their_window() {
    let hazard = "\n[[hazard]]\nname = \"storms\"\nkind = \"random-outage\"\ntargets = [\"site.left\"]\nrate = \"2 / month\"\nfrom = 2027-02-01T00:00:00Z\nuntil = 2027-04-01T00:00:00Z\nrepair = \"1 s\"\n";
    let model = load(&[&header("365 d"), BASE, &card(NO_FAILURES), &site("left", ""), hazard]);
    let run = simulate(&model, &plan(&model, &build("left", 8)), 1000);
    // 59 d of 365 d at 24 per year.
    run.expect("site", "left", "outages", 24.0 * 59.0 / 365.0);
}
