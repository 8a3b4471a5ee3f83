//! Late deliveries.

use bastide_engine::{Distribution, stream_key};

use crate::world::World;

/// How late everything that the hazard concerns is \[s\]; one draw for the whole history.
pub(crate) fn delay_s(world: &World, name: &str, probability: f64, delay: &Distribution) -> f64 {
    let mut stream = world.stream(stream_key(&format!("hazard.{name}"), "delay"));
    let happens = stream.bernoulli(probability);
    let delay_s = delay.sample(&mut stream).max(0.0);
    if happens { delay_s } else { 0.0 }
}
