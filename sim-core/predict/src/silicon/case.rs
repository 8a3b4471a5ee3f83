//! A row as a question.

use bastide_cost_models::compute::serving::{Lengths, Parameters, Practice};
use bastide_cost_models::compute::{Architecture, Deployment, Device, Engine, Format, Generation, Layout};

use crate::Row;
use crate::library::{find_architecture, find_device};

/// What a row asks.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub device: &'static Device,
    pub architecture: &'static Architecture,
    pub engine: Engine,
    pub weights: Format,
    pub experts: Format,
    pub cache: Format,
    pub lengths: Lengths,
    /// The longest prompt.
    pub nominal_prompt: f64,
    pub concurrency: f64,
    pub drafting: Drafting,
    /// Years that the software is older than what the parameters describe.
    pub age: f64,
    pub prefill: Option<Workers>,
    pub decode: Workers,
}

/// Whether a run drafts tokens with the model's own extra layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drafting {
    Yes,
    No,
    Unknown,
}

/// Replicas of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workers {
    pub layout: Layout,
    /// How many; `None` where the row does not say.
    pub count: Option<f64>,
}

/// Mean length of prompts and answers over the length that a benchmark names: its requests are drawn evenly from 80 to 100 %
/// of it (InferenceX, `random-range-ratio` 0.8).
const RANGE_MEAN: f64 = 0.9;

/// Requests at once above which the decode workers of InferenceX's disaggregated recipes have data-parallel attention.
const WIDE_FROM: f64 = 200.0;

/// The same devices with attention data-parallel and experts over all.
fn data_parallel(it: Layout, architecture: &Architecture) -> Layout {
    if it.data > 1.0 {
        return it;
    }
    let expert = if architecture.experts.is_some() { it.tensor } else { 1.0 };
    Layout { tensor: 1.0, data: it.tensor, expert, ..it }
}

impl Case {
    pub(super) fn read(row: Row<'_>) -> Result<Self, String> {
        let text = |column: &str| row.get(column).ok_or_else(|| format!("`{column}` is empty"));
        let name = text("model")?;
        let (model, architecture) = find_architecture(name)?;
        let name = text("accelerator")?;
        let (_, device) = find_device(name)?;
        let engine = Engine::parse(text("backend")?);
        let format = |column: &str| {
            let word = row.get(column).or(row.get("precision")).ok_or_else(|| format!("`{column}` and `precision` are empty"))?;
            Format::parse(word).ok_or_else(|| format!("no number format `{word}`"))
        };
        let (mut weights, mut experts) = (format("gemm_quant_mode")?, format("moe_quant_mode")?);
        if row.get("precision") == Some("bf16") {
            (weights, experts) = (Format::Bf16, Format::Bf16);
        }
        let (prompt, output) = (row.positive("isl")?, row.positive("osl")?);
        // Lengths that are powers of two from 1,024 are InferenceX's.
        let drawn = [1024.0, 8192.0].contains(&prompt) && [1024.0, 8192.0].contains(&output);
        let mean = if drawn { RANGE_MEAN } else { 1.0 };
        let lengths = Lengths { prompt: prompt * mean, output: output * mean };
        let concurrency = row.positive("concurrency").or_else(|_| row.positive("batch_size"))?;
        let workers = |prefix: &str| -> Result<Workers, String> {
            let degree = |column: &str| row.number(&format!("{prefix}{column}")).unwrap_or(1.0);
            row.positive(&format!("{prefix}tp_size"))?;
            let mut layout = Layout {
                tensor: degree("tp_size"),
                pipeline: degree("pp_size"),
                expert: degree("moe_ep_size"),
                data: degree("attention_dp_size"),
            };
            // Where experts are said to be cut both ways, the table multiplied attention's degree by the experts'.
            if drawn && degree("moe_tp_size") > 1.0 && layout.expert > 1.0 && prefix.is_empty() {
                if layout.data > 1.0 {
                    layout.data /= layout.expert;
                } else {
                    layout.tensor /= layout.expert;
                }
            }
            // Groups of data-parallel attention are as many as devices in these tables, where both degrees are given.
            if drawn && layout.tensor > 1.0 && layout.tensor == layout.data && layout.expert == layout.tensor * layout.data {
                layout = Layout { tensor: 1.0, pipeline: layout.pipeline, expert: layout.data, data: layout.data };
            }
            layout.check().map_err(|error| error.0)?;
            Ok(Workers { layout, count: row.number(&format!("{prefix}num_workers")).filter(|count| *count >= 1.0) })
        };
        let (prefill, decode) = match row.get("mode") {
            Some("disagg") => {
                let (mut prefill, mut decode) = (workers("prefill_")?, workers("decode_")?);
                if drawn {
                    // The table lists no data-parallel attention of disaggregated runs; their recipes have it for throughput.
                    let wide = concurrency > WIDE_FROM || decode.layout.tensor >= 16.0;
                    let long = device.generation == Generation::Hopper && prompt > 4096.0;
                    if wide {
                        decode.layout = data_parallel(decode.layout, architecture);
                    }
                    if wide || (engine != Engine::Sglang && !long) {
                        prefill.layout = data_parallel(prefill.layout, architecture);
                    }
                }
                (Some(prefill), decode)
            }
            _ => (None, workers("")?),
        };
        // Drafts by the model's own extra layer (DeepSeek-AI 2024, section 2.2) in InferenceX's runs of TensorRT-LLM.
        let version = row.get("backend_version").unwrap_or_default();
        // Engines' defaults and the flags of published runs: 8 bits with TensorRT-LLM and on Blackwell.
        let cache = match (engine, device.generation) {
            (Engine::TrtLlm, _) | (_, Generation::Blackwell) => Format::Fp8,
            _ => Format::Bf16,
        };
        let age = row.get("measured_date").and_then(year).map_or(0.0, |year| Practice::EPOCH - year);
        let drafts = model == "deepseek-v3" && engine != Engine::Vllm;
        let drafting = match (&prefill, drafts) {
            (Some(_), true) => Drafting::Unknown,
            (None, true)
                if engine == Engine::TrtLlm
                    && (version.starts_with("1.2.0rc6.post3")
                        || (version.starts_with("1.1.0rc2") && row.get("measured_date") >= Some("2026-01"))) =>
            {
                Drafting::Yes
            }
            _ => Drafting::No,
        };
        Ok(Self {
            device,
            architecture,
            engine,
            weights,
            experts,
            cache,
            lengths,
            nominal_prompt: prompt,
            concurrency,
            drafting,
            age,
            prefill,
            decode,
        })
    }

    pub(super) fn deployment<'a>(&self, layout: Layout, parameters: &'a Parameters) -> Deployment<'a> {
        Deployment {
            device: self.device,
            architecture: self.architecture,
            weights: self.weights,
            experts: self.experts,
            cache: self.cache,
            layout,
            engine: self.engine,
            parameters,
        }
    }
}

/// The year of `2025-11-02` with its fraction.
fn year(date: &str) -> Option<f64> {
    let mut parts = date.split('-').map(|part| part.parse::<f64>().ok());
    let (year, month) = (parts.next()??, parts.next().flatten().unwrap_or(7.0));
    (2000.0..2100.0).contains(&year).then_some(year + (month - 0.5).clamp(0.0, 12.0) / 12.0)
}
