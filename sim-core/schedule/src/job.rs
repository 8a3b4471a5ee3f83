//! Jobs as a log tells of them.

use std::num::NonZeroU32;

use bastide_units::Time;
use indexmap::IndexSet;

use crate::ask::Ask;
use crate::span::Span;

/// One job of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id, unique in the log.
    pub id: Box<str>,
    /// Line of the log, from 1.
    pub line: u32,
    /// When it was submitted, in the log's own count of time.
    pub submit: Time,
    /// How long it runs on what it asks for.
    pub runtime: Span,
    /// How long its user said that it would run.
    pub estimate: Option<Span>,
    /// What it asks for. Its models are those of `models`, once the cluster is known.
    pub ask: Ask,
    /// GPU models that will do, as `V100M16|V100M32`.
    pub models: Option<Name>,
    /// Who submitted it.
    pub user: Option<Name>,
    /// For which nation.
    pub nation: Option<Name>,
    /// Queue, partition or virtual cluster.
    pub partition: Option<Name>,
    /// Greater goes first.
    pub priority: i64,
    /// What the log says happened to it.
    pub published: Published,
}

/// A schedule that stands in the log itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// When it started (first).
    pub start: Option<Time>,
    /// How long it waited, also between its runs.
    pub wait: Option<Span>,
    /// From its submission to its end.
    pub completion: Option<Span>,
}

impl Published {
    /// Whether the log says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start.is_none() && self.wait.is_none() && self.completion.is_none()
    }
}

/// A word of [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(NonZeroU32);

impl Name {
    /// Position in [`Names`], from 0.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Words that many jobs share: users, nations, partitions, GPU models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(IndexSet<Box<str>>);

impl Names {
    /// The name of a word, new or known; `None` for an empty one.
    pub fn name(&mut self, word: &str) -> Option<Name> {
        if word.is_empty() {
            return None;
        }
        let index = self.0.get_index_of(word).unwrap_or_else(|| self.0.insert_full(word.into()).0);
        // A log has fewer than 2^32 - 1 lines, and so fewer words: see `trace::MOST_JOBS`.
        NonZeroU32::new(index as u32 + 1).map(Name)
    }
    /// The name of a word that occurs.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<Name> {
        NonZeroU32::new(self.0.get_index_of(word)? as u32 + 1).map(Name)
    }
    /// The word of a name.
    #[must_use]
    pub fn word(&self, name: Name) -> &str {
        self.0.get_index(name.index()).map_or("", |word| word)
    }
    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
