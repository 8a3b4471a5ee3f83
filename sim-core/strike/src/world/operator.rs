//! The operators of a world under attack.

use std::collections::BTreeMap;

use bastide_model::model::Dependant;
use bastide_units::Quantity;

use super::lp::{Lp, Worth};
use super::moment::{Moment, Ways, ways};
use super::target::{Loss, needs};
use super::{Measure, World};
use crate::search::Field;

/// What happens between two times after an attack.
struct Stretch {
    from: f64,
    until: f64,
    /// Damage in an hour, but for what makes campaigns late.
    rate: f64,
    /// Share of each gang that stands still, above the usual.
    standing: Vec<f64>,
    /// What each target adds at most, in an hour.
    worth: Vec<f64>,
}

/// What happens in an hour.
struct Hourly {
    rate: f64,
    on_backup: bool,
    standing: Vec<f64>,
    worth: Vec<f64>,
}

/// A world under the current attack.
pub struct Operator {
    world: World,
    lp: Lp,
    attack: Vec<usize>,
    /// Ends of moments, whatever is attacked \[s\].
    times: Vec<f64>,
    ways: BTreeMap<Vec<bool>, Ways>,
    /// Damage in an hour without an attack, and what stands still, before and after the failover.
    usual: [(f64, Vec<f64>); 2],
    /// Damages of attacks that were worked out, with what each target may add.
    known: BTreeMap<Vec<usize>, (f64, Vec<f64>)>,
    /// Whether flows are chosen freely, and the measure is what the operators minimise: then worth bounds damage.
    bounded: bool,
}

/// Attacks of which worth and damage are remembered at most.
const MEMORY: usize = 20_000;

impl Operator {
    /// Operators of a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        let model = &*world.model;
        let mut times: Vec<f64> = vec![model.policy.failover_time.base()];
        for site in model.sites.iter().filter(|site| site.generator_start > 0.0 || site.ups.base() > 0.0) {
            times.extend([site.ups.base(), site.ups.base() + site.fuel.base()]);
        }
        times.extend(model.facilities.iter().map(|it| it.grace.base()));
        let bounded = world.measure == Measure::Money && model.lines.iter().all(|line| line.reactance_pu.is_none());
        let lp = Lp::new(&world);
        let mut this = Self {
            world,
            lp,
            attack: Vec::new(),
            times,
            ways: BTreeMap::new(),
            usual: Default::default(),
            known: BTreeMap::new(),
            bounded,
        };
        let failover = this.world.model.policy.failover_time.base();
        let at = |this: &mut Self, time: f64| {
            let found = this.rate(&[], time);
            (found.rate, found.standing)
        };
        // Without a failover time there is no moment before it.
        let after = at(&mut this, failover);
        this.usual = [if failover > 0.0 { at(&mut this, 0.0) } else { after.clone() }, after];
        this
    }

    /// What happens in an hour at a time after the loss of some targets.
    fn rate(&mut self, lost: &[usize], time: f64) -> Hourly {
        let moment = Moment::of(&self.world, lost, time);
        if !self.ways.contains_key(&moment.links) {
            let found = ways(&self.world.model, &moment.links);
            self.ways.insert(moment.links.clone(), found);
        }
        let ways = &self.ways[&moment.links];
        let mut answer = self.lp.solve(&self.world, &moment, ways);
        if answer.is_none() {
            // The program has an answer for every moment; a solver that breaks off is given another chance from the start.
            self.lp = Lp::new(&self.world);
            answer = self.lp.solve(&self.world, &moment, ways);
        }
        let Some(answer) = answer else {
            return Hourly { rate: f64::NAN, on_backup: false, standing: vec![0.0; self.lp.gangs().len()], worth: Vec::new() };
        };
        let worth = self.lp.worth(&self.world, &answer, ways);
        Hourly { rate: answer.rate, on_backup: answer.on_backup, worth: self.by_target(&moment, &worth), standing: answer.standing }
    }

    /// Worth of all that a target takes out.
    fn by_target(&self, moment: &Moment, worth: &Worth) -> Vec<f64> {
        let model = &*self.world.model;
        let of_dependant = |dependant: &Dependant| match *dependant {
            Dependant::Site(id) => worth.sites[id.index()],
            Dependant::Service(id) => worth.services[id.index()],
            Dependant::Link(id) => worth.links[id.index()],
            Dependant::Line(id) => worth.lines[id.index()],
            Dependant::Generator(id) => worth.generators[id.index()],
        };
        let of_loss = |loss: &Loss| match *loss {
            Loss::Site(id) => worth.sites[id.index()],
            Loss::Bus(id) => worth.buses[id.index()],
            Loss::Line(id) => worth.lines[id.index()],
            Loss::Generator(id) => worth.generators[id.index()],
            Loss::Link(id) => worth.links[id.index()],
            Loss::Type(id) => worth.types[id.index()],
            Loss::Facility(id) => {
                let facility = &model.facilities[id];
                // Of a group the first that is up carries all; the others are spare.
                let carries = |dependant: &&Dependant| {
                    facility.group.as_ref().is_none_or(|group| {
                        let same = model
                            .facilities
                            .iter()
                            .enumerate()
                            .filter(|(_, it)| it.group.as_ref() == Some(group) && needs(it, **dependant));
                        same.map(|(at, _)| at).find(|at| moment.facilities[*at]) == Some(id.index())
                    })
                };
                facility.needed_by.iter().filter(carries).map(of_dependant).sum()
            }
        };
        self.world.targets.iter().map(|target| target.losses.iter().map(of_loss).sum()).collect()
    }

    /// The most that a budget's worth of further targets adds: the response that drops all that depends on them is still possible.
    fn most(&self, adds: &[f64], open: &[usize], budget: u32) -> f64 {
        let cheapest = open.iter().map(|target| self.cost(*target)).min().unwrap_or(1);
        let payable = open.iter().filter(|target| self.cost(**target) <= budget);
        let mut most: Vec<f64> = payable.map(|target| adds[*target]).collect();
        most.sort_by(|a, b| b.total_cmp(a));
        most.iter().take((budget / cheapest) as usize).sum()
    }

    /// Damage of the current attack over time, and what each target adds at most.
    fn work_out(&mut self) -> (f64, Vec<f64>) {
        let mut key = self.attack.clone();
        key.sort_unstable();
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let horizon = self.world.horizon;
        let mut times: Vec<f64> = self.times.clone();
        times.extend(key.iter().map(|target| self.world.targets[*target].repair));
        times.push(horizon);
        times.retain(|time| *time > 0.0 && *time <= horizon);
        times.sort_by(f64::total_cmp);
        times.dedup();
        let failover = self.world.model.policy.failover_time.base();
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut last: Option<(Moment, bool)> = None;
        let mut from = 0.0;
        for until in times {
            let moment = Moment::of(&self.world, &key, from);
            let same = last.as_ref().is_some_and(|(before, on_backup)| {
                *before == moment
                    || (!on_backup && Moment { backup: before.backup.clone(), ..moment.clone() } == *before && less(&moment, before))
            });
            match stretches.last_mut().filter(|_| same) {
                Some(stretch) => stretch.until = until,
                None => {
                    let found = self.rate(&key, from);
                    let (rate, standing) = &self.usual[usize::from(from >= failover)];
                    let standing = found.standing.iter().zip(standing).map(|(now, usual)| now - usual).collect();
                    stretches.push(Stretch { from, until, rate: found.rate - rate, standing, worth: found.worth });
                    last = Some((moment, found.on_backup));
                }
            }
            from = until;
        }
        let hours = |stretch: &Stretch, until: f64| (stretch.until.min(until) - stretch.from).max(0.0) / 3600.0;
        let served: f64 = stretches.iter().map(|stretch| stretch.rate * hours(stretch, horizon)).sum();
        let late = self.lp.gangs().iter().enumerate().map(|(at, gang)| {
            let since = |stretch: &Stretch| (stretch.until.min(horizon) - stretch.from.max(gang.begins * 3600.0)).max(0.0) / 3600.0;
            let still: f64 = stretches.iter().map(|stretch| stretch.standing.get(at).copied().unwrap_or(0.0) * since(stretch)).sum();
            let beyond = still - gang.slack;
            if gang.late > 0.0 && beyond > 0.0 { gang.late * beyond } else { 0.0 }
        });
        let damage = served + late.sum::<f64>();
        let targets = self.world.targets.iter().enumerate();
        let adds = targets.map(|(at, target)| {
            let of =
                stretches.iter().map(|stretch| stretch.worth.get(at).map_or(f64::INFINITY, |worth| worth * hours(stretch, target.repair)));
            of.sum()
        });
        let found = (damage, adds.collect::<Vec<f64>>());
        if self.known.len() < MEMORY {
            self.known.insert(key, found.clone());
        }
        found
    }
}

/// Whether nothing is carried that was not before.
fn less(now: &Moment, before: &Moment) -> bool {
    now.backup.iter().zip(&before.backup).all(|(now, before)| now <= before)
}

impl Field for Operator {
    fn targets(&self) -> usize {
        self.world.targets.len()
    }
    fn cost(&self, target: usize) -> u32 {
        self.world.targets[target].cost.max(1)
    }
    fn enter(&mut self, target: usize) {
        self.attack.push(target);
    }
    fn leave(&mut self) {
        self.attack.pop();
    }
    fn damage(&mut self) -> f64 {
        self.work_out().0
    }
    fn bound_below(&mut self, open: &[usize], budget: u32) -> f64 {
        let (damage, adds) = self.work_out();
        if self.bounded { damage + self.most(&adds, open, budget) } else { f64::INFINITY }
    }
    fn bound_through(&mut self, target: usize, rest: &[usize], budget: u32) -> f64 {
        let (damage, adds) = self.work_out();
        if self.bounded { damage + adds[target] + self.most(&adds, rest, budget) } else { f64::INFINITY }
    }
    const NARROWS: bool = true;
    /// What nothing depends on changes nothing when it is lost.
    fn narrow(&mut self, open: &mut Vec<usize>) {
        let (_, adds) = self.work_out();
        open.retain(|target| adds[*target] > 0.0);
        // The worst first: what is known soon rules out the rest.
        open.sort_by(|a, b| adds[*b].total_cmp(&adds[*a]).then(a.cmp(b)));
    }
}
