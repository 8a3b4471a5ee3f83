//! The one door to GPUs.
//!
//! Finds the CUDA devices of this machine through the driver library, which is loaded at run time: the program builds
//! and runs where no CUDA exists. Planning never needs a device; measurements travel as calibration packs.

mod blas;
mod calibrate;
#[cfg(test)]
mod compiled;
mod device;
#[cfg(test)]
mod device_tests;
#[cfg(test)]
mod emulation;
mod error;
mod fit;
mod gpu;
mod harness;
mod launch;
mod load;
mod measure;
mod nvml;
mod nvrtc;
mod profile;
mod reference;
mod steps;
mod suite;

pub use blas::Format;
pub use calibrate::{CalibrationOptions, Report, calibrate, check};
pub use device::{Device, DeviceError, devices};
pub use error::CalibrationError;
pub use fit::{Fit, GemmFit, Line, LinkFit, PowerFit, StreamFit};
pub use profile::{
    CollectivePoint, Conditions, DecodeAttentionPoint, DeviceRecord, GemmPoint, LaunchPoint, PackError, Point, PowerPoint,
    PrefillAttentionPoint, Profile, RunRecord, SCHEMA, SoftwareRecord, StreamPoint, TransferPoint, VERSION,
};
pub use steps::{ModelShape, StepTiming, decode_step, training_step};
pub use suite::{Activity, CollectiveOperation, Direction, HostMemory, LaunchMode, StreamOperation, Work, suite};
