//! Hourly dispatch over a horizon, on a network or on one bus, with batteries that couple the hours.
//!
//! Hours without batteries are solved one after the other from the last basis. With batteries the cost of an hour is a convex,
//! piecewise-linear function of what each battery takes up; tangents found by solving single hours build it from below where it matters
//! (Benders 1962), and a master chooses the uptakes: by dynamic programming on the content of a single battery, by an interior point method
//! on the horizon for several. The master bounds the cost from below, the hours at its choice from above; both meet, and the gap says so.

use super::full::{Found, Full};
use super::highs;
use super::programme::{Column, NONE, Programme, SideRow};
use super::simplex::Outcome;
use crate::flow::DcNetwork;
use crate::network::{GridError, Line, Network, Offer};
use horizon::Horizon;
use master::Master;

mod horizon;
mod master;

/// Relative distance of the bounds at which the search for uptakes ends.
const GAP: f64 = 1e-10;
/// Units of [`copper_plate`] that are summed before their sum is looked at.
const BLOCK: usize = 8;
/// Rounds of the search.
const ROUNDS: usize = 200;

/// A battery.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battery {
    /// Bus that it is at -- constant.
    pub bus: usize,
    /// Most that it takes up, and most that it gives back \[MW\] -- constant.
    pub power_mw: f64,
    /// Most that it holds \[MWh\] -- constant.
    pub energy_mwh: f64,
    /// Share of the energy taken up that it holds -- constant.
    pub charge_efficiency: f64,
    /// Share of the energy it loses that the grid gets -- constant.
    pub discharge_efficiency: f64,
    /// Content at the start \[MWh\] -- input.
    pub initial_mwh: f64,
    /// Content at the end; none leaves it free \[MWh\] -- input.
    pub final_mwh: Option<f64>,
}

/// A line of a chronological dispatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChronologyLine {
    /// Bus where a positive flow leaves -- constant.
    pub from: usize,
    /// Bus where a positive flow arrives -- constant.
    pub to: usize,
    /// Susceptance [MW/rad]; none is a direct-current line whose flow is chosen -- constant.
    pub susceptance_mw: Option<f64>,
    /// Most from `from` to `to` \[MW\] -- constant.
    pub limit_mw: f64,
    /// Most from `to` to `from` \[MW\] -- constant.
    pub reverse_mw: f64,
}

/// What is dispatched.
#[derive(Clone, Copy, Debug)]
pub struct ChronologyInput<'a> {
    /// Number of buses -- constant.
    pub buses: usize,
    /// Lines; none puts all buses on a copper plate -- constant.
    pub lines: Option<&'a [ChronologyLine]>,
    /// Units -- constant.
    pub units: &'a [Offer],
    /// Most by hour, then unit \[MW\] -- input.
    pub available_mw: &'a [f64],
    /// Demand by hour, then bus \[MW\] -- input.
    pub demand_mw: &'a [f64],
    /// Cost of shedding, at every bus [EUR/MWh] -- input.
    pub shedding_eur_per_mwh: f64,
    /// Batteries -- constant.
    pub batteries: &'a [Battery],
    /// Whether the arrays by hour of [`Chronology`] are wanted beyond the cost -- input.
    pub detail: bool,
}

/// A chronological dispatch. Arrays are by hour, then by element.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chronology {
    /// Cost of all hours \[EUR\] -- output.
    pub cost_eur: f64,
    /// What no dispatch undercuts \[EUR\] -- output.
    pub bound_eur: f64,
    /// Cost by hour \[EUR\] -- output.
    pub hour_cost_eur: Vec<f64>,
    /// Content of the batteries at the end of the hour \[MWh\] -- output.
    pub content_mwh: Vec<f64>,
    /// Charging \[MW\] -- output.
    pub charge_mw: Vec<f64>,
    /// Discharging \[MW\] -- output.
    pub discharge_mw: Vec<f64>,
    /// Generation \[MW\] -- output, on demand.
    pub generation_mw: Vec<f64>,
    /// Shed demand by bus \[MW\] -- output, on demand; on a copper plate, all at the first bus.
    pub shed_mw: Vec<f64>,
    /// Price by bus [EUR/MWh] -- output, on demand.
    pub price_eur_per_mwh: Vec<f64>,
    /// Flow by line \[MW\] -- output, on demand.
    pub flow_mw: Vec<f64>,
    /// Hours solved, repetitions included -- output.
    pub solves: u64,
    /// Pivots -- output.
    pub pivots: u64,
}

/// Why there is no chronological dispatch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChronologyError {
    /// The network is wrong. Fatal.
    #[error(transparent)]
    Network(#[from] GridError),
    /// An array has another length than hours times elements. Fatal.
    #[error("{what} has {length} numbers, which is not a multiple of {by}, or not as many hours as the other array")]
    Length {
        /// `available_mw` or `demand_mw`.
        what: &'static str,
        /// Its length.
        length: usize,
        /// Elements of an hour.
        by: usize,
    },
    /// A battery has a negative or undefined number, an efficiency outside (0, 1], or an initial content above what it holds. Fatal.
    #[error("battery {0} has a number that is out of range")]
    Battery(usize),
    /// No way of charging reaches the final content. Fatal.
    #[error("the final content of the batteries cannot be reached")]
    Unreachable,
    /// An hour was not solved. Fatal.
    #[error("hour {hour} was not solved: {reason}")]
    Hour {
        /// From 0.
        hour: usize,
        /// What the solver said.
        reason: String,
    },
    /// The bounds did not meet. Fatal.
    #[error("the storage trajectory is not proved optimal: cost {cost} EUR, bound {bound} EUR")]
    Gap {
        /// Cost of the best trajectory \[EUR\].
        cost: f64,
        /// Bound \[EUR\].
        bound: f64,
    },
}

/// One hour's programme, and where its columns are.
struct Hourly<'a> {
    input: &'a ChronologyInput<'a>,
    programme: Programme,
    /// Units of the same bus and cost share a column: their sum is dispatched, and split in the order of the units.
    group_of: Vec<u32>,
    groups: usize,
    /// Bus of each column of shed demand.
    shed_bus: Vec<usize>,
    direct: Vec<(usize, u32)>,
    first_battery: usize,
    capacity: Vec<f64>,
    /// What HiGHS found, where the simplex did not.
    other: Option<Found>,
    solves: u64,
    pivots: u64,
}

/// Cost of an hour, and what it would change by per MWh more in each battery.
#[derive(Clone, Debug, Default)]
struct Tangent {
    cost: f64,
    slope: Vec<f64>,
}

impl<'a> Hourly<'a> {
    fn new(input: &'a ChronologyInput<'a>) -> Result<Self, GridError> {
        let copper = input.lines.is_none();
        let buses = if copper { 1.min(input.buses) } else { input.buses };
        let at = |bus: usize| if copper { 0 } else { bus };
        let lines = input.lines.unwrap_or_default();
        let plain = Network { buses: input.buses, lines: lines.iter().map(|line| Line { from: line.from, to: line.to }).collect() };
        plain.check(input.units, &[])?;
        let wrong =
            |line: &ChronologyLine| line.susceptance_mw.is_some_and(|b| !b.is_finite()) || (line.limit_mw + line.reverse_mw).is_nan();
        if let Some(line) = lines.iter().position(wrong) {
            return Err(GridError::Susceptance { line });
        }
        let network = DcNetwork {
            buses,
            ends: lines.iter().map(|line| (line.from as u32, line.to as u32)).collect(),
            susceptance_mw: lines.iter().map(|line| line.susceptance_mw.unwrap_or(0.0)).collect(),
            shift_mw: vec![0.0; lines.len()],
            connected: vec![true; buses],
            slack_rank: vec![0; buses],
            slack_angle_rad: vec![0.0; buses],
        };
        let mut columns: Vec<Column> = Vec::new();
        let mut group_of = Vec::with_capacity(input.units.len());
        let mut order: Vec<usize> = (0..input.units.len()).collect();
        let key = |unit: usize| (at(input.units[unit].bus), input.units[unit].cost_eur_per_mwh);
        order.sort_by(|&a, &b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
        group_of.resize(input.units.len(), 0);
        for (place, &unit) in order.iter().enumerate() {
            if place == 0 || key(order[place - 1]) != key(unit) {
                columns.push(Column::at(key(unit).0, 1.0, key(unit).1, 0.0, 0.0));
            }
            group_of[unit] = columns.len() as u32 - 1;
        }
        let groups = columns.len();
        let mut takes = vec![false; buses];
        for hour in input.demand_mw.chunks_exact(input.buses.max(1)) {
            for (bus, &mw) in hour.iter().enumerate() {
                takes[at(bus)] |= mw > 0.0;
            }
        }
        let shed_bus: Vec<usize> = (0..buses).filter(|&bus| takes[bus]).collect();
        columns.extend(shed_bus.iter().map(|&bus| Column::at(bus, 1.0, input.shedding_eur_per_mwh, 0.0, 0.0)));
        let mut direct = Vec::new();
        for (row, line) in lines.iter().enumerate() {
            if line.susceptance_mw.is_none_or(|b| b == 0.0) {
                direct.push((row, columns.len() as u32));
                let terms = [(line.from as u32, -1.0), (line.to as u32, 1.0)];
                columns.push(Column { cost: 0.0, lower: -line.reverse_mw.max(0.0), upper: line.limit_mw.max(0.0), terms });
            }
        }
        let first_battery = columns.len();
        // An hour may be unable to take what a battery should give, or the other way round: such an uptake costs more than any use of it.
        let dearest = input.units.iter().fold(input.shedding_eur_per_mwh.abs(), |most, unit| most.max(unit.cost_eur_per_mwh.abs()));
        let penalty = 100.0 * (1.0 + dearest);
        let mut side = Vec::new();
        for battery in input.batteries {
            let charge = columns.len() as u32;
            columns.push(Column::at(at(battery.bus), -1.0, 0.0, 0.0, battery.power_mw));
            columns.push(Column::at(at(battery.bus), 1.0, 0.0, 0.0, battery.power_mw));
            let most = battery.power_mw * (battery.charge_efficiency + 1.0 / battery.discharge_efficiency);
            let nowhere = Column { cost: penalty, lower: 0.0, upper: most, terms: [(NONE, 0.0); 2] };
            columns.extend([nowhere, nowhere]);
            let terms = vec![
                (charge, battery.charge_efficiency),
                (charge + 1, -1.0 / battery.discharge_efficiency),
                (charge + 2, 1.0),
                (charge + 3, -1.0),
            ];
            side.push(SideRow { terms, low: 0.0, high: 0.0 });
        }
        let low = lines.iter().map(|line| -line.reverse_mw.max(0.0)).collect();
        let high = lines.iter().map(|line| line.limit_mw.max(0.0)).collect();
        let programme =
            Programme::new(network, columns, side, vec![0.0; buses], low, high).map_err(|_| GridError::Susceptance { line: 0 })?;
        let capacity = vec![0.0; groups];
        Ok(Self { input, programme, group_of, groups, shed_bus, direct, first_battery, capacity, other: None, solves: 0, pivots: 0 })
    }

    /// Solves an hour with given uptakes of the batteries \[MWh\].
    fn solve(&mut self, hour: usize, uptake: &[f64]) -> Result<Tangent, ChronologyError> {
        let (units, buses) = (self.input.units.len(), self.input.buses);
        let available = &self.input.available_mw[hour * units..(hour + 1) * units];
        let demand = &self.input.demand_mw[hour * buses..(hour + 1) * buses];
        self.capacity.fill(0.0);
        for (&group, &mw) in self.group_of.iter().zip(available) {
            self.capacity[group as usize] += mw.max(0.0);
        }
        for (at, &mw) in self.capacity.iter().enumerate() {
            let cost = self.programme.columns[at].cost;
            self.programme.set_column(at, cost, 0.0, mw);
        }
        if self.input.lines.is_none() {
            let sum: f64 = demand.iter().sum();
            self.programme.fixed_mw.iter_mut().for_each(|fixed| *fixed = -sum);
        } else {
            self.programme.fixed_mw.iter_mut().zip(demand).for_each(|(fixed, mw)| *fixed = -mw);
        }
        for (at, &bus) in self.shed_bus.iter().enumerate() {
            let most = (-self.programme.fixed_mw[bus]).max(0.0);
            self.programme.set_column(self.groups + at, self.input.shedding_eur_per_mwh, 0.0, most);
        }
        for (side, &mwh) in self.programme.side.iter_mut().zip(uptake) {
            (side.low, side.high) = (mwh, mwh);
        }
        self.solves += 1;
        self.other = None;
        let outcome = self.programme.solve();
        self.pivots += u64::from(self.programme.pivots);
        if outcome == Outcome::Optimal {
            let slope = (0..uptake.len()).map(|at| self.programme.side_dual(at)).collect();
            return Ok(Tangent { cost: self.programme.objective(), slope });
        }
        let quadratic = vec![0.0; self.programme.columns.len()];
        let full = Full { programme: &self.programme, columns: &self.programme.columns, quadratic: &quadratic };
        let found = highs::solve(&full).map_err(|status| ChronologyError::Hour { hour, reason: format!("{status:?}") })?;
        self.programme.simplex.reset();
        let tangent = Tangent { cost: found.objective, slope: found.side_dual.clone() };
        self.other = Some(found);
        Ok(tangent)
    }

    /// Columns of the last solved hour.
    fn values(&self) -> &[f64] {
        self.other.as_ref().map_or_else(|| self.programme.simplex.values(), |found| &found.values)
    }

    /// Prices of the last solved hour [EUR/MWh].
    fn prices(&self) -> Vec<Option<f64>> {
        self.other.as_ref().map_or_else(|| self.programme.prices(), |found| found.price.clone())
    }

    /// The last solved hour as a tangent in the power that the batteries take: power \[MW\], slopes [EUR/MWh] and cost there \[EUR\].
    fn tangent(&self, cost: f64, power: &mut [f64], slope: &mut [f64]) -> f64 {
        let prices = self.prices();
        let values = &self.values()[self.first_battery..];
        let mut cost = cost;
        for (at, (of_battery, battery)) in values.chunks_exact(4).zip(self.input.batteries).enumerate() {
            power[at] = of_battery[0] - of_battery[1];
            slope[at] = prices[if self.input.lines.is_none() { 0 } else { battery.bus }].unwrap_or(0.0);
            cost -= self.programme.columns[self.first_battery + 4 * at + 2].cost * (of_battery[2] + of_battery[3]);
        }
        cost
    }

    /// Largest uptake of the last solved hour that no charging or discharging makes \[MWh\].
    fn mismatch_mwh(&self) -> f64 {
        let of_batteries = self.values()[self.first_battery..].chunks_exact(4);
        of_batteries.fold(0.0, |worst, values| worst.max(values[2]).max(values[3]))
    }

    /// Writes the last solved hour.
    fn write(&self, hour: usize, out: &mut Chronology) {
        let values = self.values();
        for of_battery in values[self.first_battery..].chunks_exact(4) {
            out.charge_mw.push(of_battery[0]);
            out.discharge_mw.push(of_battery[1]);
        }
        if !self.input.detail {
            return;
        }
        let units = self.input.units.len();
        let mut left = values[..self.groups].to_vec();
        for (unit, &group) in self.group_of.iter().enumerate() {
            let mw = left[group as usize].min(self.input.available_mw[hour * units + unit].max(0.0));
            left[group as usize] -= mw;
            out.generation_mw.push(mw);
        }
        let start = out.shed_mw.len();
        out.shed_mw.resize(start + self.input.buses, 0.0);
        for (at, &bus) in self.shed_bus.iter().enumerate() {
            out.shed_mw[start + bus] = values[self.groups + at];
        }
        let prices = self.prices();
        for bus in 0..self.input.buses {
            let price = prices.get(if self.input.lines.is_none() { 0 } else { bus }).copied().flatten();
            out.price_eur_per_mwh.push(price.unwrap_or(0.0));
        }
        let start = out.flow_mw.len();
        out.flow_mw.extend_from_slice(self.other.as_ref().map_or(&self.programme.flow_mw, |found| &found.flow_mw));
        for &(row, column) in &self.direct {
            out.flow_mw[start + row] = values[column as usize];
        }
    }
}

/// The cheapest dispatch of all hours. All demand can be shed, so there always is one.
///
/// # Errors
/// [`ChronologyError`]; nothing is left behind.
pub fn dispatch_hours(input: &ChronologyInput) -> Result<Chronology, ChronologyError> {
    let hours = check(input)?;
    let mut hourly = Hourly::new(input)?;
    let count = input.batteries.len();
    let mut out = Chronology::default();
    if count == 0 {
        for hour in 0..hours {
            let tangent = hourly.solve(hour, &[])?;
            out.hour_cost_eur.push(tangent.cost);
            if input.detail {
                hourly.write(hour, &mut out);
            }
        }
        out.cost_eur = out.hour_cost_eur.iter().sum();
        out.bound_eur = out.cost_eur;
        (out.solves, out.pivots) = (hourly.solves, hourly.pivots);
        return Ok(out);
    }
    let (best, bound) = if count == 1 { choose_one(&mut hourly, hours)? } else { choose_several(&mut hourly, hours)? };
    let mut content: Vec<f64> = input.batteries.iter().map(|battery| battery.initial_mwh).collect();
    for (hour, uptake) in best.1.chunks_exact(count).enumerate() {
        let tangent = hourly.solve(hour, uptake)?;
        out.hour_cost_eur.push(tangent.cost);
        hourly.write(hour, &mut out);
        if hourly.mismatch_mwh() > 1e-6 {
            return Err(ChronologyError::Unreachable);
        }
        content.iter_mut().zip(uptake).for_each(|(content, by)| *content += by);
        out.content_mwh.extend_from_slice(&content);
    }
    out.cost_eur = out.hour_cost_eur.iter().sum();
    out.bound_eur = bound;
    (out.solves, out.pivots) = (hourly.solves, hourly.pivots);
    Ok(out)
}

/// Cost and uptakes of the best trajectory of one battery that was found, and the bound.
fn choose_one(hourly: &mut Hourly, hours: usize) -> Result<((f64, Vec<f64>), f64), ChronologyError> {
    let mut master = Master::new(&hourly.input.batteries[0], hours);
    let mut best = (f64::INFINITY, Vec::new());
    let mut bound = f64::NEG_INFINITY;
    for hour in 0..hours {
        let tangent = hourly.solve(hour, &[0.0])?;
        master.add(hour, 0.0, tangent.cost, tangent.slope[0]);
    }
    for _ in 0..ROUNDS {
        let (uptake, least) = master.choose().map_err(|_| ChronologyError::Unreachable)?;
        bound = bound.max(least);
        let cost = solve_hours(hourly, &mut master, &uptake)?;
        if cost < best.0 {
            best = (cost, uptake);
        }
        if best.0 - bound <= GAP * best.0.abs().max(1.0) {
            break;
        }
    }
    proved(best, bound, 1.0)
}

/// Both, if they are close enough to each other.
fn proved(best: (f64, Vec<f64>), bound: f64, scale: f64) -> Result<((f64, Vec<f64>), f64), ChronologyError> {
    let gap = best.0 - bound;
    if gap <= 1e-7 * best.0.abs().max(scale) { Ok((best, bound)) } else { Err(ChronologyError::Gap { cost: best.0, bound }) }
}

/// The same of several batteries.
fn choose_several(hourly: &mut Hourly, hours: usize) -> Result<((f64, Vec<f64>), f64), ChronologyError> {
    let batteries = hourly.input.batteries;
    let count = batteries.len();
    let mut horizon = Horizon::new(batteries, hours).map_err(|_| ChronologyError::Unreachable)?;
    let (mut power, mut slope) = (vec![0.0; count], vec![0.0; count]);
    // All take up as much as they can, nothing, and give as much as they can: most of what a year's tangents are.
    let all = |uptake: fn(&Battery) -> f64| batteries.iter().map(uptake).collect::<Vec<f64>>();
    let mut idle_cost = 0.0;
    for uptake in [
        all(|battery| battery.charge_efficiency * battery.power_mw),
        all(|battery| -battery.power_mw / battery.discharge_efficiency),
        all(|_| 0.0),
    ] {
        idle_cost = 0.0;
        for hour in 0..hours {
            let tangent = hourly.solve(hour, &uptake)?;
            idle_cost += tangent.cost;
            let cost = hourly.tangent(tangent.cost, &mut power, &mut slope);
            horizon.add(hour, &power, cost, &slope);
        }
    }
    // Batteries may make the rest free: what it costs without them, and what an hour without one of them may cost, are the scale then.
    let widest = batteries.iter().fold(0.0_f64, |most, battery| most.max(battery.power_mw));
    let scale = idle_cost.abs().max(widest * hourly.input.shedding_eur_per_mwh.abs()).max(1.0);
    let allowed = 0.1 * GAP * scale / hours.max(1) as f64;
    let mut best = (f64::INFINITY, Vec::new());
    let mut bound = f64::NEG_INFINITY;
    let mut target = 1e-4 * scale;
    let mut stalled = 0;
    for _ in 0..ROUNDS {
        let before = best.0 - bound;
        bound = bound.max(horizon.approach(target));
        let uptakes = horizon.uptakes();
        let (mut cost, mut excess) = (0.0, 0.0_f64);
        for (hour, uptake) in uptakes.chunks_exact(count).enumerate() {
            let tangent = hourly.solve(hour, uptake)?;
            cost += tangent.cost;
            horizon.power(hour, &mut power);
            let beyond = tangent.cost - horizon.model(hour, &power);
            if beyond > allowed {
                let cost = hourly.tangent(tangent.cost, &mut power, &mut slope);
                if horizon.add(hour, &power, cost, &slope) {
                    excess = excess.max(beyond);
                }
            }
        }
        if cost < best.0 {
            best = (cost, uptakes);
        }
        let gap = best.0 - bound;
        stalled = if excess > 0.0 || gap < 0.5 * before { 0 } else { stalled + 1 };
        let aim = GAP * best.0.abs().max(1.0);
        if gap <= aim || stalled > 1 {
            break;
        }
        if excess > 0.0 {
            horizon.restart(excess);
        }
        target = (0.1 * gap).max(0.2 * aim);
    }
    proved(best, bound, scale)
}

/// Cost of the hours at given uptakes; their tangents go to the master.
fn solve_hours(hourly: &mut Hourly, master: &mut Master, uptakes: &[f64]) -> Result<f64, ChronologyError> {
    let mut cost = 0.0;
    for (hour, &uptake) in uptakes.iter().enumerate() {
        cost += match master.known(hour, uptake) {
            Some(known) => known,
            None => {
                let tangent = hourly.solve(hour, &[uptake])?;
                master.add(hour, uptake, tangent.cost, tangent.slope[0]);
                tangent.cost
            }
        };
    }
    Ok(cost)
}

/// Lengths of the arrays, and the numbers of the batteries; the number of hours.
fn check(input: &ChronologyInput) -> Result<usize, ChronologyError> {
    let (units, buses) = (input.units.len(), input.buses);
    let wrong = |what, length, by| ChronologyError::Length { what, length, by };
    if buses == 0 || !input.demand_mw.len().is_multiple_of(buses) {
        return Err(wrong("demand_mw", input.demand_mw.len(), buses));
    }
    let hours = input.demand_mw.len() / buses;
    if input.available_mw.len() != hours * units {
        return Err(wrong("available_mw", input.available_mw.len(), units));
    }
    if let Some(at) = input.demand_mw.iter().position(|mw| !mw.is_finite()) {
        return Err(ChronologyError::Hour { hour: at / buses, reason: "a demand is not finite".to_owned() });
    }
    if let Some(at) = input.available_mw.iter().position(|mw| !mw.is_finite()) {
        return Err(ChronologyError::Hour { hour: at / units.max(1), reason: "an available power is not finite".to_owned() });
    }
    for (at, battery) in input.batteries.iter().enumerate() {
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let content = |value: f64| (0.0..=battery.energy_mwh).contains(&value);
        let right = battery.bus < buses
            && battery.power_mw >= 0.0
            && battery.power_mw.is_finite()
            && battery.energy_mwh.is_finite()
            && share(battery.charge_efficiency)
            && share(battery.discharge_efficiency)
            && content(battery.initial_mwh)
            && battery.final_mwh.is_none_or(content);
        if !right {
            return Err(ChronologyError::Battery(at));
        }
    }
    Ok(hours)
}

/// Cost of each hour on one bus without batteries, by merit order: units from the cheapest on until demand is met, the rest is shed.
/// `available_mw` is by hour, then unit; `demand_mw` by hour; costs in EUR/MWh, the answer in EUR. A unit dearer than shedding never runs.
#[must_use]
pub fn copper_plate(cost_eur_per_mwh: &[f64], available_mw: &[f64], demand_mw: &[f64], shedding_eur_per_mwh: f64) -> Vec<f64> {
    let units = cost_eur_per_mwh.len();
    let mut order: Vec<u32> = (0..units as u32).filter(|&unit| cost_eur_per_mwh[unit as usize] < shedding_eur_per_mwh).collect();
    order.sort_by(|&a, &b| cost_eur_per_mwh[a as usize].total_cmp(&cost_eur_per_mwh[b as usize]));
    let merit: Vec<(u32, f64)> = order.iter().map(|&unit| (unit, cost_eur_per_mwh[unit as usize])).collect();
    let mut hours = Vec::with_capacity(demand_mw.len());
    for (hour, &demand) in demand_mw.iter().enumerate() {
        let available = available_mw.get(hour * units..(hour + 1) * units).unwrap_or_default();
        let (mut left, mut cost) = (demand.max(0.0), 0.0);
        let merit = if available.is_empty() { &[] } else { &merit[..] };
        for block in merit.chunks(BLOCK) {
            // Sums that do not wait for each other, as long as all of the block is needed.
            let (mut sum, mut by_price) = ([0.0; 2], [0.0; 2]);
            for (at, &(unit, price)) in block.iter().enumerate() {
                let mw = available[unit as usize].max(0.0);
                sum[at % 2] += mw;
                by_price[at % 2] += mw * price;
            }
            if sum[0] + sum[1] <= left {
                left -= sum[0] + sum[1];
                cost += by_price[0] + by_price[1];
                continue;
            }
            for &(unit, price) in block {
                // A unit paid to run is taken up only as far as there is demand.
                let mw = available[unit as usize].max(0.0).min(left);
                cost += mw * price;
                left -= mw;
            }
            break;
        }
        hours.push(cost + left.max(0.0) * shedding_eur_per_mwh);
    }
    hours
}
