//! Training of language models over many accelerators.

pub mod layout;
pub mod memory;

pub use layout::{Layout, LayoutError, Optimiser, Recompute, Schedule, Sharding, Task};
pub use memory::{Capacity, Memory, peak_memory};
