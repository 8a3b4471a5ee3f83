//! Decode: one query token of each request over the keys and values that are kept.
//!
//! The schedule is the published one of TensorRT-LLM (NVIDIA, Apache-2.0), whose kernels the public tables measure:
//!
//! - blocks for each query head (`decoderMaskedMultiheadAttentionLaunch.h`): where there are few heads blocks grow from 256 to
//!   1,024 threads, and each sequence is split so that all multiprocessors have a block;
//! - blocks for each key-value head (`decoderXQAConstants.h`, `decoderXQAImplCommon.h`): at least 128 keys for a block, at most
//!   eight waves, and parts that grow with the square root of the sequence, since joining them takes time.
//!
//! Time is then waves times a block's time, or the memory's where that is longer.

use super::machine::{Machine, soft_max3};
use super::{Grouped, Single};

/// What one decode step of a layer reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Query heads.
    pub query: f64,
    /// Key-value heads.
    pub key_value: f64,
    /// Size of a head.
    pub size: f64,
    /// Bytes of a number in the cache.
    pub number: f64,
    /// Requests.
    pub batch: f64,
    /// Kept tokens of each.
    pub context: f64,
    /// Tokens that a query sees at most.
    pub window: f64,
    /// Whether keys and values may still be in the last cache.
    pub warm: bool,
}

/// Parts of a kernel's time \[us\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// Launch and the first block.
    pub launch: f64,
    /// Blocks on the multiprocessors.
    pub blocks: f64,
    /// Memory, beside the blocks.
    pub memory: f64,
    /// Joining the parts of split sequences.
    pub join: f64,
}

impl Parts {
    /// All in all: blocks and memory overlap \[us\].
    #[must_use]
    pub fn total(&self) -> f64 {
        self.launch + soft_max3(self.blocks, self.memory) + self.join
    }
}

impl Step {
    /// Tokens that a query sees.
    #[must_use]
    pub fn seen(&self) -> f64 {
        self.context.min(self.window)
    }

    /// Bytes of keys and values that must be read.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        2.0 * self.batch * self.seen() * self.key_value * self.size * self.number
    }

    fn memory(&self, machine: &Machine, share: f64, cache: f64) -> f64 {
        // Queries in and results out, 16 bits each.
        let ends = 4.0 * self.batch * self.query * self.size / (machine.bandwidth * share);
        machine.read(self.bytes(), share, cache, self.warm) + ends
    }

    /// Queries that share a key-value head.
    #[must_use]
    pub fn group(&self) -> f64 {
        self.query / self.key_value
    }

    /// Parts in which each sequence is split where blocks belong to key-value heads.
    #[must_use]
    pub fn splits(&self, multiprocessors: f64) -> f64 {
        const KEYS: f64 = 128.0;
        const WAVES: f64 = 8.0;
        let parts = (self.context / KEYS).floor();
        let parts = parts.min((8.0 * parts).sqrt().round()).max(1.0);
        let over = self.batch * self.key_value * parts / multiprocessors / WAVES;
        if over > 1.0 { (parts / over).floor().max(1.0) } else { parts }
    }
}

/// Waves of `blocks` (in units of what runs at once), whole where they are few: many level out.
fn waves(blocks: f64) -> f64 {
    if blocks > 6.0 { blocks + 0.5 } else { (blocks - 1e-9).ceil().max(1.0) }
}

impl Single {
    /// Time of a step.
    #[must_use]
    pub fn parts(&self, machine: &Machine, step: &Step) -> Parts {
        // Blocks of 256 threads that a multiprocessor's registers hold.
        const RESIDENT: f64 = 4.0;
        let slots = RESIDENT * machine.multiprocessors;
        let heads = step.batch * step.query;
        let factor = (slots / heads).ceil().clamp(1.0, RESIDENT);
        let factor = if factor == 3.0 { 2.0 } else { factor };
        // A thread takes eight numbers of a value; heads are padded to a power of two; eight keys are in flight for a thread.
        let threads_per_value = (step.size.max(1.0).log2().ceil().exp2() / 8.0).max(1.0);
        let keys_per_round = 256.0 * factor / threads_per_value * 8.0;
        let splits = (slots / factor / heads).ceil().min(((step.context + 1.0) / keys_per_round).ceil()).max(1.0);
        let keys = step.seen() / splits;
        let size = step.size / 128.0;
        let width = if factor > 1.0 { self.wide } else { 1.0 };
        let block = self.block
            + self.block_size * size
            + self.first_load * (keys / 32.0).min(1.0)
            + (self.key + self.key_size * size) * keys * RESIDENT / factor * width;
        let blocks = heads * splits * factor / slots;
        let waves = if blocks > 1e6 { blocks } else { (blocks - 1e-9).ceil().max(1.0) };
        let uneven = if blocks > 1.0 { (waves / blocks).powf(self.imbalance) } else { 1.0 };
        Parts {
            launch: self.launch * machine.launch,
            blocks: waves * block * machine.pace,
            memory: step.memory(machine, self.memory, self.cache) * uneven,
            join: if splits > 1.0 { (self.join + self.join_part * splits) * machine.pace } else { 0.0 },
        }
    }
}

impl Grouped {
    /// Time of a step with the kernel of an 8-bit cache, which keeps two or three blocks on a multiprocessor, or the one of a
    /// 16-bit cache, which keeps one.
    #[must_use]
    pub fn parts(&self, machine: &Machine, step: &Step, eight_bit: bool) -> Parts {
        let heads = step.batch * step.key_value;
        let rows = ((step.group() / 8.0).ceil() - 1.0).max(0.0);
        // The 8-bit kernel has tiles of 64, 128 and 256 numbers of a head.
        let size = if eight_bit && step.size > 128.0 { (step.size / 256.0).ceil() * 2.0 } else { step.size / 128.0 };
        let small = step.size <= 64.0;
        let splits = step.splits(machine.multiprocessors);
        let keys = step.seen().min((step.context / splits).max(1.0));
        let busy = (step.seen() / keys).ceil().min(splits);
        let wide_large = size > 1.0 && rows > 0.0;
        let (resident, large) = match (eight_bit, wide_large) {
            (false, _) => (1.0, if size > 1.0 { self.large } else { 1.0 }),
            (true, true) => (1.0, self.large),
            (true, false) => (if small { 3.0 } else { 2.0 }, 1.0),
        };
        let block =
            (self.block + self.block_size * size) * (1.0 + self.block_rows * rows) * large * if small { self.block_small } else { 1.0 };
        let key = (self.key + self.key_size * size) * (1.0 + self.key_rows * rows) * large;
        let blocks = heads * (busy + self.empty * (splits - busy)) / (machine.multiprocessors * resident);
        let waves = waves(blocks);
        let uneven = if blocks > 1.0 { (waves / blocks).powf(self.imbalance) } else { 1.0 };
        let launch = self.launch + self.launch_rows * rows + self.launch_size * (size - 0.5);
        Parts {
            launch: launch * if small { self.launch_small } else { 1.0 } * machine.launch,
            blocks: ((waves - 1.0) * block + waves * key * keys) * machine.pace,
            memory: step.memory(machine, self.memory, self.cache) * uneven,
            join: if splits > 1.0 { (self.join + self.join_part * splits) * machine.pace } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::device;

    fn step(query: f64, key_value: f64, batch: f64, context: f64) -> Step {
        Step { query, key_value, size: 128.0, number: 2.0, batch, context, window: f64::INFINITY, warm: false }
    }

    #[test]
    fn sequences_are_split_as_published() {
        // 1,024 keys are eight parts of 128, and sqrt(8 x 8) = 8 allows them; 8 x 8 blocks are less than eight waves of 132.
        assert_eq!(step(64.0, 8.0, 1.0, 1024.0).splits(132.0), 8.0);
        // 131,072 keys would be 1,024 parts; sqrt(8 x 1024) = 90.5 allows 91; 8 x 91 = 728 blocks are less than 1,056.
        assert_eq!(step(64.0, 8.0, 1.0, 131_072.0).splits(132.0), 91.0);
        // Four times as many heads: 2,912 / 1,056 = 2.76 too many, 91 / 2.76 = 33.0.
        assert_eq!(step(64.0, 8.0, 4.0, 131_072.0).splits(132.0), 33.0);
        assert_eq!(step(64.0, 8.0, 256.0, 64.0).splits(132.0), 1.0);
    }

    #[test]
    fn blocks_fill_waves() {
        let machine = Machine::of(device("h200").unwrap().1);
        let kernel = Single {
            launch: 3.0,
            block: 5.0,
            block_size: 0.0,
            first_load: 0.0,
            key: 0.0,
            key_size: 0.0,
            wide: 1.0,
            memory: 1.0,
            cache: 1.0,
            imbalance: 0.0,
            join: 1.0,
            join_part: 0.0,
        };
        // 1,024 blocks of 256 threads, four on each of 132 multiprocessors: two waves of 5 us.
        assert_eq!(kernel.parts(&machine, &step(8.0, 8.0, 128.0, 1.0)).blocks, 10.0);
        // 384 blocks are 512 threads wide, two on a multiprocessor: 264 at once, two waves again.
        assert_eq!(kernel.parts(&machine, &step(24.0, 24.0, 16.0, 1.0)).blocks, 10.0);
        // 32 blocks of 1,024 threads; over 4,096 keys of 512 a round each sequence has ceil(132 / 32) = 5 parts: 160 blocks
        // on 132 multiprocessors are two waves, and parts must be joined.
        let parts = kernel.parts(&machine, &step(32.0, 32.0, 1.0, 4096.0));
        assert_eq!((parts.blocks, parts.join), (10.0, 1.0));
    }
}
