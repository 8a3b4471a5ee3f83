//! Prefill: the tokens of prompts over themselves and what was kept before (tiles as in Dao et al. 2022, FlashAttention).

use super::Tiled;
use super::decode::Parts;
use super::machine::{Machine, soft_max4};

/// Queries of a tile.
const TILE: f64 = 128.0;

/// Prompts of one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prompt {
    /// Query heads.
    pub query: f64,
    /// Key-value heads.
    pub key_value: f64,
    /// Size of a head.
    pub size: f64,
    /// Bytes of a number in the cache.
    pub number: f64,
    /// Bytes of a number of the products.
    pub operand: f64,
    /// Prompts.
    pub batch: f64,
    /// New tokens of each.
    pub length: f64,
    /// Tokens of each that are already kept.
    pub past: f64,
    /// Tokens that a query sees at most.
    pub window: f64,
    /// Whether what was just computed may still be in the last cache.
    pub warm: bool,
}

impl Prompt {
    /// Whether the window cuts.
    #[must_use]
    pub fn windowed(&self) -> bool {
        self.window < self.past + self.length
    }

    /// Keys that a tile touches on average, and at most.
    #[must_use]
    pub fn keys(&self, margin: f64) -> (f64, f64) {
        let all = self.past + self.length;
        let reach = self.window + TILE + margin;
        if !self.windowed() || reach >= all {
            let longest = if self.windowed() { all.min(reach) } else { all };
            return (self.past + f64::midpoint(self.length, TILE), longest);
        }
        // Queries at `past .. all` see their position's keys up to the reach, then the reach.
        let growing = (reach - self.past).max(0.0);
        let sum = if growing > 0.0 { self.past * growing + growing * growing / 2.0 } else { 0.0 };
        ((sum + reach * (self.length - growing)) / self.length, reach)
    }
}

impl Tiled {
    /// Time of prompts with 8-bit or 16-bit products.
    #[must_use]
    pub fn parts(&self, machine: &Machine, prompt: &Prompt, eight_bit: bool) -> Parts {
        let tokens = prompt.batch * prompt.length;
        // Queries are read, written converted, and their results written; keys and values are read and written.
        let bytes = tokens
            * prompt.size
            * ((4.0 + prompt.operand) * prompt.query + self.key_value * (4.0 + 2.0 * prompt.number) * prompt.key_value);
        let rotate = machine.read(bytes, self.memory, self.cache, prompt.warm);
        let size = prompt.size;
        let tile = if size <= 64.0 {
            self.tile_64
        } else if size <= 128.0 {
            self.tile_64 + (self.tile_128 - self.tile_64) * (size / 64.0 - 1.0)
        } else {
            self.tile_128 + (self.tile_256 - self.tile_128) * (size / 64.0 - 2.0).min(1.0)
        };
        let key = if size <= 64.0 {
            self.key_64 * (size / 64.0).max(0.5)
        } else if size <= 128.0 {
            self.key_64 + (self.key_128 - self.key_64) * (size / 64.0 - 1.0)
        } else if size <= 192.0 {
            self.key_128 + (self.key_192 - self.key_128) * (size / 64.0 - 2.0)
        } else if size <= 256.0 {
            self.key_192 + (self.key_256 - self.key_192) * (size / 64.0 - 3.0)
        } else {
            self.key_256 * size / 256.0
        };
        let tile = tile * (1.0 - self.partial.min(1.0) * (1.0 - prompt.length.min(TILE) / TILE)) * machine.pace;
        let product = if eight_bit { machine.product_8bit } else { machine.product_16bit };
        let key = key * product * if prompt.windowed() { self.window } else { 1.0 };
        let (mean, longest) = prompt.keys(self.margin);
        let tiles = prompt.batch * prompt.query * (prompt.length / TILE).ceil() / machine.multiprocessors;
        let blocks = soft_max4(tiles * (tile + key * mean), self.alone * tile + self.alone_key * key * longest);
        // Rotating comes before: it does not overlap.
        Parts { launch: self.launch * machine.launch + rotate, blocks, memory: 0.0, join: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tiles_by_hand() {
        let prompt = |length, past, window| Prompt {
            query: 1.0,
            key_value: 1.0,
            size: 128.0,
            number: 2.0,
            operand: 2.0,
            batch: 1.0,
            length,
            past,
            window,
            warm: false,
        };
        // Eight tiles of 128 see 128, 256 .. 1024 keys: 576 on average.
        assert_eq!(prompt(1024.0, 0.0, f64::INFINITY).keys(0.0), (576.0, 1024.0));
        // And 1,000 more where so many were kept before.
        assert_eq!(prompt(1024.0, 1000.0, f64::INFINITY).keys(0.0), (1576.0, 2024.0));
        // Far beyond a window all tiles see window and tile.
        assert_eq!(prompt(1024.0, 10_000.0, 128.0).keys(0.0), (256.0, 256.0));
        // Within: keys grow to 256 over the first 256 tokens (128 on average), then stay: (128 x 256 + 256 x 768) / 1024.
        assert_eq!(prompt(1024.0, 0.0, 128.0).keys(0.0), (224.0, 256.0));
    }
}
