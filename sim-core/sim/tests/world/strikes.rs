//! Strike campaigns, substations, and repair in pools.

mod laws;

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

/// A campaign at all sites on 11 January, with more keys.
fn campaign(munitions: &str, more: &str) -> String {
    format!(
        "\n[[hazard]]\nname = \"salvo\"\nkind = \"strike-campaign\"\ntargets = [\"site.*\"]\nat = 2027-01-11T00:00:00Z\nmunitions = {munitions}\n{more}\n"
    )
}

const DRONE: &str = "\n[[munition]]\nname = \"drone\"\ninterception = 0.5\ncep = \"20 m\"\nwarhead = \"50 kg\"\n";

/// Sites `s0`, `s1`, ... with these keys, and eight accelerators each.
fn sites(keys: &[&str]) -> (String, String) {
    let all = keys.iter().enumerate();
    let text = all.clone().map(|(at, keys)| site(&format!("s{at}"), keys)).collect();
    (text, all.map(|(at, _)| build(&format!("s{at}"), 8)).collect())
}

fn run(keys: &[&str], more: &str, replications: u32) -> Run {
    let (text, builds) = sites(keys);
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &text, more]);
    simulate(&model, &plan(&model, &builds), replications)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn interceptors_run_out_and_the_rest_leaks() {
    let defence = "\n[[defence]]\nname = \"guns\"\ntargets = [\"site.s0\"]\ninterception = 1\ninterceptors = 7\n";
    let hit = campaign("8", "interception = 0\ndamage = { none = 1 }\nrepair = \"10 d\"");
    let of = |defence: &str| run(&[""], &(defence.to_owned() + &hit), 1);
    let run = of(defence);
    assert_eq!(run.value("site", "s0", "outages"), 1.0);
    assert_eq!(run.value("defence", "guns", "downed"), 7.0);
    close(run.value("defence", "guns", "exhausted_after"), 240.0);
    let events = &run.histories[0].events;
    assert!(events.iter().any(|event| event.kind == "interceptors-exhausted"));
    // One more, and nothing comes through: as without any strike.
    let enough = of(&defence.replace("= 7", "= 8"));
    assert_eq!(enough.value("site", "s0", "outages"), 0.0);
    assert_eq!(enough.histories[0].timeline, self::run(&[""], "", 1).histories[0].timeline);
    // Others are not defended.
    let elsewhere = of(&defence.replace("site.s0", "bus.north"));
    assert_eq!(elsewhere.value("defence", "guns", "engaged"), 0.0);
}

#[test]
fn stock_is_filled_up_between_salvos() {
    // Two interceptors, two munitions each day; one comes again in a day: 2, then 1 each day.
    let defence = "\n[[defence]]\nname = \"guns\"\ntargets = [\"site.*\"]\ninterception = 1\ninterceptors = 2\nresupply = \"1 / d\"\n";
    let days = |day: u32| {
        campaign("2", "interception = 0\ndamage = { none = 0 }\nrepair = \"1 h\"")
            .replace("salvo", &format!("day{day}"))
            .replace("01-11", &format!("01-{day}"))
    };
    let run = run(&[""], &(defence.to_owned() + &days(11) + &days(12) + &days(13) + &days(20)), 1);
    assert_eq!(run.value("defence", "guns", "downed"), 2.0 + 1.0 + 1.0 + 2.0);
}

#[test]
fn shots_go_on_until_one_hits() {
    let defence = "\n[[defence]]\nname = \"guns\"\ntargets = [\"site.*\"]\ninterception = { drone = 0.6 }\nshots = 3\n";
    let hit = campaign("{ drone = 5 }", "interception = 0\ndamage = { none = 1 }\nrepair = \"1 h\"");
    let run = run(&[""], &(DRONE.to_owned() + defence + &hit), 3000);
    run.expect("defence", "guns", "downed", 5.0 * (1.0 - 0.4_f64.powi(3)));
    run.expect("defence", "guns", "interceptors_spent", 5.0 * (1.0 + 0.4 + 0.16));
}

#[test]
fn perfect_defence_is_no_strike() {
    let noise = ["mttf = \"190 h\"\nrepair = { dist = \"exponential\", mean = \"10 h\" }", "latitude = 57\nlongitude = 24"];
    let keys = "aim = \"adaptive\"\narea = { radius = \"5 km\", probability = 1, outage = \"5 d\" }\nfire_cutoff = \"3 d\"\nrepair = \"10 d\"\nnodes_destroyed = 0.5\nfollow_up = { probability = 1, after = \"1 h\", repair = \"9 d\" }\n";
    let defence = "\n[[defence]]\nname = \"guns\"\ntargets = [\"site.*\"]\ninterception = 1\nshots = 2\n";
    let salvo = DRONE.to_owned() + defence + &campaign("{ drone = { dist = \"uniform\", low = 5, high = 50 } }", keys);
    let (with, without) = (run(&noise, &salvo, 10), run(&noise, "", 10));
    for (a, b) in with.histories.iter().zip(&without.histories) {
        let of = |history: &bastide_sim::History, layout: &bastide_sim::Layout| -> Vec<f64> {
            layout.metrics.iter().zip(&history.metrics).filter(|(def, _)| def.entity_kind != "defence").map(|(_, value)| *value).collect()
        };
        assert_eq!(of(a, &with.layout), of(b, &without.layout));
        assert_eq!((&a.timeline, &a.balance), (&b.timeline, &b.balance));
    }
    assert!(with.values("defence", "guns", "downed").iter().all(|downed| (1.0..=50.0).contains(downed)));
}

#[test]
fn misses_follow_rayleigh_and_cep() {
    // Sharp curves: out if the miss is below Z W^(1/3) = 8 m/kg^(1/3) * (8 kg)^(1/3) = 16 m, which half of them are with that CEP.
    let of = |cep: &str, median: f64| {
        let munition = DRONE.replace("50 kg", "8 kg").replace("20 m", cep);
        let curve = format!("fragility = [{{ hardening = \"none\", light = {median:?}, heavy = 1e-9, destroyed = 1e-9, dispersion = 0 }}]");
        run(
            &["latitude = 57\nlongitude = 24"],
            &(munition + &campaign("{ drone = 1 }", &format!("interception = 0\nrepair = \"10 d\"\n{curve}"))),
            4000,
        )
    };
    of("16 m", 8.0).expect("site", "s0", "outages", 0.5);
    // F(r) = 1 - exp(-ln 2 (r / CEP)^2).
    of("16 m", 4.0).expect("site", "s0", "outages", 1.0 - 0.5_f64.powf(0.25));
    of("8 m", 8.0).expect("site", "s0", "outages", 1.0 - 0.5_f64.powi(4));
    // Without a CEP each one hits the mark.
    let run = of("0 m", 8.0);
    assert!(run.values("site", "s0", "outages").iter().all(|outages| *outages == 1.0));
}

#[test]
fn neighbours_suffer_by_their_distance() {
    // 1000 kg: destroyed within 38.8 m, heavy within 91 m, light within 181 m. At 0, 60, 150 and 1000 m to the north.
    let munition = DRONE.replace("50 kg", "1000 kg").replace("20 m", "0 m");
    let at = |metres: f64| format!("latitude = {:?}\nlongitude = 24", 57.0 + metres / 111_194.93);
    let keys: Vec<String> = [0.0, 60.0, 150.0, 1000.0].map(at).to_vec();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let curve = "fragility = [{ hardening = \"none\", light = 18.1, heavy = 9.1, destroyed = 3.88, dispersion = 0 }]";
    let effects = "effects = [{ damage = \"light\", repair = \"1 d\" }, { damage = \"heavy\", repair = \"5 d\", nodes_destroyed = 0.5 }, { damage = \"destroyed\", repair = \"20 d\", nodes_destroyed = 1 }]";
    let one = campaign("{ drone = 1 }", &format!("interception = 0\n{curve}\n{effects}")).replace("site.*", "site.s0");
    let all = run(&keys, &(munition.clone() + &one), 1);
    assert_eq!([0, 1, 2, 3].map(|at| down_h(&all, &format!("s{at}"))), [480.0, 120.0, 24.0, 0.0]);
    // What they share goes out for all or for none; the one far away shares nothing.
    let shared = one.replace("at = 2027", "area = { radius = \"500 m\", probability = 0.3, outage = \"30 d\" }\nat = 2027");
    let together = run(&keys, &(munition + &shared), 2000);
    let out = |site: &str| together.values("site", site, "availability").iter().map(|share| *share < 0.71).collect::<Vec<bool>>();
    assert_eq!((out("s0"), out("s1")), (out("s1"), out("s2")));
    assert!(together.values("site", "s3", "availability").iter().all(|share| *share == 1.0));
    together.expect("site", "s2", "availability", 1.0 - (0.3 * 30.0 + 0.7 * 1.0) / 100.0);
}

#[test]
fn states_have_their_probabilities_and_effects() {
    let keys = "interception = 0\nstates = [{ hardening = \"none\", light = 0.3, heavy = 0.4, destroyed = 0.1 }, { hardening = \"hardened\", light = 0.2 }]\neffects = [{ damage = \"light\", repair = \"1 d\" }, { damage = \"heavy\", repair = \"10 d\" }, { damage = \"destroyed\", repair = \"50 d\" }]";
    let soft = run(&[""], &campaign("1", keys), 4000);
    soft.expect("site", "s0", "availability", 1.0 - (0.3 * 1.0 + 0.4 * 10.0 + 0.1 * 50.0) / 100.0);
    // A bunker takes what is said of the next weaker.
    let hard = run(&["hardening = \"bunker\""], &campaign("1", keys), 4000);
    hard.expect("site", "s0", "outages", 0.2);
}

#[test]
fn the_fire_service_cuts_off_what_still_stands() {
    let keys = "interception = 0\ndamage = { none = 0 }\nrepair = \"10 d\"\nfire_cutoff = \"36 h\"";
    let run = run(&["generator_start = 1\nfuel = \"72 h\"\nrefuel = \"24 h\""], &campaign("1", keys), 1);
    assert_eq!(down_h(&run, "s0"), 36.0);
    assert_eq!(run.value("site", "s0", "generator_hours"), 0.0);
}

#[test]
fn a_second_strike_lengthens_the_repair_and_takes_the_crew() {
    let keys = "interception = 0\ndamage = { none = 1 }\nrepair = \"10 h\"\nfollow_up = { probability = 1, after = \"4 h\", repair = \"5 h\", crew_out = \"100 h\" }";
    let of = |more: &str| run(&[""], &(campaign("1", keys) + more), 1);
    // Ten hours and five more, in any case.
    assert_eq!(down_h(&of(""), "s0"), 15.0);
    assert_eq!(down_h(&of(&pool("")), "s0"), 15.0);
    // With two crews the second one comes from 1 h away at once, with one it is there after 100 h; 6 h and 5 h of work are left.
    assert_eq!(down_h(&of(&pool("crews = 2\nmobilisation = \"1 h\"")), "s0"), 4.0 + 1.0 + 7.0 + 5.0);
    let run = of(&pool("crews = 1"));
    assert_eq!(down_h(&run, "s0"), 4.0 + 100.0 + 6.0 + 5.0);
    assert_eq!(run.value("repair_pool", "builders", "jobs"), 1.0);
    // One that comes after the repair meets nobody.
    let late = of("").value("site", "s0", "availability");
    assert!(late < self::run(&[""], &campaign("1", &keys.replace("4 h", "11 h")), 1).value("site", "s0", "availability"));
}

#[test]
fn a_list_is_followed_in_its_order() {
    let one = |day: u32| {
        campaign(
            "2",
            "interception = 0\ndamage = { none = 1 }\nrepair = \"1 h\"\naim = \"list\"\nsequence = [\"site.s2\", \"site.s0\", \"site.s1\"]",
        )
        .replace("salvo", &format!("day{day}"))
        .replace("targets = [\"site.*\"]\n", "")
        .replace("01-11", &format!("01-{day}"))
    };
    let run = run(&["", "", ""], &one(11), 1);
    assert_eq!(["s0", "s1", "s2"].map(|site| run.value("site", site, "outages")), [1.0, 0.0, 1.0]);
}

#[test]
fn who_adapts_hurts_more_than_chance() {
    // Three sites serve 8, 24 and 48 of 80 accelerators; the largest is a bunker.
    let of = |aim: &str, bunker: &str| {
        let text = site("s0", "") + &site("s1", "") + &site("s2", bunker);
        let hazard =
            campaign("2", &format!("interception = 0.3\ndamage = {{ none = 0.8, bunker = 0.05 }}\nrepair = \"20 d\"\naim = \"{aim}\""));
        let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &text, &chat(80, ""), &policy("failover = \"none\""), &hazard]);
        let plans = build("s0", 8) + &build("s1", 24) + &build("s2", 48) + &place("s0", 0.1) + &place("s1", 0.3) + &place("s2", 0.6);
        mean(&simulate(&model, &plan(&model, &plans), 1500).values("service", "chat", "served_share"))
    };
    for bunker in ["", "hardening = \"bunker\""] {
        let (random, value, adaptive) = (of("random", bunker), of("value", bunker), of("adaptive", bunker));
        assert!(adaptive < random - 0.002, "adaptive {adaptive}, random {random}");
        assert!(adaptive < value - 0.002, "adaptive {adaptive}, value {value}");
    }
}

/// Tokens served without failover, history by history, where one key of the scenario has another value.
fn served(sites: &str, plans: &str, more: &str) -> Vec<f64> {
    let text = "failover = \"none\"";
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), sites, &chat(80, ""), &policy(text), more]);
    simulate(&model, &plan(&model, plans), 60).values("service", "chat", "tokens_served")
}

#[test]
fn more_never_hurts_under_the_same_draws() {
    let layout = |hardening: &str| -> String {
        (0..5).map(|at| site(&format!("s{at}"), &format!("latitude = 57.0{at}\nlongitude = 24\nhardening = \"{hardening}\""))).collect()
    };
    let plans: String = (0..5).map(|at| build(&format!("s{at}"), 16) + &place(&format!("s{at}"), 0.2)).collect();
    let scenario = |kind: &str, interception: f64, defence: &str, pool: &str| {
        let raids = campaign("{ drone = { dist = \"uniform\", low = 2, high = 12 } }", &format!("interception = {interception:?}\n{kind}\neffects = [{{ damage = \"light\", repair = \"1 d\" }}, {{ damage = \"heavy\", repair = {{ dist = \"lognormal\", median = \"4 d\", p95 = \"12 d\" }}, nodes_destroyed = 0.1 }}, {{ damage = \"destroyed\", repair = {{ dist = \"lognormal\", median = \"12 d\", p95 = \"40 d\" }}, nodes_destroyed = 0.5 }}]"))
            .replace("at = 2027-01-11T00:00:00Z", "rate = \"12 / 100 d\"");
        let guns = format!(
            "\n[[defence]]\nname = \"guns\"\nlatitude = 57\nlongitude = 24\nradius = \"3 km\"\ninterception = {{ drone = 0.5 }}\n{defence}\n"
        );
        DRONE.to_owned() + &raids + &guns + &self::pool(pool)
    };
    let states = "states = [{ hardening = \"none\", light = 0.3, heavy = 0.4, destroyed = 0.2 }, { hardening = \"hardened\", light = 0.2, heavy = 0.3, destroyed = 0.1 }, { hardening = \"bunker\", light = 0.05, heavy = 0.05 }]";
    let stock = "interceptors = 10\nshots = 2";
    let compare = |what: &str, less: &[f64], more: &[f64]| {
        for (less, more) in less.iter().zip(more) {
            assert!(more >= &(less * (1.0 - 1e-12)), "more {what} hurts: {more} after {less}");
        }
        assert!(mean(more) > mean(less), "more {what} does not matter");
    };
    for (kind, aim) in [(states, "random"), ("", "random"), (states, "value")] {
        let kind = &format!("{kind}\naim = \"{aim}\"");
        let base = served(&layout("none"), &plans, &scenario(kind, 0.2, stock, ""));
        compare("interception", &base, &served(&layout("none"), &plans, &scenario(kind, 0.5, stock, "")));
        compare("interceptors", &base, &served(&layout("none"), &plans, &scenario(kind, 0.2, "interceptors = 30\nshots = 2", "")));
        compare(
            "resupply",
            &base,
            &served(&layout("none"), &plans, &scenario(kind, 0.2, "interceptors = 10\nshots = 2\nresupply = \"1 / d\"", "")),
        );
        let hardened = served(&layout("hardened"), &plans, &scenario(kind, 0.2, stock, ""));
        compare("hardening", &base, &hardened);
        compare("hardening", &hardened, &served(&layout("bunker"), &plans, &scenario(kind, 0.2, stock, "")));
        // Crews, whatever the spare parts; spare parts with crews enough.
        let pools = |pool: &str| served(&layout("none"), &plans, &scenario(kind, 0.2, stock, pool));
        let few = "spares = 2\nspare_lead_time = { dist = \"exponential\", mean = \"30 d\" }\nmobilisation = \"12 h\"\n";
        let (one, two, four) = (pools(&format!("{few}crews = 1")), pools(&format!("{few}crews = 2")), pools(&format!("{few}crews = 4")));
        compare("crews", &one, &two);
        compare("crews", &two, &four);
        let none = pools(&few.replace("spares = 2", "spares = 0"));
        compare("spare parts", &none, &pools(few));
        compare("spare parts", &pools(few), &pools(&few.replace("spares = 2", "spares = 8")));
    }
}
