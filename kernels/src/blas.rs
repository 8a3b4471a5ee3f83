//! Matrix products by cuBLASLt, with descriptors and algorithm prepared once.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::rc::Rc;

use libloading::Library;

use crate::error::CalibrationError;
use crate::gpu::Buffer;
use crate::load::{function, open};

const TITLE: &str = "cuBLASLt (libcublasLt)";

type Opaque = *mut c_void;
type Create = unsafe extern "C" fn(*mut Opaque) -> c_int;
type Destroy = unsafe extern "C" fn(Opaque) -> c_int;
type Set = unsafe extern "C" fn(Opaque, c_int, *const c_void, usize) -> c_int;

/// Numbers of cublasLt.h and library_types.h, the same in CUDA 12 and 13.
const FLOAT: c_int = 0;
const BF16: c_int = 14;
const E4M3: c_int = 28;
const COMPUTE_FLOAT: c_int = 68;
const DESC_TRANSPOSE_A: c_int = 3;
const DESC_TRANSPOSE_B: c_int = 4;
const DESC_SCALE_A: c_int = 17;
const DESC_SCALE_B: c_int = 18;
const DESC_FAST_ACCUMULATION: c_int = 25;
const PREFERENCE_WORKSPACE: c_int = 1;
const NOT_SUPPORTED: c_int = 15;

/// Scratch memory that an algorithm may use: what NVIDIA advises for Hopper.
pub(crate) const WORKSPACE: usize = 32 << 20;

/// Algorithms asked of the heuristic.
const ALGORITHMS: usize = 8;

/// Type of the factors of a product; the result is bf16, sums are 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// 16 bits: 8 of exponent, 7 of mantissa.
    Bf16,
    /// 8 bits (E4M3), one scale for each factor.
    Fp8,
}

impl Format {
    /// The word in a pack: `bf16`, `fp8`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Format::Bf16 => "bf16",
            Format::Fp8 => "fp8",
        }
    }

    /// Bytes of one value.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Format::Bf16 => 2,
            Format::Fp8 => 1,
        }
    }
}

/// What `cublasLtMatmulAlgoGetHeuristic` fills in (cublasLt.h: cublasLtMatmulHeuristicResult_t).
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Heuristic {
    algorithm: [u64; 8],
    workspace: usize,
    state: c_int,
    waves: f32,
    reserved: [c_int; 4],
}

type Matmul = unsafe extern "C" fn(
    Opaque,
    Opaque,
    *const c_void,
    *const c_void,
    Opaque,
    *const c_void,
    Opaque,
    *const c_void,
    *const c_void,
    Opaque,
    *mut c_void,
    Opaque,
    *const [u64; 8],
    *mut c_void,
    usize,
    *mut c_void,
) -> c_int;
type GetHeuristic =
    unsafe extern "C" fn(Opaque, Opaque, Opaque, Opaque, Opaque, Opaque, Opaque, c_int, *mut Heuristic, *mut c_int) -> c_int;

struct Functions {
    create_layout: unsafe extern "C" fn(*mut Opaque, c_int, u64, u64, i64) -> c_int,
    destroy_layout: Destroy,
    create_product: unsafe extern "C" fn(*mut Opaque, c_int, c_int) -> c_int,
    destroy_product: Destroy,
    set_product: Set,
    create_preference: Create,
    destroy_preference: Destroy,
    set_preference: Set,
    heuristic: GetHeuristic,
    matmul: Matmul,
    destroy: Destroy,
}

/// The library, its handle on one device, and its scratch memory.
pub(crate) struct Blas {
    handle: Opaque,
    call: Functions,
    workspace: Buffer,
    /// A one on the device: the scale of FP8 factors.
    one: Buffer,
    version: usize,
    _library: Library,
}

fn check(what: &'static str, status: c_int) -> Result<(), CalibrationError> {
    if status == 0 { Ok(()) } else { Err(CalibrationError::Blas { what, status }) }
}

impl Blas {
    /// The context of the device must be current; `one` holds a 32-bit 1.0.
    pub(crate) fn open(newest: i32, workspace: Buffer, one: Buffer) -> Result<Rc<Self>, CalibrationError> {
        let names: &[&str] = if newest >= 13 {
            &["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"]
        } else {
            &["libcublasLt.so.12", "libcublasLt.so"]
        };
        let library = open(TITLE, names, "BASTIDE_CUBLASLT")?;
        // SAFETY: the types are those of cublasLt.h; the functions are used only while the library is open.
        unsafe {
            let version: unsafe extern "C" fn() -> usize = function(&library, TITLE, "cublasLtGetVersion")?;
            let create: Create = function(&library, TITLE, "cublasLtCreate")?;
            let call = Functions {
                create_layout: function(&library, TITLE, "cublasLtMatrixLayoutCreate")?,
                destroy_layout: function(&library, TITLE, "cublasLtMatrixLayoutDestroy")?,
                create_product: function(&library, TITLE, "cublasLtMatmulDescCreate")?,
                destroy_product: function(&library, TITLE, "cublasLtMatmulDescDestroy")?,
                set_product: function(&library, TITLE, "cublasLtMatmulDescSetAttribute")?,
                create_preference: function(&library, TITLE, "cublasLtMatmulPreferenceCreate")?,
                destroy_preference: function(&library, TITLE, "cublasLtMatmulPreferenceDestroy")?,
                set_preference: function(&library, TITLE, "cublasLtMatmulPreferenceSetAttribute")?,
                heuristic: function(&library, TITLE, "cublasLtMatmulAlgoGetHeuristic")?,
                matmul: function(&library, TITLE, "cublasLtMatmul")?,
                destroy: function(&library, TITLE, "cublasLtDestroy")?,
            };
            let mut handle: Opaque = ptr::null_mut();
            check("cublasLtCreate", create(&raw mut handle))?;
            Ok(Rc::new(Self { handle, call, workspace, one, version: version(), _library: library }))
        }
    }

    /// `12.9.1`. The number is 10,000 times the major and 100 times the minor version since 12.0, 1,000 and 100 before.
    pub(crate) fn version(&self) -> String {
        let (major, rest) = if self.version >= 100_000 {
            (self.version / 10_000, self.version % 10_000)
        } else {
            (self.version / 1000, self.version % 1000)
        };
        format!("{major}.{}.{}", rest / 100, rest % 100)
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        // SAFETY: made by `open`, destroyed once, before the library closes.
        unsafe { (self.call.destroy)(self.handle) };
    }
}

/// Which factors are transposed, for row-major arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// out \[m\]\[n\] = x \[m\]\[k\] times w \[n\]\[k\] transposed: a linear layer. The only one that FP8 has.
    Forward,
    /// out \[m\]\[k\] = d \[m\]\[n\] times w \[n\]\[k\]: the gradient of the input.
    Input,
    /// out \[n\]\[k\] = d \[m\]\[n\] transposed times x \[m\]\[k\]: the gradient of the weights.
    Weight,
}

/// A product of given shape, ready to run.
pub(crate) struct Gemm {
    blas: Rc<Blas>,
    product: Opaque,
    left: Opaque,
    right: Opaque,
    out: Opaque,
    algorithms: Vec<[u64; 8]>,
    chosen: usize,
}

impl Gemm {
    /// Where the dimensions are of the forward product: x \[m\]\[k\], w \[n\]\[k\].
    pub(crate) fn new(blas: &Rc<Blas>, format: Format, product: Product, [m, n, k]: [u64; 3]) -> Result<Self, CalibrationError> {
        if m == 0 || n == 0 || k == 0 {
            return Err(CalibrationError::Shape(format!("a product of {m} by {n} by {k}")));
        }
        if format == Format::Fp8 && product != Product::Forward {
            return Err(CalibrationError::Shape("gradients in FP8".to_owned()));
        }
        let mut gemm = Self {
            blas: Rc::clone(blas),
            product: ptr::null_mut(),
            left: ptr::null_mut(),
            right: ptr::null_mut(),
            out: ptr::null_mut(),
            algorithms: Vec::new(),
            chosen: 0,
        };
        let kind = if format == Format::Bf16 { BF16 } else { E4M3 };
        // The library's matrices are column-major: a row-major [r][c] is its c by r. So the left factor is w (or x), the right
        // one x (or the gradient), and the result comes out transposed, that is row-major.
        let (left, right, out, transposed) = match product {
            Product::Forward => ((k, n), (k, m), (n, m), [1, 0]),
            Product::Input => ((k, n), (n, m), (k, m), [0, 0]),
            Product::Weight => ((k, m), (n, m), (k, n), [0, 1]),
        };
        let call = &blas.call;
        // SAFETY: each object is made here, filled by pointers to values of the size given, and destroyed once, on drop.
        unsafe {
            for (place, (rows, columns), kind) in [(&mut gemm.left, left, kind), (&mut gemm.right, right, kind), (&mut gemm.out, out, BF16)]
            {
                check("cublasLtMatrixLayoutCreate", (call.create_layout)(place, kind, rows, columns, rows as i64))?;
            }
            check("cublasLtMatmulDescCreate", (call.create_product)(&raw mut gemm.product, COMPUTE_FLOAT, FLOAT))?;
            let set = |attribute, value: *const c_void, size| {
                check("cublasLtMatmulDescSetAttribute", (call.set_product)(gemm.product, attribute, value, size))
            };
            for (attribute, transpose) in [DESC_TRANSPOSE_A, DESC_TRANSPOSE_B].into_iter().zip(&transposed) {
                let transpose: *const c_int = transpose;
                set(attribute, transpose.cast(), size_of::<c_int>())?;
            }
            if format == Format::Fp8 {
                let scale: u64 = blas.one.pointer();
                set(DESC_SCALE_A, (&raw const scale).cast(), size_of::<u64>())?;
                set(DESC_SCALE_B, (&raw const scale).cast(), size_of::<u64>())?;
                let fast: i8 = 1;
                set(DESC_FAST_ACCUMULATION, (&raw const fast).cast(), 1)?;
            }
            let mut preference: Opaque = ptr::null_mut();
            check("cublasLtMatmulPreferenceCreate", (call.create_preference)(&raw mut preference))?;
            let workspace = WORKSPACE;
            let mut found = [Heuristic::default(); ALGORITHMS];
            let mut count: c_int = 0;
            let mut status = (call.set_preference)(preference, PREFERENCE_WORKSPACE, (&raw const workspace).cast(), size_of::<usize>());
            if status == 0 {
                status = (call.heuristic)(
                    blas.handle,
                    gemm.product,
                    gemm.left,
                    gemm.right,
                    gemm.out,
                    gemm.out,
                    preference,
                    ALGORITHMS as c_int,
                    found.as_mut_ptr(),
                    &raw mut count,
                );
            }
            (call.destroy_preference)(preference);
            check("cublasLtMatmulAlgoGetHeuristic", status)?;
            let count = (count.max(0) as usize).min(ALGORITHMS);
            gemm.algorithms = found[..count]
                .iter()
                .filter(|found| found.state == 0 && found.workspace <= WORKSPACE)
                .map(|found| found.algorithm)
                .collect();
        }
        if gemm.algorithms.is_empty() {
            Err(CalibrationError::Blas { what: "cublasLtMatmulAlgoGetHeuristic", status: NOT_SUPPORTED })
        } else {
            Ok(gemm)
        }
    }

    /// How many algorithms can be tried.
    pub(crate) fn algorithms(&self) -> usize {
        self.algorithms.len()
    }

    /// Chooses an algorithm for the runs to come.
    pub(crate) fn choose(&mut self, algorithm: usize) {
        self.chosen = algorithm.min(self.algorithms.len() - 1);
    }

    /// Starts the product on a stream. Forward: `left` is w, `right` x; input: w and the gradient; weight: x and the gradient.
    ///
    /// # Safety
    /// The pointers must be of arrays of the shapes given to `new` on the device whose context is current.
    pub(crate) unsafe fn run(&self, left: u64, right: u64, out: u64, stream: *mut c_void) -> Result<(), CalibrationError> {
        let (one, zero) = (1.0f32, 0.0f32);
        // SAFETY: descriptors live; the caller vouches for the arrays; scratch memory has the size given.
        let status = unsafe {
            (self.blas.call.matmul)(
                self.blas.handle,
                self.product,
                (&raw const one).cast(),
                left as *const c_void,
                self.left,
                right as *const c_void,
                self.right,
                (&raw const zero).cast(),
                out as *const c_void,
                self.out,
                out as *mut c_void,
                self.out,
                &raw const self.algorithms[self.chosen],
                self.blas.workspace.pointer() as *mut c_void,
                WORKSPACE,
                stream,
            )
        };
        check("cublasLtMatmul", status)
    }
}

impl Drop for Gemm {
    fn drop(&mut self) {
        let call = &self.blas.call;
        // SAFETY: made by `new`, destroyed once; null where `new` did not get so far.
        unsafe {
            if !self.product.is_null() {
                (call.destroy_product)(self.product);
            }
            for layout in [self.left, self.right, self.out] {
                if !layout.is_null() {
                    (call.destroy_layout)(layout);
                }
            }
        }
    }
}
