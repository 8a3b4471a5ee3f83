//! Scenarios in, models and diagnostics out.

mod broken;
mod corpus;
mod folder;
mod generated;
mod import;
mod large;
mod location;
mod messages;
mod minimal;
mod plan;
mod roadmap;
mod robust;
mod rules;
mod series;
