//! Ducts that pass through states: normal, degraded, intermittent, off.
//!
//! A semi-Markov chain for each duct, with draws of its own: the time in a state, then what follows. While a state has a duty below one, the
//! duct is up for that share of each period and down for the rest, beginning up. Several chains on one link multiply.

use bastide_engine::{Stream, stream_key};
use bastide_model::model::{HazardKind, LinkState};
use bastide_units::{Duration, Time};

use crate::world::{CLASS_FAILURE, Event, World};

/// The chain of one duct.
pub(crate) struct Chain {
    hazard: usize,
    links: Vec<usize>,
    /// `None` before it begins.
    state: Option<usize>,
    /// Up, in a state that is up and down by turns.
    carries: bool,
    /// When the state ends by itself, and when up turns to down or back.
    ends: Time,
    flips: Time,
    /// Number of the last step; earlier ones are stale.
    version: u32,
    /// The event of its last change.
    seq: Option<u64>,
    draws: Stream,
}

/// The states of a hazard of this kind, and when all is over.
fn states<'m>(world: &World<'m>, chain: usize) -> (&'m [LinkState], Time) {
    match &world.setup.model.hazards[world.net.chains[chain].hazard].kind {
        HazardKind::DegradedLinks { states, until, .. } => (states, *until),
        _ => (&[], Time::NEVER),
    }
}

/// Makes the chains of a hazard; those without events of their own begin by themselves. Returns the position of the first.
pub(super) fn begin(world: &mut World, hazard: usize, ducts: &[String], links: Vec<Vec<usize>>) -> usize {
    let model = world.setup.model;
    let first = world.net.chains.len();
    let HazardKind::DegradedLinks { timing, from, .. } = &model.hazards[hazard].kind else { return first };
    let name = format!("hazard.{}", model.hazards[hazard].entity.name);
    for (duct, links) in ducts.iter().zip(links) {
        let at = world.net.chains.len();
        for &link in &links {
            world.net.chains_of[link].push(at);
        }
        let draws = world.stream(stream_key(&name, &format!("chain.{duct}")));
        let (ends, flips) = (Time::NEVER, Time::NEVER);
        world.net.chains.push(Chain { hazard, links, state: None, carries: true, ends, flips, version: 0, seq: None, draws });
        if timing.is_none() && *from < world.setup.end {
            world.net.chains[at].ends = *from;
            world.queue.schedule(*from, CLASS_FAILURE, Event::LinkState { chain: at as u32, version: 0 });
        }
    }
    first
}

impl World<'_> {
    /// An event of the hazard strikes a duct; nothing happens to one that has left the first state already.
    pub(super) fn degrade(&mut self, hazard: usize, chain: usize) {
        let (states, until) = states(self, chain);
        if self.now >= until || states.is_empty() || self.net.chains[chain].state.is_some_and(|state| state != 0) {
            return;
        }
        let seq = self.recorder.event(self.now, "degraded-links", "hazard", hazard, 1.0, "ducts", None);
        self.net.chains[chain].seq = Some(seq);
        self.net.chains[chain].state = Some(0);
        self.leave_state(chain);
    }

    pub(crate) fn on_link_state(&mut self, chain: usize, version: u32) {
        if self.net.chains[chain].version != version {
            return;
        }
        let (states, until) = states(self, chain);
        let state = self.net.chains[chain].state;
        if self.now >= until {
            // Over for good.
            if state.is_some_and(|state| state != 0) {
                self.enter_state(chain, 0);
            }
            let it = &mut self.net.chains[chain];
            (it.ends, it.flips) = (Time::NEVER, Time::NEVER);
            it.version += 1;
        } else if self.now >= self.net.chains[chain].ends {
            if state.is_some() { self.leave_state(chain) } else { self.enter_state(chain, 0) }
        } else if let Some(at) = state {
            let it = &mut self.net.chains[chain];
            it.carries = !it.carries;
            it.flips = self.now + turn(&states[at], it.carries);
            self.carry(chain, false);
            self.next_step(chain);
        }
    }

    /// Draws what follows the state of a chain, and enters it.
    fn leave_state(&mut self, chain: usize) {
        let (states, _) = states(self, chain);
        let it = &mut self.net.chains[chain];
        let next = &states[it.state.unwrap_or(0)].next;
        let draw = it.draws.uniform();
        let mut sum = 0.0;
        let drawn = next.iter().position(|share| {
            sum += share;
            draw < sum
        });
        // Rounding of the sum: the last that may follow.
        if let Some(state) = drawn.or_else(|| next.iter().rposition(|share| *share > 0.0)) {
            self.enter_state(chain, state);
        } else {
            it.ends = Time::NEVER;
            self.next_step(chain);
        }
    }

    fn enter_state(&mut self, chain: usize, state: usize) {
        let (states, _) = states(self, chain);
        let new = &states[state];
        let it = &mut self.net.chains[chain];
        it.state = Some(state);
        it.carries = new.duty > 0.0;
        it.ends = new.stay.as_ref().map_or(Time::NEVER, |stay| self.now + Duration::from_s(stay.sample(&mut it.draws).max(0.0)));
        it.flips = if new.period.is_some() { self.now + turn(new, true) } else { Time::NEVER };
        self.carry(chain, true);
        self.next_step(chain);
    }

    fn next_step(&mut self, chain: usize) {
        let (_, until) = states(self, chain);
        let it = &mut self.net.chains[chain];
        it.version += 1;
        let next = if it.state == Some(0) && it.ends == Time::NEVER { it.flips } else { it.ends.min(it.flips).min(until) };
        if next < self.setup.end {
            self.queue.schedule(next, CLASS_FAILURE, Event::LinkState { chain: chain as u32, version: it.version });
        }
    }

    /// What a chain makes of its links; a state that is new is recorded, turns of up and down only in the fine grain.
    fn carry(&mut self, chain: usize, new: bool) {
        let (all, _) = states(self, chain);
        let state = self.net.chains[chain].state.unwrap_or(0);
        let cause = self.net.chains[chain].seq;
        for place in 0..self.net.chains[chain].links.len() {
            let link = self.net.chains[chain].links[place];
            if new {
                let share = if all[state].word() == "off" { 0.0 } else { all[state].width() };
                let seq = self.recorder.event(self.now, "link-state", "link", link, share, all[state].word(), cause);
                self.net.chains[chain].seq = Some(seq);
                self.net.state_seq[link] = (all[state].word() != "normal").then_some(seq);
                self.net.last_seq = self.net.state_seq[link].or(self.net.last_seq);
            }
            self.refresh_link(link, self.net.chains[chain].seq);
        }
    }

    /// Bandwidth and latency of a link under all its chains.
    fn refresh_link(&mut self, link: usize, cause: Option<u64>) {
        let graph = &self.setup.graph;
        let (mut share, mut factor, mut added) = (1.0, 1.0, 0.0);
        for &chain in &self.net.chains_of[link] {
            let Some(state) = self.net.chains[chain].state else { continue };
            let it = &states(self, chain).0[state];
            share *= if self.net.chains[chain].carries { it.width() } else { 0.0 };
            factor *= it.slowness();
            added += it.added_latency.as_s();
        }
        let (width, latency_s) = (graph.width[link] * share, graph.latency_s[link] * factor + added);
        self.dirty.network |= self.net.width[link] != width || self.net.latency_s[link] != latency_s;
        (self.net.width[link], self.net.latency_s[link]) = (width, latency_s);
        self.switch_link(link, share > 0.0, cause);
    }
}

/// How long a state is up, or down, at a time.
fn turn(state: &LinkState, up: bool) -> Duration {
    let share = if up { state.duty } else { 1.0 - state.duty };
    state.period.map_or(Duration::ZERO, |period| period * share)
}
