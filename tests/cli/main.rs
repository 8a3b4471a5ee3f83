//! The program as its users meet it: exit codes, streams, files, interruptions.

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod corpus;
mod explain;
mod grid;
mod interruption;
mod jobs;
mod location;
mod predict;
mod roadmaps;
mod strike;
mod study;
mod verify;
mod words;
