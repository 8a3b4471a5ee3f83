//! Programs that are location problems, so that an exact search of their own can solve them.
//!
//! ```text
//! facility i   a site; fixed_i the cost of build(s); capacity_i the accelerators that all of its own rows leave room for
//! customer j   a class; demand_j its accelerators; cost_ij what all of it costs at the site
//! ```
//!
//! A program is one of these problems if every column and every row of it is of a kind that is known here:
//!
//! - accelerators cost nothing by themselves and are of one type, so that a site in use has as many as its load needs;
//! - all demand must be served: rows hold every `unserved` at zero;
//! - each class has one row of demand, each site one row of capacity with the same accelerators per unit at every site;
//! - rows of one site alone say how many accelerators it takes when it is in use, and none when it is not;
//! - rows over several sites count the sites in use, or can never bind (their largest value is within their limit).
//!
//! Then the feasible points of both problems are the same up to accelerators that nothing needs, at the same cost: from the program's
//! point, shares `place / demand` keep (1) to (4) of [`location`]; from a location's, `ceil(load)` accelerators keep every row. Anything
//! else is left to the general search. Rows are judged by their terms, not by who made them: a new family of rows is unknown here until
//! it is of one of these kinds.

use crate::PlanError;
use crate::formulation::Formulation;
use crate::instance::Instance;
use crate::location::{self, Located, Location, Search, Sited};
use crate::program::{Group, Program, Sense};
use crate::solver::{Answer, Found, Limits};

mod rows;

/// Relative tolerance of sums.
const TOLERANCE: f64 = 1e-9;
/// Relative violation of a row that a point may have.
const FEASIBLE: f64 = 1e-7;

/// What a column of the program stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Build(usize),
    Nodes(usize),
    Place(usize, usize),
    Unserved(usize),
    Home(usize, usize),
    Other,
}

/// How many nodes a site has when it is in use.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Room {
    least: f64,
    most: f64,
}

/// A program as a location problem.
pub(crate) struct Siting {
    /// The problem, money in EUR/y, work in accelerators.
    location: Location,
    /// Site of each facility.
    sites: Vec<usize>,
    /// Fewest and most nodes of each site in use.
    room: Vec<Room>,
    /// Accelerators per node.
    per_node: f64,
    /// Type of the accelerators.
    kind: usize,
    /// Constant of the program's objective [EUR/y].
    offset: f64,
}

/// How a location problem was solved, for the certificate.
pub(crate) struct Proof {
    /// The search.
    pub solver: String,
    /// Rows of (1) to (4).
    pub rows: usize,
    /// Their columns.
    pub columns: usize,
    /// Of which integer.
    pub integers: usize,
    /// Whether a limit that a price could belong to may bind.
    pub priced: bool,
}

impl Proof {
    /// The general search's.
    pub(crate) fn of(solver: &str, program: &Program) -> Self {
        let integers = program.columns.iter().filter(|column| column.integer).count();
        Self { solver: solver.to_owned(), rows: program.rows.len(), columns: program.columns.len(), integers, priced: true }
    }
}

/// Solves a program that is a location problem; `None` if it is none.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub(crate) fn solve(instance: &Instance, formulation: &Formulation, limits: &Limits) -> Result<Option<(Answer, Proof)>, PlanError> {
    let Some(siting) = Siting::recognise(instance, formulation) else { return Ok(None) };
    let proof = siting.proof();
    let search = Search { gap: limits.gap, time_limit: limits.time_limit };
    let answer = match location::solve(&siting.location, &search)? {
        Sited::Infeasible => Answer::Infeasible,
        Sited::Unknown(bound) => Answer::Unknown {
            bound: (bound + siting.offset) * 1e-6,
            reason: format!("no plan was found within the time limit of {}", bastide_units::display(limits.time_limit)),
        },
        Sited::Found(located) => {
            let values = siting.values(formulation, &located);
            // Never seen; but a point that the program refuses is no answer to it.
            if !is_feasible(&formulation.program, &values) {
                return Ok(None);
            }
            let objective = formulation.program.value(&values);
            Answer::Found(Found {
                duals: vec![0.0; formulation.program.rows.len()],
                objective,
                bound: ((located.bound + siting.offset) * 1e-6).min(objective),
                limited: located.limited,
                values,
            })
        }
    };
    Ok(Some((answer, proof)))
}

/// Whether any point exists, where sums of capacities tell; `None` where a search must.
pub(crate) fn is_possible(instance: &Instance, formulation: &Formulation) -> Option<bool> {
    Siting::recognise(instance, formulation)?.is_possible()
}

/// Whether a point keeps the rows of a program, twins aside, up to the solver's tolerance.
pub(crate) fn is_feasible(program: &Program, values: &[f64]) -> bool {
    program.rows.iter().filter(|row| row.group != Group::Order).all(|row| {
        let (mut sum, mut size) = (0.0, row.limit.abs().max(1.0));
        for (column, coefficient) in &row.terms {
            sum += coefficient * values[*column];
            size = f64::max(size, (coefficient * values[*column]).abs());
        }
        let over = sum - row.limit;
        over <= FEASIBLE * size && (row.sense == Sense::AtMost || over >= -FEASIBLE * size)
    })
}

impl Siting {
    /// The location problem that a program is.
    fn recognise(instance: &Instance, formulation: &Formulation) -> Option<Self> {
        let program = &formulation.program;
        let roles = roles(formulation);
        if roles.contains(&Role::Other) || instance.classes.is_empty() {
            return None;
        }
        let kind = the_type(formulation)?;
        let per_node = instance.types[kind].per_node;
        let free = |column: usize| program.columns[column].cost == 0.0 && program.columns[column].lower == 0.0;
        let plain = roles.iter().enumerate().all(|(column, role)| match role {
            Role::Nodes(_) | Role::Home(..) => free(column),
            Role::Place(class, _) => {
                let it = &program.columns[column];
                it.lower == 0.0 && it.cost >= 0.0 && it.upper >= instance.classes[*class].demand() * (1.0 - TOLERANCE)
            }
            Role::Build(_) => {
                program.columns[column].lower == 0.0 && program.columns[column].upper == 1.0 && program.columns[column].cost >= 0.0
            }
            Role::Unserved(_) => program.columns[column].lower == 0.0,
            Role::Other => false,
        });
        if !plain {
            return None;
        }
        let found = rows::Reading::read(instance, formulation, &roles, kind)?;
        let single = !found.split;
        // A site that cannot take what it needs to be in use is never used.
        let sites: Vec<usize> = (0..instance.sites.len()).filter(|site| found.room[*site].most >= found.room[*site].least).collect();
        let most = found.open.1.min(sites.len());
        let demand: Vec<f64> = instance.classes.iter().zip(&found.weight).map(|(class, weight)| whole(class.demand() * weight)).collect();
        // Sums of parts that are no whole numbers may exceed by rounding what they fill exactly.
        let slack = if demand.iter().all(|need| need.fract() == 0.0) { 1.0 } else { 1.0 + TOLERANCE };
        let location = Location {
            fixed: sites.iter().map(|site| program.columns[formulation.build[*site]].cost * 1e6).collect(),
            capacity: sites.iter().map(|site| found.room[*site].most * per_node * slack).collect(),
            demand,
            cost: sites
                .iter()
                .flat_map(|site| {
                    let cost = |class: usize| {
                        let column = formulation.place[class][*site][kind];
                        column.map_or(f64::INFINITY, |column| program.columns[column].cost * instance.classes[class].demand() * 1e6)
                    };
                    (0..instance.classes.len()).map(cost).collect::<Vec<_>>()
                })
                .collect(),
            open: (found.open.0, most),
            single,
        };
        let siting = Self { location, sites, room: found.room.clone(), per_node, kind, offset: program.offset * 1e6 };
        found.never_bind(&siting.location, per_node).then_some(siting)
    }

    /// The program's point of an answer.
    fn values(&self, formulation: &Formulation, located: &Located) -> Vec<f64> {
        let mut values = vec![0.0; formulation.program.columns.len()];
        let mut load = vec![0.0; self.sites.len()];
        for (facility, customer, share) in &located.shares {
            let site = self.sites[*facility];
            load[*facility] += share * self.location.demand[*customer];
            if let Some(column) = formulation.place[*customer][site][self.kind] {
                // Upper bounds are the demand itself.
                values[column] = share * formulation.program.columns[column].upper;
            }
            if let Some(Some(home)) = formulation.home[*customer].get(site) {
                values[*home] = 1.0;
            }
        }
        for (facility, site) in self.sites.iter().enumerate().filter(|(facility, _)| located.open[*facility]) {
            values[formulation.build[*site]] = 1.0;
            // A load that exceeds a whole number by rounding needs no further node.
            let nodes = (load[facility] / self.per_node * (1.0 - TOLERANCE)).ceil();
            if let Some(column) = formulation.nodes[*site][self.kind] {
                values[column] = nodes.max(self.room[*site].least).min(self.room[*site].most);
            }
        }
        values
    }

    /// Whether any answer exists, as far as sums of capacities tell.
    fn is_possible(&self) -> Option<bool> {
        let it = &self.location;
        let all: f64 = it.demand.iter().sum();
        let served = |customer: usize| (0..it.facilities()).any(|facility| it.cost_of(facility, customer).is_finite());
        if it.open.0 > it.open.1 || !(0..it.customers()).all(served) {
            return Some(false);
        }
        let mut largest = it.capacity.clone();
        largest.sort_by(|a, b| b.total_cmp(a));
        let most: f64 = largest.iter().take(it.open.1).sum();
        if all > most * (1.0 + TOLERANCE) {
            return Some(false);
        }
        let anywhere = it.cost.iter().all(|cost| cost.is_finite());
        if !anywhere {
            return None;
        }
        if !it.single {
            return Some(true);
        }
        // Best fit, the largest first: where it succeeds there is an answer.
        let mut left: Vec<f64> = largest.into_iter().take(it.open.1).collect();
        let mut demand = it.demand.clone();
        demand.sort_by(|a, b| b.total_cmp(a));
        let fits = demand.iter().all(|need| {
            let tightest = left.iter_mut().filter(|room| **room >= *need).min_by(|a, b| a.total_cmp(b));
            tightest.map(|room| *room -= need).is_some()
        });
        fits.then_some(true)
    }

    fn proof(&self) -> Proof {
        let it = &self.location;
        let (m, n) = (it.facilities(), it.customers());
        let pairs = it.cost.iter().filter(|cost| cost.is_finite()).count();
        let form = match (it.single, it.is_uncapacitated()) {
            (_, true) => "uncapacitated",
            (true, false) => "capacitated, single source",
            (false, false) => "capacitated, split demand",
        };
        Proof {
            solver: format!("location search ({form}), {}", crate::SOLVER),
            rows: n + m + pairs + 2,
            columns: m + pairs,
            integers: if it.single { m + pairs } else { m },
            priced: !it.is_uncapacitated(),
        }
    }
}

/// The whole number that a number is meant to be, if it is near one.
fn whole(value: f64) -> f64 {
    if (value - value.round()).abs() <= TOLERANCE * value.abs() { value.round() } else { value }
}

/// The one type that any site may have.
fn the_type(formulation: &Formulation) -> Option<usize> {
    let mut kinds = formulation.nodes.iter().flat_map(|by_type| by_type.iter().enumerate().filter(|(_, column)| column.is_some()));
    let (first, _) = kinds.next()?;
    kinds.all(|(kind, _)| kind == first).then_some(first)
}

/// What each column stands for.
fn roles(formulation: &Formulation) -> Vec<Role> {
    let mut roles = vec![Role::Other; formulation.program.columns.len()];
    for (site, column) in formulation.build.iter().enumerate() {
        roles[*column] = Role::Build(site);
    }
    for (site, by_type) in formulation.nodes.iter().enumerate() {
        by_type.iter().flatten().for_each(|column| roles[*column] = Role::Nodes(site));
    }
    for (class, by_site) in formulation.place.iter().enumerate() {
        for (site, by_type) in by_site.iter().enumerate() {
            by_type.iter().flatten().for_each(|column| roles[*column] = Role::Place(class, site));
        }
    }
    for (class, columns) in formulation.unserved.iter().enumerate() {
        columns.iter().for_each(|column| roles[*column] = Role::Unserved(class));
    }
    for (class, homes) in formulation.home.iter().enumerate() {
        for (site, home) in homes.iter().enumerate() {
            if let Some(column) = home {
                roles[*column] = Role::Home(class, site);
            }
        }
    }
    roles
}
