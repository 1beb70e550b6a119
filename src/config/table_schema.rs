//! The JSON Schema of one table, as its keys are noted.

use serde_json::{Map, Value as Json, json};

/// The keys that a table may have, with the schema of each.
#[derive(Default)]
pub(super) struct TableSchema {
    properties: Map<String, Json>,
    required: Vec<&'static str>,
}

impl TableSchema {
    pub(super) fn note(&mut self, key: &'static str, schema: Json) {
        self.properties.insert(key.to_owned(), schema);
    }

    pub(super) fn require(&mut self, key: &'static str) {
        self.required.push(key);
    }

    pub(super) fn into_json(self) -> Json {
        let mut schema = json!({
            "type": "object", "properties": self.properties, "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        schema
    }
}
