//! Other people's files: MATPOWER cases, RTS-GMLC source data and location problems become scenarios; unit and load tables become adequacy systems.
//!
//! An importer returns texts; writing them is the command line's. What a foreign format does not say and a scenario needs is
//! filled in and marked as an assumption of the importer, with `verified = false`.

mod csv;
mod draft;
mod location;
mod matpower;
mod placement;
mod rts_gmlc;
mod sndlib;
mod system;
mod words;
mod xml;

pub use location::{LocationForm, LocationOptions, import_location};
pub use matpower::{MatpowerOptions, import_matpower, read_case};
pub use placement::import_placement;
pub use rts_gmlc::{RtsGmlc, RtsReserve, RtsUnit, import_rts_gmlc, read_rts_gmlc};
pub use sndlib::import_sndlib;
pub use system::{SystemOptions, read_system};

/// A scenario made from other files.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedScenario {
    /// Path in the scenario's folder, and text, of each file.
    pub files: Vec<(String, String)>,
}
