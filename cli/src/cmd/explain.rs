//! `explain`: a code, a key of the scenario, an entry of the library, or an event of a results folder.

mod event;
mod events;
mod folder;

use bastide_cost_models::compute::{Architecture, Device, architecture, architectures, device, devices};
use bastide_cost_models::{Figure, library};
use bastide_model::codes::{self, Code};
use bastide_units::{Quantity, display};
use serde_json::json;

use crate::args::{ExplainInput, ExplainQuestion, Format};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(input: &ExplainInput, output: &Output) -> Result<(), Failure> {
    match &input.question {
        Some(ExplainQuestion::Event(input)) => return event::run(input, output),
        Some(ExplainQuestion::Events(input)) => return events::run(input, output),
        None => {}
    }
    if input.markdown {
        use std::io::Write;
        output.out().write_all(page().as_bytes())?;
        return Ok(());
    }
    let Some(word) = input.word.as_deref() else { return list(output) };
    if let Some(code) = codes::explain(word) {
        if output.format == Format::Json {
            return output.json(
                "explain/1",
                &json!({ "code": code.code, "title": code.title, "explanation": code.explanation, "example": code.example }),
            );
        }
        return output.line(&text(code));
    }
    let found = bastide_model::explain(word).or_else(|| library_entry(word));
    match found {
        Some(text) if output.format == Format::Json => output.json("explain/1", &json!({ "word": word, "explanation": text })),
        Some(text) => output.line(&text),
        None => {
            let known = known();
            let near = bastide_model::keys::nearest(word, known.iter().map(String::as_str));
            let hint = near.map_or_else(
                || "bastide explain lists the codes; bastide schema --markdown the keys".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(Failure::hinted(format!("nothing is known about `{word}`"), hint))
        }
    }
}

fn list(output: &Output) -> Result<(), Failure> {
    if output.format == Format::Json {
        let list: Vec<_> = codes::all().iter().map(|code| json!({ "code": code.code, "title": code.title })).collect();
        return output.json("explain/1", &json!({ "codes": list }));
    }
    for code in codes::all() {
        output.line(&format!("{}  {}", code.code, code.title))?;
    }
    Ok(())
}

fn text(code: &Code) -> String {
    format!("{}: {}\n\n{}\n\n{}", code.code, code.title, code.explanation, code.example)
}

fn page() -> String {
    let mut page = "# Diagnostics\n\nWritten by `bastide explain --markdown`. Codes are never reused.\n".to_owned();
    for code in codes::all() {
        page += &format!("\n## {}: {}\n\n{}\n\n```toml\n{}\n```\n", code.code, code.title, code.explanation, code.example);
    }
    page
}

/// Everything that the library knows under a name: what an accelerator costs, its data sheet, how a model is served, its
/// shape.
fn library_entry(word: &str) -> Option<String> {
    let parts: Vec<String> = [
        accelerator(word),
        device(word).map(|(name, it)| sheet(name, it)),
        model(word),
        architecture(word).map(|(name, it)| shape(name, it)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

fn verified(verified: bool) -> &'static str {
    if verified { "" } else { ", not verified" }
}

fn sheet(name: &str, it: &Device) -> String {
    let peak = |word: &str, peak: Option<bastide_units::ComputeRate>| peak.map(|peak| format!("  peak, dense {word}: {}", display(peak)));
    let mut lines = vec![format!("{name}: {}, data sheet ({}, {}{})", it.title, it.source, it.year, verified(it.verified))];
    lines.extend(peak("16 bit", Some(it.peak_16bit)));
    lines.extend(peak("fp8", it.peak_fp8));
    lines.extend(peak("fp4", it.peak_fp4));
    lines.extend(peak("int8", it.peak_int8));
    lines.push(format!("  memory: {} at {}; last cache {}", display(it.memory), display(it.memory_bandwidth), display(it.cache)));
    lines.push(format!("  multiprocessors: {}; board limit: {}", it.multiprocessors, display(it.board_power)));
    lines.push(format!(
        "  scale-up: {} each direction, {} accelerators; network: {}; host: {}",
        display(it.scale_up_bandwidth),
        it.scale_up_domain,
        display(it.scale_out_bandwidth),
        display(it.host_bandwidth)
    ));
    lines.join("\n")
}

fn shape(name: &str, it: &Architecture) -> String {
    let attention = &it.attention;
    let heads = match attention.latent {
        Some(latent) => format!("{} heads over a latent of {} + {}", attention.heads, latent.kv_rank, latent.rope_size),
        None => format!("{} heads of {} over {} of keys and values", attention.heads, attention.head_size, attention.kv_heads),
    };
    let experts = it.experts.map_or_else(String::new, |experts| {
        format!("\n  experts: {} of {} for a token, inner size {}", experts.per_token, experts.count, experts.inner)
    });
    format!(
        "{name}: {}, shape ({}, {}{})\n  {:.4e} parameters, {:.4e} active\n  {} layers of width {}, inner size {}; {heads}{experts}",
        it.title,
        it.source,
        it.year,
        verified(it.verified),
        it.parameters,
        it.active_parameters,
        it.layers,
        it.hidden,
        it.inner
    )
}

fn accelerator(word: &str) -> Option<String> {
    let data = library().accelerators.get(word)?;
    let lines = [
        figure("peak, dense 16 bit", &data.peak),
        figure("memory", &data.memory),
        figure("memory bandwidth", &data.memory_bandwidth),
        figure("IT power", &data.power),
        figure("idle share", &data.idle_share),
        figure("price", &data.price),
        figure("node failures", &data.node_failure_rate),
        figure("node repair, median", &data.node_repair_median),
        figure("node repair, P95", &data.node_repair_p95),
        figure("lifetime", &data.lifetime),
    ];
    Some(format!("{word}: {}, {} per node, by {} ({})\n{}", data.title, data.per_node, data.vendor, data.vendor_nation, lines.join("\n")))
}

fn figure<Q: Quantity>(name: &str, figure: &Figure<Q>) -> String {
    let grade = match (figure.assumption, figure.verified) {
        (true, _) => ", assumption",
        (false, true) => "",
        (false, false) => ", not verified",
    };
    format!("  {name}: {} ({}, {}{grade})", display(figure.value), figure.source, figure.year)
}

fn model(word: &str) -> Option<String> {
    let data = library().models.get(word)?;
    Some(format!(
        "{word}: {}\n  {:.4e} parameters, {:.4e} of them active, {} bytes each ({}, {})\n  prompt of {} and answer of {} tokens on average ({})",
        data.title,
        data.parameters,
        data.active_parameters,
        data.bytes_per_parameter,
        data.source,
        data.year,
        data.prompt_tokens,
        data.output_tokens,
        data.lengths_source
    ))
}

/// Every word that can be explained.
fn known() -> Vec<String> {
    let codes = codes::all().iter().map(|code| code.code.to_owned());
    let keys =
        bastide_model::keys::TABLES.iter().flat_map(|table| table.keys.iter().map(move |key| format!("{}.{}", table.name, key.name)));
    let entries =
        library().accelerators.keys().chain(library().models.keys()).chain(devices().keys()).chain(architectures().keys()).cloned();
    codes.chain(keys).chain(entries).collect()
}
