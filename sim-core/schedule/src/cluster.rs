//! Clusters: nodes with GPUs, CPU and memory.
//!
//! Read from a TOML file, the node list of the Alibaba GPU trace (CSV), or a shorthand such as `16x8`.

mod groups;
mod list;

use std::path::Path;

use bastide_model::diag::Diagnostic;
use bastide_model::source::Span;

use crate::ask::{Ask, Models, WHOLE};

/// A CPU or memory that is not stated, and so never limits.
pub const UNLIMITED: u64 = u64::MAX;
/// Most GPUs of one node.
pub const MOST_GPUS: u32 = 64;
/// Most nodes of a cluster.
pub const MOST_NODES: usize = 1 << 20;

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name, unique in its cluster.
    pub name: String,
    /// Number of GPUs, at most [`MOST_GPUS`].
    pub gpus: u32,
    /// Position of its GPUs' model in [`Cluster::models`], if it is stated.
    pub model: Option<u32>,
    /// Thousandths of a CPU; [`UNLIMITED`] where not stated.
    pub cpu_milli: u64,
    /// Memory \[MiB\]; [`UNLIMITED`] where not stated.
    pub memory_mib: u64,
    /// Number of its rack, from 0.
    pub rack: u32,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Nodes, in order.
    pub nodes: Vec<Node>,
    /// Names of the GPU models, in order of first mention.
    pub models: Vec<String>,
}

impl Cluster {
    /// Reads what `--cluster` names: a shorthand (`16x8`, `16x8+4x4`: nodes x GPUs), a `.toml` file of groups, or a node list
    /// (`.csv`, `.csv.gz`).
    ///
    /// # Errors
    /// Every mistake found, with its place.
    pub fn read(word: &str) -> Result<Self, Vec<Diagnostic>> {
        let path = Path::new(word);
        let ends_with = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        if ends_with("toml") {
            groups::read(path, word)
        } else if ends_with("csv") || ends_with("gz") {
            list::read(path, word)
        } else {
            Self::shorthand(word)
        }
    }

    /// A cluster from the text of a TOML file; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Cluster::read`].
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        groups::parse(name, text)
    }

    /// A cluster from the text of a node list; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Cluster::read`].
    pub fn from_list(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        list::parse(name, text)
    }

    /// A cluster from its shorthand: `16x8` is 16 nodes of 8 GPUs; `16x8+4x4` adds 4 nodes of 4. CPU and memory never limit.
    ///
    /// # Errors
    /// `F1101` for what is no shorthand, `F1102` for too many nodes or GPUs.
    pub fn shorthand(word: &str) -> Result<Self, Vec<Diagnostic>> {
        let refuse = |code, message: String, hint: &str| Err(vec![Diagnostic::error(code, Span::file("--cluster"), message).hint(hint)]);
        let mut cluster = Self::default();
        for group in word.split('+') {
            let sizes = group.trim().split_once(['x', 'X']).and_then(|(nodes, gpus)| Some((count(nodes)?, count(gpus)?)));
            let Some((nodes, gpus)) = sizes else {
                let hint = "nodes x GPUs, as in `16x8` or `16x8+4x4`, or a file that ends in `.toml`, `.csv` or `.csv.gz`";
                return refuse("F1101", format!("`{word}` is no cluster"), hint);
            };
            if nodes == 0 || cluster.nodes.len() as u64 + nodes > MOST_NODES as u64 || gpus > u64::from(MOST_GPUS) {
                return refuse("F1102", format!("`{}` is no size of a cluster", group.trim()), SIZES);
            }
            cluster.push(nodes as usize, &Node { gpus: gpus as u32, ..Node::bare() });
        }
        Ok(cluster)
    }

    /// Adds equal nodes, named by their numbers, each in the rack of its node.
    fn push(&mut self, count: usize, node: &Node) {
        for _ in 0..count {
            let number = self.nodes.len();
            self.nodes.push(Node { name: format!("node-{number}"), ..node.clone() });
        }
    }

    /// Number of GPUs.
    #[must_use]
    pub fn gpus(&self) -> u64 {
        self.nodes.iter().map(|node| u64::from(node.gpus)).sum()
    }

    /// The position of a model.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<u32> {
        self.models.iter().position(|model| model == name).map(|place| place as u32)
    }

    /// The models that a job allows, from its words: `V100M16|V100M32`. Nothing, or bars alone, allows all; a model that the
    /// cluster does not have adds nothing.
    #[must_use]
    pub fn models_of(&self, words: &str) -> Models {
        let mut names = words.split('|').map(str::trim).filter(|name| !name.is_empty()).peekable();
        if names.peek().is_none() {
            return Models::ANY;
        }
        names.filter_map(|name| self.model(name)).fold(Models::NONE, |set, model| set.or(Models::of(model)))
    }

    /// Whether the cluster, all free, could hold the ask; a job that it could not would wait forever.
    #[must_use]
    pub fn could_hold(&self, ask: &Ask) -> bool {
        if self.nodes.iter().any(|node| node.could_hold(ask)) {
            return true;
        }
        if !ask.may_spread() {
            return false;
        }
        let most = |node: &Node| (1..=node.gpus.min(ask.gpus)).rev().find(|gpus| node.could_hold(&ask.part(*gpus))).unwrap_or(0);
        self.nodes.iter().map(|node| u64::from(most(node))).sum::<u64>() >= u64::from(ask.gpus)
    }
}

/// How large a cluster may be, in words.
const SIZES: &str = "1 to 1,048,576 nodes in all, each with 0 to 64 GPUs";

/// A number in digits.
fn count(text: &str) -> Option<u64> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().unwrap_or(u64::MAX))
}

impl Node {
    /// A node of which nothing is stated.
    pub(crate) const fn bare() -> Self {
        Self { name: String::new(), gpus: 0, model: None, cpu_milli: UNLIMITED, memory_mib: UNLIMITED, rack: 0 }
    }

    /// Whether the node, all free, could hold the ask.
    #[must_use]
    pub fn could_hold(&self, ask: &Ask) -> bool {
        let gpus = ask.gpus == 0 || (self.gpus >= ask.gpus && ask.gpu_milli <= WHOLE && ask.models.allows(self.model));
        gpus && self.cpu_milli >= ask.cpu_milli && self.memory_mib >= ask.memory_mib
    }
}
