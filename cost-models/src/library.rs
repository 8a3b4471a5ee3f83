//! The tables of published figures: accelerators and models, each number with its source.

use std::sync::OnceLock;

use bastide_units::{Bandwidth, ComputeRate, DataSize, Duration, Money, Power, Quantity, Rate, Ratio};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

/// A published figure and where it comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Quantity")]
pub struct Figure<T> {
    /// The value.
    #[serde(deserialize_with = "quantity")]
    pub value: T,
    /// Who published it and where; for an assumption, the reasoning.
    pub source: String,
    /// Year that the figure is for.
    pub year: u16,
    /// Whether the source was read when the figure was typed.
    #[serde(default)]
    pub verified: bool,
    /// Whether this is our reasoning from other figures and not a published figure.
    #[serde(default)]
    pub assumption: bool,
}

/// Reads `"120 MW"` into its quantity.
pub(crate) fn quantity<'de, D: Deserializer<'de>, T: Quantity>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::parse(&text).map_err(|_| de::Error::custom(format!("`{text}` is not a {} such as `{}`", T::NAME, T::EXAMPLE)))
}

/// The same for a figure that may be absent.
pub(crate) fn optional_quantity<'de, D: Deserializer<'de>, T: Quantity>(deserializer: D) -> Result<Option<T>, D::Error> {
    quantity(deserializer).map(Some)
}

/// An accelerator type.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceleratorData {
    /// Name for people.
    pub title: String,
    /// Dense 16-bit peak [FLOP/s].
    pub peak: Figure<ComputeRate>,
    /// Memory (B).
    pub memory: Figure<DataSize>,
    /// Memory bandwidth [B/s].
    pub memory_bandwidth: Figure<Bandwidth>,
    /// IT power per accelerator with its share of host, network and storage (W).
    pub power: Figure<Power>,
    /// Share of `power` drawn when idle.
    pub idle_share: Figure<Ratio>,
    /// Price per accelerator with its share of host, network and storage (EUR).
    pub price: Figure<Money>,
    /// Accelerators per node: the unit that fails and is bought together.
    pub per_node: u32,
    /// Failures of one node [1/s].
    pub node_failure_rate: Figure<Rate>,
    /// Median of the time to repair a node (lognormal) (s).
    pub node_repair_median: Figure<Duration>,
    /// 95th percentile of the time to repair a node (lognormal) (s).
    pub node_repair_p95: Figure<Duration>,
    /// Years in service (s).
    pub lifetime: Figure<Duration>,
    /// Company that makes it.
    pub vendor: String,
    /// Home of the company.
    pub vendor_nation: String,
}

/// A language model, as served.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelData {
    /// Name for people.
    pub title: String,
    /// Its shape in the library of architectures.
    pub architecture: String,
    /// Parameters.
    pub parameters: f64,
    /// Parameters that one token uses; fewer than `parameters` in a mixture of experts.
    pub active_parameters: f64,
    /// Layers.
    pub layers: u32,
    /// Bytes of keys and values that one token of context keeps in memory, at the precision that it is served with.
    #[serde(deserialize_with = "quantity")]
    pub kv_per_token: DataSize,
    /// Bytes of one parameter in memory: 2 (16-bit), 1 (8-bit), 0.5 (4-bit).
    pub bytes_per_parameter: f64,
    /// Mean tokens of a request's prompt.
    pub prompt_tokens: f64,
    /// Mean tokens of its answer.
    pub output_tokens: f64,
    /// Where parameters, layers and keys and values come from.
    pub source: String,
    /// Where the lengths come from.
    pub lengths_source: String,
    /// Year of publication.
    pub year: u16,
    /// Whether the source was read when the figures were typed.
    pub verified: bool,
}

impl ModelData {
    /// Bytes of the weights (B).
    #[must_use]
    pub fn weights(&self) -> DataSize {
        DataSize::from_bytes(self.parameters * self.bytes_per_parameter)
    }
}

/// Every figure that comes with the program.
#[derive(Clone, Debug, PartialEq)]
pub struct Library {
    /// Accelerator types by name (`h100`), oldest first.
    pub accelerators: IndexMap<String, AcceleratorData>,
    /// Models by name (`llama-3-70b`), smallest first.
    pub models: IndexMap<String, ModelData>,
}

/// `data/accelerators.toml`: figures that all types share, and one table for each type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceleratorTable {
    shared: SharedFigures,
    accelerator: IndexMap<String, AcceleratorRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedFigures {
    idle_share: Figure<Ratio>,
    node_failure_rate: Figure<Rate>,
    node_repair_median: Figure<Duration>,
    node_repair_p95: Figure<Duration>,
    lifetime: Figure<Duration>,
}

/// One type; what it does not say is the shared figure.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceleratorRow {
    title: String,
    vendor: String,
    vendor_nation: String,
    per_node: u32,
    peak: Figure<ComputeRate>,
    memory: Figure<DataSize>,
    memory_bandwidth: Figure<Bandwidth>,
    power: Figure<Power>,
    price: Figure<Money>,
    idle_share: Option<Figure<Ratio>>,
    node_failure_rate: Option<Figure<Rate>>,
    node_repair_median: Option<Figure<Duration>>,
    node_repair_p95: Option<Figure<Duration>>,
    lifetime: Option<Figure<Duration>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    model: IndexMap<String, ModelData>,
}

impl AcceleratorRow {
    fn with(self, shared: &SharedFigures) -> AcceleratorData {
        AcceleratorData {
            title: self.title,
            peak: self.peak,
            memory: self.memory,
            memory_bandwidth: self.memory_bandwidth,
            power: self.power,
            idle_share: self.idle_share.unwrap_or_else(|| shared.idle_share.clone()),
            price: self.price,
            per_node: self.per_node,
            node_failure_rate: self.node_failure_rate.unwrap_or_else(|| shared.node_failure_rate.clone()),
            node_repair_median: self.node_repair_median.unwrap_or_else(|| shared.node_repair_median.clone()),
            node_repair_p95: self.node_repair_p95.unwrap_or_else(|| shared.node_repair_p95.clone()),
            lifetime: self.lifetime.unwrap_or_else(|| shared.lifetime.clone()),
            vendor: self.vendor,
            vendor_nation: self.vendor_nation,
        }
    }
}

fn parse(accelerators: &str, models: &str) -> Result<Library, toml::de::Error> {
    let table: AcceleratorTable = toml::from_str(accelerators)?;
    let models: ModelTable = toml::from_str(models)?;
    let accelerators = table.accelerator.into_iter().map(|(name, row)| (name, row.with(&table.shared))).collect();
    Ok(Library { accelerators, models: models.model })
}

/// The figures that come with the program, parsed once.
///
/// # Panics
/// Never: the tables are compiled in, and the tests parse them.
#[must_use]
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        parse(include_str!("../data/accelerators.toml"), include_str!("../data/models.toml"))
            // The tables are compiled in and the tests of this file parse them: no input of a user reaches this.
            .expect("the compiled-in tables parse")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accelerator_is_whole_and_plausible() {
        let accelerators = &library().accelerators;
        assert!(accelerators.len() >= 10);
        for (name, it) in accelerators {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
            assert!((50.0..5000.0).contains(&it.peak.value.as_tflop_per_s()), "{name}");
            assert!((16.0..400.0).contains(&it.memory.value.as_gb()), "{name}");
            assert!((200.0..10_000.0).contains(&it.memory_bandwidth.value.as_gb_per_s()), "{name}");
            assert!((0.05..3.0).contains(&it.power.value.as_kw()), "{name}");
            assert!((0.0..1.0).contains(&it.idle_share.value.value()), "{name}");
            assert!((1e3..1e5).contains(&it.price.value.as_eur()), "{name}");
            assert!(it.per_node >= 1 && it.per_node <= 72, "{name}");
            assert!(it.node_repair_p95.value > it.node_repair_median.value, "{name}");
        }
    }

    #[test]
    fn every_figure_says_where_it_comes_from() {
        for it in library().accelerators.values() {
            let figures = [
                (&it.peak.source, it.peak.verified, it.peak.assumption),
                (&it.memory.source, it.memory.verified, it.memory.assumption),
                (&it.memory_bandwidth.source, it.memory_bandwidth.verified, it.memory_bandwidth.assumption),
                (&it.power.source, it.power.verified, it.power.assumption),
                (&it.idle_share.source, it.idle_share.verified, it.idle_share.assumption),
                (&it.price.source, it.price.verified, it.price.assumption),
                (&it.node_failure_rate.source, it.node_failure_rate.verified, it.node_failure_rate.assumption),
                (&it.node_repair_median.source, it.node_repair_median.verified, it.node_repair_median.assumption),
                (&it.lifetime.source, it.lifetime.verified, it.lifetime.assumption),
            ];
            for (source, verified, assumption) in figures {
                assert!(source.len() > 10, "{}: `{source}`", it.title);
                assert!(!(verified && assumption), "{}: an assumption is not verified: `{source}`", it.title);
            }
        }
    }

    #[test]
    fn every_model_is_whole_and_plausible() {
        for (name, it) in &library().models {
            assert!(it.active_parameters <= it.parameters && it.active_parameters > 1e8, "{name}");
            let (_, shape) =
                crate::compute::architecture(&it.architecture).unwrap_or_else(|| panic!("{name}: no shape `{}`", it.architecture));
            assert!((shape.parameters / it.parameters - 1.0).abs() < 0.02, "{name}: {} {}", shape.parameters, it.parameters);
            // Whole bytes of one kept number: 1 or 2.
            let bytes = it.kv_per_token.as_bytes() / shape.kept_per_token();
            assert!((bytes - 1.0).abs() < 0.01 || (bytes - 2.0).abs() < 0.02, "{name}: {bytes}");
            assert!([0.5, 1.0, 2.0].contains(&it.bytes_per_parameter), "{name}");
            assert!(it.prompt_tokens > 0.0 && it.output_tokens > 0.0 && it.layers > 0, "{name}");
        }
    }

    #[test]
    fn a_figure_without_a_unit_is_refused() {
        let text = r#"value = "120"
source = "nobody knows"
year = 2025"#;
        let error = toml::from_str::<Figure<Power>>(text).unwrap_err().to_string();
        assert!(error.contains("`120` is not a power such as `120 MW`"), "{error}");
    }
}
