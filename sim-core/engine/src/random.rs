//! Counter-based random streams and the variates drawn from them.

use bastide_units::Duration;
use serde::{Deserialize, Serialize};

use crate::logarithm::ln_normal;
use crate::philox::{philox4x32, philox4x32_four};
use crate::special::{normal_quantile, stirling_correction};

/// Below this mean a count is found by walking its distribution; above, by transformed rejection (Hormann 1993 asks for 10).
const INVERSION_BELOW: f64 = 10.0;

/// Key of the stream of an entity and a purpose: FNV-1a over both names, then the finalizer of `SplitMix64`. A stable function of
/// the two names alone, so adding a site does not change another site's draws. Two of a million streams of one model
/// share a key with probability 3e-8.
#[must_use]
pub const fn stream_key(entity: &str, purpose: &str) -> u64 {
    // Offset basis and prime of 64-bit FNV-1a (Fowler, Noll & Vo; RFC 9923).
    let mut hash = fnv1a(0xcbf2_9ce4_8422_2325, entity.as_bytes());
    // A byte that is in no UTF-8 text, so that ("ab", "c") differs from ("a", "bc").
    hash = fnv1a(hash, &[0xff]);
    hash = fnv1a(hash, purpose.as_bytes());
    mix(hash)
}

const fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

/// Key of the numbered member of a family of streams: node 17 of a fleet, the third strike of a campaign. For one `key`,
/// different numbers never share a key.
#[inline]
#[must_use]
pub const fn derive_key(key: u64, number: u64) -> u64 {
    mix(key ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

/// A bijection that spreads every bit: the finalizer of `SplitMix64` (Steele, Lea & Flood 2014; variant 13 of Stafford 2011).
#[inline]
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A stream of random numbers: draw `index` of the stream `key` in a replication under a seed.
///
/// Every draw is Philox4x32-10 (Salmon et al. 2011) of a counter: Philox key = seed; counter words = (block, replication, low
/// half of the stream key, high half), where a block is four 32-bit draws. The map is one to one for the first 2^32 blocks
/// (17 billion draws) of every stream: different (seed, replication, key, index) never share a block. Later blocks go on
/// under a key derived from (key, block / 2^32).
///
/// # Draws per variate
///
/// All variates take their uniforms, 64 bits each, in order from the stream.
///
/// | variate | 64-bit draws | with the draw |
/// |---|---|---|
/// | `uniform`, `exponential`, `normal`, `lognormal`, `weibull`, `weibull_residual` | 1 | increases |
/// | `bernoulli` | 1 | true becomes false |
/// | `weighted_index`, `poisson` below a mean of 10, `binomial` below 10 expected successes | 1 | increases |
/// | `binomial` below 10 expected failures | 1 | decreases |
/// | `index`; `shuffle` of n items | 1; n - 1; one more with probability n / 2^64 | increases |
/// | `gamma`, from a shape of 1 on; below | 2 for each attempt, at most 1.05 attempts on average; 1 more | rejected |
/// | `poisson`, `binomial`, other | 2 for each attempt, at most 1.5 attempts on average | rejected |
///
/// Variates of one draw stay synchronised between alternatives that differ in their parameters only (common random numbers):
/// value n comes from draw n. What rejects draws takes a number that depends on the parameters; give each value a stream of
/// its own, `stream.member(n)`, where that matters.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "Position", into = "Position")]
pub struct Stream {
    seed: u64,
    key: u64,
    /// Number of 32-bit draws taken.
    index: u64,
    /// The four blocks around draw `index`, word by word: `words[word][block]`. Of the first four only the first block, so
    /// that a stream of one or two variates does not pay for eight. Nothing before the first draw of either.
    words: [[u32; 4]; 4],
    replication: u32,
}

/// What a stream is made of, as it is saved: the block follows from it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename = "Stream")]
struct Position {
    seed: u64,
    replication: u32,
    key: u64,
    index: u64,
}

impl From<Stream> for Position {
    fn from(stream: Stream) -> Self {
        Self { seed: stream.seed, replication: stream.replication, key: stream.key, index: stream.index }
    }
}

impl From<Position> for Stream {
    fn from(saved: Position) -> Self {
        let mut stream = Self::new(saved.seed, saved.replication, saved.key);
        stream.seek(saved.index);
        stream
    }
}

impl Stream {
    /// The stream `key` (see [`stream_key`]) of a replication under a seed, at its first draw.
    #[inline]
    #[must_use]
    pub const fn new(seed: u64, replication: u32, key: u64) -> Self {
        Self { seed, key, index: 0, words: [[0; 4]; 4], replication }
    }

    /// A stream of its own for the numbered member of a family, at its first draw: `derive_key(key, number)`.
    #[inline]
    #[must_use]
    pub const fn member(&self, number: u64) -> Self {
        Self::new(self.seed, self.replication, derive_key(self.key, number))
    }

    /// Number of 32-bit draws taken so far.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.index
    }

    /// Goes to the 32-bit draw `position`, forwards or backwards, in constant time.
    #[inline]
    pub fn seek(&mut self, position: u64) {
        self.index = position;
        if !position.is_multiple_of(16) {
            self.fill();
        }
    }

    #[inline(never)]
    fn fill(&mut self) {
        let block = (self.index >> 4) << 2;
        let high = block >> 32;
        let stream = if high == 0 { self.key } else { derive_key(self.key, high) };
        let counter = [block as u32, self.replication, stream as u32, (stream >> 32) as u32];
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        if self.index < 4 {
            for (word, drawn) in self.words.iter_mut().zip(philox4x32(counter, key)) {
                word[0] = drawn;
            }
        } else {
            self.words = philox4x32_four(counter, key);
        }
    }

    /// 32 random bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        let index = self.index;
        if index.is_multiple_of(16) || index == 4 {
            self.fill();
        }
        self.index = index.wrapping_add(1);
        self.words[(index & 3) as usize][(index >> 2 & 3) as usize]
    }

    /// 64 random bits: an aligned pair of 32-bit draws (after an odd number of them one is skipped).
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let index = self.index.wrapping_add(self.index & 1);
        self.index = index;
        if index.is_multiple_of(16) || index == 4 {
            self.fill();
        }
        self.index = index.wrapping_add(2);
        let (word, block) = ((index & 2) as usize, (index >> 2 & 3) as usize);
        (u64::from(self.words[word + 1][block]) << 32) | u64::from(self.words[word][block])
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in (0, 1], a multiple of 2^-53.
    #[inline]
    pub fn uniform_open(&mut self) -> f64 {
        ((self.next_u64() >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in (0, 1), both ends excluded: an odd multiple of 2^-53.
    #[inline]
    pub fn uniform_interior(&mut self) -> f64 {
        ((self.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
    }

    /// Exponential with the given mean, in the mean's unit. An infinite mean gives infinity (it never happens), zero gives zero.
    #[inline]
    pub fn exponential(&mut self, mean: f64) -> f64 {
        // The difference is exact: both are multiples of 2^-53 below 1.
        -mean * ln_normal(1.0 - self.uniform_interior())
    }

    /// Exponential length of time with the given mean.
    #[inline]
    pub fn exponential_duration(&mut self, mean: Duration) -> Duration {
        Duration::from_s(self.exponential(mean.as_s()))
    }

    /// Standard normal, by the quantile function (Wichura 1988, AS 241).
    #[inline]
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform_interior())
    }

    /// Lognormal with the given median, in the median's unit; `sigma` is the standard deviation of its logarithm.
    #[inline]
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Weibull with survival exp(-(x / scale)^shape), in the scale's unit.
    #[inline]
    pub fn weibull(&mut self, shape: f64, scale: f64) -> f64 {
        scale * self.exponential(1.0).powf(1.0 / shape)
    }

    /// What is left of a Weibull life that has reached `age`, in the scale's unit: survival
    /// exp((age / scale)^shape - ((age + x) / scale)^shape). With shape 1 the age does not matter; an `age` of zero or less is a
    /// new life. After a repair that leaves the age as it is (Barlow & Hunter 1960, "minimal repair") it gives the next failure.
    #[inline]
    pub fn weibull_residual(&mut self, shape: f64, scale: f64, age: f64) -> f64 {
        let spent = if age > 0.0 { (age / scale).powf(shape) } else { 0.0 };
        let drawn = self.exponential(1.0);
        if spent > 0.0 {
            // age ((1 + drawn / spent)^(1 / shape) - 1), without the cancellation at a great age.
            age * ((drawn / spent).ln_1p() / shape).exp_m1()
        } else {
            scale * drawn.powf(1.0 / shape)
        }
    }

    /// Gamma with mean shape * scale, in the scale's unit (Marsaglia & Tsang 2000, "A simple method for generating gamma
    /// variables"; for shape < 1 their section 6).
    pub fn gamma(&mut self, shape: f64, scale: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.uniform_interior().powf(1.0 / shape);
            return boost * self.gamma(shape + 1.0, scale);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let t = 1.0 + c * x;
            let v = t * t * t;
            let u = self.uniform_interior();
            if v > 0.0 && (u < 1.0 - 0.0331 * x.powi(4) || u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln())) {
                return d * v * scale;
            }
            if shape.is_nan() {
                return f64::NAN;
            }
        }
    }

    /// Poisson count with the given mean: inversion below 10, the transformed rejection PTRS above (Hormann 1993, "The
    /// transformed rejection method for generating Poisson random variables"). Exact to rounding; 0 if the mean is not positive.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean.is_nan() || mean <= 0.0 {
            return 0;
        }
        if mean < INVERSION_BELOW {
            return self.walk((-mean).exp(), mean, |k| mean / k);
        }
        if mean >= u64::MAX as f64 {
            return u64::MAX;
        }
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.024_83 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let v_r = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let u = self.uniform() - 0.5;
            let v = self.uniform_open();
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + mean + 0.43).floor();
            if us >= 0.07 && v <= v_r {
                return k as u64;
            }
            if k < 0.0 || (us < 0.013 && v > us) {
                continue;
            }
            if (v * inverse_alpha / (a / (us * us) + b)).ln() <= ln_poisson(k, mean) {
                return k as u64;
            }
        }
    }

    /// Binomial count of successes among `n` trials: inversion below 10 expected successes (or failures), the transformed
    /// rejection BTRS above (Hormann 1993, "The generation of binomial random variates"), whose cost does not depend on `n`.
    /// Exact to rounding for `n` up to about 2^40; `p` outside [0, 1] counts as the nearer end.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n == 0 || p.is_nan() || p <= 0.0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        if p > 0.5 {
            return n - self.binomial(n, 1.0 - p);
        }
        let trials = n as f64;
        let odds = p / (1.0 - p);
        if trials * p < INVERSION_BELOW {
            let none = (trials * (-p).ln_1p()).exp();
            return self.walk(none, trials * p, |k| (trials - k + 1.0) / k * odds).min(n);
        }
        let spread = (trials * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let c = trials * p + 0.5;
        let v_r = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let m = ((trials + 1.0) * p).floor();
        loop {
            let u = self.uniform() - 0.5;
            let v = self.uniform_open();
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + c).floor();
            if us >= 0.07 && v <= v_r {
                return k as u64;
            }
            if k < 0.0 || k > trials {
                continue;
            }
            let bound = (m + 0.5) * ((m + 1.0) / (odds * (trials - m + 1.0))).ln()
                + (trials + 1.0) * ((trials - m + 1.0) / (trials - k + 1.0)).ln()
                + (k + 0.5) * (odds * (trials - k + 1.0) / (k + 1.0)).ln()
                + stirling_correction(m)
                + stirling_correction(trials - m)
                - stirling_correction(k)
                - stirling_correction(trials - k);
            if (v * alpha / (a / (us * us) + b)).ln() <= bound {
                return k as u64;
            }
        }
    }

    /// Inversion by walking a count's probabilities up from `none` = P(0) with P(k) = P(k - 1) * ratio(k). One draw.
    #[inline]
    fn walk(&mut self, none: f64, mean: f64, ratio: impl Fn(f64) -> f64) -> u64 {
        let mut left = self.uniform();
        let (mut k, mut probability) = (0.0, none);
        while left >= probability {
            left -= probability;
            k += 1.0;
            probability *= ratio(k);
            // Beyond the mean with less weight than the last bit of a draw: the rest is rounding.
            if k > mean && probability < 1e-17 {
                break;
            }
        }
        k as u64
    }

    /// True with probability `p`.
    #[inline]
    pub fn bernoulli(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// A place among `n`, each with the same probability, without bias (Lemire 2019, "Fast random integer generation in an
    /// interval"). 0 if `n` is 0.
    #[inline]
    pub fn index(&mut self, n: usize) -> usize {
        let n = n as u64;
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            let threshold = if n == 0 { 0 } else { n.wrapping_neg() % n };
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as usize
    }

    /// Puts the items into a random order, each with the same probability (Fisher & Yates; Durstenfeld 1964).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// A place with probability in proportion to its weight. Weights that are not positive and finite count as zero; `None`
    /// when none is left, but one draw is taken all the same.
    pub fn weighted_index(&mut self, weights: &[f64]) -> Option<usize> {
        let usable = |weight: f64| if weight > 0.0 && weight.is_finite() { weight } else { 0.0 };
        let total: f64 = weights.iter().map(|weight| usable(*weight)).sum();
        let mut left = self.uniform() * total;
        let mut chosen = None;
        for (place, weight) in weights.iter().enumerate() {
            let weight = usable(*weight);
            if weight > 0.0 {
                chosen = Some(place);
                if left < weight {
                    break;
                }
                left -= weight;
            }
        }
        chosen
    }
}

/// Logarithm of the Poisson probability of `k`, without the cancellation of k ln(mean) against ln k!.
#[inline]
fn ln_poisson(k: f64, mean: f64) -> f64 {
    if k == 0.0 {
        return -mean;
    }
    // k ln(mean / k) + k - mean, with excess = k - mean: -k ln(1 + excess / mean) + excess.
    let excess = k - mean;
    excess - k * (excess / mean).ln_1p() - 0.5 * (2.0 * std::f64::consts::PI * k).ln() - stirling_correction(k - 1.0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::Estimate;
    use crate::special::{gamma_p, ln_gamma};

    fn stream(purpose: &str) -> Stream {
        Stream::new(20_260_101, 0, stream_key("test", purpose))
    }

    /// Mean and variance within `errors` standard errors, those estimated from the sample.
    fn check_moments(sample: &[f64], mean: f64, variance: f64) {
        let estimate = Estimate::of(sample).unwrap();
        assert!(estimate.deviation(mean).unwrap().abs() < 3.5, "mean {mean}: {estimate:?}");
        let squares: Vec<f64> = sample.iter().map(|x| (x - mean).powi(2)).collect();
        let spread = Estimate::of(&squares).unwrap();
        assert!(spread.deviation(variance).unwrap().abs() < 3.5, "variance {variance}: {spread:?}");
    }

    #[test]
    fn a_draw_is_a_function_of_its_address() {
        // Key 0 under seed 0 in replication 0 is the published Philox block.
        let mut zero = Stream::new(0, 0, 0);
        let drawn: Vec<u32> = (0..4).map(|_| zero.next_u32()).collect();
        assert_eq!(drawn, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);

        let mut stream = Stream::new(1, 2, 3);
        let drawn: Vec<u32> = (0..41).map(|_| stream.next_u32()).collect();
        for (index, draw) in drawn.iter().enumerate().rev() {
            stream.seek(index as u64);
            assert_eq!(stream.next_u32(), *draw);
        }
        let pair = |index: usize| (u64::from(drawn[index + 1]) << 32) | u64::from(drawn[index]);
        stream.seek(0);
        assert_eq!((stream.next_u64(), stream.next_u64(), stream.next_u64()), (pair(0), pair(2), pair(4)));
        stream.seek(5); // odd: one is skipped
        assert_eq!((stream.next_u64(), stream.position()), (pair(6), 8));
    }

    #[test]
    fn addresses_do_not_share_draws() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..4 {
            for replication in 0..4 {
                for key in 0..4 {
                    for index in [0, 4, 8, u64::from(u32::MAX) << 2, 1 << 34, 1 << 35] {
                        let mut stream = Stream::new(seed, replication, key);
                        stream.seek(index);
                        assert!(seen.insert(stream.next_u64()));
                    }
                }
            }
        }
    }

    #[test]
    fn keys_are_stable_and_separate_the_names() {
        assert_eq!(stream_key("riga", "strike"), 0x5463_a8fd_f1f6_93dc);
        assert_ne!(stream_key("ab", "c"), stream_key("a", "bc"));
        assert_ne!(stream_key("", "x"), stream_key("x", ""));
        assert_ne!(derive_key(7, 0), derive_key(7, 1));
        assert_ne!(derive_key(7, 0), 7);
    }

    #[test]
    fn a_saved_stream_goes_on() {
        let mut stream = stream("save");
        for taken in 0..9 {
            let mut loaded: Stream = serde_json::from_str(&serde_json::to_string(&stream).unwrap()).unwrap();
            assert_eq!(loaded.position(), taken);
            assert_eq!(loaded.next_u32(), stream.next_u32());
        }
    }

    #[test]
    fn uniforms_stay_in_their_interval() {
        let mut stream = stream("uniform");
        let sample: Vec<f64> = (0..50_000).map(|_| stream.uniform()).collect();
        assert!(sample.iter().all(|u| (0.0..1.0).contains(u)));
        check_moments(&sample, 0.5, 1.0 / 12.0);
        // The largest and the smallest that the formulas can give.
        let scale = 1.0 / (1_u64 << 52) as f64;
        assert!(((u64::MAX >> 12) as f64 + 0.5) * scale < 1.0 && 0.5 * scale > 0.0);
        assert!((0..1000).all(|_| stream.uniform_open() > 0.0));
    }

    #[test]
    fn never_stays_never() {
        let mut stream = stream("never");
        assert!((0..100).all(|_| stream.exponential(f64::INFINITY) == f64::INFINITY));
        assert_eq!(stream.exponential(0.0), 0.0);
    }

    #[test]
    fn normals_have_their_moments() {
        let mut stream = stream("normal");
        let sample: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        check_moments(&sample, 0.0, 1.0);
        let fourth: Vec<f64> = sample.iter().map(|x| x.powi(4)).collect();
        assert!(Estimate::of(&fourth).unwrap().deviation(3.0).unwrap().abs() < 3.5);
    }

    #[rstest]
    #[case(0.01)]
    #[case(3.0)]
    #[case(9.99)]
    #[case(10.0)]
    #[case(37.5)]
    #[case(1e5)]
    #[case(1e12)]
    fn poisson_counts_have_their_moments(#[case] mean: f64) {
        let mut stream = stream("poisson");
        let sample: Vec<f64> = (0..60_000).map(|_| stream.poisson(mean) as f64).collect();
        check_moments(&sample, mean, mean);
    }

    #[rstest]
    #[case(1, 0.3)]
    #[case(20, 0.5)]
    #[case(40, 0.9)]
    #[case(1000, 0.004)]
    #[case(100_000, 0.000_01)]
    #[case(100_000, 0.001)]
    #[case(100_000, 0.37)]
    #[case(100_000, 0.9999)]
    fn binomial_counts_have_their_moments(#[case] n: u64, #[case] p: f64) {
        let mut stream = stream("binomial");
        let sample: Vec<f64> = (0..60_000).map(|_| stream.binomial(n, p) as f64).collect();
        assert!(sample.iter().all(|k| *k <= n as f64));
        check_moments(&sample, n as f64 * p, n as f64 * p * (1.0 - p));
    }

    /// Probability of a chi-square statistic as large as that of counted draws against their probabilities; cells with an
    /// expectation below 10 are one cell.
    fn chi_square_tail(counts: &[u32], draws: f64, probability: impl Fn(usize) -> f64) -> f64 {
        let (mut statistic, mut cells, mut rest) = (0.0, 0.0, (draws, draws));
        for (k, count) in counts.iter().enumerate() {
            let (count, expected) = (f64::from(*count), draws * probability(k));
            if expected >= 10.0 {
                statistic += (count - expected).powi(2) / expected;
                cells += 1.0;
                rest = (rest.0 - count, rest.1 - expected);
            }
        }
        if rest.1 >= 1.0 {
            statistic += (rest.0 - rest.1).powi(2) / rest.1;
            cells += 1.0;
        }
        assert!(cells > 3.0);
        1.0 - gamma_p((cells - 1.0) / 2.0, statistic / 2.0)
    }

    #[rstest]
    #[case::inverted(0.7)]
    #[case::inverted_to_its_end(9.5)]
    #[case::rejected_from_its_start(10.0)]
    #[case::rejected(20.0)]
    #[case::rejected_far(300.0)]
    fn poisson_counts_follow_their_law_in_every_cell(#[case] mean: f64) {
        let mut stream = stream("poisson cells");
        let (mut counts, draws) = ([0_u32; 1000], 200_000);
        (0..draws).for_each(|_| counts[stream.poisson(mean) as usize] += 1);
        let tail = chi_square_tail(&counts, f64::from(draws), |k| (k as f64 * mean.ln() - mean - ln_gamma(k as f64 + 1.0)).exp());
        assert!(tail > 1e-3, "{tail}");
    }

    #[rstest]
    #[case::inverted(12, 0.3)]
    #[case::rejected(60, 0.4)]
    #[case::mirrored(60, 0.75)]
    #[case::rare(100_000, 0.000_3)]
    fn binomial_counts_follow_their_law_in_every_cell(#[case] n: u64, #[case] p: f64) {
        let mut stream = stream("binomial cells");
        let (mut counts, draws) = ([0_u32; 100], 200_000);
        (0..draws).for_each(|_| counts[stream.binomial(n, p) as usize] += 1);
        let n = n as f64;
        let tail = chi_square_tail(&counts, f64::from(draws), |k| {
            let k = k as f64;
            let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma((n - k).max(0.0) + 1.0);
            if k > n { 0.0 } else { (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp() }
        });
        assert!(tail > 1e-3, "{tail}");
    }

    /// Kolmogorov-Smirnov: the largest distance between a sample's and the exact distribution function, times sqrt(n), is
    /// above 1.95 with probability 2 exp(-2 * 1.95^2) = 0.001.
    fn kolmogorov_smirnov(mut sample: Vec<f64>, law: impl Fn(f64) -> f64) -> f64 {
        sample.sort_unstable_by(f64::total_cmp);
        let n = sample.len() as f64;
        let distance = |(k, x): (usize, &f64)| (law(*x) - k as f64 / n).max((k as f64 + 1.0) / n - law(*x));
        sample.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
    }

    #[test]
    fn continuous_variates_follow_their_law_everywhere() {
        let mut stream = stream("laws");
        let mut check = |name: &str, draw: &dyn Fn(&mut Stream) -> f64, law: &dyn Fn(f64) -> f64| {
            let distance = kolmogorov_smirnov((0..100_000).map(|_| draw(&mut stream)).collect(), law);
            assert!(distance < 1.95, "{name}: {distance}");
        };
        // Phi(x) by P(1/2, x^2 / 2) = erf(|x| / sqrt 2).
        let phi = |x: f64| 0.5 + 0.5 * gamma_p(0.5, 0.5 * x * x).copysign(x);
        check("uniform", &Stream::uniform, &|x| x);
        check("exponential", &|stream| stream.exponential(4.0), &|x| -(-x / 4.0).exp_m1());
        check("normal", &Stream::normal, &phi);
        check("lognormal", &|stream| stream.lognormal(7.0, 0.6), &|x| phi((x / 7.0).ln() / 0.6));
        for shape in [0.05, 0.4, 1.0, 2.5, 60.0] {
            check("gamma", &|stream| stream.gamma(shape, 3.0), &|x| gamma_p(shape, x / 3.0));
        }
        let weibull = |shape: f64, x: f64| -(-(x / 9.0).powf(shape)).exp_m1();
        for shape in [0.6, 1.0, 3.0] {
            check("weibull", &|stream| stream.weibull(shape, 9.0), &|x| weibull(shape, x));
            for age in [1e-3, 5.0, 20.0] {
                let survival = |x: f64| 1.0 - weibull(shape, x);
                let left = |x: f64| 1.0 - survival(age + x) / survival(age);
                check("residual life", &|stream| stream.weibull_residual(shape, 9.0, age), &left);
            }
        }
    }

    #[test]
    fn residual_lives_continue_the_life() {
        let mut stream = stream("residual");
        let with = |mut stream: Stream, shape: f64, age: f64| stream.weibull_residual(shape, 3.0, age);
        for _ in 0..100 {
            let (mut new, old) = (stream, stream);
            let drawn = stream.exponential(3.0);
            assert_eq!([with(old, 0.7, 0.0), with(old, 0.7, -1.0), with(old, 0.7, f64::NAN)], [new.weibull(0.7, 3.0); 3]);
            // Without wear the age does not matter.
            assert!((with(old, 1.0, 1e6) / drawn - 1.0).abs() < 1e-9);
        }
        // At an age of 1e9 the rate is shape / scale (age / scale)^(shape - 1) = 2e9 and hardly changes: mean 5e-10.
        let left: Vec<f64> = (0..20_000).map(|_| stream.weibull_residual(2.0, 1.0, 1e9)).collect();
        assert!(Estimate::of(&left).unwrap().deviation(5e-10).unwrap().abs() < 3.0);
        assert!(stream.weibull_residual(2.0, f64::INFINITY, 5.0).is_infinite());
    }

    #[test]
    fn odd_parameters_neither_hang_nor_panic() {
        let mut stream = stream("odd");
        assert_eq!((stream.poisson(-1.0), stream.poisson(f64::NAN), stream.poisson(f64::INFINITY)), (0, 0, u64::MAX));
        assert_eq!((stream.binomial(0, 0.5), stream.binomial(9, 2.0), stream.binomial(9, f64::NAN)), (0, 9, 0));
        assert_eq!((stream.index(0), stream.index(1)), (0, 0));
        assert_eq!(stream.weighted_index(&[]), None);
        assert_eq!(stream.weighted_index(&[0.0, f64::NAN, -1.0]), None);
        assert_eq!(stream.weighted_index(&[0.0, 2.0, 0.0]), Some(1));
        assert!(stream.gamma(f64::NAN, 1.0).is_nan());
    }

    #[test]
    fn choices_follow_their_weights() {
        let mut stream = stream("choice");
        let weights = [1.0, 0.0, 3.0, 6.0];
        let mut counts = [0_u32; 4];
        let mut places = [0_u32; 7];
        let mut orders = std::collections::BTreeMap::<[u8; 3], u32>::new();
        let draws = 70_000;
        for _ in 0..draws {
            counts[stream.weighted_index(&weights).unwrap()] += 1;
            places[stream.index(7)] += 1;
            let mut order = [0, 1, 2];
            stream.shuffle(&mut order);
            *orders.entry(order).or_default() += 1;
        }
        let near = |count: u32, p: f64| {
            let draws = f64::from(draws);
            (f64::from(count) - draws * p).abs() <= 3.5 * (draws * p * (1.0 - p)).sqrt()
        };
        assert!(counts.iter().zip(weights).all(|(count, weight)| near(*count, weight / 10.0)), "{counts:?}");
        assert!(places.iter().all(|count| near(*count, 1.0 / 7.0)), "{places:?}");
        assert!(orders.len() == 6 && orders.values().all(|count| near(*count, 1.0 / 6.0)), "{orders:?}");
    }
}
