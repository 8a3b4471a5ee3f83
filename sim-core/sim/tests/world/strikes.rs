//! Strike campaigns, substations, and repair in pools.

use crate::support::*;

/// Sites `s0`, `s1`, ... with eight accelerators each, hit at the same moment by outages of these lengths.
fn outages(hours: &[&str], more: &str) -> (String, String) {
    let sites: String = (0..hours.len()).map(|at| site(&format!("s{at}"), "")).collect();
    let hit = |(at, hours): (usize, &&str)| {
        format!(
            "\n[[hazard]]\nname = \"h{at}\"\nkind = \"random-outage\"\ntargets = [\"site.s{at}\"]\nat = 2027-01-11T00:00:0{at}Z\nrepair = \"{hours}\"\n"
        )
    };
    let hazards: String = hours.iter().enumerate().map(hit).collect();
    (sites + &hazards + more, (0..hours.len()).map(|at| build(&format!("s{at}"), 8)).collect())
}

fn pool(more: &str) -> String {
    format!("\n[[repair_pool]]\nname = \"builders\"\nfor = [\"site.*\"]\n{more}\n")
}

fn run_outages(hours: &[&str], more: &str, replications: u32) -> Run {
    let (text, builds) = outages(hours, more);
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &text]);
    simulate(&model, &plan(&model, &builds), replications)
}

/// Hours out of 2400 in which a site was down, rounded to the minute.
fn down_h(run: &Run, site: &str) -> f64 {
    ((1.0 - run.value("site", site, "availability")) * 2400.0 * 60.0).round() / 60.0
}

#[test]
fn any_number_of_crews_is_plain_repair() {
    let hours = ["10 h", "20 h", "30 h"];
    let (with, without) = (run_outages(&hours, &pool(""), 1), run_outages(&hours, "", 1));
    for site in ["s0", "s1", "s2"] {
        assert_eq!(with.value("site", site, "availability"), without.value("site", site, "availability"));
    }
    assert_eq!(with.histories[0].timeline, without.histories[0].timeline);
    assert_eq!(with.value("repair_pool", "builders", "jobs"), 3.0);
    close(with.value("repair_pool", "builders", "time_to_repair"), 20.0);
    assert_eq!(with.value("repair_pool", "builders", "crew_wait"), 0.0);
    assert_eq!(with.value("repair_pool", "builders", "spares_exhausted_after"), 2400.0);
}

#[test]
fn one_crew_repairs_one_after_the_other() {
    let run = run_outages(&["10 h", "20 h", "30 h"], &pool("crews = 1\nmobilisation = \"2 h\""), 1);
    assert_eq!([down_h(&run, "s0"), down_h(&run, "s1"), down_h(&run, "s2")], [12.0, 34.0, 66.0]);
    assert_eq!(run.value("repair_pool", "builders", "repaired"), 3.0);
    // 12 h less a second, and 34 h less two.
    close(run.value("repair_pool", "builders", "crew_wait"), 46.0 - 3.0 / 3600.0);
    let kinds: Vec<&str> = run.histories[0].events.iter().map(|event| event.kind).filter(|kind| kind.starts_with("repair")).collect();
    assert_eq!(kinds, ["repair-begins", "repair-waits", "repair-waits", "repair-begins", "repair-begins"]);
    // The waiting repair names the outage, and its beginning the wait.
    let events = &run.histories[0].events;
    let last = events.iter().rev().find(|event| event.kind == "repair-begins").unwrap();
    let wait = &events[last.cause_seq.unwrap() as usize];
    assert_eq!((wait.kind, wait.note), ("repair-waits", "for a crew"));
    assert_eq!(events[wait.cause_seq.unwrap() as usize].kind, "outage");
}

#[test]
fn a_crew_may_turn_to_the_greatest_value_first() {
    let (text, builds) = outages(&["10 h", "20 h", "30 h"], &pool("crews = 1\norder = \"value\""));
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &text]);
    // The last site is the largest.
    let run = simulate(
        &model,
        &plan(&model, &builds.replace("\"s2\"\naccelerator = \"card\"\ncount = 8", "\"s2\"\naccelerator = \"card\"\ncount = 16")),
        1,
    );
    assert_eq!([down_h(&run, "s0"), down_h(&run, "s2"), down_h(&run, "s1")], [10.0, 40.0, 60.0]);
}

#[test]
fn spare_parts_run_out_and_come_again() {
    let run = run_outages(&["10 h", "10 h", "10 h"], &pool("spares = 1\nspare_lead_time = \"100 h\""), 1);
    // The part used first is replaced 100 h later; the one ordered second a second after that.
    assert_eq!([down_h(&run, "s0"), down_h(&run, "s1"), down_h(&run, "s2")], [10.0, 110.0, 110.0]);
    close(run.value("repair_pool", "builders", "spares_exhausted_after"), 240.0);
    close(run.value("repair_pool", "builders", "spare_wait"), 200.0 - 2.0 / 3600.0);
}

#[test]
fn delays_hold_their_share_of_repairs_up() {
    let run = run_outages(&["10 h"], &pool("delays = [{ name = \"weather\", probability = 0.25, delay = \"40 h\" }]"), 2000);
    run.expect("site", "s0", "availability", 1.0 - (10.0 + 0.25 * 40.0) / 2400.0);
    assert!(run.values("repair_pool", "builders", "time_to_repair").iter().all(|hours| *hours < 10.5 || *hours > 49.5));
}

#[test]
fn a_dead_substation_takes_all_with_it() {
    let grid = "\n[[bus]]\nname = \"south\"\nnation = \"north\"\nenergy_price = \"80 EUR/MWh\"\n\n[[line]]\nname = \"tie\"\nfrom = \"north\"\nto = \"south\"\ncapacity = \"50 MW\"\n\n[[load]]\nname = \"port\"\nbus = \"south\"\npower = \"1 MW\"\nvalue_of_lost_load = \"10000 EUR/MWh\"\n";
    let hit =
        "\n[[hazard]]\nname = \"hit\"\nkind = \"random-outage\"\ntargets = [\"bus.north\"]\nat = 2027-01-11T00:00:00Z\nrepair = \"24 h\"\n";
    let sites = site("left", "") + &site("right", "bus = \"south\"");
    let model = load(&[&header("100 d"), BASE, grid, &card(NO_FAILURES), &sites, hit]);
    let run = simulate(&model, &plan(&model, &(build("left", 80) + &build("right", 80))), 1);
    // The only power station stands at the dead bus, and the only line ends there.
    close(run.value("bus", "north", "shed_energy"), 48.0);
    close(run.value("bus", "south", "shed_energy"), 24.0);
    close(run.value("line", "tie", "availability"), 0.99);
    close(run.value("site", "left", "availability"), 0.99);
    close(run.value("site", "right", "availability"), 0.99);
    let events = &run.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("line-down").cause_seq, Some(find("bus-down").seq));
    assert_eq!(find("bus-down").cause_seq, Some(find("outage").seq));
    // From the stopped site back to the hit.
    let mut chain = vec![find("site-down")];
    while let Some(cause) = chain.last().unwrap().cause_seq {
        chain.push(&events[cause as usize]);
    }
    assert_eq!(chain.last().unwrap().kind, "outage");
    // The other end alone: the power station goes on.
    let model = load(&[&header("100 d"), BASE, grid, &card(NO_FAILURES), &sites, &hit.replace("bus.north", "bus.south")]);
    let run = simulate(&model, &plan(&model, &(build("left", 80) + &build("right", 80))), 1);
    assert_eq!(run.value("bus", "north", "shed_energy"), 0.0);
    close(run.value("bus", "south", "shed_energy"), 24.0);
    assert_eq!(run.value("site", "left", "availability"), 1.0);
    close(run.value("site", "right", "availability"), 0.99);
}
