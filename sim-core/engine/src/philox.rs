//! The Philox4x32-10 bijection.

/// Multipliers and Weyl increments of Philox4x32 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as
/// 1, 2, 3", SC'11, table 2; Random123 1.14, `philox.h`).
const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: u32 = 10;

/// 128 random bits for a 128-bit counter and a 64-bit key: Philox4x32-10 (Salmon et al. 2011). For each key a bijection of
/// counters, so different counters never give the same block.
#[inline]
#[must_use]
pub const fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    rounds(counter, key)
}

/// The rounds, always inlined: only so do the four of [`philox4x32_four`] become one loop over vectors.
#[inline(always)]
#[allow(clippy::inline_always)]
const fn rounds(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    let mut round = 0;
    while round < ROUNDS {
        let product0 = MULTIPLIER[0] as u64 * c0 as u64;
        let product1 = MULTIPLIER[1] as u64 * c2 as u64;
        c0 = (product1 >> 32) as u32 ^ c1 ^ k0;
        c1 = product1 as u32;
        c2 = (product0 >> 32) as u32 ^ c3 ^ k1;
        c3 = product0 as u32;
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
        round += 1;
    }
    [c0, c1, c2, c3]
}

/// [`philox4x32`] of four successive counters, the first of which is a multiple of four: word by word, so that compilers see
/// vectors. Costs less than twice as much as one.
#[inline(never)]
#[must_use]
#[allow(clippy::needless_range_loop)] // The form that compilers turn into vectors.
pub(crate) fn philox4x32_four(counter: [u32; 4], key: [u32; 2]) -> [[u32; 4]; 4] {
    let [c0, c1, c2, c3] = counter;
    let mut words = [[0; 4]; 4];
    for lane in 0..4 {
        let block = rounds([c0 | lane as u32, c1, c2, c3], key);
        for word in 0..4 {
            words[word][lane] = block[word];
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{philox4x32, philox4x32_four};

    /// Known answers: Random123 1.14, `tests/kat_vectors`, lines `philox4x32 10`.
    #[rstest]
    #[case::zeros([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])]
    #[case::ones([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])]
    #[case::digits_of_pi(
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])]
    fn gives_the_published_answers(#[case] counter: [u32; 4], #[case] key: [u32; 2], #[case] block: [u32; 4]) {
        assert_eq!(philox4x32(counter, key), block);
        let lane = (counter[0] & 3) as usize;
        let [_, c1, c2, c3] = counter;
        assert_eq!(philox4x32_four([counter[0] & !3, c1, c2, c3], key).map(|word| word[lane]), block);
    }
}
