//! A Newton step on the horizon, by a sweep back and one forth.
//!
//! Charging is d/(c + d) of a change of the power, discharging −c/(c + d) of it, with the weights c and d of their bounds; what both
//! change by beyond that is the other variable of a battery. Neither meets the other in the curvature of the bounds.

use super::triangle::{backward, dot, forward, multiply, multiply_transposed, triangularise};
use super::{Between, Horizon, missing, wide};

/// Share of the way to the nearest bound.
const SHORT: f64 = 0.995;

/// Numbers of an hour in a Newton step; matrices by row. Its variables are, by battery, the discharging beyond what goes with a change of
/// the power, then the powers.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage {
    /// Sum of the weights of the tangents, and mean of their slopes.
    weight: f64,
    mean: Vec<f64>,
    /// Change of the uptake per change of each variable.
    uptake: Vec<f64>,
    /// Triangular root of the curvature in the content after the hour.
    root: Vec<f64>,
    /// Triangular root of the curvature in the variables, and that between them and the content before the hour.
    inner: Vec<f64>,
    outer: Vec<f64>,
    /// Gradients: in the cost of the hour, in the variables (after the root), in the content after the hour; what the balance lacks.
    height: f64,
    gradient: Vec<f64>,
    price: Vec<f64>,
    gap: Vec<f64>,
}

impl Stage {
    pub(super) fn new(count: usize) -> Self {
        Self {
            mean: vec![0.0; count],
            uptake: vec![0.0; 2 * count],
            root: vec![0.0; count * count],
            inner: vec![0.0; 4 * count * count],
            outer: vec![0.0; 2 * count * count],
            gradient: vec![0.0; 2 * count],
            price: vec![0.0; count],
            gap: vec![0.0; count],
            ..Self::default()
        }
    }
}

impl Horizon<'_> {
    /// Predictor, corrector, step.
    pub(super) fn step(&mut self) {
        self.factorise();
        self.solve(None);
        let (primal, dual) = self.lengths();
        let (sum, number) = self.products(0.0, 0.0);
        let (after, _) = self.products(primal, dual);
        let now = sum / number;
        let share = (after / sum).max(0.0);
        self.solve(Some(now * (share * share * share).max(1e-6)));
        let (primal, dual) = self.lengths();
        self.go((SHORT * primal).min(1.0), (SHORT * dual).min(1.0));
        let (sum, number) = self.products(0.0, 0.0);
        self.centre = sum / number;
    }

    /// Weights and roots of the Newton step, from the last hour to the first.
    fn factorise(&mut self) {
        let count = self.batteries.len();
        let (variables, width) = (2 * count, 3 * count);
        let mut after = vec![0.0; count * count];
        let (mut matrix, mut scratch) = (Vec::new(), Vec::new());
        for hour in (0..self.hours).rev() {
            let stage = &mut self.stages[hour];
            let cuts = &self.cuts[hour];
            // Curvature of the later hours and of the bounds of the content.
            matrix.clear();
            matrix.extend_from_slice(&after);
            for at in 0..count {
                let place = hour * count + at;
                let (low, high) = self.reach[place];
                let content = &mut self.content[place];
                content.weight = if wide(low, high) {
                    content.low / (content.value - low) + content.high / (high - content.value)
                } else {
                    1.0 / self.soft
                };
                matrix.extend((0..count).map(|column| if column == at { content.weight.sqrt() } else { 0.0 }));
            }
            triangularise(&mut matrix, count, count, &mut scratch);
            stage.root.copy_from_slice(&matrix[..count * count]);
            // Curvature of the bounds of the powers.
            matrix.clear();
            matrix.resize(variables * width, 0.0);
            for (at, battery) in self.batteries.iter().enumerate() {
                let place = hour * count + at;
                let (extra, power) = (at, count + at);
                if battery.power_mw == 0.0 {
                    matrix[extra * width + extra] = 1.0;
                    matrix[power * width + power] = 1.0;
                    continue;
                }
                for power in [&mut self.charge[place], &mut self.discharge[place]] {
                    power.weight = power.low / power.value + power.high / (battery.power_mw - power.value);
                }
                let (c, d) = (self.charge[place].weight, self.discharge[place].weight);
                matrix[extra * width + extra] = (c + d).sqrt();
                matrix[power * width + power] = (c / (c + d) * d).sqrt();
                stage.uptake[extra] = battery.charge_efficiency - 1.0 / battery.discharge_efficiency;
                stage.uptake[power] = (battery.charge_efficiency * d + c / battery.discharge_efficiency) / (c + d);
            }
            // Of the later contents.
            for row in 0..count {
                let root = &stage.root[row * count..(row + 1) * count];
                matrix.extend((0..width).map(|column| {
                    let at = column % count;
                    root[at] * if column < variables { stage.uptake[column] } else { 1.0 }
                }));
            }
            // Of the tangents.
            stage.weight = 0.0;
            stage.mean.fill(0.0);
            for cut in cuts {
                let weight = cut.multiplier / cut.slack;
                stage.weight += weight;
                stage.mean.iter_mut().zip(&cut.slope).for_each(|(mean, slope)| *mean += weight * slope);
            }
            stage.mean.iter_mut().for_each(|mean| *mean /= stage.weight);
            for cut in cuts.iter().take(if cuts.len() > 1 { cuts.len() } else { 0 }) {
                let by = (cut.multiplier / cut.slack).sqrt();
                matrix.extend(std::iter::repeat_n(0.0, count));
                matrix.extend(cut.slope.iter().zip(&stage.mean).map(|(slope, mean)| by * (slope - mean)));
                matrix.extend(std::iter::repeat_n(0.0, count));
            }
            triangularise(&mut matrix, width, width, &mut scratch);
            for row in 0..variables {
                let from = &matrix[row * width..(row + 1) * width];
                stage.inner[row * variables..(row + 1) * variables].copy_from_slice(&from[..variables]);
                stage.outer[row * count..(row + 1) * count].copy_from_slice(&from[variables..]);
            }
            for row in 0..count {
                let from = &matrix[(variables + row) * width + variables..(variables + row + 1) * width];
                after[row * count..(row + 1) * count].copy_from_slice(from);
            }
        }
    }

    /// Newton step towards products of zero (predictor), or of `target` less the products of the predictor's steps.
    fn solve(&mut self, target: Option<f64>) {
        let count = self.batteries.len();
        let aim = |step: f64, other: f64| target.map_or(0.0, |target| target - step * other);
        let variables = 2 * count;
        let mut price = vec![0.0; count];
        let mut power = vec![0.0; count];
        let mut held = vec![0.0; count];
        let (mut charge, mut discharge) = (vec![0.0; count], vec![0.0; count]);
        for hour in (0..self.hours).rev() {
            let stage = &mut self.stages[hour];
            // What is left of the conditions at this point comes first: near the end it is small, and so is its rounding.
            stage.height = -1.0;
            power.fill(0.0);
            for cut in &self.cuts[hour] {
                stage.height += cut.multiplier;
                power.iter_mut().zip(&cut.slope).for_each(|(power, slope)| *power += cut.multiplier * slope);
            }
            power.iter_mut().zip(&stage.mean).for_each(|(power, mean)| *power -= stage.height * mean);
            for (at, battery) in self.batteries.iter().enumerate() {
                let place = hour * count + at;
                let now = self.price[place];
                let (taken, given, content) = (&self.charge[place], &self.discharge[place], &self.content[place]);
                charge[at] = power[at] + battery.charge_efficiency * now - taken.low + taken.high;
                discharge[at] = -power[at] - now / battery.discharge_efficiency - given.low + given.high;
                let next = self.price.get(place + count).copied().unwrap_or(0.0);
                let (low, high) = self.reach[place];
                price[at] += next - now;
                price[at] += if wide(low, high) {
                    content.high - content.low
                } else {
                    content.low + (content.value - f64::midpoint(low, high)) / self.soft
                };
            }
            power.fill(0.0);
            for cut in &self.cuts[hour] {
                let by = aim(cut.slack_step, cut.multiplier_step) / cut.slack - cut.multiplier;
                stage.height += by;
                for ((power, slope), mean) in power.iter_mut().zip(&cut.slope).zip(&stage.mean) {
                    *power += by * (slope - mean);
                }
            }
            for (at, battery) in self.batteries.iter().enumerate() {
                let place = hour * count + at;
                let gradient = |v: &Between, low: f64, high: f64| {
                    (aim(-v.step, v.high_step) / (high - v.value) - v.high) - (aim(v.step, v.low_step) / (v.value - low) - v.low)
                };
                let (low, high) = self.reach[place];
                if wide(low, high) {
                    price[at] += gradient(&self.content[place], low, high);
                }
                if battery.power_mw > 0.0 {
                    charge[at] += power[at] + gradient(&self.charge[place], 0.0, battery.power_mw);
                    discharge[at] += -power[at] + gradient(&self.discharge[place], 0.0, battery.power_mw);
                }
            }
            stage.price.copy_from_slice(&price);
            // With what the balance lacks, which moves the content after the hour.
            for at in 0..count {
                stage.gap[at] = missing(self.batteries, &self.charge, &self.discharge, &self.content, hour * count + at);
            }
            multiply(&stage.root, &stage.gap, &mut held);
            multiply_transposed(&stage.root, &held, &mut price);
            for at in 0..count {
                let place = hour * count + at;
                let (c, d) = (self.charge[place].weight, self.discharge[place].weight);
                let (extra, along) =
                    if c + d > 0.0 { (charge[at] + discharge[at], (charge[at] * d - discharge[at] * c) / (c + d)) } else { (0.0, 0.0) };
                stage.gradient[at] = extra + stage.uptake[at] * price[at];
                stage.gradient[count + at] = along + stage.uptake[count + at] * price[at];
            }
            forward(&stage.inner, &mut stage.gradient);
            for (row, by) in stage.gradient.iter().enumerate() {
                price.iter_mut().zip(&stage.outer[row * count..]).for_each(|(price, outer)| *price -= by * outer);
            }
        }
        let mut content = vec![0.0; count];
        let mut change = vec![0.0; variables];
        for hour in 0..self.hours {
            let stage = &self.stages[hour];
            for (row, change) in change.iter_mut().enumerate() {
                *change = -stage.gradient[row] - dot(&stage.outer[row * count..(row + 1) * count], &content);
            }
            backward(&stage.inner, &mut change);
            power.copy_from_slice(&change[count..]);
            self.cost_step[hour] = dot(&stage.mean, &power) + stage.height / stage.weight;
            for cut in &mut self.cuts[hour] {
                let step = self.cost_step[hour] - dot(&cut.slope, &power);
                let aim = aim(cut.slack_step, cut.multiplier_step);
                cut.multiplier_step = (aim - cut.multiplier * step) / cut.slack - cut.multiplier;
                cut.slack_step = step;
            }
            let follow = |v: &mut Between, low: f64, high: f64, step: f64| {
                v.low_step = (aim(v.step, v.low_step) - v.low * step) / (v.value - low) - v.low;
                v.high_step = (aim(-v.step, v.high_step) + v.high * step) / (high - v.value) - v.high;
                v.step = step;
            };
            for (at, battery) in self.batteries.iter().enumerate() {
                let place = hour * count + at;
                if battery.power_mw > 0.0 {
                    let (c, d) = (self.charge[place].weight, self.discharge[place].weight);
                    // Charging c/(c + d) less and discharging as much more makes the same power with the least weight.
                    follow(&mut self.charge[place], 0.0, battery.power_mw, change[at] + d / (c + d) * power[at]);
                    follow(&mut self.discharge[place], 0.0, battery.power_mw, change[at] - c / (c + d) * power[at]);
                }
                let (charge, discharge) = (self.charge[place].step, self.discharge[place].step);
                content[at] += stage.gap[at] + battery.charge_efficiency * charge - discharge / battery.discharge_efficiency;
                let (low, high) = self.reach[place];
                let held = &mut self.content[place];
                if wide(low, high) {
                    follow(held, low, high, content[at]);
                } else {
                    held.step = content[at];
                    held.low_step = (held.value - f64::midpoint(low, high) + held.step) / self.soft;
                }
            }
            multiply(&stage.root, &content, &mut held);
            let price = &mut self.price_step[hour * count..(hour + 1) * count];
            price.copy_from_slice(&stage.price);
            multiply_transposed(&stage.root, &held, price);
        }
    }

    /// Every distance with its multiplier, and the steps of both.
    fn pairs(&self) -> impl Iterator<Item = [f64; 4]> {
        let count = self.batteries.len();
        let cuts = self.cuts.iter().flatten().map(|cut| [cut.slack, cut.multiplier, cut.slack_step, cut.multiplier_step]);
        let both = |v: &Between, low: f64, high: f64| {
            let pairs = [[v.value - low, v.low, v.step, v.low_step], [high - v.value, v.high, -v.step, v.high_step]];
            pairs.into_iter().take(if wide(low, high) { 2 } else { 0 })
        };
        let bounded = (0..self.hours * count).flat_map(move |place| {
            let most = self.batteries[place % count].power_mw;
            let (low, high) = self.reach[place];
            let powers = both(&self.charge[place], 0.0, most).chain(both(&self.discharge[place], 0.0, most));
            powers.chain(both(&self.content[place], low, high))
        });
        cuts.chain(bounded)
    }

    /// How far distances and multipliers can go, at most 1.
    fn lengths(&self) -> (f64, f64) {
        let (mut primal, mut dual) = (-1.0_f64, -1.0_f64);
        for [distance, multiplier, by, multiplier_by] in self.pairs() {
            primal = primal.min(by / distance);
            dual = dual.min(multiplier_by / multiplier);
        }
        (-1.0 / primal, -1.0 / dual)
    }

    /// Sum of the products after steps of some lengths, and their number.
    fn products(&self, primal: f64, dual: f64) -> (f64, f64) {
        let add = |(sum, number): (f64, f64), [distance, multiplier, by, multiplier_by]: [f64; 4]| {
            (sum + (distance + primal * by) * (multiplier + dual * multiplier_by), number + 1.0)
        };
        self.pairs().fold((0.0, 0.0), add)
    }

    fn go(&mut self, primal: f64, dual: f64) {
        for v in self.charge.iter_mut().chain(&mut self.discharge).chain(&mut self.content) {
            v.value += primal * v.step;
            v.low += dual * v.low_step;
            v.high += dual * v.high_step;
        }
        for cut in self.cuts.iter_mut().flatten() {
            cut.slack += primal * cut.slack_step;
            cut.multiplier += dual * cut.multiplier_step;
        }
        self.cost.iter_mut().zip(&self.cost_step).for_each(|(cost, step)| *cost += primal * step);
        self.price.iter_mut().zip(&self.price_step).for_each(|(price, step)| *price += dual * step);
    }
}
