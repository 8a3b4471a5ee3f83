//! Sequential simulation of adequacy against closed forms, published figures and a simulator that skips nothing.

#[path = "sequential/gmlc.rs"]
mod gmlc;
#[path = "sequential/laws.rs"]
mod laws;
#[path = "support/rts79.rs"]
mod rts79;
#[path = "sequential/slow.rs"]
mod slow;
#[path = "sequential/small.rs"]
mod small;
