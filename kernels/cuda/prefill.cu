// Causal attention of whole prompts (Dao 2023, FlashAttention-2) with the tensor-core instruction that every device from
// compute capability 8.0 on has. It does not use the asynchronous matrix instructions of 9.0 and later, so that on those
// devices the vendor's and FlashAttention-3 kernels are faster; the pack says which kernel was measured.
//
// Layout: q and out [batch][sequence][heads][D]; k and v [batch][sequence][kv_heads][D]; lse [batch][heads][sequence].
// A block is 128 rows of one head, 16 rows per warp; it goes over tiles of 64 keys, two in flight.

#define QUERY_ROWS 128
#define KEY_ROWS 64

template <int D>
__device__ void prefill_attention(const bf16* q, const bf16* k, const bf16* v, bf16* out, float* lse, int length, int heads,
                                  int kv_heads, float scale) {
    DYNAMIC_SHARED(shared);
    bf16* tiles = (bf16*)shared;  // two stages of keys and values; first, the queries
    // The longest rows first: the blocks that end last are then short.
    int first = (gridDim.x - 1 - blockIdx.x) * QUERY_ROWS;
    int head = blockIdx.y, batch = blockIdx.z, kv_head = head / (heads / kv_heads);
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    u64 q_row = (u64)heads * D, kv_row = (u64)kv_heads * D;
    q += (u64)batch * length * q_row + (u64)head * D;
    out += (u64)batch * length * q_row + (u64)head * D;
    k += (u64)batch * length * kv_row + (u64)kv_head * D;
    v += (u64)batch * length * kv_row + (u64)kv_head * D;

    load_rows<D, QUERY_ROWS, 256>(tiles, q, q_row, first, length, threadIdx.x);
    copy_commit();
    copy_wait<0>();
    __syncthreads();
    u32 query[D / 16][4];
#pragma unroll
    for (int step = 0; step < D / 16; step++) load_left<D>(query[step], tiles, warp * 16, step, lane);
    __syncthreads();

    float o[D / 8][4];
#pragma unroll
    for (int i = 0; i < D / 8; i++) o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0.0f;
    float maximum[2] = {MINUS_INFINITY, MINUS_INFINITY}, sum[2] = {0.0f, 0.0f};

    int count = (min(first + QUERY_ROWS, length) + KEY_ROWS - 1) / KEY_ROWS;
    int top_row = first + warp * 16;
    load_rows<D, KEY_ROWS, 256>(tiles, k, kv_row, 0, length, threadIdx.x);
    load_rows<D, KEY_ROWS, 256>(tiles + KEY_ROWS * D, v, kv_row, 0, length, threadIdx.x);
    copy_commit();
    for (int j = 0; j < count; j++) {
        bf16* keys = tiles + j % 2 * (2 * KEY_ROWS * D);
        bf16* values = keys + KEY_ROWS * D;
        if (j + 1 < count) {
            bf16* other = tiles + (j + 1) % 2 * (2 * KEY_ROWS * D);
            load_rows<D, KEY_ROWS, 256>(other, k, kv_row, (j + 1) * KEY_ROWS, length, threadIdx.x);
            load_rows<D, KEY_ROWS, 256>(other + KEY_ROWS * D, v, kv_row, (j + 1) * KEY_ROWS, length, threadIdx.x);
        }
        copy_commit();
        copy_wait<1>();
        __syncthreads();
        // A warp whose rows all lie before the tile has nothing to do; every row has met key 0 by then.
        if (j * KEY_ROWS <= top_row + 15) {
            float s[KEY_ROWS / 8][4];
#pragma unroll
            for (int i = 0; i < KEY_ROWS / 8; i++) s[i][0] = s[i][1] = s[i][2] = s[i][3] = 0.0f;
#pragma unroll
            for (int step = 0; step < D / 16; step++)
#pragma unroll
                for (int pair = 0; pair < KEY_ROWS / 16; pair++) {
                    u32 b[4];
                    load_right<D>(b, keys, pair * 16, step, lane);
                    mma_bf16(s[2 * pair], query[step], b[0], b[1]);
                    mma_bf16(s[2 * pair + 1], query[step], b[2], b[3]);
                }
            if (j * KEY_ROWS + KEY_ROWS - 1 > top_row)
#pragma unroll
                for (int i = 0; i < KEY_ROWS / 8; i++)
#pragma unroll
                    for (int c = 0; c < 4; c++)
                        if (j * KEY_ROWS + i * 8 + 2 * t + c % 2 > top_row + g + c / 2 * 8) s[i][c] = MINUS_INFINITY;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float top = MINUS_INFINITY;
#pragma unroll
                for (int i = 0; i < KEY_ROWS / 8; i++) top = fmaxf(top, fmaxf(s[i][2 * half], s[i][2 * half + 1]));
                top = fmaxf(maximum[half], quad_max(top) * scale);
                float shrink = fast_exp2(maximum[half] - top);
                maximum[half] = top;
                float added = 0.0f;
#pragma unroll
                for (int i = 0; i < KEY_ROWS / 8; i++)
#pragma unroll
                    for (int c = 2 * half; c < 2 * half + 2; c++) {
                        s[i][c] = fast_exp2(s[i][c] * scale - top);
                        added += s[i][c];
                    }
                sum[half] = sum[half] * shrink + added;
#pragma unroll
                for (int i = 0; i < D / 8; i++) {
                    o[i][2 * half] *= shrink;
                    o[i][2 * half + 1] *= shrink;
                }
            }
#pragma unroll
            for (int pair = 0; pair < KEY_ROWS / 16; pair++) {
                u32 p[4];
                as_left(p, s[2 * pair], s[2 * pair + 1]);
#pragma unroll
                for (int column = 0; column < D / 16; column++) {
                    u32 b[4];
                    load_right_transposed<D>(b, values, pair * 16, column, lane);
                    mma_bf16(o[2 * column], p, b[0], b[1]);
                    mma_bf16(o[2 * column + 1], p, b[2], b[3]);
                }
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float total = quad_sum(sum[half]);
        int row = top_row + g + 8 * half;
        if (row < length) {
            float share = 1.0f / total;
#pragma unroll
            for (int i = 0; i < D / 8; i++)
                *(u32*)(out + row * q_row + i * 8 + 2 * t) = pack_bf16(o[i][2 * half] * share, o[i][2 * half + 1] * share);
            if (t == 0 && lse) lse[((u64)batch * heads + head) * length + row] = maximum[half] + log2f(total);
        }
    }
}

// `scale` is log2(e) / sqrt(D); `lse` (may be null) receives the logarithm to base 2 of each row's sum, for the backward pass.
extern "C" __global__ void __launch_bounds__(256, 1)
    prefill_attention_64(const bf16* q, const bf16* k, const bf16* v, bf16* out, float* lse, int length, int heads, int kv_heads,
                         float scale) {
    prefill_attention<64>(q, k, v, out, lse, length, heads, kv_heads, scale);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    prefill_attention_128(const bf16* q, const bf16* k, const bf16* v, bf16* out, float* lse, int length, int heads, int kv_heads,
                          float scale) {
    prefill_attention<128>(q, k, v, out, lse, length, heads, kv_heads, scale);
}
