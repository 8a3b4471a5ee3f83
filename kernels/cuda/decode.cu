// Attention of one new token per sequence over a paged cache of keys and values, with grouped query heads, split over the
// context so that a small batch fills the machine (flash decoding; Dao et al. 2023), on the tensor cores: the query heads of
// one key head are the rows of a 16-row tile, so that the time is that of reading the cache, not of arithmetic.
//
// Layout: q and out [batch][heads][D]; cache [page][16 tokens][kv_heads][D]; pages [batch][max_pages].
// A block is one key head, one split of the context and one sequence; each of its 4 warps takes every fourth page, three
// pages deep in flight, and keeps its own running maximum and sum; the block joins them at the end.

#define PAGE 16
#define STAGES 3

template <int D>
__device__ __forceinline__ void load_page(bf16* stage, const bf16* keys, const bf16* values, u64 stride, int lane) {
    load_rows<D, PAGE, 32>(stage, keys, stride, 0, PAGE, lane);
    load_rows<D, PAGE, 32>(stage + PAGE * D, values, stride, 0, PAGE, lane);
}

template <int D>
__device__ void decode_attention(const bf16* q, const bf16* keys, const bf16* values, const int* pages, bf16* out,
                                 float* partial, float* partial_lse, int context, int kv_heads, int group, int max_pages,
                                 float scale) {
    DYNAMIC_SHARED(shared);
    int kv_head = blockIdx.x, split = blockIdx.y, splits = gridDim.y, batch = blockIdx.z;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    int heads = kv_heads * group;
    bf16* stages = (bf16*)shared + warp * (STAGES * 2 * PAGE * D);
    u64 row = (u64)kv_heads * D, page_size = (u64)PAGE * row;
    keys += (u64)kv_head * D;
    values += (u64)kv_head * D;
    pages += (u64)batch * max_pages;
    q += ((u64)batch * heads + kv_head * group) * D;

    int total = (context + PAGE - 1) / PAGE, per_split = (total + splits - 1) / splits;
    int first = split * per_split + warp, end = min((split + 1) * per_split, total);

    // Rows of the tile beyond the group are zeros: their results are never written.
    u32 query[D / 16][4];
#pragma unroll
    for (int step = 0; step < D / 16; step++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int head = g + i % 2 * 8;
            query[step][i] = head < group ? *(const u32*)(q + head * D + step * 16 + i / 2 * 8 + 2 * t) : 0;
        }

    float o[D / 8][4];
#pragma unroll
    for (int i = 0; i < D / 8; i++) o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0.0f;
    float maximum[2] = {MINUS_INFINITY, MINUS_INFINITY}, sum[2] = {0.0f, 0.0f};

#pragma unroll
    for (int i = 0; i < STAGES - 1; i++) {
        int page = first + 4 * i;
        if (page < end) {
            u64 at = (u64)pages[page] * page_size;
            load_page<D>(stages + i * (2 * PAGE * D), keys + at, values + at, row, lane);
        }
        copy_commit();
    }
    // The number of the page after those under way is read one step before it is needed.
    int ahead = first + 4 * (STAGES - 1);
    int next = ahead < end ? pages[ahead] : 0;
    int stage = 0;
    for (int page = first; page < end; page += 4) {
        ahead = page + 4 * (STAGES - 1);
        if (ahead < end) {
            u64 at = (u64)next * page_size;
            bf16* free = stages + (stage == 0 ? STAGES - 1 : stage - 1) * (2 * PAGE * D);
            load_page<D>(free, keys + at, values + at, row, lane);
        }
        copy_commit();
        if (ahead + 4 < end) next = pages[ahead + 4];
        copy_wait<STAGES - 1>();
        __syncwarp();

        bf16* key_tile = stages + stage * (2 * PAGE * D);
        float s[2][4] = {{0.0f, 0.0f, 0.0f, 0.0f}, {0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll
        for (int step = 0; step < D / 16; step++) {
            u32 b[4];
            load_right<D>(b, key_tile, 0, step, lane);
            mma_bf16(s[0], query[step], b[0], b[1]);
            mma_bf16(s[1], query[step], b[2], b[3]);
        }
        int key = page * PAGE + 2 * t;
#pragma unroll
        for (int tile = 0; tile < 2; tile++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                s[tile][i] *= scale;
                if (key + tile * 8 + i % 2 >= context) s[tile][i] = MINUS_INFINITY;
            }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float top = fmaxf(fmaxf(s[0][2 * half], s[0][2 * half + 1]), fmaxf(s[1][2 * half], s[1][2 * half + 1]));
            top = fmaxf(maximum[half], quad_max(top));
            float shrink = fast_exp2(maximum[half] - top);
            maximum[half] = top;
            float added = 0.0f;
#pragma unroll
            for (int tile = 0; tile < 2; tile++)
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    s[tile][i] = fast_exp2(s[tile][i] - top);
                    added += s[tile][i];
                }
            sum[half] = sum[half] * shrink + added;
#pragma unroll
            for (int i = 0; i < D / 8; i++) {
                o[i][2 * half] *= shrink;
                o[i][2 * half + 1] *= shrink;
            }
        }
        u32 p[4];
        as_left(p, s[0], s[1]);
#pragma unroll
        for (int pair = 0; pair < D / 16; pair++) {
            u32 b[4];
            load_right_transposed<D>(b, key_tile + PAGE * D, 0, pair, lane);
            mma_bf16(o[2 * pair], p, b[0], b[1]);
            mma_bf16(o[2 * pair + 1], p, b[2], b[3]);
        }
        // The next copy writes the tile that other lanes may still read.
        __syncwarp();
        stage = stage + 1 == STAGES ? 0 : stage + 1;
    }
    copy_wait<0>();
    __syncthreads();

    // The four warps' results: [warp][16][D] values, then [warp][16] maxima and [warp][16] sums.
    float* joined = (float*)shared;
    float* maxima = joined + 4 * 16 * D;
    float* sums = maxima + 4 * 16;
    sum[0] = quad_sum(sum[0]);
    sum[1] = quad_sum(sum[1]);
#pragma unroll
    for (int i = 0; i < D / 8; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) joined[(warp * 16 + g + j / 2 * 8) * D + i * 8 + 2 * t + j % 2] = o[i][j];
    if (t == 0)
        for (int half = 0; half < 2; half++) {
            maxima[warp * 16 + g + 8 * half] = maximum[half];
            sums[warp * 16 + g + 8 * half] = sum[half];
        }
    __syncthreads();
    for (int i = threadIdx.x; i < group * D; i += 128) {
        int head = i / D, d = i % D;
        float top = MINUS_INFINITY;
        for (int w = 0; w < 4; w++) top = fmaxf(top, maxima[w * 16 + head]);
        float value = 0.0f, weight = 0.0f;
        for (int w = 0; w < 4; w++) {
            float share = sums[w * 16 + head] > 0.0f ? fast_exp2(maxima[w * 16 + head] - top) : 0.0f;
            weight += share * sums[w * 16 + head];
            value += share * joined[(w * 16 + head) * D + d];
        }
        u64 at = (u64)batch * heads + kv_head * group + head;
        value = weight > 0.0f ? value / weight : 0.0f;
        if (splits == 1) {
            out[at * D + d] = to_bf16(value);
        } else {
            partial[(at * splits + split) * D + d] = value;
            if (d == 0) partial_lse[at * splits + split] = weight > 0.0f ? top + log2f(weight) : MINUS_INFINITY;
        }
    }
}

// `scale` is log2(e) / sqrt(D): scores are kept in powers of two.
extern "C" __global__ void __launch_bounds__(128)
    decode_attention_64(const bf16* q, const bf16* keys, const bf16* values, const int* pages, bf16* out, float* partial,
                        float* partial_lse, int context, int kv_heads, int group, int max_pages, float scale) {
    decode_attention<64>(q, keys, values, pages, out, partial, partial_lse, context, kv_heads, group, max_pages, scale);
}

extern "C" __global__ void __launch_bounds__(128)
    decode_attention_128(const bf16* q, const bf16* keys, const bf16* values, const int* pages, bf16* out, float* partial,
                         float* partial_lse, int context, int kv_heads, int group, int max_pages, float scale) {
    decode_attention<128>(q, keys, values, pages, out, partial, partial_lse, context, kv_heads, group, max_pages, scale);
}

// Joins the splits: one block per head, one thread per value.
extern "C" __global__ void decode_join(const float* partial, const float* partial_lse, bf16* out, int splits) {
    u64 head = blockIdx.x;
    int d = threadIdx.x, size = blockDim.x;
    partial += head * splits * size;
    partial_lse += head * splits;
    float top = MINUS_INFINITY;
    for (int i = 0; i < splits; i++) top = fmaxf(top, partial_lse[i]);
    float value = 0.0f, weight = 0.0f;
    for (int i = 0; i < splits; i++) {
        float share = fast_exp2(partial_lse[i] - top);
        weight += share;
        value += share * partial[(u64)i * size + d];
    }
    out[head * size + d] = to_bf16(value / weight);
}
