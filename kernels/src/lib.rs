//! The one door to GPUs.
//!
//! Finds the CUDA devices of this machine through the driver library, which is loaded at run time: the program builds
//! and runs where no CUDA exists. Planning never needs a device; measurements will travel as calibration files.

mod device;

pub use device::{Device, DeviceError, devices};
