//! `devices`: the GPUs of this machine.

use serde_json::json;

use crate::args::Format;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(output: &Output) -> Result<(), Failure> {
    let devices = bastide_kernels::devices()
        .map_err(|error| Failure::hinted(error.to_string(), "planning needs no GPU; throughput then comes from data sheets"))?;
    if output.format == Format::Json {
        return output.json("devices/1", &json!({ "devices": devices }));
    }
    for device in devices {
        let sheet = device.library.as_deref().map_or_else(|| "not in the library".to_owned(), |name| format!("library: {name}"));
        output.line(&format!(
            "{}: {}, compute capability {}, {:.0} GB, {} multiprocessors, {sheet}",
            device.ordinal,
            device.name,
            device.compute_capability,
            device.memory_bytes as f64 / 1e9,
            device.multiprocessors
        ))?;
    }
    Ok(())
}
