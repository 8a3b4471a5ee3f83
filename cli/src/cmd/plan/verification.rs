//! `plan --verify`: plans, simulates, cuts off what failed, plans again.

use std::sync::atomic::Ordering;

use bastide_engine::{Estimate, Pool};
use bastide_model::diag::Diagnostic;
use bastide_model::model::{Alternative, Model, Tier, Verification};
use bastide_model::plan::Plan;
use bastide_model::shortfall::{Shortfalls, TierLosses};
use bastide_plan::closed_loop::{self, Beyond, Cut, Cuts};
use bastide_plan::{Conflict, Outcome, SolveOptions};
use bastide_sim::{Layout, Options};
use serde_json::{Value, json};

use crate::args::{Global, VerifyInput};
use crate::exit::Failure;
use crate::output::Output;
use crate::progress;

/// Standard errors within which a share below its target still counts as met, once no cut raises it further.
const ERRORS: f64 = 2.0;
/// Part of what is missing that counts as a reason.
const WEIGHTY: f64 = 0.1;
/// Reasons that a line shows.
const REASONS: usize = 4;

/// A plan and what simulation says of it.
pub struct Round {
    pub plan: Plan,
    /// Share of each tier's demand that is served; `None` without demand.
    pub service: [Option<Estimate>; 4],
    /// Why the rest is lost.
    pub losses: [TierLosses; 4],
    /// What the next plan must keep.
    pub cuts: Vec<Cut>,
    /// Cuts that no plan keeps.
    pub refused: Vec<Cut>,
    /// What no cut changes.
    pub beyond: Vec<Beyond>,
}

/// How the loop ended.
pub struct Verified {
    pub target: [Option<f64>; 4],
    pub rounds: Vec<Round>,
    /// Position of the round whose plan is the answer.
    pub chosen: usize,
    pub met: bool,
    /// Why it ended, in words.
    pub reason: String,
    /// The cuts that the answer keeps.
    pub cuts: Cuts,
    /// Why no plan keeps the next cut.
    pub conflict: Option<Conflict>,
}

/// What the command line changes about the scenario's wishes.
pub fn settings(model: &Model, input: &VerifyInput) -> Result<Verification, Failure> {
    let mut settings = model.planning.verification();
    for (tier, share) in &input.target {
        settings.target[*tier as usize] = Some(*share);
    }
    settings.replications = input.replications.unwrap_or(settings.replications);
    settings.rounds = input.rounds.unwrap_or(settings.rounds);
    let demanded = |tier: Tier| model.services.iter().any(|service| service.tier == tier && service.demand.as_tokens_per_s() > 0.0);
    if !Tier::ALL.into_iter().any(|tier| settings.target[tier as usize].is_some() && demanded(tier)) {
        return Err(Failure::hinted(
            "no tier with demand has a target: nothing to verify",
            "give `--target T1=99%`, or `min_service` or `verify` in `[plan]`",
        ));
    }
    Ok(settings)
}

/// Goes through the rounds.
pub fn verify(
    model: &Model,
    alternative: Option<&Alternative>,
    settings: &Verification,
    options: &SolveOptions,
    global: &Global,
    output: &Output,
) -> Result<Verified, Failure> {
    let mut cuts = Cuts::default();
    let mut rounds: Vec<(Round, Cuts)> = Vec::new();
    let mut plan = super::search(model, alternative, options, output)?;
    let (mut conflict, mut reason) = (None, String::new());
    for number in 1..=settings.rounds {
        closed_loop::add_last_resorts(model, &mut plan, &cuts.outages(model));
        let (service, found) = simulate(model, &plan, number, settings, global, output)?;
        let mean = service.map(|estimate| estimate.map(|it| it.mean));
        let mut round = Round { plan: plan.clone(), service, losses: found.tiers, cuts: vec![], refused: vec![], beyond: vec![] };
        output.say(&headline(&round, number, &settings.target));
        if Tier::ALL.iter().all(|tier| level(&settings.target, &service, *tier) == Level::Met) {
            rounds.push((round, cuts.clone()));
            "every tier with a target is served at least as much".clone_into(&mut reason);
            break;
        }
        let findings = closed_loop::tighten(model, alternative, &settings.target, &mean, &found, settings.replications, &cuts);
        round.beyond = findings.beyond;
        let last = number == settings.rounds || !closed_loop::takes_cuts(model);
        let next = if last { None } else { next(model, alternative, options, findings.cuts, &mut cuts, &mut round, &mut conflict)? };
        for cut in &round.cuts {
            output.say(&format!("  cut: {}", words(cut)));
        }
        for cut in &round.refused {
            output.say(&format!("  no plan keeps: {}", words(cut)));
        }
        for it in &round.beyond {
            output.say(&format!("  beyond any cut: {:.3} % of {}: {}", 100.0 * it.share, it.tier.name(), it.reason));
        }
        reason = match (&next, last) {
            (_, true) if !closed_loop::takes_cuts(model) => "a plan over periods takes no cuts".to_owned(),
            (_, true) => format!("{number} round{} over", if number == 1 { " is" } else { "s are" }),
            (None, _) if !round.refused.is_empty() => "no plan keeps what is still missing".to_owned(),
            (None, _) => "no cut is left that would raise service".to_owned(),
            (Some(_), _) => String::new(),
        };
        // The cuts that this plan keeps are those from before.
        let kept = rounds.last().map_or_else(Cuts::default, |(before, cuts): &(Round, Cuts)| {
            let mut kept = cuts.clone();
            before.cuts.iter().for_each(|cut| kept.push(cut.clone()));
            kept
        });
        rounds.push((round, kept));
        match next {
            Some(next) => plan = next,
            None => break,
        }
    }
    let missing = |round: &Round| -> f64 {
        let gap = |tier: Tier| Some((settings.target[tier as usize]? - round.service[tier as usize]?.mean).max(0.0));
        Tier::ALL.into_iter().filter_map(gap).sum()
    };
    // Of plans that miss as much, the first is the cheapest.
    let chosen = (0..rounds.len()).min_by(|a, b| missing(&rounds[*a].0).total_cmp(&missing(&rounds[*b].0)).then(a.cmp(b))).unwrap_or(0);
    let met = Tier::ALL.iter().all(|tier| level(&settings.target, &rounds[chosen].0.service, *tier) != Level::Short);
    let cuts = rounds[chosen].1.clone();
    let rounds = rounds.into_iter().map(|(round, _)| round).collect();
    Ok(Verified { target: settings.target, rounds, chosen, met, reason, cuts, conflict })
}

/// The next plan under as many of the new cuts as some plan keeps; `None` if there is no cut, or none that a plan keeps.
fn next(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    found: Vec<Cut>,
    cuts: &mut Cuts,
    round: &mut Round,
    conflict: &mut Option<Conflict>,
) -> Result<Option<Plan>, Failure> {
    let mut rest = found;
    while !rest.is_empty() {
        let mut count = rest.len();
        while count > 0 {
            let mut trial = cuts.clone();
            rest[..count].iter().for_each(|cut| trial.push(cut.clone()));
            let options = SolveOptions { outages: trial.outages(model), ..options.clone() };
            match bastide_plan::solve(&trial.model(model), alternative, &options)
                .map_err(|error| Failure::sentence(format!("planning failed: {error}")))?
            {
                Outcome::Planned(plan) => {
                    round.cuts.extend(rest.drain(..count));
                    *cuts = trial;
                    return Ok(Some(*plan));
                }
                // Of several cuts together it says less than of the one that no plan keeps.
                Outcome::Infeasible(found) if count == 1 => *conflict = conflict.take().or(Some(found)),
                Outcome::Infeasible(_) => {}
                Outcome::Unknown { .. } => {}
            }
            count /= 2;
        }
        let refused = rest.remove(0);
        cuts.refuse(refused.clone());
        round.refused.push(refused);
    }
    Ok(None)
}

/// Simulates a plan on the draws that every round has: share of each tier that is served, and where it fell short.
fn simulate(
    model: &Model,
    plan: &Plan,
    number: u32,
    settings: &Verification,
    global: &Global,
    output: &Output,
) -> Result<([Option<Estimate>; 4], Shortfalls), Failure> {
    let layout = Layout::new(model);
    let realised = model.realised(plan);
    let simulator = crate::cmd::simulate::simulator(&realised, plan, &layout)?;
    let places = Tier::ALL.map(|tier| layout.find("tier", tier.name(), "served_share"));
    let tiers = settings.target.map(|target| target.is_some());
    let seed = global.seed.unwrap_or(model.header.seed);
    let (stop, bar) = (progress::stop_on_interrupt(), progress::bar(output, settings.replications.into()));
    bar.set_message(format!("round {number}"));
    let done = Pool::new(crate::cmd::threads(global)).replicate(0..settings.replications, &stop, &|_| bar.inc(1), |replication| {
        let what = Options { trace: false, timeline: false, latency: false };
        let (history, found) = simulator.observe(seed, replication, what, tiers);
        (places.map(|place| place.map(|at| history.metrics[at])), found)
    });
    bar.finish_and_clear();
    if stop.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted(format!("interrupted in round {number}; the same command begins again and comes to the same")));
    }
    let (mut shares, mut found) = ([const { Vec::new() }; 4], Shortfalls::default());
    for (of_tiers, shortfalls) in done.into_iter().flatten() {
        shares.iter_mut().zip(of_tiers).for_each(|(shares, share)| shares.extend(share));
        found.add(&shortfalls);
    }
    Ok((shares.map(|shares| Estimate::of(&shares)), found))
}

/// How a tier stands to its target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// At or above it, or without one.
    Met,
    /// Below, but within the error.
    WithinError,
    /// Below.
    Short,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::WithinError => "within-error",
            Self::Short => "short",
        }
    }
}

fn level(target: &[Option<f64>; 4], service: &[Option<Estimate>; 4], tier: Tier) -> Level {
    let (Some(target), Some(share)) = (target[tier as usize], &service[tier as usize]) else { return Level::Met };
    if share.mean >= target {
        Level::Met
    } else if share.mean + ERRORS * share.stderr.unwrap_or(0.0) >= target {
        Level::WithinError
    } else {
        Level::Short
    }
}

fn percent(share: f64) -> String {
    format!("{} %", bastide_units::format_significant(100.0 * share, 5))
}

/// A round in a line.
fn headline(round: &Round, number: u32, target: &[Option<f64>; 4]) -> String {
    let cost = round.plan.certificate.as_ref().map_or_else(String::new, |c| {
        format!("{:.2} M EUR/y, none below {:.2} (gap {:.1e})", c.objective_eur / 1e6, c.bound_eur / 1e6, c.gap)
    });
    let tiers: Vec<String> = Tier::ALL
        .into_iter()
        .filter_map(|tier| {
            let (wanted, share) = (target[tier as usize]?, round.service[tier as usize]?);
            let error = share.stderr.map_or_else(String::new, |stderr| format!(" ± {:.2}", 100.0 * stderr));
            Some(format!(
                "{} {:.2}{error} % of {} ({})",
                tier.name(),
                100.0 * share.mean,
                percent(wanted),
                level(target, &round.service, tier).word()
            ))
        })
        .collect();
    format!("round {number}: {cost}; {}", tiers.join(", "))
}

fn words(cut: &Cut) -> String {
    let factor = if cut.factor > 1.0 {
        format!(", for {} times its demand", bastide_units::format_significant(cut.factor, 3))
    } else {
        String::new()
    };
    // The sites that are down stand in the name.
    let reasons: Vec<&str> = cut.assets.iter().skip(cut.state.down.len()).take(REASONS).map(String::as_str).collect();
    let because = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!(
        "{} of {} in `{}`{factor}: {} h and {} M tokens lost in a history{because}",
        percent(cut.least),
        cut.tier.name(),
        cut.name,
        bastide_units::format_significant(cut.hours, 3),
        bastide_units::format_significant(cut.lost * 1e-6, 3)
    )
}

impl Verified {
    /// The round whose plan is the answer.
    pub fn answer(&self) -> &Round {
        &self.rounds[self.chosen]
    }

    /// The same as JSON: `rounds`, `cuts`, `service`, `target_met`, `reason`.
    pub fn document(&self, model: &Model) -> Value {
        let cut = |cut: &Cut| {
            json!({
                "name": cut.name, "kind": cut.kind.name(), "tier": cut.tier, "least": cut.least, "factor": cut.factor, "assets": cut.assets,
                "down": cut.state.down.iter().map(|id| &model.sites[*id].entity.name).collect::<Vec<_>>(),
                "hours": cut.hours, "tokens_lost": cut.lost, "depth": cut.depth,
            })
        };
        let service = |round: &Round| -> Vec<Value> {
            let of = |tier: Tier| {
                let (wanted, share) = (self.target[tier as usize], round.service[tier as usize]?);
                let (it, level) = (round.losses[tier as usize], level(&self.target, &round.service, tier));
                Some(json!({
                    "tier": tier, "target": wanted, "planned": (it.demanded > 0.0).then(|| 1.0 - it.by_choice / it.demanded),
                    "simulated": share.mean, "stderr": share.stderr, "n": share.n,
                    "level": wanted.map(|_| level.word()), "met": wanted.map(|_| level != Level::Short),
                }))
            };
            Tier::ALL.into_iter().filter_map(of).collect()
        };
        let losses = |round: &Round| -> Vec<Value> {
            let share = |tokens: f64, of: f64| if of > 0.0 { tokens / of } else { 0.0 };
            let of = |tier: Tier| {
                let it = round.losses[tier as usize];
                (it.demanded > 0.0).then(|| {
                    json!({
                        "tier": tier, "lost": share(it.lost, it.demanded), "by_choice": share(it.by_choice, it.demanded),
                        "failing_over": share(it.failing_over, it.demanded), "not_due": share(it.not_due, it.demanded), "batch": share(it.batch, it.demanded),
                    })
                })
            };
            Tier::ALL.into_iter().filter_map(of).collect()
        };
        let rounds: Vec<Value> = self
            .rounds
            .iter()
            .enumerate()
            .map(|(at, round)| {
                let c = round.plan.certificate.as_ref();
                json!({
                    "round": at + 1, "status": c.map(|c| c.status), "objective_eur": c.map(|c| c.objective_eur), "bound_eur": c.map(|c| c.bound_eur), "gap": c.map(|c| c.gap),
                    "service": service(round), "losses": losses(round),
                    "cuts": round.cuts.len(), "added": round.cuts.iter().map(words).collect::<Vec<_>>(),
                    "new_cuts": round.cuts.iter().map(cut).collect::<Vec<_>>(), "refused": round.refused.iter().map(cut).collect::<Vec<_>>(),
                    "beyond": round.beyond.iter().map(|it| json!({ "tier": it.tier, "reason": it.reason, "share": it.share, "for_any_plan": it.for_any_plan })).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "target_met": self.met, "reason": self.reason, "chosen_round": self.chosen + 1, "service": service(self.answer()),
            "cuts": self.cuts.all().iter().map(cut).collect::<Vec<_>>(), "rounds": rounds,
            "conflict": self.conflict.as_ref().filter(|_| !self.met).map(super::groups),
        })
    }

    /// How it ended, in a line.
    pub fn verdict(&self) -> String {
        let within = Tier::ALL.iter().any(|tier| level(&self.target, &self.answer().service, *tier) == Level::WithinError);
        match (self.met, within) {
            (true, false) => format!("target met in round {}: {}", self.chosen + 1, self.reason),
            (true, true) => format!("target met within {ERRORS} standard errors in round {}: {}", self.chosen + 1, self.reason),
            (false, _) => format!("target not met: {}; the plan of round {} comes closest", self.reason, self.chosen + 1),
        }
    }

    /// Why the target is not met: the conflict that ended the loop, or the tiers that fall short.
    pub fn failure(&self) -> Option<Failure> {
        if self.met {
            return None;
        }
        let short: Vec<String> = Tier::ALL
            .into_iter()
            .filter(|tier| level(&self.target, &self.answer().service, *tier) == Level::Short)
            .filter_map(|tier| {
                let (wanted, share) = (self.target[tier as usize]?, self.answer().service[tier as usize]?);
                Some(format!("{} is served {} in simulation, below its target of {}", tier.name(), percent(share.mean), percent(wanted)))
            })
            .collect();
        let sentence = short.join(", ");
        if let Some(conflict) = &self.conflict {
            let mut diagnostics: Vec<Diagnostic> = conflict.diagnostics();
            diagnostics.iter_mut().for_each(|it| it.message = format!("{sentence}: {}", it.message));
            if !diagnostics.is_empty() {
                return Some(Failure::Diagnostics(diagnostics));
            }
        }
        // What weighs most of what no cut changes; little things are no reason.
        let short_of =
            |tier: Tier| self.target[tier as usize].unwrap_or(0.0) - self.answer().service[tier as usize].map_or(1.0, |it| it.mean);
        let mut beyond: Vec<&Beyond> = self.answer().beyond.iter().filter(|it| it.share > WEIGHTY * short_of(it.tier).max(0.0)).collect();
        beyond.sort_by(|a, b| b.share.total_cmp(&a.share));
        let beyond: Vec<String> =
            beyond.iter().take(2).map(|it| format!("{} of {}: {}", percent(it.share), it.tier.name(), it.reason)).collect();
        let why = if beyond.is_empty() { self.reason.clone() } else { beyond.join("; ") };
        Some(Failure::hinted(
            format!("{sentence}: {why}"),
            "lower the target, or give the plan more to work with: budget, candidates, hardening",
        ))
    }
}
