//! Figures that a plan file states: cost lines and certificate, against what follows from the plan.

use bastide_model::model::Model;
use bastide_model::plan::{Plan, SolveStatus};

use super::mark::Entry;
use super::{Checks, TOLERANCE};
use crate::cost::cost_lines;

/// Each cost line that the plan states, yearly and capital, and that none is missing. A plan may state none.
pub(super) fn costs(model: &Model, plan: &Plan, checks: &mut Checks) {
    if plan.cost.is_empty() {
        return;
    }
    let lines = cost_lines(model, plan);
    // A line next to nothing is compared with all of the plan's cost.
    let size = lines.iter().map(|line| line.annual_eur.abs()).fold(1.0, f64::max);
    let capital = lines.iter().map(|line| line.capital_eur.abs()).fold(1.0, f64::max);
    for (at, written) in plan.cost.iter().enumerate() {
        let line = lines.iter().find(|line| line.line == written.line);
        let first = plan.cost[..at].iter().all(|other| other.line != written.line);
        let Some(line) = line.filter(|_| first) else {
            checks.none(format!("cost line {} stands once and is known", written.line), 1).marked("F0918", None, || [Entry::Annual(at)]);
            continue;
        };
        for (word, own, stated, least, entry) in [
            ("cost of", line.annual_eur, written.annual_eur, size, Entry::Annual(at)),
            ("capital of", line.capital_eur, written.capital_eur, capital, Entry::Capital(at)),
        ] {
            let scale = own.abs().max(1e-3 * least);
            checks.equal(format!("{word} {}", line.line), stated, own, scale, "EUR").marked("F0918", None, || [entry]);
        }
    }
    for line in lines.iter().filter(|line| line.annual_eur.abs() > TOLERANCE * size || line.capital_eur.abs() > TOLERANCE * capital) {
        let stated = plan.cost.iter().any(|written| written.line == line.line);
        let last = plan.cost.len() - 1;
        checks.none(format!("cost line {} is stated", line.line), usize::from(!stated)).marked("F0918", None, || [Entry::Annual(last)]);
    }
}

/// The certificate against the plan's own cost, and against itself. Whether its bound is true only a search can tell.
pub(super) fn certificate(model: &Model, plan: &Plan, checks: &mut Checks) {
    let Some(proof) = &plan.certificate else { return };
    let own: f64 = cost_lines(model, plan).iter().map(|line| line.annual_eur).sum();
    let scale = own.abs().max(1.0);
    let mark = |checks: &mut Checks, key| {
        checks.marked("F0919", None, || [Entry::Certificate(key)]);
    };
    checks.equal("objective of the certificate", proof.objective_eur, own, scale, "EUR/y");
    mark(checks, "objective_eur");
    checks.at_most("bound of the certificate", proof.bound_eur, proof.objective_eur + TOLERANCE * scale, "EUR/y");
    mark(checks, "bound_eur");
    let gap = if proof.objective_eur == proof.bound_eur { 0.0 } else { (proof.objective_eur - proof.bound_eur) / scale };
    if gap.is_finite() || proof.gap.is_finite() {
        checks.equal("gap of the certificate", proof.gap, gap, 1.0, "share");
        mark(checks, "gap");
    }
    let claims = proof.status == SolveStatus::Optimal && proof.gap > TOLERANCE;
    checks.none("status of the certificate", usize::from(claims));
    mark(checks, "status");
    checks.none("integers of the certificate", usize::from(proof.integers > proof.columns));
    mark(checks, "integers");
}
