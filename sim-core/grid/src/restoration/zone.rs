//! Restoration of a zone as one curve: nothing, then a ramp, and load that follows it.
//!
//! The planner of this module's parent needs a network. Of a national blackout three or four times are published at best; this is the model
//! that such times can be fitted to. Its shape is that of restoration plans (Adibi & Fink 1994): black-start units and neighbours make a first
//! island (`start`), which then grows by start-up and switching at a rate that crews and ramps bound (`ramp`), while distribution follows
//! transmission with a lag.

/// Restoration curve of a zone; shares are shares of the load that was lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZoneRestoration {
    /// Time from the blackout to the first load \[h\] -- constant.
    pub start_h: f64,
    /// What black-start units and neighbours can carry from then on, as a share of the load -- constant.
    pub head_start: f64,
    /// Load that capability regains in an hour, as a share of the load [1/h] -- constant.
    pub ramp_per_h: f64,
    /// Mean time by which load follows capability: switching in distribution \[h\] -- constant.
    pub lag_h: f64,
}

impl ZoneRestoration {
    /// The curve of an island that is whole after `full_h`, begins after `start_h`, and grows evenly in between.
    #[must_use]
    pub fn between(start_h: f64, full_h: f64, lag_h: f64) -> Self {
        let length = full_h - start_h;
        let ramp_per_h = if length > 0.0 { 1.0 / length } else { f64::INFINITY };
        Self { start_h, head_start: 0.0, ramp_per_h, lag_h }
    }

    /// Share of the load that the zone could carry some time after the blackout: transmission as reports count it.
    #[must_use]
    pub fn capability(&self, hours: f64) -> f64 {
        self.capability_of(hours, 1.0)
    }

    /// Share of the load that is served some time after the blackout.
    #[must_use]
    pub fn served(&self, hours: f64) -> f64 {
        self.served_of(hours, 1.0)
    }

    /// Time after the blackout at which this share is served \[h\]; none if it never is, as is 1 with a lag.
    #[must_use]
    pub fn hours_to(&self, share: f64) -> Option<f64> {
        inverse(|hours| self.served(hours), share)
    }

    /// Time after the blackout at which the zone could carry this share \[h\]; none if it never can.
    #[must_use]
    pub fn hours_to_capability(&self, share: f64) -> Option<f64> {
        inverse(|hours| self.capability(hours), share)
    }

    /// As [`Self::capability`] for a load of `target` times the one that the shares refer to.
    #[must_use]
    pub fn capability_of(&self, hours: f64, target: f64) -> f64 {
        let since = hours - self.start_h.max(0.0);
        // A time that is no number has regained nothing.
        if since.is_nan() || since < 0.0 {
            return 0.0;
        }
        let ramp = if since > 0.0 { self.ramp_per_h.max(0.0) * since } else { 0.0 };
        (self.head_start.max(0.0) + ramp).min(target.max(0.0))
    }

    /// As [`Self::served`] for a load of `target` times the one that the shares refer to.
    ///
    /// The solution of `lag y' = c - y` from zero for the capability c.
    #[must_use]
    pub fn served_of(&self, hours: f64, target: f64) -> f64 {
        let capability = self.capability_of(hours, target);
        let since = hours - self.start_h.max(0.0);
        let (head, ramp, lag) = (self.head_start.max(0.0).min(target.max(0.0)), self.ramp_per_h.max(0.0), self.lag_h);
        if lag.is_nan() || lag <= 0.0 {
            return capability;
        }
        if since.is_nan() || since <= 0.0 {
            return 0.0;
        }
        let full = if ramp > 0.0 { (target.max(0.0) - head) / ramp } else { f64::INFINITY };
        let ramped = since.min(full);
        let decay = -(-ramped / lag).exp_m1();
        let climbed = if ramped > 0.0 && ramp.is_finite() { ramp * (ramped - lag * decay) } else { 0.0 };
        let at_end = head * decay + climbed;
        let served = if since > full { capability - (capability - at_end) * (-(since - full) / lag).exp() } else { at_end };
        served.clamp(0.0, capability)
    }
}

/// Where a curve that never falls reaches a value, by bisection; none within a hundred years.
fn inverse(curve: impl Fn(f64) -> f64, value: f64) -> Option<f64> {
    const LONGEST_H: f64 = 876_600.0;
    let (mut low, mut high) = (0.0, LONGEST_H);
    if curve(low) >= value {
        return Some(low);
    }
    let reached = curve(high) >= value;
    if !reached {
        return None;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if curve(middle) >= value {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a}, expected {b}");
    }

    #[test]
    fn without_a_lag_it_is_the_ramp() {
        let zone = ZoneRestoration { start_h: 2.0, head_start: 0.1, ramp_per_h: 0.09, lag_h: 0.0 };
        assert_eq!(zone.served(1.99), 0.0);
        close(zone.served(2.0), 0.1);
        close(zone.served(7.0), 0.55);
        close(zone.hours_to(1.0).unwrap(), 12.0);
        assert_eq!(zone.served(100.0), 1.0);
        // More load than was lost takes longer at the same pace.
        close(zone.served_of(13.0, 1.5), 1.09);
    }

    #[test]
    fn the_lag_solves_its_equation() {
        let zone = ZoneRestoration { start_h: 1.5, head_start: 0.05, ramp_per_h: 0.08, lag_h: 0.7 };
        let (step, mut y, mut t) = (1e-4, 0.0, 1.5);
        while t < 20.0 {
            // Heun's method.
            let slope = |t: f64, y: f64| (zone.capability(t) - y) / zone.lag_h;
            let first = slope(t, y);
            y += 0.5 * step * (first + slope(t + step, y + step * first));
            t += step;
        }
        assert!((zone.served(t) - y).abs() < 1e-6, "{} against {y}", zone.served(t));
        let mut last = 0.0;
        for minute in 0..2000 {
            let now = zone.served(f64::from(minute) / 60.0);
            assert!(now >= last && now <= zone.capability(f64::from(minute) / 60.0));
            last = now;
        }
    }

    #[test]
    fn spain_by_the_times_that_were_published() {
        // Transmission back after 15.5 h; with 0.65 h of lag 99.95 % of the load are back by 07:00, 18.45 h after 12:33.
        let zone = ZoneRestoration::between(2.0, 15.5, 0.65);
        close(zone.hours_to_capability(1.0).unwrap(), 15.5);
        assert!((zone.hours_to(0.9995).unwrap() - 18.45).abs() < 0.2, "{:?}", zone.hours_to(0.9995));
    }

    #[test]
    fn no_number_breaks_it() {
        for x in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            let zone = ZoneRestoration { start_h: x, head_start: x, ramp_per_h: x, lag_h: x };
            for hours in [f64::NAN, -1.0, 0.0, 5.0, f64::INFINITY] {
                let share = zone.served(hours);
                assert!((0.0..=1.0).contains(&share), "{x} {hours}: {share}");
            }
        }
        assert_eq!(ZoneRestoration { start_h: 1.0, head_start: 0.0, ramp_per_h: 0.0, lag_h: 0.0 }.hours_to(0.5), None);
    }
}
