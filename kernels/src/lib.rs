//! The one door to GPUs.
//!
//! Finds the CUDA devices of this machine through the driver library, which is loaded at run time: the program builds
//! and runs where no CUDA exists. Planning never needs a device; measurements travel as calibration packs.

mod blas;
mod device;
#[cfg(test)]
mod emulation;
mod error;
mod gpu;
mod launch;
mod load;
mod nvml;
mod nvrtc;
mod reference;

pub use blas::Format;
pub use device::{Device, DeviceError, devices};
pub use error::CalibrationError;
