//! The histories of the components: when each is out, in continuous time.

use bastide_engine::{Stream, philox4x32};

use crate::adequacy::{DeratedState, TwoState};

/// Outages of every component in one replication, component by component and each in order of time.
#[derive(Default)]
pub(super) struct Outages {
    /// Begin \[h\]; an outage holds from its begin to just before its end.
    pub start_h: Vec<f64>,
    /// End, not after the horizon \[h\].
    pub end_h: Vec<f64>,
    /// Share of the capacity that is lost.
    pub lost: Vec<f64>,
    /// Component.
    pub component: Vec<u32>,
    /// Days of begin and end.
    pub first_day: Vec<u32>,
    pub last_day: Vec<u32>,
}

impl Outages {
    pub fn clear(&mut self) {
        self.start_h.clear();
        self.end_h.clear();
        self.lost.clear();
        self.component.clear();
        self.first_day.clear();
        self.last_day.clear();
    }

    /// Adds the places of the outages that touch a day, in order.
    pub fn on_day(&self, day: u32, found: &mut Vec<u32>) {
        // Few do: eight at a time are asked whether one of them does.
        const TOGETHER: usize = 8;
        let touches = |first: u32, last: u32| u32::from(first <= day) & u32::from(last >= day);
        let mut base = 0;
        for (first, last) in self.first_day.chunks(TOGETHER).zip(self.last_day.chunks(TOGETHER)) {
            if first.iter().zip(last).fold(0, |any, (first, last)| any | touches(*first, *last)) > 0 {
                for (place, (first, last)) in first.iter().zip(last).enumerate() {
                    if touches(*first, *last) > 0 {
                        found.push(base + place as u32);
                    }
                }
            }
            base += TOGETHER as u32;
        }
    }

    /// Completes the outages that a chain has written: those of a component.
    pub fn label(&mut self, component: u32) {
        let first = self.component.len();
        let count = self.start_h.len();
        self.component.resize(count, component);
        // Chains of two states leave this to be said once.
        self.lost.resize(count, 1.0);
        self.first_day.extend(self.start_h[first..].iter().map(|start_h| (start_h * (1.0 / 24.0)) as u32));
        self.last_day.extend(self.end_h[first..].iter().map(|end_h| (end_h * (1.0 / 24.0)) as u32));
    }
}

/// The law of a component: a stationary Markov chain over up (0), derated (1) and down (2).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Chain {
    /// Always up.
    Perfect,
    /// Up and down in continuous time.
    TwoState { down: f64, mean_up_h: f64, mean_down_h: f64 },
    /// Any of the rest.
    General(Box<General>),
}

/// The two other states, the lower first.
const OTHERS: [[usize; 2]; 3] = [[1, 2], [0, 2], [0, 1]];

/// A chain of three states, in continuous time or by whole hours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct General {
    /// Long-run probability of each state.
    probability: [f64; 3],
    /// Mean sojourn in continuous time, or mean whole hours before leaving in terms of an exponential that is rounded down \[h\].
    mean_h: [f64; 3],
    /// Probability that the next state is the lower-numbered of the two others.
    to_lower: [f64; 3],
    /// Share of the capacity that is lost.
    lost: [f64; 3],
    /// No chronology is known: every hour is drawn on its own. Runs of equal states then have geometric lengths.
    hourly: bool,
}

/// Long-run probabilities of (up, derated, down). With times for both outages the chain is a star around "up", so they are in
/// the ratio 1 : `MTTR_d / MTTF_d` : `MTTR / MTTF`; a long-run probability is taken as it is, and times share what it leaves.
pub(crate) fn state_probabilities(outage: TwoState, derated: Option<DeratedState>) -> [f64; 3] {
    let ratio = |law: TwoState| match law {
        TwoState::Times { mttf_h, mttr_h } => mttr_h / mttf_h,
        TwoState::Perfect | TwoState::Unavailability(_) => 0.0,
    };
    let fixed = |law: TwoState| if let TwoState::Unavailability(share) = law { share } else { 0.0 };
    let second = derated.map_or(TwoState::Perfect, |derated| derated.outage);
    let left = (1.0 - fixed(outage) - fixed(second)).max(0.0);
    let up = left / (1.0 + ratio(outage) + ratio(second));
    [up, up * ratio(second) + fixed(second), up * ratio(outage) + fixed(outage)]
}

impl Chain {
    pub fn new(outage: TwoState, derated: Option<DeratedState>) -> Self {
        let probability = state_probabilities(outage, derated);
        let [up, part, down] = probability;
        if up >= 1.0 {
            return Self::Perfect;
        }
        let second = derated.map_or(TwoState::Perfect, |derated| derated.outage);
        let lost = [0.0, derated.map_or(0.0, |derated| 1.0 - derated.capacity_share), 1.0];
        let (full, second_full) = (times(outage), times(second));
        if unknown(outage) || unknown(second) {
            // Leaving with probability 1 - p each hour: 1 + floor(E) hours with E exponential of mean -1 / ln p.
            let mean_h = probability.map(|p| if p >= 1.0 { f64::INFINITY } else { -1.0 / p.ln() });
            let split = |a: f64, b: f64| if a + b > 0.0 { a / (a + b) } else { 0.0 };
            let to_lower = [split(part, down), split(up, down), split(up, part)];
            return Self::General(Box::new(General { probability, mean_h, to_lower, lost, hourly: true }));
        }
        match (full, second_full) {
            (Some((mean_up_h, mean_down_h)), None) => Self::TwoState { down, mean_up_h, mean_down_h },
            (full, second) => {
                let rate = |law: Option<(f64, f64)>| law.map_or(0.0, |(mttf_h, _)| 1.0 / mttf_h);
                let repair = |law: Option<(f64, f64)>| law.map_or(f64::INFINITY, |(_, mttr_h)| mttr_h);
                let leave = rate(full) + rate(second);
                Self::General(Box::new(General {
                    probability,
                    mean_h: [1.0 / leave, repair(second), repair(full)],
                    to_lower: [rate(second) / leave, 1.0, 1.0],
                    lost,
                    hourly: false,
                }))
            }
        }
    }

    /// Whether no chronology is known. What is always in one state has one.
    pub fn is_hourly(&self) -> bool {
        matches!(self, Self::General(general) if general.hourly && general.probability.iter().all(|p| *p < 1.0))
    }

    /// Long-run probability of (up, derated, down).
    pub fn probability(&self) -> [f64; 3] {
        match self {
            Self::Perfect => [1.0, 0.0, 0.0],
            Self::TwoState { down, .. } => [1.0 - down, 0.0, *down],
            Self::General(general) => general.probability,
        }
    }

    /// Share of the capacity that is lost in each state.
    pub fn lost(&self) -> [f64; 3] {
        if let Self::General(general) = self { general.lost } else { [0.0, 0.0, 1.0] }
    }

    /// Rate of the return to full capacity, in continuous time \[1/h\].
    pub fn return_rate(&self, state: usize) -> f64 {
        match self {
            Self::TwoState { mean_down_h, .. } if state == 2 => 1.0 / mean_down_h,
            Self::General(general) if state > 0 && !general.hourly => 1.0 / general.mean_h[state],
            _ => 0.0,
        }
    }

    /// The state an hour after `state`. The chains are reversible, so this is also the law of the state an hour before.
    pub fn after_hour(&self, mut state: usize, stream: &mut Stream) -> usize {
        let mut time_h = 0.0;
        loop {
            let (mean_h, next) = match self {
                Self::Perfect => return 0,
                Self::TwoState { mean_up_h, mean_down_h, .. } => {
                    if state == 0 {
                        (*mean_up_h, 2)
                    } else {
                        (*mean_down_h, 0)
                    }
                }
                Self::General(general) => {
                    let lower = stream.uniform() < general.to_lower[state];
                    (general.mean_h[state], OTHERS[state][usize::from(!lower)])
                }
            };
            let uniform = stream.uniform_interior();
            // -ln u is at least 1 - u: mostly no logarithm is needed.
            if time_h + mean_h * (1.0 - uniform) > 1.0 {
                return state;
            }
            time_h += mean_h * minus_ln(uniform);
            if time_h > 1.0 {
                return state;
            }
            state = next;
        }
    }

    /// Writes the outages of one member within the horizon, beginning in the stationary distribution.
    pub fn sample(&self, key: u64, seed: u64, replication: u32, horizon_h: f64, out: &mut Outages) {
        match self {
            Self::Perfect => {}
            Self::TwoState { down, mean_up_h, mean_down_h } => {
                two_state(*down, *mean_up_h, *mean_down_h, key, seed, replication, horizon_h, |start_h, end_h| {
                    out.start_h.push(start_h);
                    out.end_h.push(end_h);
                });
            }
            Self::General(general) => general.sample(Stream::new(seed, replication, key), horizon_h, out),
        }
    }
}

/// Blocks of random bits that are drawn together, so that their rounds overlap in the processor.
const AHEAD: usize = 4;

/// A two-state history. Block 0 gives the first state, its residual sojourn (exponential: no memory) and the sojourn after it;
/// block k gives the k-th sojourn up and the k-th down. A function of (seed, replication, key) alone.
#[expect(clippy::too_many_arguments, reason = "the loop that the simulation lives in: everything in registers")]
#[inline]
fn two_state(
    down: f64,
    mean_up_h: f64,
    mean_down_h: f64,
    key: u64,
    seed: u64,
    replication: u32,
    horizon_h: f64,
    mut out: impl FnMut(f64, f64),
) {
    let seed = [seed as u32, (seed >> 32) as u32];
    let mut uniform = [0.0; 2 * AHEAD];
    let mut sojourn_h = [0.0; 2 * AHEAD];
    let mut time_h = 0.0;
    let mut first = 0_u32;
    loop {
        let block = |ahead: u32| philox4x32([first.wrapping_add(ahead), replication, key as u32, (key >> 32) as u32], seed);
        for (word, pair) in [block(0), block(1), block(2), block(3)].iter().zip(uniform.as_chunks_mut::<2>().0) {
            *pair = [interior(word[0], word[1]), interior(word[2], word[3])];
        }
        if first == 0 {
            // The first uniform says in which state it begins; what is left of it is uniform again.
            uniform[0] = if uniform[0] < down {
                let end_h = mean_down_h * minus_ln((uniform[0] / down).max(f64::MIN_POSITIVE));
                out(0.0, end_h.min(horizon_h));
                time_h = end_h;
                uniform[0]
            } else {
                // Not zero: a uniform that equals `down` would make an infinite sojourn.
                ((uniform[0] - down) / (1.0 - down)).max(f64::MIN_POSITIVE)
            };
        }
        for (sojourn_h, uniform) in sojourn_h.iter_mut().zip(&uniform) {
            *sojourn_h = minus_ln(*uniform);
        }
        let mut pairs = sojourn_h.as_chunks::<2>().0;
        if first == 0 && time_h > 0.0 {
            // Begun down: the block is spent.
            pairs = &pairs[1..];
        }
        for [up, repair] in pairs {
            time_h += mean_up_h * up;
            if time_h >= horizon_h {
                return;
            }
            let start_h = time_h;
            time_h += mean_down_h * repair;
            out(start_h, time_h.min(horizon_h));
        }
        if time_h >= horizon_h {
            return;
        }
        first = first.wrapping_add(AHEAD as u32);
    }
}

impl General {
    fn sample(&self, mut stream: Stream, horizon_h: f64, out: &mut Outages) {
        let [up, part, _] = self.probability;
        let u = stream.uniform();
        let mut state = if u < up { 0 } else { 1 + usize::from(u >= up + part) };
        let mut time_h = 0.0;
        while time_h < horizon_h {
            let sojourn = minus_ln(stream.uniform_interior()) * self.mean_h[state];
            let end_h = time_h + if self.hourly { 1.0 + sojourn.floor() } else { sojourn };
            if state > 0 && self.lost[state] > 0.0 {
                out.start_h.push(time_h);
                out.end_h.push(end_h.min(horizon_h));
                out.lost.push(self.lost[state]);
            }
            time_h = end_h;
            let lower = stream.uniform() < self.to_lower[state];
            state = OTHERS[state][usize::from(!lower)];
        }
    }
}

fn unknown(law: TwoState) -> bool {
    matches!(law, TwoState::Unavailability(share) if share > 0.0)
}

fn times(law: TwoState) -> Option<(f64, f64)> {
    if let TwoState::Times { mttf_h, mttr_h } = law { Some((mttf_h, mttr_h)) } else { None }
}

/// Uniform in (0, 1), both ends excluded: an odd multiple of 2^-53.
#[inline]
pub(crate) fn interior(low: u32, high: u32) -> f64 {
    let bits = ((u64::from(high) << 32) | u64::from(low)) >> 12;
    f64::from_bits(0x3ff0_0000_0000_0000 | bits) - (1.0 - f64::EPSILON / 2.0)
}

/// -ln u for a positive normal u, to 2e-15 relative: u = 2^e m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)).
/// In our own arithmetic: the same bits on every machine, and several at a time.
#[inline]
pub(crate) fn minus_ln(u: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = u.to_bits();
    let exponent = (bits.wrapping_sub(SQRT_HALF) as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub((exponent as u64) << 52));
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let z2 = z * z;
    let low = (1.0 / 3.0 + z * (1.0 / 5.0)) + z2 * (1.0 / 7.0 + z * (1.0 / 9.0));
    let high = (1.0 / 11.0 + z * (1.0 / 13.0)) + z2 * (1.0 / 15.0 + z * (1.0 / 17.0));
    let series = low + z2 * z2 * high;
    -(f64::from(exponent as i32) * std::f64::consts::LN_2 + 2.0 * s * (1.0 + z * series))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_library() {
        let mut stream = Stream::new(3, 0, 9);
        for _ in 0..20_000 {
            let u = stream.uniform_interior();
            assert!((minus_ln(u) + u.ln()).abs() <= 4e-15 * u.ln().abs().max(1e-3), "{u}");
        }
        assert!((minus_ln(f64::MIN_POSITIVE) + f64::MIN_POSITIVE.ln()).abs() < 1e-11);
        assert!((minus_ln(0.5 * f64::EPSILON) + (0.5 * f64::EPSILON).ln()).abs() < 1e-12);
        assert!(interior(0, 0) > 0.0 && interior(u32::MAX, u32::MAX) < 1.0);
    }

    /// Share of time lost, outages per hour, and share of replications lost at time zero.
    fn moments(chain: &Chain, horizon_h: f64, replications: u32) -> [f64; 3] {
        let mut out = Outages::default();
        let mut sums = [0.0; 3];
        for replication in 0..replications {
            out.clear();
            chain.sample(77, 5, replication, horizon_h, &mut out);
            out.label(0);
            for i in 0..out.lost.len() {
                assert!(out.end_h[i] > out.start_h[i] && out.end_h[i] <= horizon_h);
                assert!(i == 0 || out.start_h[i] >= out.end_h[i - 1]);
                sums[0] += out.lost[i] * (out.end_h[i] - out.start_h[i]);
                sums[1] += f64::from(u8::from(out.start_h[i] > 0.0));
                sums[2] += if out.start_h[i] == 0.0 { out.lost[i] } else { 0.0 };
            }
        }
        let n = f64::from(replications);
        [sums[0] / n / horizon_h, sums[1] / n / horizon_h, sums[2] / n]
    }

    #[test]
    fn a_stationary_unit_is_out_for_its_share_of_the_time_from_the_first_hour() {
        // MTTF 90, MTTR 10: out 10 % of the time, 1 / 100 failures an hour.
        let chain = Chain::new(TwoState::Times { mttf_h: 90.0, mttr_h: 10.0 }, None);
        let [out, rate, at_zero] = moments(&chain, 500.0, 20_000);
        assert!((out - 0.1).abs() < 6e-4, "{out}");
        assert!((rate - 0.01).abs() < 1e-4, "{rate}");
        assert!((at_zero - 0.1).abs() < 3.0 * (0.09_f64 / 20_000.0).sqrt(), "{at_zero}");
    }

    #[test]
    fn three_states_share_the_time_by_their_ratios() {
        // Ratios 1 : 20/50 : 10/90: up 0.661765, derated 0.264706, down 0.073529; half of the capacity is left when derated.
        let derated = DeratedState { capacity_share: 0.5, outage: TwoState::Times { mttf_h: 50.0, mttr_h: 20.0 } };
        let law = TwoState::Times { mttf_h: 90.0, mttr_h: 10.0 };
        let expected = 0.5 * 0.264_706 + 0.073_529;
        let [out, rate, at_zero] = moments(&Chain::new(law, Some(derated)), 400.0, 20_000);
        assert!((out - expected).abs() < 1.5e-3, "{out}");
        assert!((at_zero - expected).abs() < 7e-3, "{at_zero}");
        // Outages begin with rate up * (1/90 + 1/50).
        assert!((rate - 0.661_765 * (1.0 / 90.0 + 1.0 / 50.0)).abs() < 2e-4, "{rate}");
    }

    #[test]
    fn hours_without_chronology_are_independent() {
        let derated = DeratedState { capacity_share: 0.25, outage: TwoState::Unavailability(0.3) };
        let chain = Chain::new(TwoState::Unavailability(0.2), Some(derated));
        assert!(chain.is_hourly());
        let mut out = Outages::default();
        let (mut pairs, n) = ([[0.0; 3]; 3], 40_000);
        for replication in 0..n {
            out.clear();
            chain.sample(1, 1, replication, 2.0, &mut out);
            out.label(0);
            let mut state = [0; 2];
            for i in 0..out.lost.len() {
                state[out.start_h[i] as usize..out.end_h[i] as usize].fill(if out.lost[i] < 1.0 { 1 } else { 2 });
            }
            pairs[state[0]][state[1]] += 1.0 / f64::from(n);
        }
        let p = [0.5, 0.3, 0.2];
        for (first, row) in pairs.iter().enumerate() {
            for (second, share) in row.iter().enumerate() {
                assert!((share - p[first] * p[second]).abs() < 0.007, "{first} {second}: {share}");
            }
        }
    }

    #[test]
    fn the_ends_of_unavailability_work() {
        assert_eq!(Chain::new(TwoState::Unavailability(0.0), None), Chain::Perfect);
        let never = Chain::new(TwoState::Unavailability(1.0), None);
        let [out, ..] = moments(&never, 5.0, 10);
        assert!(out == 1.0 && !never.is_hourly());
        assert_eq!(never.after_hour(2, &mut Stream::new(1, 1, 1)), 2);
    }
}
