//! Which uptake of a single battery in each hour is cheapest, as far as the tangents found so far tell.
//!
//! V_t(e) = min over x of g_t(x) + V_{t+1}(e + x), with the convex piecewise-linear hourly cost g_t and content e. Each step
//! is an infimal convolution, which merges the segments of both functions by slope (Rockafellar 1970, §16), and a cut to the contents
//! that the battery can have.

use super::Battery;

/// The final content of a battery cannot be reached.
#[derive(Debug)]
pub(super) struct Unreachable;

/// Tangents by hour.
pub(super) struct Master<'a> {
    battery: &'a Battery,
    /// Points at which an hour was solved.
    points: Vec<Vec<Point>>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    uptake: f64,
    cost: f64,
    slope: f64,
}

/// A convex function on an interval: its value at the left end, and segments (slope, length) of rising slope.
#[derive(Clone, Debug, Default)]
struct Convex {
    left: f64,
    value: f64,
    segments: Vec<(f64, f64)>,
}

impl<'a> Master<'a> {
    pub(super) fn new(battery: &'a Battery, hours: usize) -> Self {
        Self { battery, points: vec![Vec::new(); hours] }
    }

    /// Adds a tangent.
    pub(super) fn add(&mut self, hour: usize, uptake: f64, cost: f64, slope: f64) {
        let points = &mut self.points[hour];
        let at = points.partition_point(|point| point.uptake < uptake);
        points.insert(at, Point { uptake, cost, slope });
    }

    /// Cost of an hour at an uptake, where the points so far determine it.
    pub(super) fn known(&self, hour: usize, x: f64) -> Option<f64> {
        let points = &self.points[hour];
        let at = points.partition_point(|point| point.uptake < x);
        let after = points.get(at)?;
        if after.uptake == x {
            return Some(after.cost);
        }
        let before = points.get(at.checked_sub(1)?)?;
        // A convex function lies below its chord and above its tangents.
        let share = (x - before.uptake) / (after.uptake - before.uptake);
        let chord = before.cost + share * (after.cost - before.cost);
        let tangent = |point: &Point| point.cost + point.slope * (x - point.uptake);
        let below = tangent(before).max(tangent(after));
        (chord - below <= 1e-11 * (1.0 + chord.abs())).then_some(chord)
    }

    /// The cheapest uptakes by hour, and their cost.
    pub(super) fn choose(&self) -> Result<(Vec<f64>, f64), Unreachable> {
        let battery = self.battery;
        let hours = self.points.len();
        let (least, most) = range(battery);
        let mut tails: Vec<Convex> = vec![Convex::default(); hours + 1];
        tails[hours] = match battery.final_mwh {
            Some(content) => Convex { left: content, value: 0.0, segments: Vec::new() },
            None => Convex { left: 0.0, value: 0.0, segments: vec![(0.0, battery.energy_mwh)] },
        };
        let mut costs = Vec::with_capacity(hours);
        for hour in (0..hours).rev() {
            let cost = self.reflected(hour, least, most);
            let (left, value) = (tails[hour + 1].left + cost.left, tails[hour + 1].value + cost.value);
            let mut tail = Convex { left, value, segments: Vec::new() };
            merge(&tails[hour + 1], &cost, |_, slope, length| {
                tail.segments.push((slope, length));
                true
            });
            tails[hour] = clip(tail, battery.energy_mwh).ok_or(Unreachable)?;
            costs.push(cost);
        }
        costs.reverse();
        let mut content = battery.initial_mwh;
        let cost = value_at(&tails[0], content).ok_or(Unreachable)?;
        let mut uptakes = Vec::with_capacity(hours);
        for hour in 0..hours {
            let (tail, of) = (&tails[hour + 1], &costs[hour]);
            let mut left = content - tail.left - of.left;
            let mut next = tail.left;
            merge(tail, of, |from_tail, _, length| {
                let used = length.min(left.max(0.0));
                if from_tail {
                    next += used;
                }
                left -= used;
                left > 0.0
            });
            let uptake = (next - content).clamp(least, most);
            uptakes.push(uptake);
            content = (content + uptake).clamp(0.0, battery.energy_mwh);
        }
        Ok((uptakes, cost))
    }

    /// The tangents of an hour as a function of minus the uptake.
    fn reflected(&self, hour: usize, least: f64, most: f64) -> Convex {
        // The greatest of lines in z = −x, from left to right: slopes rise.
        let mut lines: Vec<(f64, f64)> =
            self.points[hour].iter().map(|point| (-point.slope, point.cost - point.slope * point.uptake)).collect();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        lines.dedup_by(|b, a| a.0 == b.0);
        let mut hull: Vec<(f64, f64)> = Vec::with_capacity(lines.len());
        let cross = |a: (f64, f64), b: (f64, f64)| (a.1 - b.1) / (b.0 - a.0);
        for line in lines {
            while hull.len() >= 2 && cross(hull[hull.len() - 2], line) <= cross(hull[hull.len() - 2], hull[hull.len() - 1]) {
                hull.pop();
            }
            hull.push(line);
        }
        let (start, end) = (-most, -least);
        let value = hull.iter().fold(f64::NEG_INFINITY, |best, line| best.max(line.1 + line.0 * start));
        let mut at = start;
        let mut segments = Vec::with_capacity(hull.len());
        for (index, &line) in hull.iter().enumerate() {
            let to = hull.get(index + 1).map_or(end, |&next| cross(line, next).clamp(start, end));
            if to > at {
                segments.push((line.0, to - at));
                at = to;
            }
        }
        Convex { left: start, value, segments }
    }
}

/// Least and greatest uptake in an hour \[MWh\].
pub(super) fn range(battery: &Battery) -> (f64, f64) {
    (-battery.power_mw / battery.discharge_efficiency, battery.charge_efficiency * battery.power_mw)
}

/// Segments of both functions by slope, those of the first before equal ones of the second, until `take` (from the first?, slope, length)
/// has enough.
fn merge(first: &Convex, second: &Convex, mut take: impl FnMut(bool, f64, f64) -> bool) {
    let (mut a, mut b) = (first.segments.iter().peekable(), second.segments.iter().peekable());
    loop {
        let from_first = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => x.0 <= y.0,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return,
        };
        let segment = if from_first { a.next() } else { b.next() };
        if let Some(&(slope, length)) = segment
            && !take(from_first, slope, length)
        {
            return;
        }
    }
}

/// The part between no content and all; none where nothing is left.
fn clip(mut function: Convex, energy: f64) -> Option<Convex> {
    let mut kept = Vec::with_capacity(function.segments.len());
    for (slope, mut length) in function.segments {
        if function.left < 0.0 && kept.is_empty() {
            let skip = length.min(-function.left);
            function.left += skip;
            function.value += slope * skip;
            length -= skip;
        }
        if length > 0.0 {
            kept.push((slope, length));
        }
    }
    if function.left < 0.0 {
        // Rounding of sums of lengths.
        if function.left < -1e-9 {
            return None;
        }
        function.left = 0.0;
    }
    let mut at = function.left;
    if at > energy + 1e-9 {
        return None;
    }
    function.segments = Vec::with_capacity(kept.len());
    for (slope, length) in kept {
        let length = length.min(energy - at);
        if length <= 0.0 {
            break;
        }
        at += length;
        function.segments.push((slope, length));
    }
    Some(function)
}

/// Value at a content; none outside the interval.
fn value_at(function: &Convex, content: f64) -> Option<f64> {
    let mut left = content - function.left;
    if left < -1e-9 {
        return None;
    }
    let mut value = function.value;
    for &(slope, length) in &function.segments {
        let used = length.min(left.max(0.0));
        value += slope * used;
        left -= used;
    }
    (left <= 1e-9).then_some(value)
}
