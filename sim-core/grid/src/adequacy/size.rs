//! The largest size that keeps a risk: a search for every kind of evaluation.

/// The largest size that keeps a risk within its target -- output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Largest size known to keep the target \[MW\] -- output.
    pub mw: f64,
    /// Smallest size known to miss it, at most the tolerance above \[MW\] -- output. Absent: the largest size of the
    /// search keeps it.
    pub misses_mw: Option<f64>,
    /// The risk at `mw` -- output.
    pub risk: f64,
    /// Standard error of the risk at `mw`; 0 for exact methods -- output.
    pub stderr: f64,
}

/// The largest size from `least_mw` to `most_mw` at which the risk is at most `target`, by bisection; `None` where even the
/// least size misses it.
///
/// `risk` gives the risk of a size and its standard error, and must not fall with the size: exact methods are so, and Monte
/// Carlo with common random numbers.
///
/// # Errors
///
/// Those of `risk`.
pub fn largest_size<E>(
    mut risk: impl FnMut(f64) -> Result<(f64, f64), E>,
    target: f64,
    (least_mw, most_mw): (f64, f64),
    tolerance_mw: f64,
) -> Result<Option<Size>, E> {
    let (least, most) = (risk(least_mw)?, risk(most_mw)?);
    let size = |mw, misses_mw, (risk, stderr)| Some(Size { mw, misses_mw, risk, stderr });
    if most.0 <= target {
        return Ok(size(most_mw, None, most));
    }
    // NaN keeps no target.
    if least.0.is_nan() || least.0 > target {
        return Ok(None);
    }
    let (mut keeps_mw, mut keeps, mut misses_mw) = (least_mw, least, most_mw);
    while misses_mw - keeps_mw > tolerance_mw {
        let middle_mw = f64::midpoint(keeps_mw, misses_mw);
        if middle_mw <= keeps_mw || middle_mw >= misses_mw {
            break;
        }
        let middle = risk(middle_mw)?;
        if middle.0 <= target {
            (keeps_mw, keeps) = (middle_mw, middle);
        } else {
            misses_mw = middle_mw;
        }
    }
    Ok(size(keeps_mw, Some(misses_mw), keeps))
}
