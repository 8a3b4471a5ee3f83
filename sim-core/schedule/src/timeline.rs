//! What was in use, waited and lay in fragments over time: change points, not samples.

use bastide_units::Time;

use crate::occupancy::Occupancy;
use crate::simulation::Recorder;
use crate::span::Span;

/// What holds from a moment until the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From when on.
    pub at: Time,
    /// Thousandths of GPUs in use.
    pub gpu_milli: u64,
    /// Jobs that run.
    pub running: u32,
    /// Jobs that wait.
    pub waiting: u32,
    /// Share of the free GPUs that lie on nodes which are partly in use, or are partly free themselves: no job that wants whole
    /// idle nodes can have them.
    pub fragmentation: f64,
}

/// Records change points.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    points: Vec<Point>,
    /// The occupancy of the last point: without a change the fragmentation is the same.
    changes: Option<u64>,
}

impl Timeline {
    /// The change points, in order of time.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Points with the time that each lasted; the last one lasts for none.
    pub fn spans(&self) -> impl Iterator<Item = (&Point, Span)> {
        let next = self.points.iter().skip(1).map(|point| point.at);
        self.points.iter().zip(next).map(|(point, until)| (point, Span::between(point.at, until)))
    }
}

impl Recorder for Timeline {
    fn changed(&mut self, now: Time, occupancy: &Occupancy, running: usize, waiting: usize) {
        let same = self.changes == Some(occupancy.changes());
        let fragmentation = match self.points.last() {
            Some(last) if same => last.fragmentation,
            _ => fragmentation(occupancy),
        };
        self.changes = Some(occupancy.changes());
        let gpu_milli = occupancy.used_gpu_milli();
        let point = Point { at: now, gpu_milli, running: running as u32, waiting: waiting as u32, fragmentation };
        match self.points.last_mut() {
            Some(last) if last.at == now => *last = point,
            Some(last) if Point { at: now, ..*last } == point => {}
            _ => self.points.push(point),
        }
    }
}

/// Share of the free thousandths of GPUs that is not on idle nodes; 0 where nothing is free.
fn fragmentation(occupancy: &Occupancy) -> f64 {
    let free = occupancy.total_gpu_milli() - occupancy.used_gpu_milli();
    if free == 0 {
        return 0.0;
    }
    let idle = (0..occupancy.nodes())
        .filter(|node| occupancy.whole_free(*node) == occupancy.gpus(*node))
        .map(|node| u64::from(occupancy.milli_free(node)))
        .sum::<u64>();
    1.0 - idle as f64 / free as f64
}
