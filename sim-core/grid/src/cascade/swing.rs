//! The frequency of an island in the first minute after it lost generation: one mass, reserve, AI load that yields, shedding in steps.
//!
//! `2 H S / f0 df/dt = -(deficit) - D load (f - f0) / f0` (Kundur 1994, "Power System Stability and Control", chapter 11), with the inertia
//! constant H on the capacity S of what turns. Primary reserve comes evenly within [`Swing::reserve_s`]. AI load with an agreement trips as a
//! whole, a delay after its threshold; relays then cut the other load in equal steps. Below the last threshold units disconnect themselves,
//! and the island is dark.

/// Constants of an island.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swing {
    /// Nominal frequency \[Hz\] -- constant.
    pub nominal_hz: f64,
    /// Inertia constant on the capacity that turns \[s\] -- constant. 2 to 9 s for thermal units, 2 to 4 s for hydro (Kundur 1994, table 3.2).
    pub inertia_s: f64,
    /// Change of the load per change of the frequency, both relative -- constant. 1 to 2 (Kundur 1994, section 11.1.1).
    pub damping: f64,
    /// Time in which the primary reserve is all there \[s\] -- constant. 30 s in continental Europe (regulation (EU) 2017/1485, annex V).
    pub reserve_s: f64,
    /// AI load trips this long after the frequency fell below `ai_hz` \[s\] -- constant. 49.5 Hz and 0.7 s: one of the three forms of fast
    /// reserve in the Nordic countries (ENTSO-E Nordic, technical requirements for fast frequency reserve, 2021).
    pub ai_s: f64,
    /// Threshold of the AI load \[Hz\] -- constant.
    pub ai_hz: f64,
    /// First and last threshold of shedding, and the number of steps -- constant. 49 Hz, 48 Hz, six steps, half of the load in all
    /// (regulation (EU) 2017/2196, annex, continental Europe).
    pub shed_hz: (f64, f64),
    /// Number of steps -- constant.
    pub steps: u32,
    /// Load cut by all steps together, as a share -- constant.
    pub shed_share: f64,
    /// Time of a relay \[s\] -- constant. At most 0.15 s (the same annex).
    pub relay_s: f64,
    /// Frequency at which units disconnect \[Hz\] -- constant. 47.5 Hz (regulation (EU) 2016/631, table 2).
    pub floor_hz: f64,
}

impl Default for Swing {
    fn default() -> Self {
        Self {
            nominal_hz: 50.0,
            inertia_s: 4.0,
            damping: 1.0,
            reserve_s: 30.0,
            ai_s: 0.7,
            ai_hz: 49.5,
            shed_hz: (49.0, 48.0),
            steps: 6,
            shed_share: 0.5,
            relay_s: 0.15,
            floor_hz: 47.5,
        }
    }
}

/// An island at the moment of the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Capacity of the units that stay on line \[MW\] -- input.
    pub turning_mw: f64,
    /// Load of the island, AI load included \[MW\] -- input.
    pub load_mw: f64,
    /// Of which AI load that has agreed to yield \[MW\] -- input.
    pub ai_mw: f64,
    /// Load less generation right after the loss \[MW\] -- input.
    pub deficit_mw: f64,
    /// Primary reserve of the units that stay \[MW\] -- input.
    pub reserve_mw: f64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SwingOutcome {
    /// Lowest frequency \[Hz\] -- output.
    pub nadir_hz: f64,
    /// When \[s\] -- output.
    pub nadir_s: f64,
    /// AI load that tripped \[MW\] -- output.
    pub ai_shed_mw: f64,
    /// Other load that relays cut \[MW\] -- output.
    pub shed_mw: f64,
    /// Whether the island went dark -- output.
    pub collapsed: bool,
}

/// Step of the integration \[s\].
const STEP_S: f64 = 0.005;
/// What is not over by then is up to operators \[s\].
const HORIZON_S: f64 = 60.0;

impl Swing {
    /// Follows a loss for a minute. An island without anything that turns, or without a number, goes dark at once.
    #[must_use]
    pub fn follow(&self, loss: &Loss) -> SwingOutcome {
        let nominal = self.nominal_hz;
        let mut out = SwingOutcome { nadir_hz: nominal, ..SwingOutcome::default() };
        if loss.deficit_mw <= 0.0 {
            return out;
        }
        let kinetic = 2.0 * self.inertia_s * loss.turning_mw;
        if kinetic.is_nan() || kinetic <= 0.0 || !loss.deficit_mw.is_finite() || !loss.load_mw.is_finite() {
            out.collapsed = true;
            return out;
        }
        let firm = (loss.load_mw - loss.ai_mw).max(0.0);
        let (mut deviation, mut steps) = (0.0, 0_u32);
        let (mut ai_due, mut shed_due) = (f64::INFINITY, f64::INFINITY);
        for step in 1..=(HORIZON_S / STEP_S) as u32 {
            let before = f64::from(step - 1) * STEP_S;
            let now = f64::from(step) * STEP_S;
            let reserve = loss.reserve_mw * ((before + 0.5 * STEP_S) / self.reserve_s).min(1.0);
            let served = loss.load_mw - out.ai_shed_mw - out.shed_mw;
            let missing = loss.deficit_mw - out.ai_shed_mw - out.shed_mw - reserve;
            // The damping part exactly, the rest constant within a step.
            let rate = nominal / kinetic;
            let damping = self.damping * served.max(0.0) / nominal;
            let gain = rate * damping;
            let decay = (-gain * STEP_S).exp();
            let slope = if gain > 0.0 { -(-gain * STEP_S).exp_m1() / gain } else { STEP_S };
            deviation = deviation * decay - missing * rate * slope;
            // More than was missing has been shed: governors take it back, and the frequency stays at its nominal value.
            deviation = f64::min(deviation, 0.0);
            let hz = nominal + deviation;
            if hz < out.nadir_hz {
                (out.nadir_hz, out.nadir_s) = (hz, now);
            }
            if hz < self.floor_hz {
                out.collapsed = true;
                return out;
            }
            if hz < self.ai_hz && ai_due == f64::INFINITY {
                ai_due = now + self.ai_s;
            }
            if now >= ai_due && out.ai_shed_mw == 0.0 {
                out.ai_shed_mw = loss.ai_mw.max(0.0);
            }
            let next = self.threshold(steps);
            if steps < self.steps && hz < next && shed_due == f64::INFINITY {
                shed_due = now + self.relay_s;
            }
            if now >= shed_due {
                steps += 1;
                shed_due = f64::INFINITY;
                out.shed_mw = firm * self.shed_share * f64::from(steps) / f64::from(self.steps);
            }
        }
        out
    }

    fn threshold(&self, step: u32) -> f64 {
        let (first, last) = self.shed_hz;
        if self.steps > 1 { first + (last - first) * f64::from(step) / f64::from(self.steps - 1) } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Swing = Swing {
        nominal_hz: 50.0,
        inertia_s: 5.0,
        damping: 0.0,
        reserve_s: 30.0,
        ai_s: 0.7,
        ai_hz: 49.5,
        shed_hz: (49.0, 48.0),
        steps: 6,
        shed_share: 0.5,
        relay_s: 0.15,
        floor_hz: 47.5,
    };
    const ISLAND: Loss = Loss { turning_mw: 10_000.0, load_mw: 8000.0, ai_mw: 0.0, deficit_mw: 200.0, reserve_mw: 600.0 };

    /// By hand: without damping the deviation is -f0 / (2 H S) (P t - R t^2 / 2 T), lowest at t = P T / R, there -f0 P^2 T / (4 H S R).
    #[test]
    fn the_swing_by_hand() {
        let out = BARE.follow(&ISLAND);
        let nadir = 50.0 - 50.0 * 200.0 * 200.0 * 30.0 / (4.0 * 5.0 * 10_000.0 * 600.0);
        assert!((out.nadir_hz - nadir).abs() < 1e-4, "{} against {nadir}", out.nadir_hz);
        assert!((out.nadir_s - 10.0).abs() < 0.1, "{}", out.nadir_s);
        assert_eq!((out.shed_mw, out.ai_shed_mw, out.collapsed), (0.0, 0.0, false));
        // With damping alone it settles at -f0 P / (D load).
        let damped = Swing { damping: 2.0, ..BARE }.follow(&Loss { reserve_mw: 0.0, deficit_mw: 100.0, ..ISLAND });
        let settled = 50.0 - 50.0 * 100.0 / (2.0 * 8000.0);
        assert!((damped.nadir_hz - settled).abs() < 2e-3, "{} against {settled}", damped.nadir_hz);
    }

    #[test]
    fn ai_load_spares_the_others_and_can_save_the_island() {
        let loss = Loss { deficit_mw: 1500.0, ..ISLAND };
        let without = BARE.follow(&loss);
        let with = BARE.follow(&Loss { ai_mw: 1000.0, ..loss });
        assert!(without.shed_mw > 0.0 && with.shed_mw < without.shed_mw && with.ai_shed_mw == 1000.0, "{without:?} {with:?}");
        let loss = Loss { deficit_mw: 5000.0, ..ISLAND };
        assert!(BARE.follow(&loss).collapsed);
        assert!(!BARE.follow(&Loss { ai_mw: 3000.0, ..loss }).collapsed);
        // All of the load that relays may cut is half of it: what is lost beyond that is too much.
        let mut last = 0.0;
        for deficit_mw in [500.0, 1000.0, 2000.0, 3000.0, 4000.0] {
            let out = BARE.follow(&Loss { deficit_mw, reserve_mw: 0.0, ..ISLAND });
            assert!(out.collapsed || out.shed_mw >= deficit_mw && out.shed_mw >= last, "{deficit_mw}: {out:?}");
            last = out.shed_mw;
        }
    }

    #[test]
    fn no_number_breaks_it() {
        for x in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            for y in [f64::NAN, -1.0, 0.0, 1e3] {
                let out = BARE.follow(&Loss { turning_mw: x, load_mw: y, ai_mw: x, deficit_mw: y.abs(), reserve_mw: x });
                assert!(out.nadir_hz.is_finite() && out.shed_mw.is_finite());
            }
        }
        assert!(BARE.follow(&Loss { deficit_mw: 1.0, load_mw: 1.0, ..Loss::default() }).collapsed);
    }
}
