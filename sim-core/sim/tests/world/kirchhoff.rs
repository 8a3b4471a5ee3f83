//! A grid with AC lines: what flows cannot be chosen.

use crate::support::*;

/// Three buses in a ring: cheap and clean power at a, dear power at b, a town at c that with the site asks for 150 MW.
fn ring(reactance: &str) -> String {
    let bus = |name: &str| format!("\n[[bus]]\nname = \"{name}\"\nnation = \"north\"\nenergy_price = \"80 EUR/MWh\"\n");
    let plant = |bus: &str, cost: u32, carbon: u32| {
        format!(
            "\n[[generator]]\nname = \"plant-{bus}\"\nbus = \"{bus}\"\ntechnology = \"gas\"\ncapacity = \"300 MW\"\ncost = \"{cost} EUR/MWh\"\ncarbon = \"{carbon} g/kWh\"\n"
        )
    };
    let line = |from: &str, to: &str, mw: u32| {
        format!("\n[[line]]\nname = \"{from}-{to}\"\nfrom = \"{from}\"\nto = \"{to}\"\ncapacity = \"{mw} MW\"\n{reactance}\n")
    };
    [
        bus("a"),
        bus("b"),
        bus("c"),
        plant("a", 20, 0),
        plant("b", 50, 400),
        line("a", "b", 200),
        line("b", "c", 200),
        line("a", "c", 60),
        "\n[[load]]\nname = \"city\"\nbus = \"c\"\npower = \"149.99 MW\"\nvalue_of_lost_load = \"10000 EUR/MWh\"\n".to_owned(),
        "\n[[hazard]]\nname = \"storm\"\nkind = \"random-outage\"\ntargets = [\"line.a-c\"]\nat = 2027-01-11T00:00:00Z\nrepair = \"10 d\"\n".to_owned(),
    ]
    .concat()
}

fn simulated(duration: &str, ring: &str) -> Run {
    let model = load(&[&header(duration), BASE, ring, &card(NO_FAILURES), &site("left", "bus = \"c\""), &chat(8, "")]);
    simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 1)
}

/// Without the storm, and with other keys of the direct line.
fn calm(direct: &str) -> Run {
    let text = ring("reactance = 0.1").replace("capacity = \"60 MW\"\nreactance = 0.1", &format!("capacity = \"60 MW\"\n{direct}"));
    simulated("5 d", text.split("\n[[hazard]]").next().unwrap())
}

#[test]
fn without_reactances_all_power_is_cheap() {
    let run = simulated("100 d", &ring(""));
    for bus in ["a", "b", "c"] {
        close(run.value("bus", bus, "price"), 20.0);
    }
    close(run.value("system", "all", "co2"), 0.0);
}

/// Of a megawatt from a to c two thirds take the direct line, of one from b a third: 2/3 a + 1/3 b = 60 MW and a + b = 150 MW give a = 30 MW, b = 120 MW. One
/// more megawatt at c takes two more at b and one less at a: 80 EUR/MWh. For ten of a hundred days the direct line is out, the ring is a chain, and
/// all power is cheap.
#[test]
fn kirchhoff_makes_power_dear_behind_the_short_line() {
    let run = simulated("100 d", &ring("reactance = 0.1"));
    for (bus, price) in [("a", 20.0), ("b", 50.0), ("c", 80.0)] {
        close(run.value("bus", bus, "price"), 0.9 * price + 0.1 * 20.0);
    }
    close(run.value("line", "a-c", "availability"), 0.9);
    // At a 30 MW of its own meet 30 MW from b, so 60 MW arrive at c with half of b's carbon and 90 MW with all of it: 0.8 of 400 kg/MWh, for 0.01 MW.
    close(run.value("system", "all", "co2"), 0.9 * 2400.0 * 0.01 * 0.8 * 0.4);
    assert_eq!(run.value("system", "all", "others_unserved"), 0.0);
}

/// Twice the reactance of the direct line sends it half: 1/2 a + 1/4 b = 60 MW with a + b = 150 MW gives a = 90 MW.
#[test]
fn reactances_share_out_the_flow() {
    let run = calm("reactance = 0.2");
    for (bus, price) in [("a", 20.0), ("b", 50.0), ("c", 80.0)] {
        close(run.value("bus", bus, "price"), price);
    }
    // Of c's power (60 MW from a, all its own, and 90 MW from b, which a feeds with 30 of 90 MW): b has 60 of its own.
    close(run.value("system", "all", "co2"), 120.0 * 0.01 * 0.4 * 60.0 / 150.0);
}

/// A phase shift on the direct line that pushes back: with b = 1000 MW/rad on each line, a shift of 0.09 rad drives 1000 * 0.09 / 3 = 30 MW around the
/// ring against it, so that 2/3 a + 1/3 b - 30 = 60 MW: a = 120 MW.
#[test]
fn a_phase_shifter_relieves_the_short_line() {
    let run = calm(&format!("reactance = 0.1\nphase_shift = {:?}", 0.09_f64.to_degrees()));
    // 30 MW of b's 90 MW are its own: a third of c's 90 MW from b, and nothing of the 60 MW from a.
    let co2 = run.value("system", "all", "co2");
    assert!((co2 - 120.0 * 0.01 * 0.4 * 30.0 / 150.0).abs() < 1e-6, "{co2}");
}
