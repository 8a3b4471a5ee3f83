//! Exact search for the attacks that do the most damage.
//!
//! All sets of at most so many targets are walked through once, in the order of the targets. A set is passed over when the [`Field`] has a
//! response of the defender that holds the damage at or below that of the attacks already known; where such a response covers every extension of
//! a set, the whole branch is passed over. What is left is worked out exactly. Nothing is assumed of the damage: it need not grow with the
//! attack (an electric network may do better without a line).

use rayon::prelude::*;

/// Attacks of the front rank that are worked through between two looks at what is known: fixed, so that the answer depends on no thread.
const WAVE: usize = 256;

/// What is attacked, and what its defender can do about it.
///
/// A field holds a current attack, empty at first, which grows and shrinks like a stack.
pub trait Field {
    /// Number of targets.
    fn targets(&self) -> usize;
    /// Resources that a target takes; at least 1.
    fn cost(&self, _target: usize) -> u32 {
        1
    }
    /// Adds a target to the attack.
    fn enter(&mut self, target: usize);
    /// Takes the last one away.
    fn leave(&mut self);
    /// Exact damage of the current attack.
    fn damage(&mut self) -> f64;
    /// A bound on the damage of the current attack, from the response that is at hand.
    fn bound(&mut self) -> f64 {
        f64::INFINITY
    }
    /// A bound on the damage of the current attack with one more target.
    fn bound_with(&mut self, _target: usize) -> f64 {
        f64::INFINITY
    }
    /// A bound on the damage of every attack that adds targets of `open`, worth at most `budget` resources, to the current one (or none).
    fn bound_below(&mut self, _open: &[usize], _budget: u32) -> f64 {
        f64::INFINITY
    }
    /// A bound on the damage of every attack that adds `target` and then targets of `rest`, worth at most `budget` resources, to the current one.
    fn bound_through(&mut self, _target: usize, _rest: &[usize], _budget: u32) -> f64 {
        f64::INFINITY
    }
    /// Whether [`Field::narrow`] does anything.
    const NARROWS: bool = false;
    /// Targets of which every extension that does more than the current attack has at least one. Called after [`Field::damage`], with a floor
    /// that is no lower.
    fn narrow(&mut self, _open: &mut Vec<usize>) {}
}

/// Makes fields: one for each thread that searches.
pub trait Source: Sync {
    /// What it makes.
    type Field: Field;
    /// A field without an attack.
    fn field(&self) -> Self::Field;
}

impl<F: Field + Clone + Sync> Source for F {
    type Field = F;
    fn field(&self) -> F {
        self.clone()
    }
}

/// An attack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attack {
    /// Targets, in increasing order.
    pub targets: Vec<usize>,
    /// Damage, in the unit of the field.
    pub damage: f64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Resources of the attacker.
    pub budget: u32,
    /// Number of attacks wanted: the worst, the second worst, and so on.
    pub best: usize,
    /// Targets that cannot be attacked.
    pub safe: Vec<usize>,
    /// Only attacks that do more than this matter.
    pub above: f64,
    /// Whether the first such attack ends the search, which then proves nothing.
    pub any: bool,
    /// Sets to look at before the search gives up.
    pub effort: u64,
}

impl Question {
    /// The worst attack of a budget.
    #[must_use]
    pub fn of(budget: u32) -> Self {
        Self { budget, best: 1, safe: Vec::new(), above: f64::NEG_INFINITY, any: false, effort: u64::MAX }
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The worst attacks known, the worst first; of equal damage the first in the order of targets.
    pub attacks: Vec<Attack>,
    /// What no attack exceeds.
    pub bound: f64,
    /// Whether the list is proven: no other attack does more than its last.
    pub proven: bool,
    /// Sets that were looked at.
    pub looked_at: u64,
    /// Sets whose damage was worked out exactly.
    pub worked_out: u64,
}

impl Answer {
    /// Relative gap between the worst attack known and the bound.
    #[must_use]
    pub fn gap(&self) -> f64 {
        let best = self.attacks.first().map_or(0.0, |attack| attack.damage);
        if self.bound <= best { 0.0 } else { (self.bound - best) / self.bound.abs().max(best.abs()).max(f64::MIN_POSITIVE) }
    }
}

/// Damages closer than this, relative to their size, count as equal: rounding of two ways to work out the same attack.
const SAME: f64 = 1e-9;

/// The best attacks known: at most so many, the worst first.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    best: usize,
    above: f64,
    attacks: Vec<Attack>,
}

impl Known {
    /// Damage that an attack must exceed to matter.
    fn floor(&self) -> f64 {
        let full = self.attacks.len() >= self.best;
        let last = self.attacks.last().filter(|_| full).map_or(f64::NEG_INFINITY, |it| it.damage).max(self.above);
        if last.is_finite() { last + SAME * last.abs().max(1.0) } else { last }
    }
    pub(crate) fn add(&mut self, attack: Attack) {
        if attack.damage <= self.floor() || self.attacks.iter().any(|it| it.targets == attack.targets) {
            return;
        }
        self.attacks.push(attack);
        self.attacks.sort_by(|a, b| b.damage.total_cmp(&a.damage).then_with(|| a.targets.cmp(&b.targets)));
        self.attacks.truncate(self.best);
    }
}

/// Runs searches on so many threads.
///
/// # Errors
/// The system starts no threads.
pub fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, rayon::ThreadPoolBuildError> {
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(work))
}

/// The worst attacks.
pub fn worst<S: Source>(source: &S, question: &Question) -> Answer {
    let mut first = source.field();
    let open: Vec<usize> = (0..first.targets()).filter(|target| !question.safe.contains(target)).collect();
    let mut known = Known { best: question.best.max(1), above: question.above, attacks: Vec::new() };
    let nothing = Attack { targets: Vec::new(), damage: first.damage() };
    known.add(nothing);
    let (mut looked_at, mut worked_out) = (1, 1);
    crate::greedy::climb(&mut first, question, &open, &mut known);

    let pieces = pieces(&mut first, &open, question.budget);
    let mut complete = true;
    for wave in pieces.chunks(WAVE) {
        if looked_at >= question.effort || (question.any && !known.attacks.is_empty()) {
            complete = false;
            break;
        }
        let start = known.clone();
        let allowance = (question.effort - looked_at) / wave.len() as u64 + 1;
        let found: Vec<Walk> = wave
            .par_iter()
            .map_init(|| source.field(), |field, piece| Walk::of(field, piece, question, start.clone(), allowance))
            .collect();
        for walk in found {
            looked_at += walk.looked_at;
            worked_out += walk.worked_out;
            complete &= walk.complete;
            walk.known.attacks.into_iter().for_each(|attack| known.add(attack));
        }
    }
    let damage = known.attacks.first().map_or(0.0, |attack| attack.damage);
    let rest = if complete { f64::NEG_INFINITY } else { first.bound_below(&open, question.budget) };
    Answer { attacks: known.attacks, bound: damage.max(rest), proven: complete, looked_at, worked_out }
}

/// All attacks that begin with some targets, or those alone.
struct Piece {
    first: Vec<usize>,
    /// What may be added.
    open: Vec<usize>,
}

/// The first targets of attacks, which share out the work: enough pieces for any number of threads.
fn pieces<F: Field>(field: &mut F, open: &[usize], budget: u32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if F::NARROWS {
        field.damage();
        let mut few = open.to_vec();
        field.narrow(&mut few);
        let mut rest = open.to_vec();
        for target in few {
            rest.retain(|it| *it != target);
            if field.cost(target) <= budget {
                pieces.push(Piece { first: vec![target], open: rest.clone() });
            }
        }
        return pieces;
    }
    for (at, &a) in open.iter().enumerate() {
        if field.cost(a) > budget {
            continue;
        }
        pieces.push(Piece { first: vec![a], open: Vec::new() });
        for (next, &b) in open.iter().enumerate().skip(at + 1) {
            if field.cost(a).saturating_add(field.cost(b)) <= budget {
                pieces.push(Piece { first: vec![a, b], open: open[next + 1..].to_vec() });
            }
        }
    }
    pieces
}

/// A walk through all attacks that begin with a piece.
struct Walk {
    known: Known,
    prefix: Vec<usize>,
    looked_at: u64,
    worked_out: u64,
    allowance: u64,
    complete: bool,
}

impl Walk {
    fn of<F: Field>(field: &mut F, piece: &Piece, question: &Question, known: Known, allowance: u64) -> Self {
        let mut walk = Self { known, prefix: Vec::new(), looked_at: 0, worked_out: 0, allowance, complete: true };
        let mut budget = question.budget;
        for &target in &piece.first {
            field.enter(target);
            walk.prefix.push(target);
            budget -= field.cost(target);
        }
        walk.judge(field);
        if !piece.open.is_empty() && budget > 0 {
            walk.extend(field, &piece.open, budget);
        }
        piece.first.iter().for_each(|_| field.leave());
        walk
    }

    /// Works out the current attack where its bound leaves that open.
    fn judge<F: Field>(&mut self, field: &mut F) {
        self.looked_at += 1;
        if field.bound() > self.known.floor() {
            self.worked_out += 1;
            let damage = field.damage();
            self.add(damage);
        }
    }

    fn add(&mut self, damage: f64) {
        let mut targets = self.prefix.clone();
        targets.sort_unstable();
        self.known.add(Attack { targets, damage });
    }

    fn extend<F: Field>(&mut self, field: &mut F, open: &[usize], budget: u32) {
        if self.looked_at > self.allowance {
            self.complete = false;
            return;
        }
        if field.bound_below(open, budget) <= self.known.floor() {
            return;
        }
        if F::NARROWS {
            self.extend_narrowly(field, open, budget);
            return;
        }
        for (at, &target) in open.iter().enumerate() {
            let cost = field.cost(target);
            if cost > budget {
                continue;
            }
            // Most sets are full ones: they are bounded without being entered.
            let full = budget == cost || at + 1 == open.len();
            if full && field.bound_with(target) <= self.known.floor() {
                self.looked_at += 1;
                continue;
            }
            field.enter(target);
            self.prefix.push(target);
            self.judge(field);
            if !full {
                self.extend(field, &open[at + 1..], budget - cost);
            }
            self.prefix.pop();
            field.leave();
        }
    }

    /// Every attack that does more has one of a few targets: the first of them that it has tells it apart.
    fn extend_narrowly<F: Field>(&mut self, field: &mut F, open: &[usize], budget: u32) {
        let mut few = open.to_vec();
        field.damage();
        field.narrow(&mut few);
        let mut rest = open.to_vec();
        for target in few {
            rest.retain(|it| *it != target);
            let cost = field.cost(target);
            if cost > budget || field.bound_through(target, &rest, budget - cost) <= self.known.floor() {
                continue;
            }
            field.enter(target);
            self.prefix.push(target);
            self.judge(field);
            if budget > cost {
                self.extend(field, &rest, budget - cost);
            }
            self.prefix.pop();
            field.leave();
        }
    }
}
