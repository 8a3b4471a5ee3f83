//! The r-interdiction median: facilities are lost, and every customer goes to the nearest that is left (Church, Scaparra & Middleton 2004,
//! "Identifying critical infrastructure: the median and covering facility interdiction problems").

use crate::search::Field;

/// Customers and the facilities that serve them.
#[derive(Clone, Debug)]
pub struct Median {
    /// By customer: (cost, facility), the cheapest first.
    nearest: Vec<Vec<(f64, u32)>>,
    lost: Vec<bool>,
    attack: Vec<usize>,
}

impl Median {
    /// `cost` of serving a customer from a facility, by customer, then facility. Every customer has a cost for each.
    #[must_use]
    pub fn new(cost: &[Vec<f64>]) -> Self {
        let nearest: Vec<Vec<(f64, u32)>> = cost
            .iter()
            .map(|row| {
                let mut order: Vec<(f64, u32)> = row.iter().copied().zip(0..).collect();
                order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                order
            })
            .collect();
        let facilities = cost.first().map_or(0, Vec::len);
        Self { nearest, lost: vec![false; facilities], attack: Vec::new() }
    }

    /// Sum over the customers of the cost of the first facility that is not passed over; infinite where none is left.
    fn sum(&self, mut passes: impl FnMut(u32, &mut u32) -> bool) -> f64 {
        let of_customer = |order: &Vec<(f64, u32)>| {
            let mut count = 0;
            order.iter().find(|(_, facility)| !passes(*facility, &mut count)).map_or(f64::INFINITY, |(cost, _)| *cost)
        };
        self.nearest.iter().map(of_customer).sum()
    }
}

impl Field for Median {
    fn targets(&self) -> usize {
        self.lost.len()
    }
    fn enter(&mut self, target: usize) {
        self.attack.push(target);
        self.lost[target] = true;
    }
    fn leave(&mut self) {
        if let Some(target) = self.attack.pop() {
            self.lost[target] = false;
        }
    }
    fn damage(&mut self) -> f64 {
        self.sum(|facility, _| self.lost[facility as usize])
    }
    /// As if the rest of the budget fell on every customer by itself.
    fn bound_below(&mut self, open: &[usize], budget: u32) -> f64 {
        let mut is_open = vec![false; self.lost.len()];
        open.iter().for_each(|target| is_open[*target] = true);
        self.sum(|facility, count| {
            let passes = self.lost[facility as usize] || (is_open[facility as usize] && *count < budget);
            *count += u32::from(passes && !self.lost[facility as usize]);
            passes
        })
    }
}
