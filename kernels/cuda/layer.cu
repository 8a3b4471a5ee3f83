// What a transformer layer does between its matrix products and its attention, forward and backward. Rows are tokens.

// Sum over a block of 256 threads; every thread gets it.
__device__ __forceinline__ float block_sum(float x, float* shared) {
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    x = 0.0f;
    for (int i = 0; i < 8; i++) x += shared[i];
    __syncthreads();
    return x;
}

// sum = stream + added; out = sum / rms(sum) * weight (Zhang and Sennrich 2019). `added` may be null: `sum` is then not
// written. `sum` may be `stream`.
extern "C" __global__ void __launch_bounds__(256)
    add_rms_norm(const bf16* stream, const bf16* added, const bf16* weight, bf16* sum, bf16* out, int size) {
    __shared__ float shared[8];
    u64 row = (u64)blockIdx.x * size;
    float squares = 0.0f;
    for (int i = threadIdx.x * 2; i < size; i += 512) {
        u32 x = *(const u32*)(stream + row + i);
        float low = to_float((bf16)x), high = to_float(x >> 16);
        if (added) {
            u32 y = *(const u32*)(added + row + i);
            x = pack_bf16(low + to_float((bf16)y), high + to_float(y >> 16));
            *(u32*)(sum + row + i) = x;
            low = to_float((bf16)x), high = to_float(x >> 16);
        }
        squares += low * low + high * high;
    }
    const bf16* from = added ? sum : stream;
    float scale = rsqrtf(block_sum(squares, shared) / size + 1e-5f);
    // Each thread reads what it wrote itself.
    for (int i = threadIdx.x * 2; i < size; i += 512) {
        u32 x = *(const u32*)(from + row + i), w = *(const u32*)(weight + i);
        *(u32*)(out + row + i) = pack_bf16(to_float((bf16)x) * scale * to_float((bf16)w), to_float(x >> 16) * scale * to_float(w >> 16));
    }
}

// d_stream += gradient through the norm: r w d_out - x r^3 mean(x w d_out), with r = 1 / rms(x).
extern "C" __global__ void __launch_bounds__(256)
    rms_norm_backward(const bf16* x, const bf16* weight, const bf16* d_out, bf16* d_stream, int size) {
    __shared__ float shared[8];
    u64 row = (u64)blockIdx.x * size;
    float squares = 0.0f, product = 0.0f;
    for (int i = threadIdx.x; i < size; i += 256) {
        float value = to_float(x[row + i]);
        squares += value * value;
        product += value * to_float(weight[i]) * to_float(d_out[row + i]);
    }
    float scale = rsqrtf(block_sum(squares, shared) / size + 1e-5f);
    float mean = block_sum(product, shared) / size * scale * scale * scale;
    for (int i = threadIdx.x; i < size; i += 256)
        d_stream[row + i] = to_bf16(to_float(d_stream[row + i]) + scale * to_float(weight[i]) * to_float(d_out[row + i]) -
                                    to_float(x[row + i]) * mean);
}

// From joint rows [q heads | k heads | v heads] to q, k and v, with q and k turned by their position (Su et al. 2021), pairs
// (d, d + D/2); `direction` -1 undoes the turn, and `gather` writes the joint rows from q, k and v: the backward pass. Keys
// and values of row r go to row `slot[r]` where slots are given: the cache of a decode step.
extern "C" __global__ void __launch_bounds__(256)
    split_rotate(bf16* joint, bf16* q, bf16* k, bf16* v, const int* slot, int heads, int kv_heads, int size, int length,
                 int position, float direction, int gather, u64 rows) {
    int half = size / 2, all = heads + 2 * kv_heads;
    u64 index = (u64)blockIdx.x * 256 + threadIdx.x;
    if (index >= rows * all * half) return;
    int d = index % half, head = index / half % all;
    u64 row = index / half / all, place = slot ? slot[row] : row;
    bf16* from = joint + (row * all + head) * size + d;
    bf16* to = head < heads              ? q + (row * heads + head) * size + d
               : head < heads + kv_heads ? k + (place * kv_heads + head - heads) * size + d
                                         : v + (place * kv_heads + head - heads - kv_heads) * size + d;
    if (gather) {
        bf16* swap = from;
        from = to;
        to = swap;
    }
    float x = to_float(from[0]), y = to_float(from[half]);
    if (head < heads + kv_heads) {
        float angle = direction * (position + (float)(row % length)) * exp2f(-13.287712f * d / half);  // base 10,000
        float c = cosf(angle), s = sinf(angle), turned = x * c - y * s;
        y = x * s + y * c;
        x = turned;
    }
    to[0] = to_bf16(x);
    to[half] = to_bf16(y);
}

// out = silu(gate) * up from joint rows [gate | up] (Shazeer 2020, SwiGLU).
extern "C" __global__ void __launch_bounds__(256) silu_product(const bf16* joint, bf16* out, int size, u64 pairs) {
    u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
    if (i >= pairs) return;
    u64 row = i / (size / 2), column = i % (size / 2) * 2;
    u32 gate = *(const u32*)(joint + row * 2 * size + column), up = *(const u32*)(joint + row * 2 * size + size + column);
    float low = to_float((bf16)gate), high = to_float(gate >> 16);
    *(u32*)(out + row * size + column) = pack_bf16(low / (1.0f + __expf(-low)) * to_float((bf16)up),
                                                   high / (1.0f + __expf(-high)) * to_float(up >> 16));
}

extern "C" __global__ void __launch_bounds__(256)
    silu_product_backward(const bf16* joint, const bf16* d_out, bf16* d_joint, int size, u64 values) {
    u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
    if (i >= values) return;
    u64 row = i / size, column = i % size;
    float gate = to_float(joint[row * 2 * size + column]), up = to_float(joint[row * 2 * size + size + column]);
    float d = to_float(d_out[i]), sigmoid = 1.0f / (1.0f + __expf(-gate));
    d_joint[row * 2 * size + column] = to_bf16(d * up * sigmoid * (1.0f + gate * (1.0f - sigmoid)));
    d_joint[row * 2 * size + size + column] = to_bf16(d * gate * sigmoid);
}
