//! Salvos of missiles or drones.
//!
//! Each munition is intercepted on its way or not by itself, and aims by itself. At random or by value, it aims at a target drawn in
//! proportion to its weight, by a race of exponential clocks, one for each target (the exponential race of Efraimidis and Spirakis 2006).
//! Each clock belongs to its target; so two plans that share targets see the same munitions go to the same places unless one of them offers
//! a better mark. What a hit does is drawn from the target, what it does beside from the munition.

mod harm;

use bastide_engine::{Stream, stream_key};
use bastide_model::model::{Aim, Damage, Harm, HazardKind, Model, Munition, Place, Strike, Target};
use bastide_units::{Duration, Quantity};

use crate::setup::{Setup, target_name};
use crate::world::World;
use harm::{hardening, place_of};

pub(crate) use harm::covers;

/// What one campaign remembers.
pub(crate) struct StrikeState {
    /// Draws of the numbers of munitions.
    counts: Stream,
    /// Next mark of the list.
    next: usize,
    /// Defences of each target.
    covers: Vec<Vec<usize>>,
}

impl StrikeState {
    pub(super) fn new(model: &Model, counts: Stream, targets: &[Target]) -> Self {
        Self { counts, next: 0, covers: targets.iter().map(|target| covers(model, *target)).collect() }
    }
}

/// Announced size: planned IT power of sites, capacity of lines, of all units of a class and of the lines at a bus \[MW\]. Links have none.
pub(crate) fn size(setup: &Setup, target: Target) -> f64 {
    let model = setup.model;
    match target {
        Target::Site(id) => setup.it_mw[id.index()],
        Target::Line(id) => model.lines[id].capacity.max(model.lines[id].reverse_capacity).as_mw(),
        Target::Generator(id) => model.generators[id].capacity.as_mw(),
        Target::Bus(id) => {
            let lines = model.lines.iter().filter(|line| line.from == id || line.to == id);
            lines.map(|line| line.capacity.max(line.reverse_capacity).as_mw()).sum()
        }
        Target::Link(_) | Target::Facility(_) => 0.0,
    }
}

/// One salvo under way.
struct Salvo<'m> {
    hazard: usize,
    targets: &'m [Target],
    strike: &'m Strike,
    /// Munitions of the salvo.
    munitions: f64,
    /// Weight of each target for the attacker; those that are not there have none.
    weights: Vec<f64>,
    /// The event, once a munition gets through.
    seq: Option<u64>,
}

impl World<'_> {
    pub(super) fn salvo(&mut self, hazard: usize) {
        let setup = self.setup;
        let HazardKind::StrikeCampaign { targets, strike, .. } = &setup.model.hazards[hazard].kind else { return };
        let counts = &mut self.hazards[hazard].strike.counts;
        let groups: Vec<u64> = strike.munitions.iter().map(|group| group.count.sample(counts).round().clamp(0.0, 1e7) as u64).collect();
        let munitions = groups.iter().sum::<u64>() as f64;
        let weights = self.weights(targets, strike);
        let mut salvo = Salvo { hazard, targets, strike, munitions, weights, seq: None };
        for (group, count) in strike.munitions.iter().zip(&groups) {
            let munition = group.munition.map(|id| (id.index(), &setup.model.munitions[id]));
            for _ in 0..*count {
                self.one_munition(&mut salvo, munition);
            }
        }
        if salvo.seq.is_none() && munitions > 0.0 {
            self.recorder.event(self.now, "strike-intercepted", "hazard", hazard, munitions, "munitions", None);
        }
    }

    /// What each target weighs for the attacker before the salvo.
    fn weights(&self, targets: &[Target], strike: &Strike) -> Vec<f64> {
        let setup = self.setup;
        let present = |target: &Target| !matches!(target, Target::Site(id) if !setup.built[id.index()]);
        let sizes = |of: &dyn Fn(Target) -> f64| -> Vec<f64> {
            targets.iter().map(|target| if present(target) { of(*target) } else { 0.0 }).collect()
        };
        let weights = match strike.aim {
            Aim::Random | Aim::List => Vec::new(),
            Aim::Value => sizes(&|target| size(setup, target)),
            Aim::Adaptive => sizes(&|target| self.worth_mw(target, strike.training_weight)),
        };
        // Sizes decide unless nobody has one.
        if weights.iter().sum::<f64>() > 0.0 { weights } else { sizes(&|_| 1.0) }
    }

    fn one_munition(&mut self, salvo: &mut Salvo, munition: Option<(usize, &Munition)>) {
        let strike = salvo.strike;
        let interception = strike.interception.or(munition.map(|(_, munition)| munition.interception)).unwrap_or(0.0);
        let state = &mut self.hazards[salvo.hazard];
        let own = state.whole.member(state.whole.position());
        let leaks = !state.whole.bernoulli(interception);
        // Drawn for every target, so that munition n meets the same clocks in every plan.
        let clocks: Vec<f64> = state.targets.iter_mut().map(|stream| stream.exponential(1.0)).collect();
        let (true, Some(place)) = (leaks, self.aim(salvo, munition, &clocks)) else { return };
        let target = salvo.targets[place];
        if self.intercepted(salvo.hazard, place, munition.map(|(at, _)| at), &own) {
            return;
        }
        // The stream of the hit is its own, so that a hit here does not move the clock of the next munition.
        let stream = &self.hazards[salvo.hazard].targets[place];
        let mut hit = stream.member(stream.position());
        let seq = match salvo.seq {
            Some(seq) => seq,
            None => self.recorder.event(self.now, "strike", "hazard", salvo.hazard, salvo.munitions, "munitions", None),
        };
        salvo.seq = Some(seq);
        let model = self.setup.model;
        match &strike.harm {
            Harm::Out(probability) => {
                let damaged = hit.bernoulli(probability[hardening(model, target)]);
                let repair_s = strike.effects[0].repair.sample(&mut hit);
                let burnt = hit.bernoulli(strike.effects[0].storage_lost);
                if damaged {
                    self.harm(strike, target, None, repair_s, burnt, hit, seq);
                }
                self.fire_service(strike, target, hit, seq);
                if damaged {
                    self.shared_area(strike, place_of(model, target), own, seq);
                }
            }
            Harm::States(probability) => {
                let draw = hit.uniform();
                let state = probability[hardening(model, target)].iter().filter(|worse| draw < **worse).count();
                self.harm_of_state(strike, target, state, hit, seq);
                self.fire_service(strike, target, hit, seq);
                if state > 0 {
                    self.shared_area(strike, place_of(model, target), own, seq);
                }
            }
            Harm::Blast(_) => self.burst(strike, munition.map(|(_, munition)| munition), target, hit, own, seq),
        }
    }

    /// Which target a munition aims at.
    fn aim(&mut self, salvo: &Salvo, munition: Option<(usize, &Munition)>, clocks: &[f64]) -> Option<usize> {
        let places = 0..salvo.targets.len();
        match salvo.strike.aim {
            Aim::Random | Aim::Value => {
                let mut first = (f64::INFINITY, None);
                for place in places {
                    let (clock, weight) = (clocks[place], salvo.weights[place]);
                    if weight > 0.0 && clock / weight < first.0 {
                        first = (clock / weight, Some(place));
                    }
                }
                first.1
            }
            Aim::List => {
                for _ in places.clone() {
                    let next = &mut self.hazards[salvo.hazard].strike.next;
                    let place = *next % places.len();
                    *next += 1;
                    if salvo.weights[place] > 0.0 {
                        return Some(place);
                    }
                }
                None
            }
            Aim::Adaptive => {
                // The greatest expected loss; among equals the earliest clock.
                let mut best: Option<(f64, usize)> = None;
                for place in places.filter(|place| salvo.weights[*place] > 0.0 && !self.is_out(salvo.targets[*place])) {
                    let gain = salvo.weights[place] * self.chance(salvo, place, munition);
                    let better = best.is_none_or(|(most, at)| gain > most || (gain == most && clocks[place] < clocks[at]));
                    if better {
                        best = Some((gain, place));
                    }
                }
                best.map(|(_, place)| place)
            }
        }
    }

    /// Probability that a munition takes a target out, as a well-informed attacker reckons it: hardening, half of the misses, and the
    /// defences as they are stocked now.
    fn chance(&self, salvo: &Salvo, place: usize, munition: Option<(usize, &Munition)>) -> f64 {
        let target = salvo.targets[place];
        let hardening = hardening(self.setup.model, target);
        let damaged = match &salvo.strike.harm {
            Harm::Out(probability) => probability[hardening],
            Harm::States(probability) => probability[hardening][0],
            Harm::Blast(curves) => {
                let cep_m = munition.map_or(0.0, |(_, munition)| munition.cep.as_km() * 1e3);
                let scaled = cep_m / harm::cube_root_kg(munition.map(|(_, munition)| munition));
                harm::probability_of_any(&curves[hardening], scaled)
            }
        };
        let through = self.hazards[salvo.hazard].strike.covers[place].iter();
        let through: f64 = through.map(|defence| self.leak_probability(*defence, munition.map(|(at, _)| at))).product();
        damaged * through
    }

    /// Whether any of the defences of a target brings a munition down.
    fn intercepted(&mut self, hazard: usize, place: usize, munition: Option<usize>, own: &Stream) -> bool {
        for at in 0..self.hazards[hazard].strike.covers[place].len() {
            let defence = self.hazards[hazard].strike.covers[place][at];
            if self.engage(defence, munition, own) {
                return true;
            }
        }
        false
    }

    /// A munition with a warhead bursts near its mark: the mark and what stands around it suffer by distance.
    fn burst(&mut self, strike: &Strike, munition: Option<&Munition>, target: Target, mut hit: Stream, own: Stream, seq: u64) {
        let model = self.setup.model;
        let Harm::Blast(curves) = &strike.harm else { return };
        // Errors in both directions alike: the miss is Rayleigh with sigma = CEP / sqrt(2 ln 2).
        let sigma_km = munition.map_or(0.0, |munition| munition.cep.as_km()) / (2.0 * std::f64::consts::LN_2).sqrt();
        let mut miss = hit.member(1);
        let miss_km = sigma_km * (2.0 * miss.exponential(1.0)).sqrt();
        let bearing = std::f64::consts::TAU * miss.uniform();
        let root = harm::cube_root_kg(munition);
        let impact = place_of(model, target).map(|place| harm::moved(place, miss_km, bearing));
        let state = harm::state(&curves[hardening(model, target)], miss_km * 1e3 / root, hit.normal());
        self.harm_of_state(strike, target, state, hit, seq);
        if state > 0 {
            self.fire_service(strike, target, hit, seq);
        }
        let Some(impact) = impact else { return };
        for (other, distance_km) in harm::around(self.setup, impact, harm::reach_km(curves, root)) {
            if other == target {
                continue;
            }
            let mut draws = own.member(stream_key(&target_name(model, other), "blast"));
            let state = harm::state(&curves[hardening(model, other)], distance_km * 1e3 / root, draws.normal());
            self.harm_of_state(strike, other, state, draws, seq);
            if state > 0 {
                self.fire_service(strike, other, draws, seq);
            }
        }
        if state > 0 {
            self.shared_area(strike, Some(impact), own, seq);
        }
    }

    /// Damage of a state, from none (0) to destroyed (3).
    fn harm_of_state(&mut self, strike: &Strike, target: Target, state: usize, hit: Stream, seq: u64) {
        let Some(damage) = state.checked_sub(1) else { return };
        let effect = &strike.effects[damage];
        let repair_s = effect.repair.sample(&mut hit.member(2));
        let burnt = hit.member(3).bernoulli(effect.storage_lost);
        self.harm(strike, target, Some(Damage::ALL[damage]), repair_s, burnt, hit, seq);
    }

    #[allow(clippy::too_many_arguments, reason = "what a hit does")]
    fn harm(&mut self, strike: &Strike, target: Target, damage: Option<Damage>, repair_s: f64, burnt: bool, hit: Stream, seq: u64) {
        let note = match damage {
            None => "strike",
            Some(Damage::Light) => "strike: light damage",
            Some(Damage::Heavy) => "strike: heavy damage",
            Some(Damage::Destroyed) => "strike: destroyed",
        };
        let effect = &strike.effects[damage.map_or(0, |damage| damage as usize)];
        self.struck(target, repair_s, damage, strike.follow_up.as_ref(), hit.member(4), seq, note);
        if let Target::Site(id) = target
            && self.setup.built[id.index()]
        {
            self.destroy_nodes(id.index(), effect.nodes_destroyed);
            // Storage stands in the same halls: unless the campaign says otherwise, it burns with the probability that a node does.
            if burnt {
                self.lose_replicas(id.index(), Some(seq));
            }
        }
    }

    /// The fire service cuts a struck site off, whatever of it still stands.
    fn fire_service(&mut self, strike: &Strike, target: Target, hit: Stream, seq: u64) {
        if let (Some(cutoff), Target::Site(_)) = (&strike.fire_cutoff, target) {
            let until = self.now + Duration::from_s(cutoff.sample(&mut hit.member(5)));
            self.target_out(target, until, seq, "cut off by the fire service");
        }
    }

    /// What the sites around a hit share goes out for all of them, or for none.
    fn shared_area(&mut self, strike: &Strike, impact: Option<Place>, own: Stream, seq: u64) {
        let (Some(area), Some(impact)) = (&strike.area, impact) else { return };
        let mut draws = own.member(stream_key("area", "shared"));
        let fails = draws.bernoulli(area.probability);
        let until = self.now + Duration::from_s(area.outage.sample(&mut draws));
        if !fails {
            return;
        }
        for (other, _) in harm::around(self.setup, impact, area.radius.base()) {
            if let Target::Site(_) = other {
                self.target_out(other, until, seq, "utilities of the area");
            }
        }
    }
}
