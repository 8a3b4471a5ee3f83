//! One device, opened for measuring: context, stream, memory, compiled kernels.

use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::rc::Rc;
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaGraph, CudaStream, DriverError, result, sys};

use crate::blas::{Blas, WORKSPACE};
use crate::device::{Device, devices};
use crate::error::CalibrationError;
use crate::launch::{Launch, SOURCES, kernels};
use crate::nvml::{Nvml, bus_id};
use crate::nvrtc::Nvrtc;

pub(crate) fn refused(what: &str) -> impl Fn(DriverError) -> CalibrationError {
    move |error| CalibrationError::Driver { what: what.to_owned(), reason: error.to_string() }
}

/// Device memory, from the plain allocator: memory of the pool allocator cannot be read by another device.
pub(crate) struct Buffer {
    pointer: sys::CUdeviceptr,
    context: Arc<CudaContext>,
}

impl Buffer {
    pub(crate) fn new(context: &Arc<CudaContext>, bytes: u64) -> Result<Self, CalibrationError> {
        context.bind_to_thread().map_err(refused("bind the context"))?;
        let (free, _) = context.mem_get_info().map_err(refused("ask for free memory"))?;
        // A context keeps some for itself.
        if bytes + (64 << 20) > free as u64 {
            return Err(CalibrationError::Memory { needed: bytes, free: free as u64 });
        }
        // SAFETY: freed once, on drop.
        let pointer = unsafe { result::malloc_sync(bytes.max(256) as usize) }.map_err(refused("allocate memory"))?;
        Ok(Self { pointer, context: Arc::clone(context) })
    }

    pub(crate) fn pointer(&self) -> u64 {
        self.pointer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: allocated by `new`; the driver waits for work that uses it. A failure leaks and nothing else.
            let _ = unsafe { result::free_sync(self.pointer) };
        }
    }
}

/// Page-locked host memory that the CPU can also read fast.
pub(crate) struct Pinned {
    pointer: *mut c_void,
    bytes: usize,
    context: Arc<CudaContext>,
}

impl Pinned {
    pub(crate) fn new(context: &Arc<CudaContext>, bytes: usize) -> Result<Self, CalibrationError> {
        context.bind_to_thread().map_err(refused("bind the context"))?;
        // SAFETY: freed once, on drop. Flags 0: not write-combined, which reads would be very slow from.
        let pointer = unsafe { result::malloc_host(bytes, 0) }.map_err(refused("allocate pinned memory"))?;
        // SAFETY: the driver gave `bytes` writable bytes. Touched, and not zeros.
        unsafe { std::ptr::write_bytes(pointer.cast::<u8>(), 0x5a, bytes) };
        Ok(Self { pointer, bytes, context: Arc::clone(context) })
    }

    pub(crate) fn slice(&mut self) -> &mut [u8] {
        // SAFETY: initialised by `new`, and borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.cast(), self.bytes) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: allocated by `new`.
            let _ = unsafe { result::free_host(self.pointer) };
        }
    }
}

/// Compiled kernels in one context. Modules stay until the process ends.
pub(crate) struct Kernels {
    functions: BTreeMap<String, sys::CUfunction>,
}

impl Kernels {
    /// Compiles sources, all of them where none is named, for the current context; and the compiler's version.
    pub(crate) fn compile(driver_version: i32, capability: i32, files: &[&str]) -> Result<(Self, String), CalibrationError> {
        let compiler = Nvrtc::open(driver_version / 1000)?;
        let mut functions = BTreeMap::new();
        for (file, source) in SOURCES.into_iter().filter(|(file, _)| files.is_empty() || files.contains(file)) {
            load(&mut functions, &compiler.compile(file, source, capability)?, source)?;
        }
        Ok((Self { functions }, compiler.version()))
    }

    /// Starts a kernel on a stream of the current context.
    pub(crate) fn launch(&self, launch: &Launch, stream: &CudaStream) -> Result<(), CalibrationError> {
        let function = self.functions.get(launch.kernel).ok_or_else(|| CalibrationError::Driver {
            what: "find a kernel".to_owned(),
            reason: format!("there is no `{}`", launch.kernel),
        })?;
        let mut arguments: Vec<*mut c_void> = launch.arguments.iter().map(|bits| std::ptr::from_ref(bits).cast_mut().cast()).collect();
        let [x, y, z] = launch.grid;
        // SAFETY: `launch.rs` gives each kernel the arguments that it declares, of buffers that its callers keep. The driver
        // copies the arguments before it returns.
        unsafe { result::launch_kernel(*function, (x, y, z), (launch.block, 1, 1), launch.shared, stream.cu_stream(), &mut arguments) }
            .map_err(refused(launch.kernel))
    }
}

/// A device ready to be measured.
pub(crate) struct Gpu {
    // Dropped in this order: what uses the context first.
    kernels: Kernels,
    pub(crate) blas: Rc<Blas>,
    pub(crate) nvml: Option<Nvml>,
    pub(crate) stream: Arc<CudaStream>,
    pub(crate) context: Arc<CudaContext>,
    pub(crate) device: Device,
    pub(crate) l2_bytes: u64,
    /// CUDA version of the driver: 13000.
    pub(crate) driver_version: i32,
    pub(crate) nvrtc_version: String,
}

/// Runs something of the driver's bindings, which panic on a symbol that the driver lacks.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, CalibrationError>) -> Result<T, CalibrationError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let reason = payload.downcast_ref::<String>().cloned().or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(CalibrationError::Driver { what: "measure".to_owned(), reason: reason.unwrap_or_else(|| "it lacks a function".to_owned()) })
    })
}

impl Gpu {
    /// Opens a device: its context, a stream, and kernels compiled for it: those of the sources named, of all where none is.
    pub(crate) fn open(ordinal: usize, files: &[&str]) -> Result<Self, CalibrationError> {
        let list = devices()?;
        let count = list.len();
        let device = list.into_iter().nth(ordinal).ok_or(CalibrationError::Ordinal { ordinal, count })?;
        let context = CudaContext::new(ordinal).map_err(refused("open the device"))?;
        // SAFETY: one stream is used, or streams are ordered by hand; buffers are not cudarc's.
        unsafe { context.disable_event_tracking() };
        let (major, minor) = context.compute_capability().map_err(refused("ask for the compute capability"))?;
        if major < 8 {
            return Err(CalibrationError::TooOld { name: device.name, capability: device.compute_capability });
        }
        let mut driver_version = 0;
        // SAFETY: writes one integer.
        unsafe { sys::cuDriverGetVersion(&raw mut driver_version) }.result().map_err(refused("ask for the driver's version"))?;
        let newest = driver_version / 1000;
        let l2 = context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE).map_err(refused("ask for the cache"))?;
        let (kernels, nvrtc_version) = Kernels::compile(driver_version, major * 10 + minor, files)?;
        let mut id = [0u8; 32];
        // SAFETY: writes at most 32 bytes.
        let known = unsafe { sys::cuDeviceGetPCIBusId(id.as_mut_ptr().cast(), 32, context.cu_device()) }.result().is_ok();
        let one = Buffer::new(&context, 256)?;
        // SAFETY: 4 bytes of a buffer of 256.
        unsafe { result::memcpy_htod_sync(one.pointer(), &[1.0f32]) }.map_err(refused("copy to the device"))?;
        let workspace = Buffer::new(&context, WORKSPACE as u64)?;
        Ok(Self {
            kernels,
            blas: Blas::open(newest, workspace, one)?,
            // Measures without it where it is missing: power and clocks are then absent.
            nvml: if known { Nvml::open(&bus_id(&id)).ok() } else { None },
            // Not the default stream: that one cannot be captured.
            stream: context.new_stream().map_err(refused("make a stream"))?,
            device,
            l2_bytes: l2.max(0) as u64,
            driver_version,
            nvrtc_version,
            context,
        })
    }

    pub(crate) fn multiprocessors(&self) -> u32 {
        self.device.multiprocessors.max(1) as u32
    }

    /// FP8 matrix units exist from 8.9 on.
    pub(crate) fn has_fp8(&self) -> bool {
        self.context.compute_capability().is_ok_and(|(major, minor)| (major, minor) >= (8, 9))
    }

    pub(crate) fn free_bytes(&self) -> Result<u64, CalibrationError> {
        self.context.mem_get_info().map(|(free, _)| free as u64).map_err(refused("ask for free memory"))
    }

    pub(crate) fn buffer(&self, bytes: u64) -> Result<Buffer, CalibrationError> {
        Buffer::new(&self.context, bytes)
    }

    /// Starts a kernel on the stream.
    pub(crate) fn launch(&self, launch: &Launch) -> Result<(), CalibrationError> {
        self.kernels.launch(launch, &self.stream)
    }

    pub(crate) fn synchronize(&self) -> Result<(), CalibrationError> {
        self.stream.synchronize().map_err(refused("wait for the device"))
    }

    /// An event that times: the bindings' default does not.
    pub(crate) fn event(&self) -> Result<CudaEvent, CalibrationError> {
        self.context.new_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT)).map_err(refused("make an event"))
    }

    pub(crate) fn record(&self, event: &CudaEvent) -> Result<(), CalibrationError> {
        event.record(&self.stream).map_err(refused("record an event"))
    }

    /// What `work` starts on the stream, as a graph that is started as one.
    pub(crate) fn capture(&self, work: impl FnOnce() -> Result<(), CalibrationError>) -> Result<CudaGraph, CalibrationError> {
        self.stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED).map_err(refused("begin a graph"))?;
        let done = work();
        let graph = self.stream.end_capture(sys::CUgraphInstantiate_flags(0)).map_err(refused("end a graph"));
        done?;
        let graph = graph?.ok_or_else(|| CalibrationError::Driver { what: "end a graph".to_owned(), reason: "it is empty".to_owned() })?;
        graph.upload().map_err(refused("upload a graph"))?;
        Ok(graph)
    }

    /// Copies to the host and waits.
    pub(crate) fn download<T: Copy + Default>(&self, pointer: u64, count: usize) -> Result<Vec<T>, CalibrationError> {
        let mut values = vec![T::default(); count];
        self.synchronize()?;
        // SAFETY: callers ask for parts of buffers that they hold, in types of plain bits.
        unsafe { result::memcpy_dtoh_sync(&mut values, pointer) }.map_err(refused("copy from the device"))?;
        Ok(values)
    }

    /// Copies from the host and waits.
    pub(crate) fn upload<T: Copy>(&self, values: &[T], pointer: u64) -> Result<(), CalibrationError> {
        self.synchronize()?;
        // SAFETY: callers write to buffers that they hold, of at least this size.
        unsafe { result::memcpy_htod_sync(pointer, values) }.map_err(refused("copy to the device"))
    }

    /// Copies `count` rows of `size` values that lie `pitch` bytes apart, and waits.
    pub(crate) fn download_rows(&self, pointer: u64, pitch: u64, size: usize, count: usize) -> Result<Vec<u16>, CalibrationError> {
        let mut values = vec![0u16; size * count];
        self.synchronize()?;
        let copy = sys::CUDA_MEMCPY2D {
            srcXInBytes: 0,
            srcY: 0,
            srcMemoryType: sys::CUmemorytype::CU_MEMORYTYPE_DEVICE,
            srcHost: std::ptr::null(),
            srcDevice: pointer,
            srcArray: std::ptr::null_mut(),
            srcPitch: pitch as usize,
            dstXInBytes: 0,
            dstY: 0,
            dstMemoryType: sys::CUmemorytype::CU_MEMORYTYPE_HOST,
            dstHost: values.as_mut_ptr().cast(),
            dstDevice: 0,
            dstArray: std::ptr::null_mut(),
            dstPitch: size * 2,
            WidthInBytes: size * 2,
            Height: count,
        };
        // SAFETY: callers ask for rows of buffers that they hold; the host's has room for them.
        unsafe { sys::cuMemcpy2D_v2(&raw const copy) }.result().map_err(refused("copy rows from the device"))?;
        Ok(values)
    }

    /// Starts a fill with bytes that are a NaN in each of our formats: a result that is never written is then seen.
    pub(crate) fn poison(&self, at: u64, bytes: u64) -> Result<(), CalibrationError> {
        // SAFETY: callers fill parts of buffers that they hold.
        unsafe { result::memset_d8_async(at, 0xff, bytes as usize, self.stream.cu_stream()) }.map_err(refused("fill memory"))
    }
}

/// Loads a compiled source into the current context. Modules stay until the process ends: kernels are used to the end.
fn load(functions: &mut BTreeMap<String, sys::CUfunction>, code: &[u8], source: &str) -> Result<(), CalibrationError> {
    // SAFETY: the compiler's output, machine code or PTX that ends in a zero byte.
    let module = unsafe { result::module::load_data(code.as_ptr().cast()) }.map_err(refused("load compiled kernels"))?;
    for name in kernels(source) {
        let text = CString::new(name).unwrap_or_default();
        // SAFETY: the module stays loaded.
        let function = unsafe { result::module::get_function(module, text) }.map_err(refused(name))?;
        if name.contains("attention") || name.starts_with("backward_queries") || name.starts_with("backward_keys") {
            // More than 48 KiB of shared memory must be asked for; as much as the largest of our launches, 96 KiB.
            let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            // SAFETY: the function exists. Every device from 8.0 on has it but for 8.6 and 8.9, whose 99 KiB are enough.
            unsafe { result::function::set_function_attribute(function, attribute, 96 << 10) }.map_err(refused("ask for shared memory"))?;
        }
        functions.insert(name.to_owned(), function);
    }
    Ok(())
}
