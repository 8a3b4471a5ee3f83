//! DC power flow: angles and flows of given injections, by islands.
//!
//! The approximation (Stott, Jardim & Alsaç 2009): no losses, voltages of 1 p.u., small angles; the flow of a branch is
//! `b (θ_from − θ_to − φ)`.

use crate::case::{BusKind, Case};
use crate::factor::{Factor, Singular};

/// Which susceptance a branch has: the two published ways differ by up to several percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// b = 1 / (x · tap), phase shifts count: MATPOWER's `makeBdc` (Zimmerman, Murillo-Sánchez & Thomas 2011, eq. 3.21), pandapower.
    #[default]
    Matpower,
    /// b = x / (r² + x²), taps and phase shifts ignored: `DCPPowerModel` of PowerModels.jl, the baseline of PGLib-OPF.
    PowerModels,
}

/// The branches of a network as the DC equations know them; rows are those of the case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DcNetwork {
    /// Number of buses -- constant.
    pub buses: usize,
    /// Buses at the "from" and "to" end of each branch -- constant.
    pub ends: Vec<(u32, u32)>,
    /// Susceptance of each branch; 0 when out of service \[MW/rad\] -- constant.
    pub susceptance_mw: Vec<f64>,
    /// Flow of each branch at no angle difference, caused by its phase shift: −b φ \[MW\] -- constant.
    pub shift_mw: Vec<f64>,
    /// Whether a bus belongs to the network (MATPOWER's type 4 does not) -- constant.
    pub connected: Vec<bool>,
    /// How well a bus serves as the slack of its island: 2 reference, 1 generator, 0 other -- constant.
    pub slack_rank: Vec<u8>,
    /// Angle that a slack bus keeps \[rad\] -- constant.
    pub slack_angle_rad: Vec<f64>,
}

/// Parts of a network that no branch in service joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Islands {
    /// Island of each bus, or [`Islands::NONE`] -- output.
    pub of: Vec<u32>,
    /// Slack bus of each island -- output. The first reference bus, else the first generator bus, else the first bus.
    pub slack: Vec<u32>,
}

impl Islands {
    /// Of a bus that does not belong to the network.
    pub const NONE: u32 = u32::MAX;

    /// Number of islands.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slack.len()
    }
}

impl DcNetwork {
    /// The network of a case.
    #[must_use]
    pub fn new(case: &Case, convention: Convention) -> Self {
        let connected: Vec<bool> = case.buses.iter().map(|bus| bus.kind != BusKind::Isolated).collect();
        let mut this = Self {
            buses: case.buses.len(),
            slack_rank: case
                .buses
                .iter()
                .map(|bus| u8::from(bus.kind == BusKind::Generator) + 2 * u8::from(bus.kind == BusKind::Reference))
                .collect(),
            slack_angle_rad: case.buses.iter().map(|bus| bus.angle_deg.to_radians()).collect(),
            connected,
            ..Self::default()
        };
        for branch in &case.branches {
            let live = branch.in_service && this.connected[branch.from] && this.connected[branch.to];
            let (r, x) = (branch.resistance_pu, branch.reactance_pu);
            let (per_unit, shift) = match convention {
                Convention::Matpower => (1.0 / (x * branch.tap), branch.shift_deg.to_radians()),
                Convention::PowerModels => (x / (r * r + x * x), 0.0),
            };
            let b = if live { per_unit * case.base_mva } else { 0.0 };
            this.ends.push((branch.from as u32, branch.to as u32));
            this.susceptance_mw.push(b);
            this.shift_mw.push(if live { -b * shift } else { 0.0 });
        }
        this
    }

    /// The islands that branches with a susceptance other than zero leave.
    #[must_use]
    pub fn islands(&self, susceptance_mw: &[f64]) -> Islands {
        let mut islands = Islands::default();
        let mut scratch = Vec::new();
        self.islands_into(susceptance_mw, &mut islands, &mut scratch);
        islands
    }

    /// [`Self::islands`] into memory that is there already.
    pub fn islands_into(&self, susceptance_mw: &[f64], islands: &mut Islands, scratch: &mut Vec<u32>) {
        // Union-find with path halving; the root of a set is its lowest bus, so islands come in the order of their first bus.
        let parent = scratch;
        parent.clear();
        parent.extend(0..self.buses as u32);
        let find = |parent: &mut [u32], mut bus: u32| {
            while parent[bus as usize] != bus {
                parent[bus as usize] = parent[parent[bus as usize] as usize];
                bus = parent[bus as usize];
            }
            bus
        };
        for (&(from, to), &b) in self.ends.iter().zip(susceptance_mw) {
            if b != 0.0 {
                let (a, c) = (find(parent, from), find(parent, to));
                parent[a.max(c) as usize] = a.min(c);
            }
        }
        islands.of.clear();
        islands.of.resize(self.buses, Islands::NONE);
        islands.slack.clear();
        for bus in 0..self.buses {
            if !self.connected[bus] {
                continue;
            }
            let root = find(parent, bus as u32) as usize;
            if islands.of[root] == Islands::NONE {
                islands.of[root] = islands.slack.len() as u32;
                islands.slack.push(root as u32);
            }
            let island = islands.of[root];
            islands.of[bus] = island;
            let slack = &mut islands.slack[island as usize];
            if self.slack_rank[bus] > self.slack_rank[*slack as usize] {
                *slack = bus as u32;
            }
        }
    }

    /// What phase shifters inject: to be added to the injections of units and loads before solving \[MW\].
    pub fn add_shift_injections(&self, shift_mw: &[f64], injection_mw: &mut [f64]) {
        for (&(from, to), &shift) in self.ends.iter().zip(shift_mw) {
            if shift != 0.0 {
                injection_mw[from as usize] -= shift;
                injection_mw[to as usize] += shift;
            }
        }
    }

    /// Flow of each branch at the given angles \[MW\].
    pub fn flows(&self, susceptance_mw: &[f64], shift_mw: &[f64], angle_rad: &[f64], flow_mw: &mut [f64]) {
        for (row, flow) in flow_mw.iter_mut().enumerate() {
            let (from, to) = self.ends[row];
            let b = susceptance_mw[row];
            // An open branch carries nothing, whatever the angles.
            *flow = if b == 0.0 { 0.0 } else { b * (angle_rad[from as usize] - angle_rad[to as usize]) + shift_mw[row] };
        }
    }
}

/// A DC power flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DcFlow {
    /// Angle by bus; none for buses outside the network \[degrees\] -- output.
    pub angle_deg: Vec<Option<f64>>,
    /// Flow by branch, positive from "from" to "to" \[MW\] -- output.
    pub flow_mw: Vec<f64>,
    /// Islands -- output.
    pub islands: Islands,
    /// What the slack of each island adds to balance it \[MW\] -- output. MATPOWER gives it to the first unit there.
    pub slack_mw: Vec<f64>,
}

/// Net injection of each bus at the operating point of the file: units in service − demand − shunt ± DC lines \[MW\].
#[must_use]
pub fn injections(case: &Case) -> Vec<f64> {
    let mut injection: Vec<f64> = case.buses.iter().map(|bus| -bus.demand_mw - bus.shunt_mw).collect();
    for unit in case.generators.iter().filter(|unit| unit.in_service) {
        injection[unit.bus] += unit.output_mw;
    }
    for line in case.dc_lines.iter().filter(|line| line.in_service) {
        injection[line.from] -= line.flow_mw;
        injection[line.to] += line.flow_mw - line.loss_mw - line.loss_share * line.flow_mw;
    }
    for (bus, value) in case.buses.iter().zip(&mut injection) {
        if bus.kind == BusKind::Isolated {
            *value = 0.0;
        }
    }
    injection
}

/// The DC power flow of a case at the operating point of its file, as MATPOWER's `rundcpf` defines it; every island is balanced by its
/// slack bus.
///
/// # Errors
/// [`Singular`] where negative reactances leave no flow defined.
pub fn dc_flow(case: &Case, convention: Convention) -> Result<DcFlow, Singular> {
    let network = DcNetwork::new(case, convention);
    let islands = network.islands(&network.susceptance_mw);
    let mut factor = Factor::new(&network, &islands)?;
    let mut injection = injections(case);
    let mut slack_mw = vec![0.0; islands.count()];
    for (bus, &island) in islands.of.iter().enumerate() {
        if island != Islands::NONE {
            slack_mw[island as usize] -= injection[bus];
        }
    }
    network.add_shift_injections(&network.shift_mw, &mut injection);
    let mut angle = injection.clone();
    factor.solve(&mut angle);
    // One step of iterative refinement: the matrix is indefinite where a reactance is negative, and it is not pivoted.
    let mut residual = injection;
    let mut flow_mw = vec![0.0; network.ends.len()];
    let no_shift = vec![0.0; flow_mw.len()];
    network.flows(&network.susceptance_mw, &no_shift, &angle, &mut flow_mw);
    for (&(from, to), flow) in network.ends.iter().zip(&flow_mw) {
        residual[from as usize] -= flow;
        residual[to as usize] += flow;
    }
    factor.solve(&mut residual);
    angle.iter_mut().zip(&residual).for_each(|(angle, step)| *angle += step);
    // All buses of an island turn with its slack.
    for (angle, &island) in angle.iter_mut().zip(&islands.of) {
        if island != Islands::NONE {
            *angle += network.slack_angle_rad[islands.slack[island as usize] as usize];
        }
    }
    network.flows(&network.susceptance_mw, &network.shift_mw, &angle, &mut flow_mw);
    let angle_deg = angle.iter().zip(&islands.of).map(|(angle, &island)| (island != Islands::NONE).then(|| angle.to_degrees())).collect();
    Ok(DcFlow { angle_deg, flow_mw, islands, slack_mw })
}
