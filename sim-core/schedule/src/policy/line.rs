//! One line: the first starts as soon as it fits; others only behind it, or by backfilling.

use super::Rule;
use super::easy::Easy;
use super::room::make_room;
use super::settings::{Backfill, Order, Settings};
use super::waiting::Waiting;
use crate::simulation::Desk;
use crate::span::Span;

/// Jobs start in the order of the line, and none before the one ahead of it, unless they may backfill. With pre-emption, the
/// first takes the room of running jobs of lower priority.
#[derive(Debug)]
pub struct Line {
    waiting: Waiting,
    easy: Option<Easy>,
    preempts: bool,
    /// The head that found no room, and the occupancy then: without a change it finds none again.
    stuck: Option<(u32, u64)>,
}

impl Line {
    pub fn new(settings: &Settings, shares: &[f64]) -> Self {
        Self {
            waiting: Waiting::new(settings, shares),
            easy: (settings.backfill == Backfill::Easy).then(|| Easy::new(settings.depth)),
            preempts: settings.preempt && settings.order == Order::Priority,
            stuck: None,
        }
    }

    fn started(&mut self, desk: &Desk<'_>, job: u32) {
        let task = &desk.tasks[job as usize];
        self.waiting.remove(job, task);
        self.waiting.charge(desk.now(), task, desk.estimate_left(job));
    }

    /// Stops running jobs of lower priority, the lowest and latest first, so far as that gives the head room.
    fn preempt_for(&mut self, desk: &mut Desk<'_>, head: u32) -> bool {
        let priority = |job: u32| desk.tasks[job as usize].priority;
        let mut lower: Vec<_> = desk
            .running()
            .iter()
            .map(|run| (priority(run.job), u64::MAX - run.sequence, run.job))
            .filter(|(below, ..)| *below < priority(head))
            .collect();
        lower.sort_unstable();
        let Some(stopped) = make_room(desk, head, lower.into_iter().map(|(.., job)| job)) else { return false };
        for job in stopped {
            self.waiting.insert(job, &desk.tasks[job as usize]);
        }
        true
    }
}

impl Rule for Line {
    fn submitted(&mut self, desk: &mut Desk<'_>, job: u32) {
        self.waiting.insert(job, &desk.tasks[job as usize]);
    }

    fn ended(&mut self, desk: &mut Desk<'_>, job: u32) {
        let task = &desk.tasks[job as usize];
        let since = desk.since(job);
        self.waiting.settle(since, task, desk.estimate_left(job), Span::between(since, desk.now()));
    }

    fn decide(&mut self, desk: &mut Desk<'_>) {
        while let Some(head) = self.waiting.first() {
            if self.stuck == Some((head, desk.occupancy.changes())) {
                break;
            }
            if !(desk.start(head) || (self.preempts && self.preempt_for(desk, head))) {
                self.stuck = Some((head, desk.occupancy.changes()));
                break;
            }
            self.started(desk, head);
        }
        if let Some(mut easy) = self.easy.take() {
            easy.fill(desk, &self.waiting);
            for job in &easy.started {
                self.started(desk, *job);
            }
            self.easy = Some(easy);
        }
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
