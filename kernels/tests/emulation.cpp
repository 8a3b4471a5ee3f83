// Runs the CUDA kernels of this crate on a CPU, so that their arithmetic can be tested where there is no GPU: every thread of
// a block is a coroutine, barriers and warp instructions hand over to the next one, and the tensor-core instruction and its
// loads are done as the PTX manual defines them. Asynchronous copies are put off until they are waited for, and shared memory
// starts as NaN, so that a kernel that reads too early gets a wrong result.
//
// Compiled by the tests: g++ -shared -DSOURCE="..." with the text of the kernels.

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#define BASTIDE_EMULATION
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) float4 { float x, y, z, w; };
struct dim3 { unsigned x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;
static inline int min(int a, int b) { return a < b ? a : b; }

namespace {

alignas(128) unsigned char dynamic_shared[227 * 1024];

struct Copy { void* to; const void* from; bool valid; };
struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    bool done;
    std::deque<std::vector<Copy>> groups;
    std::vector<Copy> open;
};
// What the lanes of a warp hand each other: two slots in turn, since a fast lane may reach the next exchange while a slow one
// still reads this one.
struct Warp { int arrived; unsigned turn; struct { u_int32_t words[6]; const void* address; } slots[2][32]; };

ucontext_t scheduler;
std::vector<Thread> threads;
std::vector<Warp> warps;
int current, block_arrived;
unsigned block_turn;
std::function<void()> body;

void yield() { swapcontext(&threads[current].context, &scheduler); }

int live(int first, int count) {
    int n = 0;
    for (int i = first; i < first + count && i < (int)threads.size(); i++) n += !threads[i].done;
    return n;
}

// Waits for the 32 lanes; returns the slots that they filled.
auto& exchange(std::function<void(decltype(Warp::slots[0][0])&)> put) {
    Warp& warp = warps[current / 32];
    unsigned turn = warp.turn;
    auto& slots = warp.slots[turn % 2];
    put(slots[current % 32]);
    if (++warp.arrived == 32) {
        warp.arrived = 0;
        warp.turn++;
    } else {
        while (warp.turn == turn) yield();
    }
    return slots;
}

void run() {
    body();
    threads[current].done = true;
    swapcontext(&threads[current].context, &scheduler);
}

float bf16_value(uint32_t x) {
    x <<= 16;
    float f;
    memcpy(&f, &x, 4);
    return f;
}

}  // namespace

static inline float __int_as_float(int x) { float f; memcpy(&f, &x, 4); return f; }
static inline float __uint_as_float(unsigned x) { float f; memcpy(&f, &x, 4); return f; }
static inline unsigned __float_as_uint(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float fast_exp2(float x) { return exp2f(x); }
#define __expf expf

static void __syncthreads() {
    unsigned turn = block_turn;
    if (++block_arrived == live(0, threads.size())) {
        block_arrived = 0;
        block_turn++;
    } else {
        while (block_turn == turn) yield();
    }
}
static void __syncwarp() { exchange([](auto&) {}); }

template <class T>
static T __shfl_xor_sync(unsigned, T x, int mask) {
    static_assert(sizeof(T) == 4, "one word");
    int lane = current % 32;
    auto& slots = exchange([&](auto& slot) { memcpy(&slot.words[0], &x, 4); });
    memcpy(&x, &slots[lane ^ mask].words[0], 4);
    return x;
}

static uint32_t pack_bf16(float low, float high) {
    auto round = [](float x) {
        uint32_t bits;
        memcpy(&bits, &x, 4);
        return ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) & 0xffff;
    };
    return round(low) | round(high) << 16;
}

static void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    int lane = current % 32;
    auto& slots = exchange([&](auto& slot) {
        memcpy(slot.words, a, 16);
        slot.words[4] = b0, slot.words[5] = b1;
    });
    // Element (row, k) of a is in lane row % 8 * 4 + k % 8 / 2, register row / 8 + 2 (k / 8), half k % 2; (k, column) of b in
    // lane column * 4 + k % 8 / 2, register k / 8, half k % 2.
    for (int i = 0; i < 4; i++) {
        int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        double sum = d[i];
        for (int k = 0; k < 16; k++) {
            uint32_t x = slots[row % 8 * 4 + k % 8 / 2].words[row / 8 + 2 * (k / 8)];
            uint32_t y = slots[column * 4 + k % 8 / 2].words[4 + k / 8];
            sum += (double)bf16_value(x >> 16 * (k % 2) & 0xffff) * bf16_value(y >> 16 * (k % 2) & 0xffff);
        }
        d[i] = (float)sum;
    }
}

static void load_any(uint32_t (&r)[4], const void* row, bool transposed) {
    int lane = current % 32, g = lane / 4, t = lane % 4;
    auto& slots = exchange([&](auto& slot) { slot.address = row; });
    for (int i = 0; i < 4; i++) {
        auto element = [&](int y, int x) { return (uint32_t)((const uint16_t*)slots[i * 8 + y].address)[x]; };
        r[i] = transposed ? element(2 * t, g) | element(2 * t + 1, g) << 16 : element(g, 2 * t) | element(g, 2 * t + 1) << 16;
    }
}
static void load_tiles(uint32_t (&r)[4], const void* row) { load_any(r, row, false); }
static void load_tiles_transposed(uint32_t (&r)[4], const void* row) { load_any(r, row, true); }

static void copy_async(void* to, const void* from, bool valid) { threads[current].open.push_back({to, from, valid}); }
static void copy_commit() {
    threads[current].groups.push_back(std::move(threads[current].open));
    threads[current].open.clear();
}
template <int PENDING>
static void copy_wait() {
    auto& groups = threads[current].groups;
    for (; groups.size() > PENDING; groups.pop_front())
        for (auto& copy : groups.front())
            if (copy.valid) memcpy(copy.to, copy.from, 16);
            else memset(copy.to, 0, 16);
}

#define DYNAMIC_SHARED(name) uint4* name = (uint4*)dynamic_shared

#include SOURCE

namespace {

template <class... A, size_t... I>
void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*(A*)arguments[I]...);
}
template <class... A>
std::function<void()> bind(void (*kernel)(A...), void** arguments) {
    return [=] { call(kernel, arguments, std::index_sequence_for<A...>()); };
}

}  // namespace

// 0: done; 1: no such kernel; 2: the threads wait for each other forever. `reversed` runs the threads in the other order.
extern "C" int emulate(const char* name, const unsigned* grid, unsigned block, unsigned shared, void** arguments, int reversed) {
    body = nullptr;
#define KERNEL(x) if (!strcmp(name, #x)) body = bind(x, arguments);
    KERNELS
    if (!body || shared > sizeof dynamic_shared) return 1;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block, 1, 1};
    threads.resize(block);
    warps.resize((block + 31) / 32);
    for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++) {
                memset(dynamic_shared, 0xff, sizeof dynamic_shared);
                block_arrived = 0;
                for (auto& warp : warps) warp.arrived = 0;
                for (auto& thread : threads) {
                    thread.stack.resize(128 << 10);
                    thread.done = false;
                    thread.groups.clear();
                    thread.open.clear();
                    getcontext(&thread.context);
                    thread.context.uc_stack.ss_sp = thread.stack.data();
                    thread.context.uc_stack.ss_size = thread.stack.size();
                    makecontext(&thread.context, run, 0);
                }
                for (int idle = 0; live(0, block) > 0; idle++) {
                    if (idle > 1000000) return 2;
                    for (unsigned i = 0; i < block; i++) {
                        current = reversed ? block - 1 - i : i;
                        threadIdx = {(unsigned)current, 0, 0};
                        if (!threads[current].done) swapcontext(&scheduler, &threads[current].context);
                    }
                }
            }
    return 0;
}
