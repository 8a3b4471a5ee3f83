//! A replica that the command line describes.

use bastide_cost_models::compute::serving::{Deployment, Engine, Layout};
use bastide_cost_models::compute::{Architecture, Device, Format};

use super::library::{find_architecture, find_device, find_format};
use crate::args::ReplicaInput;
use crate::exit::Failure;

/// A replica with the names of its parts.
#[derive(Debug)]
pub struct Replica {
    /// Name of the model in the library.
    pub model: &'static str,
    /// Name of the accelerator in the library.
    pub accelerator: &'static str,
    /// The replica.
    pub deployment: Deployment<'static>,
}

impl ReplicaInput {
    /// What this one leaves open, from another.
    pub fn or(self, other: Self) -> Self {
        Self {
            model: self.model.or(other.model),
            accelerator: self.accelerator.or(other.accelerator),
            tensor: self.tensor.or(other.tensor),
            pipeline: self.pipeline.or(other.pipeline),
            expert: self.expert.or(other.expert),
            data: self.data.or(other.data),
            weights: self.weights.or(other.weights),
            experts: self.experts.or(other.experts),
            cache: self.cache.or(other.cache),
            engine: self.engine.or(other.engine),
        }
    }

    /// The replica, cut over the fewest accelerators that hold it where tensor parallelism is not given.
    pub fn replica(&self) -> Result<Replica, Failure> {
        let missing = |what: &str| {
            Failure::hinted(
                format!("{what} is missing"),
                "for example bastide predict serve --model llama-3.1-70b --accelerator h100 --weights fp8",
            )
        };
        let (accelerator, device) = find_device(self.accelerator.as_deref().ok_or_else(|| missing("--accelerator"))?)?;
        let (model, architecture) = find_architecture(self.model.as_deref().ok_or_else(|| missing("--model"))?)?;
        let weights = self.weights.as_deref().map_or(Ok(Format::Bf16), find_format)?;
        let engine = self.engine.as_deref().map_or(Ok(Engine::Vllm), find_engine)?;
        let mut deployment = Deployment::new(device, architecture, weights, Layout::tensor(1.0), engine);
        deployment.experts = self.experts.as_deref().map_or(Ok(weights), find_format)?;
        deployment.cache = self.cache.as_deref().map_or(Ok(Format::Bf16), find_format)?;
        let layout = |tensor: f64| Layout {
            tensor,
            pipeline: f64::from(self.pipeline.unwrap_or(1)),
            expert: f64::from(self.expert.unwrap_or(1)),
            data: f64::from(self.data.unwrap_or(1)),
        };
        // Experts over more accelerators than there are attention groups need tensor parallelism, too.
        let fewest = (self.expert.unwrap_or(1) / self.data.unwrap_or(1)).max(1);
        deployment.layout = layout(f64::from(self.tensor.unwrap_or(fewest)));
        deployment.layout.check().map_err(|error| Failure::sentence(error.to_string()))?;
        if self.tensor.is_none() {
            let mut tensor = f64::from(fewest);
            while deployment.memory().is_err() && tensor < f64::from(device.scale_up_domain) && tensor < architecture.attention.heads {
                tensor *= 2.0;
                deployment.layout = layout(tensor);
            }
        }
        divides(architecture, device, deployment.layout)?;
        if let Err(shortage) = deployment.memory() {
            let devices = deployment.layout.devices();
            let hint = if shortage.devices.is_finite() {
                format!("at least {} of them hold it in this format, or take a narrower one with --weights", shortage.devices)
            } else {
                "take a narrower format with --weights".to_owned()
            };
            return Err(Failure::hinted(
                format!("`{model}` does not fit {devices} {accelerator}: {:.1} GB too much on each", shortage.bytes / 1e9),
                hint,
            ));
        }
        Ok(Replica { model, accelerator, deployment })
    }
}

/// Whether heads divide by the tensor parallelism.
fn divides(architecture: &Architecture, device: &Device, layout: Layout) -> Result<(), Failure> {
    let heads = architecture.attention.heads;
    if heads % layout.tensor != 0.0 {
        let near =
            (1..=heads as u32).filter(|it| heads % f64::from(*it) == 0.0).min_by_key(|it| (f64::from(*it) - layout.tensor).abs() as u32);
        return Err(Failure::hinted(
            format!("{heads} attention heads do not divide by --tensor {}", layout.tensor),
            format!("--tensor {} does", near.unwrap_or(1)),
        ));
    }
    if layout.pipeline > architecture.layers {
        return Err(Failure::sentence(format!("{} layers make no {} pipeline stages", architecture.layers, layout.pipeline)));
    }
    if layout.tensor > f64::from(device.scale_up_domain).max(8.0) {
        return Err(Failure::hinted(
            format!("--tensor {} spans more than the {} accelerators of a scale-up domain", layout.tensor, device.scale_up_domain),
            "use --pipeline or --data between domains",
        ));
    }
    Ok(())
}

fn find_engine(name: &str) -> Result<Engine, Failure> {
    match Engine::parse(name) {
        Engine::Other if !name.eq_ignore_ascii_case("other") => {
            Err(Failure::hinted(format!("`{name}` is not a known engine"), "one of vllm, sglang, trtllm, llama.cpp, other"))
        }
        engine => Ok(engine),
    }
}
