//! What a case says, as columns of a programme on its network.

use super::programme::{Column, NONE, SideRow};
use super::{OpfError, OpfOptions, ReserveRequirement};
use crate::case::{BusKind, Case, Cost};
use crate::flow::{Convention, DcNetwork};

/// Stands for an infinite limit of a unit \[MW\]; a dispatch that reaches it is unbounded.
pub(crate) const ENDLESS_MW: f64 = 1e7;
/// Segments of a quadratic cost.
pub(crate) const SEGMENTS: usize = 4;

/// A generating unit or a DC line: one or more columns whose sum is its output.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// First column, or [`NONE`] where it is out of service.
    pub first: u32,
    /// Number of columns.
    pub count: u32,
    pub min_mw: f64,
    pub max_mw: f64,
    pub quadratic: f64,
    pub linear: f64,
    /// Cost that does not depend on the columns [$/h].
    pub constant: f64,
    pub terms: [(u32, f64); 2],
}

impl Unit {
    /// Columns of the unit.
    pub(crate) fn columns(&self) -> std::ops::Range<usize> {
        if self.first == NONE { 0..0 } else { self.first as usize..(self.first + self.count) as usize }
    }
}

/// Columns, rows and limits of a case.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub network: DcNetwork,
    pub columns: Vec<Column>,
    /// Quadratic cost by column [$/MW²h]; all zero where quadratic units are cut into segments.
    pub quadratic: Vec<f64>,
    pub side: Vec<SideRow>,
    pub fixed_mw: Vec<f64>,
    pub low_mw: Vec<f64>,
    pub high_mw: Vec<f64>,
    /// By generator, then by DC line.
    pub units: Vec<Unit>,
    /// Reserve column by generator, or [`NONE`].
    pub reserve: Vec<u32>,
    /// Whether any cost is quadratic.
    pub has_quadratic: bool,
}

/// Flow limits of every branch: rating and angle limits together \[MW\].
pub(crate) fn flow_limits(case: &Case, network: &DcNetwork, ratings: bool, angles: bool) -> (Vec<f64>, Vec<f64>) {
    let mut low = Vec::with_capacity(case.branches.len());
    let mut high = Vec::with_capacity(case.branches.len());
    for (row, branch) in case.branches.iter().enumerate() {
        let rate = if ratings { branch.rate_a_mw.unwrap_or(f64::INFINITY) } else { f64::INFINITY };
        let (mut least, mut most) = (-rate, rate);
        let (b, shift) = (network.susceptance_mw[row], network.shift_mw[row]);
        if angles && b != 0.0 {
            let at = |degrees: Option<f64>| degrees.map(|degrees| b * degrees.to_radians() + shift);
            let (first, last) = (at(branch.angle_min_deg), at(branch.angle_max_deg));
            let (under, over) = if b > 0.0 { (first, last) } else { (last, first) };
            least = least.max(under.unwrap_or(f64::NEG_INFINITY));
            most = most.min(over.unwrap_or(f64::INFINITY));
        }
        low.push(least);
        high.push(most);
    }
    (low, high)
}

/// Demand and shunts of a bus as an injection \[MW\].
pub(crate) fn fixed_injection(case: &Case, bus: usize) -> f64 {
    let at = &case.buses[bus];
    if at.kind == BusKind::Isolated { 0.0 } else { -at.demand_mw - at.shunt_mw }
}

impl Model {
    /// `split`: quadratic costs become segments.
    pub(crate) fn new(case: &Case, convention: Convention, options: &OpfOptions, split: bool) -> Result<Self, OpfError> {
        check(case, convention)?;
        let network = DcNetwork::new(case, convention);
        let (low_mw, high_mw) = flow_limits(case, &network, true, true);
        let mut model = Self {
            fixed_mw: (0..case.buses.len()).map(|bus| fixed_injection(case, bus)).collect(),
            network,
            columns: Vec::new(),
            quadratic: Vec::new(),
            side: Vec::new(),
            low_mw,
            high_mw,
            units: Vec::new(),
            reserve: vec![NONE; case.generators.len()],
            has_quadratic: false,
        };
        for (row, unit) in case.generators.iter().enumerate() {
            let live = unit.in_service && case.buses[unit.bus].kind != BusKind::Isolated;
            let terms = [(unit.bus as u32, 1.0), (NONE, 0.0)];
            model.add_unit("generator", row, live, (unit.min_mw, unit.max_mw), unit.cost.as_ref(), terms, split)?;
        }
        for (row, line) in case.dc_lines.iter().enumerate() {
            let kinds = [case.buses[line.from].kind, case.buses[line.to].kind];
            let live = line.in_service && !kinds.contains(&BusKind::Isolated);
            let terms = [(line.from as u32, -1.0), (line.to as u32, 1.0 - line.loss_share)];
            model.add_unit("DC line", row, live, (line.min_mw, line.max_mw), line.cost.as_ref(), terms, split)?;
            if live {
                model.fixed_mw[line.to] -= line.loss_mw;
            }
        }
        if let Some(reserves) = &options.reserves {
            model.add_reserves(case, &reserves.max_mw, &reserves.requirements)?;
        }
        Ok(model)
    }

    #[allow(clippy::too_many_arguments)] // one unit, as the case says it
    fn add_unit(
        &mut self,
        what: &'static str,
        row: usize,
        live: bool,
        (min, max): (f64, f64),
        cost: Option<&Cost>,
        terms: [(u32, f64); 2],
        split: bool,
    ) -> Result<(), OpfError> {
        let (min_mw, max_mw) = (min.clamp(-ENDLESS_MW, ENDLESS_MW), max.clamp(-ENDLESS_MW, ENDLESS_MW));
        let mut unit = Unit { first: NONE, count: 0, min_mw, max_mw, quadratic: 0.0, linear: 0.0, constant: 0.0, terms };
        if !live {
            self.units.push(unit);
            return Ok(());
        }
        unit.first = self.columns.len() as u32;
        match cost {
            None => self.push(&mut unit, 0.0, 0.0, min_mw, max_mw),
            Some(&Cost::Polynomial { quadratic, linear, constant }) => {
                if quadratic < 0.0 {
                    return Err(OpfError::NotConvex { what, row });
                }
                unit.constant = constant;
                (unit.quadratic, unit.linear) = (quadratic, linear);
                if quadratic == 0.0 || !split {
                    self.push(&mut unit, linear, quadratic, min_mw, max_mw);
                } else {
                    for _ in 0..SEGMENTS {
                        self.push(&mut unit, linear, 0.0, 0.0, 0.0);
                    }
                }
                self.has_quadratic |= quadratic > 0.0;
            }
            Some(Cost::Piecewise(points)) => {
                let slopes: Vec<f64> = points.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
                if slopes.windows(2).any(|pair| pair[1] < pair[0] - 1e-8 * (1.0 + pair[0].abs())) {
                    return Err(OpfError::NotConvex { what, row });
                }
                // Inner points between the limits end segments; the outer segments are prolonged.
                let inner = &points[1..points.len() - 1];
                let mut slope = slopes[inner.iter().filter(|point| point.0 <= min_mw).count()];
                unit.constant = piecewise(points, &slopes, min_mw) - slope * min_mw;
                let mut from = min_mw;
                let mut base = min_mw;
                for (point, &next) in inner.iter().zip(&slopes[1..]) {
                    if point.0 > min_mw && point.0 < max_mw {
                        self.push(&mut unit, slope, 0.0, base, point.0 - from + base);
                        (from, base, slope) = (point.0, 0.0, next);
                    }
                }
                self.push(&mut unit, slope, 0.0, base, max_mw - from + base);
            }
        }
        self.units.push(unit);
        Ok(())
    }

    fn push(&mut self, unit: &mut Unit, cost: f64, quadratic: f64, lower: f64, upper: f64) {
        self.columns.push(Column { cost, lower, upper, terms: unit.terms });
        self.quadratic.push(quadratic);
        unit.count += 1;
    }

    /// A column of spinning reserve by unit, below its headroom and its ramp; a row by requirement.
    fn add_reserves(&mut self, case: &Case, max_mw: &[f64], requirements: &[ReserveRequirement]) -> Result<(), OpfError> {
        let off = [(NONE, 0.0); 2];
        for row in 0..case.generators.len() {
            let most = max_mw.get(row).copied().unwrap_or(0.0);
            let unit = &self.units[row];
            if unit.first == NONE || most <= 0.0 {
                continue;
            }
            let column = self.columns.len() as u32;
            let most = most.min((unit.max_mw - unit.min_mw).max(0.0));
            let mut terms: Vec<(u32, f64)> = unit.columns().map(|at| (at as u32, 1.0)).collect();
            terms.push((column, 1.0));
            self.side.push(SideRow { terms, low: f64::NEG_INFINITY, high: unit.max_mw });
            self.reserve[row] = column;
            self.columns.push(Column { cost: 0.0, lower: 0.0, upper: most, terms: off });
            self.quadratic.push(0.0);
        }
        for (at, requirement) in requirements.iter().enumerate() {
            if !requirement.mw.is_finite() {
                return Err(OpfError::NotFinite { what: "reserve requirement", row: at });
            }
            let counts = |row: usize| requirement.area.is_none_or(|area| case.buses[case.generators[row].bus].area == area);
            let terms = (0..case.generators.len()).filter(|&row| self.reserve[row] != NONE && counts(row));
            let terms = terms.map(|row| (self.reserve[row], 1.0)).collect();
            self.side.push(SideRow { terms, low: requirement.mw, high: f64::INFINITY });
        }
        Ok(())
    }

    /// Output of a unit \[MW\].
    pub(crate) fn output(&self, unit: usize, values: &[f64]) -> f64 {
        values[self.units[unit].columns()].iter().sum()
    }
}

/// Cost of an output on a broken line, its outer segments prolonged [$/h].
pub(crate) fn piecewise(points: &[(f64, f64)], slopes: &[f64], mw: f64) -> f64 {
    let at = points[1..points.len() - 1].iter().filter(|point| point.0 <= mw).count();
    points[at].1 + slopes[at] * (mw - points[at].0)
}

/// Every number is one.
pub(crate) fn check(case: &Case, convention: Convention) -> Result<(), OpfError> {
    let buses = case.buses.len();
    for (row, bus) in case.buses.iter().enumerate() {
        if !bus.demand_mw.is_finite() || !bus.shunt_mw.is_finite() {
            return Err(OpfError::NotFinite { what: "bus", row });
        }
    }
    for (row, branch) in case.branches.iter().enumerate() {
        if branch.from >= buses || branch.to >= buses {
            return Err(OpfError::UnknownBus { what: "branch", row });
        }
        let (r, x, tap) = (branch.resistance_pu, branch.reactance_pu, branch.tap);
        let finite = [r, x, tap, branch.shift_deg].iter().all(|value| value.is_finite());
        // PowerModels' susceptance of a pure resistance is zero; 1/x is not defined.
        let defined = x != 0.0 || (convention == Convention::PowerModels && r != 0.0);
        if branch.in_service && (!finite || !defined || tap == 0.0 || branch.rate_a_mw.is_some_and(f64::is_nan)) {
            return Err(OpfError::NotFinite { what: "branch", row });
        }
    }
    let cost_is_finite = |cost: Option<&Cost>| match cost {
        None => true,
        Some(Cost::Polynomial { quadratic, linear, constant }) => [quadratic, linear, constant].iter().all(|value| value.is_finite()),
        Some(Cost::Piecewise(points)) => {
            points.len() >= 2
                && points.iter().all(|(mw, cost)| mw.is_finite() && cost.is_finite())
                && points.windows(2).all(|pair| pair[0].0 < pair[1].0)
        }
    };
    for (row, unit) in case.generators.iter().enumerate() {
        if unit.bus >= buses {
            return Err(OpfError::UnknownBus { what: "generator", row });
        }
        if unit.in_service && (unit.min_mw.is_nan() || unit.max_mw.is_nan() || !cost_is_finite(unit.cost.as_ref())) {
            return Err(OpfError::NotFinite { what: "generator", row });
        }
    }
    for (row, line) in case.dc_lines.iter().enumerate() {
        if line.from >= buses || line.to >= buses {
            return Err(OpfError::UnknownBus { what: "DC line", row });
        }
        let finite = line.loss_mw.is_finite() && line.loss_share.is_finite() && !line.min_mw.is_nan() && !line.max_mw.is_nan();
        if line.in_service && (!finite || !cost_is_finite(line.cost.as_ref())) {
            return Err(OpfError::NotFinite { what: "DC line", row });
        }
    }
    Ok(())
}
