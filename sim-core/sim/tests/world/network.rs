//! Links, facilities, partitions.

use crate::support::*;

/// A second nation without a grid of its own, a link to it.
const SOUTH: &str = "\n[[nation]]\nname = \"south\"\n\n[[link]]\nname = \"strait\"\nfrom = \"nation.north\"\nto = \"nation.south\"\nkind = \"submarine\"\nbandwidth = \"10 Gbit/s\"\nlatency = \"5 ms\"\n";

fn facility(name: &str, kind: &str, more: &str) -> String {
    format!("\n[[facility]]\nname = \"{name}\"\nkind = \"{kind}\"\n{more}\n")
}

fn outage(target: &str, day: u32, repair: &str) -> String {
    format!(
        "\n[[hazard]]\nname = \"out-{day}\"\nkind = \"random-outage\"\ntargets = [\"{target}\"]\nat = 2027-01-{day:02}T00:00:00Z\nrepair = \"{repair}\"\n"
    )
}

/// One site `left` with 80 accelerators for `chat`.
fn one_site(duration: &str, more: &[&str]) -> Run {
    let text = more.concat();
    let model = load(&[&header(duration), BASE, &card(NO_FAILURES), &site("left", ""), &chat(80, ""), &text]);
    simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 1)
}

/// Kinds of the events from one back to its first cause.
fn chain(run: &Run, kind: &str) -> Vec<&'static str> {
    let events = &run.histories[0].events;
    let mut at = events.iter().find(|event| event.kind == kind);
    let mut kinds = Vec::new();
    while let Some(event) = at {
        kinds.push(event.kind);
        at = event.cause_seq.and_then(|seq| events.iter().find(|event| event.seq == seq));
    }
    kinds
}

#[test]
fn a_site_outlives_its_control_plane_for_its_grace() {
    let control = facility("control", "control-plane", "nation = \"north\"\nneeded_by = [\"site.left\"]\ngrace = \"72 h\"");
    let run = one_site("100 d", &[&control, &outage("facility.control", 11, "5 d")]);
    // Down for 5 days, of which the last two are beyond the grace.
    close(run.value("site", "left", "availability"), 0.98);
    close(run.value("service", "chat", "served_share"), 0.98);
    close(run.value("facility", "control", "availability"), 0.95);
    close(run.value("facility", "control", "service_hours_stopped"), 48.0);
    close(run.value("facility", "control", "tokens_lost"), 48.0 * 3600.0 * 0.8);
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "site-down", "facility-down", "outage"]);
    // An outage within the grace costs nothing.
    let run = one_site("100 d", &[&control, &outage("facility.control", 11, "3 d")]);
    close(run.value("service", "chat", "served_share"), 1.0);
}

#[test]
fn any_one_of_a_group_is_enough() {
    let of = |name: &str, grace: &str| {
        facility(name, "identity", &format!("nation = \"north\"\nneeded_by = [\"service.chat\"]\ngroup = \"id\"\ngrace = \"{grace}\""))
    };
    let both = of("one", "1 h") + &of("two", "24 h");
    let run = one_site("100 d", &[&both, &outage("facility.one", 11, "20 d")]);
    close(run.value("service", "chat", "served_share"), 1.0);
    // Both are out from day 20 to 30; the longest grace of the group holds.
    let run = one_site("100 d", &[&both, &outage("facility.one", 11, "20 d"), &outage("facility.two", 21, "20 d")]);
    close(run.value("service", "chat", "served_share"), 0.91);
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "service-blocked", "facility-down", "outage"]);
}

#[test]
fn a_partition_takes_a_foreign_licence_server_away() {
    let licences = facility(
        "licences",
        "licence-server",
        "nation = \"south\"\noperator = \"vendor\"\nneeded_by = [\"service.chat\"]\ngrace = \"24 h\"",
    );
    let run = one_site("100 d", &[SOUTH, &licences, &outage("link.strait", 11, "10 d")]);
    close(run.value("service", "chat", "served_share"), 0.91);
    close(run.value("facility", "licences", "availability"), 1.0);
    let blocked = run.histories[0].events.iter().find(|event| event.kind == "service-blocked").unwrap();
    assert_eq!(blocked.note, "no foreign licence server");
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "service-blocked", "link-down", "outage"]);
    // At home it is within reach.
    let at_home = licences.replace("nation = \"south\"", "nation = \"north\"\noperator_nation = \"south\"");
    let run = one_site("100 d", &[SOUTH, &at_home, &outage("link.strait", 11, "10 d")]);
    close(run.value("service", "chat", "served_share"), 1.0);
}

#[test]
fn links_lines_and_units_are_down_with_their_facility() {
    let landing = facility("beach", "landing-point", "nation = \"north\"\nneeded_by = [\"link.strait\"]");
    let run = one_site("100 d", &[SOUTH, &landing, &outage("facility.beach", 11, "5 d"), &outage("link.strait", 13, "5 d")]);
    // Days 10 to 15 for the landing point, 12 to 17 for its own.
    close(run.value("link", "strait", "availability"), 0.93);
    let yard = facility("yard", "substation", "nation = \"north\"\nneeded_by = [\"generator.hydro\"]");
    let run = one_site("100 d", &[&yard, &outage("facility.yard", 11, "5 d")]);
    close(run.value("bus", "north", "shed_hours"), 120.0);
    close(run.value("bus", "north", "shed_energy"), 240.0);
    close(run.value("service", "chat", "served_share"), 0.95);
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "site-down", "units-down", "facility-down", "outage"]);
}

#[test]
fn a_substation_takes_the_supply_and_not_the_site() {
    let yard = facility("yard", "substation", "nation = \"north\"\nneeded_by = [\"site.left\"]");
    let site = |more: &str| site("left", more);
    let of = |more: &str| {
        let text = yard.clone() + &outage("facility.yard", 11, "5 d");
        let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &site(more), &chat(80, ""), &text]);
        simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 1)
    };
    let bare = of("");
    close(bare.value("service", "chat", "served_share"), 0.95);
    // Others are not shed for it.
    close(bare.value("bus", "north", "shed_hours"), 0.0);
    assert_eq!(chain(&bare, "service-lost"), ["service-lost", "site-down", "supply-lost", "facility-down", "outage"]);
    // Generators with fuel for four days and a restart at once: one day is lost.
    let backed = of("generator_start = 1\nfuel = \"96 h\"\nrefuel = \"1 y\"");
    close(backed.value("service", "chat", "served_share"), 0.99);
    close(backed.value("site", "left", "generator_hours"), 96.0);
}

#[test]
fn a_facility_stands_and_falls_with_its_site() {
    let control = facility("control", "control-plane", "site = \"left\"\nneeded_by = [\"service.chat\"]");
    let sites = site("left", "") + &site("right", "");
    let text = control + &outage("site.left", 11, "10 d");
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &sites, &chat(80, ""), &text]);
    let builds = build("left", 8) + &build("right", 80) + &place("right", 1.0);
    let run = simulate(&model, &plan(&model, &builds), 1);
    close(run.value("service", "chat", "served_share"), 0.9);
    close(run.value("facility", "control", "availability"), 0.9);
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "service-blocked", "facility-down", "site-down", "outage"]);
}

#[test]
fn a_fibre_hut_is_the_access_of_a_site() {
    let hut = facility("hut", "fibre-hut", "nation = \"north\"\nneeded_by = [\"site.left\"]");
    let run = one_site("100 d", &[&hut, &outage("facility.hut", 11, "5 d")]);
    // The site works, and nobody reaches it.
    close(run.value("site", "left", "availability"), 1.0);
    close(run.value("service", "chat", "served_share"), 0.95);
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "partition", "access-lost", "facility-down", "outage"]);
}

#[test]
fn facilities_fail_and_are_repaired_by_themselves() {
    let control = facility(
        "control",
        "control-plane",
        "nation = \"north\"\nneeded_by = [\"site.left\"]\nmttf = \"190 h\"\nrepair = { dist = \"exponential\", mean = \"10 h\" }",
    );
    let model = load(&[&header("365 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(80, ""), &control]);
    let run = simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 400);
    run.expect("facility", "control", "availability", 0.95);
    run.expect("site", "left", "availability", 0.95);
}

// States of links.

fn states(more: &str, states: &str) -> String {
    format!("\n[[hazard]]\nname = \"weather\"\nkind = \"degraded-links\"\ntargets = [\"link.strait\"]\n{more}\nstates = [{states}]\n")
}

/// `chat` for the south, served in the north.
fn across(duration: &str, service: &str, more: &[&str], replications: u32) -> Run {
    let chat = chat(80, &format!("origins = {{ south = 1 }}\n{service}"));
    let model = load(&[&header(duration), BASE, SOUTH, &card(NO_FAILURES), &site("left", ""), &chat, &more.concat()]);
    simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), replications)
}

#[test]
fn a_semi_markov_chain_spends_its_stationary_shares() {
    // Embedded chain: normal -> degraded; degraded -> normal 0.5, off 0.5; off -> normal. Visits 2 : 2 : 1, stays of 20, 10, 5 h with laws of
    // three kinds: off for 5 of 65 h; a bandwidth left of 40/65 + 0.25 x 20/65.
    let text = "{ name = \"normal\", stay = { dist = \"exponential\", mean = \"20 h\" }, next = { degraded = 1 } }, \
        { name = \"degraded\", bandwidth = \"25 %\", stay = { dist = \"uniform\", low = \"5 h\", high = \"15 h\" }, next = { normal = 0.5, off = 0.5 } }, \
        { name = \"off\", bandwidth = 0, stay = \"5 h\", next = { normal = 1 } }";
    let run = across("365 d", "", &[&states("", text)], 300);
    run.expect("link", "strait", "availability", 60.0 / 65.0);
    run.expect("nation", "south", "bandwidth_left", (40.0 + 0.25 * 20.0) / 65.0);
    run.expect("nation", "south", "isolated_hours", 8760.0 * 5.0 / 65.0);
    run.expect("service", "chat", "served_share", 60.0 / 65.0);
}

#[test]
fn an_intermittent_link_is_up_for_its_duty() {
    let text = "{ name = \"normal\" }, { name = \"flapping\", duty = \"60 %\", period = \"2 h\", stay = \"10 d\" }";
    let run = across("100 d", "", &[&states("at = 2027-01-11T00:00:00Z", text)], 1);
    close(run.value("link", "strait", "availability"), 1.0 - 0.1 * 0.4);
    close(run.value("service", "chat", "served_share"), 1.0 - 0.1 * 0.4);
    // The chain of causes ends where the hazard began it.
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "partition", "link-state", "degraded-links"]);
    // Nothing is left of it after `until`.
    let text = text.replace("{ name = \"normal\" }", "{ name = \"normal\", stay = \"1 d\" }");
    let run = across("100 d", "", &[&states("until = 2027-01-11T00:00:00Z", &text)], 1);
    close(run.value("link", "strait", "availability"), 1.0 - 0.09 * 0.4);
}

#[test]
fn slow_links_show_in_latency() {
    let text =
        "{ name = \"normal\" }, { name = \"jammed\", latency_factor = 3, added_latency = \"4.05 ms\", loss = \"20 %\", stay = \"1 y\" }";
    let text = states("at = 2027-01-01T00:00:00Z", text);
    // 5 ms x 3, sent 1 / 0.8 times on average, and 4.05 ms on top.
    let run = across("10 d", "request_tokens = 100", &[&text], 1);
    close(run.value("tier", "T1", "latency_p95"), 5.0 * 3.0 / 0.8 + 4.05);
    let usual = across("10 d", "request_tokens = 100", &[], 1);
    close(usual.value("tier", "T1", "latency_p95"), 5.0);
    let more = run.value("service", "chat", "request_latency_p95") - usual.value("service", "chat", "request_latency_p95");
    close(more * 1e3, 2.0 * (22.8 - 5.0));
}

#[test]
fn a_link_in_two_ducts_is_cut_with_either() {
    let links = SOUTH.replace("latency = \"5 ms\"", "latency = \"5 ms\"\nducts = [\"bridge\", \"tunnel\"]")
        + &SOUTH
            .split("[[link]]")
            .nth(1)
            .map(|link| format!("[[link]]{}", link.replace("strait", "other")))
            .unwrap()
            .replace("latency = \"5 ms\"", "latency = \"6 ms\"\nduct = \"tunnel\"");
    let cut =
        "\n[[hazard]]\nname = \"anchor\"\nkind = \"cable-cut\"\ntargets = [\"link.other\"]\nat = 2027-01-11T00:00:00Z\nrepair = \"10 d\"\n";
    let model = load(&[&header("100 d"), BASE, &links, &card(NO_FAILURES), &site("left", ""), cut]);
    let run = simulate(&model, &plan(&model, &build("left", 8)), 1);
    close(run.value("link", "strait", "availability"), 0.9);
    close(run.value("link", "other", "availability"), 0.9);
    close(run.value("nation", "south", "isolated_hours"), 240.0);
}

#[test]
fn a_satellite_stands_by() {
    let satellite = "\n[[link]]\nname = \"sky\"\nfrom = \"nation.south\"\nto = \"nation.north\"\nkind = \"satellite\"\nbandwidth = \"1 Gbit/s\"\nlatency = \"1 ms\"\nstandby = true\n";
    let run = across("100 d", "", &[satellite, &outage("link.strait", 11, "90 d")], 1);
    close(run.value("service", "chat", "served_share"), 1.0);
    close(run.value("nation", "south", "isolated_hours"), 0.0);
    // A tenth of the bandwidth for nine tenths of the time, although the satellite is quicker.
    close(run.value("nation", "south", "bandwidth_left"), 0.1 + 0.9 * 0.1);
    close(run.value("nation", "south", "bandwidth_least"), 1.0);
    let all_the_time = across("100 d", "", &[satellite], 1);
    close(all_the_time.value("tier", "T1", "latency_p95"), 5.0);
}

// Traffic.

#[test]
fn enough_bandwidth_changes_nothing() {
    let noisy = "demand_noise = 0.2\n";
    let fault = outage("link.strait", 11, "3 d");
    let (without, with) = (across("30 d", noisy, &[&fault], 3), across("30 d", &format!("{noisy}bytes_per_token = \"4 B\""), &[&fault], 3));
    for (a, b) in with.histories.iter().zip(&without.histories) {
        assert_eq!((&a.metrics, &a.timeline, &a.balance), (&b.metrics, &b.timeline, &b.balance));
        assert_eq!(a.events, b.events);
    }
}

#[test]
fn a_short_link_serves_what_it_carries() {
    // 800 k tokens/s of 6.25 kB are 40 Gbit/s, over 10: a quarter is served.
    let run = across("10 d", "bytes_per_token = \"6250 B\"", &[], 1);
    close(run.value("service", "chat", "served_share"), 0.25);
    // Two flows over one link, one of which asks for less than half: it gets all, the other the rest.
    let small = "\n[[service]]\nname = \"alert\"\nnation = \"south\"\ntier = \"T3\"\ndemand = \"40 k tokens/s\"\ntokens_per_accelerator = \"10 k tokens/s\"\nvalue = \"5 EUR/M tokens\"\nbytes_per_token = \"6250 B\"\n";
    let chat = chat(80, "origins = { south = 1 }\nbytes_per_token = \"6250 B\"");
    let model = load(&[&header("10 d"), BASE, SOUTH, &card(NO_FAILURES), &site("left", ""), &chat, small]);
    let places = build("left", 96) + &place("left", 1.0) + &place("left", 1.0).replace("chat", "alert");
    let run = simulate(&model, &plan(&model, &places), 1);
    close(run.value("service", "alert", "served_share"), 1.0);
    close(run.value("service", "chat", "served_share"), (200.0 - 40.0) / 800.0);
}

#[test]
fn requests_sent_elsewhere_take_what_is_left() {
    // `left` is lost; its requests go to `right` beyond the strait, which carries 200 k tokens/s of them.
    let sites = site("left", "") + &site("right", "nation = \"south\"");
    let chat = chat(80, "bytes_per_token = \"6250 B\"");
    let text = outage("site.left", 1, "10 d");
    let policy = "\n[policy]\nfailover_time = \"0 s\"\n";
    let model = load(&[&header("10 d"), BASE, SOUTH, &card(NO_FAILURES), &sites, &chat, &text, policy]);
    let standby = standby("left", "right", 1.0);
    let run = simulate(&model, &plan(&model, &(build("left", 80) + &build("right", 80) + &place("left", 1.0) + &standby)), 1);
    close(run.value("service", "chat", "served_share"), 0.25);
}

#[test]
fn fair_shares_of_hand_solved_cases() {
    use bastide_sim::fair_share::max_min;
    // One link of 10, demands 2, 4, 8: 2, 4, 4.
    assert_eq!(max_min(&[2.0, 4.0, 8.0], &[0, 1, 2, 3], &[0, 0, 0], &[10.0]), [2.0, 4.0, 4.0]);
    // Bertsekas & Gallager 1992, figure 6.15: two of five sessions share the tight link, the others what is left.
    let inf = f64::INFINITY;
    // Flow 0 over links 0, 1; flow 1 over 0; flow 2 over 1, with link 0 of 1 and link 1 of 2: 0.5, 0.5, 1.5.
    assert_eq!(max_min(&[inf, inf, inf], &[0, 2, 3, 4], &[0, 1, 0, 1], &[1.0, 2.0]), [0.5, 0.5, 1.5]);
    // A flow without links gets what it asks for, one over a dead link nothing.
    assert_eq!(max_min(&[7.0, 7.0, f64::NAN, -1.0], &[0, 0, 1, 1, 1], &[0], &[0.0]), [7.0, 0.0, 0.0, 0.0]);
    assert!(max_min(&[], &[0], &[], &[1.0]).is_empty());
}

#[test]
fn no_flow_can_gain_without_hurting_a_smaller_one() {
    use bastide_sim::fair_share::max_min;
    let mut stream = bastide_engine::Stream::new(7, 0, 11);
    for _ in 0..300 {
        let links = 1 + (stream.uniform() * 6.0) as usize;
        let flows = 1 + (stream.uniform() * 12.0) as usize;
        let capacity: Vec<f64> = (0..links).map(|_| stream.uniform() * 10.0).collect();
        let demands: Vec<f64> = (0..flows).map(|_| stream.uniform() * 6.0).collect();
        let (mut starts, mut paths) = (vec![0], Vec::new());
        for _ in 0..flows {
            paths.extend((0..links).filter(|_| stream.bernoulli(0.5)));
            starts.push(paths.len());
        }
        let rates = max_min(&demands, &starts, &paths, &capacity);
        let path = |flow: usize| &paths[starts[flow]..starts[flow + 1]];
        let load = |link: usize| (0..flows).filter(|flow| path(*flow).contains(&link)).map(|flow| rates[flow]).sum::<f64>();
        assert!(capacity.iter().enumerate().all(|(link, width)| load(link) <= width + 1e-9));
        for flow in 0..flows {
            assert!(rates[flow] <= demands[flow]);
            // It has what it asks for, or there is a full link on its path on which nobody has more (Bertsekas & Gallager 1992, section 6.5.2).
            let bottleneck = |link: &usize| {
                let most = (0..flows).filter(|other| path(*other).contains(link)).map(|other| rates[other]).fold(0.0, f64::max);
                load(*link) >= capacity[*link] - 1e-9 && rates[flow] >= most - 1e-9
            };
            assert!(rates[flow] >= demands[flow] - 1e-9 || path(flow).iter().any(bottleneck), "flow {flow} of {demands:?}");
        }
    }
}

// Partitions.

/// Both nations have a site; `chat` is asked for in the south.
fn two_sides(place_at: &str, more: &[&str], replications: u32) -> Run {
    let sites = site("left", "") + &site("right", "nation = \"south\"");
    let chat = chat(80, "origins = { south = 1 }");
    let base = BASE.replace("name = \"north\"\n\n[[bus]]", "name = \"north\"\nbackbone = true\n\n[[bus]]");
    let model = load(&[&header("100 d"), &base, SOUTH, &card(NO_FAILURES), &sites, &chat, &more.concat()]);
    simulate(&model, &plan(&model, &(build("left", 80) + &build("right", 80) + &place(place_at, 1.0))), replications)
}

#[test]
fn a_partition_with_its_own_replicas_goes_on() {
    let cut = outage("link.strait", 11, "10 d");
    let local = two_sides("right", &[&cut], 1);
    close(local.value("service", "chat", "served_share"), 1.0);
    close(local.value("nation", "south", "isolated_hours"), 240.0);
    close(local.value("nation", "north", "isolated_hours"), 0.0);
    close(local.value("site", "right", "isolated_hours"), 240.0);
    close(local.value("system", "all", "partitions"), 1.0);
    // Censored at the end of the partition.
    close(local.value("tier", "T1", "autonomy"), 240.0);
    close(local.value("tier", "T1", "autonomy_kept"), 1.0);
    let remote = two_sides("left", &[&cut], 1);
    close(remote.value("service", "chat", "served_share"), 0.9);
    close(remote.value("tier", "T1", "autonomy"), 0.0);
    close(remote.value("tier", "T1", "autonomy_kept"), 0.0);
    assert_eq!(chain(&remote, "service-lost"), ["service-lost", "partition", "link-down", "outage"]);
    assert_eq!(chain(&remote, "rejoined")[..3], ["rejoined", "partition", "link-down"]);
}

#[test]
fn autonomy_ends_with_the_grace_of_a_licence_server() {
    let licences = facility("licences", "licence-server", "nation = \"north\"\nneeded_by = [\"service.chat\"]\ngrace = \"72 h\"");
    let run = two_sides("right", &[&licences, &outage("link.strait", 11, "10 d"), &outage("link.strait", 26, "1 d")], 1);
    // Three days of the ten, and all of the one.
    close(run.value("tier", "T1", "autonomy"), 48.0);
    close(run.value("tier", "T1", "autonomy_kept"), 0.5);
    close(run.value("service", "chat", "served_share"), 0.93);
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "service-blocked", "link-down", "outage"]);
}

#[test]
fn more_links_never_hurt() {
    let faults = "mttf = \"20 d\"\nrepair = { dist = \"exponential\", mean = \"2 d\" }\n";
    let link = |name: &str| {
        format!(
            "\n[[link]]\nname = \"{name}\"\nfrom = \"nation.north\"\nto = \"nation.south\"\nbandwidth = \"10 Gbit/s\"\nlatency = \"8 ms\"\n{faults}"
        )
    };
    let nation = "\n[[nation]]\nname = \"south\"\n";
    let run = |links: &str| {
        let chat = chat(80, "origins = { south = 1 }\nbytes_per_token = \"2 kB\"");
        let model = load(&[&header("365 d"), BASE, nation, links, &card(NO_FAILURES), &site("left", ""), &chat]);
        simulate(&model, &plan(&model, &(build("left", 80) + &place("left", 1.0))), 20)
    };
    let (one, two) = (run(&link("a")), run(&(link("a") + &link("b"))));
    for (metric, kind, name, sign) in
        [("served_share", "service", "chat", 1.0), ("isolated_hours", "nation", "south", -1.0), ("bandwidth_least", "nation", "south", 1.0)]
    {
        let at = |run: &Run| run.layout.find(kind, name, metric).unwrap();
        for (a, b) in one.histories.iter().zip(&two.histories) {
            assert!(sign * (b.metrics[at(&two)] - a.metrics[at(&one)]) >= -1e-9, "{metric}");
        }
    }
}

#[test]
fn replicas_grow_stale_behind_a_cut() {
    let dataset = |more: &str| {
        format!(
            "\n[[dataset]]\nname = \"registry\"\nnation = \"north\"\nsize = \"1 TB\"\nreplicas = 2\nreplication_interval = \"2 h\"\n{more}\n"
        )
    };
    let of = |more: &str| {
        let sites = site("left", "") + &site("right", "nation = \"south\"");
        let chat = chat(80, "origins = { south = 1 }\ndataset = \"registry\"");
        let cut = outage("link.strait", 11, "10 d");
        let model = load(&[&header("100 d"), BASE, SOUTH, &card(NO_FAILURES), &sites, &chat, &dataset(more), &cut]);
        let copies = "\n[[replica]]\ndataset = \"registry\"\nsite = \"left\"\n[[replica]]\ndataset = \"registry\"\nsite = \"right\"\n";
        simulate(&model, &plan(&model, &(build("left", 80) + &build("right", 80) + &place("right", 1.0) + copies)), 20)
    };
    let (any, fresh) = (of(""), of("max_staleness = \"48 h\""));
    // As old as the cut is long, and as the last synchronisation was old: up to two hours.
    for age in any.values("dataset", "registry", "staleness_max") {
        assert!((240.0..242.0).contains(&age), "{age}");
    }
    assert!(any.values("service", "chat", "served_share").iter().all(|share| (share - 1.0).abs() < 1e-9));
    for (share, age) in fresh.values("service", "chat", "served_share").iter().zip(any.values("dataset", "registry", "staleness_max")) {
        close(*share, 1.0 - (240.0 - (48.0 - (age - 240.0))) / 2400.0);
    }
    assert_eq!(chain(&fresh, "service-lost"), ["service-lost", "copy-stale", "partition", "link-down", "outage"]);
}
