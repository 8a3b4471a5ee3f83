//! Resource adequacy: how often, how long and how much a power system falls short, and how much AI load it can host.

mod system;

pub use system::{Area, DeratedState, Hydro, Storage, System, Tie, Tier, TierKind, TwoState, Unit};
