//! One word for everything that decides the results.

use bastide_model::model::InputFile;

/// BLAKE3 (hex) of the files, overrides, seed, number of replications, plans and program version. Two studies with the same
/// fingerprint have the same tables, byte for byte.
///
/// `plans` are (name, plan file) in order; the first is the reference.
#[must_use]
pub fn fingerprint(inputs: &[InputFile], sets: &[String], seed: u64, replications: u32, plans: &[(&str, &str)], version: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    // Every field goes in with its length, so that no two lists of fields look alike.
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(version.as_bytes());
    field(&seed.to_le_bytes());
    field(&replications.to_le_bytes());
    field(&(inputs.len() as u64).to_le_bytes());
    for input in inputs {
        field(input.path.as_bytes());
        field(input.hash.as_bytes());
    }
    field(&(sets.len() as u64).to_le_bytes());
    for set in sets {
        field(set.as_bytes());
    }
    for (name, plan) in plans {
        field(name.as_bytes());
        field(plan.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counts() {
        let input = |path: &str, hash: &str| InputFile { path: path.into(), bytes: std::sync::Arc::from(&b""[..]), hash: hash.into() };
        let inputs = [input("scenario.toml", "aa"), input("series/x.csv", "bb")];
        let sets = ["site.a.pue=1.1".to_string()];
        let base = fingerprint(&inputs, &sets, 7, 50, &[("recommended", "x")], "0.1.0");
        assert_eq!(base, fingerprint(&inputs, &sets, 7, 50, &[("recommended", "x")], "0.1.0"));
        let others = [
            fingerprint(&inputs[..1], &sets, 7, 50, &[("recommended", "x")], "0.1.0"),
            fingerprint(&inputs, &[], 7, 50, &[("recommended", "x")], "0.1.0"),
            fingerprint(&inputs, &sets, 8, 50, &[("recommended", "x")], "0.1.0"),
            fingerprint(&inputs, &sets, 7, 51, &[("recommended", "x")], "0.1.0"),
            fingerprint(&inputs, &sets, 7, 50, &[("recommended", "y")], "0.1.0"),
            fingerprint(&inputs, &sets, 7, 50, &[("recommended", "x"), ("b", "")], "0.1.0"),
            fingerprint(&inputs, &sets, 7, 50, &[("recommended", "x")], "0.1.1"),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(&base, other, "{i}");
            assert!(others[..i].iter().all(|earlier| earlier != other), "{i}");
        }
    }
}
