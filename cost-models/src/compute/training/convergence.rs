//! How many sequences training benchmarks need to reach their quality.

/// A training benchmark with a target quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Benchmark {
    /// Name of the benchmark.
    pub name: &'static str,
    /// Sequences of a step and mean sequences to the target, smallest batch first.
    pub samples: &'static [(f64, f64)],
    /// Sequences between evaluations.
    pub evaluate_every: f64,
    /// Sequences of an evaluation.
    pub evaluate: f64,
    /// Where the figures come from.
    pub source: &'static str,
}

/// MLPerf Training, language models: reference convergence points of mlcommons/logging (means of 3 to 20 reference runs), intervals of
/// evaluation of the benchmarks' rules (recalled; the points are multiples of them).
pub const BENCHMARKS: [Benchmark; 4] = [
    Benchmark {
        name: "gpt3",
        samples: &[
            (1536.0, 585_728.0),
            (2048.0, 577_536.0),
            (3072.0, 593_920.0),
            (4096.0, 618_496.0),
            (6144.0, 688_128.0),
            (8192.0, 794_624.0),
        ],
        evaluate_every: 24_576.0,
        evaluate: 5760.0,
        source: "mlcommons/logging, rcp_checker/training_4.1.0/rcps_gpt3.json (tokens over 2,048)",
    },
    Benchmark {
        name: "llama2_70b_lora",
        samples: &[(8.0, 3187.2), (16.0, 4051.2), (32.0, 6028.8), (128.0, 11_289.6)],
        evaluate_every: 384.0,
        evaluate: 173.0,
        source: "mlcommons/logging, rcp_checker/training_5.0.0/rcps_llama2_70b_lora.json",
    },
    Benchmark {
        name: "llama31_405b",
        samples: &[(1152.0, 313_344.0), (2304.0, 368_640.0), (4608.0, 488_448.0)],
        evaluate_every: 18_432.0,
        evaluate: 5760.0,
        source: "mlcommons/logging, rcp_checker/training_5.1.0/rcps_llama31_405b.json",
    },
    Benchmark {
        name: "llama31_8b",
        samples: &[(32.0, 179_404.8), (64.0, 226_713.6), (96.0, 278_640.0), (128.0, 345_907.2)],
        evaluate_every: 12_288.0,
        evaluate: 1024.0,
        source: "mlcommons/logging, rcp_checker/training_5.1.0/rcps_llama31_8b.json",
    },
];

impl Benchmark {
    /// The benchmark of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        BENCHMARKS.iter().find(|it| it.name == name)
    }

    /// Sequences to the target with a batch: on the line between reference points in logarithms, beyond them along the last piece; below
    /// them with half of the first piece's exponent, since the need falls ever more slowly there (McCandlish et al. 2018).
    #[must_use]
    pub fn samples(&self, global_batch: f64) -> f64 {
        let points = self.samples;
        let Some(&(first, fewest)) = points.first() else { return f64::NAN };
        if points.len() < 2 {
            return fewest;
        }
        let upper = points.iter().position(|(batch, _)| *batch >= global_batch).unwrap_or(points.len() - 1).max(1);
        let ((b0, s0), (b1, s1)) = (points[upper - 1], points[upper]);
        let exponent = (s1 / s0).ln() / (b1 / b0).ln();
        s0 * (global_batch / b0).powf(if global_batch < first { exponent / 2.0 } else { exponent })
    }

    /// Steps of training to the target, evaluation counted as the forward third of a step.
    #[must_use]
    pub fn steps(&self, global_batch: f64) -> f64 {
        self.samples(global_batch) / global_batch * (1.0 + self.evaluate / self.evaluate_every / 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_points_are_met_and_lie_on_lines() {
        let it = Benchmark::of("llama2_70b_lora").unwrap();
        assert!((it.samples(16.0) - 4051.2).abs() < 1e-6);
        // Half a batch below the first point: half of the exponent ln(4051.2 / 3187.2) / ln 2.
        assert!((it.samples(4.0) - 3187.2 * (3187.2_f64 / 4051.2).sqrt()).abs() < 1e-6);
        // Half way between 32 and 128 in logarithms: the geometric mean.
        assert!((it.samples(64.0) - (6028.8_f64 * 11_289.6).sqrt()).abs() < 1e-6);
        // Each benchmark's need grows with the batch, GPT-3's smallest step apart.
        for it in BENCHMARKS {
            assert!(it.samples(1e5) > it.samples(1.0), "{}", it.name);
        }
    }
}
