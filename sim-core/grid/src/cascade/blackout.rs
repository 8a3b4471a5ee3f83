//! How large blackouts are, over many random outages.

use bastide_engine::{Estimate, Pool, Stream, stream_key};
use rayon::prelude::*;

use super::rated::{RatedCascade, RatedScratch};
use super::{Cascade, CascadeScratch, Outcome};
use crate::contingency::grain;

/// A model of cascades that can be drawn from.
pub trait CascadeModel: Sync {
    /// Memory of one thread.
    type Scratch;
    /// Memory for one thread.
    fn scratch(&self) -> Self::Scratch;
    /// Follows an outage of branches and units, by row.
    fn run(&self, scratch: &mut Self::Scratch, branches: &[u32], units: &[u32], outcome: &mut Outcome);
    /// Rows of the branches in service at the start.
    fn branches_in_service(&self) -> Vec<u32>;
}

macro_rules! cascade_model {
    ($model:ty, $scratch:ty) => {
        impl CascadeModel for $model {
            type Scratch = $scratch;
            fn scratch(&self) -> $scratch {
                self.scratch()
            }
            fn run(&self, scratch: &mut $scratch, branches: &[u32], units: &[u32], outcome: &mut Outcome) {
                self.run(scratch, branches, units, outcome);
            }
            fn branches_in_service(&self) -> Vec<u32> {
                let susceptance = &self.base.network.susceptance_mw;
                (0..susceptance.len() as u32).filter(|&row| susceptance[row as usize] != 0.0).collect()
            }
        }
    };
}
cascade_model!(Cascade, CascadeScratch);
cascade_model!(RatedCascade, RatedScratch);

/// The distribution of blackout sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct BlackoutSizes {
    /// Share of the load that each draw lost, smallest first -- output.
    pub shares: Vec<f64>,
    /// Mean share, with its standard error -- output. None without a draw.
    pub share: Option<Estimate>,
    /// Mean number of branches that trip after the outage -- output. None without a draw.
    pub trips: Option<Estimate>,
}

impl BlackoutSizes {
    /// Complementary distribution: the probability that more than `share` of the load is lost, and its standard error
    /// sqrt(p (1 − p) / n).
    #[must_use]
    pub fn exceedance(&self, share: f64) -> (f64, f64) {
        let n = self.shares.len();
        let above = n - self.shares.partition_point(|size| *size <= share);
        let p = above as f64 / n.max(1) as f64;
        (p, (p * (1.0 - p) / n.max(1) as f64).sqrt())
    }
}

/// Blackout sizes over `draws` random outages of `least` to `most` different branches, each number and each set with the same probability.
/// Draw i depends on `seed` and i only, so the result does not depend on the pool.
pub fn blackout_sizes<M: CascadeModel>(model: &M, pool: &Pool, seed: u64, draws: u32, least: usize, most: usize) -> BlackoutSizes {
    let branches = model.branches_in_service();
    let most = most.min(branches.len());
    let least = least.min(most);
    let key = stream_key("cascade", "outage");
    let draw = |(scratch, outcome, rows): &mut (M::Scratch, Outcome, Vec<u32>), draw: u32| {
        let mut stream = Stream::new(seed, draw, key);
        let count = least + stream.index(most - least + 1);
        // Sets of the same probability by Floyd's method (Bentley & Floyd 1987).
        rows.clear();
        for last in branches.len() - count..branches.len() {
            let row = branches[stream.index(last + 1)];
            rows.push(if rows.contains(&row) { branches[last] } else { row });
        }
        model.run(scratch, rows, &[], outcome);
        let share = if outcome.load_mw > 0.0 { (outcome.shed_mw / outcome.load_mw).max(0.0) } else { 0.0 };
        (share, f64::from(outcome.trips))
    };
    let (mut shares, trips): (Vec<f64>, Vec<f64>) = pool.install(|| {
        (0..draws).into_par_iter().with_min_len(grain(pool)).map_init(|| (model.scratch(), Outcome::default(), Vec::new()), draw).unzip()
    });
    let (share, trips) = (Estimate::of(&shares), Estimate::of(&trips));
    shares.sort_unstable_by(f64::total_cmp);
    BlackoutSizes { shares, share, trips }
}
