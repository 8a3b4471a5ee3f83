//! Number formats of weights, activations, and keys and values.

/// A number format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// 4-bit floating point with a scale per block (NVFP4, MXFP4).
    Fp4,
    /// 4-bit integers, for weights alone: products run in 16 bits (AWQ, GPTQ, Q4_K_M).
    Int4,
    /// 8-bit floating point, one scale for each tensor or channel.
    Fp8,
    /// 8-bit floating point with a scale per block of 128 (DeepSeek, MXFP8).
    Fp8Block,
    /// 8-bit integers.
    Int8,
    /// 16 bits: bfloat16 or half.
    Bf16,
    /// 32 bits.
    Fp32,
}

impl Format {
    /// Bytes of one number in memory, its share of the block's scales included.
    #[must_use]
    pub fn bytes(self) -> f64 {
        match self {
            // 4 bits and an 8-bit scale for every 16 numbers.
            Self::Fp4 => 0.5 + 1.0 / 16.0,
            // 4 bits and a 16-bit scale for every 32 numbers.
            Self::Int4 => 0.5 + 1.0 / 16.0,
            Self::Fp8 | Self::Int8 => 1.0,
            // A 32-bit scale for every 128 x 128 block is nothing.
            Self::Fp8Block => 1.0,
            Self::Bf16 => 2.0,
            Self::Fp32 => 4.0,
        }
    }

    /// Reads the words that published tables use: `bfloat16`, `fp8_block`, `nvfp4`, `int4_wo`, `FP8`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word: String = word.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Some(match word.as_str() {
            "fp4" | "nvfp4" | "mxfp4" | "w4a4" | "w4a8_mxfp4" | "mxfp4_nvfp4" | "w4a16_mxfp4" => Self::Fp4,
            "int4" | "int4_wo" | "w4a16" | "awq" | "gptq" | "w4a16_awq" | "w4afp8" => Self::Int4,
            "fp8" | "float8" | "e4m3" | "fp8_ootb" | "fp8_static" | "w8a8" | "float8_tensorwise" | "float8_rowwise" | "amp_fp8" => {
                Self::Fp8
            }
            "fp8_block" | "mxfp8" | "fp8_blockwise" => Self::Fp8Block,
            "int8" | "int8_wo" | "sq" => Self::Int8,
            "bf16" | "bfloat16" | "fp16" | "float16" | "half" | "amp_bf16" | "mixed" | "bf16/fp16_mixed" => Self::Bf16,
            "fp32" | "float32" | "tf32" => Self::Fp32,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_published_tables_are_known() {
        for (word, format) in [("nvfp4", Format::Fp4), ("FP8", Format::Fp8), ("fp8_block", Format::Fp8Block), ("bfloat16", Format::Bf16)] {
            assert_eq!(Format::parse(word), Some(format));
        }
        assert_eq!(Format::parse("vendor choice (fp8/fp4)"), None);
    }
}
