//! The cheapest network whose terminals stay connected when any single link is lost.
//!
//! ```text
//! min   sum_e cost_e z_e
//! s.t.  sum_{e across S} z_e >= 2      for every set S of nodes that separates two terminals        (1)
//!       z_e = 1 for links that stand already;  z_e in {0, 1}, each link at most once                (2)
//! ```
//!
//! By Menger's theorem (1) says that two paths without a common link join any two terminals. There are exponentially many sets S; those
//! that the current answer violates are found by minimum cuts and added, first to the linear relaxation, then to the integer program
//! (Groetschel, Monma and Stoer, *Operations Research* 40, 1992). A program with some of the rows is a relaxation, so its bound is true
//! for the whole problem at every step.

mod graph;

use bastide_units::Duration;

use crate::PlanError;
use crate::deadline::Deadline;
use crate::location::Search;
use crate::program::{Group, Program};
use crate::solver::{self, Answer, Limits};
use graph::Graph;

/// A cut counts as violated when it holds less than 2 minus this.
const VIOLATED: f64 = 1e-4;

/// The solver takes costs beyond 1e20 for infinite: dearer programs are scaled down to this.
const DEAREST: f64 = 1e9;

/// By how much the solver may overstate the optimum of a linear program, relative.
const TOLERANCE: f64 = 1e-6;

/// What may be built, and what must stay connected.
#[derive(Clone, Debug, PartialEq)]
pub struct Backbone {
    /// Number of nodes.
    pub nodes: usize,
    /// Its two nodes, and the cost of building it, in any unit of money; infinite where it may not be built. Links may be parallel.
    pub links: Vec<(usize, usize, f64)>,
    /// Links that stand already and cost nothing; one entry for each link.
    pub built: Vec<bool>,
    /// The nodes that must stay connected when any one link is lost.
    pub terminals: Vec<usize>,
}

/// A network with its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The links of the network, those that stand already among them; one entry for each link.
    pub chosen: Vec<bool>,
    /// Cost of the chosen links that do not stand yet.
    pub objective: f64,
    /// No network is cheaper.
    pub bound: f64,
    /// Rows (1) that were needed.
    pub cuts: usize,
    /// Whether the time limit ended the search.
    pub limited: bool,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Surviving {
    /// A network, proven as far as its bound says.
    Found(Network),
    /// No network survives, not even with every link.
    Infeasible {
        /// Links whose loss separates terminals although all links are built.
        bridges: Vec<usize>,
        /// Two terminals that all links together do not join.
        apart: Option<(usize, usize)>,
    },
}

/// Finds the cheapest network that survives the loss of any one link, or shows which links are to blame that none does.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub fn solve(backbone: &Backbone, search: &Search) -> Result<Surviving, PlanError> {
    let deadline = Deadline::new(search.time_limit);
    let graph = Graph::new(backbone);
    let stands = |link: usize| backbone.built.get(link).copied().unwrap_or(false);
    let usable: Vec<bool> =
        (0..backbone.links.len()).map(|link| graph.joins(link) && (stands(link) || backbone.links[link].2.is_finite())).collect();
    let faults = graph.faults(&usable);
    if !faults.bridges.is_empty() || faults.apart.is_some() {
        return Ok(Surviving::Infeasible { bridges: faults.bridges, apart: faults.apart });
    }

    let price = |link: usize| if stands(link) { 0.0 } else { backbone.links[link].2 };
    let value = |chosen: &[bool]| (0..chosen.len()).filter(|link| chosen[*link]).map(price).sum::<f64>();
    let thinned = |wanted: &[bool]| thin(&graph, &usable, wanted, &price, &stands);
    let mut best = thinned(&usable);
    let mut objective = value(&best);

    let links: Vec<usize> = (0..usable.len()).filter(|link| usable[*link]).collect();
    let dearest = links.iter().map(|link| price(*link).abs()).fold(0.0, f64::max);
    let scale = if dearest > DEAREST { DEAREST / dearest } else { 1.0 };
    let mut column = vec![None; usable.len()];
    let mut program = Program::default();
    for link in &links {
        column[*link] = Some(program.continuous(scale * price(*link), if stands(*link) { 1.0 } else { 0.0 }, 1.0));
    }
    let mut sides: Vec<Vec<bool>> = Vec::new();
    for terminal in &graph.terminals {
        let mut alone = vec![false; graph.nodes];
        alone[*terminal] = true;
        if graph.terminals.len() > 1 {
            add(&mut program, &graph, &column, &mut sides, alone);
        }
    }

    let limits = |left: Duration| Limits { gap: search.gap, time_limit: left };
    let (mut bound, mut mixed, mut limited) = (links.iter().map(|link| price(*link).min(0.0)).sum::<f64>(), false, false);
    while objective - bound > search.gap * objective.abs() {
        if deadline.passed() {
            limited = true;
            break;
        }
        let found = match solver::solve(&program, &limits(deadline.left()))? {
            Answer::Found(found) => found,
            // The whole graph satisfies all rows.
            Answer::Infeasible => return Err(PlanError::Solver("a network that exists was said not to".to_owned())),
            Answer::Unknown { bound: proven, .. } => {
                bound = if mixed { bound.max(proven / scale) } else { bound };
                limited = true;
                break;
            }
        };
        let mut weight = vec![0.0; usable.len()];
        for link in &links {
            weight[*link] = column[*link].map_or(0.0, |column| found.values[column]);
        }
        let chosen: Vec<bool> = weight.iter().map(|weight| *weight > 0.5).collect();
        let network = thinned(&chosen);
        if value(&network) < objective {
            objective = value(&network);
            best = network;
        }
        let new = if mixed {
            bound = bound.max(found.bound / scale);
            limited = found.limited;
            graph.faults(&chosen).sides
        } else {
            // The relaxation's optimum, less what the solver's tolerances may add to it.
            bound = if found.limited { bound } else { bound.max((found.objective - TOLERANCE * found.objective.abs()) / scale) };
            graph.thin_cuts(&weight, 2.0 - VIOLATED)
        };
        let before = sides.len();
        for side in new {
            add(&mut program, &graph, &column, &mut sides, side);
        }
        match (sides.len() > before, mixed) {
            (true, _) => {}
            (false, true) => break,
            (false, false) => {
                program.columns.iter_mut().for_each(|column| column.integer = true);
                mixed = true;
            }
        }
    }
    Ok(Surviving::Found(Network { chosen: best, objective, bound: bound.min(objective), cuts: sides.len(), limited }))
}

/// (1) The links across a set of nodes; a set that has its row already adds none.
fn add(program: &mut Program, graph: &Graph, column: &[Option<usize>], sides: &mut Vec<Vec<bool>>, side: Vec<bool>) {
    // A set and its complement have the same row.
    let side = if side.first() == Some(&true) { side.iter().map(|inside| !inside).collect() } else { side };
    if sides.contains(&side) {
        return;
    }
    let across = graph.across(&side).filter_map(|link| column[link]).map(|column| (column, -1.0));
    program.at_most(Group::Structure, across, -2.0);
    sides.push(side);
}

/// A network without a superfluous link: starts with all links and takes out what may go, first those that are not wanted, dear ones
/// before cheap ones.
fn thin(graph: &Graph, usable: &[bool], wanted: &[bool], price: &dyn Fn(usize) -> f64, stands: &dyn Fn(usize) -> bool) -> Vec<bool> {
    let mut chosen = usable.to_vec();
    let mut order: Vec<usize> = (0..usable.len()).filter(|link| usable[*link] && !stands(*link) && price(*link) >= 0.0).collect();
    order.sort_by(|one, other| wanted[*one].cmp(&wanted[*other]).then(price(*other).total_cmp(&price(*one))));
    for link in order {
        chosen[link] = false;
        let faults = graph.faults(&chosen);
        chosen[link] = !faults.sides.is_empty();
    }
    chosen
}

#[cfg(test)]
mod tests;
