//! The kernels through the real compiler, where its library is at hand: `tools/nvrtc.sh` fetches it, and the environment
//! variable BASTIDE_NVRTC names its file or folder. No GPU is needed.

use std::path::Path;

use crate::launch::SOURCES;
use crate::nvrtc::Nvrtc;

/// The compiler: the one that the variable names, the one that the script fetched, or none.
fn compiler() -> Option<Nvrtc> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/nvrtc/nvidia/cuda_nvrtc/lib");
    let compiler =
        if std::env::var_os("BASTIDE_NVRTC").is_none() && fetched.is_dir() { Nvrtc::open_in(&fetched, 12) } else { Nvrtc::open(13) };
    match compiler {
        Ok(compiler) => Some(compiler),
        Err(error) => {
            // A variable that names nothing is a mistake, not a machine without the library.
            assert!(std::env::var_os("BASTIDE_NVRTC").is_none(), "{error}");
            #[allow(clippy::print_stderr, reason = "a skipped test says so")]
            {
                eprintln!("skipped: compilation of the kernels: NVRTC not found; tools/nvrtc.sh fetches it");
            }
            None
        }
    }
}

#[test]
fn every_kernel_compiles_for_every_generation() {
    let Some(compiler) = compiler() else { return };
    for capability in [80, 90, 100] {
        for (file, source) in SOURCES {
            let code = compiler.compile(file, source, capability).unwrap_or_else(|error| panic!("{error}"));
            assert!(code.starts_with(b"\x7fELF"), "{file} for {capability} is machine code");
        }
    }
}

#[test]
fn a_device_newer_than_the_compiler_gets_portable_code() {
    let Some(compiler) = compiler() else { return };
    let (file, source) = SOURCES[0];
    let code = compiler.compile(file, source, 9990).unwrap();
    assert!(String::from_utf8_lossy(&code).contains(".visible .entry stream_copy"), "PTX");
    assert_eq!(code.last(), Some(&0), "the driver reads it up to a zero byte");
}

#[test]
fn a_mistake_in_a_kernel_is_told() {
    let Some(compiler) = compiler() else { return };
    let error = compiler.compile("wrong.cu", "__global__ void f() { g(); }", 90).unwrap_err().to_string();
    assert!(error.contains("wrong.cu") && error.contains('g') && error.contains("undefined"), "{error}");
}
