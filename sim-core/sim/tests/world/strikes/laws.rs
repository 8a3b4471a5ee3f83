//! What never hurts under the same draws, whatever the scenario.

use proptest::prelude::*;

use super::{DRONE, pool};
use crate::support::*;

/// Numbers of a scenario that more of is never worse.
#[derive(Clone, Copy, Debug)]
struct Means {
    interception: f64,
    shot: f64,
    interceptors: u32,
    resupply_per_d: f64,
    hardening: usize,
    crews: u32,
    spares: u32,
    repair_h: f64,
}

#[derive(Clone, Debug)]
struct World {
    sites: u32,
    salvos: u32,
    most: u32,
    cep_m: u32,
    spread_m: f64,
    states: Option<[f64; 3]>,
    by_value: bool,
    shots: u32,
    follow_up: bool,
    first_come: bool,
}

/// The same draw makes a worse state take longer.
const EFFECTS: &str = "effects = [{ damage = \"light\", repair = { dist = \"lognormal\", median = \"1 d\", p95 = \"3 d\" } }, { damage = \"heavy\", repair = { dist = \"lognormal\", median = \"4 d\", p95 = \"12 d\" }, nodes_destroyed = 0.1 }, { damage = \"destroyed\", repair = { dist = \"lognormal\", median = \"12 d\", p95 = \"36 d\" }, nodes_destroyed = 0.5 }]";

/// Tokens served in each history, without failover.
fn served(world: &World, means: Means) -> Vec<f64> {
    let hardening = ["none", "hardened", "bunker"][means.hardening];
    let place_of = |at: u32| {
        format!("latitude = {:?}\nlongitude = 24\nhardening = \"{hardening}\"", 57.0 + f64::from(at) * world.spread_m / 111_195.0)
    };
    let sites: String = (0..world.sites).map(|at| site(&format!("s{at}"), &place_of(at))).collect();
    let plans: String =
        (0..world.sites).map(|at| build(&format!("s{at}"), 16) + &place(&format!("s{at}"), 1.0 / f64::from(world.sites))).collect();
    let states = world.states.map_or_else(String::new, |[light, heavy, destroyed]| {
        let row = |hardening: &str, factor: f64| {
            format!(
                "{{ hardening = \"{hardening}\", light = {:?}, heavy = {:?}, destroyed = {:?} }}",
                light * factor,
                heavy * factor,
                destroyed * factor
            )
        };
        format!("states = [{}, {}, {}]", row("none", 1.0), row("hardened", 0.6), row("bunker", 0.1))
    });
    let aim = if world.by_value { "value" } else { "random" };
    let follow_up = if world.follow_up { "follow_up = { probability = 0.5, after = \"8 h\", repair = \"2 d\" }" } else { "" };
    let area = "area = { radius = \"300 m\", probability = 0.2, outage = \"2 d\" }\nfire_cutoff = \"12 h\"";
    let raids = format!(
        "\n[[hazard]]\nname = \"raids\"\nkind = \"strike-campaign\"\ntargets = [\"site.*\"]\nrate = \"{} / 60 d\"\nmunitions = {{ drone = {{ dist = \"uniform\", low = 1, high = {} }} }}\ninterception = {:?}\naim = \"{aim}\"\n{states}\n{EFFECTS}\n{follow_up}\n{area}\n",
        world.salvos, world.most, means.interception
    );
    let guns = format!(
        "\n[[defence]]\nname = \"guns\"\nlatitude = 57\nlongitude = 24\nradius = \"400 m\"\ninterception = {{ drone = {:?} }}\nshots = {}\ninterceptors = {}\nresupply = \"{:?} / d\"\n",
        means.shot, world.shots, means.interceptors, means.resupply_per_d
    );
    let crews = if means.crews == 0 { String::new() } else { format!("crews = {}\n", means.crews) };
    let order = if world.first_come { "first-come" } else { "value" };
    let builders = pool(&format!(
        "{crews}spares = {}\nspare_lead_time = {{ dist = \"exponential\", mean = \"20 d\" }}\nmobilisation = \"{:?} h\"\ndelays = [{{ name = \"weather\", probability = 0.3, delay = \"2 d\" }}]\norder = \"{order}\"",
        means.spares, means.repair_h
    ));
    let drone = DRONE.replace("20 m", &format!("{} m", world.cep_m));
    let model = load(&[
        &header("60 d"),
        BASE,
        &card(NO_FAILURES),
        &sites,
        &chat(16 * world.sites, ""),
        &policy("failover = \"none\""),
        &drone,
        &raids,
        &guns,
        &builders,
    ]);
    simulate(&model, &plan(&model, &plans), 5).values("service", "chat", "tokens_served")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn more_never_hurts(
        (sites, salvos, most, cep_m, spread_m) in (2_u32..6, 2_u32..15, 2_u32..20, 0_u32..80, 10.0_f64..300.0),
        (by_states, light, heavy, destroyed) in (any::<bool>(), 0.0_f64..0.5, 0.0_f64..0.3, 0.0_f64..0.2),
        (by_value, shots, follow_up) in (any::<bool>(), 1_u32..4, any::<bool>()),
        (interception, shot, interceptors, resupply_per_d) in (0.0_f64..0.7, 0.1_f64..0.7, 0_u32..15, 0.0_f64..0.5),
        (crews, spares, mobilisation_h) in (1_u32..4, 0_u32..5, 0.0_f64..24.0),
        what in 0_usize..8,
    ) {
        let states = by_states.then_some([light, heavy, destroyed]);
        let mut world = World { sites, salvos, most, cep_m, spread_m, states, by_value, shots, follow_up, first_come: true };
        let mut less = Means { interception, shot, interceptors, resupply_per_d, hardening: 0, crews: 0, spares, repair_h: mobilisation_h };
        // Spare parts and few crews together, and hits that are missing from such a queue, may change the order of repairs.
        if what == 5 {
            less.crews = crews;
        }
        let mut more = less;
        match what {
            0 => more.interception = interception + 0.3,
            1 => more.shot = shot + 0.2,
            2 => more.interceptors += 6,
            // Twice the deliveries: all those that came before, and others between them.
            3 => more.resupply_per_d *= 2.0,
            4 => more.hardening = 1 + usize::from(cep_m % 2 == 0),
            5 => more.crews += 1,
            6 => more.spares += 2,
            _ => {
                more.repair_h /= 2.0;
                world.first_come = false;
            }
        }
        // A second strike finds those who are there sooner.
        world.follow_up &= what != 5 && what != 6 && what != 7;
        for (less, more) in served(&world, less).into_iter().zip(served(&world, more)) {
            prop_assert!(more >= less * (1.0 - 1e-12), "{more} after {less}");
        }
    }
}
