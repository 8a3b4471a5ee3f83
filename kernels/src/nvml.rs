//! What the management library (NVML) says of a device while it works. It only asks: no setting is ever changed.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use libloading::Library;

use crate::error::CalibrationError;
use crate::load::{function, open};

const TITLE: &str = "NVML (libnvidia-ml)";

type Handle = *mut c_void;
type Ask<T> = unsafe extern "C" fn(Handle, *mut T) -> c_int;
type AskKind = unsafe extern "C" fn(Handle, c_uint, *mut c_uint) -> c_int;

/// Numbers of nvml.h.
const CLOCK_SM: c_uint = 1;
const CLOCK_MEMORY: c_uint = 2;
const TEMPERATURE_GPU: c_uint = 0;

/// Reasons for a lower clock that make a measurement useless: hardware slowdown, software and hardware thermal slowdown, power
/// brake. The power cap (0x4) is not among them: dense arithmetic runs against it as a rule.
pub(crate) const THROTTLED: u64 = 0x8 | 0x20 | 0x40 | 0x80;

/// State of a device; absent where the library does not say (virtual devices hide some).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) power_w: Option<f64>,
    pub(crate) temperature_c: Option<f64>,
    pub(crate) sm_mhz: Option<f64>,
    pub(crate) memory_mhz: Option<f64>,
    /// Bits of `nvmlClocksThrottleReasons`.
    pub(crate) throttle: Option<u64>,
}

/// One device, seen through NVML.
pub(crate) struct Nvml {
    device: Handle,
    power: Option<Ask<c_uint>>,
    energy: Option<Ask<u64>>,
    limit: Option<Ask<c_uint>>,
    throttle: Option<Ask<u64>>,
    clock: Option<AskKind>,
    highest_clock: Option<AskKind>,
    temperature: Option<AskKind>,
    link_generation: Option<Ask<c_uint>>,
    link_width: Option<Ask<c_uint>>,
    driver: String,
    _library: Library,
}

fn value<T: Default>(device: Handle, ask: Option<Ask<T>>) -> Option<T> {
    let mut value = T::default();
    // SAFETY: the handle is this device's, and the library writes one value of the type.
    (unsafe { ask?(device, &raw mut value) } == 0).then_some(value)
}

fn value_of(device: Handle, ask: Option<AskKind>, kind: c_uint) -> Option<f64> {
    let mut value = 0;
    // SAFETY: as above.
    (unsafe { ask?(device, kind, &raw mut value) } == 0).then_some(f64::from(value))
}

impl Nvml {
    /// The device with this PCI bus id: the driver's numbering can differ from NVML's.
    pub(crate) fn open(bus_id: &CStr) -> Result<Self, CalibrationError> {
        let library = open(TITLE, &["libnvidia-ml.so.1", "libnvidia-ml.so"], "BASTIDE_NVML")?;
        let refused =
            |what: &str, status: c_int| CalibrationError::Driver { what: what.to_owned(), reason: format!("NVML status {status}") };
        // SAFETY: the types are those of nvml.h; the functions are used only while the library is open.
        unsafe {
            let init: unsafe extern "C" fn() -> c_int = function(&library, TITLE, "nvmlInit_v2")?;
            let find: unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int =
                function(&library, TITLE, "nvmlDeviceGetHandleByPciBusId_v2")?;
            let status = init();
            if status != 0 {
                return Err(refused("nvmlInit", status));
            }
            let mut device: Handle = ptr::null_mut();
            let status = find(bus_id.as_ptr(), &raw mut device);
            if status != 0 {
                return Err(refused("nvmlDeviceGetHandleByPciBusId", status));
            }
            let version: Option<unsafe extern "C" fn(*mut c_char, c_uint) -> c_int> =
                function(&library, TITLE, "nvmlSystemGetDriverVersion").ok();
            let mut text = [0u8; 80];
            let driver = match version {
                Some(version) if version(text.as_mut_ptr().cast(), 80) == 0 => {
                    CStr::from_bytes_until_nul(&text).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
                }
                _ => String::new(),
            };
            Ok(Self {
                device,
                power: function(&library, TITLE, "nvmlDeviceGetPowerUsage").ok(),
                energy: function(&library, TITLE, "nvmlDeviceGetTotalEnergyConsumption").ok(),
                limit: function(&library, TITLE, "nvmlDeviceGetEnforcedPowerLimit").ok(),
                throttle: function(&library, TITLE, "nvmlDeviceGetCurrentClocksThrottleReasons").ok(),
                clock: function(&library, TITLE, "nvmlDeviceGetClockInfo").ok(),
                highest_clock: function(&library, TITLE, "nvmlDeviceGetMaxClockInfo").ok(),
                temperature: function(&library, TITLE, "nvmlDeviceGetTemperature").ok(),
                link_generation: function(&library, TITLE, "nvmlDeviceGetCurrPcieLinkGeneration").ok(),
                link_width: function(&library, TITLE, "nvmlDeviceGetCurrPcieLinkWidth").ok(),
                driver,
                _library: library,
            })
        }
    }

    pub(crate) fn state(&self) -> State {
        State {
            power_w: value(self.device, self.power).map(|mw| f64::from(mw) / 1e3),
            temperature_c: value_of(self.device, self.temperature, TEMPERATURE_GPU),
            sm_mhz: value_of(self.device, self.clock, CLOCK_SM),
            memory_mhz: value_of(self.device, self.clock, CLOCK_MEMORY),
            throttle: value(self.device, self.throttle),
        }
    }

    /// Energy since the driver started (J).
    pub(crate) fn energy_j(&self) -> Option<f64> {
        value(self.device, self.energy).map(|mj: u64| mj as f64 / 1e3)
    }

    /// Power limit in force (W).
    pub(crate) fn power_limit_w(&self) -> Option<f64> {
        value(self.device, self.limit).map(|mw| f64::from(mw) / 1e3)
    }

    /// Highest clocks of multiprocessors and memory (MHz).
    pub(crate) fn highest_clocks_mhz(&self) -> (Option<f64>, Option<f64>) {
        (value_of(self.device, self.highest_clock, CLOCK_SM), value_of(self.device, self.highest_clock, CLOCK_MEMORY))
    }

    /// Generation and width of the link to the host.
    pub(crate) fn link(&self) -> Option<(u32, u32)> {
        value(self.device, self.link_generation).zip(value(self.device, self.link_width))
    }

    /// `580.65.06`, or empty.
    pub(crate) fn driver(&self) -> &str {
        &self.driver
    }
}

/// A PCI bus id as the driver writes it.
pub(crate) fn bus_id(text: &[u8]) -> CString {
    CStr::from_bytes_until_nul(text).map(CStr::to_owned).unwrap_or_default()
}
