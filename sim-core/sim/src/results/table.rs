//! Parquet tables, row by row: the one file that names polars.
//!
//! Bytes depend on the rows alone: fixed row groups, one compression, one encoding thread, no clock.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Column, DataFrame, DataType, Float64Type, Int64Type, IntoSeries, PolarsError,
    PrimitiveChunkedBuilder, Schema, StringChunkedBuilder,
};
use polars_io::SerReader;
use polars_io::parquet::read::{ParallelStrategy, ParquetReader};
use polars_io::parquet::write::{BatchedWriter, KeyValueMetadata, ParquetCompression, ParquetWriter};

use super::ResultsError;
use super::files::NewFile;

/// Rows in a row group; also what is held in memory at a time.
const ROWS: usize = 1 << 17;

/// What a column holds. Any value may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Integer,
    Flag,
}

impl Kind {
    const fn dtype(self) -> DataType {
        match self {
            Self::Text => DataType::String,
            Self::Number => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Flag => DataType::Boolean,
        }
    }
}

/// A table's name, version and columns.
pub(super) struct TableDef {
    /// Name of the file and of the schema (`bastide/NAME`).
    pub name: &'static str,
    /// Version of the schema.
    pub version: u32,
    /// Columns in order.
    pub columns: &'static [(&'static str, Kind)],
}

impl TableDef {
    pub(super) fn file(&self) -> String {
        format!("{}.parquet", self.name)
    }
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Number(f64),
    Integer(i64),
    Flag(bool),
    Absent,
}

impl<'a> Cell<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
    pub(super) fn number(self) -> Option<f64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }
    pub(super) fn integer(self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(integer) } else { None }
    }
    pub(super) fn flag(self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(flag) } else { None }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}
impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}
impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}
impl From<i64> for Cell<'_> {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}
impl From<u32> for Cell<'_> {
    fn from(integer: u32) -> Self {
        Self::Integer(integer.into())
    }
}
impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

enum Builder {
    Text(StringChunkedBuilder),
    Number(PrimitiveChunkedBuilder<Float64Type>),
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Flag(BooleanChunkedBuilder),
}

impl Builder {
    fn new(name: &str, kind: Kind) -> Self {
        // Grows as needed: most tables are small.
        match kind {
            Kind::Text => Self::Text(StringChunkedBuilder::new(name.into(), 0)),
            Kind::Number => Self::Number(PrimitiveChunkedBuilder::new(name.into(), 0)),
            Kind::Integer => Self::Integer(PrimitiveChunkedBuilder::new(name.into(), 0)),
            Kind::Flag => Self::Flag(BooleanChunkedBuilder::new(name.into(), 0)),
        }
    }

    /// False if the cell is of another kind.
    fn push(&mut self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Number(column), Cell::Number(number)) => column.append_value(number),
            (Self::Integer(column), Cell::Integer(integer)) => column.append_value(integer),
            (Self::Flag(column), Cell::Flag(flag)) => column.append_value(flag),
            (Self::Text(column), Cell::Absent) => column.append_null(),
            (Self::Number(column), Cell::Absent) => column.append_null(),
            (Self::Integer(column), Cell::Absent) => column.append_null(),
            (Self::Flag(column), Cell::Absent) => column.append_null(),
            _ => return false,
        }
        true
    }

    fn finish(self) -> Column {
        match self {
            Self::Text(column) => column.finish().into_series().into(),
            Self::Number(column) => column.finish().into_series().into(),
            Self::Integer(column) => column.finish().into_series().into(),
            Self::Flag(column) => column.finish().into_series().into(),
        }
    }
}

/// A sink shared with polars, which also keeps the system's own error and hashes what passes.
#[derive(Clone)]
struct Sink(Rc<RefCell<SinkState>>);

struct SinkState {
    file: Option<NewFile>,
    hasher: blake3::Hasher,
    error: Option<io::Error>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let state = &mut *self.0.borrow_mut();
        let written = state.file.as_mut().map_or(Ok(0), |file| file.write(bytes));
        match written {
            Ok(written) => {
                state.hasher.update(&bytes[..written]);
                Ok(written)
            }
            Err(error) => {
                let kind = error.kind();
                state.error = Some(error);
                Err(kind.into())
            }
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one table.
pub(super) struct TableWriter {
    def: &'static TableDef,
    path: std::path::PathBuf,
    sink: Sink,
    writer: BatchedWriter<Sink>,
    builders: Vec<Builder>,
    rows: usize,
}

impl TableWriter {
    /// Starts `folder/NAME.parquet` under a temporary name.
    pub(super) fn create(folder: &Path, def: &'static TableDef, program: &str, fingerprint: &str) -> Result<Self, ResultsError> {
        let path = folder.join(def.file());
        let state = SinkState { file: Some(NewFile::create(&path)?), hasher: blake3::Hasher::new(), error: None };
        let sink = Sink(Rc::new(RefCell::new(state)));
        let metadata = [
            ("schema", format!("bastide/{}", def.name)),
            ("schema_version", def.version.to_string()),
            ("program", program.to_string()),
            ("fingerprint", fingerprint.to_string()),
        ];
        let metadata = metadata.map(|(key, value)| (key.to_string(), value)).to_vec();
        let schema: Schema = def.columns.iter().map(|(name, kind)| ((*name).into(), kind.dtype())).collect();
        let writer = ParquetWriter::new(sink.clone())
            .with_compression(ParquetCompression::Zstd(None))
            .set_parallel(false)
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata)))
            .batched(&schema)
            .map_err(|error| failure(&path, &sink, &error))?;
        Ok(Self { def, path, sink, writer, builders: builders(def), rows: 0 })
    }

    /// Appends a row.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ResultsError> {
        let fits = cells.len() == self.builders.len() && self.builders.iter_mut().zip(cells).all(|(builder, cell)| builder.push(*cell));
        if !fits {
            return Err(ResultsError::Mismatch(format!("row of `{}` does not fit its columns", self.def.name)));
        }
        self.rows += 1;
        if self.rows == ROWS { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), ResultsError> {
        let full = std::mem::replace(&mut self.builders, builders(self.def));
        let columns = full.into_iter().map(Builder::finish).collect();
        DataFrame::new(self.rows, columns)
            .and_then(|frame| self.writer.write_batch(&frame))
            .map_err(|error| failure(&self.path, &self.sink, &error))?;
        self.rows = 0;
        Ok(())
    }

    /// Completes the file and gives its BLAKE3.
    pub(super) fn finish(mut self) -> Result<String, ResultsError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.finish().map_err(|error| failure(&self.path, &self.sink, &error))?;
        let mut state = self.sink.0.borrow_mut();
        let hash = state.hasher.finalize().to_hex().to_string();
        if let Some(file) = state.file.take() {
            file.commit()?;
        }
        Ok(hash)
    }
}

fn builders(def: &TableDef) -> Vec<Builder> {
    def.columns.iter().map(|(name, kind)| Builder::new(name, *kind)).collect()
}

fn failure(path: &Path, sink: &Sink, error: &PolarsError) -> ResultsError {
    match sink.0.borrow_mut().error.take() {
        Some(error) => ResultsError::io(path, error),
        None => ResultsError::corrupt(path, error),
    }
}

/// Reads a table, a row group at a time, and shows each row to `visit`, which may object. The caller has checked the file's
/// hash, so that polars sees only what it once wrote.
pub(super) fn read(
    folder: &Path,
    def: &TableDef,
    fingerprint: &str,
    mut visit: impl FnMut(&[Cell<'_>]) -> Result<(), String>,
) -> Result<(), ResultsError> {
    let path = folder.join(def.file());
    let open = || File::open(&path).map_err(|error| ResultsError::io(&path, error));
    let corrupt = |error: PolarsError| ResultsError::corrupt(&path, error);
    let mut reader = ParquetReader::new(open()?);
    let metadata = reader.get_metadata().map_err(corrupt)?.clone();
    let key = |name: &str| {
        let pairs = metadata.key_value_metadata().as_deref().unwrap_or_default();
        pairs.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.as_deref()).unwrap_or_default()
    };
    if key("schema") != format!("bastide/{}", def.name) {
        return Err(ResultsError::corrupt(&path, "it is not this table"));
    }
    let version = key("schema_version").parse::<u32>().map_err(|_| ResultsError::corrupt(&path, "no schema version"))?;
    if version > def.version {
        return Err(ResultsError::Newer { path, found: version, known: def.version });
    }
    if key("fingerprint") != fingerprint {
        return Err(ResultsError::corrupt(&path, "it belongs to another study"));
    }
    let names: Vec<String> = def.columns.iter().map(|(name, _)| (*name).to_string()).collect();
    let total = metadata.num_rows;
    for start in (0..total).step_by(ROWS) {
        let mut reader = ParquetReader::new(open()?);
        reader.set_metadata(metadata.clone());
        let frame = reader
            .with_columns(Some(names.clone()))
            .with_slice(Some((start, ROWS)))
            .read_parallel(ParallelStrategy::None)
            .set_rechunk(true)
            .finish()
            .map_err(corrupt)?;
        let mut columns = Vec::with_capacity(names.len());
        for (name, kind) in def.columns {
            columns.push(View::of(&frame, name, *kind).map_err(corrupt)?);
        }
        let mut cells = vec![Cell::Absent; columns.len()];
        for row in 0..frame.height() {
            for (cell, column) in cells.iter_mut().zip(&columns) {
                *cell = column.get(row);
            }
            visit(&cells).map_err(|reason| ResultsError::corrupt(&path, reason))?;
        }
    }
    Ok(())
}

enum View<'a> {
    Text(&'a polars::prelude::StringChunked),
    Number(&'a polars::prelude::Float64Chunked),
    Integer(&'a polars::prelude::Int64Chunked),
    Flag(&'a polars::prelude::BooleanChunked),
}

impl<'a> View<'a> {
    fn of(frame: &'a DataFrame, name: &str, kind: Kind) -> Result<Self, PolarsError> {
        let column = frame.column(name)?;
        Ok(match kind {
            Kind::Text => Self::Text(column.str()?),
            Kind::Number => Self::Number(column.f64()?),
            Kind::Integer => Self::Integer(column.i64()?),
            Kind::Flag => Self::Flag(column.bool()?),
        })
    }

    fn get(&self, row: usize) -> Cell<'a> {
        match self {
            Self::Text(column) => column.get(row).into(),
            Self::Number(column) => column.get(row).into(),
            Self::Integer(column) => column.get(row).into(),
            Self::Flag(column) => column.get(row).into(),
        }
    }
}
