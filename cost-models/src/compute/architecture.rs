//! Shapes of language models: what their layers multiply, read and keep.

use std::sync::OnceLock;

use indexmap::IndexMap;
use serde::Deserialize;

use super::device::plain;

/// Attention of the layers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Query heads.
    pub heads: f64,
    /// Key and value heads (grouped-query attention; as many as `heads` in multi-head attention). In latent attention
    /// the number of heads after the latent is expanded.
    pub kv_heads: f64,
    /// Size of a head (of its values in latent attention).
    pub head_size: f64,
    /// Multi-head latent attention (DeepSeek-AI 2024, section 2.1), where the model has it.
    pub latent: Option<Latent>,
    /// Sliding window of the windowed layers (tokens).
    pub window: Option<f64>,
    /// Share of layers whose attention is windowed (with `window`).
    #[serde(default)]
    pub windowed_share: f64,
    /// Share of layers with linear attention or a state-space mixer instead: constant state, no keys and values.
    #[serde(default)]
    pub linear_share: f64,
    /// Parameters of such a mixer in one layer; as many as of the layers with keys and values where absent.
    pub linear_parameters: Option<f64>,
    /// Numbers that such a mixer keeps for a sequence in one layer, however long the sequence.
    #[serde(default)]
    pub linear_state: f64,
    /// Whether the output is gated by a projection as wide as the queries (Qwen 3 Next).
    #[serde(default)]
    pub output_gate: bool,
}

/// Compressed keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latent {
    /// Size of the compressed queries; 0 where queries are not compressed.
    pub query_rank: f64,
    /// Size of the compressed keys and values: what is kept for a token, with `rope_size`.
    pub kv_rank: f64,
    /// Size of a head's rotary part.
    pub rope_size: f64,
    /// Size of a head's part without position.
    pub nope_size: f64,
}

/// Mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experts {
    /// Routed experts of a layer.
    pub count: f64,
    /// Routed experts that a token uses.
    pub per_token: f64,
    /// Inner size of a routed expert.
    pub inner: f64,
    /// Inner size of all shared experts together; 0 without.
    #[serde(default)]
    pub shared_inner: f64,
    /// Layers with a dense feed-forward instead, of size `inner` of the model.
    #[serde(default)]
    pub dense_layers: f64,
}

/// A decoder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Name for people.
    pub title: String,
    /// Other names: `meta-llama/Llama-3.1-70B`.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Layers.
    pub layers: f64,
    /// Width of the residual stream.
    pub hidden: f64,
    /// Inner size of the dense feed-forward.
    pub inner: f64,
    /// Matrices of a feed-forward: 3 (gated: SwiGLU) or 2.
    #[serde(default = "three")]
    pub matrices: f64,
    /// Entries of the vocabulary.
    pub vocabulary: f64,
    /// Whether input and output embeddings are one matrix.
    #[serde(default)]
    pub tied: bool,
    /// Attention.
    pub attention: Attention,
    /// Mixture of experts, where the model is one.
    pub experts: Option<Experts>,
    /// Published count of parameters, for the check of the shape.
    pub parameters: f64,
    /// Published count of parameters that a token uses.
    pub active_parameters: f64,
    /// Where the shape comes from.
    pub source: String,
    /// Year of publication.
    pub year: u16,
    /// Whether the source was read when the figures were typed.
    #[serde(default)]
    pub verified: bool,
}

fn three() -> f64 {
    3.0
}

impl Architecture {
    /// Parameters of the attention of one layer with keys and values.
    #[must_use]
    pub fn attention_parameters(&self) -> f64 {
        let it = &self.attention;
        match it.latent {
            None => {
                let queries = if it.output_gate { 2.0 } else { 1.0 };
                self.hidden * it.head_size * ((queries + 1.0) * it.heads + 2.0 * it.kv_heads)
            }
            Some(latent) => {
                let query = it.heads * (latent.nope_size + latent.rope_size);
                let queries = if latent.query_rank > 0.0 { latent.query_rank * (self.hidden + query) } else { self.hidden * query };
                queries
                    + self.hidden * (latent.kv_rank + latent.rope_size)
                    + latent.kv_rank * it.heads * (latent.nope_size + it.head_size)
                    + it.heads * it.head_size * self.hidden
            }
        }
    }

    /// Parameters of the attention and the linear mixers of all layers.
    #[must_use]
    pub fn mixer_parameters(&self) -> f64 {
        let full = self.attention_parameters();
        let linear = self.attention.linear_parameters.unwrap_or(full);
        self.layers * (full + self.attention.linear_share * (linear - full))
    }

    /// Layers with a mixture of experts.
    #[must_use]
    pub fn expert_layers(&self) -> f64 {
        self.experts.map_or(0.0, |experts| (self.layers - experts.dense_layers).max(0.0))
    }

    /// Parameters of all layers and embeddings, from the shape.
    #[must_use]
    pub fn shape_parameters(&self) -> f64 {
        let dense = (self.layers - self.expert_layers()) * self.matrices * self.hidden * self.inner;
        let sparse = self.experts.map_or(0.0, |it| {
            self.expert_layers() * (self.matrices * self.hidden * (it.count * it.inner + it.shared_inner) + self.hidden * it.count)
        });
        self.mixer_parameters() + dense + sparse + self.embedding_parameters()
    }

    /// Parameters that one token multiplies with, output embedding included, input embedding (a look-up) not.
    #[must_use]
    pub fn token_parameters(&self) -> f64 {
        let dense = (self.layers - self.expert_layers()) * self.matrices * self.hidden * self.inner;
        let sparse = self.experts.map_or(0.0, |it| {
            self.expert_layers() * (self.matrices * self.hidden * (it.per_token * it.inner + it.shared_inner) + self.hidden * it.count)
        });
        self.mixer_parameters() + dense + sparse + self.vocabulary * self.hidden
    }

    /// Parameters of the embeddings.
    #[must_use]
    pub fn embedding_parameters(&self) -> f64 {
        self.vocabulary * self.hidden * if self.tied { 1.0 } else { 2.0 }
    }

    /// Numbers that one token keeps in memory over all layers with full attention (keys and values, or the latent).
    #[must_use]
    pub fn kept_per_token(&self) -> f64 {
        let it = &self.attention;
        let layer = it.latent.map_or(2.0 * it.kv_heads * it.head_size, |latent| latent.kv_rank + latent.rope_size);
        self.layers * (1.0 - it.linear_share) * layer
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    architecture: IndexMap<String, Architecture>,
}

/// Every model's shape by its name (`llama-3.1-70b`).
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn architectures() -> &'static IndexMap<String, Architecture> {
    static TABLE: OnceLock<IndexMap<String, Architecture>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let table: Table = toml::from_str(include_str!("../../data/architectures.toml"))
            // The table is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in table parses");
        table.architecture
    })
}

/// The shape of a name or alias, however it is punctuated, with its name in the library.
#[must_use]
pub fn architecture(name: &str) -> Option<(&'static str, &'static Architecture)> {
    static NAMES: OnceLock<IndexMap<String, usize>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        architectures()
            .iter()
            .enumerate()
            .flat_map(|(index, (key, it))| {
                std::iter::once(key).chain(&it.aliases).map(move |name| (plain(name), index)).collect::<Vec<_>>()
            })
            .collect()
    });
    // `organisation/Model` is the model.
    let short = name.rsplit('/').next().unwrap_or(name);
    let index = names.get(&plain(name)).or_else(|| names.get(&plain(short)))?;
    architectures().get_index(*index).map(|(key, it)| (key.as_str(), it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_published_parameters() {
        let mut wrong = Vec::new();
        for (name, it) in architectures() {
            let ratio = it.shape_parameters() / it.parameters;
            if (ratio - 1.0).abs() > 0.035 {
                wrong.push(format!("{name}: shape {:.4e}, published {:.4e}", it.shape_parameters(), it.parameters));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn no_two_models_share_a_name() {
        let mut owners = std::collections::BTreeMap::new();
        for (key, it) in architectures() {
            for name in std::iter::once(key).chain(&it.aliases) {
                let owner = owners.entry(plain(name)).or_insert(key);
                assert_eq!(*owner, key, "{name}");
            }
        }
    }

    #[test]
    fn a_hybrid_counts_its_mixers() {
        // Nemotron 3 Nano: a Mamba 2 mixer of 64 heads of 64, 8 groups with a state of 128, at width 2688 projects in
        // 2 * 4096 + 2 * 1024 + 64 and out 4096: 2688 * (10304 + 4096) = 38.7e6; 23 of them and 6 attentions of
        // 2688 * 128 * (2 * 32 + 2 * 2) = 23.4e6: 1.03e9 together.
        let (_, it) = architecture("Nemotron_3_Nano").unwrap();
        let by_hand = 23.0 * 2688.0 * 14_400.0 + 6.0 * 2688.0 * 128.0 * 68.0;
        assert!((it.mixer_parameters() / by_hand - 1.0).abs() < 1e-5, "{}", it.mixer_parameters());
    }

    #[test]
    fn a_model_is_found_by_any_of_its_names() {
        for name in ["llama-3.1-70b", "meta-llama/Llama-3.1-70B", "LLAMA3_70B", "Llama-3.3-70B"] {
            assert_eq!(architecture(name).map(|it| it.0), Some("llama-3.1-70b"), "{name}");
        }
        assert!(architecture("llama-9").is_none());
    }
}
