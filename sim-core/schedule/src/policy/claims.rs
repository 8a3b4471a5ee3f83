//! Shortest remaining time first, with pre-emption.

use std::collections::BTreeSet;

use super::Rule;
use crate::ask::Ask;
use crate::simulation::Desk;
use crate::span::Span;

/// Remaining time, number in the order of queueing or of starting, job.
type Claim = (Span, u64, u32);

/// Jobs claim GPUs in order of the time they still have to run, those that wait before those that run when equal. A claim
/// counts GPUs, CPU and memory of the whole cluster and not of nodes (Hu et al. 2021, Helios): jobs that run without a claim are
/// pre-empted, and those that wait with one start where the placement finds room; where it finds none, GPUs stay idle.
///
/// Decisions are needed only when jobs come and go. Between, running jobs overtake waiting ones, but who has a claim does not
/// change: all that run have one, and exchanging two neighbours of whom one runs changes neither's claim.
#[derive(Debug, Default)]
pub struct Claims {
    waiting: BTreeSet<Claim>,
    queued: u64,
    /// Kept for their memory.
    running: Vec<Claim>,
    starting: Vec<Claim>,
    stopping: Vec<u32>,
}

impl Claims {
    fn queue(&mut self, desk: &Desk<'_>, job: u32) {
        self.waiting.insert((desk.remaining(job), self.queued, job));
        self.queued += 1;
    }
}

/// What is not claimed yet.
struct Free {
    gpu_milli: u64,
    cpu_milli: u64,
    memory_mib: u64,
}

impl Free {
    fn claim(&mut self, ask: &Ask) -> bool {
        let fits = ask.total_gpu_milli() <= self.gpu_milli && ask.cpu_milli <= self.cpu_milli && ask.memory_mib <= self.memory_mib;
        if fits {
            self.gpu_milli -= ask.total_gpu_milli();
            self.cpu_milli -= ask.cpu_milli;
            self.memory_mib -= ask.memory_mib;
        }
        fits
    }
}

impl Rule for Claims {
    fn submitted(&mut self, desk: &mut Desk<'_>, job: u32) {
        self.queue(desk, job);
    }

    fn ended(&mut self, _: &mut Desk<'_>, _: u32) {}

    fn decide(&mut self, desk: &mut Desk<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        self.running.clear();
        self.running.extend(desk.running().iter().map(|run| (desk.remaining(run.job), run.sequence, run.job)));
        self.running.sort_unstable();
        self.starting.clear();
        self.stopping.clear();
        let (gpu_milli, cpu_milli, memory_mib) = desk.capacity();
        let mut free = Free { gpu_milli, cpu_milli, memory_mib };
        let mut running = self.running.iter().peekable();
        let mut waiting = self.waiting.iter().peekable();
        loop {
            // Merged by remaining time; a job that waits goes first among equals.
            let runs = match (waiting.peek(), running.peek()) {
                (Some(waits), Some(runs)) => runs.0 < waits.0,
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (None, None) => break,
            };
            let next = if runs { running.next() } else { waiting.next() };
            let Some(entry) = next else { break };
            match (runs, free.claim(&desk.tasks[entry.2 as usize].ask)) {
                (true, false) => self.stopping.push(entry.2),
                (false, true) => self.starting.push(*entry),
                _ => {}
            }
        }
        for index in 0..self.stopping.len() {
            let job = self.stopping[index];
            desk.preempt(job);
            self.queue(desk, job);
        }
        for entry in &self.starting {
            if desk.start(entry.2) {
                self.waiting.remove(entry);
            }
        }
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
