//! Parameters of attention kernels: named for reading and writing, in a row for fitting.

use serde::{Deserialize, Serialize};

use crate::compute::Conformal;

/// Defines a struct of positive numbers with a value where fits start, and its conversion from and to a row of numbers.
macro_rules! parameters {
    ($(#[$about:meta])* $name:ident { $($(#[$each:meta])* $field:ident = $start:expr,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$each])* pub $field: f64,)*
        }

        impl $name {
            /// Where fits start.
            pub const START: Self = Self { $($field: $start),* };

            /// The parameters in a row.
            #[must_use]
            pub fn values(&self) -> Vec<f64> {
                vec![$(self.$field),*]
            }

            /// The parameters from a row; those that it lacks are where fits start.
            #[must_use]
            pub fn from_values(values: &[f64]) -> Self {
                let mut values = values.iter().copied();
                Self { $($field: values.next().unwrap_or($start)),* }
            }
        }
    };
}

parameters! {
    /// A decode kernel with a block of threads for each query head (masked multi-head attention): every query head reads the
    /// keys and values for itself. Times in microseconds on a multiprocessor of the Hopper generation.
    Single {
        /// Launch, and the first block's head and tail \[us\].
        launch = 3.0,
        /// A block \[us\].
        block = 5.0,
        /// A block, for each 128 numbers of a head \[us\].
        block_size = 0.3,
        /// First round trip to memory of a block that has many keys \[us\].
        first_load = 2.0,
        /// A key with its value, by one multiprocessor \[us\].
        key = 0.002,
        /// The same for each 128 numbers of a head \[us\].
        key_size = 0.006,
        /// Keys take so much longer in the wide blocks that are used where there are few heads.
        wide = 1.0,
        /// Share of the data sheet's memory bandwidth.
        memory = 0.88,
        /// Bandwidth of the last cache \[TB/s\] with 132 multiprocessors.
        cache = 3.0,
        /// How much of an uneven last wave the memory's time suffers: an exponent.
        imbalance = 0.7,
        /// Joining the parts of a sequence that was split \[us\].
        join = 1.0,
        /// The same for each part \[us\].
        join_part = 0.05,
    }
}

parameters! {
    /// A decode kernel with a block of threads for each key-value head, whose queries share a tile of the matrix units.
    /// Times in microseconds on a multiprocessor of the Hopper generation.
    Grouped {
        /// Launch and the first block \[us\].
        launch = 5.7,
        /// The same for each tile of eight queries beyond the first \[us\].
        launch_rows = 0.5,
        /// The same for each 128 numbers of a head \[us\].
        launch_size = 0.2,
        /// Heads of 64 have another launch: a factor.
        launch_small = 1.2,
        /// A block after the first on its multiprocessor \[us\].
        block = 2.0,
        /// The same for each 128 numbers of a head \[us\].
        block_size = 1.0,
        /// Share that each tile of eight queries beyond the first adds to a block.
        block_rows = 0.5,
        /// Heads of 64 have another block: a factor.
        block_small = 1.0,
        /// A key with its value \[us\].
        key = 0.002,
        /// The same for each 128 numbers of a head \[us\].
        key_size = 0.006,
        /// Share that each tile of eight queries beyond the first adds to a key.
        key_rows = 0.4,
        /// Heads above 128 take other tiles: a factor.
        large = 0.8,
        /// A block whose keys are all outside the window, as a share of a block.
        empty = 0.6,
        /// Share of the data sheet's memory bandwidth.
        memory = 0.9,
        /// Bandwidth of the last cache \[TB/s\] with 132 multiprocessors.
        cache = 4.0,
        /// How much of an uneven last wave the memory's time suffers: an exponent.
        imbalance = 0.5,
        /// Joining the parts of a sequence that was split \[us\].
        join = 1.0,
        /// The same for each part \[us\].
        join_part = 0.05,
    }
}

parameters! {
    /// A prefill kernel: tiles of 128 queries of a head walk over the keys; before it, queries, keys and values are rotated,
    /// converted and written to the cache. Times in microseconds on a multiprocessor of the Hopper generation.
    Tiled {
        /// Launches \[us\].
        launch = 13.0,
        /// Share of the data sheet's memory bandwidth while rotating and writing.
        memory = 0.8,
        /// Bandwidth of the last cache \[TB/s\] with 132 multiprocessors.
        cache = 4.0,
        /// Bytes moved for keys and values, as a share of reading and writing each in 16 bits.
        key_value = 0.7,
        /// A tile with heads of 64 \[us\].
        tile_64 = 3.0,
        /// A tile with heads of 128 \[us\].
        tile_128 = 3.0,
        /// A tile with heads of 256 \[us\].
        tile_256 = 3.0,
        /// Share of a tile's own time that a tile of few queries saves.
        partial = 0.6,
        /// A key for a tile, with heads of 64 \[us\].
        key_64 = 0.006,
        /// A key for a tile, with heads of 128 \[us\].
        key_128 = 0.008,
        /// A key for a tile, with heads of 192 \[us\].
        key_192 = 0.02,
        /// A key for a tile, with heads of 256 \[us\].
        key_256 = 0.016,
        /// The longest tile alone: a tile's own time, as a share.
        alone = 0.5,
        /// The longest tile alone: a key, as a share.
        alone_key = 1.0,
        /// Keys beyond window and tile that windowed tiles touch.
        margin = 64.0,
        /// A key takes so much longer where a window cuts.
        window = 1.5,
    }
}

pub(crate) use parameters;

/// Fitted kernel with how far rows that its fit had not seen lay from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted<T> {
    /// Interval with full attention.
    pub full: Conformal,
    /// Interval where a window cuts.
    pub windowed: Conformal,
    /// The kernel's parameters.
    pub kernel: T,
}

/// What is fitted of attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Where the parameters come from.
    pub provenance: String,
    /// Decode, a block for each query head, 16-bit cache.
    pub single_16bit: Fitted<Single>,
    /// Decode, a block for each query head, 8-bit cache.
    pub single_8bit: Fitted<Single>,
    /// Decode, a block for each key-value head, 16-bit cache.
    pub grouped_16bit: Fitted<Grouped>,
    /// Decode, a block for each key-value head, 8-bit cache.
    pub grouped_8bit: Fitted<Grouped>,
    /// Prefill, 16-bit products and cache.
    pub tiled_16bit: Fitted<Tiled>,
    /// Prefill, 16-bit queries and an 8-bit cache.
    pub tiled_mixed: Fitted<Tiled>,
    /// Prefill, 8-bit products and cache.
    pub tiled_8bit: Fitted<Tiled>,
}
