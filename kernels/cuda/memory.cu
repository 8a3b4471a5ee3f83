// Launch latency, memory bandwidth, and the inputs of the other measurements.

extern "C" __global__ void empty_kernel() {}

// Each block moves 1,024 chunks of 16 bytes; four loads per thread are under way before the first is used.
extern "C" __global__ void __launch_bounds__(256) stream_copy(const uint4* from, uint4* to, u64 chunks) {
    u64 first = (u64)blockIdx.x * 1024 + threadIdx.x;
    uint4 x[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (first + i * 256 < chunks) x[i] = from[first + i * 256];
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (first + i * 256 < chunks) to[first + i * 256] = x[i];
}

// Exclusive or of all words that a block read, one word per block: the least that keeps the loads.
extern "C" __global__ void __launch_bounds__(256) stream_read(const uint4* from, u32* to, u64 chunks) {
    __shared__ u32 warps[8];
    u64 first = (u64)blockIdx.x * 1024 + threadIdx.x;
    uint4 x[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        x[i].x = x[i].y = x[i].z = x[i].w = 0;
        if (first + i * 256 < chunks) x[i] = from[first + i * 256];
    }
    u32 all = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) all ^= x[i].x ^ x[i].y ^ x[i].z ^ x[i].w;
    for (int offset = 16; offset > 0; offset /= 2) all ^= __shfl_xor_sync(0xffffffff, all, offset);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = all;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int i = 1; i < 8; i++) all ^= warps[i];
        to[blockIdx.x] = all;
    }
}

// to = a + s b, in 32-bit floats (McCalpin 1995, STREAM triad).
extern "C" __global__ void __launch_bounds__(256)
    stream_triad(const float4* a, const float4* b, float4* to, float s, u64 chunks) {
    u64 first = (u64)blockIdx.x * 1024 + threadIdx.x;
    float4 x[4], y[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (first + i * 256 < chunks) {
            x[i] = a[first + i * 256];
            y[i] = b[first + i * 256];
        }
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (first + i * 256 < chunks) {
            float4 z;
            z.x = x[i].x + s * y[i].x;
            z.y = x[i].y + s * y[i].y;
            z.z = x[i].z + s * y[i].z;
            z.w = x[i].w + s * y[i].w;
            to[first + i * 256] = z;
        }
}

// to = a + b, in 16-bit floats, 8 at a time: the sum of an all-reduce.
extern "C" __global__ void __launch_bounds__(256) add_bf16(const uint4* a, const uint4* b, uint4* to, u64 chunks) {
    u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
    if (i >= chunks) return;
    uint4 x = a[i], y = b[i], z;
    z.x = pack_bf16(to_float((bf16)x.x) + to_float((bf16)y.x), to_float(x.x >> 16) + to_float(y.x >> 16));
    z.y = pack_bf16(to_float((bf16)x.y) + to_float((bf16)y.y), to_float(x.y >> 16) + to_float(y.y >> 16));
    z.z = pack_bf16(to_float((bf16)x.z) + to_float((bf16)y.z), to_float(x.z >> 16) + to_float(y.z >> 16));
    z.w = pack_bf16(to_float((bf16)x.w) + to_float((bf16)y.w), to_float(x.w >> 16) + to_float(y.w >> 16));
    to[i] = z;
}

// Philox4x32-10 (Salmon et al. 2011): four random words from a counter and a key.
__device__ __forceinline__ void philox(u32 (&c)[4], u32 key0, u32 key1) {
    for (int round = 0; round < 10; round++) {
        u32 high0 = __umulhi(0xD2511F53u, c[0]), low0 = 0xD2511F53u * c[0];
        u32 high1 = __umulhi(0xCD9E8D57u, c[2]), low1 = 0xCD9E8D57u * c[2];
        c[0] = high1 ^ c[1] ^ key0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ key1;
        c[3] = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

// Four independent standard normal values (Box and Muller 1958) at a position of a stream.
__device__ __forceinline__ void four_normals(float (&x)[4], u64 position, u32 seed) {
    u32 c[4] = {(u32)position, (u32)(position >> 32), 0, 0};
    philox(c, seed, 0xBA571DE0u);
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
        // In (0, 1]: the logarithm is finite.
        float radius = sqrtf(-2.0f * logf(((float)(c[i] >> 8) + 1.0f) * (1.0f / 16777216.0f)));
        float angle = (float)(c[i + 1] >> 8) * (6.2831853f / 16777216.0f);
        x[i] = radius * cosf(angle);
        x[i + 1] = radius * sinf(angle);
    }
}

// Normal values with a standard deviation, never zeros: a matrix unit draws less power on zeros and runs faster.
extern "C" __global__ void __launch_bounds__(256) fill_bf16(uint2* to, u32 seed, float deviation, u64 quads) {
    u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
    if (i >= quads) return;
    float x[4];
    four_normals(x, i, seed);
    uint2 packed;
    packed.x = pack_bf16(deviation * x[0], deviation * x[1]);
    packed.y = pack_bf16(deviation * x[2], deviation * x[3]);
    to[i] = packed;
}

// E4M3 (Micikevicius et al. 2022): sign, 4 bits of exponent with bias 7, 3 of mantissa, largest value 448. Written out
// because the instruction exists only from compute capability 8.9 on.
__device__ __forceinline__ u32 to_e4m3(float x) {
    u32 sign = x < 0.0f ? 0x80u : 0u;
    float y = fminf(fabsf(x), 448.0f);
    if (y < 0.015625f) return sign | (u32)rintf(y * 512.0f);  // below 2^-6: steps of 2^-9; 8 steps are 2^-6 itself
    u32 bits = __float_as_uint(y);
    bits += 0x7ffff + ((bits >> 20) & 1);  // to nearest even at the third bit of the mantissa
    return sign | ((bits >> 20) - ((127 - 7) << 3));
}

extern "C" __global__ void __launch_bounds__(256) fill_e4m3(u32* to, u32 seed, float deviation, u64 quads) {
    u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
    if (i >= quads) return;
    float x[4];
    four_normals(x, i, seed);
    u32 packed = 0;
#pragma unroll
    for (int j = 0; j < 4; j++) packed |= to_e4m3(deviation * x[j]) << (8 * j);
    to[i] = packed;
}

extern "C" __global__ void __launch_bounds__(256) fill_float(float4* to, u32 seed, float deviation, u64 quads) {
    u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
    if (i >= quads) return;
    float x[4];
    four_normals(x, i, seed);
    float4 y;
    y.x = deviation * x[0], y.y = deviation * x[1], y.z = deviation * x[2], y.w = deviation * x[3];
    to[i] = y;
}
