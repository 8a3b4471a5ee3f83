//! Plots of replayed jobs: what was in use and waited over time, and how completion and wait are distributed.

use bastide_reports::ReportError;
use bastide_reports::chart::{Axes, Line, lines, standalone};
use bastide_schedule::timeline::Point;
use bastide_schedule::{Log, Replayed, Span, Summary, Timeline};

use crate::exit::Failure;

/// Intervals of a drawn timeline; within one, the mean is the line and the range is the band.
const INTERVALS: usize = 300;
/// Points of a drawn distribution.
const QUANTILES: usize = 200;
const DAY_S: f64 = 86_400.0;

/// File names and drawings.
pub fn plots(
    log: &Log,
    replayed: &Replayed,
    timeline: &Timeline,
    summary: &Summary,
    gpus: u64,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let drawn = |made: Result<String, ReportError>| made.map(|svg| standalone(&svg)).map_err(|error| Failure::of(&error));
    let over_time = |title: &str, y: &str, top: f64, value: &dyn Fn(&Point) -> f64| {
        let axes = Axes {
            title: title.to_owned(),
            description: format!("{title} over {:.1} days; the band is the range within an interval", summary.makespan_s / DAY_S),
            x: "days since the first submission".to_owned(),
            y: y.to_owned(),
            range: (0.0, top.max(1.0)),
            log: false,
        };
        drawn(lines(&axes, &[Line { series: 0, points: intervals(timeline, value) }]))
    };
    let most_waiting = summary.waiting.map_or(1.0, |it| it.max);
    let pairs = || replayed.jobs.iter().map(|job| &log.jobs[*job as usize]).zip(&replayed.runs);
    let completion = quantiles(pairs().map(|(job, run)| Span::between(job.submit, run.end).as_s()).collect());
    let wait = quantiles(pairs().map(|(_, run)| run.waited.as_s()).collect());
    let top = completion.last().map_or(1.0, |point| point.1.ceil()).max(1.0);
    let axes = Axes {
        title: "Completion and wait of jobs".to_owned(),
        description: "Completion (first colour) and wait (second colour) that a share of the jobs stays below; a second at the least"
            .to_owned(),
        x: "share of the jobs [%]".to_owned(),
        y: "completion (blue), wait (orange) [s]".to_owned(),
        range: (0.0, top),
        log: true,
    };
    Ok(vec![
        ("in-use.svg", over_time("GPUs in use", "GPUs in use", gpus as f64, &|point| point.gpu_milli as f64 / 1000.0)?),
        ("waiting.svg", over_time("Jobs waiting", "jobs waiting", most_waiting, &|point| f64::from(point.waiting))?),
        (
            "fragmentation.svg",
            over_time("Fragmentation", "free GPUs on partly used nodes [%]", 100.0, &|point| point.fragmentation * 100.0)?,
        ),
        ("times.svg", drawn(lines(&axes, &[Line { series: 0, points: completion }, Line { series: 1, points: wait }]))?),
    ])
}

/// Mean, least and greatest value of each interval, at its middle \[d\].
fn intervals(timeline: &Timeline, value: &dyn Fn(&Point) -> f64) -> Vec<(f64, f64, f64, f64)> {
    let points = timeline.points();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let length = Span::between(first.at, last.at).as_s() / INTERVALS as f64;
    if length <= 0.0 {
        return Vec::new();
    }
    // (sum over time, least, greatest)
    let mut bins = vec![(0.0, f64::INFINITY, f64::NEG_INFINITY); INTERVALS];
    for (point, span) in timeline.spans() {
        let value = value(point);
        let from = Span::between(first.at, point.at).as_s();
        let until = from + span.as_s();
        let mut bin = ((from / length) as usize).min(INTERVALS - 1);
        loop {
            let (start, end) = (bin as f64 * length, (bin + 1) as f64 * length);
            let shared = until.min(end) - from.max(start);
            let (sum, least, greatest) = &mut bins[bin];
            *sum += value * shared.max(0.0);
            *least = least.min(value);
            *greatest = greatest.max(value);
            bin += 1;
            if until <= end || bin == INTERVALS {
                break;
            }
        }
    }
    let drawn = |(bin, (sum, least, greatest)): (usize, &(f64, f64, f64))| {
        ((bin as f64 + 0.5) * length / DAY_S, (sum / length).clamp(*least, *greatest), *least, *greatest)
    };
    bins.iter().enumerate().filter(|(_, bin)| bin.1.is_finite()).map(drawn).collect()
}

/// Logarithms of the quantiles, of a second at the least.
fn quantiles(mut values: Vec<f64>) -> Vec<(f64, f64, f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let point = |step: usize| {
        let share = step as f64 / QUANTILES as f64;
        let value = values[(share * last as f64).round() as usize].max(1.0).log10();
        (share * 100.0, value, value, value)
    };
    if values.is_empty() { Vec::new() } else { (0..=QUANTILES).map(point).collect() }
}
