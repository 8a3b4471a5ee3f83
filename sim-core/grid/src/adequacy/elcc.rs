//! What a resource is worth in firm terms: effective load-carrying capability and equivalent firm capacity.

use super::{
    AdequacyError, ConvolutionOptions, ExactAdequacy, Size, System,
    convolution::{Prepared, check_tolerance},
    size::largest_size,
};

/// The risk that stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Loss-of-load expectation, hourly.
    Lole,
    /// Loss-of-load expectation, daily peaks.
    LoleDays,
    /// Expected unserved energy.
    Eue,
}

impl Metric {
    fn of(self, adequacy: &ExactAdequacy) -> f64 {
        match self {
            Self::Lole => adequacy.lole_h,
            Self::LoleDays => adequacy.lole_days,
            Self::Eue => adequacy.eue_mwh,
        }
    }
}

/// Effective load-carrying capability of a resource: the constant load that can be added to the `augmented` system
/// before its risk exceeds that of the `base` (Garver 1966). `augmented` is `base` with the resource: a unit, a profile.
///
/// The risk of discrete units moves in steps: the answer is the largest load, up to `tolerance_mw`, at which the risk is no
/// higher; [`Size::risk`] says how far below it is. `None` where `augmented` is worse than `base` for any load.
///
/// # Errors
///
/// As [`convolve`](super::convolve).
pub fn load_carrying_capability(
    base: &System,
    augmented: &System,
    metric: Metric,
    tolerance_mw: f64,
    options: &ConvolutionOptions,
) -> Result<Option<Size>, AdequacyError> {
    check_tolerance(tolerance_mw)?;
    let (base, augmented) = (Prepared::of(base, options)?, Prepared::of(augmented, options)?);
    addable_mw(&augmented, metric, metric.of(&base.adequacy()), tolerance_mw)
}

/// Equivalent firm capacity of a resource \[MW\]: the capacity without outages that gives the `base` system the risk of
/// the `augmented` one, up to `tolerance_mw`. `None` where no capacity does.
///
/// # Errors
///
/// As [`convolve`](super::convolve).
pub fn equivalent_firm_capacity(
    base: &System,
    augmented: &System,
    metric: Metric,
    tolerance_mw: f64,
    options: &ConvolutionOptions,
) -> Result<Option<Size>, AdequacyError> {
    check_tolerance(tolerance_mw)?;
    let (base, augmented) = (Prepared::of(base, options)?, Prepared::of(augmented, options)?);
    // Firm capacity is load taken away.
    let size = addable_mw(&base, metric, metric.of(&augmented.adequacy()), tolerance_mw)?;
    Ok(size.map(|size| Size { mw: -size.mw, misses_mw: size.misses_mw.map(|mw| -mw), ..size }))
}

/// Largest constant load, which may be negative, that keeps the metric.
fn addable_mw(system: &Prepared, metric: Metric, risk: f64, tolerance_mw: f64) -> Result<Option<Size>, AdequacyError> {
    let most_mw = system.most_mw();
    // The same risk, summed in another order, is the same.
    let target = risk * (1.0 + 1e-12);
    largest_size(|mw| Ok((metric.of(&system.with_load(mw, &[])), 0.0)), target, (-most_mw, most_mw), tolerance_mw)
}
