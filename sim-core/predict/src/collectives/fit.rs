//! Fits collectives to a table.
//!
//! Whole numbers of members are the groups of these tables, and there are but two or three of them, so that none is left out
//! of the fit that ships: what is asked is eight members from two and four. How far it may be off is what two members say
//! wrongly of four, and four of two.

use bastide_cost_models::compute::collective::{
    Collective, Communication, Direct, Exchange, Implementation, Links, Pairs, Ring, Spread, Switch,
};
use bastide_cost_models::compute::{Conformal, device};

use super::Question;
use crate::Table;
use crate::attention::least_squares::least_squares;

/// How strongly parameters are held where fits start (logarithms): what the rows say nothing of stays there.
const HOLD: f64 = 0.05;
/// Rounds of the fit.
const ROUNDS: usize = 80;

/// A measured row.
#[derive(Clone, Copy)]
struct Case {
    links: Links,
    asked: Exchange,
    /// Measured \[us\].
    measured: f64,
}

impl Case {
    fn error(&self, time: f64) -> f64 {
        (self.measured / time).ln()
    }
}

/// Rows by what is fitted to them.
#[derive(Default)]
struct Cases {
    all_reduce: Vec<Case>,
    all_gather: Vec<Case>,
    reduce_scatter: Vec<Case>,
    pairs: Vec<Case>,
    direct: Vec<Case>,
}

/// Fits every algorithm to the rows that `take` takes (by accelerator and members); what has no rows stays where fits start.
/// `None` where no row can be read.
#[must_use]
pub fn fit_collectives(table: &Table, take: impl Fn(&str, f64) -> bool) -> Option<Communication> {
    let mut cases = Cases::default();
    for row in table.rows() {
        let (Some(accelerator), Some(measured)) = (row.get("accelerator"), row.number("latency_us")) else { continue };
        let (Ok(question), Some((_, device))) = (Question::read(row), device(accelerator)) else { continue };
        let members = question.exchange.members;
        if measured <= 0.0 || !take(accelerator, members) {
            continue;
        }
        let case = Case { links: Links::of(device, members), asked: question.exchange, measured };
        match (question.by, question.operation) {
            (Implementation::Engine, _) => cases.direct.push(case),
            (_, Collective::AllReduce) => cases.all_reduce.push(case),
            (_, Collective::AllGather) => cases.all_gather.push(case),
            (_, Collective::ReduceScatter) => cases.reduce_scatter.push(case),
            (_, Collective::AllToAll | Collective::SendReceive) => cases.pairs.push(case),
        }
    }
    let all = cases.fit(|_| true)?;
    // Errors on numbers of members that a fit has not seen.
    let mut counts: Vec<f64> = cases.all().map(|case| case.asked.members).collect();
    counts.sort_by(f64::total_cmp);
    counts.dedup();
    let mut unseen: [Vec<f64>; 5] = Default::default();
    for count in counts {
        let Some(it) = cases.fit(|members| members != count) else { continue };
        for (errors, cases, time) in it.times(&cases, &mut unseen) {
            errors.extend(cases.iter().filter(|case| case.asked.members == count).map(|case| case.error(time(case))));
        }
    }
    let pooled = Conformal::calibrate(unseen[..3].iter().flatten().map(|error| (*error, 1.0)));
    let of = |errors: &[f64]| {
        let own = if errors.len() < 40 { None } else { Conformal::calibrate(errors.iter().map(|error| (*error, 1.0))) };
        let it = own.or(pooled).unwrap_or(Conformal { low: -0.5, high: 0.5 });
        Conformal { low: rounded(it.low), high: rounded(it.high) }
    };
    let spread = Spread {
        all_reduce: of(&unseen[0]),
        all_gather: of(&unseen[1]),
        reduce_scatter: of(&unseen[2]),
        // All-to-all was measured among two alone, and says nothing of its own error on more: half as much again.
        pairs: {
            let it = of(&[]);
            Conformal { low: rounded(1.5 * it.low), high: rounded(1.5 * it.high) }
        },
        direct: of(&unseen[4]),
    };
    let digits = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(rounded).collect() };
    Some(Communication {
        provenance: "fitted to the kernel tables of ai-dynamo/aiconfigurator 095f58a51 (NCCL 2.29.2 and TensorRT-LLM 1.3.0rc20 on H100 \
                     and H200 SXM, 2 and 4 members); the start of the switch's parameters follows all-reduce on 4, 6 and 8 H200 in \
                     stas00/ml-engineering 744d01e; intervals from 2 members told by 4 and 4 by 2"
            .into(),
        spread,
        all_reduce: Ring::from_values(&digits(all.all_reduce.values())),
        all_gather: Ring::from_values(&digits(all.all_gather.values())),
        reduce_scatter: Ring::from_values(&digits(all.reduce_scatter.values())),
        switch: Switch::from_values(&digits(all.switch.values())),
        pairs: Pairs::from_values(&digits(all.pairs.values())),
        direct: Direct::from_values(&digits(all.direct.values())),
    })
}

/// Six significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Algorithms fitted to some of the rows.
struct Fits {
    all_reduce: Ring,
    switch: Switch,
    all_gather: Ring,
    reduce_scatter: Ring,
    pairs: Pairs,
    direct: Direct,
}

type Timed<'a> = (&'a mut Vec<f64>, &'a [Case], Box<dyn Fn(&Case) -> f64 + 'a>);

impl Fits {
    /// Where errors of each algorithm go, its rows, and its time.
    fn times<'a>(&'a self, cases: &'a Cases, errors: &'a mut [Vec<f64>; 5]) -> [Timed<'a>; 5] {
        let [a, b, c, d, e] = errors;
        let library =
            |case: &Case| self.all_reduce.time(&case.links, &case.asked, 2.0, true).min(self.switch.time(&case.links, &case.asked));
        [
            (a, &cases.all_reduce, Box::new(library)),
            (b, &cases.all_gather, Box::new(|case| self.all_gather.time(&case.links, &case.asked, 1.0, false))),
            (c, &cases.reduce_scatter, Box::new(|case| self.reduce_scatter.time(&case.links, &case.asked, 1.0, true))),
            (d, &cases.pairs, Box::new(|case| self.pairs.time(&case.links, &case.asked))),
            (e, &cases.direct, Box::new(move |case| library(case).min(self.direct.time(&case.links, &case.asked)))),
        ]
    }
}

impl Cases {
    fn all(&self) -> impl Iterator<Item = &Case> {
        [&self.all_reduce, &self.all_gather, &self.reduce_scatter, &self.pairs, &self.direct].into_iter().flatten()
    }

    fn fit(&self, take: impl Fn(f64) -> bool) -> Option<Fits> {
        let kept = |cases: &[Case]| -> Vec<Case> { cases.iter().filter(|case| take(case.asked.members)).copied().collect() };
        self.all().next()?;
        let ring_start = Ring::START.values();
        let one = |cases: &[Case], sums| {
            Ring::from_values(&fit(&kept(cases), &ring_start, |values, case| {
                Ring::from_values(values).time(&case.links, &case.asked, 1.0, sums)
            }))
        };
        // Ring and switch are one choice of the library: both are fitted at once.
        let mut start = ring_start.clone();
        start.extend(Switch::START.values());
        let both = fit(&kept(&self.all_reduce), &start, |values, case| {
            let (ring, switch) = values.split_at(ring_start.len());
            let ring = Ring::from_values(ring).time(&case.links, &case.asked, 2.0, true);
            ring.min(Switch::from_values(switch).time(&case.links, &case.asked))
        });
        let (ring, switch) = both.split_at(ring_start.len());
        let (all_reduce, switch) = (Ring::from_values(ring), Switch::from_values(switch));
        let direct = fit(&kept(&self.direct), &Direct::START.values(), |values, case| {
            let library = all_reduce.time(&case.links, &case.asked, 2.0, true).min(switch.time(&case.links, &case.asked));
            Direct::from_values(values).time(&case.links, &case.asked).min(library)
        });
        let all_gather = one(&self.all_gather, false);
        let with_link = |values: &[f64]| Pairs { link: all_gather.link, ..Pairs::from_values(values) };
        let pairs = fit(&kept(&self.pairs), &Pairs::START.values(), |values, case| with_link(values).time(&case.links, &case.asked));
        let pairs = with_link(&pairs);
        Some(Fits {
            all_reduce,
            switch,
            all_gather,
            reduce_scatter: one(&self.reduce_scatter, true),
            pairs,
            direct: Direct::from_values(&direct),
        })
    }
}

fn fit(cases: &[Case], start: &[f64], time: impl Fn(&[f64], &Case) -> f64) -> Vec<f64> {
    let start: Vec<f64> = start.iter().map(|value| value.ln()).collect();
    let exp = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value.exp()).collect() };
    exp(&least_squares(&start, ROUNDS, |trial| {
        let values = exp(trial);
        let held = trial.iter().zip(&start).map(|(at, start)| HOLD * (at - start));
        cases.iter().map(|case| case.error(time(&values, case))).chain(held).collect()
    }))
}
