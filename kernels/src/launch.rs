//! How each kernel of `cuda/` is launched: pure data, so that a device and the emulation of the tests run the same launches.

/// The sources, by the name of their file.
pub(crate) const SOURCES: [(&str, &str); 5] = [
    ("memory.cu", concat!(include_str!("../cuda/common.cu"), include_str!("../cuda/memory.cu"))),
    ("decode.cu", concat!(include_str!("../cuda/common.cu"), include_str!("../cuda/decode.cu"))),
    ("prefill.cu", concat!(include_str!("../cuda/common.cu"), include_str!("../cuda/prefill.cu"))),
    ("backward.cu", concat!(include_str!("../cuda/common.cu"), include_str!("../cuda/backward.cu"))),
    ("layer.cu", concat!(include_str!("../cuda/common.cu"), include_str!("../cuda/layer.cu"))),
];

/// The names of the kernels of a source.
pub(crate) fn kernels(source: &str) -> Vec<&str> {
    source
        .split("extern \"C\" __global__")
        .skip(1)
        .filter_map(|rest| {
            let name = rest.split_whitespace().find(|word| !matches!(*word, "void") && !word.starts_with("__launch_bounds__"));
            // `__launch_bounds__(256, 1)` is two words.
            let name = if name == Some("1)") { rest.split_whitespace().nth(3) } else { name };
            name.and_then(|name| name.split('(').next())
        })
        .collect()
}

/// One launch. Arguments are their bits, in the low bytes of a word: the driver reads as many as the kernel declares.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) kernel: &'static str,
    pub(crate) grid: [u32; 3],
    pub(crate) block: u32,
    /// Dynamic shared memory of a block (B).
    pub(crate) shared: u32,
    pub(crate) arguments: Vec<u64>,
}

fn launch(kernel: &'static str, blocks: u64, arguments: Vec<u64>) -> Launch {
    Launch { kernel, grid: [blocks as u32, 1, 1], block: 256, shared: 0, arguments }
}

fn int(value: u32) -> u64 {
    u64::from(value)
}

fn float(value: f32) -> u64 {
    u64::from(value.to_bits())
}

/// log2(e) / sqrt(size): scores in powers of two.
pub(crate) fn score_scale(size: u32) -> f32 {
    std::f32::consts::LOG2_E / (size as f32).sqrt()
}

pub(crate) fn empty() -> Launch {
    Launch { block: 32, ..launch("empty_kernel", 1, Vec::new()) }
}

/// Chunks of 16 bytes that one block of a stream kernel moves.
pub(crate) const CHUNKS_PER_BLOCK: u64 = 1024;

pub(crate) fn copy(from: u64, to: u64, bytes: u64) -> Launch {
    let chunks = bytes / 16;
    launch("stream_copy", chunks.div_ceil(CHUNKS_PER_BLOCK), vec![from, to, chunks])
}

pub(crate) fn read(from: u64, to: u64, bytes: u64) -> Launch {
    let chunks = bytes / 16;
    launch("stream_read", chunks.div_ceil(CHUNKS_PER_BLOCK), vec![from, to, chunks])
}

/// The factor of the triad.
pub(crate) const TRIAD: f32 = 3.0;

pub(crate) fn triad(a: u64, b: u64, to: u64, bytes: u64) -> Launch {
    let chunks = bytes / 16;
    launch("stream_triad", chunks.div_ceil(CHUNKS_PER_BLOCK), vec![a, b, to, float(TRIAD), chunks])
}

pub(crate) fn add(a: u64, b: u64, to: u64, bytes: u64) -> Launch {
    let chunks = bytes / 16;
    launch("add_bf16", chunks.div_ceil(256), vec![a, b, to, chunks])
}

/// Normal values; `count` is a multiple of 4.
pub(crate) fn fill(kernel: &'static str, to: u64, seed: u32, deviation: f32, count: u64) -> Launch {
    launch(kernel, (count / 4).div_ceil(256), vec![to, int(seed), float(deviation), count / 4])
}

pub(crate) fn fill_bf16(to: u64, seed: u32, deviation: f32, count: u64) -> Launch {
    fill("fill_bf16", to, seed, deviation, count)
}

/// The shape of a decode attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decode {
    pub(crate) batch: u32,
    pub(crate) context: u32,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    pub(crate) size: u32,
}

/// Tokens of a page of the cache.
pub(crate) const PAGE: u32 = 16;

impl Decode {
    pub(crate) fn pages(&self) -> u32 {
        self.context.div_ceil(PAGE)
    }

    /// Bytes of the keys, and of the values.
    pub(crate) fn cache_bytes(&self) -> u64 {
        u64::from(self.batch) * u64::from(self.pages()) * u64::from(PAGE * self.kv_heads * self.size) * 2
    }

    /// Splits of the context: two blocks per multiprocessor (their shared memory allows no more), of at least 256 tokens each;
    /// none is empty.
    pub(crate) fn splits(&self, multiprocessors: u32) -> u32 {
        let wanted = (2 * multiprocessors).div_ceil((self.batch * self.kv_heads).max(1));
        let most = wanted.clamp(1, self.context.div_ceil(256).clamp(1, 128));
        let per_split = self.pages().div_ceil(most).max(1);
        self.pages().div_ceil(per_split).max(1)
    }

    /// Bytes of the partial results: values, then the logarithms of their weights.
    pub(crate) fn partial_bytes(&self, splits: u32) -> (u64, u64) {
        let rows = u64::from(self.batch) * u64::from(self.heads) * u64::from(splits);
        (rows * u64::from(self.size) * 4, rows * 4)
    }
}

/// Where the arrays of an attention are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttentionPointers {
    pub(crate) q: u64,
    pub(crate) k: u64,
    pub(crate) v: u64,
    pub(crate) out: u64,
    /// Page table (decode).
    pub(crate) pages: u64,
    /// Partial values (decode), or the logarithms of the rows' sums (prefill; 0 for none).
    pub(crate) partial: u64,
    /// Logarithms of the partial values' weights (decode).
    pub(crate) weights: u64,
}

pub(crate) fn decode_attention(shape: Decode, splits: u32, at: AttentionPointers) -> Vec<Launch> {
    let kernel = if shape.size == 64 { "decode_attention_64" } else { "decode_attention_128" };
    let group = shape.heads / shape.kv_heads;
    // Three stages of a page of keys and values for each of 4 warps; the joined results fit in the same memory.
    let stages = 4 * 3 * 2 * PAGE * shape.size * 2;
    let joined = 4 * 16 * (shape.size + 2) * 4;
    let mut launches = vec![Launch {
        kernel,
        grid: [shape.kv_heads, splits, shape.batch],
        block: 128,
        shared: stages.max(joined),
        arguments: vec![
            at.q,
            at.k,
            at.v,
            at.pages,
            at.out,
            at.partial,
            at.weights,
            int(shape.context),
            int(shape.kv_heads),
            int(group),
            int(shape.pages()),
            float(score_scale(shape.size)),
        ],
    }];
    if splits > 1 {
        launches.push(Launch {
            kernel: "decode_join",
            grid: [shape.batch * shape.heads, 1, 1],
            block: shape.size,
            shared: 0,
            arguments: vec![at.partial, at.weights, at.out, int(splits)],
        });
    }
    launches
}

/// The shape of a causal attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prefill {
    pub(crate) batch: u32,
    pub(crate) length: u32,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    pub(crate) size: u32,
}

pub(crate) fn prefill_attention(shape: Prefill, at: AttentionPointers) -> Launch {
    Launch {
        kernel: if shape.size == 64 { "prefill_attention_64" } else { "prefill_attention_128" },
        grid: [shape.length.div_ceil(128), shape.heads, shape.batch],
        block: 256,
        // Two stages of 64 keys and their values; the 128 queries fit in the same memory.
        shared: 2 * 2 * 64 * shape.size * 2,
        arguments: vec![
            at.q,
            at.k,
            at.v,
            at.out,
            at.partial,
            int(shape.length),
            int(shape.heads),
            int(shape.kv_heads),
            float(score_scale(shape.size)),
        ],
    }
}

/// Where the gradients of an attention are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GradientPointers {
    pub(crate) d_out: u64,
    pub(crate) d_q: u64,
    pub(crate) d_k: u64,
    pub(crate) d_v: u64,
    /// Sum of out times its gradient, by row \[batch\]\[heads\]\[sequence\].
    pub(crate) delta: u64,
}

pub(crate) fn prefill_backward(shape: Prefill, at: AttentionPointers, gradients: GradientPointers) -> Vec<Launch> {
    let rows = u64::from(shape.batch) * u64::from(shape.length) * u64::from(shape.heads);
    let (queries, keys) =
        if shape.size == 64 { ("backward_queries_64", "backward_keys_64") } else { ("backward_queries_128", "backward_keys_128") };
    let tail = [int(shape.length), int(shape.heads), int(shape.kv_heads), float(score_scale(shape.size))];
    let inputs = [at.q, at.k, at.v, gradients.d_out, at.partial, gradients.delta];
    let blocks = shape.length.div_ceil(64);
    vec![
        Launch {
            block: 128,
            ..launch(
                "backward_delta",
                rows.div_ceil(4),
                vec![at.out, gradients.d_out, gradients.delta, int(shape.length), int(shape.heads), int(shape.size), rows],
            )
        },
        Launch {
            kernel: queries,
            grid: [blocks, shape.heads, shape.batch],
            block: 128,
            // The queries and their gradients, then two stages of 32 keys and values: the same size.
            shared: 2 * 64 * shape.size * 2,
            arguments: [&inputs[..], &[gradients.d_q], &tail].concat(),
        },
        Launch {
            kernel: keys,
            grid: [blocks, shape.kv_heads, shape.batch],
            block: 128,
            shared: 2 * 2 * 64 * shape.size * 2,
            arguments: [&inputs[..], &[gradients.d_k, gradients.d_v], &tail].concat(),
        },
    ]
}

/// `sum` = `stream` + `added`, and its norm; with `added` 0, the norm of `stream`.
pub(crate) fn add_rms_norm(stream: u64, added: u64, weight: u64, [sum, out]: [u64; 2], rows: u32, size: u32) -> Launch {
    launch("add_rms_norm", u64::from(rows), vec![stream, added, weight, sum, out, int(size)])
}

pub(crate) fn rms_norm_backward(x: u64, weight: u64, d_out: u64, d_stream: u64, rows: u32, size: u32) -> Launch {
    launch("rms_norm_backward", u64::from(rows), vec![x, weight, d_out, d_stream, int(size)])
}

/// Joint rows of queries, keys and values, and the three apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joint {
    pub(crate) joint: u64,
    pub(crate) q: u64,
    pub(crate) k: u64,
    pub(crate) v: u64,
    /// Row of the cache for each row, or 0 where rows stay in place.
    pub(crate) slots: u64,
}

/// `length` rows to a sequence, the first at `position`; `gather` is the way back of the gradients.
pub(crate) fn split_rotate(at: Joint, shape: [u32; 3], length: u32, position: u32, gather: bool, rows: u32) -> Launch {
    let [heads, kv_heads, size] = shape;
    let work = u64::from(rows) * u64::from(heads + 2 * kv_heads) * u64::from(size / 2);
    let direction = if gather { -1.0 } else { 1.0 };
    launch(
        "split_rotate",
        work.div_ceil(256),
        vec![
            at.joint,
            at.q,
            at.k,
            at.v,
            at.slots,
            int(heads),
            int(kv_heads),
            int(size),
            int(length),
            int(position),
            float(direction),
            int(u32::from(gather)),
            u64::from(rows),
        ],
    )
}

pub(crate) fn silu_product(joint: u64, out: u64, rows: u32, size: u32) -> Launch {
    let pairs = u64::from(rows) * u64::from(size / 2);
    launch("silu_product", pairs.div_ceil(256), vec![joint, out, int(size), pairs])
}

pub(crate) fn silu_product_backward(joint: u64, d_out: u64, d_joint: u64, rows: u32, size: u32) -> Launch {
    let values = u64::from(rows) * u64::from(size);
    launch("silu_product_backward", values.div_ceil(256), vec![joint, d_out, d_joint, int(size), values])
}
