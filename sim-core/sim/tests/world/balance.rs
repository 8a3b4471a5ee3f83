//! Laws that hold in every history, whatever the scenario.

use proptest::prelude::*;

use crate::support::*;

/// Two buses (or three with a ring of AC lines, a phase shifter and a controllable line), storage, three sites, two services with data and different tiers, a campaign, and every kind of hazard.
#[allow(clippy::too_many_arguments, reason = "one for each number that varies")]
fn scenario(
    hydro_mw: u32,
    line_kw: u32,
    cards: u32,
    demand: u32,
    fuel_h: u32,
    failover: &str,
    preempt: bool,
    munitions: u32,
    wiped: f64,
    restart_h: u32,
    ac: bool,
) -> (String, String) {
    let sites: String = [("left", "north"), ("right", "south"), ("third", "south")]
        .iter()
        .map(|(name, bus)| {
            let keys = format!("bus = \"{bus}\"\nups = \"10 min\"\ngenerator_start = 0.8\nfuel = \"{fuel_h} h\"\nrefuel = \"20 h\"\nrestart = \"{restart_h} h\"\nmttf = \"400 h\"\nrepair = {{ dist = \"exponential\", mean = \"12 h\" }}");
            site(name, &keys)
        })
        .collect();
    let reactance = if ac { "reactance = 0.2" } else { "" };
    let ring = if ac {
        format!(
            r#"[[bus]]
name = "east"
nation = "north"
energy_price = "85 EUR/MWh"
[[generator]]
name = "diesel"
bus = "east"
technology = "diesel"
capacity = "300 kW"
cost = "300 EUR/MWh"
carbon = "700 g/kWh"
[[line]]
name = "north-east"
from = "north"
to = "east"
capacity = "{line_kw} kW"
reactance = 0.1
phase_shift = 0.01
mttf = "300 h"
repair = {{ dist = "exponential", mean = "10 h" }}
[[line]]
name = "east-south"
from = "east"
to = "south"
capacity = "400 kW"
reactance = 0.3
[[line]]
name = "cable"
from = "south"
to = "east"
capacity = "20 kW""#
        )
    } else {
        String::new()
    };
    let text = [
        header("40 d"),
        BASE.replace(
            "100 MW\"\ncost",
            &format!("{hydro_mw} kW\"\nunits = 4\nmttf = \"100 h\"\nrepair = {{ dist = \"exponential\", mean = \"20 h\" }}\ncost"),
        ),
        card("node_failure_rate = \"20 / 1000 node d\"\nnode_repair = { dist = \"lognormal\", median = \"1 d\", p95 = \"4 d\" }"),
        format!(
            r#"
[[bus]]
name = "south"
nation = "north"
energy_price = "90 EUR/MWh"
[[line]]
name = "tie"
from = "north"
to = "south"
capacity = "{line_kw} kW"
{reactance}
mttf = "200 h"
repair = {{ dist = "exponential", mean = "10 h" }}
{ring}
[[storage]]
name = "battery"
bus = "south"
power = "100 kW"
energy = "800 kWh"
buy_below = "50 EUR/MWh"
sell_above = "500 EUR/MWh"
[[dataset]]
name = "records"
nation = "north"
size = "40 TB"
replicas = 2
backup_interval = "24 h"
[[campaign]]
name = "model"
nation = "north"
accelerators = 80
compute = "50 ZFLOP"
deadline = 2027-01-20T00:00:00Z
checkpoint_time = "2 min"
cost_of_delay = "1 k EUR/d"
[[hazard]]
name = "salvo"
kind = "strike-campaign"
targets = ["site.*", "line.tie", "generator.hydro"]
rate = "4 / month"
munitions = {munitions}
interception = 0.6
aim = "value"
damage = {{ none = 0.5 }}
repair = {{ dist = "exponential", mean = "3 d" }}
nodes_destroyed = 0.2
[[hazard]]
name = "worm"
kind = "wiper"
segments = ["*"]
rate = "1 / month"
spread = 0.3
share = {wiped:?}
restoration = [{{ after = "2 d", restored = 0.5 }}, {{ after = "5 d", restored = 1 }}]
data_lost = true
[[hazard]]
name = "embargo"
kind = "supply-delay"
probability = 0.5
delay = "5 d"
"#
        ),
        sites,
        chat(demand, "dataset = \"records\""),
        chat(demand / 2, "").replace("\"chat\"", "\"talk\"").replace("T1", "T3"),
        policy(&format!("failover = \"{failover}\"\nfailover_time = \"10 min\"\npreempt_training = {preempt}")),
    ]
    .concat();
    let copy = |site: &str| format!("\n[[replica]]\ndataset = \"records\"\nsite = \"{site}\"\n");
    let planned = [
        build("left", cards),
        build("right", cards),
        build("third", cards / 2 / 8 * 8),
        place("left", 0.6),
        place("right", 0.3),
        place("right", 0.5).replace("chat", "talk"),
        place("left", 0.5).replace("chat", "talk"),
        standby("left", "right", 0.6),
        standby("right", "left", 0.3),
        "\n[[campaign]]\ncampaign = \"model\"\nsite = \"left\"\naccelerator = \"card\"\n".to_owned(),
        copy("left"),
        copy("right"),
    ];
    (text, planned.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_balances(
        hydro in 2000_u32..3000,
        line in 10_u32..600,
        nodes in 8_u32..40,
        demand in 10_u32..300,
        fuel in 1_u32..48,
        failover in prop::sample::select(vec!["none", "planned", "any-legal"]),
        preempt in any::<bool>(),
        munitions in 1_u32..20,
        wiped in 0.05_f64..1.0,
        restart in 0_u32..10,
        ac in any::<bool>(),
    ) {
        let (text, planned) = scenario(hydro, line, nodes * 8, demand, fuel, failover, preempt, munitions, wiped, restart, ac);
        let model = load(&[&text]);
        // `simulate` checks every balance of every history.
        let run = simulate(&model, &plan(&model, &planned), 3);
        for history in &run.histories {
            prop_assert!(history.balance.demanded_mwh > 0.0 && history.balance.tokens_demanded > 0.0);
        }
        prop_assert!(run.values("system", "all", "residency_violations").iter().all(|count| *count == 0.0));
        for (kind, entity, metric) in [("tier", "T1", "served_share"), ("site", "left", "availability"), ("campaign", "model", "goodput"), ("dataset", "records", "readable_share")] {
            prop_assert!(run.values(kind, entity, metric).iter().all(|value| (0.0..=1.0).contains(value)), "{} {}", entity, metric);
        }
    }
}
