//! The diagnostics that a bad input of the corpus says it should give.

/// `#^ F0206 words` under a line: code, line and column of the mistake above it.
///
/// The caret stands under the column of the mistake. Further such lines below one another mean the same line. A mistake at
/// column 1, which a `#` hides, is written `#< F0203 words`, one of a file as a whole, without a line, `#! F0105 words`, and
/// one in another file, such as a series, `#@ F0406 series/town.csv:3:22 words`.
#[must_use]
pub fn expected_diagnostics(text: &str) -> Vec<(String, u32, u32)> {
    let mut expected = Vec::new();
    let mut above = 0;
    for (index, line) in text.lines().enumerate() {
        let marker = line.trim_start();
        if let Some(elsewhere) = marker.strip_prefix("#@ ") {
            expected.extend(elsewhere_expected(elsewhere));
            continue;
        }
        let column = if let Some(rest) = marker.strip_prefix('#')
            && rest.trim_start_matches(' ').starts_with('^')
        {
            line.chars().position(|c| c == '^').map(|position| position as u32 + 1)
        } else if marker.starts_with("#<") {
            Some(1)
        } else if marker.starts_with("#!") {
            Some(0)
        } else {
            above = index as u32 + 1;
            continue;
        };
        let words = marker.trim_start_matches(['#', '^', '<', '!', ' ']);
        let code = words.split_whitespace().next().unwrap_or("");
        if let (Some(column), true) = (column, code.len() == 5 && code.starts_with('F')) {
            expected.push((code.to_owned(), if column == 0 { 0 } else { above }, column));
        }
    }
    expected
}

/// `F0406 series/town.csv:3:22 words`: code, line and column.
fn elsewhere_expected(words: &str) -> Option<(String, u32, u32)> {
    let mut words = words.split_whitespace();
    let code = words.next()?;
    let mut place = words.next()?.rsplit(':');
    let (column, line) = (place.next()?.parse().ok()?, place.next()?.parse().ok()?);
    Some((code.to_owned(), line, column))
}

#[cfg(test)]
mod tests {
    use super::expected_diagnostics;

    #[test]
    fn reads_carets_under_lines() {
        let text = "pue = 0.5\n#     ^ F0209 too small\nfuel = 3\n#      ^ F0205 no unit\n#  ^ F0202 twice\n[[site]]\n#< F0203 no bus\n#! F0105 too large\n# ^ not a code\n#@ F0406 a/b.csv:3:22 cell\n#@ F0406 no place\n";
        let found = expected_diagnostics(text);
        let expect = [("F0209", 1, 7), ("F0205", 3, 8), ("F0202", 3, 4), ("F0203", 6, 1), ("F0105", 0, 0), ("F0406", 3, 22)];
        assert_eq!(found, expect.map(|(code, line, column)| (code.to_owned(), line, column)));
    }
}
