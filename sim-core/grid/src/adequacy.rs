//! Resource adequacy: how often, how long and how much a power system falls short, and how much AI load it can host.

mod check;
mod convolution;
mod copt;
mod demand;
mod elcc;
mod enumeration;
mod host;
mod host_sampled;
mod law;
mod sequential;
mod size;
mod snapshot;
mod supply;
mod system;
mod weather;

pub use check::{AdequacyError, Component, SystemFault};
pub use convolution::{Bounds, ConvolutionOptions, ExactAdequacy, OutageTable, TierYield, convolve, outage_table};
pub use elcc::{Metric, equivalent_firm_capacity, load_carrying_capability};
pub use enumeration::{AreaAdequacy, EnumeratedAdequacy, enumerate};
pub use host::{HostOptions, HostPoint, Hosting, host};
pub use host_sampled::{HostError, SampledHosting, host_sampled};
pub use sequential::{
    Events, HydroUse, SequentialAdequacy, SequentialError, SequentialOptions, Shortfall, SnapshotAdequacy, SnapshotOptions,
    SnapshotShortfall, StorageUse, TieUse, TierUse, WeightedMean, sample_snapshots, simulate,
};
pub use size::{Size, largest_size};
pub use system::{Area, DeratedState, Hydro, Storage, System, Tie, Tier, TierKind, TwoState, Unit};
pub use weather::{RecordedYear, Weather};
