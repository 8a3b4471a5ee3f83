//! Special functions that the variates and the quantiles need.

/// Quantile of the standard normal distribution: PPND16 (Wichura 1988, algorithm AS 241), relative error near 1e-16.
/// `p` = 0 and 1 give the infinities.
#[inline]
#[expect(clippy::excessive_precision, reason = "the coefficients stand as the paper prints them")]
pub(crate) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_608,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ];
    const B: [f64; 8] = [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_083e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561e3,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_7e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_4e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        6.897_673_349_851_000_045_5e-1,
        1.481_039_764_274_800_745_9e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        2.965_605_718_285_048_912_3e-1,
        2.653_218_952_657_612_309_3e-2,
        1.242_660_947_388_078_438_6e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        5.998_322_065_558_879_376_9e-1,
        1.369_298_809_227_358_053_1e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ];
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&A, r) / polynomial(&B, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let magnitude =
        if r <= 5.0 { polynomial(&C, r - 1.6) / polynomial(&D, r - 1.6) } else { polynomial(&E, r - 5.0) / polynomial(&F, r - 5.0) };
    magnitude.copysign(q)
}

#[inline]
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Natural logarithm of the gamma function for `x` > 0: Lanczos (1964) with g = 7 and nine terms (Godfrey 2001), relative
/// error near 1e-15.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let z = x - 1.0;
    let sum = TERMS.iter().zip(1_u8..).fold(0.999_999_999_999_809_9, |sum, (term, k)| sum + term / (z + f64::from(k)));
    let t = z + G + 0.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (z + 0.5) * t.ln() - t + sum.ln()
}

/// `ln k! - [ln sqrt(2 pi) + (k + 1/2) ln(k + 1) - (k + 1)]`, the correction of Stirling's formula as Hormann (1993) uses it
/// for `k` >= 0.
#[inline]
pub(crate) fn stirling_correction(k: f64) -> f64 {
    const SMALL: [f64; 10] = [
        0.081_061_466_795_327_26,
        0.041_340_695_955_409_29,
        0.027_677_925_684_998_34,
        0.020_790_672_103_765_09,
        0.016_644_691_189_821_19,
        0.013_876_128_823_070_75,
        0.011_896_709_945_891_77,
        0.010_411_265_261_972_09,
        0.009_255_462_182_712_73,
        0.008_330_563_433_362_87,
    ];
    if let Some(correction) = SMALL.get(k as usize) {
        return *correction;
    }
    let n = k + 1.0;
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / n
}

/// Regularised lower incomplete gamma function P(`a`, `x`): series below `a` + 1, continued fraction by Lentz's method above
/// (Press et al. 2007, "Numerical Recipes", section 6.2).
pub(crate) fn gamma_p(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    // Both converge within a few multiples of sqrt(a) terms.
    let limit = 200 + (20.0 * a.sqrt()) as usize;
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..limit {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        (front * sum).min(1.0)
    } else {
        const TINY: f64 = 1e-300;
        let mut b = x + 1.0 - a;
        let mut c = 1.0 / TINY;
        let mut d = 1.0 / b;
        let mut h = d;
        for i in 1..=limit {
            let i = i as f64;
            let an = -i * (i - a);
            b += 2.0;
            d = 1.0 / nonzero(an * d + b, TINY);
            c = nonzero(b + an / c, TINY);
            h *= d * c;
            if (d * c - 1.0).abs() < f64::EPSILON {
                break;
            }
        }
        (1.0 - front * h).max(0.0)
    }
}

fn nonzero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// Quantile of the gamma distribution with the given shape and scale 1, for 0 < `p` < 1: bisection of [`gamma_p`] over the
/// logarithm of x, which cannot fail to converge; relative error near 1e-12. Some microseconds: not for inner loops.
pub(crate) fn gamma_quantile(shape: f64, p: f64) -> f64 {
    let mut low = -745.0_f64; // exp of it is the smallest positive number
    let mut high = (shape + 1.0).ln();
    while gamma_p(shape, high.exp()) < p && high < 709.0 {
        high += 1.0;
    }
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if gamma_p(shape, middle.exp()) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The three test values of Wichura 1988, one for each branch; then values of the R function `qnorm`.
    #[rstest]
    #[case(0.25, -0.674_489_750_196_081_7)]
    #[case(0.001, -3.090_232_306_167_814)]
    #[case(1e-20, -9.262_340_089_798_408)]
    #[case(0.975, 1.959_963_984_540_054)]
    #[case(0.95, 1.644_853_626_951_472_2)]
    fn normal_quantiles_are_known(#[case] p: f64, #[case] z: f64) {
        assert!((normal_quantile(p) - z).abs() < 1e-14 * z.abs().max(1.0) * 4.0, "{}", normal_quantile(p));
    }

    #[test]
    fn normal_quantile_has_infinite_ends() {
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    #[test]
    fn logarithms_of_gamma_are_known() {
        // Gamma(1/2) = sqrt(pi), Gamma(5) = 24, Gamma(0.1) = 9.513507698668732.
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-14);
        assert!((ln_gamma(5.0) - 24_f64.ln()).abs() < 1e-14);
        assert!((ln_gamma(0.1) - 9.513_507_698_668_732_f64.ln()).abs() < 1e-14);
        let mut factorial = 0.0;
        for k in 0..60_u8 {
            let k = f64::from(k);
            factorial += k.max(1.0).ln();
            let stirling = 0.5 * (2.0 * std::f64::consts::PI).ln() + (k + 0.5) * (k + 1.0).ln() - (k + 1.0);
            assert!((stirling + stirling_correction(k) - factorial).abs() < 1e-10, "{k}");
        }
    }

    #[test]
    fn incomplete_gamma_is_known() {
        // P(1, x) = 1 - exp(-x); P(1/2, x) = erf(sqrt x), erf(1) = 0.8427007929497149; P(3, x) = 1 - e^-x (1 + x + x^2/2).
        for x in [0.1, 1.0, 1.9, 2.1, 30.0] {
            assert!((gamma_p(1.0, x) + (-x).exp_m1()).abs() < 1e-14, "{x}");
            assert!((gamma_p(3.0, x) - (1.0 - (-x).exp() * (1.0 + x + x * x / 2.0))).abs() < 1e-14, "{x}");
        }
        assert!((gamma_p(0.5, 1.0) - 0.842_700_792_949_714_9).abs() < 1e-14);
        assert!((gamma_p(1e6, 1e6) - 0.500_133).abs() < 1e-6);
    }

    #[rstest]
    #[case(0.05)]
    #[case(1.0)]
    #[case(7.5)]
    #[case(4000.0)]
    fn gamma_quantile_inverts(#[case] shape: f64) {
        for p in [0.001, 0.05, 0.5, 0.95, 0.999] {
            assert!((gamma_p(shape, gamma_quantile(shape, p)) - p).abs() < 1e-9, "{p}");
        }
    }
}
