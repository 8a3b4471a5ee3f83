//! Supply, markets and law.

use crate::support::*;

/// Left and right with 80 accelerators each after 10 d; `chat` needs 80 and is planned at the left, with the right as stand-by.
fn two_sites(more: &str, failover: &str, replications: u32) -> Run {
    let base = BASE.replace("discount_rate", "lead_time = \"10 d\"\ndiscount_rate");
    let parts = [
        &header("100 d"),
        &base,
        &card(NO_FAILURES),
        &site("left", ""),
        &site("right", "operator_nation = \"north\""),
        &chat(80, ""),
        more,
    ];
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let policy = policy(&format!("failover = \"{failover}\"\nfailover_time = \"0 s\""));
    let model = load(&[parts.as_slice(), &[&policy]].concat());
    let text = build("left", 80) + &build("right", 80) + &place("left", 1.0) + &standby("left", "right", 1.0);
    simulate(&model, &plan(&model, &text), replications)
}

fn hazard(kind: &str, more: &str) -> String {
    format!("\n[[hazard]]\nname = \"event\"\nkind = \"{kind}\"\n{more}\n")
}

fn served(more: &str) -> f64 {
    two_sites(more, "none", 1).value("service", "chat", "served_share")
}

/// The chain of the last loss begins with an event of this kind.
fn begins_with(run: &Run, kind: &str) {
    let events = &run.histories[0].events;
    let at = events.iter().rposition(|event| event.kind == "service-lost").expect("a loss");
    let chain = crate::causes::chain(events, at);
    assert_eq!(chain[chain.len() - 1].kind, kind, "{chain:#?}");
}

#[test]
fn deliveries_wait_for_the_end_of_a_stop() {
    close(served(""), 0.9);
    // Due on day 10, held until day 30, and 5 d of backlog.
    let stop = hazard("delivery-stop", "at = 2027-01-06T00:00:00Z\nlasts = \"25 d\"\nbacklog = \"5 d\"");
    let run = two_sites(&stop, "none", 1);
    close(run.value("service", "chat", "served_share"), 0.65);
    begins_with(&run, "delivery-awaited");
    // What comes before and what is due after it are not touched; without an end, nothing ever comes.
    close(served(&hazard("delivery-stop", "at = 2027-01-12T00:00:00Z\nlasts = \"25 d\"")), 0.9);
    close(served(&hazard("delivery-stop", "at = 2027-01-06T00:00:00Z")), 0.0);
    close(served(&hazard("delivery-stop", "at = 2027-01-06T00:00:00Z\nprobability = 0")), 0.9);
    // Vendor and its nation; the operator of the sites.
    for whom in ["vendors = [\"example\"]", "vendor_nations = [\"north\"]", "operators = [\"state\"]", "operator_nations = [\"north\"]"] {
        close(served(&hazard("sanction", &format!("{whom}\nat = 2027-01-06T00:00:00Z\nlasts = \"25 d\""))), 0.7);
    }
}

#[test]
fn an_export_cap_lets_whole_nodes_in_until_it_is_full() {
    // 100 for both sites: 80 at the left, 16 (two nodes) at the right.
    let cap = |more: &str| hazard("export-cap", &format!("nation = \"north\"\ncap = 100\nat = 2027-01-06T00:00:00Z\n{more}"));
    let energised = |run: &Run| -> Vec<f64> {
        run.histories[0].events.iter().filter(|event| event.kind == "energised").map(|event| event.value).collect()
    };
    assert_eq!(energised(&two_sites(&cap("lasts = \"25 d\""), "none", 1)), [80.0, 16.0, 64.0]);
    assert_eq!(energised(&two_sites(&cap("lasts = \"25 d\"\nabove = \"refused\""), "none", 1)), [80.0, 16.0]);
    assert_eq!(energised(&two_sites(&cap("accelerators = [\"card\"]"), "none", 1)), [80.0, 16.0]);
    // A larger cap never hurts.
    let mut last = 0.0;
    for cap in [0, 8, 40, 41, 80, 200] {
        let share = served(&hazard("export-cap", &format!("nation = \"north\"\ncap = {cap}\nat = 2027-01-06T00:00:00Z")));
        assert!(share >= last, "{cap}: {share} after {last}");
        last = share;
    }
    close(last, 0.9);
}

#[test]
fn licences_lapse_and_come_back() {
    let run = two_sites(
        &hazard("sanction", "vendors = [\"example\"]\nlicences = \"10 d\"\nat = 2027-01-21T00:00:00Z\nlasts = \"30 d\""),
        "any-legal",
        1,
    );
    // Out from day 30 to day 50.
    close(run.value("service", "chat", "served_share"), 0.7);
    begins_with(&run, "sanction");
}

#[test]
fn prices_show_in_the_lines_of_cost() {
    let cost = |more: &str, line: &str| two_sites(more, "none", 1).value("cost", line, "cost");
    let shock = |more: &str| hazard("price-shock", &format!("{more}\nat = 2027-01-06T00:00:00Z\nlasts = \"47.5 d\""));
    // Sites draw the same power from day 10 to day 100; the price is three times as high until day 52.5.
    close(cost(&shock("energy_price = 3"), "energy"), cost("", "energy") * (90.0 + 2.0 * 42.5) / 90.0);
    close(cost(&shock("energy_price = 3"), "capital"), cost("", "capital"));
    // All 160 accelerators come while the price is twice as high: 160 x 30 k EUR over 5 y at 5 %.
    let annuity = 0.05 / (1.0 - 1.05_f64.powi(-5));
    close(cost(&shock("accelerator_price = 2"), "capital") - cost("", "capital"), 160.0 * 30e3 * annuity * 100.0 / 365.0);
    close(cost(&hazard("price-shock", "accelerator_price = 2\nat = 2027-01-12T00:00:00Z"), "capital"), cost("", "capital"));
}

#[test]
fn spare_parts_wait_for_the_end_of_a_stop() {
    let site = site("left", "spares = 1\nspare_lead_time = \"1 d\"");
    let of = |more: &str| {
        let cause = "\n[[failure]]\nname = \"board\"\nkind = \"crash\"\nrate = \"20 / 1000 d\"\nrepair = \"1 h\"\nspare = true\n";
        let model = load(&[&header("200 d"), BASE, &card(NO_FAILURES), &site, &chat(80, ""), cause, more]);
        simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 40)
    };
    let sum = |run: &Run, metric: &str| run.values("failure", "board", metric).iter().sum::<f64>();
    let (without, with) = (of(""), of(&hazard("spares-stop", "at = 2027-02-01T00:00:00Z\nlasts = \"60 d\"")));
    assert!(sum(&with, "part_wait") > 10.0 * sum(&without, "part_wait"));
    for (free, stopped) in
        without.values("site", "left", "spares_exhausted_after").iter().zip(with.values("site", "left", "spares_exhausted_after"))
    {
        assert!(stopped <= *free, "{stopped} {free}");
    }
}

#[test]
fn spare_parts_of_a_repair_pool_wait_for_the_end_of_a_stop() {
    // Two outages of a day, one part: the second waits for the part that the first ordered, 10 days after it, or for the end of the stop.
    let outage = |name: &str, day: u32| {
        format!(
            "\n[[hazard]]\nname = \"{name}\"\nkind = \"random-outage\"\ntargets = [\"site.left\"]\nat = 2027-01-{day:02}T00:00:00Z\nrepair = \"1 d\"\n"
        )
    };
    let pool =
        "\n[[repair_pool]]\nname = \"works\"\nfor = [\"site.left\"]\nspares = 1\nspare_lead_time = \"10 d\"\nspare_for = \"every\"\n";
    let of = |more: &str| {
        let parts = [
            &header("100 d"),
            BASE,
            &card(NO_FAILURES),
            &site("left", ""),
            &chat(80, ""),
            pool,
            &outage("one", 11),
            &outage("two", 13),
            more,
        ];
        let model = load(&parts);
        simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 1)
    };
    // Out on day 10 for one, from day 12 until the part of day 20 and a day more.
    close(of("").value("site", "left", "availability"), 1.0 - (1.0 + 9.0) / 100.0);
    // The part of day 20 comes on day 40.
    let stop = hazard("spares-stop", "repair_pools = [\"works\"]\nat = 2027-01-16T00:00:00Z\nlasts = \"25 d\"");
    close(of(&stop).value("site", "left", "availability"), 1.0 - (1.0 + 29.0) / 100.0);
    // Another pool's stop leaves it alone.
    let other = hazard("spares-stop", "at = 2027-01-16T00:00:00Z\nlasts = \"25 d\"");
    close(of(&other).value("site", "left", "availability"), 1.0 - (1.0 + 9.0) / 100.0);
}

#[test]
fn an_operator_leaves_and_another_comes() {
    let leaves = |more: &str| {
        hazard("operator-withdrawal", &format!("operators = [\"state\"]\nnotice = \"10 d\"\nat = 2027-01-21T00:00:00Z\n{more}"))
    };
    let run = two_sites(&leaves("handover = \"20 d\""), "none", 1);
    close(run.value("service", "chat", "served_share"), 0.7);
    close(run.value("tier", "T1", "resilience_area"), 30.0 * 24.0);
    close(run.value("tier", "T1", "worst_hour_share"), 0.0);
    begins_with(&run, "operator-withdrawal");
    close(served(&leaves("")), 0.2);
}

#[test]
fn another_model_is_qualified_and_runs_at_its_own_pace() {
    let change = |more: &str| hazard("model-change", &format!("services = [\"chat\"]\nat = 2027-01-21T00:00:00Z\n{more}"));
    let run = two_sites(&change("requalification = \"20 d\""), "any-legal", 1);
    close(run.value("service", "chat", "served_share"), 0.7);
    begins_with(&run, "model-change");
    // Half the tokens from day 20 on.
    close(served(&change("throughput = 0.5")), 0.5);
    close(served(&change("throughput = 0.5\nlasts = \"40 d\"")), 0.7);
    close(served(&change("throughput = 2")), 0.9);
}

#[test]
fn rules_come_and_go_and_regulators_suspend() {
    let rule = |from: &str| format!("\n[[rule]]\nname = \"off\"\nkind = \"forbid\"\nsites = [\"left\"]\nfrom = {from}T00:00:00Z\n");
    let change = |change: &str, more: &str| hazard("rule-change", &format!("rule = \"off\"\nchange = \"{change}\"\n{more}"));
    // By its dates it is in force from day 90; it comes on day 40.
    close(served(&rule("2027-04-01")), 0.8);
    let early = rule("2027-04-01") + &change("begins", "at = 2027-02-10T00:00:00Z");
    let run = two_sites(&early, "none", 1);
    close(run.value("service", "chat", "served_share"), 0.3);
    close(run.value("system", "all", "residency_violations"), 0.0);
    begins_with(&run, "rule-change");
    begins_with(&two_sites(&rule("2027-04-01"), "none", 1), "rule-begins");
    // Early for 20 d only.
    close(served(&(rule("2027-04-01") + &change("begins", "at = 2027-02-10T00:00:00Z\nlasts = \"20 d\""))), 0.6);
    // Repealed on day 95, or before it begins.
    close(served(&(rule("2027-04-01") + &change("ends", "at = 2027-04-06T00:00:00Z"))), 0.85);
    close(served(&(rule("2027-04-01") + &change("ends", "at = 2027-02-06T00:00:00Z"))), 0.9);
    // Half of the histories.
    let maybe = two_sites(&(rule("2027-04-01") + &change("begins", "at = 2027-02-10T00:00:00Z\nprobability = 0.5")), "none", 400);
    maybe.expect("service", "chat", "served_share", 0.55);
    let suspension = hazard("suspension", "services = [\"chat\"]\nat = 2027-02-10T00:00:00Z\nlasts = \"10 d\"");
    close(served(&suspension), 0.8);
    begins_with(&two_sites(&suspension, "any-legal", 1), "suspension");
}

#[test]
fn a_member_leaves_its_group() {
    let south = "\n[[nation]]\nname = \"south\"\ngroups = [\"pact\"]\n\n[[bus]]\nname = \"south\"\nnation = \"south\"\nenergy_price = \"80 EUR/MWh\"\n\n[[line]]\nname = \"tie\"\nfrom = \"north\"\nto = \"south\"\ncapacity = \"50 MW\"\n\n[[link]]\nname = \"tie\"\nfrom = \"nation.north\"\nto = \"nation.south\"\nbandwidth = \"10 Gbit/s\"\nlatency = \"5 ms\"\n";
    let base = BASE.replace("name = \"north\"\n\n[[bus]]", "name = \"north\"\ngroups = [\"pact\"]\n\n[[bus]]");
    let there = site("there", "bus = \"south\"");
    let run = |service: &str, law: &str, exit: &str| {
        let model = load(&[
            &header("100 d"),
            &base,
            south,
            &card(NO_FAILURES),
            &there,
            &chat(80, service),
            law,
            exit,
            &policy("failover = \"none\""),
        ]);
        simulate(&model, &plan(&model, &(build("there", 80) + &place("there", 1.0))), 1)
    };
    let exit = |nation: &str| {
        hazard("member-exit", &format!("nation = \"{nation}\"\ngroup = \"pact\"\nnotice = \"30 d\"\nat = 2027-01-11T00:00:00Z"))
    };
    let rule = "\n[[rule]]\nname = \"at-home\"\nkind = \"residency\"\nallow = [\"pact\"]\n";
    let share = |run: &Run| run.value("service", "chat", "served_share");
    let inside = "residency = [\"pact\"]\nmax_latency = \"50 ms\"";
    for (service, law) in [(inside, ""), ("max_latency = \"50 ms\"", rule)] {
        // The south leaves: what belongs to the north must leave it. The north leaves: it is confined to itself.
        for nation in ["south", "north"] {
            let run = run(service, law, &exit(nation));
            close(share(&run), 0.4);
            begins_with(&run, "member-exit");
        }
    }
    // Where nothing refers to the group, or the nation is named by itself, nothing changes.
    close(share(&run("max_latency = \"50 ms\"", "", &exit("south"))), 1.0);
    close(share(&run("residency = [\"pact\", \"south\"]\nmax_latency = \"50 ms\"", "", &exit("south"))), 1.0);
}

#[test]
fn draws_do_not_depend_on_the_plan() {
    let more = hazard("delivery-stop", "rate = \"20 / y\"\nprobability = 0.5\nlasts = { dist = \"exponential\", mean = \"6 d\" }");
    let of = |run: &Run| -> Vec<Vec<(u64, u64)>> {
        let begun = |history: &bastide_sim::History| {
            let events = history.events.iter().filter(|event| event.kind == "delivery-stop");
            events.map(|event| (event.time.as_nanos(), event.value.to_bits())).collect()
        };
        run.histories.iter().map(begun).collect()
    };
    let base = two_sites(&more, "none", 10);
    let noise =
        more.clone() + &hazard("suspension", "services = [\"chat\"]\nrate = \"30 / y\"\nlasts = \"1 d\"").replace("\"event\"", "\"other\"");
    assert_eq!(of(&base), of(&two_sites(&noise, "any-legal", 10)));
    assert!(of(&base).iter().any(|events| !events.is_empty()));
}
