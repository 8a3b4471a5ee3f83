//! Attacks that are found fast, and proven by nobody: where a search begins.

use crate::search::{Attack, Field, Known, Question};

/// Swaps of a target against another are tried in so many rounds.
const ROUNDS: usize = 20;
/// Least relative rise of the damage that counts as one.
const RISE: f64 = 1e-9;

/// Greedy attacks of every size, each improved by swapping one target for another while that does more damage. All that is worked out on the way
/// goes to what is known.
pub(crate) fn climb<F: Field>(field: &mut F, question: &Question, open: &[usize], known: &mut Known) {
    let mut climber = Climber { field, known, open, budget: question.budget };
    let mut targets: Vec<usize> = Vec::new();
    while let Some((_, target)) = climber.best_of(&targets) {
        targets.push(target);
        climber.swap(&mut targets);
    }
}

struct Climber<'a, F> {
    field: &'a mut F,
    known: &'a mut Known,
    open: &'a [usize],
    budget: u32,
}

impl<F: Field> Climber<'_, F> {
    /// The target that does the most beside others, the first of equals; none that can be paid.
    fn best_of(&mut self, others: &[usize]) -> Option<(f64, usize)> {
        let spent: u32 = others.iter().map(|it| self.field.cost(*it)).sum();
        let mut best: Option<(f64, usize)> = None;
        for &target in self.open {
            if others.contains(&target) || spent.saturating_add(self.field.cost(target)) > self.budget {
                continue;
            }
            let damage = self.damage(others, target);
            if best.is_none_or(|(most, _)| damage > most + RISE * most.abs().max(1.0)) {
                best = Some((damage, target));
            }
        }
        best
    }

    fn swap(&mut self, targets: &mut [usize]) {
        let (last, others) = targets.split_last().map_or((None, [].as_slice()), |(last, others)| (Some(*last), others));
        let Some(last) = last else { return };
        let mut worst = self.damage(others, last);
        for _ in 0..ROUNDS {
            let mut better: Option<(f64, usize, usize)> = None;
            for place in 0..targets.len() {
                let others: Vec<usize> = targets.iter().copied().filter(|it| *it != targets[place]).collect();
                if let Some((damage, target)) = self.best_of(&others)
                    && damage > better.map_or(worst, |it| it.0) + RISE * worst.abs().max(1.0)
                {
                    better = Some((damage, place, target));
                }
            }
            let Some((damage, place, target)) = better else { return };
            targets[place] = target;
            worst = damage;
        }
    }

    fn damage(&mut self, others: &[usize], more: usize) -> f64 {
        for &target in others.iter().chain([&more]) {
            self.field.enter(target);
        }
        let damage = self.field.damage();
        (0..=others.len()).for_each(|_| self.field.leave());
        let mut targets: Vec<usize> = others.iter().copied().chain([more]).collect();
        targets.sort_unstable();
        self.known.add(Attack { targets, damage });
        damage
    }
}
