//! A transmission network under attack: the operator sheds as little as possible.
//!
//! Lower level (Salmerón, Wood & Baldick 2004, "Analysis of electric grid security under terrorist threat", the DC model without its loads of
//! substations): minimise the value of what is shed, subject to the DC equations with ratings of what is left, units anywhere from zero to their
//! maximum. It is solved exactly by [`PriorityShedding`].
//!
//! Most attacks need no such solve. The operator's answer to a smaller attack, with flows shifted by one more outage (line outage distribution
//! factors, from the inverse of the susceptance matrix, which Sherman & Morrison 1950 keep up to date) is an answer to the larger attack where
//! every rating holds; where one does not, the whole island is turned down until it does, as the DC equations are linear. Where an island breaks in
//! two, the part with too much turns its units down, and the part with too little turns spare units up and its loads down. Each of these is
//! feasible, so what it sheds bounds the damage.

use bastide_grid::opf::{OpfError, OpfStatus, PriorityShedding, Shedding};
use bastide_grid::{Case, Convention, DcNetwork, Factor};

use crate::search::Field;

/// A part of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A branch, by its row.
    Branch(usize),
    /// A generating unit, by its row.
    Generator(usize),
    /// A bus, with its branches, units and loads, by its row.
    Bus(usize),
}

/// What one strike takes out, and what it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Parts that are lost together.
    pub elements: Vec<Element>,
    /// Resources of the attacker; at least 1.
    pub cost: u32,
}

/// Power that counts as none \[MW\].
const DUST: f64 = 1e-7;
/// What is left of a transfer on other ways when a branch is no bridge: 1 less its own share.
const BRIDGE: f64 = 1e-7;

/// The operator's answer to the current attack, feasible in what is left.
#[derive(Clone, Debug)]
struct Response {
    /// Inverse of the susceptance matrix of what is left, an island's slack grounded \[rad/MW\], bus by bus.
    inverse: Vec<f64>,
    alive: Vec<bool>,
    /// Most output by bus \[MW\].
    capacity: Vec<f64>,
    /// Output by bus \[MW\].
    output: Vec<f64>,
    /// Served load by bus \[MW\].
    served: Vec<f64>,
    /// Value of it by bus \[1/h\].
    kept: Vec<f64>,
    /// Flow by branch \[MW\].
    flow: Vec<f64>,
    /// Value of what is shed.
    damage: f64,
    /// Whether that is the least.
    exact: bool,
}

/// A network under attack. See the module.
#[derive(Clone, Debug)]
pub struct Transmission {
    targets: Vec<Target>,
    network: DcNetwork,
    /// 1 / rating; 0 where there is none.
    weight: Vec<f64>,
    unit_bus: Vec<usize>,
    unit_max: Vec<f64>,
    /// Generation that is no unit, by bus \[MW\].
    negative: Vec<f64>,
    branches_at: Vec<Vec<u32>>,
    units_at: Vec<Vec<u32>>,
    tier_value: Vec<f64>,
    /// Demand by tier, then bus.
    demand: Vec<Vec<f64>>,
    total: f64,
    oracle: PriorityShedding,
    /// Where direct-current lines or phase shifters are, no response is turned down or split.
    plain: bool,
    attack: Vec<usize>,
    stack: Vec<Response>,
    depth: usize,
    // Scratch.
    angle: Vec<f64>,
    row: Vec<f64>,
    label: Vec<u32>,
    queue: Vec<u32>,
}

impl Transmission {
    /// States the field: what is in service in the case, its loads by tier of `shedding`, and the targets.
    ///
    /// # Errors
    /// [`OpfError`]: the first mistake of the case or of the loads.
    pub fn new(case: &Case, convention: Convention, shedding: &Shedding, targets: Vec<Target>) -> Result<Self, OpfError> {
        let network = DcNetwork::new(case, convention);
        let oracle = PriorityShedding::new(case, convention, shedding)?;
        let (buses, branches) = (network.buses, network.ends.len());
        let weight = case.branches.iter().map(|branch| branch.rate_a_mw.map_or(0.0, |rating| 1.0 / rating.max(0.0))).collect();
        let mut branches_at = vec![Vec::new(); buses];
        for (row, &(from, to)) in network.ends.iter().enumerate() {
            branches_at[from as usize].push(row as u32);
            branches_at[to as usize].push(row as u32);
        }
        let (mut units_at, mut capacity) = (vec![Vec::new(); buses], vec![0.0; buses]);
        let unit_max = |row: usize| {
            let unit = &case.generators[row];
            if unit.in_service && network.connected[unit.bus] { unit.max_mw.max(0.0) } else { 0.0 }
        };
        let unit_max: Vec<f64> = (0..case.generators.len()).map(unit_max).collect();
        for (row, unit) in case.generators.iter().enumerate() {
            units_at[unit.bus].push(row as u32);
            capacity[unit.bus] += unit_max[row];
        }
        for (bus, at) in case.buses.iter().enumerate() {
            capacity[bus] += if network.connected[bus] { (-at.demand_mw).max(0.0) } else { 0.0 };
        }
        let counts = |bus: usize, mw: f64| if network.connected[bus] { mw.max(0.0) } else { 0.0 };
        let demand: Vec<Vec<f64>> = shedding
            .tiers
            .iter()
            .map(|tier| (0..buses).map(|bus| counts(bus, tier.mw.get(bus).copied().unwrap_or(0.0))).collect())
            .collect();
        let tier_value: Vec<f64> = shedding.tiers.iter().map(|tier| tier.value).collect();
        let total = demand.iter().zip(&tier_value).map(|(tier, value)| value * tier.iter().sum::<f64>()).sum();
        let mut this = Self {
            weight,
            unit_bus: case.generators.iter().map(|unit| unit.bus).collect(),
            unit_max,
            negative: case.buses.iter().map(|bus| (-bus.demand_mw).max(0.0)).collect(),
            branches_at,
            units_at,
            tier_value,
            demand,
            total,
            oracle,
            plain: case.dc_lines.iter().all(|line| !line.in_service) && network.shift_mw.iter().all(|shift| *shift == 0.0),
            attack: Vec::new(),
            stack: Vec::new(),
            depth: 0,
            angle: vec![0.0; buses],
            row: vec![0.0; buses],
            label: vec![0; buses],
            queue: Vec::new(),
            targets,
            network,
        };
        let inverse = this.inverse_of_all();
        let alive = this.network.susceptance_mw.iter().map(|b| *b != 0.0).collect();
        let zero = vec![0.0; buses];
        this.stack.push(Response {
            inverse,
            alive,
            capacity,
            output: zero.clone(),
            served: zero.clone(),
            kept: zero,
            flow: vec![0.0; branches],
            damage: this.total,
            exact: false,
        });
        this.damage();
        Ok(this)
    }

    /// Demand of all tiers, weighted by their values: the damage of a blackout.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// One column of the inverse after the other.
    fn inverse_of_all(&self) -> Vec<f64> {
        let buses = self.network.buses;
        let islands = self.network.islands(&self.network.susceptance_mw);
        // The oracle was built from the same network: it has a factor.
        let Ok(mut factor) = Factor::new(&self.network, &islands) else { return vec![f64::NAN; buses * buses] };
        let mut inverse = vec![0.0; buses * buses];
        for bus in (0..buses).filter(|bus| self.network.connected[*bus]) {
            let column = &mut inverse[bus * buses..(bus + 1) * buses];
            column[bus] = 1.0;
            factor.solve(column);
        }
        inverse
    }

    /// Angles of a transfer of one megawatt across a branch, into [`Self::row`]; and those between the ends of the branch itself.
    fn transfer(&mut self, branch: usize) -> f64 {
        let (from, to) = self.network.ends[branch];
        let (from, to, n) = (from as usize, to as usize, self.network.buses);
        let inverse = &self.stack[self.depth].inverse;
        let (a, b) = (&inverse[from * n..from * n + n], &inverse[to * n..to * n + n]);
        for ((angle, a), b) in self.row.iter_mut().zip(a).zip(b) {
            *angle = a - b;
        }
        self.row[from] - self.row[to]
    }

    /// Takes a branch out of the current response; flows shift where it is no bridge. Whether they need to be worked out anew.
    fn open(&mut self, branch: usize) -> bool {
        if !self.stack[self.depth].alive[branch] {
            return false;
        }
        let across = self.transfer(branch);
        let b = self.network.susceptance_mw[branch];
        let rest = 1.0 - b * across;
        let response = &mut self.stack[self.depth];
        response.alive[branch] = false;
        let flow = std::mem::take(&mut response.flow[branch]);
        if rest.abs() <= BRIDGE {
            return flow.abs() > DUST;
        }
        // b (1 - b s)^-1 y y': what the loss adds to the inverse.
        let (n, by) = (self.network.buses, b / rest);
        for (bus, entries) in response.inverse.chunks_exact_mut(n).enumerate() {
            let factor = by * self.row[bus];
            if factor != 0.0 {
                entries.iter_mut().zip(&self.row).for_each(|(entry, angle)| *entry += factor * angle);
            }
        }
        let shift = flow / rest;
        for (row, &(from, to)) in self.network.ends.iter().enumerate() {
            if response.alive[row] {
                let angle = self.row[from as usize] - self.row[to as usize];
                response.flow[row] += shift * self.network.susceptance_mw[row] * angle;
            }
        }
        false
    }

    /// Loses an element; whether output and loads need to be balanced anew.
    fn lose(&mut self, element: Element) -> bool {
        match element {
            Element::Branch(row) => self.open(row),
            Element::Generator(row) => {
                let bus = self.unit_bus[row];
                let max = self.unit_max[row];
                let response = &mut self.stack[self.depth];
                response.capacity[bus] = (response.capacity[bus] - max).max(0.0);
                if response.capacity[bus] < DUST {
                    response.capacity[bus] = 0.0;
                }
                response.output[bus] > response.capacity[bus]
            }
            Element::Bus(bus) => {
                let mut unbalanced = false;
                for at in 0..self.branches_at[bus].len() {
                    unbalanced |= self.open(self.branches_at[bus][at] as usize);
                }
                let response = &mut self.stack[self.depth];
                unbalanced |= response.output[bus] != 0.0 || response.served[bus] != 0.0;
                response.damage += response.kept[bus];
                (response.capacity[bus], response.output[bus], response.served[bus], response.kept[bus]) = (0.0, 0.0, 0.0, 0.0);
                unbalanced
            }
        }
    }

    /// Islands of the current response into [`Self::label`]; their number.
    fn islands(&mut self) -> usize {
        let response = &self.stack[self.depth];
        self.label.fill(u32::MAX);
        let mut count = 0;
        for start in 0..self.label.len() {
            if self.label[start] != u32::MAX {
                continue;
            }
            self.label[start] = count;
            self.queue.clear();
            self.queue.push(start as u32);
            while let Some(bus) = self.queue.pop() {
                for &row in &self.branches_at[bus as usize] {
                    if response.alive[row as usize] {
                        let (from, to) = self.network.ends[row as usize];
                        let other = if from == bus { to } else { from };
                        if self.label[other as usize] == u32::MAX {
                            self.label[other as usize] = count;
                            self.queue.push(other);
                        }
                    }
                }
            }
            count += 1;
        }
        count as usize
    }

    /// Balances every island: too much output is turned down, too little is made good by spare units, then by shedding. Flows follow.
    fn balance(&mut self) {
        let islands = self.islands();
        let (n, label) = (self.network.buses, &self.label);
        let response = &mut self.stack[self.depth];
        let mut sums = vec![[0.0_f64; 3]; islands];
        for bus in 0..n {
            response.output[bus] = response.output[bus].min(response.capacity[bus]);
            let sum = &mut sums[label[bus] as usize];
            sum[0] += response.output[bus];
            sum[1] += response.served[bus];
            sum[2] += response.capacity[bus] - response.output[bus];
        }
        for bus in 0..n {
            let [output, served, spare] = sums[label[bus] as usize];
            if output > served {
                response.output[bus] *= served / output;
            } else if served > output {
                let more = spare.min(served - output);
                if spare > 0.0 {
                    response.output[bus] += (response.capacity[bus] - response.output[bus]) * (more / spare);
                }
                let part = (output + more) / served;
                if part < 1.0 {
                    response.served[bus] *= part;
                    response.damage += response.kept[bus] * (1.0 - part);
                    response.kept[bus] *= part;
                }
            }
        }
        // Angles of the injections, then flows.
        self.angle.fill(0.0);
        for bus in 0..n {
            let injection = response.output[bus] - response.served[bus];
            if injection != 0.0 {
                let column = &response.inverse[bus * n..(bus + 1) * n];
                self.angle.iter_mut().zip(column).for_each(|(angle, entry)| *angle += injection * entry);
            }
        }
        for (row, &(from, to)) in self.network.ends.iter().enumerate() {
            response.flow[row] = if response.alive[row] {
                self.network.susceptance_mw[row] * (self.angle[from as usize] - self.angle[to as usize])
            } else {
                0.0
            };
        }
    }

    /// Turns islands down until every rating holds. Without effect where all hold.
    fn turn_down(&mut self) {
        let over = |response: &Response| {
            let loads = response.flow.iter().zip(&self.weight).map(|(flow, weight)| if *flow == 0.0 { 0.0 } else { flow.abs() * weight });
            loads.fold(0.0, f64::max)
        };
        if over(&self.stack[self.depth]) <= 1.0 {
            return;
        }
        let islands = self.islands();
        let mut most = vec![1.0_f64; islands];
        let response = &mut self.stack[self.depth];
        for (row, &(from, _)) in self.network.ends.iter().enumerate() {
            let load = if response.flow[row] == 0.0 { 0.0 } else { response.flow[row].abs() * self.weight[row] };
            let island = self.label[from as usize] as usize;
            // A rating of zero leaves nothing of its island; so does what is no number.
            most[island] = if load.is_nan() { f64::INFINITY } else { most[island].max(load) };
        }
        for bus in 0..response.output.len() {
            let by = 1.0 / most[self.label[bus] as usize];
            if by < 1.0 {
                response.output[bus] *= by;
                response.served[bus] *= by;
                response.damage += response.kept[bus] * (1.0 - by);
                response.kept[bus] *= by;
            }
        }
        for (row, &(from, _)) in self.network.ends.iter().enumerate() {
            let by = 1.0 / most[self.label[from as usize] as usize];
            if by < 1.0 {
                response.flow[row] *= by;
            }
        }
    }

    /// Largest share of a rating that a branch carries when one more is lost, the worst of all; or what bounds the damage of a lost bridge.
    fn bound_with_branch(&mut self, branch: usize) -> f64 {
        let response = &self.stack[self.depth];
        if !response.alive[branch] {
            return response.damage;
        }
        let flow = response.flow[branch];
        if flow.abs() <= DUST {
            return response.damage;
        }
        let across = self.transfer(branch);
        let response = &self.stack[self.depth];
        let rest = 1.0 - self.network.susceptance_mw[branch] * across;
        if rest.abs() <= BRIDGE {
            return f64::INFINITY;
        }
        let shift = flow / rest;
        let mut most = 0.0_f64;
        for (row, &(from, to)) in self.network.ends.iter().enumerate() {
            // Lost branches have no flow and no weight here.
            let b = if response.alive[row] && row != branch { self.network.susceptance_mw[row] } else { 0.0 };
            let moved = response.flow[row] + shift * b * (self.row[from as usize] - self.row[to as usize]);
            let load = moved.abs() * self.weight[row];
            let load = if row == branch || !response.alive[row] { 0.0 } else { load };
            most = most.max(load);
        }
        if most <= 1.0 {
            response.damage
        } else if self.plain && most.is_finite() {
            response.damage + (1.0 - 1.0 / most) * (self.total - response.damage)
        } else {
            f64::INFINITY
        }
    }
}

impl Field for Transmission {
    fn targets(&self) -> usize {
        self.targets.len()
    }

    fn cost(&self, target: usize) -> u32 {
        self.targets[target].cost.max(1)
    }

    fn enter(&mut self, target: usize) {
        self.attack.push(target);
        if self.stack.len() == self.depth + 1 {
            let copy = self.stack[self.depth].clone();
            self.stack.push(copy);
        } else {
            let (below, above) = self.stack.split_at_mut(self.depth + 1);
            above[0].copy_from(&below[self.depth]);
        }
        self.depth += 1;
        self.stack[self.depth].exact = false;
        let mut unbalanced = false;
        for at in 0..self.targets[target].elements.len() {
            unbalanced |= self.lose(self.targets[target].elements[at]);
        }
        if self.plain {
            if unbalanced {
                self.balance();
            }
            self.turn_down();
        } else {
            // Only what is certain: the exact answer follows where it matters.
            let response = &mut self.stack[self.depth];
            response.damage = f64::INFINITY;
        }
    }

    fn leave(&mut self) {
        self.attack.pop();
        self.depth -= 1;
    }

    fn bound(&mut self) -> f64 {
        self.stack[self.depth].damage
    }

    fn bound_with(&mut self, target: usize) -> f64 {
        match self.targets[target].elements.as_slice() {
            &[Element::Branch(row)] => self.bound_with_branch(row),
            // A compound loss is entered to be bounded.
            _ => f64::INFINITY,
        }
    }

    fn damage(&mut self) -> f64 {
        if self.stack[self.depth].exact {
            return self.stack[self.depth].damage;
        }
        let (mut branches, mut units, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for &target in &self.attack {
            for element in &self.targets[target].elements {
                match *element {
                    Element::Branch(row) => branches.push(row),
                    Element::Generator(row) => units.push(row),
                    Element::Bus(bus) => {
                        branches.extend(self.branches_at[bus].iter().map(|row| *row as usize));
                        units.extend(self.units_at[bus].iter().map(|row| *row as usize));
                        lost.push(bus);
                    }
                }
            }
        }
        for rows in [&mut branches, &mut units] {
            rows.sort_unstable();
            rows.dedup();
        }
        let Ok(answer) = self.oracle.solve(&branches, &units) else {
            // Rows were checked with the targets; what is left are susceptances that define no flow: nothing is known to be served.
            return self.total;
        };
        if answer.status != OpfStatus::Optimal {
            return self.total;
        }
        let (network, demand, values) = (&self.network, &self.demand, &self.tier_value);
        let response = &mut self.stack[self.depth];
        response.output.fill(0.0);
        for (row, mw) in answer.generator_mw.iter().enumerate() {
            response.output[self.unit_bus[row]] += mw;
        }
        let mut damage = 0.0;
        for bus in 0..network.buses {
            let (mut served, mut kept, mut all) = (0.0, 0.0, 0.0);
            for ((tier, shed), value) in demand.iter().zip(&answer.shed_mw).zip(values) {
                served += tier[bus] - shed[bus];
                kept += value * (tier[bus] - shed[bus]);
                all += value * tier[bus];
            }
            // Load at a lost bus has no supply, whatever negative load stood beside it.
            if lost.contains(&bus) {
                (served, kept) = (0.0, 0.0);
            }
            (response.served[bus], response.kept[bus]) = (served.max(0.0), kept.max(0.0));
            damage += all - response.kept[bus];
        }
        // Curtailed negative loads are units that stand still.
        for bus in 0..network.buses {
            let surplus = if network.connected[bus] { self.negative[bus] - answer.curtailed_mw[bus] } else { 0.0 };
            response.output[bus] += if lost.contains(&bus) { 0.0 } else { surplus };
        }
        for (flow, (of, alive)) in response.flow.iter_mut().zip(answer.flow_mw.iter().zip(&response.alive)) {
            *flow = if *alive { *of } else { 0.0 };
        }
        (response.damage, response.exact) = (damage, true);
        damage
    }
}

impl Response {
    /// Takes over another response without new memory.
    fn copy_from(&mut self, other: &Self) {
        self.inverse.copy_from_slice(&other.inverse);
        self.alive.copy_from_slice(&other.alive);
        self.capacity.copy_from_slice(&other.capacity);
        self.output.copy_from_slice(&other.output);
        self.served.copy_from_slice(&other.served);
        self.kept.copy_from_slice(&other.kept);
        self.flow.copy_from_slice(&other.flow);
        (self.damage, self.exact) = (other.damage, other.exact);
    }
}
