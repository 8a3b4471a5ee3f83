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
    assert_eq!(chain(&run, "service-lost"), ["service-lost", "access-lost", "facility-down", "outage"]);
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
