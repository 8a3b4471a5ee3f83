//! The only file of this crate that names HiGHS: the sparse programme in angles, one thread, a fixed seed.

use std::collections::BTreeMap;

use ::highs::{HessianFormat, HighsModelStatus, RowProblem, Sense};

use super::OpfStatus;
use super::full::{Found, Full, Slacks};
use super::programme::NONE;
use crate::flow::Islands;

/// Solves it.
///
/// # Errors
/// The status, if it is not optimal.
pub(crate) fn solve(full: &Full) -> Result<Found, OpfStatus> {
    Ok(build_and_solve(full, None)?.0)
}

/// Solves it with branch limits that may be exceeded; also says which are, and by how much \[MW\].
///
/// # Errors
/// The status, if it is not optimal.
pub(crate) fn solve_elastic(full: &Full, slacks: Slacks) -> Result<(Found, Vec<(usize, f64)>), OpfStatus> {
    build_and_solve(full, Some(slacks))
}

fn build_and_solve(full: &Full, slacks: Option<Slacks>) -> Result<(Found, Vec<(usize, f64)>), OpfStatus> {
    let programme = full.programme;
    let failed = |what: &str| OpfStatus::Unsolved { reason: format!("HiGHS: {what}") };
    let buses = programme.network.buses;
    let mut problem = RowProblem::new();
    let columns: Vec<_> = full.columns.iter().map(|c| problem.add_column(c.cost, c.lower..=c.upper)).collect();
    // Angles times 100, so that coefficients come nearer to one.
    let scale = 0.01;
    let angles: Vec<_> = (0..buses)
        .map(|bus| {
            let island = programme.islands.of[bus];
            let pinned = island == Islands::NONE || programme.islands.slack[island as usize] as usize == bus;
            if pinned { problem.add_column(0.0, 0.0..=0.0) } else { problem.add_column::<f64, _>(0.0, ..) }
        })
        .collect();
    // By bus and position of the column; HiGHS wants each column once.
    let mut rows: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); buses];
    let mut right: Vec<f64> = programme.fixed_mw.iter().map(|fixed| -fixed).collect();
    for (at, column) in full.columns.iter().enumerate() {
        for &(bus, by) in &column.terms {
            if bus != NONE {
                *rows[bus as usize].entry(at).or_default() += by;
            }
        }
    }
    let ids: Vec<_> = columns.iter().chain(&angles).copied().collect();
    let first = columns.len();
    for (row, &(from, to)) in programme.network.ends.iter().enumerate() {
        let (b, shift) = (programme.susceptance_mw[row], programme.shift_mw[row]);
        let (from, to) = (from as usize, to as usize);
        if b == 0.0 || from == to {
            continue;
        }
        for (bus, sign) in [(from, -1.0), (to, 1.0)] {
            *rows[bus].entry(first + from).or_default() += sign * b * scale;
            *rows[bus].entry(first + to).or_default() -= sign * b * scale;
        }
        right[from] += shift;
        right[to] -= shift;
    }
    let mut balance = vec![usize::MAX; buses];
    let mut count = 0;
    for bus in 0..buses {
        if programme.islands.of[bus] != Islands::NONE {
            problem.add_row(right[bus]..=right[bus], rows[bus].iter().map(|(&at, &by)| (ids[at], by)));
            balance[bus] = count;
            count += 1;
        }
    }
    let mut limited = Vec::new();
    for (row, &(from, to)) in programme.network.ends.iter().enumerate() {
        let (b, shift) = (programme.susceptance_mw[row], programme.shift_mw[row]);
        let (low, high) = (programme.low_mw[row] - shift, programme.high_mw[row] - shift);
        if b != 0.0 && (low.is_finite() || high.is_finite()) {
            let mut terms = vec![(angles[from as usize], b * scale), (angles[to as usize], -b * scale)];
            if let Some(slacks) = slacks {
                terms.extend([(problem.add_column(slacks.cost, 0.0..), 1.0), (problem.add_column(slacks.cost, 0.0..), -1.0)]);
            }
            problem.add_row(low..=high, terms);
            limited.push((row, count));
            count += 1;
        }
    }
    for side in &programme.side {
        let terms: Vec<_> = side.terms.iter().map(|&(column, by)| (columns[column as usize], by)).collect();
        problem.add_row(side.low..=side.high, terms);
    }
    let mut model = problem.try_optimise(Sense::Minimise).map_err(|status| failed(&format!("{status:?}")))?;
    model.make_quiet();
    let refused = |_| failed("an option was refused");
    model.try_set_option("threads", 1).map_err(refused)?;
    model.try_set_option("random_seed", 7).map_err(refused)?;
    model.try_set_option("primal_feasibility_tolerance", 1e-9).map_err(refused)?;
    model.try_set_option("dual_feasibility_tolerance", 1e-9).map_err(refused)?;
    if full.quadratic.iter().any(|&q| q != 0.0) {
        let hessian = full.quadratic.iter().enumerate().map(|(at, &q)| if q == 0.0 { vec![] } else { vec![(at, 2.0 * q)] });
        let rest = (0..buses).map(|_| Vec::new());
        model.try_pass_hessian(HessianFormat::Triangular, hessian.chain(rest)).map_err(|error| failed(&error.to_string()))?;
    }
    let mut solved = model.try_solve().map_err(|status| failed(&format!("{status:?}")))?;
    // Presolve may end without a verdict between infeasible and unbounded.
    if solved.status() == HighsModelStatus::UnboundedOrInfeasible {
        let mut again = ::highs::Model::from(solved);
        again.try_set_option("presolve", "off").map_err(refused)?;
        solved = again.try_solve().map_err(|status| failed(&format!("{status:?}")))?;
    }
    match solved.status() {
        HighsModelStatus::Optimal => {}
        HighsModelStatus::Infeasible => return Err(OpfStatus::Infeasible),
        HighsModelStatus::Unbounded => return Err(OpfStatus::Unbounded),
        status => return Err(failed(&format!("{status:?}"))),
    }
    let solution = solved.get_solution();
    let (values, duals) = (solution.columns(), solution.dual_rows());
    let mut flow_mw = vec![0.0; programme.flow_mw.len()];
    let angle: Vec<f64> = values[columns.len()..columns.len() + buses].iter().map(|angle| angle * scale).collect();
    programme.network.flows(&programme.susceptance_mw, &programme.shift_mw, &angle, &mut flow_mw);
    let mut branch_dual = vec![0.0; programme.flow_mw.len()];
    for &(row, at) in &limited {
        branch_dual[row] = -duals[at];
    }
    let objective = full
        .columns
        .iter()
        .zip(full.quadratic)
        .zip(values)
        .map(|((column, quadratic), value)| (column.cost + quadratic * value) * value)
        .sum();
    let extra = &values[columns.len() + buses..];
    let beyond = limited.iter().zip(extra.chunks_exact(2)).map(|(&(row, _), pair)| (row, pair[0] + pair[1])).collect();
    let found = Found {
        objective,
        bound: objective,
        values: values[..columns.len()].to_vec(),
        flow_mw,
        branch_dual,
        price: balance.iter().map(|&at| (at != usize::MAX).then(|| duals[at])).collect(),
        side_dual: duals[count..].to_vec(),
        iterations: solved.simplex_iteration_count().max(0) as u32,
    };
    Ok((found, beyond))
}
