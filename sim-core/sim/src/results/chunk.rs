//! Finished replications on disk, so that an interruption costs no more than what was under way.
//!
//! A chunk is one file: the histories of neighbouring replications of one alternative, with the study's fingerprint and a
//! checksum at the end. Little-endian; the layout is private to the version that wrote it, which the fingerprint contains.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use indexmap::IndexSet;

use super::{ResultsError, files};
use crate::record::{History, Layout};

const MAGIC: &[u8; 8] = b"BASTCHK1";
const CHECKSUM: usize = 32;
const ENDING: &str = "chunk";
const NONE: u64 = u64::MAX;

/// Sizes that every history of a study has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub metrics: usize,
    pub channels: usize,
    pub bins: usize,
}

impl Shape {
    pub(super) fn of(layout: &Layout) -> Self {
        Self { metrics: layout.metrics.len(), channels: layout.channels.len(), bins: layout.bins }
    }
}

/// An event as the tables need it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub replication: u32,
    pub time_ns: u64,
    pub seq: u64,
    pub cause_seq: Option<u64>,
    /// Positions in [`Chunk::words`].
    pub kind: u32,
    pub entity_kind: u32,
    pub entity: u32,
    pub value: f64,
    pub note: u32,
}

/// A chunk read back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chunk {
    pub range: Range<u32>,
    /// Words of events and laws.
    pub words: Vec<String>,
    /// Largest imbalance of each law: (word, relative residual).
    pub laws: Vec<(u32, f64)>,
    /// By replication, then metric.
    pub metrics: Vec<f64>,
    /// By replication, then channel, then bin.
    pub timeline: Vec<f32>,
    pub events: Vec<Event>,
}

/// The chunks of a study under way.
#[derive(Debug)]
pub(super) struct ChunkStore {
    folder: PathBuf,
    fingerprint: String,
    shape: Shape,
    /// By alternative, in order of replications, without overlap.
    chunks: Vec<Vec<(Range<u32>, PathBuf)>>,
}

impl ChunkStore {
    /// Opens the folder and takes stock of what is there. Damaged or foreign chunks are removed: their replications run again.
    pub(super) fn open(folder: &Path, fingerprint: &str, shape: Shape, alternatives: usize) -> Result<Self, ResultsError> {
        files::create_folder(folder)?;
        let mut store =
            Self { folder: folder.to_path_buf(), fingerprint: fingerprint.to_string(), shape, chunks: vec![Vec::new(); alternatives] };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| ResultsError::io(folder, error))? {
            paths.push(entry.map_err(|error| ResultsError::io(folder, error))?.path());
        }
        paths.sort();
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == ENDING)) {
            let header = match store.read(&path) {
                Ok((alternative, chunk)) => Some((alternative, chunk.range)),
                Err(ResultsError::Corrupt { .. }) => None,
                Err(error) => return Err(error),
            };
            let new = header.filter(|(alternative, range)| store.is_free(*alternative, range));
            match new {
                Some((alternative, range)) => store.insert(alternative, range, path),
                None => fs::remove_file(&path).map_err(|error| ResultsError::io(&path, error))?,
            }
        }
        Ok(store)
    }

    fn is_free(&self, alternative: usize, range: &Range<u32>) -> bool {
        self.chunks.get(alternative).is_some_and(|held| held.iter().all(|(other, _)| range.end <= other.start || other.end <= range.start))
    }

    fn insert(&mut self, alternative: usize, range: Range<u32>, path: PathBuf) {
        let held = &mut self.chunks[alternative];
        let at = held.partition_point(|(other, _)| other.start < range.start);
        held.insert(at, (range, path));
    }

    /// Finished replications, neighbours joined.
    pub(super) fn completed(&self, alternative: usize) -> Vec<Range<u32>> {
        let mut joined: Vec<Range<u32>> = Vec::new();
        for (range, _) in self.chunks.get(alternative).into_iter().flatten() {
            match joined.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => joined.push(range.clone()),
            }
        }
        joined
    }

    /// Chunks of an alternative in order of replications.
    pub(super) fn chunks(&self, alternative: usize) -> impl Iterator<Item = Result<Chunk, ResultsError>> + '_ {
        self.chunks[alternative].iter().map(|(_, path)| self.read(path).map(|(_, chunk)| chunk))
    }

    /// Writes histories of neighbouring replications, in order.
    pub(super) fn write(&mut self, alternative: usize, histories: &[&History]) -> Result<(), ResultsError> {
        let (Some(first), Some(last)) = (histories.first(), histories.last()) else { return Ok(()) };
        let range = first.replication..last.replication + 1;
        if !self.is_free(alternative, &range) {
            return Err(ResultsError::Mismatch(format!("replications {}..{} are there already", range.start, range.end)));
        }
        for history in histories {
            let sizes = (history.metrics.len(), history.timeline.len());
            if sizes != (self.shape.metrics, self.shape.channels * self.shape.bins) {
                return Err(ResultsError::Mismatch(format!("{} metrics and {} timeline values", sizes.0, sizes.1)));
            }
            if !history.metrics.iter().all(|value| value.is_finite()) || !history.timeline.iter().all(|value| value.is_finite()) {
                return Err(ResultsError::Mismatch(format!("a value of replication {} is not finite", history.replication)));
            }
        }
        let path = self.folder.join(format!("{alternative:03}-{:08}-{:08}.{ENDING}", range.start, range.end));
        files::write(&path, &self.encode(alternative, &range, histories))?;
        self.insert(alternative, range, path);
        Ok(())
    }

    fn encode(&self, alternative: usize, range: &Range<u32>, histories: &[&History]) -> Vec<u8> {
        let mut words: IndexSet<&str> = IndexSet::new();
        let mut word = |text: &'static str| words.insert_full(text).0 as u32;
        let mut laws: Vec<(u32, f64)> = Vec::new();
        let mut events = Vec::new();
        let mut count = 0_u64;
        for history in histories {
            for (place, (law, residual)) in history.balance.residuals().into_iter().enumerate() {
                match laws.get_mut(place) {
                    Some(held) => held.1 = held.1.max(residual),
                    None => laws.push((word(law), residual)),
                }
            }
            for event in &history.events {
                count += 1;
                events.extend_from_slice(&history.replication.to_le_bytes());
                events.extend_from_slice(&event.time.as_nanos().to_le_bytes());
                events.extend_from_slice(&event.seq.to_le_bytes());
                events.extend_from_slice(&event.cause_seq.unwrap_or(NONE).to_le_bytes());
                events.extend_from_slice(&word(event.kind).to_le_bytes());
                events.extend_from_slice(&word(event.entity_kind).to_le_bytes());
                events.extend_from_slice(&event.entity.to_le_bytes());
                events.extend_from_slice(&event.value.to_le_bytes());
                events.extend_from_slice(&word(event.note).to_le_bytes());
            }
        }
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        let text = |out: &mut Vec<u8>, text: &str| {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        };
        text(&mut out, &self.fingerprint);
        let head = [alternative, range.start as usize, range.end as usize, self.shape.metrics, self.shape.channels, self.shape.bins];
        for number in head.into_iter().chain([words.len(), laws.len()]) {
            out.extend_from_slice(&(number as u32).to_le_bytes());
        }
        for word in &words {
            text(&mut out, word);
        }
        for (word, residual) in &laws {
            out.extend_from_slice(&word.to_le_bytes());
            out.extend_from_slice(&residual.to_le_bytes());
        }
        for history in histories {
            history.metrics.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }
        for history in histories {
            history.timeline.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&events);
        let checksum = blake3::hash(&out);
        out.extend_from_slice(checksum.as_bytes());
        out
    }

    fn read(&self, path: &Path) -> Result<(usize, Chunk), ResultsError> {
        let bytes = files::read(path)?;
        self.decode(&bytes).ok_or_else(|| ResultsError::corrupt(path, "damaged chunk"))
    }

    fn decode(&self, bytes: &[u8]) -> Option<(usize, Chunk)> {
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
        if blake3::hash(body).as_bytes() != checksum {
            return None;
        }
        let mut input = Input(body);
        if input.take(MAGIC.len())? != MAGIC || input.text()? != self.fingerprint {
            return None;
        }
        let alternative = input.u32()? as usize;
        let range = input.u32()?..input.u32()?;
        let shape = Shape { metrics: input.u32()? as usize, channels: input.u32()? as usize, bins: input.u32()? as usize };
        if shape != self.shape || range.is_empty() || alternative >= self.chunks.len() {
            return None;
        }
        let (words, laws) = (input.u32()?, input.u32()?);
        let words = (0..words).map(|_| input.text().map(str::to_string)).collect::<Option<Vec<_>>>()?;
        let laws = (0..laws).map(|_| Some((input.u32()?, input.f64()?))).collect::<Option<Vec<_>>>()?;
        let histories = range.len();
        let metrics = (0..histories * shape.metrics).map(|_| input.f64()).collect::<Option<Vec<_>>>()?;
        let timeline = (0..histories * shape.channels * shape.bins).map(|_| input.f32()).collect::<Option<Vec<_>>>()?;
        let count = input.u64()?;
        let events = (0..count)
            .map(|_| {
                Some(Event {
                    replication: input.u32()?,
                    time_ns: input.u64()?,
                    seq: input.u64()?,
                    cause_seq: Some(input.u64()?).filter(|seq| *seq != NONE),
                    kind: input.u32()?,
                    entity_kind: input.u32()?,
                    entity: input.u32()?,
                    value: input.f64()?,
                    note: input.u32()?,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let known = |word: u32| (word as usize) < words.len();
        let valid = laws.iter().all(|law| known(law.0))
            && events.iter().all(|event| known(event.kind) && known(event.entity_kind) && known(event.note));
        (input.0.is_empty() && valid).then_some((alternative, Chunk { range, words, laws, metrics, timeline, events }))
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }
    fn f32(&mut self) -> Option<f32> {
        self.array().map(f32::from_le_bytes)
    }
    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }
}
