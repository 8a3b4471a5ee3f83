//! Tables of collectives: `calibration_collectives.csv`.

mod fit;

use bastide_cost_models::compute::Prediction;
use bastide_cost_models::compute::collective::{Collective, Exchange, Fabric, Implementation, collective};

use crate::library::find_device;
use crate::{Answer, Family, Row, Table};

pub use fit::fit_collectives;

/// Time of collectives inside a node by accelerator, operation, implementation, members and bytes.
pub struct CollectivesFamily;

/// What a row asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// The operation.
    pub operation: Collective,
    /// Who implements it.
    pub by: Implementation,
    /// Buffer, members and numbers.
    pub exchange: Exchange,
}

impl Question {
    /// Reads a row.
    ///
    /// # Errors
    /// Why the row cannot be answered.
    pub fn read(row: Row<'_>) -> Result<Self, String> {
        let word = row.get("op_name").unwrap_or_default().to_ascii_lowercase().replace(['-', ' '], "_");
        let operation = match word.as_str() {
            "all_reduce" | "allreduce" => Collective::AllReduce,
            "all_gather" | "allgather" => Collective::AllGather,
            "reduce_scatter" | "reducescatter" => Collective::ReduceScatter,
            "alltoall" | "all_to_all" => Collective::AllToAll,
            "send_recv" | "sendrecv" | "p2p" => Collective::SendReceive,
            other => return Err(format!("unknown operation: `{other}`")),
        };
        let by = if row.get("impl").is_some_and(|name| name.to_ascii_lowercase().contains("custom")) {
            Implementation::Engine
        } else {
            Implementation::Library
        };
        let number = match row.get("dtype").unwrap_or("half") {
            "int8" | "uint8" | "fp8" => 1.0,
            "float" | "float32" | "fp32" => 4.0,
            _ => 2.0,
        };
        let members = row.positive("num_gpus")?;
        if members < 2.0 {
            return Err(format!("a collective needs two members or more, not {members}"));
        }
        // The message is counted in numbers, the buffer in bytes.
        let bytes = match row.number("bytes") {
            Some(bytes) if bytes > 0.0 => bytes,
            _ => row.positive("message_size")? * number,
        };
        Ok(Self { operation, by, exchange: Exchange { bytes, members, number } })
    }

    fn answer(&self, row: Row<'_>) -> Result<Prediction, String> {
        let name = row.get("accelerator").ok_or("`accelerator` is empty")?;
        let (_, device) = find_device(name)?;
        let mut it = collective(device, self.operation, self.exchange, Fabric::ScaleUp, self.by);
        for value in [&mut it.value, &mut it.low90, &mut it.high90] {
            *value *= 1e6;
        }
        Ok(it)
    }
}

impl Family for CollectivesFamily {
    fn name(&self) -> &'static str {
        "collectives"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["accelerator", "op_name", "impl", "dtype", "num_gpus", "message_size", "bytes"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        vec![Answer {
            metric: "latency".into(),
            unit: "us".into(),
            measured: row.number("latency_us"),
            outcome: Question::read(row).and_then(|question| question.answer(row)),
        }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        fit_collectives(table, |_, _| true).and_then(|it| toml::to_string(&it).ok())
    }
}

#[cfg(test)]
mod tests;
