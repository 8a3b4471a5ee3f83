//! Any location problem as one mixed-integer program, to check the searches.

use super::{Located, Location, Search, Sited};
use crate::PlanError;
use crate::program::{Group, Program, Sense};
use crate::solver::{self, Answer, Limits};

/// Shares below this are the solver's dust.
const DUST: f64 = 1e-9;

/// Solves (1) to (4) as they stand, with every row (3).
pub(crate) fn solve(location: &Location, search: &Search) -> Result<Sited, PlanError> {
    let (m, n) = (location.facilities(), location.customers());
    let mut program = Program::default();
    let open: Vec<usize> = location.fixed.iter().map(|fixed| program.integer(*fixed, 0.0, 1.0)).collect();
    let mut serve = vec![None; m * n];
    for (at, cost) in location.cost.iter().enumerate().filter(|(_, cost)| cost.is_finite()) {
        serve[at] = Some(if location.single { program.integer(*cost, 0.0, 1.0) } else { program.continuous(*cost, 0.0, 1.0) });
    }
    for customer in 0..n {
        let sources: Vec<_> = (0..m).filter_map(|facility| serve[facility * n + customer].map(|column| (column, 1.0))).collect();
        program.row(Group::Structure, sources, Sense::Equal, 1.0);
    }
    for facility in 0..m {
        let served = || (0..n).filter_map(|customer| serve[facility * n + customer].map(|column| (customer, column)));
        if location.capacity[facility].is_finite() {
            let load = served().map(|(customer, column)| (column, location.demand[customer]));
            let terms: Vec<_> = load.chain([(open[facility], -location.capacity[facility])]).collect();
            program.at_most(Group::Structure, terms, 0.0);
        }
        for (_, column) in served() {
            program.at_most(Group::Structure, [(column, 1.0), (open[facility], -1.0)], 0.0);
        }
    }
    let count = |sign: f64| open.iter().map(move |column| (*column, sign));
    program.at_most(Group::FewestSites, count(-1.0), -(location.open.0 as f64));
    program.at_most(Group::MostSites, count(1.0), location.open.1.min(m) as f64);

    let limits = Limits { gap: search.gap, time_limit: search.time_limit };
    let found = match solver::solve(&program, &limits)? {
        Answer::Found(found) => found,
        Answer::Infeasible => return Ok(Sited::Infeasible),
        Answer::Unknown { bound, .. } => return Ok(Sited::Unknown(bound)),
    };
    let mut shares = Vec::new();
    for customer in 0..n {
        let value = |facility: usize| serve[facility * n + customer].map_or(0.0, |column| found.values[column]);
        let kept: Vec<(usize, f64)> = (0..m).map(|facility| (facility, value(facility))).filter(|(_, share)| *share > DUST).collect();
        let all: f64 = kept.iter().map(|(_, share)| share).sum();
        shares.extend(kept.into_iter().map(|(facility, share)| (facility, customer, share / all)));
    }
    let open: Vec<bool> = open.iter().map(|column| found.values[*column] > 0.5).collect();
    let objective = location.value(&open, &shares);
    Ok(Sited::Found(Located { open, shares, objective, bound: found.bound.min(objective), nodes: 1, limited: found.limited }))
}
