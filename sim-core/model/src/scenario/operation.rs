//! How demand of a service varies, and how the service is run: further keys of `[[service]]`.

use bastide_units::{Bandwidth, DataSize, Duration, Quantity};

use super::demand::Demands;
use crate::decode::Cursor;
use crate::keys;
use crate::model::{DemandNoise, DemandShape, Operation, Readiness, Scaling, ServiceId, Takeover};
use crate::text::At;

/// What the size and the law of a replica follow from.
#[derive(Clone, Debug, Default)]
pub struct ReplicaKeys {
    /// Mean tokens of an answer.
    pub request_tokens: Option<f64>,
    /// Requests that a replica serves at a time.
    pub concurrency: u32,
    /// Accelerators of a replica.
    pub accelerators: Option<u32>,
    /// Whether load beyond the latency target is turned away.
    pub cap: bool,
    /// Where the latency target stands.
    pub target_at: Option<At>,
}

/// From disks into accelerators: Llama 2 70B, 130 GB in 16 bits, loads into 8 GPUs in 84 s (Fu et al. 2024, ServerlessLLM, OSDI, section 1).
const LOAD_BANDWIDTH: Bandwidth = Bandwidth::from_gb_per_s(1.5);
/// Start of the engine and capture of its graphs: half a minute (our assumption).
const WARMUP: Duration = Duration::from_s(30.0);
/// As Kubernetes' horizontal autoscaler looks back before it stops anything (`stabilizationWindowSeconds`, 300 s by default; documentation of version 1.30, 2024).
const COOLDOWN: Duration = Duration::from_s(300.0);
/// Keys that mean something only where replicas are scaled.
const OF_SCALING: [&str; 8] = ["min_replicas", "max_replicas", "startup", "weights", "load_bandwidth", "warmup", "cooldown", "kv_warmup"];
/// Keys that batch work has no use for.
const NOT_OF_BATCH: [&str; 5] = ["scale_target", "latency_target", "latency_cap", "bytes_per_token", "needs"];

/// Decodes `daily`, `weekly` and the noise.
pub fn shape(cursor: &mut Cursor<'_, '_>) -> DemandShape {
    let deviation = cursor.ratio("demand_noise");
    let correlation = cursor.quantity_opt("noise_correlation").unwrap_or(Duration::ZERO);
    needs(cursor, "noise_correlation", "demand_noise", "say how much demand varies: `demand_noise = 0.1`");
    let noise = (deviation > 0.0).then_some(DemandNoise { deviation, correlation });
    let daily = if cursor.has("daily") { cursor.shape("daily") } else { None };
    let weekly = if cursor.has("weekly") { cursor.shape("weekly") } else { None };
    DemandShape { daily, weekly, noise }
}

/// Decodes how a service is run.
pub fn operation(cursor: &mut Cursor<'_, '_>, model: Option<&str>, demands: &mut Demands) -> Operation {
    let request_tokens = cursor.ratio_opt("request_tokens");
    demands.replica = ReplicaKeys {
        request_tokens,
        concurrency: cursor.count_opt("concurrency").unwrap_or(1),
        accelerators: cursor.count_opt("replica"),
        cap: cursor.boolean_opt("latency_cap") == Some(true),
        target_at: cursor.has("latency_target").then(|| cursor.place("latency_target")),
    };
    needs(cursor, "request_tokens", "tokens_per_accelerator", "the library knows the lengths of `model`: leave it out");
    needs(cursor, "concurrency", "request_tokens", "say how long answers are: `request_tokens = 250`");
    needs(cursor, "latency_cap", "latency_target", "say what to keep: `latency_target = \"10 s\"`");
    if demands.tokens_per_accelerator.is_some() {
        needs(cursor, "latency_target", "request_tokens", "say how long answers are: `request_tokens = 250`");
    }
    let operation = Operation {
        latency_target: cursor.quantity_opt("latency_target"),
        failover: failover(cursor, model),
        scaling: scaling(cursor, model),
        single_site: cursor.boolean("single_site"),
        needs: cursor.references("needs", "service").unwrap_or_default().into_iter().map(ServiceId::from_index).collect(),
        defer: cursor.quantity_opt("defer"),
    };
    if operation.defer.is_some() {
        for key in NOT_OF_BATCH {
            if cursor.has(key) {
                let message = format!("`{key}` stands with `defer`");
                cursor.wrong("F0543", key, message, "batch work takes what is left, when it is left: keep one");
            }
        }
    }
    operation
}

/// Reports a key that stands without another.
fn needs(cursor: &mut Cursor<'_, '_>, key: &str, other: &str, hint: &str) {
    if cursor.has(key) && !cursor.has(other) {
        cursor.wrong("F0215", key, format!("`{key}` stands without `{other}`"), hint);
    }
}

/// Weights as written, or those of the library's model.
fn weights(cursor: &mut Cursor<'_, '_>, model: Option<&str>) -> DataSize {
    let library = model.and_then(|name| bastide_cost_models::library().models.get(name));
    let of_library = library.map_or(DataSize::ZERO, |it| DataSize::from_base(it.parameters * it.bytes_per_parameter));
    cursor.quantity_opt("weights").unwrap_or(of_library)
}

/// How stand-bys take over; a service that says neither how nor how fast follows the policy.
fn failover(cursor: &mut Cursor<'_, '_>, model: Option<&str>) -> Option<Takeover> {
    let stated = cursor.one_of_opt("failover", keys::READINESSES);
    let time = cursor.distribution_opt::<Duration>("failover_time");
    if stated.is_none() && time.is_none() {
        return None;
    }
    let readiness = stated.map_or(Readiness::Warm, |at| [Readiness::ActiveActive, Readiness::Warm, Readiness::Cold][at]);
    if readiness == Readiness::ActiveActive && time.is_some() {
        let hint = "places that serve all the time have no gap: leave it out, or write `failover = \"warm\"`";
        cursor.wrong("F0890", "failover_time", "`failover_time` stands with `failover = \"active-active\"`", hint);
    }
    if readiness != Readiness::Cold && cursor.has("weights") && !cursor.has("scale_target") {
        let hint = "only a cold stand-by fetches them: leave them out, or write `failover = \"cold\"`";
        cursor.wrong("F0890", "weights", "`weights` stand with a failover that fetches nothing", hint);
    }
    let weights = if readiness == Readiness::Cold { weights(cursor, model) } else { DataSize::ZERO };
    Some(Takeover { readiness, time, weights })
}

fn scaling(cursor: &mut Cursor<'_, '_>, model: Option<&str>) -> Option<Scaling> {
    for key in OF_SCALING {
        // Weights are also what a cold stand-by fetches.
        if key == "weights" && cursor.has("failover") {
            continue;
        }
        needs(cursor, key, "scale_target", "say how full replicas are kept: `scale_target = \"70 %\"`");
    }
    let target = cursor.ratio_opt("scale_target")?;
    let weights = weights(cursor, model);
    let load_bandwidth = cursor.quantity_opt("load_bandwidth").unwrap_or(LOAD_BANDWIDTH);
    let warmup = cursor.quantity_opt("warmup").unwrap_or(WARMUP);
    let loading = Duration::from_s(weights.as_bytes() / (load_bandwidth.as_gb_per_s() * 1e9));
    let scaling = Scaling {
        target,
        least: cursor.count_opt("min_replicas").unwrap_or(0),
        most: cursor.count_opt("max_replicas"),
        cooldown: cursor.quantity_opt("cooldown").unwrap_or(COOLDOWN),
        startup: cursor.quantity_opt("startup").unwrap_or(loading + warmup),
        kv_warmup: cursor.quantity_opt("kv_warmup").unwrap_or(Duration::ZERO),
        weights,
        load_bandwidth,
    };
    if scaling.most.is_some_and(|most| most < scaling.least) {
        cursor.wrong("F0542", "max_replicas", "`max_replicas` is below `min_replicas`", "let a site hold at least what it must hold");
    }
    Some(scaling)
}
