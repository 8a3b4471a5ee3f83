//! Resource adequacy: how often, how long and how much a power system falls short, and how much AI load it can host.

mod sequential;
mod system;
mod weather;

pub use sequential::{
    Events, HydroUse, SequentialAdequacy, SequentialError, SequentialOptions, Shortfall, SnapshotAdequacy, SnapshotOptions, SnapshotShortfall,
    StorageUse, TieUse, TierUse, WeightedMean, sample_snapshots, simulate,
};
pub use system::{Area, DeratedState, Hydro, Storage, System, Tie, Tier, TierKind, TwoState, Unit};
pub use weather::{RecordedYear, Weather};
