//! Cyber attacks: spread against exact first-passage probabilities, teams against arithmetic, correlation against its definition, and that
//! segmentation, people, backups and detection never hurt under the same draws.

use crate::support::*;

/// A segment with the segments that it connects to.
fn segment(name: &str, connects: &[&str], more: &str) -> String {
    format!("\n[[segment]]\nname = \"{name}\"\nconnects = {connects:?}\n{more}\n")
}

fn wiper(more: &str) -> String {
    format!("\n[[hazard]]\nname = \"worm\"\nkind = \"wiper\"\nsegments = [\"*\"]\nat = 2027-01-11T00:00:00Z\n{more}\n")
}

const WEEK: &str = "restoration = [{ after = \"7 d\", restored = 1 }]";

/// Histories in which a site was wiped.
fn wiped(run: &Run, model: &bastide_model::model::Model, name: &str) -> Vec<f64> {
    let is = |event: &bastide_sim::EventRecord| {
        event.kind == "site-wiped" && bastide_sim::entity_name(model, event.entity_kind, event.entity) == name
    };
    run.histories.iter().map(|history| f64::from(u8::from(history.events.iter().any(is)))).collect()
}

/// Fails unless the share of ones is within three standard errors of a probability.
fn expect_share(values: &[f64], probability: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let error = (probability * (1.0 - probability) / n).sqrt();
    assert!((mean - probability).abs() <= 3.0 * error, "{mean} of {n}, expected {probability} +- {error}");
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Four sites of one node in segments of their own.
fn four(graph: &str, hazard: &str) -> (std::sync::Arc<bastide_model::model::Model>, String) {
    let sites: String = NAMES.iter().map(|name| site(name, "")).collect();
    let builds: String = NAMES.iter().map(|name| build(name, 8)).collect();
    (load(&[&header("30 d"), BASE, &card(NO_FAILURES), &sites, graph, hazard]), builds)
}

#[test]
fn spread_follows_first_passage_on_a_chain_and_on_a_diamond() {
    // Chain a > b > c, 0.2 per day, 5 days: b within Exp(1), c within Gamma(2, 1). Nothing leads to d.
    let chain = segment("a", &["b"], "exposed = true") + &segment("b", &["c"], "");
    let (model, builds) = four(&chain, &wiper(&format!("{WEEK}\ndwell = \"5 d\"\nspread_rate = \"0.2 / d\"")));
    let run = simulate(&model, &plan(&model, &builds), 2000);
    let e = (-1.0_f64).exp();
    expect_share(&wiped(&run, &model, "b"), 1.0 - e);
    expect_share(&wiped(&run, &model, "c"), 1.0 - 2.0 * e);
    assert!(wiped(&run, &model, "a").iter().all(|hit| *hit == 1.0) && wiped(&run, &model, "d").iter().all(|hit| *hit == 0.0));

    // Diamond a > b > d, a > c > d: d is reached by the shorter of two sums, independent of each other.
    let diamond = segment("a", &["b", "c"], "exposed = true") + &segment("b", &["d"], "") + &segment("c", &["d"], "");
    let (model, builds) = four(&diamond, &wiper(&format!("{WEEK}\ndwell = \"5 d\"\nspread_rate = \"0.2 / d\"")));
    let run = simulate(&model, &plan(&model, &builds), 2000);
    expect_share(&wiped(&run, &model, "d"), 1.0 - (2.0 * e).powi(2));

    // Zero trust of 75 % into b: a quarter of the rate; the way over c stays as it is.
    let trusted = diamond.replace("name = \"b\"", "name = \"b\"\nzero_trust = \"75 %\"");
    let (model, builds) = four(&trusted, &wiper(&format!("{WEEK}\ndwell = \"5 d\"\nspread_rate = \"0.2 / d\"")));
    let slow = simulate(&model, &plan(&model, &builds), 2000);
    expect_share(&wiped(&slow, &model, "b"), 1.0 - (-0.25_f64).exp());
    for (slow, fast) in wiped(&slow, &model, "d").iter().zip(wiped(&run, &model, "d")) {
        assert!(*slow <= fast, "zero trust hurts");
    }
}

#[test]
fn no_spread_and_full_spread_are_limits() {
    let ring = segment("a", &["b"], "exposed = true") + &segment("b", &["c"], "") + &segment("c", &["d"], "");
    let reached = |more: &str| {
        let (model, builds) = four(&ring, &wiper(&format!("{WEEK}\n{more}")));
        let run = simulate(&model, &plan(&model, &builds), 50);
        NAMES.map(|name| wiped(&run, &model, name).iter().sum::<f64>())
    };
    assert_eq!(reached("dwell = \"5 d\"\nspread_rate = \"0 / d\""), [50.0, 0.0, 0.0, 0.0]);
    assert_eq!(reached("dwell = \"5 d\"\nspread_rate = \"1e9 / s\""), [50.0; 4]);
    assert_eq!(reached("spread = 1"), [50.0; 4]);
    assert_eq!(reached("entry = [\"c\"]"), [0.0, 0.0, 50.0, 0.0]);
    // Inside for long: what is left of the dwell time, with all of it for the spread.
    assert_eq!(reached("dwell = \"900 d\"\ninside = \"899 d\"\nspread_rate = \"1 / d\""), [50.0; 4]);
    // An attack that outlives the history does nothing.
    assert_eq!(reached("dwell = \"10 y\"\nspread_rate = \"1 / d\""), [0.0; 4]);
}

#[test]
fn what_is_found_in_time_is_only_isolated() {
    // Dwell 10 d, found after Exp(10 d): contained with probability 1 - exp(-1).
    let more = format!(
        "{WEEK}\ndwell = \"10 d\"\ndetection = {{ dist = \"exponential\", mean = \"10 d\" }}\nisolation = \"6 h\"\nentry = [\"a\"]"
    );
    let (model, builds) = four("", &wiper(&more));
    let run = simulate(&model, &plan(&model, &builds), 2000);
    let contained = 1.0 - (-1.0_f64).exp();
    expect_share(&run.values("wiper", "worm", "contained"), contained);
    expect_share(&run.values("wiper", "worm", "attacks"), 1.0 - contained);
    for (at, history) in run.histories.iter().enumerate() {
        let find = |kind: &str| history.events.iter().find(|event| event.kind == kind);
        let intrusion = find("intrusion").unwrap();
        if run.values("wiper", "worm", "contained")[at] > 0.0 {
            let found = find("intrusion-found").unwrap();
            assert!(find("wiper").is_none() && find("site-wiped").is_none());
            assert_eq!((found.cause_seq, find("site-down").unwrap().cause_seq), (Some(intrusion.seq), Some(found.seq)));
        } else {
            assert!(find("site-down").is_none());
            assert_eq!(find("wiper").unwrap().cause_seq, Some(intrusion.seq));
        }
    }
}

const TEAM: &str = "team = 10\nwork = \"6 h\"\nsite_work = \"60 h\"\nassessment = \"12 h\"\nservices_stop = true";

/// Two sites of 80 accelerators: `chat` (T1) takes 40 of the left one, `alert` (T0) 20 of the right one.
fn two_sites(hazard: &str, more: &str) -> (std::sync::Arc<bastide_model::model::Model>, String) {
    let alert = chat(20, "").replace("\"chat\"", "\"alert\"").replace("\"T1\"", "\"T0\"");
    let sites = site("left", "segment = \"core\"") + &site("right", "segment = \"core\"");
    let model = load(&[&header("60 d"), BASE, &card(NO_FAILURES), &sites, &chat(40, "users = 1000000"), &alert, hazard, more]);
    let placed = place("left", 1.0) + &place("right", 1.0).replace("\"chat\"", "\"alert\"");
    (model, build("left", 80) + &build("right", 80) + &placed)
}

#[test]
fn a_team_is_one_queue_by_tier() {
    let (model, text) = two_sites(&wiper(&format!("share = 0.5\n{TEAM}")), "");
    let run = simulate(&model, &plan(&model, &text), 2);
    // A million people without `chat` for 30 h, and then as its accelerators come back in five pieces of 2.4 h.
    close(run.value("users", "chat", "hours_lost"), 30.0 + 2.4 * (1.0 + 0.8 + 0.6 + 0.4 + 0.2));
    // 12 h of assessment. Right: 6 h on the site, then 20 of 80 accelerators of which half are wiped, 60 person hours: 6 h; T0 is back
    // after 24 h. Left: 6 h, then 40 accelerators, 12 h: T1 after 42 h. The rest: 20 and 30 wiped accelerators of 6 h, 30 h: 72 h.
    close(run.value("wiper", "worm", "restored_t0"), 24.0);
    close(run.value("wiper", "worm", "restored_t1"), 42.0);
    close(run.value("wiper", "worm", "restored_all"), 72.0);
    close(run.value("tier", "T0", "time_to_recover"), 24.0);
    close(run.value("tier", "T1", "time_to_recover"), 42.0);
    // Every lost hour leads back to the attack.
    let events = &run.histories[0].events;
    for lost in events.iter().filter(|event| event.kind == "service-lost") {
        let mut chain = vec![lost.kind];
        let mut cause = lost.cause_seq;
        while let Some(seq) = cause {
            let event = events.iter().find(|event| event.seq == seq).unwrap();
            chain.push(event.kind);
            cause = event.cause_seq;
        }
        assert_eq!((chain[0], chain[chain.len() - 1]), ("service-lost", "wiper"), "{chain:?}");
        assert!(chain.contains(&"site-wiped"));
    }
}

#[test]
fn services_go_on_with_what_is_left_unless_they_stop() {
    let hazard = wiper(&format!("share = 0.4\n{TEAM}")).replace("services_stop = true", "");
    let (model, text) = two_sites(&hazard, "");
    // 48 of 80 accelerators are left for 40.
    let run = simulate(&model, &plan(&model, &text), 1);
    assert_eq!(run.value("system", "all", "served_share"), 1.0);
}

#[test]
fn a_wiped_control_plane_stops_what_needs_it_and_comes_back_first() {
    let facility = "\n[[facility]]\nname = \"scheduler\"\nkind = \"control-plane\"\nnation = \"north\"\nsegment = \"control\"\nneeded_by = [\"service.*\"]\ngrace = \"0 h\"\n";
    let hazard = wiper(&format!("entry = [\"control\"]\n{TEAM}\nfacility_work = \"240 h\"").replace("\"60 h\"", "\"0 h\""));
    let (model, text) = two_sites(&hazard, facility);
    let run = simulate(&model, &plan(&model, &text), 1);
    // 12 h of assessment and 24 h of work, and no site was reached.
    close(run.value("tier", "T0", "time_to_recover"), 36.0);
    close(run.value("tier", "T1", "time_to_recover"), 36.0);
    close(run.value("wiper", "worm", "restored_all"), 36.0);
    let events = &run.histories[0].events;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind).collect();
    assert!(!kinds.contains(&"site-wiped"));
    let down = events.iter().find(|event| event.kind == "facility-down").unwrap();
    let wiper = events.iter().find(|event| event.kind == "wiper").unwrap();
    assert_eq!(down.cause_seq, Some(wiper.seq));
    // In steps, it is back with the first of them.
    let steps = wiper_in_steps();
    let (model, text) = two_sites(&steps, facility);
    let run = simulate(&model, &plan(&model, &text), 1);
    close(run.value("tier", "T0", "time_to_recover"), 48.0);
}

fn wiper_in_steps() -> String {
    wiper("entry = [\"control\"]\nrestoration = [{ after = \"2 d\", restored = 0.5 }, { after = \"4 d\", restored = 1 }]")
}

#[test]
fn ransomware_takes_what_has_no_offline_copy() {
    let data = "\n[[dataset]]\nname = \"records\"\nnation = \"north\"\nsize = \"1 TB\"\nbackup_interval = \"24 h\"\n\n[[dataset]]\nname = \"drive\"\nnation = \"north\"\nsize = \"858 TB\"\n";
    let copies = "\n[[replica]]\ndataset = \"records\"\nsite = \"left\"\n\n[[replica]]\ndataset = \"drive\"\nsite = \"left\"\n";
    let lost = |more: &str, replications: u32| {
        let (model, text) = two_sites(&wiper(&format!("payload = \"ransomware\"\n{more}\n{TEAM}")), data);
        let run = simulate(&model, &plan(&model, &(text + copies)), replications);
        assert!(run.values("dataset", "drive", "data_lost").iter().all(|lost| *lost == 858.0));
        run.values("dataset", "records", "data_lost")
    };
    assert_eq!(lost("", 2), [0.0, 0.0]);
    assert_eq!(lost("backups = \"absent\"", 2), [1.0, 1.0]);
    let partial = lost("backups = \"partial\"\nencrypted = \"30 %\"", 1000);
    expect_share(&partial, 0.3);
    // More of the backups lost is never better.
    for (less, more) in partial.iter().zip(lost("backups = \"partial\"\nencrypted = \"60 %\"", 1000)) {
        assert!(*less <= more);
    }
}

#[test]
fn data_come_back_when_storage_is_in_order() {
    let data = "\n[[dataset]]\nname = \"records\"\nnation = \"north\"\nsize = \"1 TB\"\nbackup_interval = \"24 h\"\n";
    let (model, text) = two_sites(&wiper(&format!("data_lost = true\nshare = 0.5\n{TEAM}")), data);
    let run = simulate(&model, &plan(&model, &(text + "\n[[replica]]\ndataset = \"records\"\nsite = \"left\"\n")), 1);
    // Assessment 12 h, right site 6 + 6 h, left site 6 h, then 1 TB at 12.5 GB/s.
    let out_s = 30.0 * 3600.0 + 80.0;
    close(run.value("dataset", "records", "readable_share"), 1.0 - out_s / (60.0 * 86_400.0));
}

#[test]
fn healthy_sites_are_shut_down_as_a_precaution() {
    let graph = segment("a", &["b"], "exposed = true") + &segment("d", &["b"], "");
    let down = |which: &str| {
        let more = format!("entry = [\"b\"]\n{WEEK}\nshutdown = \"{which}\"\nshutdown_time = \"3 d\"");
        let (model, builds) = four(&graph, &wiper(&more));
        let run = simulate(&model, &plan(&model, &builds), 1);
        NAMES.map(|name| run.value("site", name, "availability"))
    };
    let out = 1.0 - 3.0 / 30.0;
    assert_eq!(down("connected"), [out, 1.0, 1.0, out]);
    assert_eq!(down("operator"), [out, 1.0, out, out]);
    assert_eq!(down("all"), [out, 1.0, out, out]);
}

/// Lost tokens of each history.
fn losses(hazard: &str, more: &str) -> Vec<f64> {
    let (model, text) = two_sites(hazard, more);
    simulate(&model, &plan(&model, &text), 60).values("system", "all", "tokens_lost")
}

#[test]
fn what_is_spent_on_security_never_hurts_under_the_same_draws() {
    let work = "work = { dist = \"lognormal\", median = \"4 h\", p95 = \"20 h\" }";
    let base = format!(
        "{}\n{work}\nspread_rate = \"0.1 / d\"\ndwell = {{ dist = \"exponential\", mean = \"8 d\" }}\ndetection = {{ dist = \"exponential\", mean = \"20 d\" }}\nbackups = \"absent\"\nrebuild = 3",
        TEAM.replace("work = \"6 h\"\n", "")
    );
    let rate = wiper(&base).replace("at = 2027-01-11T00:00:00Z", "rate = \"4 / month\"");
    let office = segment("office", &["core"], "exposed = true");
    let core = |more: &str| office.clone() + &segment("core", &[], more);
    let worst = losses(&rate, &core(""));
    assert!(worst.iter().filter(|lost| **lost > 0.0).count() > 20, "the attacks do something");
    let better = [
        ("micro-segments", losses(&rate, &core("micro_segments = 2"))),
        ("more micro-segments", losses(&rate, &core("micro_segments = 5"))),
        ("zero trust", losses(&rate, &core("zero_trust = \"60 %\""))),
        ("people", losses(&rate.replace("team = 10", "team = 11"), &core(""))),
        ("many people", losses(&rate.replace("team = 10", "team = 4000000"), &core(""))),
        ("partial backups", losses(&rate.replace("\"absent\"", "\"partial\""), &core(""))),
        ("backups", losses(&rate.replace("\"absent\"", "\"intact\""), &core(""))),
        ("detection", losses(&rate.replace("mean = \"20 d\"", "mean = \"2 d\""), &core(""))),
    ];
    for (what, losses) in &better {
        for (at, (less, more)) in losses.iter().zip(&worst).enumerate() {
            assert!(*less <= more * (1.0 + 1e-9) + 1e-9, "{what} hurts in history {at}: {less} > {more}");
        }
        assert!(losses.iter().sum::<f64>() < worst.iter().sum(), "{what} helps nobody");
    }
    for (five, two) in better[1].1.iter().zip(&better[0].1) {
        assert!(*five <= two * (1.0 + 1e-9) + 1e-9);
    }
}

#[test]
fn common_mode_hits_have_their_probability_and_their_correlation() {
    let sites: String = NAMES.iter().map(|name| site(name, if *name == "d" { "" } else { "firmware = \"bmc-7\"" })).collect();
    let builds: String = NAMES.iter().map(|name| build(name, 8)).collect();
    let hits = |correlation: f64, replications: u32| {
        let hazard = format!(
            "\n[[hazard]]\nname = \"flaw\"\nkind = \"common-mode\"\nshares = \"firmware\"\nat = 2027-01-11T00:00:00Z\nprobability = 0.3\ncorrelation = {correlation:?}\nrepair = \"1 d\"\n"
        );
        let model = load(&[&header("30 d"), BASE, &card(NO_FAILURES), &sites, &hazard]);
        let run = simulate(&model, &plan(&model, &builds), replications);
        assert!(run.values("site", "d", "outages").iter().all(|outages| *outages == 0.0));
        ["a", "b", "c"].map(|name| run.values("site", name, "outages"))
    };
    for correlation in [0.0, 0.1, 0.5] {
        let [a, b, c] = hits(correlation, 4000);
        // P(both) = r p + (1 - r) p^2.
        let both: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
        expect_share(&both, correlation * 0.3 + (1.0 - correlation) * 0.09);
        [a, b, c].iter().for_each(|one| expect_share(one, 0.3));
    }
    let [a, b, c] = hits(1.0, 500);
    assert_eq!((&a, &a), (&b, &c));
    expect_share(&a, 0.3);
}

#[test]
fn an_exploit_of_a_vendor_stops_its_accelerators_only() {
    let other = card(NO_FAILURES).replace("\"card\"", "\"other\"").replace("\"example\"", "\"rival\"");
    let base = BASE.replace("accelerators = [\"card\"]", "accelerators = [\"card\", \"other\"]");
    let hazard = "\n[[hazard]]\nname = \"flaw\"\nkind = \"common-mode\"\nshares = \"vendor\"\nonly = \"rival\"\nat = 2027-01-11T00:00:00Z\nrepair = \"5 d\"\n";
    let model = load(&[&header("100 d"), &base, &card(NO_FAILURES), &other, &site("left", ""), &chat(80, ""), hazard]);
    let text = build("left", 40) + &build("left", 40).replace("\"card\"", "\"other\"") + &place("left", 1.0);
    let run = simulate(&model, &plan(&model, &text), 1);
    close(run.value("service", "chat", "served_share"), 1.0 - 0.5 * 5.0 / 100.0);
    assert_eq!(run.value("site", "left", "availability"), 1.0);
    let events = &run.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("service-lost").cause_seq, Some(find("accelerators-down").seq));
    assert_eq!(find("accelerators-down").cause_seq, Some(find("common-mode").seq));
}

#[test]
fn sites_of_one_control_plane_are_exploited_as_one() {
    let plane = |name: &str, sites: &[&str]| {
        format!("\n[[facility]]\nname = \"{name}\"\nkind = \"control-plane\"\nnation = \"north\"\nneeded_by = {sites:?}\n")
    };
    let planes = plane("one", &["site.a", "site.b"]) + &plane("two", &["site.c"]);
    let hazard = "\n[[hazard]]\nname = \"flaw\"\nkind = \"common-mode\"\nshares = \"control-plane\"\nat = 2027-01-11T00:00:00Z\nprobability = 0.5\nrepair = \"1 d\"\n";
    let (model, builds) = four(&planes, hazard);
    let run = simulate(&model, &plan(&model, &builds), 400);
    let [a, b, c, d] = NAMES.map(|name| run.values("site", name, "outages"));
    assert_eq!(a, b);
    expect_share(&a, 0.5);
    // Another control plane fails by itself, and who needs none never does.
    let both: Vec<f64> = a.iter().zip(&c).map(|(a, c)| a * c).collect();
    expect_share(&both, 0.25);
    assert!(d.iter().all(|outages| *outages == 0.0));
}
