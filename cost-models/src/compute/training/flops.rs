//! Floating-point operations of training, as sources count them.

use super::Task;

/// How a source counts the operations of a token, for model FLOP utilisation (MFU) and TFLOP/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Definition {
    /// `6 N + 12 L h s`: all parameters and the whole square of scores (Chowdhery et al. 2022, appendix B; MosaicML).
    Palm,
    /// `72 L h^2 (1 + s / 6h + V / 12 L h)`: layers, the whole square of scores, and the logits (Korthikanti et al. 2022,
    /// appendix A).
    Megatron,
    /// The same with the forward pass counted twice for recomputation: `96 L h^2 (1 + s / 6h + V / 16 L h)` (Narayanan et al. 2021,
    /// equation 3): hardware, not model.
    MegatronRecompute,
    /// `6 N + 6 L h s`: the scores below the diagonal alone, which is what causal kernels multiply.
    Causal,
    /// `6 N`.
    Parameters,
}

/// Operations of a token's forward and backward pass. `parameters` is the count that the source uses (`N`).
#[must_use]
pub fn token_flop(definition: Definition, task: Task<'_>, parameters: f64) -> f64 {
    let it = task.architecture;
    let width = it.attention.heads * it.attention.head_size;
    let scores = it.layers * width * task.sequence_length;
    // What the shape multiplies: 12 h^2 for a GPT layer, less with grouped queries, plus the logits.
    let shape = it.token_parameters();
    match definition {
        Definition::Palm => 6.0 * parameters + 12.0 * scores,
        Definition::Megatron => 6.0 * shape + 12.0 * scores,
        Definition::MegatronRecompute => 8.0 * shape - 2.0 * it.vocabulary * it.hidden + 16.0 * scores,
        Definition::Causal => 6.0 * parameters + 6.0 * scores,
        Definition::Parameters => 6.0 * parameters,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::architecture;
    use super::*;

    #[test]
    fn the_formulas_are_the_published_ones() {
        let it = architecture("gpt-3-175b").unwrap().1;
        let task = Task { architecture: it, sequence_length: 2048.0 };
        let (layers, h, s, v) = (it.layers, it.hidden, 2048.0, it.vocabulary);
        let megatron = 72.0 * layers * h * h * (1.0 + s / (6.0 * h) + v / (12.0 * layers * h));
        assert!((token_flop(Definition::Megatron, task, 0.0) / megatron - 1.0).abs() < 1e-9);
        let recompute = 96.0 * layers * h * h * (1.0 + s / (6.0 * h) + v / (16.0 * layers * h));
        assert!((token_flop(Definition::MegatronRecompute, task, 0.0) / recompute - 1.0).abs() < 1e-9);
        let palm = token_flop(Definition::Palm, task, 175e9);
        assert!((palm - (6.0 * 175e9 + 12.0 * layers * h * s)).abs() < 1.0);
    }
}
