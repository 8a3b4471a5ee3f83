//! Which cuts simulated shortfalls ask for.

use bastide_model::model::{Failover, Model, ServiceId, SiteId, Tier};
use bastide_model::shortfall::{Shortfall, Shortfalls, State, TierLosses};

use super::planned;
use crate::closed_loop::{CutKind, Cuts, Findings, add_last_resorts, tighten};
use crate::fixture::*;

const TARGET: [Option<f64>; 4] = [None, Some(0.9), None, None];
const A: SiteId = SiteId(0);
const B: SiteId = SiteId(1);
const C: SiteId = SiteId(2);

fn model() -> Model {
    let mut model = empty();
    for name in ["a", "b", "c"] {
        add_site(&mut model, name);
    }
    add_service(&mut model, "chat", Tier::T1, 8.0);
    model
}

fn down(sites: &[SiteId]) -> State {
    State { down: sites.to_vec(), ..State::default() }
}

/// Of 1000 tokens of T1: what is lost in each state, with nothing served at the time.
fn found(states: &[(State, f64)]) -> Shortfalls {
    let lost: f64 = states.iter().map(|(_, lost)| lost).sum();
    let mut found = Shortfalls::default();
    found.tiers[1] = TierLosses { demanded: 1000.0, lost, ..TierLosses::default() };
    for (state, lost) in states {
        found
            .states
            .insert((Tier::T1, state.clone()), Shortfall { seconds: 7200.0, asked: 2.0 * lost, lost: *lost, ..Shortfall::default() });
    }
    found
}

fn findings(model: &Model, found: &Shortfalls, cuts: &Cuts) -> Findings {
    let sums = &found.tiers[1];
    let served = [None, Some(1.0 - sums.lost / sums.demanded), None, None];
    tighten(model, None, &TARGET, &served, found, 2, cuts)
}

#[test]
fn the_worst_states_are_cut_until_the_excess_is_gained() {
    // 160 lost, 100 allowed: the state of 80 gains more than the excess of 60.
    let found = found(&[(down(&[A]), 50.0), (down(&[B]), 80.0), (down(&[C]), 30.0)]);
    let findings = findings(&model(), &found, &Cuts::default());
    assert_eq!(findings.cuts.len(), 1);
    let cut = &findings.cuts[0];
    assert_eq!((cut.name.as_str(), cut.kind, cut.depth), ("loss of b", CutKind::Outage, 1));
    // Of two histories: 80 tokens and two hours are 40 and one in each.
    assert!((cut.lost - 40.0).abs() < 1e-9 && (cut.hours - 1.0).abs() < 1e-9 && (cut.least - 0.9).abs() < 1e-9);
    assert_eq!(cut.assets, ["site.b"]);
}

#[test]
fn a_worse_state_covers_those_within_it() {
    // 300 lost, 100 allowed: both sites down (120) covers the loss of each alone (90 each).
    let found = found(&[(down(&[A]), 90.0), (down(&[A, B]), 120.0), (down(&[B]), 90.0)]);
    let findings = findings(&model(), &found, &Cuts::default());
    assert_eq!(findings.cuts.iter().map(|cut| cut.name.as_str()).collect::<Vec<_>>(), ["loss of a and b"]);
}

#[test]
fn no_plan_survives_the_loss_of_every_candidate() {
    let found = found(&[(down(&[A, B, C]), 300.0)]);
    let findings = findings(&model(), &found, &Cuts::default());
    assert!(findings.cuts.is_empty());
    assert!(findings.beyond.iter().any(|it| it.for_any_plan && (it.share - 0.3).abs() < 1e-9), "{:?}", findings.beyond);
    // A service that must stay at a is lost with a, whatever the plan.
    let mut model = model();
    model.legal_service[0][1] = never(1);
    model.legal_service[0][2] = never(1);
    let found = self::found(&[(down(&[A]), 300.0)]);
    assert!(tighten(&model, None, &TARGET, &[None, Some(0.7), None, None], &found, 2, &Cuts::default()).cuts.is_empty());
}

#[test]
fn a_state_that_comes_back_is_cut_deeper_and_then_left() {
    let model = model();
    let found = found(&[(down(&[A]), 300.0)]);
    let mut cuts = Cuts::default();
    let mut before = (0.0, 0.0);
    for depth in 1..=4 {
        let cut = findings(&model, &found, &cuts).cuts.remove(0);
        assert_eq!(cut.depth, depth);
        assert!(cut.least > before.0 && cut.factor >= before.1);
        before = (cut.least, cut.factor);
        cuts.push(cut);
    }
    assert_eq!(cuts.outages(&model).len(), 1);
    assert_eq!(cuts.outages(&model)[0].min_service, [None, Some(before.0), None, None]);
    let findings = findings(&model, &found, &cuts);
    assert!(findings.cuts.is_empty() && !findings.beyond.is_empty());
}

#[test]
fn peaks_with_all_sites_up_ask_for_a_reserve() {
    // 1000 demanded; 400 served while 600 were asked for: of 200 lost 100 are allowed, so 1.25 times the capacity is enough.
    let mut found = found(&[]);
    found.tiers[1].lost = 200.0;
    let shortfall = Shortfall { seconds: 3600.0, asked: 600.0, lost: 200.0, by_ratio: [(74, 400.0)].into(), ..Shortfall::default() };
    found.states.insert((Tier::T1, State::default()), shortfall);
    let findings = findings(&model(), &found, &Cuts::default());
    let cut = &findings.cuts[0];
    assert_eq!((cut.kind, cut.name.as_str()), (CutKind::Reserve, "all sites up"));
    assert!((cut.factor - 1.25).abs() < 0.021, "{}", cut.factor);
    let mut cuts = Cuts::default();
    cuts.push(cut.clone());
    let outages = cuts.outages(&model());
    assert!(outages[0].down_sites.is_empty() && outages[0].demand_factor[1] == cut.factor);
}

#[test]
fn what_is_left_unserved_by_choice_is_forbidden_first() {
    // 200 lost of which 150 by choice: 50 by choice are still allowed.
    let mut found = found(&[(down(&[A]), 50.0)]);
    found.tiers[1].lost = 200.0;
    found.tiers[1].by_choice = 150.0;
    let findings = findings(&model(), &found, &Cuts::default());
    assert_eq!(findings.cuts.len(), 1);
    assert_eq!(findings.cuts[0].kind, CutKind::Choice);
    assert!((findings.cuts[0].least - 0.95).abs() < 1e-9);
    let mut cuts = Cuts::default();
    cuts.push(findings.cuts[0].clone());
    assert_eq!(cuts.model(&model()).planning.min_service[1], Some(findings.cuts[0].least));
    assert!(cuts.outages(&model()).is_empty());
}

#[test]
fn without_failover_no_capacity_elsewhere_helps() {
    let mut model = model();
    model.policy.failover = Failover::None;
    let findings = findings(&model, &found(&[(down(&[A]), 300.0)]), &Cuts::default());
    assert!(findings.cuts.is_empty() && findings.beyond[0].reason.contains("failover"));
}

#[test]
fn what_no_plan_keeps_is_not_asked_for_again() {
    let model = model();
    let found = found(&[(down(&[A]), 300.0)]);
    let mut cuts = Cuts::default();
    let cut = findings(&model, &found, &cuts).cuts.remove(0);
    cuts.refuse(cut);
    assert!(findings(&model, &found, &cuts).cuts.is_empty());
    // A worse state is refused with it, a lesser one is not.
    assert!(findings(&model, &self::found(&[(down(&[A, B]), 300.0)]), &cuts).cuts.is_empty());
    assert_eq!(findings(&model, &self::found(&[(down(&[B]), 300.0)]), &cuts).cuts.len(), 1);
}

#[test]
fn a_tier_at_its_target_is_left_alone() {
    let found = found(&[(down(&[A]), 99.0)]);
    assert_eq!(findings(&model(), &found, &Cuts::default()), Findings::default());
}

#[test]
fn last_resorts_make_every_site_of_an_outage_known() {
    let mut model = model();
    model.planning.survive_site_loss = vec![Tier::T1];
    model.planning.sites = (3, 3);
    let mut plan = planned(&model, None);
    let mut cuts = Cuts::default();
    let cut = findings(&model, &found(&[(down(&[A, B]), 300.0)]), &cuts).cuts.remove(0);
    cuts.push(cut);
    plan.standbys.clear();
    add_last_resorts(&model, &mut plan, &cuts.outages(&model));
    for place in &plan.placements {
        let known = plan.standbys.iter().any(|to| to.service == ServiceId(0) && to.of == place.site && to.site == C);
        assert_eq!(known, place.site != C, "{:?}", plan.standbys);
    }
    // A second time adds nothing.
    let before = plan.clone();
    add_last_resorts(&model, &mut plan, &cuts.outages(&model));
    assert_eq!(plan, before);
}
