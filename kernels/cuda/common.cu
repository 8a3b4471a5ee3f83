// What every kernel shares: 16-bit floats, the tensor-core instruction and its loads, asynchronous copies.
//
// The text is put in front of each other file before it is compiled. Nothing is included: the compiler library (NVRTC)
// ships no headers, so the few instructions that the headers would wrap are written as PTX. With BASTIDE_EMULATION the
// same functions come from a C++ shim that runs the kernels on a CPU, for tests of their arithmetic.

typedef unsigned short bf16;
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define MINUS_INFINITY __int_as_float(0xff800000)

#ifndef BASTIDE_EMULATION

// Start of the block's dynamic shared memory.
#define DYNAMIC_SHARED(name) extern __shared__ uint4 name[]

// 2^x, and 2^-infinity = 0.
__device__ __forceinline__ float fast_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Two floats to two bf16 in one register, `low` in the lower half, rounded to nearest even.
__device__ __forceinline__ u32 pack_bf16(float low, float high) {
    u32 packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

// d += a b for a tile of 16 x 8 with 16 products each, over the 32 lanes of a warp (PTX ISA, mma.m16n8k16). With g = lane / 4
// and t = lane % 4, a[0] holds (row g, k 2t and 2t+1), a[1] row g+8, a[2] and a[3] the same at k+8; b0 holds (k 2t and
// 2t+1, column g), b1 k+8; d[0], d[1] are (row g, columns 2t, 2t+1), d[2], d[3] row g+8.
__device__ __forceinline__ void mma_bf16(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four 8 x 8 tiles of 16-bit values; lanes 8i to 8i+7 give the row addresses of tile i, and register i of lane (g, t) gets
// row g, columns 2t and 2t+1 of tile i.
__device__ __forceinline__ void load_tiles(u32 (&r)[4], const void* row) {
    u32 address = (u32)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// The same with each tile transposed: register i of lane (g, t) gets rows 2t and 2t+1, column g.
__device__ __forceinline__ void load_tiles_transposed(u32 (&r)[4], const void* row) {
    u32 address = (u32)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// Starts a copy of 16 bytes into shared memory; zeros when not `valid` (the address must be one that could be read).
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool valid) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"((u32)__cvta_generic_to_shared(shared)), "l"(__cvta_generic_to_global(global)), "r"(valid ? 16 : 0)
                 : "memory");
}

__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most PENDING groups of copies of this thread are under way.
template <int PENDING>
__device__ __forceinline__ void copy_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

#endif

__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float((u32)x << 16); }

// Rounds to nearest even. Not for NaN.
__device__ __forceinline__ bf16 to_bf16(float x) {
    u32 bits = __float_as_uint(x);
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Sum over a warp; every lane gets it.
__device__ __forceinline__ float warp_sum(float x) {
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffff, x, offset);
    return x;
}

// Sum over the 4 lanes that hold one row of an accumulator tile.
__device__ __forceinline__ float quad_sum(float x) {
    x += __shfl_xor_sync(0xffffffff, x, 1);
    return x + __shfl_xor_sync(0xffffffff, x, 2);
}

__device__ __forceinline__ float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffff, x, 2));
}

// Address of 8 values (one chunk of 16 bytes) of a row in a tile of rows of D values. Chunks are exchanged by row, so that
// the 8 rows that one load of a tile touches lie in different banks.
template <int D>
__device__ __forceinline__ bf16* chunk_at(bf16* tile, int row, int chunk) {
    return tile + row * D + ((chunk ^ (row & 7)) << 3);
}

// Starts copies of rows `first` to `first + ROWS` of a matrix into a tile, by THREADS threads; rows from `end` on are zeros.
template <int D, int ROWS, int THREADS>
__device__ __forceinline__ void load_rows(bf16* tile, const bf16* matrix, u64 stride, int first, int end, int thread) {
    constexpr int CHUNKS = D / 8;
#pragma unroll
    for (int i = thread; i < ROWS * CHUNKS; i += THREADS) {
        int row = i / CHUNKS, chunk = i % CHUNKS;
        bool valid = first + row < end;
        copy_async(chunk_at<D>(tile, row, chunk), matrix + (valid ? first + row : 0) * stride + chunk * 8, valid);
    }
}

// The left operand of 16 rows, starting at `row`, and k from 16 `step`.
template <int D>
__device__ __forceinline__ void load_left(u32 (&a)[4], bf16* tile, int row, int step, int lane) {
    load_tiles(a, chunk_at<D>(tile, row + lane % 16, 2 * step + lane / 16));
}

// The right operand for 16 columns n, stored as rows, from `row`, and k from 16 `step`: b[0], b[1] for columns 0 to 7,
// b[2], b[3] for 8 to 15. For products with the transpose of what is stored.
template <int D>
__device__ __forceinline__ void load_right(u32 (&b)[4], bf16* tile, int row, int step, int lane) {
    load_tiles(b, chunk_at<D>(tile, row + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
}

// The right operand for 16 columns n from 16 `pair`, with k the stored rows from `row`.
template <int D>
__device__ __forceinline__ void load_right_transposed(u32 (&b)[4], bf16* tile, int row, int pair, int lane) {
    load_tiles_transposed(b, chunk_at<D>(tile, row + lane % 16, 2 * pair + lane / 16));
}

// An accumulator of 16 x 16 (two tiles side by side) as the left operand of the next product.
__device__ __forceinline__ void as_left(u32 (&a)[4], const float (&left)[4], const float (&right)[4]) {
    a[0] = pack_bf16(left[0], left[1]);
    a[1] = pack_bf16(left[2], left[3]);
    a[2] = pack_bf16(right[0], right[1]);
    a[3] = pack_bf16(right[2], right[3]);
}
