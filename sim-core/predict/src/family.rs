//! Kinds of tables and how their rows are answered.

use bastide_cost_models::compute::Prediction;

use crate::{Row, Table, TableError};

/// What a table's row asks, what was measured, and what we say.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What is asked: `tpot`, `MFU`, `latency`.
    pub metric: String,
    /// Unit of measured and predicted value.
    pub unit: String,
    /// What the table says that was measured.
    pub measured: Option<f64>,
    /// Our value in the same unit, or why the row is not supported.
    pub outcome: Result<Prediction, String>,
}

/// A kind of table.
pub trait Family: Sync {
    /// Its name: `gemm`.
    fn name(&self) -> &'static str;
    /// Columns that it needs, measured ones not among them; a table is of the first kind whose columns it has all.
    fn columns(&self) -> &'static [&'static str];
    /// Answers a row: one answer, or one for each measured column.
    fn answer(&self, row: Row<'_>) -> Vec<Answer>;
    /// Whether the row counts in the summary.
    fn scored(&self, row: Row<'_>) -> bool {
        row.get("quality_flag").is_none() && row.get("verified") != Some("no")
    }
    /// Fits the parameters on the rows that are not left out, as the TOML text of `cost-models/data/throughput/<name>.toml`;
    /// `None` where the family has nothing to fit.
    fn fit(&self, table: &Table) -> Option<String>;
}

/// Every kind of table, most particular columns first.
#[must_use]
pub fn families() -> &'static [&'static dyn Family] {
    &[
        // One line for each kind.
        &crate::inference::Inference,
        &crate::silicon::Silicon,
        &crate::steps::Steps,
        &crate::training::Training,
        &crate::distributed::Distributed,
        &crate::attention::AttentionFamily,
        &crate::collectives::CollectivesFamily,
        &crate::gemm::Gemm,
        &crate::replay::table::Unread,
    ]
}

/// The kind of a table.
///
/// # Errors
/// [`TableError::UnknownColumns`] with the nearest kind.
pub fn family_of(table: &Table) -> Result<&'static dyn Family, TableError> {
    let missing = |family: &dyn Family| -> Vec<&'static str> {
        family.columns().iter().copied().filter(|column| !table.columns().any(|name| name == *column)).collect()
    };
    families().iter().copied().min_by_key(|family| missing(*family).len()).ok_or(TableError::Empty).and_then(|family| {
        match missing(family) {
            missing if missing.is_empty() => Ok(family),
            missing => Err(TableError::UnknownColumns { nearest: family.name(), missing: missing.join(", ") }),
        }
    })
}
