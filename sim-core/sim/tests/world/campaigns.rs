//! Training campaigns.

use crate::support::*;

fn campaign(more: &str) -> String {
    // 800 cards x 1,000 TFLOP/s x 40 % = 3.2e17 FLOP/s.
    format!(
        "\n[[campaign]]\nname = \"model\"\nnation = \"north\"\naccelerators = 800\nutilisation = \"40 %\"\ndeadline = 2027-02-01T00:00:00Z\n{more}\n"
    )
}

fn train() -> &'static str {
    "\n[[campaign]]\ncampaign = \"model\"\nsite = \"left\"\naccelerator = \"card\"\n"
}

#[test]
fn checkpoints_stretch_an_undisturbed_campaign() {
    // 100 h of work in cycles of 55 min of work and 5 min of writing: 109 full cycles hold 99 h 55 min of work, the rest takes 5 min.
    let text =
        campaign("compute = \"115.2 ZFLOP\"\ncheckpoint_interval = \"55 min\"\ncheckpoint_time = \"5 min\"\ncost_of_delay = \"1 k EUR/d\"");
    let model = load(&[&header("60 d"), BASE, &card(NO_FAILURES), &site("left", ""), &text]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + train())), 1);
    assert_eq!(run.value("campaign", "model", "done"), 1.0);
    close(run.value("campaign", "model", "progress"), 1.0);
    close(run.value("campaign", "model", "goodput"), 100.0 / (109.0 + 5.0 / 60.0));
    assert_eq!(run.value("campaign", "model", "delay"), 0.0);
    let done = run.histories[0].events.iter().find(|event| event.kind == "campaign-done").unwrap();
    close(done.time.as_hours(), 109.0 + 5.0 / 60.0);
}

#[test]
fn a_late_campaign_pays_for_its_delay() {
    // 40 d of work from 1 January: done on 10 February, 9 d late.
    let text = campaign("compute = \"1105.92 ZFLOP\"\ncost_of_delay = \"1 k EUR/d\"");
    let model = load(&[&header("60 d"), BASE, &card(NO_FAILURES), &site("left", ""), &text]);
    let run = simulate(&model, &plan(&model, &(build("left", 800) + train())), 1);
    close(run.value("campaign", "model", "delay"), 9.0);
    close(run.value("cost", "training delay", "cost"), 9_000.0);
}

#[test]
fn failures_cost_what_daly_says() {
    // Gang of 100 nodes with spares, each failing once in 100 d: the gang stops once a day (mu = 1/24 per h). A segment of 2 h of work and
    // 5 min of writing then takes exp(mu R) (exp(mu (2 h + 5 min)) - 1) / mu with restart R = 1 h (Daly 2006, eq. 13 without its
    // approximation); goodput is 2 h of that.
    let nodes = "node_failure_rate = \"10 / 1000 node d\"\nnode_repair = \"6 h\"";
    let text = campaign("compute = \"1e30 FLOP\"\ncheckpoint_interval = \"2 h\"\ncheckpoint_time = \"5 min\"\nrestart = \"1 h\"");
    let model = load(&[&header("365 d"), BASE, &card(nodes), &site("left", ""), &text]);
    let run = simulate(&model, &plan(&model, &(build("left", 1000) + train())), 60);
    let mu: f64 = 1.0 / 24.0;
    let wall = mu.exp() * ((mu * (2.0 + 5.0 / 60.0)).exp() - 1.0) / mu;
    run.expect("campaign", "model", "goodput", 2.0 / wall);
    run.expect("campaign", "model", "interruptions", 365.0);
}

#[test]
fn a_gang_without_spares_waits_for_repairs() {
    let nodes = "node_failure_rate = \"1 / 1000 node d\"\nnode_repair = \"12 h\"";
    let text = campaign("compute = \"1e30 FLOP\"\ncheckpoint_interval = \"1 min\"\nrestart = \"0 s\"");
    let parts = |count: u32| {
        let model = load(&[&header("365 d"), BASE, &card(nodes), &site("left", ""), &text]);
        simulate(&model, &plan(&model, &(build("left", count) + train())), 1000)
    };
    // It works only while all 100 nodes are up. Failures come at 0.1 per day while all are up; a stop lasts until a moment with no repair
    // under way. The number in repair is that of 100 machines with a failure rate of 0.001 per day and half a day of repair:
    // (1 + 0.0005)^-100 of the time none is.
    parts(800).expect("campaign", "model", "goodput", 1.0005_f64.powi(-100));
    // With 10 spares it never waits.
    assert!(parts(880).values("campaign", "model", "goodput").iter().all(|goodput| *goodput > 0.999));
}

#[test]
fn services_take_the_gang_only_where_policy_lets_them() {
    let parts = |preempt: bool| {
        let text = campaign("compute = \"1e30 FLOP\"\nrestart = \"15 min\"");
        let model = load(&[
            &header("60 d"),
            BASE,
            &card(NO_FAILURES),
            &site("left", ""),
            &text,
            &chat(100, ""),
            &policy(&format!("preempt_training = {preempt}")),
        ]);
        let text = build("left", 840) + train() + &place("left", 1.0);
        simulate(&model, &plan(&model, &text), 1)
    };
    let (with, without) = (parts(true), parts(false));
    // 840 cards for a gang of 800 and a service of 100: one of them goes short.
    assert_eq!((with.value("service", "chat", "served_share"), with.value("campaign", "model", "goodput")), (1.0, 0.0));
    close(without.value("service", "chat", "served_share"), 0.4);
    assert!(without.value("campaign", "model", "goodput") > 0.999);
}

/// A site that is out from 11 to 31 January, another as large; a campaign without end that starts on 1 January. 60 days.
fn moved(more: &str, elsewhere: u32) -> Run {
    let text = campaign(&format!("compute = \"1e30 FLOP\"\ncheckpoint_interval = \"1 min\"\nrestart = \"0 s\"\n{more}"));
    let outage = "\n[[hazard]]\nname = \"fire\"\nkind = \"random-outage\"\ntargets = [\"site.left\"]\nat = 2027-01-11T00:00:00Z\nrepair = \"20 d\"\n";
    let fibre = "\n[[site]]\nname = \"store\"\nbus = \"north\"\ntier = \"regional\"\nconnection = \"2 MW\"\npue = 1.25\noperator = \"state\"\nbuilding_cost = \"10 M EUR/MW\"\n";
    let model = load(&[&header("60 d"), BASE, &card(NO_FAILURES), &site("left", ""), &site("right", ""), fibre, &text, outage]);
    let builds = build("left", 800) + &build("right", elsewhere);
    simulate(&model, &plan(&model, &(builds + train())), 1)
}

#[test]
fn a_gang_that_lost_its_site_goes_on_at_another() {
    // 20 days lost of 60 where it waits, 2 where its patience lasts 2 days.
    close(moved("", 800).value("campaign", "model", "goodput"), 40.0 / 60.0);
    let run = moved("relocate_after = \"2 d\"", 800);
    close(run.value("campaign", "model", "goodput"), 58.0 / 60.0);
    assert_eq!(run.value("campaign", "model", "moves"), 1.0);
    // Too few accelerators elsewhere: it waits for its own.
    let run = moved("relocate_after = \"2 d\"", 792);
    close(run.value("campaign", "model", "goodput"), 40.0 / 60.0);
    assert_eq!(run.value("campaign", "model", "moves"), 0.0);
    // Its own site is back first.
    assert_eq!(moved("relocate_after = \"21 d\"", 800).value("campaign", "model", "moves"), 0.0);
}

#[test]
fn a_gang_that_moves_takes_along_only_what_it_can_reach() {
    // The work of ten days lies in the storage of the site that is out.
    let site_only = moved("relocate_after = \"2 d\"\ncheckpoint_storage = \"site\"", 800);
    close(site_only.value("campaign", "model", "goodput"), 48.0 / 60.0);
    // Copies every six hours at a third site, the last of them complete before the fire, and 4,500 GB come back over 100 Gbit/s in 6 min.
    let remote = "checkpoint_storage = \"site\"\ncheckpoint_remote = \"store\"\ncheckpoint_size = \"4500 GB\"";
    let run = moved(&format!("relocate_after = \"2 d\"\n{remote}"), 800);
    let hours = run.value("campaign", "model", "goodput") * 60.0 * 24.0;
    let full = 58.0 * 24.0 - 0.1;
    assert!(full - hours > 0.0 && full - hours < 12.3, "{} hours lost", full - hours);
}
