//! Tables of attention kernels: `calibration_attention.csv`.

mod fit;
pub(crate) mod least_squares;

use bastide_cost_models::compute::attention::{Circumstance, Heads, decode_attention, prefill_attention};
use bastide_cost_models::compute::{Format, Prediction};

use crate::library::find_device;
use crate::{Answer, Family, Row, Table};

pub use fit::fit_attention;

/// Time of attention kernels by accelerator, phase, formats, heads, batch and context.
pub struct AttentionFamily;

/// Prefill or decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Prompts.
    Context,
    /// One token of each request.
    Generation,
}

/// What a row asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// Prefill or decode.
    pub phase: Phase,
    /// Heads and formats.
    pub heads: Heads,
    /// Requests.
    pub batch: f64,
    /// Tokens of each.
    pub context: f64,
}

impl Question {
    /// Reads a row.
    ///
    /// # Errors
    /// Why the row cannot be answered.
    pub fn read(row: Row<'_>) -> Result<Self, String> {
        let phase = match row.get("phase") {
            Some("context" | "prefill") => Phase::Context,
            Some("generation" | "decode") => Phase::Generation,
            other => return Err(format!("phase `{}` is neither context nor generation", other.unwrap_or_default())),
        };
        let format = |column: &str| -> Result<Format, String> {
            let word = row.get(column).ok_or_else(|| format!("`{column}` is empty"))?;
            Format::parse(word).ok_or_else(|| format!("unknown format in `{column}`: {word}"))
        };
        let query = row.positive("num_heads")?;
        // Tables leave it out, or write 0, where every query head has its own keys.
        let key_value = match row.number("num_key_value_heads") {
            Some(count) if count > 0.0 => count,
            Some(count) if count < 0.0 => return Err(format!("`num_key_value_heads` is not a number above zero: {count}")),
            _ => query,
        };
        if key_value > query {
            return Err(format!("{key_value} key-value heads are more than {query} query heads"));
        }
        let window = row.number("window_size").filter(|size| *size > 0.0).unwrap_or(f64::INFINITY);
        let heads = Heads {
            query,
            key_value,
            size: row.positive("head_dim")?,
            window,
            cache: format("kv_cache_dtype")?,
            format: format("attn_dtype")?,
        };
        Ok(Self { phase, heads, batch: row.positive("batch_size")?, context: row.positive("context_len")? })
    }

    fn answer(&self, row: Row<'_>) -> Result<Prediction, String> {
        let name = row.get("accelerator").ok_or("`accelerator` is empty")?;
        let (_, device) = find_device(name)?;
        let mut it = match self.phase {
            Phase::Context => prefill_attention(device, self.heads, self.batch, self.context, 0.0, Circumstance::Table),
            Phase::Generation => decode_attention(device, self.heads, self.batch, self.context, Circumstance::Table),
        };
        for value in [&mut it.value, &mut it.low90, &mut it.high90] {
            *value *= 1e3;
        }
        Ok(it)
    }
}

impl Family for AttentionFamily {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["accelerator", "phase", "attn_dtype", "kv_cache_dtype", "batch_size", "context_len", "num_heads", "head_dim"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        vec![Answer {
            metric: "latency".into(),
            unit: "ms".into(),
            measured: row.number("latency_ms"),
            outcome: Question::read(row).and_then(|question| question.answer(row)),
        }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        fit_attention(table, |_| true).and_then(|library| toml::to_string(&library).ok())
    }
}

#[cfg(test)]
mod tests;
