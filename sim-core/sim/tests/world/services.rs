//! Services against arithmetic: demand over time, times of requests, replicas, batch work.

mod batch;
mod demand;
mod laws;
mod latency;
mod replicas;
