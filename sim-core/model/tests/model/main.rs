//! Scenarios in, models and diagnostics out.

mod broken;
mod corpus;
mod folder;
mod generated;
mod import;
mod location;
mod large;
mod messages;
mod minimal;
mod plan;
mod roadmap;
mod robust;
mod rules;
mod series;
