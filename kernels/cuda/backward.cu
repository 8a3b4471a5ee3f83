// Backward pass of causal attention (Dao 2023, FlashAttention-2, algorithm 2) in two kernels, one for the queries and one for
// keys and values, so that no sum needs atomic operations; the scores are made again in each: 7 products instead of 5.
//
// Layouts as in prefill.cu; lse from there; delta [batch][heads][sequence] is the sum over a row of out times its gradient.

#define ROWS 64
#define STEP 32

extern "C" __global__ void __launch_bounds__(128)
    backward_delta(const bf16* out, const bf16* d_out, float* delta, int length, int heads, int size, u64 rows) {
    u64 row = (u64)blockIdx.x * 4 + threadIdx.x / 32;  // [batch][sequence][heads]
    if (row >= rows) return;
    float total = 0.0f;
    for (int i = threadIdx.x % 32; i < size; i += 32) total += to_float(out[row * size + i]) * to_float(d_out[row * size + i]);
    total = warp_sum(total);
    u64 head = row % heads, position = row / heads % length, batch = row / heads / length;
    if (threadIdx.x % 32 == 0) delta[(batch * heads + head) * length + position] = total;
}

// Gradient of 64 rows of queries: dS = P (dP - delta), dQ = dS K / sqrt(D), over tiles of 32 keys.
template <int D>
__device__ void backward_queries(const bf16* q, const bf16* k, const bf16* v, const bf16* d_out, const float* lse,
                                 const float* delta, bf16* d_q, int length, int heads, int kv_heads, float scale) {
    DYNAMIC_SHARED(shared);
    bf16* tiles = (bf16*)shared;
    int first = (gridDim.x - 1 - blockIdx.x) * ROWS;
    int head = blockIdx.y, batch = blockIdx.z, kv_head = head / (heads / kv_heads);
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    u64 q_row = (u64)heads * D, kv_row = (u64)kv_heads * D;
    u64 q_at = (u64)batch * length * q_row + (u64)head * D, kv_at = (u64)batch * length * kv_row + (u64)kv_head * D;
    u64 row_at = ((u64)batch * heads + head) * length;
    q += q_at, d_out += q_at, d_q += q_at, k += kv_at, v += kv_at;

    load_rows<D, ROWS, 128>(tiles, q, q_row, first, length, threadIdx.x);
    load_rows<D, ROWS, 128>(tiles + ROWS * D, d_out, q_row, first, length, threadIdx.x);
    copy_commit();
    copy_wait<0>();
    __syncthreads();
    u32 query[D / 16][4], gradient[D / 16][4];
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
        load_left<D>(query[step], tiles, warp * 16, step, lane);
        load_left<D>(gradient[step], tiles + ROWS * D, warp * 16, step, lane);
    }
    __syncthreads();
    int top_row = first + warp * 16;
    float row_lse[2], row_delta[2];
    for (int half = 0; half < 2; half++) {
        int row = top_row + g + 8 * half;
        row_lse[half] = row < length ? lse[row_at + row] : 0.0f;
        row_delta[half] = row < length ? delta[row_at + row] : 0.0f;
    }
    float sum[D / 8][4];
#pragma unroll
    for (int i = 0; i < D / 8; i++) sum[i][0] = sum[i][1] = sum[i][2] = sum[i][3] = 0.0f;

    int count = (min(first + ROWS, length) + STEP - 1) / STEP;
    load_rows<D, STEP, 128>(tiles, k, kv_row, 0, length, threadIdx.x);
    load_rows<D, STEP, 128>(tiles + STEP * D, v, kv_row, 0, length, threadIdx.x);
    copy_commit();
    for (int j = 0; j < count; j++) {
        bf16* keys = tiles + j % 2 * (2 * STEP * D);
        bf16* values = keys + STEP * D;
        if (j + 1 < count) {
            bf16* other = tiles + (j + 1) % 2 * (2 * STEP * D);
            load_rows<D, STEP, 128>(other, k, kv_row, (j + 1) * STEP, length, threadIdx.x);
            load_rows<D, STEP, 128>(other + STEP * D, v, kv_row, (j + 1) * STEP, length, threadIdx.x);
        }
        copy_commit();
        copy_wait<1>();
        __syncthreads();
        if (j * STEP <= top_row + 15) {
            float s[STEP / 8][4], dp[STEP / 8][4];
#pragma unroll
            for (int i = 0; i < STEP / 8; i++)
#pragma unroll
                for (int c = 0; c < 4; c++) s[i][c] = dp[i][c] = 0.0f;
#pragma unroll
            for (int step = 0; step < D / 16; step++)
#pragma unroll
                for (int pair = 0; pair < STEP / 16; pair++) {
                    u32 b[4];
                    load_right<D>(b, keys, pair * 16, step, lane);
                    mma_bf16(s[2 * pair], query[step], b[0], b[1]);
                    mma_bf16(s[2 * pair + 1], query[step], b[2], b[3]);
                    load_right<D>(b, values, pair * 16, step, lane);
                    mma_bf16(dp[2 * pair], gradient[step], b[0], b[1]);
                    mma_bf16(dp[2 * pair + 1], gradient[step], b[2], b[3]);
                }
#pragma unroll
            for (int i = 0; i < STEP / 8; i++)
#pragma unroll
                for (int c = 0; c < 4; c++) {
                    int key = j * STEP + i * 8 + 2 * t + c % 2, row = top_row + g + c / 2 * 8;
                    float p = key > row || row >= length ? 0.0f : fast_exp2(s[i][c] * scale - row_lse[c / 2]);
                    s[i][c] = p * (dp[i][c] - row_delta[c / 2]);
                }
#pragma unroll
            for (int pair = 0; pair < STEP / 16; pair++) {
                u32 a[4];
                as_left(a, s[2 * pair], s[2 * pair + 1]);
#pragma unroll
                for (int column = 0; column < D / 16; column++) {
                    u32 b[4];
                    load_right_transposed<D>(b, keys, pair * 16, column, lane);
                    mma_bf16(sum[2 * column], a, b[0], b[1]);
                    mma_bf16(sum[2 * column + 1], a, b[2], b[3]);
                }
            }
        }
        __syncthreads();
    }
    float natural = scale * 0.69314718f;  // 1 / sqrt(D)
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int row = top_row + g + 8 * half;
        if (row < length)
#pragma unroll
            for (int i = 0; i < D / 8; i++)
                *(u32*)(d_q + row * q_row + i * 8 + 2 * t) =
                    pack_bf16(sum[i][2 * half] * natural, sum[i][2 * half + 1] * natural);
    }
}

// Gradients of 64 keys and their values: dV = P^T dO, dK = dS^T Q / sqrt(D), over the query heads of the key head and over
// tiles of 32 rows of queries from the first that sees the keys. All products are of transposes, so that keys are rows.
template <int D>
__device__ void backward_keys(const bf16* q, const bf16* k, const bf16* v, const bf16* d_out, const float* lse,
                              const float* delta, bf16* d_k, bf16* d_v, int length, int heads, int kv_heads, float scale) {
    DYNAMIC_SHARED(shared);
    bf16* keys = (bf16*)shared;
    bf16* values = keys + ROWS * D;
    bf16* tiles = values + ROWS * D;  // two stages of queries and gradients
    int first = blockIdx.x * ROWS, kv_head = blockIdx.y, batch = blockIdx.z, group = heads / kv_heads;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    u64 q_row = (u64)heads * D, kv_row = (u64)kv_heads * D;
    u64 q_at = (u64)batch * length * q_row + (u64)kv_head * group * D;
    u64 kv_at = (u64)batch * length * kv_row + (u64)kv_head * D;
    u64 row_at = ((u64)batch * heads + kv_head * group) * length;
    q += q_at, d_out += q_at, k += kv_at, v += kv_at, d_k += kv_at, d_v += kv_at;

    load_rows<D, ROWS, 128>(keys, k, kv_row, first, length, threadIdx.x);
    load_rows<D, ROWS, 128>(values, v, kv_row, first, length, threadIdx.x);
    float sum_k[D / 8][4], sum_v[D / 8][4];
#pragma unroll
    for (int i = 0; i < D / 8; i++)
#pragma unroll
        for (int c = 0; c < 4; c++) sum_k[i][c] = sum_v[i][c] = 0.0f;

    // Tiles of one head after another, as one sequence of steps.
    int start = first / STEP, per_head = (length + STEP - 1) / STEP - start, count = group * per_head;
    load_rows<D, STEP, 128>(tiles, q, q_row, start * STEP, length, threadIdx.x);
    load_rows<D, STEP, 128>(tiles + STEP * D, d_out, q_row, start * STEP, length, threadIdx.x);
    copy_commit();
    int top_key = first + warp * 16;
    for (int j = 0; j < count; j++) {
        int head = j / per_head, row0 = (start + j % per_head) * STEP;
        bf16* queries = tiles + j % 2 * (2 * STEP * D);
        bf16* gradients = queries + STEP * D;
        if (j + 1 < count) {
            bf16* other = tiles + (j + 1) % 2 * (2 * STEP * D);
            u64 offset = (u64)((j + 1) / per_head) * D;
            int row = (start + (j + 1) % per_head) * STEP;
            load_rows<D, STEP, 128>(other, q + offset, q_row, row, length, threadIdx.x);
            load_rows<D, STEP, 128>(other + STEP * D, d_out + offset, q_row, row, length, threadIdx.x);
        }
        copy_commit();
        copy_wait<1>();
        __syncthreads();
        if (row0 + STEP - 1 >= top_key) {
            float s[STEP / 8][4], dp[STEP / 8][4];
#pragma unroll
            for (int i = 0; i < STEP / 8; i++)
#pragma unroll
                for (int c = 0; c < 4; c++) s[i][c] = dp[i][c] = 0.0f;
#pragma unroll
            for (int step = 0; step < D / 16; step++) {
                u32 a[4], b[4];
                load_left<D>(a, keys, warp * 16, step, lane);
#pragma unroll
                for (int pair = 0; pair < STEP / 16; pair++) {
                    load_right<D>(b, queries, pair * 16, step, lane);
                    mma_bf16(s[2 * pair], a, b[0], b[1]);
                    mma_bf16(s[2 * pair + 1], a, b[2], b[3]);
                }
                load_left<D>(a, values, warp * 16, step, lane);
#pragma unroll
                for (int pair = 0; pair < STEP / 16; pair++) {
                    load_right<D>(b, gradients, pair * 16, step, lane);
                    mma_bf16(dp[2 * pair], a, b[0], b[1]);
                    mma_bf16(dp[2 * pair + 1], a, b[2], b[3]);
                }
            }
            const float* head_lse = lse + row_at + (u64)head * length;
            const float* head_delta = delta + row_at + (u64)head * length;
#pragma unroll
            for (int i = 0; i < STEP / 8; i++)
#pragma unroll
                for (int c = 0; c < 4; c++) {
                    int row = row0 + i * 8 + 2 * t + c % 2, key = top_key + g + c / 2 * 8;
                    bool seen = key <= row && row < length;
                    float p = seen ? fast_exp2(s[i][c] * scale - head_lse[row]) : 0.0f;
                    dp[i][c] = seen ? p * (dp[i][c] - head_delta[row]) : 0.0f;
                    s[i][c] = p;
                }
#pragma unroll
            for (int pair = 0; pair < STEP / 16; pair++) {
                u32 p[4], ds[4];
                as_left(p, s[2 * pair], s[2 * pair + 1]);
                as_left(ds, dp[2 * pair], dp[2 * pair + 1]);
#pragma unroll
                for (int column = 0; column < D / 16; column++) {
                    u32 b[4];
                    load_right_transposed<D>(b, gradients, pair * 16, column, lane);
                    mma_bf16(sum_v[2 * column], p, b[0], b[1]);
                    mma_bf16(sum_v[2 * column + 1], p, b[2], b[3]);
                    load_right_transposed<D>(b, queries, pair * 16, column, lane);
                    mma_bf16(sum_k[2 * column], ds, b[0], b[1]);
                    mma_bf16(sum_k[2 * column + 1], ds, b[2], b[3]);
                }
            }
        }
        __syncthreads();
    }
    float natural = scale * 0.69314718f;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int key = top_key + g + 8 * half;
        if (key < length)
#pragma unroll
            for (int i = 0; i < D / 8; i++) {
                u64 at = key * kv_row + i * 8 + 2 * t;
                *(u32*)(d_k + at) = pack_bf16(sum_k[i][2 * half] * natural, sum_k[i][2 * half + 1] * natural);
                *(u32*)(d_v + at) = pack_bf16(sum_v[i][2 * half], sum_v[i][2 * half + 1]);
            }
    }
}

extern "C" __global__ void __launch_bounds__(128)
    backward_queries_64(const bf16* q, const bf16* k, const bf16* v, const bf16* d_out, const float* lse, const float* delta,
                        bf16* d_q, int length, int heads, int kv_heads, float scale) {
    backward_queries<64>(q, k, v, d_out, lse, delta, d_q, length, heads, kv_heads, scale);
}

extern "C" __global__ void __launch_bounds__(128)
    backward_queries_128(const bf16* q, const bf16* k, const bf16* v, const bf16* d_out, const float* lse, const float* delta,
                         bf16* d_q, int length, int heads, int kv_heads, float scale) {
    backward_queries<128>(q, k, v, d_out, lse, delta, d_q, length, heads, kv_heads, scale);
}

extern "C" __global__ void __launch_bounds__(128)
    backward_keys_64(const bf16* q, const bf16* k, const bf16* v, const bf16* d_out, const float* lse, const float* delta,
                     bf16* d_k, bf16* d_v, int length, int heads, int kv_heads, float scale) {
    backward_keys<64>(q, k, v, d_out, lse, delta, d_k, d_v, length, heads, kv_heads, scale);
}

extern "C" __global__ void __launch_bounds__(128)
    backward_keys_128(const bf16* q, const bf16* k, const bf16* v, const bf16* d_out, const float* lse, const float* delta,
                      bf16* d_k, bf16* d_v, int length, int heads, int kv_heads, float scale) {
    backward_keys<128>(q, k, v, d_out, lse, delta, d_k, d_v, length, heads, kv_heads, scale);
}
