//! Data sheets of accelerators.

use std::sync::OnceLock;

use bastide_units::{Bandwidth, ComputeRate, DataSize, Power};
use indexmap::IndexMap;
use serde::Deserialize;

use super::Format;
use crate::library::{optional_quantity, quantity};

/// Family of chips that share an architecture, and with it how far kernels reach the data sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of the vendors' architectures say what they are")]
pub enum Generation {
    Volta,
    Turing,
    Ampere,
    Ada,
    Hopper,
    Blackwell,
    BlackwellRtx,
    Cdna2,
    Cdna3,
    Cdna4,
    Gaudi,
    Xe2,
    Tpu,
    Trainium,
    Apple,
    Ascend,
}

/// What a data sheet says of an accelerator. Peaks are dense.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Name for people.
    pub title: String,
    /// Company that makes it.
    pub vendor: String,
    /// Chip architecture.
    pub generation: Generation,
    /// Other names: `H100-SXM-80GB`, `h100_sxm`.
    pub aliases: Vec<String>,
    /// Memory (B).
    #[serde(deserialize_with = "quantity")]
    pub memory: DataSize,
    /// Memory bandwidth [B/s].
    #[serde(deserialize_with = "quantity")]
    pub memory_bandwidth: Bandwidth,
    /// Peak with 16-bit numbers [FLOP/s].
    #[serde(deserialize_with = "quantity")]
    pub peak_16bit: ComputeRate,
    /// Peak with 8-bit floating point [FLOP/s]; absent where the chip has none.
    #[serde(default, deserialize_with = "optional_quantity")]
    pub peak_fp8: Option<ComputeRate>,
    /// Peak with 4-bit floating point [FLOP/s]; absent where the chip has none.
    #[serde(default, deserialize_with = "optional_quantity")]
    pub peak_fp4: Option<ComputeRate>,
    /// Peak with 8-bit integers [FLOP/s]; absent where the chip has none.
    #[serde(default, deserialize_with = "optional_quantity")]
    pub peak_int8: Option<ComputeRate>,
    /// Power limit of the board (W).
    #[serde(deserialize_with = "quantity")]
    pub board_power: Power,
    /// Last cache before memory (B).
    #[serde(deserialize_with = "quantity")]
    pub cache: DataSize,
    /// Streaming multiprocessors, compute units or cores that share the matrix work.
    pub multiprocessors: u32,
    /// Bandwidth to the other accelerators of its scale-up domain (NVLink, xGMI, ICI; PCIe where there is no other),
    /// each direction [B/s].
    #[serde(deserialize_with = "quantity")]
    pub scale_up_bandwidth: Bandwidth,
    /// Accelerators of a scale-up domain.
    pub scale_up_domain: u32,
    /// Bandwidth to the host, each direction [B/s].
    #[serde(deserialize_with = "quantity")]
    pub host_bandwidth: Bandwidth,
    /// Share of the reference server's network, each direction [B/s].
    #[serde(deserialize_with = "quantity")]
    pub scale_out_bandwidth: Bandwidth,
    /// Where the figures come from.
    pub source: String,
    /// Year of the product.
    pub year: u16,
    /// Whether the source was read when the figures were typed.
    pub verified: bool,
}

impl Device {
    /// Peak of matrix products in a format [FLOP/s]: the widest unit that the chip has for it. Formats without a unit run
    /// in the next wider one (8-bit weights on an A100 multiply in 16 bits).
    #[must_use]
    pub fn peak(&self, format: Format) -> ComputeRate {
        let fp8 = self.peak_fp8.unwrap_or(self.peak_16bit);
        match format {
            Format::Fp4 => self.peak_fp4.unwrap_or(fp8),
            Format::Fp8 | Format::Fp8Block => fp8,
            Format::Int8 => self.peak_int8.unwrap_or(self.peak_16bit),
            Format::Int4 | Format::Bf16 => self.peak_16bit,
            // TF32 units run at half the 16-bit rate on every chip that has them (A100, H100 data sheets).
            Format::Fp32 => self.peak_16bit * 0.5,
        }
    }

    /// Operations per byte at which 16-bit products turn from waiting for memory to waiting for the matrix units.
    #[must_use]
    pub fn balance(&self, format: Format) -> f64 {
        self.peak(format).as_flop_per_s() / (self.memory_bandwidth.as_gb_per_s() * 1e9)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    device: IndexMap<String, Device>,
}

/// Every data sheet by its name (`h100`).
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn devices() -> &'static IndexMap<String, Device> {
    static DEVICES: OnceLock<IndexMap<String, Device>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        let table: Table = toml::from_str(include_str!("../../data/devices.toml"))
            // The table is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in table parses");
        table.device
    })
}

/// Letters and digits in lower case: `H100-SXM-80GB` and `h100_sxm_80gb` are the same name.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The data sheet of a name or alias, however it is punctuated, with its name in the library.
#[must_use]
pub fn device(name: &str) -> Option<(&'static str, &'static Device)> {
    static NAMES: OnceLock<IndexMap<String, usize>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        devices()
            .iter()
            .enumerate()
            .flat_map(|(index, (key, it))| {
                std::iter::once(key).chain(&it.aliases).map(move |name| (plain(name), index)).collect::<Vec<_>>()
            })
            .collect()
    });
    names.get(&plain(name)).and_then(|index| devices().get_index(*index)).map(|(key, it)| (key.as_str(), it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_sheet_is_plausible() {
        for (name, it) in devices() {
            assert!(it.source.len() > 10, "{name}");
            let fp8 = it.peak(Format::Fp8).as_tflop_per_s() / it.peak_16bit.as_tflop_per_s();
            assert!((1.0..=2.05).contains(&fp8), "{name}: {fp8}");
            assert!((10.0..1000.0).contains(&it.balance(Format::Bf16)), "{name}: {}", it.balance(Format::Bf16));
            assert!(it.multiprocessors > 0 && it.scale_up_domain > 0, "{name}");
        }
    }

    #[test]
    fn a_device_is_found_by_any_of_its_names() {
        for name in ["h100", "H100-SXM-80GB", "h100_sxm", "H100 SXM 80GB"] {
            assert_eq!(device(name).map(|it| it.0), Some("h100"), "{name}");
        }
        assert!(device("h101").is_none());
    }

    #[test]
    fn no_two_devices_share_a_name() {
        let mut names: Vec<String> =
            devices().iter().flat_map(|(key, it)| std::iter::once(key).chain(&it.aliases).map(|name| plain(name))).collect();
        names.sort();
        // A key may repeat one of its own aliases in another punctuation.
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            let owners = devices().iter().filter(|(key, it)| std::iter::once(*key).chain(&it.aliases).any(|name| plain(name) == pair[0]));
            assert_eq!(owners.count(), 1, "{}", pair[0]);
        }
    }
}
