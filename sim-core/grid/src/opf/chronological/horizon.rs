//! Which uptakes of several batteries are cheapest, as far as the tangents found so far tell: an interior point method on the horizon.
//!
//! Contents link an hour to the next one alone, so that a Newton step is a linear-quadratic control problem: one sweep back and one
//! forth over the hours with matrices of the number of batteries (Rao, Wright & Rawlings 1998, "Application of interior-point methods to
//! model predictive control"), with predictor and corrector (Mehrotra 1992). Tangents are added between steps, and the steps go on from
//! where they were: points in the middle of what is left need few tangents (Goffin & Vial 2002). The multipliers of any step bound the
//! cost from below, by the Lagrangian at them.
//!
//! Per hour: charging c and discharging d of each battery, a cost θ above all tangents a + g·(c − d) in the power taken from the grid,
//! contents e' = e + ηc c − d/ηd between the least and the most from which start and end can be reached.

use super::Battery;
use super::master::{Unreachable, range};
use newton::Stage;
use triangle::dot;

mod newton;
mod triangle;

/// Newton steps without a new tangent.
const STEPS: usize = 60;
/// Of them, those in a row that do not raise the bound.
const PATIENCE: usize = 10;
/// Contents closer than this share to each other are one.
const NARROW: f64 = 1e-9;

/// A variable between two bounds, by its distances, their multipliers, and the products that the predictor left.
#[derive(Clone, Copy, Debug, Default)]
struct Between {
    value: f64,
    /// Multipliers of the lower and the upper bound.
    low: f64,
    high: f64,
    step: f64,
    low_step: f64,
    high_step: f64,
    /// Weight of the bounds in the Newton step.
    weight: f64,
}

/// A tangent of an hour.
#[derive(Clone, Debug)]
struct Cut {
    /// Cost where nothing is taken \[EUR\].
    base: f64,
    /// Slope by battery [EUR/MWh].
    slope: Vec<f64>,
    slack: f64,
    multiplier: f64,
    slack_step: f64,
    multiplier_step: f64,
}

impl Cut {
    fn at(&self, power: &[f64]) -> f64 {
        self.base + dot(&self.slope, power)
    }
}

/// The horizon.
pub(super) struct Horizon<'a> {
    batteries: &'a [Battery],
    hours: usize,
    /// Tangents by hour.
    cuts: Vec<Vec<Cut>>,
    /// Least and most content after each hour, by hour, then battery \[MWh\].
    reach: Vec<(f64, f64)>,
    /// By hour, then battery: charging and discharging \[MW\], content after the hour \[MWh\].
    charge: Vec<Between>,
    discharge: Vec<Between>,
    content: Vec<Between>,
    /// Multiplier of the balance of the content: minus what a stored MWh is worth [EUR/MWh].
    price: Vec<f64>,
    price_step: Vec<f64>,
    /// Cost by hour \[EUR\].
    cost: Vec<f64>,
    cost_step: Vec<f64>,
    stages: Vec<Stage>,
    /// Softness of contents that are given: their multiplier takes up the rest at each step.
    soft: f64,
    /// Mean product of distance and multiplier \[EUR\]; none before the first step.
    centre: f64,
    /// Points of the way so far.
    path: Vec<Point>,
}

/// A point to go back to.
#[derive(Clone, Debug)]
struct Point {
    centre: f64,
    charge: Vec<Between>,
    discharge: Vec<Between>,
    content: Vec<Between>,
    price: Vec<f64>,
    cost: Vec<f64>,
    /// Slacks and multipliers of the tangents by hour.
    cuts: Vec<Vec<(f64, f64)>>,
}

impl<'a> Horizon<'a> {
    pub(super) fn new(batteries: &'a [Battery], hours: usize) -> Result<Self, Unreachable> {
        let count = batteries.len();
        let mut reach = vec![(0.0, 0.0); hours * count];
        for (at, battery) in batteries.iter().enumerate() {
            let (least, most) = range(battery);
            let mut now = battery.final_mwh.map_or((0.0, battery.energy_mwh), |end| (end, end));
            for hour in (0..hours).rev() {
                reach[hour * count + at] = now;
                now = ((now.0 - most).max(0.0), (now.1 - least).min(battery.energy_mwh));
            }
            let slack = NARROW * (1.0 + battery.energy_mwh);
            if battery.initial_mwh < now.0 - slack || battery.initial_mwh > now.1 + slack {
                return Err(Unreachable);
            }
            let mut now = (battery.initial_mwh, battery.initial_mwh);
            for hour in 0..hours {
                let place = &mut reach[hour * count + at];
                now = ((now.0 + least).max(place.0), (now.1 + most).min(place.1));
                if now.0 > now.1 {
                    // Rounding.
                    let middle = f64::midpoint(now.0, now.1);
                    now = (middle, middle);
                }
                *place = now;
            }
        }
        Ok(Self {
            batteries,
            hours,
            cuts: vec![Vec::new(); hours],
            reach,
            charge: vec![Between::default(); hours * count],
            discharge: vec![Between::default(); hours * count],
            content: vec![Between::default(); hours * count],
            price: vec![0.0; hours * count],
            price_step: vec![0.0; hours * count],
            cost: vec![0.0; hours],
            cost_step: vec![0.0; hours],
            stages: vec![Stage::new(count); hours],
            soft: 1.0,
            centre: 0.0,
            path: Vec::new(),
        })
    }

    /// Adds the tangent of an hour at a power taken by the batteries \[MW\]; whether it is new.
    pub(super) fn add(&mut self, hour: usize, power: &[f64], cost: f64, slope: &[f64]) -> bool {
        let base = cost - dot(slope, power);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-11 * (1.0 + a.abs());
        let cuts = &mut self.cuts[hour];
        if cuts.iter().any(|cut| near(cut.base, base) && cut.slope.iter().zip(slope).all(|(a, b)| near(*a, *b))) {
            return false;
        }
        let mut slope = slope.to_vec();
        // Batteries without power take nothing.
        slope.iter_mut().zip(self.batteries).filter(|(_, battery)| battery.power_mw == 0.0).for_each(|(slope, _)| *slope = 0.0);
        cuts.push(Cut { base, slope, slack: 0.0, multiplier: 0.0, slack_step: 0.0, multiplier_step: 0.0 });
        true
    }

    /// Power taken from the grid in an hour \[MW\].
    pub(super) fn power(&self, hour: usize, power: &mut [f64]) {
        let first = hour * self.batteries.len();
        for (at, power) in power.iter_mut().enumerate() {
            *power = self.charge[first + at].value - self.discharge[first + at].value;
        }
    }

    /// Greatest tangent of an hour at a power \[EUR\].
    pub(super) fn model(&self, hour: usize, power: &[f64]) -> f64 {
        self.cuts[hour].iter().fold(f64::NEG_INFINITY, |most, cut| most.max(cut.at(power)))
    }

    /// Puts the cost of an hour where the tangents below it balance: multipliers that add up to one, all products equal.
    fn raise(&mut self, hour: usize) {
        let mut power = vec![0.0; self.batteries.len()];
        self.power(hour, &mut power);
        let cuts = &mut self.cuts[hour];
        let most = cuts.iter().fold(f64::NEG_INFINITY, |most, cut| most.max(cut.at(&power)));
        cuts.iter_mut().for_each(|cut| cut.slack = most - cut.at(&power));
        // Newton from the left, on a convex falling function.
        let mut above = self.centre;
        for _ in 0..50 {
            let (mut sum, mut slope) = (-1.0, 0.0);
            for cut in cuts.iter() {
                let by = 1.0 / (above + cut.slack);
                sum += self.centre * by;
                slope += self.centre * by * by;
            }
            if sum <= 1e-9 {
                break;
            }
            above += sum / slope;
        }
        for cut in cuts.iter_mut() {
            cut.slack += above;
            cut.multiplier = self.centre / cut.slack;
        }
        self.cost[hour] = most + above;
    }

    /// The first point: in the middle of everything.
    fn start(&mut self) {
        let slopes = self.cuts.iter().flatten().flat_map(|cut| &cut.slope);
        let (sum, number) = slopes.fold((0.0, 0.0), |(sum, number), slope| (sum + slope.abs(), number + 1.0));
        let price = if sum > 0.0 { sum / number } else { 1.0 };
        let power = self.batteries.iter().fold(0.0_f64, |most, battery| most.max(battery.power_mw)).max(1e-3);
        self.centre = 0.25 * price * power;
        self.soft = 1e-8 * power / price;
        let count = self.batteries.len();
        for place in 0..self.hours * count {
            let battery = &self.batteries[place % count];
            let middle = |low: f64, high: f64| {
                let multiplier = if wide(low, high) { 2.0 * self.centre / (high - low) } else { 0.0 };
                Between { value: f64::midpoint(low, high), low: multiplier, high: multiplier, ..Between::default() }
            };
            self.charge[place] = middle(0.0, battery.power_mw);
            self.discharge[place] = middle(0.0, battery.power_mw);
            self.content[place] = middle(self.reach[place].0, self.reach[place].1);
            self.price[place] = -price;
        }
        for hour in 0..self.hours {
            self.raise(hour);
        }
    }

    /// Goes back to a point from where new tangents that exceed the cost of their hour by so much are in reach \[EUR\].
    pub(super) fn restart(&mut self, excess: f64) {
        while self.path.len() > 1 && self.path[self.path.len() - 1].centre < excess {
            self.path.pop();
        }
        if let Some(point) = self.path.last() {
            self.centre = point.centre;
            self.charge.copy_from_slice(&point.charge);
            self.discharge.copy_from_slice(&point.discharge);
            self.content.copy_from_slice(&point.content);
            self.price.copy_from_slice(&point.price);
            self.cost.copy_from_slice(&point.cost);
            let mut new = Vec::new();
            for (hour, (cuts, then)) in self.cuts.iter_mut().zip(&point.cuts).enumerate() {
                for (cut, &(slack, multiplier)) in cuts.iter_mut().zip(then) {
                    (cut.slack, cut.multiplier) = (slack, multiplier);
                }
                if cuts.len() > then.len() {
                    new.push(hour);
                }
            }
            new.into_iter().for_each(|hour| self.raise(hour));
        }
    }

    /// Steps until the point and the bound from its multipliers are no more than `target` apart \[EUR\]; the best bound \[EUR\].
    pub(super) fn approach(&mut self, target: f64) -> f64 {
        if self.centre == 0.0 {
            self.start();
        }
        let mut best = self.bound();
        let mut worse = 0;
        for _ in 0..STEPS {
            let cost: f64 = self.cost.iter().sum();
            if (cost - best <= target && self.unbalanced() <= 1e-3 * target) || worse > PATIENCE {
                break;
            }
            if self.path.last().is_none_or(|point| self.centre < 0.3 * point.centre) {
                self.path.push(Point {
                    centre: self.centre,
                    charge: self.charge.clone(),
                    discharge: self.discharge.clone(),
                    content: self.content.clone(),
                    price: self.price.clone(),
                    cost: self.cost.clone(),
                    cuts: self.cuts.iter().map(|cuts| cuts.iter().map(|cut| (cut.slack, cut.multiplier)).collect()).collect(),
                });
            }
            self.step();
            let bound = self.bound();
            if !bound.is_finite() || !self.centre.is_finite() {
                // Rounding has taken over: the last point may be spoilt already.
                self.restart(self.path.last().map_or(0.0, |point| 2.0 * point.centre));
                break;
            }
            worse = if bound > best { 0 } else { worse + 1 };
            best = best.max(bound);
        }
        best
    }

    /// Sum of what is missing in the balances of content, at the prices of content \[EUR\].
    fn unbalanced(&self) -> f64 {
        let count = self.batteries.len();
        (0..self.hours * count)
            .map(|place| (missing(self.batteries, &self.charge, &self.discharge, &self.content, place) * self.price[place]).abs())
            .sum()
    }

    /// The Lagrangian at the multipliers of the tangents and of the balances, least over powers and contents \[EUR\].
    fn bound(&self) -> f64 {
        let count = self.batteries.len();
        let mut sum = 0.0;
        let mut slope = vec![0.0; count];
        for (hour, cuts) in self.cuts.iter().enumerate() {
            let total: f64 = cuts.iter().map(|cut| cut.multiplier).sum();
            slope.fill(0.0);
            for cut in cuts {
                let share = cut.multiplier / total;
                sum += share * cut.base;
                slope.iter_mut().zip(&cut.slope).for_each(|(sum, slope)| *sum += share * slope);
            }
            for (at, battery) in self.batteries.iter().enumerate() {
                let place = hour * count + at;
                let price = self.price[place];
                sum += battery.power_mw * (slope[at] + battery.charge_efficiency * price).min(0.0);
                sum += battery.power_mw * (-slope[at] - price / battery.discharge_efficiency).min(0.0);
                let next = self.price.get(place + count).copied().unwrap_or(0.0);
                let (low, high) = self.reach[place];
                sum += ((next - price) * low).min((next - price) * high);
                if hour == 0 {
                    sum += price * battery.initial_mwh;
                }
            }
        }
        sum
    }

    /// Uptakes near the point, by hour, then battery, whose contents are within all limits \[MWh\].
    pub(super) fn uptakes(&self) -> Vec<f64> {
        let count = self.batteries.len();
        let mut content: Vec<f64> = self.batteries.iter().map(|battery| battery.initial_mwh).collect();
        let mut uptakes = Vec::with_capacity(self.hours * count);
        for place in 0..self.hours * count {
            let battery = &self.batteries[place % count];
            let (least, most) = range(battery);
            let now = &mut content[place % count];
            let (low, high) = self.reach[place];
            let wanted = battery.charge_efficiency * self.charge[place].value - self.discharge[place].value / battery.discharge_efficiency;
            let uptake = ((*now + wanted).clamp(low, high) - *now).clamp(least, most);
            *now += uptake;
            uptakes.push(uptake);
        }
        uptakes
    }
}

/// Whether there is something between two bounds.
fn wide(low: f64, high: f64) -> bool {
    high - low > NARROW * (1.0 + high)
}

/// What is missing in a balance of content \[MWh\].
fn missing(batteries: &[Battery], charge: &[Between], discharge: &[Between], content: &[Between], place: usize) -> f64 {
    let count = batteries.len();
    let battery = &batteries[place % count];
    let before = if place < count { battery.initial_mwh } else { content[place - count].value };
    before + battery.charge_efficiency * charge[place].value - discharge[place].value / battery.discharge_efficiency - content[place].value
}
