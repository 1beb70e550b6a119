//! The tables, columns and keys that the schema must have. They are parsed from the texts of the
//! migrations, so that no second list can differ from them.

use super::migrations;

/// The columns and unique keys that the statements rely on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Table and column.
    pub(super) columns: Vec<(&'static str, &'static str)>,
    /// Table, and the columns of the key, separated by `, `.
    pub(super) keys: Vec<(&'static str, &'static str)>,
}

impl Expected {
    /// Everything that the migrations make.
    pub(super) fn of_this_program() -> Self {
        let mut expected = Self::default();
        migrations::texts().for_each(|text| expected.add(text));
        expected
    }

    pub(super) fn tables(&self) -> Vec<&'static str> {
        let mut tables: Vec<&str> = self.columns.iter().map(|(table, _)| *table).collect();
        tables.dedup();
        tables
    }

    /// Adds the columns of each `CREATE TABLE` and `ALTER TABLE … ADD COLUMN` of a text. The texts
    /// have one column a line.
    fn add(&mut self, text: &'static str) {
        let mut table = None;
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                let name = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
                table = name.split(' ').next();
            } else if let Some((altered, rest)) =
                line.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(" ADD COLUMN "))
            {
                self.columns.extend(rest.split(' ').next().map(|column| (altered, column)));
            } else if line.starts_with(')') {
                table = None;
            } else if let Some(table) = table {
                self.add_line(table, line);
            }
        }
    }

    /// Adds a line of a table's definition.
    fn add_line(&mut self, table: &'static str, line: &'static str) {
        let first = line.split(' ').next().unwrap_or_default();
        let is_key = line.contains("PRIMARY KEY") || line.contains("UNIQUE");
        match first {
            "CONSTRAINT" | "PRIMARY" if is_key => {
                let columns = line.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
                self.keys.extend(columns.map(|(columns, _)| (table, columns)));
            }
            "" | "--" | "CONSTRAINT" => {}
            column => {
                let column = column.trim_matches('"');
                self.columns.push((table, column));
                if is_key {
                    self.keys.push((table, column));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_keys_are_read_from_the_text_of_a_migration() {
        let text = "-- one (\n\
                    CREATE TABLE t (\n    \
                        id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    \
                        -- why\n    \
                        \"by\" text,\n    \
                        CONSTRAINT c CHECK (id > 0),\n    \
                        PRIMARY KEY (id, \"by\")\n);\n\
                    ALTER TABLE t ADD COLUMN more text;\n";
        let mut expected = Expected::default();
        expected.add(text);
        assert_eq!(expected.columns, [("t", "id"), ("t", "by"), ("t", "more")]);
        assert_eq!(expected.keys, [("t", "id"), ("t", "id, \"by\"")]);
    }
}
