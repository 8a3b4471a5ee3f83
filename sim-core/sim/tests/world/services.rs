//! Services against arithmetic: demand over time, times of requests, replicas, batch work.

mod batch;
mod demand;
mod latency;
mod laws;
mod needs;
mod replicas;
