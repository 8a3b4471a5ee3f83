//! Training of language models over many accelerators.
//!
//! ```text
//! Task (model, sequence), Layout --> layer (kernels, exposed links) --> step (pipeline, gradients, optimiser) --> search
//!                  Framework (fitted) --'                                                   '--> flops (MFU)
//! ```

pub mod convergence;
pub mod flops;
pub mod framework;
pub mod layer;
pub mod layout;
pub mod memory;
pub mod search;
pub mod step;

pub use convergence::Benchmark;
pub use flops::{Definition, token_flop};
pub use framework::{Common, Framework, GENERAL, Parameters, generation_name, parameters, step_parameters};
pub use layer::{Parts, Passes, Setting};
pub use layout::{Layout, LayoutError, Optimiser, Recompute, Schedule, Sharding, Task};
pub use memory::{Capacity, Memory, peak_memory};
pub use search::{Candidate, Fixed, complete, search, smallest};
pub use step::{Step, step};
