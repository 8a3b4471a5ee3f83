//! Reads a pack, strictly.

use serde::Deserialize;
use toml::Spanned;

use super::write::{CHECKSUM, checksum};
use super::{Conditions, DeviceRecord, Point, Profile, RunRecord, SCHEMA, SoftwareRecord, VERSION};
use crate::blas::Format;
use crate::fit::Fit;
use crate::suite::{Activity, CollectiveOperation, Direction, HostMemory, LaunchMode, StreamOperation, Work};

/// Why a text is not a calibration pack.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PackError {
    /// Not TOML, or not of the form of a pack.
    #[error("line {line}, column {column}: {message}")]
    Form {
        /// Line of the text, from 1.
        line: usize,
        /// Column of the text, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Something else in TOML.
    #[error("this is not a calibration pack: its schema is `{0}`, not `bastide-calibration`")]
    Schema(String),
    /// A pack of another program version.
    #[error("the pack has version {0}; this program reads version 1")]
    Version(i64),
    /// The text was changed after it was written.
    #[error("the pack was changed or damaged: its checksum is {found}, its text has {computed}")]
    Checksum {
        /// What the pack says.
        found: String,
        /// What its text has.
        computed: String,
    },
}

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
    version: Option<i64>,
    checksum: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    #[serde(rename = "schema")]
    _schema: String,
    #[serde(rename = "version")]
    _version: i64,
    #[serde(rename = "checksum")]
    _checksum: String,
    device: DeviceRecord,
    software: SoftwareRecord,
    run: RunRecord,
    fit: Spanned<Fit>,
    #[serde(default)]
    point: Vec<Spanned<Row>>,
}

/// A point as it is written: which keys it has depends on its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    format: Option<String>,
    operation: Option<String>,
    direction: Option<String>,
    memory: Option<String>,
    mode: Option<String>,
    activity: Option<String>,
    m: Option<u64>,
    n: Option<u64>,
    k: Option<u64>,
    cold: Option<bool>,
    bytes: Option<u64>,
    batch: Option<u32>,
    context: Option<u32>,
    length: Option<u32>,
    heads: Option<u32>,
    kv_heads: Option<u32>,
    head_dim: Option<u32>,
    devices: Option<u32>,
    count: u64,
    median: Option<f64>,
    p10: Option<f64>,
    p90: Option<f64>,
    runs: u32,
    graph: bool,
    error: Option<f64>,
    rate: Option<f64>,
    power_w: Option<f64>,
    temperature_c: Option<f64>,
    sm_mhz: Option<f64>,
    memory_mhz: Option<f64>,
    throttle: Option<u64>,
    void: Option<String>,
    samples: Vec<f64>,
}

/// Line and column, from 1, of a byte of a text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn wrong(text: &str, at: usize, message: impl Into<String>) -> PackError {
    let (line, column) = place(text, at);
    PackError::Form { line, column, message: message.into() }
}

fn form(text: &str, error: &toml::de::Error) -> PackError {
    wrong(text, error.span().map_or(0, |span| span.start), error.message())
}

impl Profile {
    /// Reads a pack. Its fit is taken as it stands; `check` compares it with the points.
    ///
    /// # Errors
    /// [`PackError`] when the text is not TOML, not a pack, of another version, damaged, or holds a value that cannot be: a
    /// time that is negative or not a number, a point without the dimensions of its kind, a median that is not that of its
    /// samples.
    pub fn from_toml(text: &str) -> Result<Self, PackError> {
        let head: Head = toml::from_str(text).map_err(|error| form(text, &error))?;
        match head.schema {
            Some(schema) if schema == SCHEMA => {}
            other => return Err(PackError::Schema(other.unwrap_or_default())),
        }
        match head.version {
            Some(VERSION) => {}
            Some(other) => return Err(PackError::Version(other)),
            None => return Err(wrong(text, 0, "missing field `version`")),
        }
        let found = head.checksum.ok_or_else(|| wrong(text, 0, "missing field `checksum`"))?;
        let computed = checksum(text);
        let lines = text.lines().filter(|line| line.starts_with(CHECKSUM)).count();
        if found != computed || lines != 1 {
            return Err(PackError::Checksum { found, computed });
        }
        let pack: Pack = toml::from_str(text).map_err(|error| form(text, &error))?;
        if pack.point.is_empty() {
            return Err(wrong(text, text.len(), "the pack has no point"));
        }
        let numbers = [pack.run.highest_sm_mhz, pack.run.highest_memory_mhz, pack.run.power_limit_w];
        if numbers.into_iter().flatten().any(|value| !plausible(value)) {
            return Err(wrong(text, 0, "a clock or power limit of `run` is negative or not a number"));
        }
        if !pack.fit.get_ref().plausible() {
            return Err(wrong(text, pack.fit.span().start, "a value of `fit` is negative or not a number"));
        }
        let points = pack
            .point
            .into_iter()
            .map(|row| {
                let at = row.span().start;
                point(row.into_inner()).map_err(|message| wrong(text, at, message))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { device: pack.device, software: pack.software, run: pack.run, fit: pack.fit.into_inner(), points })
    }
}

fn plausible(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

fn need<T>(value: Option<T>, kind: &str, key: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("a point of kind `{kind}` needs `{key}`"))
}

fn word<T: Copy>(value: Option<String>, kind: &str, key: &str, words: &[(&str, T)]) -> Result<T, String> {
    let value = need(value, kind, key)?;
    words.iter().find(|(word, _)| *word == value).map(|(_, value)| *value).ok_or_else(|| format!("unknown {key} `{value}`"))
}

/// `word` of an enum and its way back, from one table.
macro_rules! words {
    ($type:ident, $($variant:ident = $word:literal),+) => {
        impl $type {
            const WORDS: &'static [(&'static str, $type)] = &[$(($word, $type::$variant)),+];

            /// The word in a pack.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $($type::$variant => $word),+
                }
            }
        }
    };
}

words!(StreamOperation, Copy = "copy", Read = "read", Triad = "triad");
words!(Direction, HostToDevice = "host-to-device", DeviceToHost = "device-to-host");
words!(HostMemory, Pinned = "pinned", Pageable = "pageable");
words!(LaunchMode, Stream = "stream", Graph = "graph", Single = "single");
words!(Activity, Idle = "idle", Stream = "stream", Matrix = "matrix", Decode = "decode");
words!(CollectiveOperation, PeerCopy = "peer-copy", StagedCopy = "staged-copy", AllReduce = "all-reduce");

/// Keys that say what was measured; a point has those of its kind and no other.
fn given(row: &Row) -> Vec<&'static str> {
    let keys = [
        ("format", row.format.is_some()),
        ("operation", row.operation.is_some()),
        ("direction", row.direction.is_some()),
        ("memory", row.memory.is_some()),
        ("mode", row.mode.is_some()),
        ("activity", row.activity.is_some()),
        ("m", row.m.is_some()),
        ("n", row.n.is_some()),
        ("k", row.k.is_some()),
        ("cold", row.cold.is_some()),
        ("bytes", row.bytes.is_some()),
        ("batch", row.batch.is_some()),
        ("context", row.context.is_some()),
        ("length", row.length.is_some()),
        ("heads", row.heads.is_some()),
        ("kv_heads", row.kv_heads.is_some()),
        ("head_dim", row.head_dim.is_some()),
        ("devices", row.devices.is_some()),
    ];
    keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
}

fn point(row: Row) -> Result<Point, String> {
    let kind = row.kind.clone();
    let expected: &[&str] = match kind.as_str() {
        "gemm" => &["format", "m", "n", "k", "cold"],
        "stream" => &["operation", "bytes"],
        "decode-attention" => &["batch", "context", "heads", "kv_heads", "head_dim"],
        "prefill-attention" => &["batch", "length", "heads", "kv_heads", "head_dim"],
        "launch" => &["mode"],
        "transfer" => &["direction", "memory", "bytes"],
        "collective" => &["operation", "bytes", "devices"],
        "power" => &["activity"],
        _ => return Err(format!("unknown kind `{kind}`")),
    };
    if let Some(key) = given(&row).into_iter().find(|key| !expected.contains(key)) {
        return Err(format!("a point of kind `{kind}` has no `{key}`"));
    }
    let kind = kind.as_str();
    let dimensions = [row.m, row.n, row.k, row.bytes];
    let small = [row.batch, row.context, row.length, row.heads, row.kv_heads, row.head_dim, row.devices];
    if dimensions.contains(&Some(0)) || small.contains(&Some(0)) {
        return Err("a dimension is zero".to_owned());
    }
    let work = match kind {
        "gemm" => Work::Gemm {
            format: word(row.format, kind, "format", &[("bf16", Format::Bf16), ("fp8", Format::Fp8)])?,
            m: need(row.m, kind, "m")?,
            n: need(row.n, kind, "n")?,
            k: need(row.k, kind, "k")?,
            cold: need(row.cold, kind, "cold")?,
        },
        "stream" => Work::Stream {
            operation: word(row.operation, kind, "operation", StreamOperation::WORDS)?,
            bytes: need(row.bytes, kind, "bytes")?,
        },
        "decode-attention" => Work::DecodeAttention {
            batch: need(row.batch, kind, "batch")?,
            context: need(row.context, kind, "context")?,
            heads: need(row.heads, kind, "heads")?,
            kv_heads: need(row.kv_heads, kind, "kv_heads")?,
            head_dim: need(row.head_dim, kind, "head_dim")?,
        },
        "prefill-attention" => Work::PrefillAttention {
            batch: need(row.batch, kind, "batch")?,
            length: need(row.length, kind, "length")?,
            heads: need(row.heads, kind, "heads")?,
            kv_heads: need(row.kv_heads, kind, "kv_heads")?,
            head_dim: need(row.head_dim, kind, "head_dim")?,
        },
        "launch" => Work::Launch { mode: word(row.mode, kind, "mode", LaunchMode::WORDS)? },
        "transfer" => Work::Transfer {
            direction: word(row.direction, kind, "direction", Direction::WORDS)?,
            memory: word(row.memory, kind, "memory", HostMemory::WORDS)?,
            bytes: need(row.bytes, kind, "bytes")?,
        },
        "collective" => Work::Collective {
            operation: word(row.operation, kind, "operation", CollectiveOperation::WORDS)?,
            devices: need(row.devices, kind, "devices")?,
            bytes: need(row.bytes, kind, "bytes")?,
        },
        _ => Work::Power { activity: word(row.activity, kind, "activity", Activity::WORDS)? },
    };
    let conditions = [row.error, row.rate, row.power_w, row.temperature_c, row.sm_mhz, row.memory_mhz];
    if conditions.into_iter().flatten().any(|value| !plausible(value)) {
        return Err("a condition is negative or not a number".to_owned());
    }
    if row.samples.iter().any(|sample| !plausible(*sample) || *sample == 0.0) {
        return Err("a sample is not a positive number".to_owned());
    }
    let point = Point {
        work,
        runs: row.runs,
        graph: row.graph,
        error: row.error,
        rate: row.rate,
        conditions: Conditions {
            power_w: row.power_w,
            temperature_c: row.temperature_c,
            sm_mhz: row.sm_mhz,
            memory_mhz: row.memory_mhz,
            throttle: row.throttle,
        },
        void: row.void,
        samples: row.samples,
    };
    if point.void.is_none() && point.samples.is_empty() {
        return Err("a point without samples must say why it is void".to_owned());
    }
    if row.count != point.samples.len() as u64 {
        return Err(format!("`count` is {}, but there are {} samples", row.count, point.samples.len()));
    }
    if !point.samples.is_empty() {
        for (key, stored, value) in [("median", row.median, point.median()), ("p10", row.p10, point.p10()), ("p90", row.p90, point.p90())] {
            let stored = need(stored, kind, key)?;
            if (stored / value - 1.0).abs() > 1e-9 || !stored.is_finite() {
                return Err(format!("`{key}` is {stored:e}, but the samples have {value:e}"));
            }
        }
    }
    Ok(point)
}
