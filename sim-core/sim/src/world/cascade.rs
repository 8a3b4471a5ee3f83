//! What a sudden loss sets off within minutes, under `cascades`: trips, shedding, the collapse of islands.
//!
//! It is worked out on the state just before the loss, and put at the moment of the loss. Among AC lines, [`RatedCascade`] follows relays,
//! operators and islands. Where flows are chosen, each island that is left short swings by itself ([`Swing`]). Interruptible sites are
//! the AI load that yields first. Lines that tripped and load that was cut are back after `reclose`; what went dark takes the way of a blackout.
//!
//! Relays of an AC line: 20 min at 10 % above its capacity, 5 min at 10 % above 1.15 of it, at once above 1.5 of it. The two factors are those at
//! which relays may not yet act by NERC's PRC-023 (loadability of transmission relays, R1: 150 % of the highest seasonal rating, 115 % of
//! the 15-minute one).

use bastide_grid::{Branch, Bus, BusKind, Case, Convention, Frequency, Generator, Loss, Outcome, RatedCascade, RatedRules, Swing};
use bastide_model::model::Model;
use bastide_model::network::BASE_MVA;

use super::{CLASS_RETURN, Event, World};

/// Less than this is rounding \[MW\].
const TINY_MW: f64 = 1e-6;
/// Short-term and emergency rating of a line, over its capacity.
const RATINGS: [f64; 2] = [1.15, 1.5];

/// What was lost since the last dispatch.
#[derive(Default)]
pub(crate) struct Losses {
    lines: Vec<usize>,
    /// Lost output of each class \[MW\]; empty when none is.
    units_mw: Vec<f64>,
    /// The largest of the losses: what follows is put down to it.
    largest: Option<(f64, u64)>,
    /// Served by each load since the last dispatch \[MW\].
    served_mw: Vec<f64>,
    /// Whether protection is at work: what it trips is no further loss.
    at_work: bool,
}

impl Losses {
    fn put_down(&mut self, mw: f64, seq: Option<u64>) {
        if let Some(seq) = seq
            && self.largest.is_none_or(|(most, _)| mw >= most)
        {
            self.largest = Some((mw, seq));
        }
    }
}

/// Islands of buses, by their smallest member.
fn find(parent: &mut [usize], mut bus: usize) -> usize {
    while parent[bus] != bus {
        parent[bus] = parent[parent[bus]];
        bus = parent[bus];
    }
    bus
}

impl World<'_> {
    /// Notes a line that has just been lost.
    pub(super) fn lost_line(&mut self, line: usize, seq: u64) {
        if self.setup.model.policy.grid.cascades && !self.losses.at_work {
            self.losses.lines.push(line);
            let flow = self.grid.out.flow_mw.get(line).map_or(0.0, |mw| mw.abs());
            self.losses.put_down(flow, Some(seq));
        }
    }

    /// Notes units of a class that have just been lost, of so many that were up.
    pub(super) fn lost_units(&mut self, generator: usize, units: u32, of: u32, seq: Option<u64>) {
        if !self.setup.model.policy.grid.cascades {
            return;
        }
        let output = self.grid.out.generation_mw.get(generator).copied().unwrap_or(0.0);
        let losses = &mut self.losses;
        losses.units_mw.resize(self.setup.model.generators.len(), 0.0);
        let left = (output - losses.units_mw[generator]).max(0.0);
        losses.units_mw[generator] += left * f64::from(units) / f64::from(of.max(1));
        let lost = losses.units_mw[generator];
        losses.put_down(lost, seq);
        self.dirty.grid |= losses.units_mw[generator] > TINY_MW;
    }

    /// Whether a bus has no voltage already.
    fn is_dead(&self, bus: usize) -> bool {
        self.grid.buses[bus].out || self.blackouts.is_dead(bus, self.now)
    }

    /// Keeps what the loads are served, for the next loss.
    pub(super) fn note_served(&mut self) {
        if self.setup.model.policy.grid.cascades {
            let served = self.grid.demand.iter().zip(&self.grid.out.shed_mw).map(|(demand, shed)| demand - shed);
            self.losses.served_mw.clear();
            self.losses.served_mw.extend(served);
        }
    }

    /// Works out what the losses since the last dispatch set off, before the next one.
    pub(super) fn cascade(&mut self) {
        if self.losses.lines.is_empty() && self.losses.units_mw.iter().all(|mw| *mw <= TINY_MW) {
            return;
        }
        let mut losses = std::mem::take(&mut self.losses);
        self.losses.at_work = true;
        losses.units_mw.resize(self.setup.model.generators.len(), 0.0);
        let cause = losses.largest.map(|(_, seq)| seq);
        if losses.served_mw.len() == self.grid.demand.len() {
            if self.setup.model.lines.iter().any(|line| line.reactance_pu.is_some()) {
                self.overloads(&losses, cause);
            } else {
                self.swings(&losses, cause);
            }
        }
        self.losses.at_work = false;
    }

    /// Load of a bus before the loss: that of interruptible sites, and all of it \[MW\].
    fn served_before(&self, losses: &Losses) -> Vec<(f64, f64)> {
        let setup = self.setup;
        let model = setup.model;
        let served = |load: usize| losses.served_mw[load];
        let mut buses = vec![(0.0, 0.0); model.buses.len()];
        for (at, load) in model.loads.iter().enumerate() {
            buses[load.bus.index()].1 += served(at);
        }
        for (at, storage) in model.storages.iter().enumerate() {
            buses[storage.bus.index()].1 += served(setup.storage_load + at);
        }
        for (at, site) in model.sites.iter().enumerate().filter(|(at, _)| setup.built[*at]) {
            let mw = served(setup.site_load[at]);
            let bus = &mut buses[site.bus.index()];
            bus.1 += mw;
            bus.0 += if site.interruptible { mw } else { 0.0 };
        }
        buses
    }

    /// The transport model: islands that are left short swing.
    fn swings(&mut self, losses: &Losses, cause: Option<u64>) {
        let model = self.setup.model;
        let policy = &model.policy.grid;
        let mut parent: Vec<usize> = (0..model.buses.len()).collect();
        for (at, line) in model.lines.iter().enumerate() {
            let (from, to) = (line.from.index(), line.to.index());
            let dead = self.is_dead(from) || self.is_dead(to);
            if !dead && self.grid.forward[at].max(self.grid.reverse[at]) > 0.0 {
                let (a, b) = (find(&mut parent, from), find(&mut parent, to));
                parent[a.max(b)] = a.min(b);
            }
        }
        let mut islands = vec![Loss::default(); model.buses.len()];
        for (bus, (ai, load)) in self.served_before(losses).into_iter().enumerate() {
            let island = &mut islands[find(&mut parent, bus)];
            island.ai_mw += ai;
            island.load_mw += load;
            island.deficit_mw += load;
        }
        let outputs = &self.grid.out.generation_mw;
        for (at, generator) in model.generators.iter().enumerate() {
            let output = (outputs[at] - losses.units_mw[at]).max(0.0);
            let island = &mut islands[find(&mut parent, generator.bus.index())];
            island.deficit_mw -= output;
            if output > TINY_MW {
                let capacity = self.grid.available[at].max(output);
                island.turning_mw += capacity;
                island.reserve_mw += (capacity - output).min(policy.reserve * capacity);
            }
        }
        for (at, storage) in model.storages.iter().enumerate() {
            islands[find(&mut parent, storage.bus.index())].deficit_mw -= outputs[model.generators.len() + at];
        }
        let swing = Swing { inertia_s: policy.inertia.as_s(), ..Swing::default() };
        for root in 0..islands.len() {
            let island = islands[root];
            if parent[root] != root || island.deficit_mw <= TINY_MW || island.load_mw <= TINY_MW {
                continue;
            }
            let members: Vec<usize> = (0..parent.len()).filter(|bus| find(&mut parent, *bus) == root).collect();
            if members.iter().all(|bus| self.is_dead(*bus)) {
                continue;
            }
            let out = swing.follow(&island);
            let too_much = policy.collapse_share.is_some_and(|share| island.deficit_mw - island.ai_mw >= share * island.load_mw);
            if out.collapsed || too_much {
                for bus in members {
                    if !self.is_dead(bus) {
                        self.black_out(bus, cause, "collapse");
                    }
                }
                continue;
            }
            let firm = island.load_mw - island.ai_mw;
            let share = if firm > 0.0 { 1.0 - out.shed_mw / firm } else { 1.0 };
            self.cut(
                &members,
                root,
                (out.ai_shed_mw, out.shed_mw),
                &vec![(f64::from(u8::from(out.ai_shed_mw == 0.0)), share); parent.len()],
                cause,
            );
        }
    }

    /// Cuts loads of some buses to shares: (interruptible sites, others) by bus.
    fn cut(&mut self, buses: &[usize], first: usize, (ai_mw, others_mw): (f64, f64), shares: &[(f64, f64)], cause: Option<u64>) {
        if ai_mw + others_mw <= TINY_MW {
            return;
        }
        let setup = self.setup;
        let model = setup.model;
        let loads = self.grid.demand.len();
        if ai_mw > TINY_MW {
            self.recorder.event(self.now, "reserve-called", "bus", first, ai_mw, "MW of interruptible sites", cause);
        }
        let seq = self.recorder.event(self.now, "load-shed", "bus", first, ai_mw + others_mw, "MW by protection", cause);
        for (at, load) in model.loads.iter().enumerate().filter(|(_, load)| buses.contains(&load.bus.index())) {
            self.blackouts.keep(loads, at, shares[load.bus.index()].1, seq);
        }
        for (at, site) in model.sites.iter().enumerate().filter(|(at, site)| setup.built[*at] && buses.contains(&site.bus.index())) {
            let (ai, firm) = shares[site.bus.index()];
            self.blackouts.keep(loads, setup.site_load[at], if site.interruptible { ai } else { firm }, seq);
        }
        self.queue.schedule(self.now + model.policy.grid.reclose, CLASS_RETURN, Event::CutOver { seq });
    }

    /// AC lines: relays, operators, islands.
    fn overloads(&mut self, losses: &Losses, cause: Option<u64>) {
        let model = self.setup.model;
        let policy = &model.policy.grid;
        let before = self.served_before(losses);
        let (case, rows, outage) = self.case_before(losses, &before);
        let ai: Vec<f64> = before.iter().map(|(ai, _)| *ai).collect();
        let frequency = Frequency { reserve_share: policy.reserve, ..Frequency::default() };
        let rules = RatedRules { frequency, ..RatedRules::default() };
        let Ok(cascade) = RatedCascade::new(&case, Convention::default(), rules, &ai) else { return };
        let mut scratch = cascade.scratch();
        let mut outcome = Outcome::default();
        let branches: Vec<u32> = (0..rows.len() as u32).filter(|row| losses.lines.contains(&rows[*row as usize])).collect();
        cascade.run(&mut scratch, &branches, &outage, &mut outcome);
        let mut last = cause;
        let until = self.now + policy.reclose;
        for &row in &outcome.tripped {
            let line = rows[row as usize];
            self.line_out(line, until, last, "overload");
            last = self.grid.cause(self.now).or(last);
        }
        let after = scratch.end().served_mw();
        let mut shares = vec![(1.0, 1.0); before.len()];
        let (mut cut_ai, mut cut_firm) = (0.0, 0.0);
        let mut cut_buses = Vec::new();
        for (bus, &(ai, load)) in before.iter().enumerate() {
            let cut = load - after.get(bus).copied().unwrap_or(0.0);
            if load <= TINY_MW || cut <= TINY_MW {
                continue;
            }
            if cut >= load - TINY_MW && load > ai + TINY_MW {
                if !self.is_dead(bus) {
                    self.black_out(bus, last, "collapse");
                }
                continue;
            }
            let of_ai = cut.min(ai);
            let firm = load - ai;
            shares[bus] =
                (if ai > 0.0 { 1.0 - of_ai / ai } else { 1.0 }, if firm > 0.0 { (1.0 - (cut - of_ai) / firm).max(0.0) } else { 1.0 });
            cut_ai += of_ai;
            cut_firm += cut - of_ai;
            cut_buses.push(bus);
        }
        if let Some(&first) = cut_buses.first() {
            self.cut(&cut_buses, first, (cut_ai, cut_firm), &shares, last);
        }
    }

    /// The grid just before the loss as a case: AC lines as branches, the others as what they carry. With the line of each branch, and the rows
    /// of units that are lost.
    fn case_before(&self, losses: &Losses, before: &[(f64, f64)]) -> (Case, Vec<usize>, Vec<u32>) {
        let model: &Model = self.setup.model;
        let mut case = Case { name: String::new(), base_mva: BASE_MVA, ..Case::default() };
        for (at, (_, load)) in before.iter().enumerate() {
            let kind = if at == 0 { BusKind::Reference } else { BusKind::Load };
            case.buses.push(Bus { number: at as u64 + 1, kind, demand_mw: *load, ..Bus::default() });
        }
        let mut outage = Vec::new();
        let unit =
            |bus: usize, output_mw: f64, max_mw: f64| Generator { bus, in_service: true, output_mw, min_mw: 0.0, max_mw, cost: None };
        for (at, generator) in model.generators.iter().enumerate() {
            let (bus, output, lost) = (generator.bus.index(), self.grid.out.generation_mw[at], losses.units_mw[at]);
            case.generators.push(unit(bus, (output - lost).max(0.0), self.grid.available[at].max(output - lost)));
            if lost > TINY_MW {
                outage.push(case.generators.len() as u32);
                case.generators.push(unit(bus, lost, lost));
            }
        }
        for (at, storage) in model.storages.iter().enumerate() {
            let row = model.generators.len() + at;
            let output = self.grid.out.generation_mw[row];
            case.generators.push(unit(storage.bus.index(), output, self.grid.available[row].max(output)));
        }
        let mut rows = Vec::new();
        for (at, line) in model.lines.iter().enumerate() {
            let (from, to) = (line.from.index(), line.to.index());
            let lost = losses.lines.contains(&at);
            let flow = self.grid.out.flow_mw[at];
            if let Some(reactance_pu) = line.reactance_pu {
                let rate = line.capacity.as_mw();
                rows.push(at);
                case.branches.push(Branch {
                    from,
                    to,
                    in_service: lost || !self.grid.lines[at].out,
                    resistance_pu: 0.0,
                    reactance_pu,
                    rate_a_mw: Some(rate),
                    rate_b_mw: Some(rate * RATINGS[0]),
                    rate_c_mw: Some(rate * RATINGS[1]),
                    tap: 1.0,
                    shift_deg: line.phase_shift_deg,
                    angle_min_deg: None,
                    angle_max_deg: None,
                });
            } else if flow.abs() > TINY_MW {
                // A unit at one end and a dispatchable load at the other; both are lost with the line.
                let (source, sink) = if flow > 0.0 { (to, from) } else { (from, to) };
                if lost {
                    outage.extend([case.generators.len() as u32, case.generators.len() as u32 + 1]);
                }
                case.generators.push(unit(source, flow.abs(), flow.abs()));
                case.generators.push(Generator { max_mw: 0.0, min_mw: -flow.abs(), ..unit(sink, -flow.abs(), 0.0) });
            }
        }
        (case, rows, outage)
    }
}
