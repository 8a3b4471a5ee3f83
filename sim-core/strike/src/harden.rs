//! The defence that makes the worst attack least bad: defender, attacker, defender.
//!
//! An attack that is worse than the best defence known is only undone by defending one of its targets (implicit enumeration, Scaparra & Church 2008,
//! "A bilevel mixed-integer program for critical infrastructure protection planning"). Attacks once found are kept and tried first, as in
//! column-and-constraint generation (Zeng & Zhao 2013); a search for another one only has to find any attack that is worse than the best defence, or
//! to prove that there is none.

use crate::search::{Attack, Question, Source, worst};

/// Relative difference of damages that counts as none.
const SAME: f64 = 1e-9;

/// Something that can be done to keep targets from being attacked.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Targets that it makes safe.
    pub protects: Vec<usize>,
    /// Resources of the defender; at least 1.
    pub cost: u32,
}

/// The best defence of a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Defence {
    /// Measures, in increasing order.
    pub measures: Vec<usize>,
    /// The worst attack on what they leave.
    pub attack: Attack,
    /// What no defence of this budget falls below.
    pub bound: f64,
    /// Searches for attacks.
    pub rounds: u64,
    /// Whether all of it is proven.
    pub proven: bool,
}

/// The best defence of each budget from 0 to `most`, by resources of the defender.
pub fn frontier<S: Source>(source: &S, question: &Question, measures: &[Measure], most: u32) -> Vec<Defence> {
    let mut search = Search { source, question, measures, pool: Vec::new(), rounds: 0, proven: true };
    let mut frontier: Vec<Defence> = Vec::new();
    for budget in 0..=most {
        (search.rounds, search.proven) = (0, true);
        // More budget does no harm: the last defence is where the next begins.
        let (kept, attack) = match frontier.last() {
            Some(last) => (last.measures.clone(), last.attack.clone()),
            None => (Vec::new(), search.worst_of(&[], f64::NEG_INFINITY, false).unwrap_or_default()),
        };
        let mut best = (kept, attack);
        search.node(&mut Vec::new(), &mut vec![false; measures.len()], budget, &mut best);
        let (mut measures, attack) = best;
        measures.sort_unstable();
        let bound = if search.proven { attack.damage } else { f64::NEG_INFINITY };
        frontier.push(Defence { measures, attack, bound, rounds: search.rounds, proven: search.proven });
    }
    frontier
}

struct Search<'a, S> {
    source: &'a S,
    question: &'a Question,
    measures: &'a [Measure],
    /// Attacks found so far, without order.
    pool: Vec<Attack>,
    rounds: u64,
    proven: bool,
}

impl<S: Source> Search<'_, S> {
    fn safe(&self, chosen: &[usize]) -> Vec<usize> {
        let mut safe = self.question.safe.clone();
        safe.extend(chosen.iter().flat_map(|measure| &self.measures[*measure].protects));
        safe.sort_unstable();
        safe.dedup();
        safe
    }

    /// The worst attack, or any that does more than `above`; goes to the pool.
    fn worst_of(&mut self, chosen: &[usize], above: f64, any: bool) -> Option<Attack> {
        self.rounds += 1;
        let question = Question { safe: self.safe(chosen), best: 1, above, any, ..self.question.clone() };
        let answer = worst(self.source, &question);
        let found = answer.attacks.into_iter().next();
        // An attack that was looked for and found needs no proof.
        self.proven &= answer.proven || (any && found.is_some());
        if let Some(attack) = &found
            && !self.pool.iter().any(|it| it.targets == attack.targets)
        {
            self.pool.push(attack.clone());
        }
        found
    }

    /// The worst attack of the pool that a defence leaves open.
    fn known(&self, safe: &[usize]) -> Option<&Attack> {
        let open = self.pool.iter().filter(|attack| !attack.targets.iter().any(|target| safe.binary_search(target).is_ok()));
        open.max_by(|a, b| a.damage.total_cmp(&b.damage).then_with(|| b.targets.cmp(&a.targets)))
    }

    /// All defences that have the chosen measures and none of the ruled-out ones.
    fn node(&mut self, chosen: &mut Vec<usize>, ruled_out: &mut Vec<bool>, budget: u32, best: &mut (Vec<usize>, Attack)) {
        let attack = loop {
            let worse = best.1.damage - SAME * best.1.damage.abs().max(1.0);
            let safe = self.safe(chosen);
            if let Some(attack) = self.known(&safe).filter(|attack| attack.damage >= worse) {
                break attack.clone();
            }
            if self.worst_of(chosen, worse, true).is_none() {
                if !self.proven {
                    return;
                }
                // Better than the best: how good is it?
                let floor = self.known(&safe).map_or(f64::NEG_INFINITY, |attack| attack.damage);
                let attack = self.worst_of(chosen, floor, false).or_else(|| self.known(&safe).cloned()).unwrap_or_default();
                *best = (chosen.clone(), attack);
            }
        };
        let mut tried = Vec::new();
        for measure in 0..self.measures.len() {
            let it = &self.measures[measure];
            let cost = it.cost.max(1);
            if ruled_out[measure] || cost > budget || !it.protects.iter().any(|target| attack.targets.contains(target)) {
                continue;
            }
            chosen.push(measure);
            ruled_out[measure] = true;
            tried.push(measure);
            self.node(chosen, ruled_out, budget - cost, best);
            chosen.pop();
        }
        tried.into_iter().for_each(|measure| ruled_out[measure] = false);
    }
}
