//! Schedules of jobs on a cluster: which job runs next, and on which nodes.
//!
//! ```text
//! Cluster (nodes, GPU models) --> Occupancy (free CPU, memory, thousandths of each GPU)
//! Ask (GPUs, share, CPU, memory, models) --Packer--> Grant (nodes and GPUs), given back at the job's end
//!
//! Log (jobs of a file) + Cluster + Settings (a policy) + Packing --Replay--> Replayed (a run of each job) --> Summary
//! ```
//!
//! Architecture invariant: no clock, no hash map, no printing.

#![forbid(unsafe_code)]

pub mod ask;
pub mod cluster;
pub mod job;
pub mod occupancy;
pub mod outcome;
pub mod packing;
pub mod policy;
pub mod simulation;
pub mod span;
pub mod timeline;
pub mod trace;

pub use ask::{Ask, Models};
pub use cluster::{Cluster, Node};
pub use job::Job;
pub use occupancy::{Grant, Occupancy};
pub use outcome::Summary;
pub use packing::{Packer, Packing};
pub use policy::Settings;
pub use simulation::{Recorder, Replay, Replayed};
pub use span::Span;
pub use timeline::Timeline;
pub use trace::Log;
