//! Why a calibration failed.

use crate::DeviceError;

/// Why a device could not be measured, or a pack not be read. Nothing was changed on the machine.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// There is no device to measure.
    #[error("cannot calibrate: {0}")]
    Device(#[from] DeviceError),
    /// There is no device with the number asked for.
    #[error("cannot calibrate device {ordinal}: this machine has {count}, numbered from 0")]
    Ordinal {
        /// The number asked for.
        ordinal: usize,
        /// How many there are.
        count: usize,
    },
    /// The device is older than what the kernels need.
    #[error("cannot calibrate `{name}`: compute capability {capability}, 8.0 or newer is needed")]
    TooOld {
        /// Name of the device.
        name: String,
        /// Its compute capability.
        capability: String,
    },
    /// A library of NVIDIA's could not be opened.
    #[error("cannot calibrate: {title} not found; `{variable}` can name its file or folder ({reason})")]
    Library {
        /// The library, for people.
        title: &'static str,
        /// The environment variable that can name it.
        variable: &'static str,
        /// What the system's loader said last.
        reason: String,
    },
    /// A library of NVIDIA's is too old.
    #[error("cannot calibrate: {title} has no function `{name}`")]
    Symbol {
        /// The library, for people.
        title: &'static str,
        /// The function.
        name: &'static str,
    },
    /// A kernel could not be compiled: a bug of this program, or a compiler that it does not know.
    #[error("cannot compile `{file}` for {architecture}: {log}")]
    Compile {
        /// Name of the source.
        file: &'static str,
        /// What it was compiled for.
        architecture: String,
        /// What the compiler said.
        log: String,
    },
    /// The driver refused something while measuring.
    #[error("the NVIDIA driver refused ({what}): {reason}")]
    Driver {
        /// What was asked.
        what: String,
        /// Its answer.
        reason: String,
    },
    /// cuBLASLt refused something.
    #[error("cuBLASLt refused ({what}): status {status}")]
    Blas {
        /// What was asked.
        what: &'static str,
        /// Its status: 15 is "not supported".
        status: i32,
    },
    /// The device has too little free memory.
    #[error("{needed} bytes of device memory are needed, {free} are free")]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// What was to be measured makes no sense: a shape that does not divide, or a size of zero.
    #[error("cannot measure {0}")]
    Shape(String),
}
