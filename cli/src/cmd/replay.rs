//! `replay`: a trace of requests served one by one, requests that arrive on their own, or a log of jobs scheduled on a cluster.

mod inflation;
mod jobs;
mod plots;
pub(crate) mod poisson;
mod requests;

use crate::args::{Global, ReplayInput};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(args: &ReplayInput, global: &Global, output: &Output) -> Result<(), Failure> {
    match (&args.jobs.cluster, &args.poisson) {
        (Some(cluster), _) => jobs::run(&args.trace, cluster, &args.jobs, global, output),
        (None, Some(arrivals)) => poisson::run(arrivals, args, global, output),
        (None, None) => requests::run(args, global, output),
    }
}
