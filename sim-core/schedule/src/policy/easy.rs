//! EASY backfilling (Lifka 1995, "The ANL/IBM SP scheduling system"; Mu'alem & Feitelson 2001).

use bastide_units::Time;

use super::waiting::Waiting;
use crate::ask::Ask;
use crate::occupancy::{Grant, Occupancy};
use crate::simulation::{Desk, take_at};

/// Jobs behind the first start now if that does not delay the first beyond the moment when, by the estimates, it can start at the
/// latest: because they will have ended by then, or because it still finds room beside them. Room is that of nodes and not a
/// mere count of GPUs.
#[derive(Debug)]
pub struct Easy {
    /// Most jobs behind the first that are looked at.
    depth: usize,
    /// Those that were started by the last call.
    pub started: Vec<u32>,
    line: Vec<u32>,
    ends: Vec<(Time, u64, u32)>,
}

impl Easy {
    pub fn new(depth: usize) -> Self {
        Self { depth, started: Vec::new(), line: Vec::new(), ends: Vec::new() }
    }

    /// Starts what may backfill behind the first of the line, which has no room now.
    pub fn fill(&mut self, desk: &mut Desk<'_>, waiting: &Waiting) {
        self.started.clear();
        let (gpu_milli, ..) = desk.capacity();
        if waiting.len() < 2 || (gpu_milli > 0 && desk.occupancy.used_gpu_milli() == gpu_milli) {
            return;
        }
        waiting.in_order(self.depth.saturating_add(1), &mut self.line);
        let head = desk.tasks[self.line[0] as usize].ask;
        self.ends.clear();
        self.ends.extend(desk.running().iter().map(|run| (desk.expected_end(run.job), run.sequence, run.job)));
        self.ends.sort_unstable();

        // What is free when the first job can start, without it.
        let mut then = desk.occupancy.clone();
        let mut ends = self.ends.iter().peekable();
        let shadow = loop {
            // Should everything have ended, and still it finds no room, it never will, and holds nobody up.
            let Some(moment) = ends.peek().map(|end| end.0) else { break Time::NEVER };
            while let Some(end) = ends.next_if(|end| end.0 == moment) {
                if let Some(run) = desk.run(end.2) {
                    then.give_back(&run.grant);
                }
            }
            if then.used_gpu_milli() + head.total_gpu_milli() <= gpu_milli
                && let Some(grant) = desk.packer.place(&mut then, &head)
            {
                then.give_back(&grant);
                break moment;
            }
        };

        for index in 1..self.line.len() {
            let job = self.line[index];
            let ask = desk.tasks[job as usize].ask;
            if desk.occupancy.used_gpu_milli() + ask.total_gpu_milli() > gpu_milli {
                continue;
            }
            let ends = desk.estimate_left(job).after(desk.now());
            let ends_before = ends <= shadow;
            if !ends_before && then.used_gpu_milli() + ask.total_gpu_milli() + head.total_gpu_milli() > gpu_milli {
                continue;
            }
            let Some(grant) = desk.packer.place(&mut desk.occupancy, &ask) else { continue };
            if ends_before || leaves_room(desk, &mut then, &ask, &head, grant) {
                desk.begin(job, grant);
                self.started.push(job);
            } else {
                desk.occupancy.give_back(&grant);
            }
        }
    }
}

/// Whether the first job finds room beside a job on these places; if so, they stay taken in `then`.
fn leaves_room(desk: &mut Desk<'_>, then: &mut Occupancy, ask: &Ask, head: &Ask, grant: Grant) -> bool {
    let places: Vec<_> = desk.occupancy.places(&grant).collect();
    let Some(beside) = take_at(then, ask, &places) else { return false };
    let Some(room) = desk.packer.place(then, head) else {
        then.give_back(&beside);
        return false;
    };
    then.give_back(&room);
    true
}
