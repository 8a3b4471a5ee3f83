//! Times of steps by what they prefill, beside a number of decoding requests.

/// Times of steps by tokens of prompts, linear in between.
#[derive(Clone, Debug)]
pub(super) struct Surface {
    knots: Vec<(f64, f64)>,
    /// Without prompts \[s\].
    pub plain: f64,
}

impl Surface {
    /// Up to as many tokens as a step has room for.
    pub fn new(budget: f64, seconds: &dyn Fn(f64) -> f64) -> Self {
        let mut knots = vec![(1.0, seconds(1.0))];
        let mut tokens: f64 = 16.0;
        while tokens < 0.95 * budget {
            knots.push((tokens, seconds(tokens)));
            tokens = (tokens * std::f64::consts::SQRT_2).ceil();
        }
        let budget = budget.max(2.0);
        knots.push((budget, seconds(budget)));
        Self { knots, plain: seconds(0.0) }
    }

    /// A step with as many tokens as it has room for \[s\].
    pub fn full(&self) -> f64 {
        self.knots[self.knots.len() - 1].1
    }

    /// A prompt by itself, in as many steps as it takes \[s\].
    pub fn chunks(&self, tokens: f64, budget: f64) -> f64 {
        let before = (tokens / budget - 1e-9).floor().max(0.0);
        before * self.full() + self.at(tokens - before * budget)
    }

    /// With some tokens of prompts \[s\].
    pub fn at(&self, tokens: f64) -> f64 {
        if tokens < 0.5 {
            return self.plain;
        }
        let above = self.knots.partition_point(|knot| knot.0 < tokens).clamp(1, self.knots.len() - 1);
        let (a, b) = (self.knots[above - 1], self.knots[above]);
        a.1 + (b.1 - a.1) * ((tokens - a.0) / (b.0 - a.0)).clamp(0.0, 1.0)
    }
}
