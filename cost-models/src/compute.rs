//! What a device achieves: tokens served and training compute per second.

pub mod serving;
pub mod training;

pub use serving::serving_rate;
