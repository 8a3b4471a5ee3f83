//! How a time is taken: warm, many runs, device events, order statistics.

use cudarc::driver::CudaGraph;

use crate::error::CalibrationError;
use crate::gpu::{Gpu, refused};
use crate::nvml::{Nvml, State};

/// How long to measure one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Device time of the timed runs of one point \[s\].
    pub(crate) budget: f64,
    /// Runs before the first timed one, if they take less than a quarter of the budget.
    pub(crate) warm: u32,
    /// Timed samples at most.
    pub(crate) samples: usize,
}

impl Effort {
    pub(crate) fn new(quick: bool) -> Self {
        Self { budget: if quick { 0.05 } else { 0.12 }, warm: 50, samples: 100 }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timing {
    /// Seconds of one run, one value for each sample.
    pub(crate) samples: Vec<f64>,
    /// Runs in a sample.
    pub(crate) runs: u32,
    /// Whether the runs of a sample were started as one graph.
    pub(crate) graph: bool,
    /// State of the device while it worked.
    pub(crate) state: State,
}

/// Fewer samples than this say nothing of a spread.
const FEWEST: usize = 5;
/// A sample is at least so long: events tick in steps of about half a microsecond.
const SAMPLE: f64 = 300e-6;
/// Runs shorter than this are started by a graph: the host would be measured otherwise.
const SHORT: f64 = 50e-6;
/// Most runs in a sample.
pub(crate) const MOST_RUNS: u32 = 128;

/// Times `run`, which starts one run on the device's stream; it is told how many came before, to take turns among copies of its
/// input, `copies` of them.
pub(crate) fn time(
    gpu: &Gpu,
    effort: Effort,
    copies: u32,
    run: &mut dyn FnMut(u32) -> Result<(), CalibrationError>,
) -> Result<Timing, CalibrationError> {
    // First runs load code and fill caches of the driver.
    for i in 0..3 {
        run(i)?;
    }
    gpu.synchronize()?;
    let (start, end) = (gpu.event()?, gpu.event()?);
    let between = |count: u32, work: &mut dyn FnMut(u32) -> Result<(), CalibrationError>| -> Result<f64, CalibrationError> {
        gpu.record(&start)?;
        for i in 0..count {
            work(i)?;
        }
        gpu.record(&end)?;
        elapsed(&start, &end)
    };
    let first = between(1, run)?;
    let estimate = if first < 10e-3 { between(5, run)? / 5.0 } else { first }.max(1e-7);
    let mut runs = ((SAMPLE / estimate).ceil() as u32).clamp(1, MOST_RUNS);
    let mut graph: Option<CudaGraph> = None;
    if estimate < SHORT {
        // Every copy has its turn in each replay.
        runs = runs.max(copies).min(MOST_RUNS);
        // A library that cannot be captured is measured in the stream instead; the point says so.
        graph = gpu
            .capture(|| {
                for i in 0..runs {
                    run(i)?;
                }
                Ok(())
            })
            .ok();
    }
    let mut turn = 0;
    let mut sample = || -> Result<(), CalibrationError> {
        match &graph {
            Some(graph) => graph.launch().map_err(refused("start a graph")),
            None => (0..runs).try_for_each(|_| {
                turn += 1;
                run(turn)
            }),
        }
    };
    let warm = f64::from(effort.warm.div_ceil(runs)).min((effort.budget / 4.0 / (estimate * f64::from(runs))).ceil());
    for _ in 0..warm as u32 {
        sample()?;
    }
    gpu.synchronize()?;

    let mut timing = Timing { runs, graph: graph.is_some(), ..Timing::default() };
    let mut spent = 0.0;
    // Samples are started ten at a time, so that the device never waits for the host.
    let pairs = (0..10).map(|_| Ok((gpu.event()?, gpu.event()?))).collect::<Result<Vec<_>, CalibrationError>>()?;
    while timing.samples.len() < effort.samples && (timing.samples.len() < FEWEST || spent < effort.budget) {
        let left = effort.samples - timing.samples.len();
        let wanted = ((effort.budget - spent).max(0.0) / (estimate * f64::from(runs))).ceil() as usize;
        let few = FEWEST.saturating_sub(timing.samples.len()).max(1);
        let pairs = &pairs[..wanted.max(few).min(left).min(10)];
        for (start, end) in pairs {
            gpu.record(start)?;
            sample()?;
            gpu.record(end)?;
        }
        if timing.samples.is_empty() {
            timing.state = gpu.nvml.as_ref().map(Nvml::state).unwrap_or_default();
        }
        for (start, end) in pairs {
            let seconds = elapsed(start, end)?;
            spent += seconds;
            timing.samples.push(rounded(seconds / f64::from(runs)));
        }
    }
    Ok(timing)
}

/// Seconds from one event to another, once both have happened.
pub(crate) fn elapsed(start: &cudarc::driver::CudaEvent, end: &cudarc::driver::CudaEvent) -> Result<f64, CalibrationError> {
    start.elapsed_ms(end).map(|ms| f64::from(ms) * 1e-3).map_err(refused("time events"))
}

/// Five digits: more is noise, and packs are read by people too.
pub(crate) fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// The quantile of sorted or unsorted values, with linear interpolation (Hyndman and Fan 1996, type 7); NaN for none.
#[must_use]
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(last);
    sorted[low] + (at - low as f64) * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.1), 1.1);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn times_keep_five_digits() {
        assert_eq!(rounded(1.234_567_8e-6), 1.2346e-6);
        assert_eq!(rounded(0.0), 0.0);
    }
}
