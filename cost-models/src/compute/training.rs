//! Training of language models over many accelerators.

pub mod layout;

pub use layout::{Layout, LayoutError, Optimiser, Recompute, Schedule, Sharding, Task};
