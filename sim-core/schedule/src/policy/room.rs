//! Room for one job at the cost of others.

use crate::simulation::{Desk, take_at};

/// Pre-empts as few of the victims, taken in their order, as give the job room, and starts it. The victims that were stopped;
/// `None`, and nothing changed, if all of them together would not do.
pub fn make_room(desk: &mut Desk<'_>, job: u32, victims: impl Iterator<Item = u32>) -> Option<Vec<u32>> {
    let ask = desk.tasks[job as usize].ask;
    let mut trial = desk.occupancy.clone();
    let mut stopped = Vec::new();
    let mut grant = None;
    for victim in victims {
        trial.give_back(&desk.run(victim)?.grant);
        stopped.push(victim);
        if trial.used_gpu_milli() + ask.total_gpu_milli() <= trial.total_gpu_milli() {
            grant = desk.packer.place(&mut trial, &ask);
        }
        if grant.is_some() {
            break;
        }
    }
    let places: Vec<_> = trial.places(&grant?).collect();
    // Victims that the job does not displace after all go on.
    stopped.retain(|victim| {
        let own: Vec<_> = desk.run(*victim).map(|run| desk.occupancy.places(&run.grant).collect()).unwrap_or_default();
        take_at(&mut trial, &desk.tasks[*victim as usize].ask, &own).is_none()
    });
    for victim in &stopped {
        desk.preempt(*victim);
    }
    let grant = take_at(&mut desk.occupancy, &ask, &places)?;
    desk.begin(job, grant);
    Some(stopped)
}
