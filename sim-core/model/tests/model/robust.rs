//! No input makes the reader panic.

use proptest::prelude::*;

use crate::folder::{Folder, minimal};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bytes(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..12)) {
        let mut bytes = minimal().into_bytes();
        for (place, byte, action) in edits {
            let at = place.index(bytes.len());
            match action {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let result = Folder::new().with("scenario.toml", &bytes).load();
        if let Err(list) = result {
            prop_assert!(!list.is_empty());
        }
    }

    #[test]
    fn truncated(at in any::<prop::sample::Index>()) {
        let bytes = minimal().into_bytes();
        let cut = at.index(bytes.len());
        let _ = Folder::new().with("scenario.toml", &bytes[..cut]).load();
    }

    #[test]
    fn swapped_lines(pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6)) {
        let text = minimal();
        let mut lines: Vec<&str> = text.lines().collect();
        for (a, b) in pairs {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        let _ = Folder::new().with("scenario.toml", lines.join("\n")).load();
    }

    #[test]
    fn overrides(path in "[a-z.]{0,30}", value in ".{0,20}") {
        let _ = bastide_model::load(&crate::folder::scenarios().join("minimal"), &[(path, value)]);
    }
}
