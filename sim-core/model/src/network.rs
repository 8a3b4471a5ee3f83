//! The scenario's electric network for the grid engine: as a [`Case`](bastide_grid::Case) at one hour, and as an adequacy
//! [`System`](bastide_grid::adequacy::System) over all hours.

mod adequacy;
mod case;

pub use adequacy::{AiLoad, MOST_AREAS, adequacy_areas, adequacy_system, ai_load_of};
pub use case::{BASE_MVA, CaseLoad, CaseRows, case_at};
