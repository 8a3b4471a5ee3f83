//! Quotas of nations, with borrowing.

use std::collections::BTreeMap;

use super::Rule;
use super::room::make_room;
use super::settings::Settings;
use super::waiting::Waiting;
use crate::simulation::Desk;

/// Each nation has a line of its own and a quota of GPUs. Within its quota a job has a right to run: if it finds no room, nations
/// above their quotas give some back, those jobs first that started last. Beyond its quota a job borrows what is free, and
/// may be pre-empted for it.
#[derive(Debug)]
pub struct Quotas {
    lines: BTreeMap<u32, Waiting>,
    settings: Settings,
    /// Thousandths of GPUs by nation.
    quota: Vec<u64>,
    used: Vec<u64>,
    waiting: usize,
}

impl Quotas {
    pub fn new(settings: &Settings, quotas: &[Option<u64>]) -> Self {
        Self {
            lines: BTreeMap::new(),
            settings: settings.clone(),
            quota: quotas.iter().map(|quota| quota.unwrap_or(0)).collect(),
            used: vec![0; quotas.len()],
            waiting: 0,
        }
    }

    fn wait(&mut self, desk: &Desk<'_>, job: u32) {
        let task = &desk.tasks[job as usize];
        self.lines.entry(task.nation).or_insert_with(|| Waiting::new(&self.settings, &[])).insert(job, task);
        self.waiting += 1;
    }

    fn started(&mut self, desk: &Desk<'_>, job: u32) {
        let task = &desk.tasks[job as usize];
        self.used[task.nation as usize] += task.ask.total_gpu_milli();
        self.waiting -= 1;
        if let Some(line) = self.lines.get_mut(&task.nation) {
            line.remove(job, task);
            if line.len() == 0 {
                self.lines.remove(&task.nation);
            }
        }
    }

    fn stopped(&mut self, desk: &Desk<'_>, job: u32) {
        let task = &desk.tasks[job as usize];
        self.used[task.nation as usize] -= task.ask.total_gpu_milli();
    }

    /// Heads of the lines, who came first first.
    fn heads(&self) -> Vec<u32> {
        let mut heads: Vec<u32> = self.lines.values().filter_map(Waiting::first).collect();
        heads.sort_unstable();
        heads
    }

    /// Takes room back from nations above their quotas, never more than they are above.
    fn reclaim(&mut self, desk: &mut Desk<'_>, head: u32) -> bool {
        let mut above: Vec<(u64, u32)> = desk.running().iter().map(|run| (u64::MAX - run.sequence, run.job)).collect();
        above.sort_unstable();
        let mut used = self.used.clone();
        let borrowed = above.into_iter().map(|(_, job)| job).filter(|job| {
            let task = &desk.tasks[*job as usize];
            let nation = task.nation as usize;
            let lent = used[nation] > self.quota[nation];
            if lent {
                used[nation] -= task.ask.total_gpu_milli();
            }
            lent
        });
        let victims: Vec<u32> = borrowed.collect();
        let Some(stopped) = make_room(desk, head, victims.into_iter()) else { return false };
        for job in stopped {
            self.stopped(desk, job);
            self.wait(desk, job);
        }
        true
    }

    /// Starts heads of lines, within their quotas or beyond them, until none can.
    fn start_heads(&mut self, desk: &mut Desk<'_>, within: bool) {
        loop {
            let mut any = false;
            for head in self.heads() {
                let task = &desk.tasks[head as usize];
                let nation = task.nation as usize;
                let fits_quota = self.used[nation] + task.ask.total_gpu_milli() <= self.quota[nation];
                if fits_quota == within && (desk.start(head) || (within && self.reclaim(desk, head))) {
                    self.started(desk, head);
                    any = true;
                }
            }
            if !any {
                return;
            }
        }
    }
}

impl Rule for Quotas {
    fn submitted(&mut self, desk: &mut Desk<'_>, job: u32) {
        self.wait(desk, job);
    }

    fn ended(&mut self, desk: &mut Desk<'_>, job: u32) {
        self.stopped(desk, job);
    }

    fn decide(&mut self, desk: &mut Desk<'_>) {
        self.start_heads(desk, true);
        if self.settings.borrow {
            self.start_heads(desk, false);
        }
    }

    fn waiting(&self) -> usize {
        self.waiting
    }
}
