//! The natural logarithm, the same on every machine.

/// ln 2 in two parts: the upper one has 32 bits, so that its products with exponents are exact.
const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76)];
/// Coefficients of even powers in the minimax polynomial of (ln(1 + s) - ln(1 - s)) / s - 2 on [0, 0.1716], error below 2^-58.45.
const L: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];
const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const ONE: u64 = 1.0_f64.to_bits();
/// sqrt(1/2), to 20 bits of mantissa.
const ROOT_HALF: u64 = 0x3fe6_a09e_0000_0000;

/// Natural logarithm of a positive normal number, with an error below 1 unit in the last place: the algorithm of `e_log.c` of
/// FreeBSD's msun (Sun Microsystems 1993), without its branches for other arguments. Sums and products in a fixed order, so
/// that a history does not depend on the mathematical library of a machine, as `f64::ln` does.
#[inline]
pub(crate) fn ln_normal(x: f64) -> f64 {
    // x = 2^exponent * (1 + f) with 1 + f from sqrt(1/2) to sqrt(2).
    let shifted = x.to_bits() + (ONE - ROOT_HALF);
    let exponent = ((shifted >> MANTISSA_BITS) as i64 - (ONE >> MANTISSA_BITS) as i64) as f64;
    let f = f64::from_bits((shifted & MANTISSA) + ROOT_HALF) - 1.0;
    // ln(1 + f) = f - f^2 / 2 + s (f^2 / 2 + R(s^2)) with s = f / (2 + f).
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (L[1] + w * (L[3] + w * L[5]));
    let odd = z * (L[0] + w * (L[2] + w * (L[4] + w * L[6])));
    s * (half_square + (even + odd)) + exponent * LN_2[1] - half_square + f + exponent * LN_2[0]
}

#[cfg(test)]
mod tests {
    use super::ln_normal;

    /// Difference in units of the last place of the standard library's, which is right to 1 unit itself.
    fn units(x: f64) -> u64 {
        ln_normal(x).to_bits().abs_diff(x.ln().to_bits())
    }

    #[test]
    fn agrees_with_the_standard_library() {
        let mut stream = crate::Stream::new(1, 0, 2);
        for _ in 0..200_000 {
            let u = stream.uniform_interior();
            for x in [u, 1.0 - u, 1.0 - u * 1e-3, 1.0 - u * 1e-9, u * 1e-9, 1.0 / u] {
                assert!(units(x) <= 2, "{x:e}: {:e}, {:e}", ln_normal(x), x.ln());
            }
        }
        for x in [f64::MIN_POSITIVE, f64::MAX, 1.0 - f64::EPSILON / 2.0, 1.0 + f64::EPSILON, 0.5, 2.0, 10.0] {
            assert!(units(x) <= 1, "{x:e}");
        }
        assert_eq!(ln_normal(1.0), 0.0);
    }

    #[test]
    fn rises_with_its_argument() {
        let mut stream = crate::Stream::new(1, 0, 3);
        for _ in 0..200_000 {
            let x = stream.uniform_interior();
            assert!(ln_normal(x) <= ln_normal(x.next_up()), "{x:e}");
        }
    }
}
