//! The law under which shortages are common: components are drawn one after the other, each with the probability it has given that
//! the rest will be short.

use super::flow::NOTHING_MW;
use super::path::{Chain, interior};
use super::prepare::{Kind, Prepared};

/// Places of a table of probabilities.
const STEPS: usize = 1024;
/// With no more areas than this every set of areas is a target, else each area and all together.
const MOST_AREAS_FOR_SETS: usize = 4;
/// A set of areas is no target if it is short less often than this share of the sum over all sets.
const NEGLIGIBLE: f64 = 1e-3;
/// Added to every probability of the tables, so that what they cannot see is drawn all the same.
const FLOOR: f64 = 1e-12;

/// A set of areas that is short when what is out in it and on the ties into it exceeds its slack. By the theorem of maximum flow
/// and minimum cut (Ford & Fulkerson 1956) the system is short just when such a set is.
pub(super) struct Target {
    /// Share of the draws.
    pub share: f64,
    /// What a member of each component takes from the set when it is out, at full profile \[MW\].
    capacity_mw: Vec<f64>,
    /// Slack with nothing out, by hour \[MW\].
    slack_mw: Vec<f64>,
    /// Probability of each hour, and its sum up to and with the hour.
    hour: Vec<f64>,
    hour_sum: Vec<f64>,
    /// Row of the table for the members from each place on.
    row: Vec<usize>,
    /// Probability that the members from a place on take more than a slack: by row and step.
    table: Vec<f64>,
    steps_per_mw: f64,
}

/// The members that can fail, and the long-run probabilities and losses of their states by component.
pub(super) struct Members {
    pub component: Vec<u32>,
    pub probability: Vec<[f64; 3]>,
    pub lost: Vec<[f64; 3]>,
}

impl Members {
    pub fn new(prepared: &Prepared) -> Self {
        let chains = || prepared.components.iter().map(|component| &component.chain);
        let component = prepared
            .components
            .iter()
            .enumerate()
            .filter(|(_, component)| component.chain.probability()[0] < 1.0)
            .flat_map(|(place, component)| std::iter::repeat_n(place as u32, component.keys.len()))
            .collect();
        Self { component, probability: chains().map(Chain::probability).collect(), lost: chains().map(Chain::lost).collect() }
    }
}

/// Available share of a unit's capacity in an hour; nothing in maintenance.
#[inline]
pub(super) fn share_at(prepared: &Prepared, component: usize, hour: usize) -> f64 {
    let component = &prepared.components[component];
    if component.kind != Kind::Unit {
        return 1.0;
    }
    let maintenance = &prepared.system.units[component.place].maintenance;
    if !maintenance.is_empty() && maintenance.iter().any(|out| out.contains(&hour)) {
        return 0.0;
    }
    prepared.profile[component.place].get(hour).copied().unwrap_or(1.0)
}

/// The targets of a system, with their shares.
pub(super) fn targets(prepared: &Prepared, members: &Members) -> Vec<Target> {
    let areas = prepared.areas;
    let sets: Vec<Vec<bool>> = if areas <= MOST_AREAS_FOR_SETS {
        (1..1_usize << areas).rev().map(|bits| (0..areas).map(|area| bits >> area & 1 == 1).collect()).collect()
    } else {
        let singles = (0..areas).map(|only| (0..areas).map(|area| area == only).collect());
        std::iter::once(vec![true; areas]).chain(singles).collect()
    };
    let mut targets: Vec<Target> = sets.iter().map(|set| Target::new(prepared, members, set)).collect();
    let total: f64 = targets.iter().map(|target| target.share).sum();
    targets.retain(|target| target.share > NEGLIGIBLE * total);
    if targets.is_empty() {
        targets.push(Target::new(prepared, members, &vec![true; areas]));
        targets[0].share = 1.0;
    }
    let total: f64 = targets.iter().map(|target| target.share).sum();
    for target in &mut targets {
        target.share /= total;
    }
    targets
}

impl Target {
    fn new(prepared: &Prepared, members: &Members, set: &[bool]) -> Self {
        let (areas, hours) = (prepared.areas, prepared.hours);
        let mut imports_mw = 0.0;
        let capacity_mw: Vec<f64> = prepared
            .components
            .iter()
            .map(|component| match component.kind {
                Kind::Unit if set[component.area] => component.capacity_mw,
                Kind::Tie => {
                    let tie = &prepared.system.ties[component.place];
                    let into = match (set[tie.from], set[tie.to]) {
                        (false, true) => tie.forward_mw,
                        (true, false) => tie.backward_mw,
                        _ => 0.0,
                    };
                    imports_mw += into;
                    into
                }
                _ => 0.0,
            })
            .collect();
        let mut slack_mw = vec![imports_mw; hours];
        for (hour, slack) in slack_mw.iter_mut().enumerate() {
            for area in (0..areas).filter(|area| set[*area]) {
                let slot = hour * areas + area;
                *slack += prepared.supply_mw[slot] - prepared.load_mw[slot] - prepared.tier_sum_mw[slot];
            }
        }
        for (place, unit) in prepared.system.units.iter().enumerate().filter(|(_, unit)| set[unit.area]) {
            for hour in (0..hours).filter(|_| !unit.maintenance.is_empty()) {
                if unit.maintenance.iter().any(|out| out.contains(&hour)) {
                    let share = prepared.profile[place].get(hour).copied().unwrap_or(1.0);
                    slack_mw[hour] -= f64::from(unit.count) * unit.capacity_mw * share;
                }
            }
        }
        let mut target = Self {
            share: 0.0,
            capacity_mw,
            slack_mw,
            hour: Vec::new(),
            hour_sum: Vec::new(),
            row: Vec::new(),
            table: Vec::new(),
            steps_per_mw: 0.0,
        };
        target.tabulate(prepared, members);
        target.weigh_hours(hours);
        target
    }

    /// Convolves the members from the last to the first, each at the mean of its profile.
    fn tabulate(&mut self, prepared: &Prepared, members: &Members) {
        let mean_share = |component: usize| {
            let profile = prepared.profile.get(component).map_or(&[][..], Vec::as_slice);
            if profile.is_empty() { 1.0 } else { profile.iter().sum::<f64>() / profile.len() as f64 }
        };
        let total_mw: f64 = members.component.iter().map(|component| self.capacity_mw[*component as usize]).sum();
        self.steps_per_mw = if total_mw > 0.0 { (STEPS - 1) as f64 / total_mw } else { 0.0 };
        self.table = vec![0.0; STEPS];
        self.row = vec![0; members.component.len() + 1];
        let mut row = 0;
        for (place, component) in members.component.iter().enumerate().rev() {
            let component = *component as usize;
            let mw = self.capacity_mw[component] * mean_share(component);
            if mw > 0.0 {
                for step in 0..STEPS {
                    let slack = step as f64 / self.steps_per_mw;
                    let of =
                        |state: usize| members.probability[component][state] * self.short(row, slack - mw * members.lost[component][state]);
                    let value = of(0) + of(1) + of(2);
                    self.table.push(value);
                }
                row += 1;
            }
            self.row[place] = row;
        }
    }

    fn weigh_hours(&mut self, hours: usize) {
        let first = self.row[0];
        self.hour = self.slack_mw.iter().map(|slack| self.short(first, *slack)).collect();
        let total: f64 = self.hour.iter().sum();
        self.share = total;
        let mut sum = 0.0;
        for hour in &mut self.hour {
            // A hundredth goes to all hours alike.
            *hour = if total > 0.0 { 0.99 * *hour / total + 0.01 / hours as f64 } else { 1.0 / hours as f64 };
            sum += *hour;
            self.hour_sum.push(sum);
        }
    }

    /// Probability that the members of a row take more than a slack.
    #[inline]
    fn short(&self, row: usize, slack_mw: f64) -> f64 {
        if slack_mw < -NOTHING_MW {
            return 1.0;
        }
        let place = slack_mw.max(0.0) * self.steps_per_mw;
        let below = place as usize;
        if row == 0 || below >= STEPS - 1 {
            return 0.0;
        }
        let (low, high) = (self.table[row * STEPS + below], self.table[row * STEPS + below + 1]);
        low + (high - low) * (place - below as f64)
    }

    /// Draws an hour.
    pub fn draw_hour(&self, uniform: f64) -> usize {
        self.hour_sum.partition_point(|sum| *sum <= uniform).min(self.hour_sum.len() - 1)
    }

    /// Goes through the members of an hour. `choose` is told the probabilities of the states of each and says which it is in.
    /// Returns the density of hour and states over the true one.
    #[inline]
    pub fn walk(&self, prepared: &Prepared, members: &Members, hour: usize, mut choose: impl FnMut(usize, &[f64; 3]) -> usize) -> f64 {
        let mut ratio = self.hour[hour] * self.hour.len() as f64;
        let mut slack = self.slack_mw[hour];
        for (place, component) in members.component.iter().enumerate() {
            let component = *component as usize;
            let truth = &members.probability[component];
            let full = self.capacity_mw[component];
            if full <= 0.0 || slack < -NOTHING_MW {
                choose(place, truth);
                continue;
            }
            let mw = full * share_at(prepared, component, hour);
            let lost = &members.lost[component];
            let row = self.row[place + 1];
            let short =
                [self.short(row, slack) + FLOOR, self.short(row, slack - mw * lost[1]) + FLOOR, self.short(row, slack - mw) + FLOOR];
            let scale = 1.0 / (truth[0] * short[0] + truth[1] * short[1] + truth[2] * short[2]);
            let tilted = [truth[0] * short[0] * scale, truth[1] * short[1] * scale, truth[2] * short[2] * scale];
            let state = choose(place, &tilted);
            ratio *= short[state] * scale;
            slack -= mw * lost[state];
        }
        ratio
    }
}

/// State at a uniform number: down first, then derated.
#[inline]
pub(super) fn pick(probability: &[f64; 3], low: u32, high: u32) -> usize {
    let uniform = interior(low, high);
    if uniform < probability[2] { 2 } else { usize::from(uniform < probability[2] + probability[1]) }
}
