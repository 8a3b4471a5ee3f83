//! `replay`: a trace of requests served one by one, or a log of jobs scheduled on a cluster.

mod jobs;
mod plots;
mod requests;

use crate::args::{Global, ReplayInput};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(args: &ReplayInput, global: &Global, output: &Output) -> Result<(), Failure> {
    match &args.jobs.cluster {
        Some(cluster) => jobs::run(&args.trace, cluster, &args.jobs, global, output),
        None => requests::run(args, global, output),
    }
}
