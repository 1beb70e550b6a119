//! The text and the document of each command say the same, number by number: the document accounts
//! for each number of the text, and each of its own numbers that people read is in the text.
//! `coverage` does the same for `status`.

mod results;
mod said;
mod work;

use serde_json::Value;

use crate::support::{Finished, THREE_ACCOUNTS_AND_A_TEAM, THREE_VIEWS, World};
use said::Said;

/// The document and the text of a command that changes nothing, with this exit status.
fn both(world: &World, arguments: &str, status: i32) -> (Value, Said) {
    let document = world.run(&format!("{arguments} --output json"));
    compared(&document, &world.run(arguments), status)
}

/// The document and the text of a command that changes something, from equal worlds.
fn twice(worlds: &[World; 2], arguments: &str, status: i32) -> (Value, Said) {
    let document = worlds[0].run(&format!("{arguments} --output json"));
    compared(&document, &worlds[1].run(arguments), status)
}

fn compared(document: &Finished, text: &Finished, status: i32) -> (Value, Said) {
    assert_eq!([document.status, text.status], [status; 2], "{document:#?}\n{text:#?}");
    (document.json(), Said::of(&text.stdout))
}

/// Two equal worlds; one source has no token.
fn twins() -> [World; 2] {
    [(); 2].map(|()| {
        let mut world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
        world.unset("INITECH_TOKEN");
        world
    })
}

const RANGE: &str = "--from 2024-09-26 --to 2024-09-29";

/// A world whose days of [`RANGE`] were synced.
fn synced() -> World {
    let world = World::busy(THREE_VIEWS);
    assert_eq!(world.run(&format!("backfill {RANGE}")).status, 0);
    world
}
