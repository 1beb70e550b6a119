//! The order of modules, and of the files inside a module: a file uses only what stands below it.

use std::collections::BTreeSet;

use super::assert_none;
use super::imports::{self, File, Import};
use super::source;

/// The files of a module in layers, from its entry to its foundation. A file may use the files in
/// the layers below its own, and none beside it or above it.
struct Order {
    /// The module's name; empty for the modules of the crate.
    module: &'static str,
    layers: &'static [&'static [&'static str]],
}

/// The order of the crate's modules, each with all its files, comes first. Inside a module, a file
/// goes by its path below the module's folder without the extension: `run/attempt`. `mod` is the
/// module's own file.
const ORDERS: &[Order] = &[
    Order {
        module: "",
        layers: &[
            &["main"],
            &["app"],
            &["cli", "heartbeat"],
            &["logging"],
            &["report"],
            &["bag", "heroku", "store"],
            &["plan", "coverage", "digest", "evidence", "fingerprints", "http"],
            &["ledger", "event", "named_range", "retry"],
            &["day"],
            &["config", "moment"],
            &["calendar", "text"],
        ],
    },
    Order {
        module: "app",
        layers: &[
            &["mod"],
            &[
                "sync",
                "backfill",
                "reconcile",
                "check",
                "status",
                "reset",
                "cleanup",
                "history",
                "report",
            ],
            &[
                "migrate",
                "keygen",
                "init",
                "manual",
                "command_line",
                "secrets",
                "verify",
                "export",
                "events",
            ],
            &[
                "export/bag",
                "export/views",
                "verify/bag",
                "check/database",
                "check/heroku",
                "check/names",
                "check/signing",
                "reconcile/compare",
                "reconcile/record",
                "estimate",
                "notify",
            ],
            &["completion", "init/choice"],
            &["init/ask"],
            &["check/archives", "export/bag/target", "export/bag/writer", "verify/bag/days"],
            &["verify/bag/chain"],
            &["verification"],
            &["verification/chain", "verification/days"],
            &["verification/visitor"],
            &["export/selection"],
            &["destination", "page"],
            &["run"],
            &["run/counting", "run/storing", "run/months", "run/read"],
            &["run/estimate", "run/obtain"],
            &["run/archive_plan"],
            &["run/archive_days", "run/supervise"],
            &["run/empty_day"],
            &["run/archive", "run/finish", "run/missing_tokens", "run/plan"],
            &["run/archive/bins", "run/remaining", "run/schedule", "run/vanished"],
            &["run/leased"],
            &["run/attempt"],
            &["run/fetches", "run/keep", "run/selector"],
            &["anchoring"],
            &["page"],
            &["context", "operator", "clock", "program"],
            &["days_over", "environment", "head", "shutdown"],
            &["failure"],
        ],
    },
    Order {
        module: "store",
        layers: &[
            &["mod"],
            &["calendar"],
            &["coverage", "export", "release", "report", "search"],
            &["report/present"],
            &["report/rows"],
            &[
                "claim", "attempt", "events", "adoption", "anchors", "evidence", "snapshot",
                "stored",
            ],
            &["comparison", "kept", "months", "operator", "provenance", "raw"],
            &["connect", "inspect"],
            &["address", "compare", "history", "ledger", "schema", "tls"],
            &["address/endpoint", "address/keyword_value", "address/resolve", "address/uri"],
            &["commit", "seal"],
            &["address/parameters", "address/passfile", "handle"],
            &["address/error", "patience"],
            &["diagnosis"],
            &["blockers", "expected", "lease"],
            &["fence", "migrations", "names"],
            &["pool", "statement"],
            &["outage"],
            &["error"],
            &["obstacle"],
        ],
    },
    Order {
        module: "heroku",
        layers: &[
            &["mod"],
            &["archive/fetch", "preflight"],
            &["archive", "archive/download", "teams"],
            &["archive/listed"],
            &["archive/fault", "archive/file", "archive/host_words", "team"],
            &["archive/unpack"],
            &["reader"],
            &["call", "page"],
            &["answer", "session"],
            &["activity", "client", "fault"],
            &["budget", "coding", "continuation", "hint", "list"],
            &["sanitize"],
        ],
    },
    Order {
        module: "bag",
        layers: &[
            &["mod"],
            &["reader"],
            &["archive", "coverage", "day_files", "manifest", "seals", "unpack"],
            &["folder", "regular", "stream"],
            &["error", "info", "layout", "table"],
        ],
    },
    Order {
        module: "evidence",
        layers: &[
            &["mod"],
            &["anchor"],
            &["anchor/mismatch", "anchor/text"],
            &["anchor/document", "anchor/signers", "chain", "day_check"],
            &["day_check/ledger", "row", "seal/form"],
            &["problem", "seal", "tally"],
            &["head", "netstring"],
            &["checkpoint"],
            &["note"],
            &["key", "timestamp", "tree"],
            &["timestamp/signature"],
            &["timestamp/encoding"],
        ],
    },
    Order {
        module: "report",
        layers: &[
            &["mod"],
            &[
                "run",
                "backfill",
                "bag",
                "check",
                "history",
                "init",
                "operator",
                "page_file",
                "reconcile",
                "status",
            ],
            &["page"],
            &["page/auditor", "page/verdict", "page/volume"],
            &["page/source"],
            &["page/calendar", "page/figures"],
            &["page/data", "page/escape", "page/state"],
            &["verify"],
            &[
                "adoption",
                "archives",
                "day",
                "found",
                "older",
                "reconcile/ids",
                "remaining",
                "status/notes",
                "view",
            ],
            &["compared", "event_table", "output"],
            &["lines", "sheet", "streams", "text"],
            &["group", "json", "program", "progress", "reason", "table", "wrap"],
            &["columns"],
            &["paint", "width"],
        ],
    },
];

/// The modules whose answers depend only on their arguments.
const WITHOUT_IO: &[&str] = &[
    "plan",
    "coverage",
    "digest",
    "evidence",
    "fingerprints",
    "ledger",
    "event",
    "day",
    "moment",
    "calendar",
];

/// Parts of paths that lead to I/O, to a clock or to the environment.
const IO: &[&str] = &[
    "sqlx",
    "reqwest",
    "tokio",
    "std::fs",
    "std::env",
    "std::process",
    "TcpStream",
    "UdpSocket",
    "Instant",
    "SystemTime",
    "Utc::now",
];

impl Order {
    /// The name of a file in this order, if it belongs to the module.
    fn name(&self, file: &File) -> Option<String> {
        let (first, rest) = file.split_first()?;
        if self.module.is_empty() {
            return Some(first.clone());
        }
        let inside = if rest.is_empty() { "mod".to_owned() } else { rest.join("/") };
        (first == self.module).then_some(inside)
    }

    fn layer(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.contains(&name))
    }

    /// Files without a layer, names without a file, and imports that do not point downward.
    fn problems(&self, files: &[File], imports: &[Import]) -> Vec<String> {
        let names: BTreeSet<String> = files.iter().filter_map(|file| self.name(file)).collect();
        let unlisted = names.iter().filter(|name| self.layer(name).is_none());
        let unlisted = unlisted.map(|name| format!("{self}{name} has no layer"));
        let gone = self.layers.iter().flat_map(|layer| layer.iter());
        let gone = gone.filter(|name| !names.contains(**name));
        let gone = gone.map(|name| format!("{self}{name} has a layer and no file"));
        let upward = imports.iter().filter_map(|import| {
            let (from, to) = (self.name(&import.from)?, self.name(&import.to)?);
            let is_wrong = from != to && self.layer(&from)? >= self.layer(&to)?;
            is_wrong.then(|| format!("{}: {self}{from} uses {self}{to}", import.at))
        });
        unlisted.chain(gone).chain(upward).collect()
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.module.is_empty() { Ok(()) } else { write!(f, "{}/", self.module) }
    }
}

#[test]
fn modules_and_their_files_use_only_what_stands_below_them() {
    let sources = source::program();
    let files: Vec<File> = sources.iter().map(source::Source::modules).collect();
    let imports = imports::imports(&sources);
    let problems: Vec<_> =
        ORDERS.iter().flat_map(|order| order.problems(&files, &imports)).collect();
    assert_none("uses against the order", &problems);
}

#[test]
fn each_module_of_several_layers_of_work_has_an_order() {
    for module in ["", "app", "store", "heroku", "report"] {
        assert!(ORDERS.iter().any(|order| order.module == module), "{module} has no order");
    }
}

#[test]
fn modules_without_io_do_none() {
    let mut problems = Vec::new();
    for source in source::program() {
        if !source.modules().first().is_some_and(|module| WITHOUT_IO.contains(&module.as_str())) {
            continue;
        }
        for (_, path, line) in imports::paths(&source) {
            let path = format!("::{}::", path.join("::"));
            let found = IO.iter().filter(|part| path.contains(&format!("::{part}::")));
            problems.extend(found.map(|part| format!("{}: {part}", source.at_line(line))));
        }
    }
    assert_none("I/O in modules that do none", &problems);
}

#[test]
fn sql_is_in_the_store_alone() {
    const VERBS: &[&str] = &[
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "CREATE TABLE ",
        "ALTER TABLE ",
        "BEGIN ",
    ];
    let mut problems = Vec::new();
    for source in source::program() {
        if source.modules().first().is_some_and(|module| module == "store") {
            continue;
        }
        for token in source.tokens() {
            let is_statement = |text: String| VERBS.iter().any(|verb| text.starts_with(verb));
            if token.text == "sqlx" || token.string.is_some_and(is_statement) {
                problems.push(format!("{}: {}", source.at_line(token.line), token.text));
            }
        }
    }
    assert_none("SQL outside of the store", &problems);
}

#[test]
fn an_order_reports_what_is_unlisted_gone_or_upward() {
    let order = Order { module: "app", layers: &[&["mod"], &["run/plan", "gone"], &["clock"]] };
    let file = |path: &str| path.split('/').map(str::to_owned).collect::<File>();
    let files = ["app", "app/run/plan", "app/clock", "app/new", "store/clock"].map(file);
    let import = |from, to, at: &str| Import { from: file(from), to: file(to), at: at.to_owned() };
    let imports = [
        import("app", "app/clock", "down"),
        import("app/clock", "app/run/plan", "up"),
        import("app/run/plan", "store/clock", "elsewhere"),
    ];
    assert_eq!(
        order.problems(&files, &imports),
        [
            "app/new has no layer",
            "app/gone has a layer and no file",
            "up: app/clock uses app/run/plan"
        ]
    );
    let whole_crate = Order { module: "", layers: &[&["app"], &["store", "report"]] };
    let imports = [
        import("app/clock", "app/new", "inside"),
        import("app/clock", "store", "down"),
        import("store/a", "report/b", "beside"),
    ];
    let files = ["app", "store/a", "report/b"].map(file);
    assert_eq!(whole_crate.problems(&files, &imports), ["beside: store uses report"]);
}
