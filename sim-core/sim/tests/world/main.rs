//! The world against arithmetic: closed forms within three standard errors, deterministic cases exactly, laws as properties.

mod adequacy;
mod balance;
mod blackout;
mod campaigns;
mod causes;
mod closed_forms;
mod cyber;
mod demand;
mod disruptions;
mod draws;
mod hazards;
mod kirchhoff;
mod machines;
mod modes;
mod network;
mod power;
mod recovery;
mod services;
mod shortfalls;
mod speed;
mod strikes;
mod support;
