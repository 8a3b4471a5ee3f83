//! Throughput: what a device and a model make of each other.
//!
//! ```text
//! Device, Architecture (data sheets) --> gemm, attention, collective --> serving, training, low_communication --> Prediction
//!                                        (time of one kernel)            (steps of a whole model)                (value, interval, grade)
//! ```
//!
//! Fitted parameters are in `data/throughput/*.toml`, each with its provenance. Every prediction says how sure it is
//! ([`Conformal`]) and what it rests on ([`Grade`]).

pub mod architecture;
pub mod attention;
pub mod collective;
pub mod device;
pub mod format;
pub mod gemm;
pub mod low_communication;
pub mod offline;
pub mod prediction;
pub mod serving;
mod serving_rate;
pub mod training;
pub mod training_time;

pub use architecture::{Architecture, Attention, Experts, architecture, architectures};
pub use device::{Device, Generation, device, devices};
pub use format::Format;
pub use prediction::{Conformal, Grade, Prediction, Term, left_out};
pub use serving::{Batch, Deployment, Engine, Layout, Step};
pub use serving_rate::{LoadedReplica, READABLE, Serving, serving_rate, serving_replica, sheet_of};
