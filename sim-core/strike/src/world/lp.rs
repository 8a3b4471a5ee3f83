//! The operators' program: columns and rows are made once, a moment sets bounds. One of the files that name a solver.

use bastide_model::model::{AcceleratorId, BusId, CampaignId, CampaignMode, GeneratorId, LineId, Model, NationId, ServiceId, SiteId};
use bastide_units::Quantity;
use highs::{Col, HighsModelStatus, Model as Solver, RowProblem, Sense};

use super::moment::{Moment, Ways, arrives};
use super::{Measure, TIER_WEIGHTS, World};

/// Tokens per second of a unit of work.
const WORK: f64 = 1e6;
/// Seconds of an hour.
const HOUR: f64 = 3600.0;
/// Weight of what comes first, beside what is measured, where the measure is not money: far above anything measured.
const FIRST: f64 = 1e6;
/// Worth of what is used and not measured.
const TRACE: f64 = 1e-9;
/// Flows below this are the solver's \[MW\].
const DUST: f64 = 1e-9;

/// What a column is.
#[derive(Clone, Debug)]
enum Kind {
    Generator(GeneratorId),
    Line(LineId),
    /// Flow of a line with a reactance that does not follow its angles, since the line is down.
    Slack(LineId),
    Angle,
    /// A load: what an MWh counts, how much it asks \[MW\], where.
    Shed(f64, f64, BusId),
    Draw(SiteId),
    Backup(SiteId),
    Reach(ServiceId, NationId, SiteId, f64),
    Unserved,
    Work(ServiceId, SiteId, AcceleratorId),
    Run(usize),
}

/// Accelerators of a campaign that work together.
#[derive(Clone, Debug)]
pub(crate) struct Gang {
    pub campaign: CampaignId,
    pub members: Vec<(SiteId, AcceleratorId, f64)>,
    /// Share of the campaign.
    pub share: f64,
    /// Hours from the attack until it begins; nothing counts before.
    pub begins: f64,
    /// Hours that it may stand still without being late.
    pub slack: f64,
    /// What an hour beyond that counts.
    pub late: f64,
}

/// An answer of the operators.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// Damage in an hour, by the measure.
    pub rate: f64,
    /// Whether anything runs on batteries or generators.
    pub on_backup: bool,
    /// Share of each gang that stands still.
    pub standing: Vec<f64>,
    pub values: Vec<f64>,
}

/// The program with its last basis.
pub(crate) struct Lp {
    solver: Option<Solver>,
    columns: Vec<(Kind, Col, f64, f64)>,
    /// What a column counts in the measure.
    count: Vec<f64>,
    gangs: Vec<Gang>,
    /// Most that a MWh is worth to anyone \[EUR\].
    dearest: f64,
    bounds: Vec<(f64, f64)>,
}

impl Lp {
    pub fn new(world: &World) -> Self {
        Builder::new(world).build()
    }

    /// The least damage at a moment.
    pub fn solve(&mut self, world: &World, moment: &Moment, ways: &Ways) -> Option<Answer> {
        let mut solver = self.solver.take()?;
        for at in 0..self.columns.len() {
            let bounds = self.bounds_at(world, moment, ways, at);
            if bounds != self.bounds[at] {
                solver.change_column_bounds(self.columns[at].1, bounds.0..=bounds.1);
                self.bounds[at] = bounds;
            }
        }
        let solved = solver.try_solve().ok()?;
        if solved.status() != HighsModelStatus::Optimal {
            return None;
        }
        let values = solved.get_solution().columns().to_vec();
        self.solver = Some(solved.into());
        let rate = values.iter().zip(&self.count).map(|(value, count)| value * count).sum();
        let on_backup = self.columns.iter().zip(&values).any(|((kind, ..), value)| matches!(kind, Kind::Backup(_)) && *value > 1e-7);
        let runs = self.columns.iter().zip(&values).filter(|((kind, ..), _)| matches!(kind, Kind::Run(_)));
        let standing = runs.map(|(_, run)| (1.0 - run).clamp(0.0, 1.0)).collect();
        Some(Answer { rate, on_backup, standing, values })
    }

    fn bounds_at(&self, world: &World, moment: &Moment, ways: &Ways, at: usize) -> (f64, f64) {
        let (kind, _, lower, upper) = &self.columns[at];
        let when = |up: bool| if up { (*lower, *upper) } else { (0.0, 0.0) };
        match *kind {
            Kind::Generator(id) => when(moment.generator(id)),
            Kind::Line(id) => when(moment.line(id)),
            Kind::Slack(id) => {
                if moment.line(id) {
                    (0.0, 0.0)
                } else {
                    (f64::NEG_INFINITY, f64::INFINITY)
                }
            }
            Kind::Angle | Kind::Shed(..) | Kind::Unserved => (*lower, *upper),
            Kind::Draw(site) => when(moment.sites[site.index()] && moment.buses[world.model.sites[site].bus.index()]),
            Kind::Backup(site) => (0.0, if moment.sites[site.index()] { upper * moment.backup[site.index()] } else { 0.0 }),
            Kind::Reach(service, nation, site, planned) => {
                let open = moment.services[service.index()]
                    && moment.sites[site.index()]
                    && arrives(&world.model, ways, service, nation, site).is_some();
                if open { (0.0, if moment.as_planned { planned } else { *upper }) } else { (0.0, 0.0) }
            }
            Kind::Work(_, site, kind) => when(moment.sites[site.index()] && moment.types[kind.index()]),
            Kind::Run(gang) => {
                let up = |(site, kind, _): &(SiteId, AcceleratorId, f64)| moment.sites[site.index()] && moment.types[kind.index()];
                when(self.gangs[gang].members.iter().all(up))
            }
        }
    }

    /// The gangs, in the order of what stands still.
    pub fn gangs(&self) -> &[Gang] {
        &self.gangs
    }

    /// The damage of dropping all that depends on a thing, in an hour: what its loss adds at most, where flows are chosen freely.
    pub fn worth(&self, world: &World, answer: &Answer, ways: &Ways) -> Worth {
        let model = &*world.model;
        let mut worth = Worth {
            sites: vec![0.0; model.sites.len()],
            buses: vec![0.0; model.buses.len()],
            lines: vec![0.0; model.lines.len()],
            generators: vec![0.0; model.generators.len()],
            links: vec![0.0; model.links.len()],
            types: vec![0.0; model.accelerators.len()],
            services: vec![0.0; model.services.len()],
        };
        // Where the measure is not money, what is used at all is worth a trace: its loss may move what is measured.
        let value_of = |service: ServiceId| unserved_cost(world, service, world.measure).1.max(TRACE);
        let used =
            || self.columns.iter().zip(&answer.values).map(|((kind, ..), value)| (kind, *value)).filter(|(_, value)| value.abs() > DUST);
        for (kind, value) in used() {
            match *kind {
                Kind::Reach(service, nation, site, _) => {
                    let lost = value * value_of(service);
                    worth.sites[site.index()] += lost;
                    worth.services[service.index()] += lost;
                    for link in arrives(model, ways, service, nation, site).unwrap_or_default() {
                        worth.links[*link as usize] += lost;
                    }
                }
                Kind::Work(service, _, kind) => worth.types[kind.index()] += value * value_of(service),
                Kind::Run(gang) => {
                    let gang = &self.gangs[gang];
                    let lost = value * gang.late.max(TRACE);
                    let mut sites: Vec<SiteId> = gang.members.iter().map(|(site, ..)| *site).collect();
                    sites.dedup();
                    sites.into_iter().for_each(|site| worth.sites[site.index()] += lost);
                    let mut types: Vec<AcceleratorId> = gang.members.iter().map(|(_, kind, _)| *kind).collect();
                    types.sort_unstable();
                    types.dedup();
                    types.into_iter().for_each(|kind| worth.types[kind.index()] += lost);
                }
                _ => {}
            }
        }
        let density = self.density(model, answer, &worth.sites);
        for (kind, value) in used() {
            match *kind {
                Kind::Generator(id) => {
                    let bus = model.generators[id].bus.index();
                    worth.generators[id.index()] += value * density[bus];
                    worth.buses[bus] += value * density[bus];
                }
                Kind::Line(id) => {
                    // What flows through a bus arrives over a line.
                    let line = &model.lines[id];
                    let to = if value > 0.0 { line.to } else { line.from }.index();
                    worth.lines[id.index()] += value.abs() * density[to];
                    worth.buses[to] += value.abs() * density[to];
                }
                _ => {}
            }
        }
        worth
    }

    /// What a MWh that arrives at each bus is worth on average to those whom it reaches, each flow shared out in proportion (Bialek 1996, "Tracing
    /// the flow of electricity"): to drop a flow with all that it feeds is a response, and what two flows feed adds up.
    fn density(&self, model: &Model, answer: &Answer, sites: &[f64]) -> Vec<f64> {
        let buses = model.buses.len();
        let (mut arrives, mut local, mut leaves) = (vec![0.0; buses], vec![0.0; buses], vec![Vec::new(); buses]);
        let mut incoming = vec![0_usize; buses];
        let mut supply = vec![[0.0_f64; 2]; sites.len()];
        for ((kind, ..), value) in self.columns.iter().zip(&answer.values) {
            match *kind {
                Kind::Generator(id) if *value > DUST => arrives[model.generators[id].bus.index()] += value,
                Kind::Line(id) if value.abs() > DUST => {
                    let line = &model.lines[id];
                    let (from, to) = if *value > 0.0 { (line.from, line.to) } else { (line.to, line.from) };
                    arrives[to.index()] += value.abs();
                    leaves[from.index()].push((to.index(), value.abs()));
                    incoming[to.index()] += 1;
                }
                Kind::Shed(count, mw, bus) => local[bus.index()] += count.max(TRACE) * (mw - value).max(0.0),
                Kind::Draw(site) => supply[site.index()][0] = value.max(0.0),
                Kind::Backup(site) => supply[site.index()][1] = value.max(0.0),
                _ => {}
            }
        }
        for (at, [draw, backup]) in supply.into_iter().enumerate().filter(|(_, [draw, _])| *draw > DUST) {
            local[model.sites.as_slice()[at].bus.index()] += sites[at] * draw / (draw + backup);
        }
        // From the sources on (Kahn 1962); what goes round in a circle counts as the dearest.
        let mut order: Vec<usize> = (0..buses).filter(|bus| incoming[*bus] == 0).collect();
        let mut next = 0;
        while let Some(&bus) = order.get(next) {
            next += 1;
            for (to, _) in &leaves[bus] {
                incoming[*to] -= 1;
                if incoming[*to] == 0 {
                    order.push(*to);
                }
            }
        }
        let mut density = vec![self.dearest; buses];
        for &bus in order.iter().rev() {
            let fed: f64 = leaves[bus].iter().map(|(to, flow)| flow * density[*to]).sum();
            density[bus] = if arrives[bus] > DUST { (local[bus] + fed) / arrives[bus] } else { 0.0 };
        }
        density
    }
}

/// What the loss of each thing adds at most, in an hour.
pub(crate) struct Worth {
    pub sites: Vec<f64>,
    pub buses: Vec<f64>,
    pub lines: Vec<f64>,
    pub generators: Vec<f64>,
    pub links: Vec<f64>,
    pub types: Vec<f64>,
    pub services: Vec<f64>,
}

/// Cost in the program and count in the measure of a unit of unserved work for an hour.
fn unserved_cost(world: &World, service: ServiceId, measure: Measure) -> (f64, f64) {
    let it = &world.model.services[service];
    let weight = TIER_WEIGHTS[it.tier as usize];
    match measure {
        Measure::Money => {
            let value = it.value.base() * WORK * HOUR;
            (value, value)
        }
        Measure::Tokens => (weight * HOUR, weight * HOUR),
        Measure::Energy => (1e-3, 0.0),
        Measure::Delay => (if world.model.policy.preempt_training { FIRST * weight } else { 1e-3 * weight }, 0.0),
    }
}

/// The same of an hour in which a campaign stands still.
fn delay_cost(model: &Model, campaign: CampaignId, measure: Measure) -> (f64, f64) {
    match measure {
        Measure::Money => {
            let cost = model.campaigns[campaign].cost_of_delay.base() * HOUR;
            (cost, cost)
        }
        Measure::Delay => (1.0 / 24.0, 1.0 / 24.0),
        Measure::Tokens | Measure::Energy => (1e-6, 0.0),
    }
}

/// The same of a MWh that a load goes without.
fn shed_cost(value_per_mwh: f64, interruptible: bool, measure: Measure) -> (f64, f64) {
    match measure {
        Measure::Money => (value_per_mwh, value_per_mwh),
        Measure::Energy => (1.0, 1.0),
        Measure::Tokens | Measure::Delay => (if interruptible { 1e-6 } else { FIRST * FIRST }, 0.0),
    }
}

struct Builder<'w> {
    world: &'w World,
    problem: RowProblem,
    columns: Vec<(Kind, Col, f64, f64)>,
    count: Vec<f64>,
}

impl<'w> Builder<'w> {
    fn new(world: &'w World) -> Self {
        Self { world, problem: RowProblem::default(), columns: Vec::new(), count: Vec::new() }
    }

    fn column(&mut self, kind: Kind, (cost, count): (f64, f64), lower: f64, upper: f64) -> Col {
        let column = self.problem.add_column(cost, lower..=upper);
        self.columns.push((kind, column, lower, upper));
        self.count.push(count);
        column
    }

    fn build(mut self) -> Lp {
        let model = self.world.model.clone();
        let power = power(self.world);
        let (draws, backups) = self.grid(&model);
        let gangs = gangs(self.world);
        let mut used: Vec<Vec<Vec<(Col, f64)>>> = vec![vec![Vec::new(); model.accelerators.len()]; model.sites.len()];
        self.services(&model, &mut used);
        self.campaigns(&model, &gangs, &mut used);
        for (site, by_type) in used.iter().enumerate() {
            let mut need: Vec<(Col, f64)> = Vec::new();
            for (kind, terms) in by_type.iter().enumerate().filter(|(_, terms)| !terms.is_empty()) {
                self.problem.add_row(..=self.world.fleet[site][kind], terms.iter().copied());
                need.extend(terms.iter().map(|(column, count)| (*column, count * power[site][kind])));
            }
            if !need.is_empty() {
                let supply = [(draws[site], -1.0), (backups[site], -1.0)];
                self.problem.add_row(..=0.0, need.into_iter().chain(supply));
            }
        }
        let dearest = self.dearest(&model, &power);
        let mut solver = self.problem.try_optimise(Sense::Minimise).ok();
        if let Some(solver) = &mut solver {
            solver.make_quiet();
            // One thread, dual simplex: the next moment begins at the last basis.
            for (option, value) in [("threads", 1), ("simplex_strategy", 1), ("random_seed", 7)] {
                let _ = solver.try_set_option(option, value);
            }
            let _ = solver.try_set_option("presolve", "off");
            let _ = solver.try_set_option("solver", "simplex");
        }
        let bounds = self.columns.iter().map(|(_, _, lower, upper)| (*lower, *upper)).collect();
        Lp { solver, columns: self.columns, count: self.count, gangs, dearest, bounds }
    }

    /// Buses, lines, units, loads; draw and backup of each site.
    fn grid(&mut self, model: &Model) -> (Vec<Col>, Vec<Col>) {
        let mut balance: Vec<Vec<(Col, f64)>> = vec![Vec::new(); model.buses.len()];
        let mut load = vec![0.0; model.buses.len()];
        for (index, unit) in model.generators.iter().enumerate() {
            let most = (unit.capacity.as_mw() * self.world.value(unit.availability)).max(0.0);
            let column = self.column(Kind::Generator(GeneratorId::from_index(index)), (0.0, 0.0), 0.0, most);
            balance[unit.bus.index()].push((column, 1.0));
        }
        let reactive = model.lines.iter().any(|line| line.reactance_pu.is_some());
        let angles: Vec<Col> =
            if reactive { model.buses.iter().map(|_| self.column(Kind::Angle, (0.0, 0.0), -1e4, 1e4)).collect() } else { Vec::new() };
        for (index, line) in model.lines.iter().enumerate() {
            let id = LineId::from_index(index);
            let flow = self.column(Kind::Line(id), (0.0, 0.0), -line.reverse_capacity.as_mw(), line.capacity.as_mw());
            balance[line.from.index()].push((flow, -1.0));
            balance[line.to.index()].push((flow, 1.0));
            if let Some(reactance) = line.reactance_pu {
                // On 100 MVA: b = 100 MW/rad over the reactance.
                let b = 100.0 / reactance;
                let slack = self.column(Kind::Slack(id), (0.0, 0.0), 0.0, 0.0);
                let shift = -b * line.phase_shift_deg.to_radians();
                let terms = [(flow, 1.0), (angles[line.from.index()], -b), (angles[line.to.index()], b), (slack, 1.0)];
                self.problem.add_row(shift..=shift, terms);
            }
        }
        for it in &model.loads {
            let mw = (self.world.value(it.power) / 1e6).max(0.0);
            load[it.bus.index()] += mw;
            // EUR/J to EUR/MWh.
            let value = it.value_of_lost_load.base() * 3.6e9;
            let cost = shed_cost(value, it.interruptible, self.world.measure);
            let column = self.column(Kind::Shed(cost.1, mw, it.bus), cost, 0.0, mw);
            balance[it.bus.index()].push((column, 1.0));
        }
        let (mut draws, mut backups) = (Vec::new(), Vec::new());
        for (index, site) in model.sites.iter().enumerate() {
            let id = SiteId::from_index(index);
            let most = if self.world.accelerators(id) > 0.0 { site.connection.as_mw() } else { 0.0 };
            let draw = self.column(Kind::Draw(id), (0.0, 0.0), 0.0, most);
            balance[site.bus.index()].push((draw, -1.0));
            draws.push(draw);
            backups.push(self.column(Kind::Backup(id), (0.0, 0.0), 0.0, most));
        }
        for (terms, load) in balance.into_iter().zip(load) {
            // Units run below what they could: what is left over is not generated, so the balance is exact.
            self.problem.add_row(load..=load, terms);
        }
        (draws, backups)
    }

    fn services(&mut self, model: &Model, used: &mut [Vec<Vec<(Col, f64)>>]) {
        let world = self.world;
        for (index, service) in model.services.iter().enumerate() {
            let id = ServiceId::from_index(index);
            let demand = service.demand.as_tokens_per_s() * world.value(service.profile) / WORK;
            let cost = unserved_cost(world, id, world.measure);
            let open = |site: SiteId| {
                let reads = service.dataset.is_none_or(|data| world.plan.replicas.iter().any(|it| it.dataset == data && it.site == site));
                reads && model.legal_service[index][site.index()].at(world.time)
            };
            let mut at_site: Vec<(SiteId, Vec<(Col, f64)>)> = Vec::new();
            for site in (0..model.sites.len()).map(SiteId::from_index).filter(|site| world.accelerators(*site) > 0.0 && open(*site)) {
                let mut terms = Vec::new();
                for kind in (0..model.accelerators.len()).map(AcceleratorId::from_index) {
                    let rate = model.token_rate[index][kind.index()].as_tokens_per_s() / WORK;
                    let count = world.fleet[site.index()][kind.index()];
                    if rate > 0.0 && count > 0.0 {
                        let work = self.column(Kind::Work(id, site, kind), (0.0, 0.0), 0.0, demand);
                        used[site.index()][kind.index()].push((work, 1.0 / rate));
                        terms.push((work, -1.0));
                    }
                }
                if !terms.is_empty() {
                    at_site.push((site, terms));
                }
            }
            for (nation, share) in service.origins.iter().filter(|(_, share)| *share > 0.0) {
                let asked = demand * share;
                let mut terms = vec![(self.column(Kind::Unserved, cost, 0.0, asked), 1.0)];
                for (site, of_site) in &mut at_site {
                    let planned: f64 =
                        world.plan.placements.iter().filter(|it| it.service == id && it.site == *site).map(|it| it.share).sum();
                    let reach = self.column(Kind::Reach(id, *nation, *site, asked * planned.min(1.0)), (0.0, 0.0), 0.0, asked);
                    terms.push((reach, 1.0));
                    of_site.push((reach, 1.0));
                }
                self.problem.add_row(asked..=asked, terms);
            }
            for (_, terms) in at_site {
                self.problem.add_row(0.0..=0.0, terms);
            }
        }
    }

    fn campaigns(&mut self, model: &Model, gangs: &[Gang], used: &mut [Vec<Vec<(Col, f64)>>]) {
        for (index, gang) in gangs.iter().enumerate() {
            // What stands still is summed up over time: it counts where it makes a campaign late.
            let (cost, _) = delay_cost(model, gang.campaign, self.world.measure);
            let cost = if self.world.measure == Measure::Money { gang.late } else { cost * gang.share };
            let run = self.column(Kind::Run(index), (-cost, 0.0), 0.0, 1.0);
            for (site, kind, accelerators) in &gang.members {
                used[site.index()][kind.index()].push((run, *accelerators));
            }
        }
    }

    /// Most that a MWh is worth: to a load, or to the best use of an accelerator.
    fn dearest(&self, model: &Model, power: &[Vec<f64>]) -> f64 {
        let mut most = TRACE;
        for (kind, _, _, upper) in &self.columns {
            match *kind {
                Kind::Shed(count, ..) if *upper > 0.0 => most = most.max(count),
                Kind::Work(service, site, kind) => {
                    let rate = model.token_rate[service.index()][kind.index()].as_tokens_per_s() / WORK;
                    let mw = power[site.index()][kind.index()];
                    most = most.max(unserved_cost(self.world, service, self.world.measure).1 * rate / mw.max(f64::MIN_POSITIVE));
                }
                _ => {}
            }
        }
        for gang in gangs(self.world) {
            let mw: f64 = gang.members.iter().map(|(site, kind, count)| count * power[site.index()][kind.index()]).sum();
            most = most.max(gang.late / mw.max(f64::MIN_POSITIVE));
        }
        most
    }
}

/// Power of an accelerator at work at a site, cooling with it \[MW\].
fn power(world: &World) -> Vec<Vec<f64>> {
    let model = &*world.model;
    let of = |index: usize| {
        let id = SiteId::from_index(index);
        let temperature = model.sites[id].temperature.map(|profile| bastide_units::Temperature::from_celsius(world.value(profile)));
        let pue = model.pue(id, temperature);
        model.accelerators.iter().map(|kind| pue * kind.power.as_mw()).collect()
    };
    (0..model.sites.len()).map(of).collect()
}

/// Campaigns as the plan runs them: one gang, or islands that go on alone.
fn gangs(world: &World) -> Vec<Gang> {
    let model = &*world.model;
    let mut gangs: Vec<Gang> = Vec::new();
    let hours = |seconds: f64| seconds / HOUR;
    for (index, campaign) in model.campaigns.iter().enumerate() {
        let id = CampaignId::from_index(index);
        let placed = || world.plan.campaigns.iter().filter(|it| it.campaign == id);
        let all: u32 = placed().map(|it| it.islands.max(1)).sum();
        let apart = matches!(campaign.mode, CampaignMode::LowCommunication { .. });
        let size = f64::from(campaign.accelerators) / f64::from(all.max(1));
        // Training time without a stop, and with it what is left until the deadline.
        let rate: f64 =
            placed().map(|it| model.training_rate[index][it.accelerator.index()].base() * size * f64::from(it.islands.max(1))).sum();
        let done = campaign.start.as_hours() + hours(campaign.compute.base() / rate.max(f64::MIN_POSITIVE));
        let end = hours(model.header.duration.base());
        let begins = (campaign.start.as_hours() - world.time.as_hours()).max(0.0);
        // A deadline beyond the end of the history is not missed in it.
        let slack = if campaign.deadline.as_hours() >= end || done <= world.time.as_hours() {
            f64::INFINITY
        } else {
            (campaign.deadline.as_hours() - done).max(0.0)
        };
        let late = if world.measure == Measure::Delay {
            delay_cost(model, id, Measure::Delay).1
        } else if begins + slack >= hours(world.horizon) {
            0.0
        } else {
            delay_cost(model, id, world.measure).1
        };
        let slack = if world.measure == Measure::Delay { 0.0 } else { slack };
        for it in placed() {
            let islands = f64::from(it.islands.max(1));
            let member = (it.site, it.accelerator, size * islands);
            match gangs.last_mut().filter(|gang| gang.campaign == id && !apart) {
                Some(gang) => gang.members.push(member),
                None => {
                    let share = if apart { islands / f64::from(all.max(1)) } else { 1.0 };
                    gangs.push(Gang { campaign: id, members: vec![member], share, begins, slack, late: late * share });
                }
            }
        }
    }
    gangs
}
