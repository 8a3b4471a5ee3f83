//! In which states service falls short, against outages at known times.

use bastide_model::model::{SiteId, Tier};
use bastide_model::shortfall::State;
use bastide_sim::{Layout, Options, Simulator};

use crate::support::*;

fn outage(name: &str, site: &str, day: u32, hours: u32) -> String {
    format!(
        "\n[[hazard]]\nname = \"{name}\"\nkind = \"random-outage\"\ntargets = [\"site.{site}\"]\nat = 2027-01-{day:02}T00:00:00Z\nrepair = \"{hours} h\"\n"
    )
}

#[test]
fn losses_are_booked_to_the_state_that_they_happen_in() {
    // Demand is constant, so between two events nothing is allocated anew: the state of an outage lasts as long as the outage.
    let hazards = outage("flood", "left", 5, 24) + &outage("storm", "left", 10, 12) + &outage("surge", "right", 10, 12);
    let sites = site("left", "") + &site("right", "");
    let model = load(&[&header("30 d"), BASE, &card(NO_FAILURES), &sites, &chat(8, ""), &policy("failover_time = \"1 h\""), &hazards]);
    let text = build("left", 8) + &build("right", 8) + &place("left", 1.0) + &standby("left", "right", 1.0);
    let plan = plan(&model, &text);
    let layout = Layout::new(&model);
    let simulator = Simulator::new(&model, &plan, &layout).unwrap();
    let (history, found) = simulator.observe(7, 0, Options::default(), [true; 4]);
    // 80 k tokens/s: an hour of failover in each of two outages, then eleven hours without either site.
    let hour = 80e3 * 3600.0;
    let sums = found.tiers[Tier::T1 as usize];
    close(sums.demanded, 720.0 * hour);
    close(sums.lost, 13.0 * hour);
    close(sums.failing_over, 2.0 * hour);
    assert_eq!((sums.by_choice, sums.not_due, sums.batch), (0.0, 0.0, 0.0));
    let states: Vec<_> = found.states.iter().collect();
    assert_eq!(states.len(), 1, "{states:#?}");
    let ((tier, state), shortfall) = states[0];
    assert_eq!((*tier, state), (Tier::T1, &State { down: vec![SiteId(0), SiteId(1)], ..State::default() }));
    close(shortfall.seconds, 11.0 * 3600.0);
    close(shortfall.lost, 11.0 * hour);
    assert!(shortfall.because.keys().any(|name| name == "hazard.storm" || name == "hazard.surge"), "{:?}", shortfall.because);
    // To look changes nothing.
    assert_eq!(history, simulator.simulate(7, 0, Options::default()));
}

#[test]
fn what_the_plan_leaves_out_is_by_choice_and_peaks_have_their_ratio() {
    // Three quarters are placed; the hours at 1.5 times the demand ask for 90 k tokens/s of 80.
    let daily =
        "daily = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]";
    let model = load(&[&header("10 d"), BASE, &card(NO_FAILURES), &site("left", ""), &chat(8, daily)]);
    let plan = plan(&model, &(build("left", 8) + &place("left", 0.75)));
    let layout = Layout::new(&model);
    let simulator = Simulator::new(&model, &plan, &layout).unwrap();
    let (_, found) = simulator.observe(7, 0, Options::default(), [true; 4]);
    let sums = found.tiers[Tier::T1 as usize];
    close(sums.by_choice, 0.25 * sums.demanded);
    let shortfall = &found.states[&(Tier::T1, State::default())];
    // 12 hours a day, 10 k tokens/s beyond the 80 that are served; the first minutes of each peak fail over in vain.
    assert!((shortfall.lost + sums.failing_over - 120.0 * 3600.0 * 10e3).abs() < 1e-6 * shortfall.lost);
    // 90 / 80 = 1.125 lies in the bin from 1.12.
    assert_eq!(shortfall.by_ratio.keys().copied().collect::<Vec<_>>(), [56]);
    assert!(shortfall.lost_with(1.14).abs() < 1e-6 * shortfall.lost);
}
