//! What the CUDA driver says about the devices of this machine.

use bastide_cost_models::library;
use cudarc::driver::{CudaContext, sys};

/// One CUDA device.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Device {
    /// Position in the driver's list.
    pub ordinal: usize,
    /// Name that the driver gives: `NVIDIA H200`.
    pub name: String,
    /// Compute capability: `9.0`.
    pub compute_capability: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Number of streaming multiprocessors.
    pub multiprocessors: i32,
    /// Highest clock of the multiprocessors in kHz.
    pub clock_khz: i32,
    /// Name in the library of accelerators whose data sheet fits, if there is one.
    pub library: Option<String>,
}

/// Why no device can be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The machine has no NVIDIA driver. Nothing was changed; everything but measuring works.
    #[error("no NVIDIA driver on this machine (libcuda.so.1 not found)")]
    NoDriver,
    /// There is a driver, but no device that it can use.
    #[error("the NVIDIA driver finds no device")]
    NoDevice,
    /// The driver refused a question; the text is its own.
    #[error("the NVIDIA driver refused: {0}")]
    Driver(String),
}

/// Lists the CUDA devices of this machine.
///
/// # Errors
/// [`DeviceError`] when there is no driver, no device, or the driver refuses a question.
pub fn devices() -> Result<Vec<Device>, DeviceError> {
    // SAFETY: only tries to open the driver library by name; it runs the library's initialisers, nothing of ours.
    if !unsafe { sys::is_culib_present() } {
        return Err(DeviceError::NoDriver);
    }
    // A driver older than the symbols that we ask for makes the bindings panic at the first call; that is the machine's
    // state, not our bug, so it becomes an error.
    std::panic::catch_unwind(list).unwrap_or_else(|_| Err(DeviceError::Driver("it is older than CUDA 12".to_owned())))
}

fn list() -> Result<Vec<Device>, DeviceError> {
    let refused = |error: cudarc::driver::DriverError| DeviceError::Driver(error.to_string());
    let count = match CudaContext::device_count() {
        Ok(count) if count > 0 => count,
        Ok(_) => return Err(DeviceError::NoDevice),
        Err(error) if error.0 == sys::CUresult::CUDA_ERROR_NO_DEVICE => return Err(DeviceError::NoDevice),
        Err(error) => return Err(refused(error)),
    };
    (0..count as usize)
        .map(|ordinal| {
            let context = CudaContext::new(ordinal).map_err(refused)?;
            let attribute = |which| context.attribute(which).map_err(refused);
            let name = context.name().map_err(refused)?;
            let (major, minor) = context.compute_capability().map_err(refused)?;
            let (_, memory) = context.mem_get_info().map_err(refused)?;
            Ok(Device {
                ordinal,
                library: in_library(&name, memory as f64),
                name,
                compute_capability: format!("{major}.{minor}"),
                memory_bytes: memory as u64,
                multiprocessors: attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
                clock_khz: attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE)?,
            })
        })
        .collect()
}

/// The library's type whose short name (`h200`) is a word of the driver's name and whose memory is nearest.
fn in_library(name: &str, memory_bytes: f64) -> Option<String> {
    let words: Vec<String> = name.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect();
    let distance = |bytes: f64| (bytes / memory_bytes).ln().abs();
    library()
        .accelerators
        .iter()
        .filter(|(key, _)| key.split('-').next().is_some_and(|family| words.iter().any(|word| word == family)))
        .map(|(key, data)| (key, distance(data.memory.value.as_bytes())))
        .filter(|(_, distance)| *distance < 0.15)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(key, _)| key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_name_finds_its_data_sheet() {
        assert_eq!(in_library("NVIDIA H200", 150e9), Some("h200".to_owned()));
        assert_eq!(in_library("Some Other Card", 150e9), None);
    }

    #[test]
    fn a_machine_without_a_driver_says_so() {
        // Passes on both kinds of machine: a list with devices in it, or one of the documented errors.
        match devices() {
            Ok(list) => assert!(!list.is_empty() && list.iter().all(|device| device.memory_bytes > 0)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    #[ignore = "needs a CUDA device"]
    fn a_device_is_described() {
        let list = devices().unwrap();
        assert!(list[0].multiprocessors > 0 && list[0].clock_khz > 0);
    }
}
