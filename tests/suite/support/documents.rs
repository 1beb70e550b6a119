//! The published schemas of the program's JSON documents.

use std::fs;
use std::path::PathBuf;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// The file that defines each key once.
pub(crate) const KEYS: &str = "keys.json";

/// Each published schema, by the name of its file.
pub(crate) fn published() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of the schemas")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("a schema");
            let schema = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, schema)
        })
        .collect()
}

/// The schemas, ready to validate documents.
pub(crate) struct DocumentSchemas {
    schemas: Schemas,
    documents: Vec<Published>,
}

struct Published {
    name: String,
    keys: Vec<String>,
    index: SchemaIndex,
}

impl DocumentSchemas {
    pub(crate) fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let published = published();
        for (name, schema) in &published {
            compiler.add_resource(&url(name), schema.clone()).expect("a resource");
        }
        let documents = published.iter().filter(|(name, _)| name != KEYS);
        let documents = documents
            .map(|(name, schema)| Published {
                name: name.clone(),
                keys: sorted(schema["required"].as_array().expect("a list").iter().map(word)),
                index: compiler.compile(&url(name), &mut schemas).expect("a valid schema"),
            })
            .collect();
        Self { schemas, documents }
    }

    /// A schema that has the document's keys, and is satisfied by it.
    pub(crate) fn validate(&self, document: &Value) -> Result<&str, String> {
        let keys = sorted(document.as_object().ok_or("no object")?.keys().cloned());
        let mut result = Err(format!("no schema has the keys {keys:?}"));
        for published in self.documents.iter().filter(|published| published.keys == keys) {
            match self.schemas.validate(document, published.index) {
                Ok(()) => return Ok(&published.name),
                Err(error) => result = Err(format!("{}: {error:#}", published.name)),
            }
        }
        result
    }
}

/// Asserts that `document` is one that the schemas describe.
pub(crate) fn assert_published(document: &Value) {
    thread_local! {
        static SCHEMAS: DocumentSchemas = DocumentSchemas::new();
    }
    SCHEMAS.with(|schemas| {
        if let Err(error) = schemas.validate(document) {
            panic!("{error}\n{document:#}");
        }
    });
}

fn url(name: &str) -> String {
    format!("https://auditsync.example/schema/{name}")
}

fn word(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words
}
