//! The text of a pack.

use serde::Serialize;

use super::{DeviceRecord, Point, Profile, RunRecord, SCHEMA, SoftwareRecord, VERSION};
use crate::fit::Fit;
use crate::suite::Work;

/// The start of the line of the checksum.
pub(super) const CHECKSUM: &str = "checksum = ";

#[derive(Serialize)]
struct Head<'a> {
    device: &'a DeviceRecord,
    software: &'a SoftwareRecord,
    run: &'a RunRecord,
    fit: &'a Fit,
}

/// The checksum of a pack: of its text without the line that holds it.
pub(super) fn checksum(text: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in text.split_inclusive('\n').filter(|line| !line.starts_with(CHECKSUM)) {
        hasher.update(line.as_bytes());
    }
    format!("blake3:{}", hasher.finalize().to_hex())
}

impl Profile {
    /// The pack as TOML, with its checksum.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let head = Head { device: &self.device, software: &self.software, run: &self.run, fit: &self.fit };
        // Plain structs of numbers and text: nothing that TOML cannot hold; a failure would show as a pack without a device.
        let head = toml::to_string(&head).unwrap_or_default();
        let mut body = format!("{head}\n");
        for point in &self.points {
            body.push_str(&text_of(point));
        }
        let title = "# Measured on one device by `bastide calibrate`. Times in seconds, power in watts, sizes in bytes.\n";
        let start = format!("{title}schema = {SCHEMA:?}\nversion = {VERSION}\n");
        let sum = checksum(&format!("{start}\n{body}"));
        format!("{start}{CHECKSUM}\"{sum}\"\n\n{body}")
    }
}

fn text_of(point: &Point) -> String {
    let mut text = format!("[[point]]\nkind = \"{}\"\n", point.work.kind());
    match point.work {
        Work::Gemm { format, m, n, k, cold } => {
            text += &format!("format = \"{}\"\nm = {m}\nn = {n}\nk = {k}\ncold = {cold}\n", format.word());
        }
        Work::Stream { operation, bytes } => text += &format!("operation = \"{}\"\nbytes = {bytes}\n", operation.word()),
        Work::DecodeAttention { batch, context, heads, kv_heads, head_dim } => {
            text += &format!("batch = {batch}\ncontext = {context}\nheads = {heads}\nkv_heads = {kv_heads}\nhead_dim = {head_dim}\n");
        }
        Work::PrefillAttention { batch, length, heads, kv_heads, head_dim } => {
            text += &format!("batch = {batch}\nlength = {length}\nheads = {heads}\nkv_heads = {kv_heads}\nhead_dim = {head_dim}\n");
        }
        Work::Launch { mode } => text += &format!("mode = \"{}\"\n", mode.word()),
        Work::Transfer { direction, memory, bytes } => {
            text += &format!("direction = \"{}\"\nmemory = \"{}\"\nbytes = {bytes}\n", direction.word(), memory.word());
        }
        Work::Collective { operation, devices, bytes } => {
            text += &format!("operation = \"{}\"\ndevices = {devices}\nbytes = {bytes}\n", operation.word());
        }
        Work::Power { activity } => text += &format!("activity = \"{}\"\n", activity.word()),
    }
    text += &format!("count = {}\n", point.samples.len());
    if !point.samples.is_empty() {
        text += &format!("median = {:e}\np10 = {:e}\np90 = {:e}\n", point.median(), point.p10(), point.p90());
    }
    text += &format!("runs = {}\ngraph = {}\n", point.runs, point.graph);
    let conditions = &point.conditions;
    for (key, value) in [
        ("error", point.error),
        ("rate", point.rate),
        ("power_w", conditions.power_w),
        ("temperature_c", conditions.temperature_c),
        ("sm_mhz", conditions.sm_mhz),
        ("memory_mhz", conditions.memory_mhz),
    ] {
        // A result that is not a number voids its point; its error is then left out.
        if let Some(value) = value.filter(|value| value.is_finite()) {
            text += &format!("{key} = {value:e}\n");
        }
    }
    if let Some(bits) = conditions.throttle {
        text += &format!("throttle = {bits}\n");
    }
    if let Some(reason) = &point.void {
        text += &format!("void = {}\n", toml::Value::String(reason.clone()));
    }
    let samples: Vec<String> = point.samples.iter().map(|sample| format!("{sample:e}")).collect();
    text + &format!("samples = [{}]\n\n", samples.join(", "))
}
