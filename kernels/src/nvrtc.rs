//! The compiler of kernels at run time (NVRTC).

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use libloading::Library;

use crate::error::CalibrationError;
use crate::load::{function, open};

const TITLE: &str = "NVRTC (libnvrtc)";

type Program = *mut c_void;

fn names(newest: i32) -> &'static [&'static str] {
    if newest >= 13 { &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"] } else { &["libnvrtc.so.12", "libnvrtc.so"] }
}

/// The compiler. The functions are valid as long as `library` is open, which is as long as this lives.
pub(crate) struct Nvrtc {
    version: (i32, i32),
    create: unsafe extern "C" fn(*mut Program, *const c_char, *const c_char, c_int, *const *const c_char, *const *const c_char) -> c_int,
    compile: unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int,
    destroy: unsafe extern "C" fn(*mut Program) -> c_int,
    log: Text,
    code: [Text; 2],
    architectures: Vec<i32>,
    _library: Library,
}

/// A text or binary that a program has: its size, then itself.
#[derive(Clone, Copy)]
struct Text {
    size: unsafe extern "C" fn(Program, *mut usize) -> c_int,
    get: unsafe extern "C" fn(Program, *mut c_char) -> c_int,
}

impl Text {
    fn of(self, program: Program) -> Option<Vec<u8>> {
        let mut size = 0;
        // SAFETY: the program lives; the buffer has the size that the compiler asks for.
        unsafe {
            if (self.size)(program, &raw mut size) != 0 {
                return None;
            }
            let mut text = vec![0u8; size];
            ((self.get)(program, text.as_mut_ptr().cast()) == 0).then_some(text)
        }
    }
}

impl Nvrtc {
    /// `newest` is the CUDA version of the driver (12 or 13): it need not understand the code of a newer compiler.
    pub(crate) fn open(newest: i32) -> Result<Self, CalibrationError> {
        Self::with(open(TITLE, names(newest), "BASTIDE_NVRTC")?)
    }

    /// The compiler in a folder.
    #[cfg(test)]
    pub(crate) fn open_in(folder: &std::path::Path, newest: i32) -> Result<Self, CalibrationError> {
        let missing = || CalibrationError::Library { title: TITLE, variable: "BASTIDE_NVRTC", reason: folder.display().to_string() };
        let file = names(newest).iter().map(|name| folder.join(name)).find(|file| file.is_file()).ok_or_else(missing)?;
        // SAFETY: runs the initialisers of NVIDIA's library, which have no conditions.
        Self::with(unsafe { Library::new(file) }.map_err(|_| missing())?)
    }

    fn with(library: Library) -> Result<Self, CalibrationError> {
        // SAFETY: the types are those of nvrtc.h, the same in CUDA 12 and 13.
        unsafe {
            let get = |size, text| -> Result<Text, CalibrationError> {
                Ok(Text { size: function(&library, TITLE, size)?, get: function(&library, TITLE, text)? })
            };
            let version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int = function(&library, TITLE, "nvrtcVersion")?;
            let count: unsafe extern "C" fn(*mut c_int) -> c_int = function(&library, TITLE, "nvrtcGetNumSupportedArchs")?;
            let list: unsafe extern "C" fn(*mut c_int) -> c_int = function(&library, TITLE, "nvrtcGetSupportedArchs")?;
            let (mut major, mut minor, mut number) = (0, 0, 0);
            version(&raw mut major, &raw mut minor);
            count(&raw mut number);
            let mut architectures = vec![0; number.max(0) as usize];
            list(architectures.as_mut_ptr());
            Ok(Self {
                version: (major, minor),
                create: function(&library, TITLE, "nvrtcCreateProgram")?,
                compile: function(&library, TITLE, "nvrtcCompileProgram")?,
                destroy: function(&library, TITLE, "nvrtcDestroyProgram")?,
                log: get("nvrtcGetProgramLogSize", "nvrtcGetProgramLog")?,
                code: [get("nvrtcGetCUBINSize", "nvrtcGetCUBIN")?, get("nvrtcGetPTXSize", "nvrtcGetPTX")?],
                architectures,
                _library: library,
            })
        }
    }

    /// `12.9`.
    pub(crate) fn version(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// Machine code for a compute capability (90), or PTX for the newest that the compiler knows below it, which the driver
    /// then translates.
    pub(crate) fn compile(&self, file: &'static str, source: &str, capability: i32) -> Result<Vec<u8>, CalibrationError> {
        let known = self.architectures.iter().copied().filter(|known| *known <= capability).max().unwrap_or(80);
        let exact = known == capability;
        let architecture = format!("{}_{known}", if exact { "sm" } else { "compute" });
        let failed = |log: &str| CalibrationError::Compile { file, architecture: architecture.clone(), log: log.to_owned() };
        let source = CString::new(source).map_err(|_| failed("the source contains a zero byte"))?;
        let name = CString::new(file).map_err(|_| failed("the name contains a zero byte"))?;
        let options = [format!("--gpu-architecture={architecture}"), "--std=c++17".to_owned()];
        let options: Vec<CString> = options.into_iter().filter_map(|option| CString::new(option).ok()).collect();
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let mut program: Program = ptr::null_mut();
        // SAFETY: every pointer outlives its call, and source and name the program; the program is destroyed once.
        unsafe {
            if (self.create)(&raw mut program, source.as_ptr(), name.as_ptr(), 0, ptr::null(), ptr::null()) != 0 {
                return Err(failed("the compiler did not start"));
            }
            let status = (self.compile)(program, pointers.len() as c_int, pointers.as_ptr());
            let code = if status == 0 { self.code[usize::from(!exact)].of(program) } else { None };
            let log = self.log.of(program).unwrap_or_default();
            (self.destroy)(&raw mut program);
            code.ok_or_else(|| failed(String::from_utf8_lossy(&log).trim_matches(['\0', '\n', ' '])))
        }
    }
}
