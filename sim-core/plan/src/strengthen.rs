//! Rows that every plan keeps and that the program without whole numbers does not: they bring its bound close to the best plan, so that a
//! search that begins with a good plan ends early.
//!
//! ```text
//! sum_t place[g,s,t]    <= demand\[g\] * build\[s\]          each g, s     (1)
//! 2 sum_st place[g,s,t] <= demand\[g\] * sum_s build\[s\]    each protected g; s where it may run     (2)
//! sum_st rate accelerators >= (1 + 1/(m-1) + 1/(m-1)) sum_st place - demand\[g\] sum_s build\[s\] / (m (m-1))      each m >= 2     (3)
//! sum_t run[j,s,t] <= islands\[j\] build\[s\]     each j, s     (4)
//! ```
//!
//! (1) is the strong form of facility location (Cornuejols, Nemhauser and Wolsey 1990, "The uncapacitated facility location problem"). (2) holds
//! because a protected class that is served at all moves to another site when one is lost: two sites are in use where it may run. (3)
//! holds because each of `n` sites in use can be lost: the others carry all that is served, so that together they carry `n / (n - 1)` times as
//! much. That is convex in `n`; (3) is its tangent at `m`, written for what is served of the demand. (4) is (1) for campaigns.

use crate::formulation::Formulation;
use crate::instance::Instance;
use crate::program::{Group, Program};
use crate::search::Search;

/// Largest number of sites with a row (3) of its own.
const TANGENTS: usize = 8;

/// Minus the units of a class that the accelerators bought at some sites could serve, and those of the accelerators that stand there.
fn capacity(instance: &Instance, it: &Formulation, class: usize, sites: &[usize]) -> (Vec<(usize, f64)>, f64) {
    let (mut terms, mut there) = (Vec::new(), 0.0);
    for site in sites {
        for (kind, rate) in instance.classes[class].rate.iter().enumerate().filter(|(kind, _)| it.place[class][*site][*kind].is_some()) {
            terms.extend(it.nodes[*site][kind].map(|column| (column, -rate * instance.types[kind].per_node)));
            there += rate * instance.fleet[*site][kind];
        }
        terms.extend(it.contracts_at(instance, *site, |kind| {
            if it.place[class][*site][kind].is_some() { -instance.classes[class].rate[kind] } else { 0.0 }
        }));
    }
    (terms, there)
}

impl Search<'_> {
    /// A program made from this one, with the rows (1) to (4) and whether each campaign runs as further columns.
    pub(crate) fn strengthened(&self, program: &Program) -> Program {
        let (instance, it) = (&self.instance, &self.formulation);
        let mut program = program.clone();
        for (class, terms) in instance.classes.iter().enumerate() {
            let demand = terms.demand();
            let placed = |site: usize| it.place[class][site].iter().flatten().map(|column| (*column, 1.0));
            let sites: Vec<usize> = (0..instance.sites.len()).filter(|site| placed(*site).next().is_some()).collect();
            for site in sites.iter().filter(|site| !instance.stands(**site)) {
                program.at_most(Group::Structure, placed(*site).chain([(it.build[*site], -demand)]), 0.0);
            }
            if terms.protected {
                let all = sites.iter().flat_map(|site| placed(*site)).map(|(column, _)| (column, 2.0));
                let used = sites.iter().map(|site| (it.build[*site], -demand));
                program.at_most(Group::Structure, all.chain(used), 0.0);
                let (capacity, there) = capacity(instance, it, class, &sites);
                for m in 2..=sites.len().min(TANGENTS) {
                    let m = m as f64;
                    let slope = 1.0 / (m * (m - 1.0));
                    let served = sites.iter().flat_map(|site| placed(*site)).map(|(column, _)| (column, 1.0 + 1.0 / (m - 1.0) + m * slope));
                    let used = sites.iter().map(|site| (it.build[*site], -demand * slope));
                    let terms: Vec<_> = served.chain(used).chain(capacity.iter().copied()).collect();
                    program.at_most(Group::Structure, terms, there);
                }
            }
        }
        let mut gangs: Vec<_> = instance.gangs.iter().zip(&it.run).collect();
        gangs.sort_by_key(|(gang, column)| (gang.campaign, gang.site, **column));
        for here in gangs.chunk_by(|(a, _), (b, _)| (a.campaign, a.site) == (b.campaign, b.site)) {
            let (site, islands) = (here[0].0.site, f64::from(here[0].0.islands));
            if !instance.stands(site) {
                let runs = here.iter().map(|(_, column)| (**column, 1.0));
                program.at_most(Group::Structure, runs.chain([(it.build[site], -islands)]), 0.0);
            }
        }
        self.add_ran(&mut program);
        program
    }
}
