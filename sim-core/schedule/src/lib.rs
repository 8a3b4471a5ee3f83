//! Schedules of jobs on a cluster: which job runs next, and on which nodes.
//!
//! ```text
//! Cluster (nodes, GPU models) --> Occupancy (free CPU, memory, thousandths of each GPU)
//! Ask (GPUs, share, CPU, memory, models) --Packer--> Grant (nodes and GPUs), given back at the job's end
//! ```
//!
//! Architecture invariant: no clock, no hash map, no printing.

#![forbid(unsafe_code)]

pub mod ask;
pub mod cluster;
pub mod occupancy;
pub mod packing;

pub use ask::{Ask, Models};
pub use cluster::{Cluster, Node};
pub use occupancy::{Grant, Occupancy};
pub use packing::{Packer, Packing};
