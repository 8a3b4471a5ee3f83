//! Critical demand outside any one site, in the nominal outlook, and rows that bring the relaxation close to it.
//!
//! ```text
//! held[v,s]   sum_t (place + reserve)[v,s,t]
//! total       total[v] = sum_s held[v,s]
//! spread      total[v] - largest[v] + uncovered[v] >= critical[v],  largest[v] >= held[v,s]                          each s
//! use         held[v,s] <= most[v] build\[s\]                                                                          each v, s
//! tangent     total[v] + a_m uncovered[v] >= critical[v] (1 + 2 / (m-1) - sum_s build\[s\] / (m (m-1)))         each v, m >= 2
//! ```
//!
//! With `n` sites in use where the class may run, `largest` is at least an `n`-th of what is held, so that `n / (n - 1)` times what is covered
//! must be held. That is convex in `n`: a tangent row is its chord from `m` to `m + 1`. With fewer than two sites in use all is uncovered, so
//! that `a_m = max(2, (m + 1) / (m - 1))` keeps the row true for every whole `n`. Without these rows a relaxation opens a third of four sites,
//! and pays for one.

use super::Formulation;
use crate::instance::Instance;
use crate::program::{Group, Sense};

/// Largest number of sites with a tangent of its own.
const TANGENTS: usize = 8;

/// Columns of a class with critical demand.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    /// Class.
    pub class: usize,
    /// `reserve[site][type]`: units held beside what is served.
    pub reserve: Vec<Vec<Option<usize>>>,
    /// Units that are not covered; `None` where all must be.
    pub uncovered: Option<usize>,
}

/// `a`, `b` and `c` of `total + a uncovered >= critical (b - c n)`, the chord of `n / (n - 1)` from `m` to `m + 1` sites in use.
fn tangent(m: f64) -> (f64, f64, f64) {
    let least = (m + 1.0) / (m - 1.0);
    (least.max(2.0), least, 1.0 / (m * (m - 1.0)))
}

impl Formulation {
    /// `reserve[v,s,t]`, `largest[v]`, `uncovered[v]` and the rows of spread, in the nominal outlook.
    pub(super) fn constraint_spread(&mut self, instance: &Instance) {
        for (at, class) in instance.classes.iter().enumerate() {
            // One site has no outside.
            if class.critical <= 0.0 || class.sites.iter().filter(|may| **may).count() < 2 {
                continue;
            }
            let service = class.members[0].0;
            let penalty = instance.model.services[service].critical.penalty;
            let largest = self.program.continuous(0.0, 0.0, f64::INFINITY);
            let total = self.program.continuous(0.0, 0.0, f64::INFINITY);
            let uncovered = penalty.map(|price| {
                let cost = crate::class::value_of(price) * class.tokens_per_unit(service);
                self.program.continuous(cost, 0.0, class.critical)
            });
            let mut reserve = vec![vec![None; instance.types.len()]; instance.sites.len()];
            let mut all = vec![(total, -1.0)];
            for (site, by_type) in reserve.iter_mut().enumerate() {
                let mut here = vec![(largest, -1.0)];
                for (held, placed) in by_type.iter_mut().zip(&self.place[at][site]) {
                    let Some(placed) = placed else { continue };
                    let column = self.program.continuous(0.0, 0.0, class.critical);
                    *held = Some(column);
                    here.extend([(*placed, 1.0), (column, 1.0)]);
                    all.extend([(*placed, 1.0), (column, 1.0)]);
                }
                if let Some(dataset) = class.dataset {
                    let held = by_type.iter().flatten().map(|column| (*column, 1.0));
                    let copy = self.replica_at(dataset, site).map(|column| (column, -class.critical * instance.types.len() as f64));
                    let terms: Vec<_> = held.chain(copy).collect();
                    if terms.len() > 1 {
                        self.program.at_most(Group::Dataset(dataset), terms, 0.0);
                    }
                }
                if here.len() > 1 {
                    self.program.at_most(Group::Structure, here, 0.0);
                }
            }
            let group = if uncovered.is_some() { Group::Structure } else { Group::Critical(service) };
            self.program.row(Group::Structure, all, Sense::Equal, 0.0);
            let covered = [(largest, 1.0), (total, -1.0)].into_iter().chain(uncovered.map(|column| (column, -1.0)));
            self.program.at_most(group, covered, -class.critical);
            self.constraint_tangents(instance, at, group, (total, uncovered));
            self.spread.push(Spread { class: at, reserve, uncovered });
        }
    }

    fn constraint_tangents(&mut self, instance: &Instance, class: usize, group: Group, (total, uncovered): (usize, Option<usize>)) {
        let critical = instance.classes[class].critical;
        let sites: Vec<usize> = (0..instance.sites.len()).filter(|site| self.place[class][*site].iter().any(Option::is_some)).collect();
        for m in 2..=sites.len().min(TANGENTS) {
            let (weight, least, slope) = tangent(m as f64);
            let used = sites.iter().map(|site| (self.build[*site], -critical * slope));
            let missing = uncovered.map(|column| (column, -weight));
            let terms: Vec<_> = used.chain(missing).chain([(total, -1.0)]).collect();
            self.program.at_most(group, terms, -critical * least);
        }
    }

    /// `sum_t (place + reserve)[g,s,t] <= most * build(s)`, where nothing more than `most` is ever of use at one site: all demand, or all that
    /// is critical. Implied for whole numbers, but the relaxation is much closer with it: without, a site opens as little as
    /// its load is of its room.
    pub(super) fn constraint_use(&mut self, instance: &Instance) {
        for (at, class) in instance.classes.iter().enumerate() {
            let spread = self.spread.iter().find(|it| it.class == at);
            let most = if spread.is_some() { class.demand().max(class.critical) } else { class.demand() };
            for site in (0..instance.sites.len()).filter(|site| !instance.stands(*site)) {
                let reserved = spread.iter().flat_map(|it| it.reserve[site].iter().flatten());
                let used: Vec<_> = self.place[at][site].iter().flatten().chain(reserved).map(|column| (*column, 1.0)).collect();
                if !used.is_empty() {
                    self.program.at_most(Group::Structure, used.into_iter().chain([(self.build[site], -most)]), 0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tangent_cuts_off_no_whole_number_of_sites() {
        for (m, n) in (2..=TANGENTS).flat_map(|m| (0..=60_usize).map(move |n| (m, n))) {
            let (weight, least, slope) = tangent(m as f64);
            for part in (0..=10).filter(|part| n >= 2 || *part == 10) {
                let uncovered = f64::from(part) / 10.0;
                let total = if n < 2 { 0.0 } else { (1.0 - uncovered) * n as f64 / (n as f64 - 1.0) };
                let spare = total + weight * uncovered - (least - slope * n as f64);
                assert!(spare >= -1e-12, "{m} {n} {uncovered}");
                if part == 0 && (n == m || n == m + 1) {
                    assert!(spare <= 1e-12, "the chord meets the curve at both ends: {m} {n}");
                }
            }
        }
    }
}
