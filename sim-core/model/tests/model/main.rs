//! Scenarios in, models and diagnostics out.

mod broken;
mod folder;
mod generated;
mod minimal;
mod plan;
mod robust;
mod rules;
mod series;
