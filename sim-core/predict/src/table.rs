//! A table of configurations: CSV with a header line.

use csv::StringRecord;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file is not CSV, or a line has another number of fields than the header.
    #[error("line {line}: {message}")]
    Csv {
        /// Line of the file, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// The file has no rows.
    #[error("the table has no rows")]
    Empty,
    /// No kind of table has these columns.
    #[error("no kind of table has these columns; nearest is `{nearest}`, which needs also: {missing}")]
    UnknownColumns {
        /// The kind with the fewest columns missing.
        nearest: &'static str,
        /// The columns that it misses.
        missing: String,
    },
}

/// A table of text.
#[derive(Clone, Debug)]
pub struct Table {
    header: StringRecord,
    records: Vec<StringRecord>,
}

/// One line of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    header: &'a StringRecord,
    record: &'a StringRecord,
}

impl Table {
    /// Reads CSV text (RFC 4180).
    ///
    /// # Errors
    /// [`TableError::Csv`] with the line, [`TableError::Empty`].
    pub fn read(text: &str) -> Result<Self, TableError> {
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let failed = |error: &csv::Error| TableError::Csv {
            line: error.position().map_or(1, csv::Position::line),
            message: match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields where the header has {expected_len}"),
                _ => error.to_string(),
            },
        };
        let header = reader.headers().map_err(|error| failed(&error))?.clone();
        let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
        if records.is_empty() { Err(TableError::Empty) } else { Ok(Self { header, records }) }
    }

    /// Names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// The lines below the header.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| Row { header: &self.header, record })
    }
}

impl<'a> Row<'a> {
    /// The text of a column, without blanks around it; `None` where the table has no such column or the cell is empty.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&'a str> {
        let index = self.header.iter().position(|name| name == column)?;
        self.record.get(index).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The number in a column; `None` where it is absent, not a number, or not finite.
    #[must_use]
    pub fn number(&self, column: &str) -> Option<f64> {
        self.get(column)?.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// The number in a column, which must be above zero, or why the row cannot be answered.
    ///
    /// # Errors
    /// The reason, for the row's `reason`.
    pub fn positive(&self, column: &str) -> Result<f64, String> {
        let Some(text) = self.get(column) else { return Err(format!("`{column}` is empty")) };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
            _ => Err(format!("`{column}` is not a number above zero: {text}")),
        }
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &'a str> {
        self.record.iter()
    }

    /// Line of the file, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_by_column() {
        let table = Table::read("m,n,note\n8, 16 ,\"a, b\"\n0,x,\n").unwrap();
        let rows: Vec<Row> = table.rows().collect();
        assert_eq!((rows[0].number("n"), rows[0].get("note"), rows[0].line()), (Some(16.0), Some("a, b"), 2));
        assert_eq!((rows[1].number("n"), rows[1].get("note"), rows[1].get("k")), (None, None, None));
        assert_eq!(rows[1].positive("m").unwrap_err(), "`m` is not a number above zero: 0");
    }

    #[test]
    fn a_short_line_is_named() {
        assert_eq!(Table::read("a,b\n1,2\n3\n").unwrap_err().to_string(), "line 3: 1 fields where the header has 2");
        assert!(matches!(Table::read("a,b\n"), Err(TableError::Empty)));
    }
}
