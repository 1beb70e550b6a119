//! A tar from which programs unpack different files is no bag, whatever this program finds in it.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::{assert_sound, export, files, verify};
use crate::support::{ACME, World};

type Tar = Builder<Vec<u8>>;

fn small() -> (World, PathBuf) {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let bag = export(&world, "--from 2024-09-28 --to 2024-09-28", "bag", 0);
    (world, bag)
}

fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    header
}

fn add(tar: &mut Tar, kind: EntryType, name: &str, bytes: &[u8]) {
    tar.append_data(&mut header(kind, bytes.len()), name, bytes).expect("an entry");
}

/// Adds an extended header: `LENGTH KEY=VALUE`, with a length that counts itself.
fn extend(tar: &mut Tar, kind: EntryType, key: &str, value: &str) {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    add(tar, kind, "extended", format!("{length}{rest}").as_bytes());
}

/// The bag as a tar, with what `before` adds in front of the file `of`.
fn tar_of(bag: &Path, of: &str, before: impl Fn(&mut Tar)) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for name in files(bag) {
        if name == of {
            before(&mut tar);
        }
        let bytes = fs::read(bag.join(&name)).expect("a file");
        add(&mut tar, EntryType::Regular, &format!("bag/{name}"), &bytes);
    }
    tar.into_inner().expect("a tar")
}

/// The first problem that `verify --bag` finds; empty if it finds the bag sound.
fn problem(tar: &[u8]) -> String {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("bag.tar");
    fs::write(&path, tar).expect("a file");
    let finished = verify(&path, "");
    let report = finished.json();
    let problems = report["problems"].as_array().expect("problems");
    assert_eq!(finished.status, i32::from(!problems.is_empty()), "{finished:#?}");
    assert!(problems.len() < 2, "{finished:#?}");
    problems.first().map(|one| one["detail"].as_str().expect("text").to_owned()).unwrap_or_default()
}

#[test]
fn only_zeros_may_follow_the_end_of_a_tar() {
    let (_world, bag) = small();
    let tar = tar_of(&bag, "", |_| {});
    let other = tar_of(&bag, "bagit.txt", |tar| add(tar, EntryType::Regular, "bag/more", b"x"));
    let zipped = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut gzip, bytes).expect("bytes");
        gzip.finish().expect("bytes")
    };
    let zeros = vec![0; 20 * 512];
    for sound in [
        tar.clone(),
        [tar.clone(), zeros.clone()].concat(),
        zipped(&tar),
        [zipped(&tar[..5000]), zipped(&tar[5000..])].concat(),
    ] {
        assert_eq!(problem(&sound), "");
    }
    for (wrong, why) in [
        ([&tar[..], b"more"].concat(), "something follows the end"),
        ([tar.clone(), other.clone()].concat(), "something follows the end"),
        ([tar.clone(), zeros, other.clone()].concat(), "something follows the end"),
        ([zipped(&tar), zipped(&other)].concat(), "something follows the end"),
        ([zipped(&tar), b"more".to_vec()].concat(), "bag.tar: "),
        (tar[..tar.len() / 2 + 100].to_vec(), "in the middle of an entry"),
    ] {
        let found = problem(&wrong);
        assert!(found.starts_with("bag.tar: ") && found.contains(why), "{why}: {found}");
    }
}

#[test]
fn extended_headers_say_names_and_sizes_and_nothing_that_changes_files() {
    let (_world, bag) = small();
    let of_coverage = |kind, key: &str, value: &str| {
        tar_of(&bag, "data/coverage.csv", |tar| extend(tar, kind, key, value))
    };
    let size = fs::metadata(bag.join("data/coverage.csv")).expect("a file").len().to_string();
    for (kind, key, value) in [
        (EntryType::XHeader, "path", "bag/data/coverage.csv"),
        (EntryType::XHeader, "size", &*size),
        (EntryType::XHeader, "mtime", "1.5"),
        (EntryType::XHeader, "uname", "someone"),
        (EntryType::XHeader, "LIBARCHIVE.xattr.com.apple.provenance", "AQ"),
        (EntryType::XGlobalHeader, "comment", "a commit"),
    ] {
        assert_eq!(problem(&of_coverage(kind, key, value)), "", "{key}");
    }
    for (kind, key, value) in [
        (EntryType::XGlobalHeader, "path", "bag/more"),
        (EntryType::XGlobalHeader, "size", "7"),
        (EntryType::XHeader, "GNU.sparse.name", "bag/more"),
        (EntryType::XHeader, "GNU.sparse.major", "1"),
        (EntryType::XHeader, "SCHILY.realsize", "7"),
        (EntryType::XHeader, "linkpath", "/etc/passwd"),
        (EntryType::XHeader, "hdrcharset", "BINARY"),
        (EntryType::XHeader, "path", "bag/a\0b"),
        (EntryType::XHeader, "size", "-1"),
    ] {
        let found = problem(&of_coverage(kind, key, value));
        assert!(found.starts_with("bag.tar: "), "{key}={value}: {found}");
    }
    let twice = tar_of(&bag, "data/coverage.csv", |tar| {
        extend(tar, EntryType::XHeader, "path", "bag/one");
        extend(tar, EntryType::XHeader, "path", "bag/two");
    });
    assert!(problem(&twice).contains("two names"));
}

#[test]
fn a_file_that_stands_twice_in_a_tar_is_none() {
    let (_world, bag) = small();
    for name in ["bag/data/coverage.csv", "bag/./data/coverage.csv", "bag//data/coverage.csv"] {
        let tar = tar_of(&bag, "bagit.txt", |tar| {
            let mut header = header(EntryType::Regular, 1);
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, &b"x"[..]).expect("an entry");
        });
        let found = problem(&tar);
        assert!(found.contains("stands in it more than once"), "{name}: {found}");
    }
}

#[test]
fn a_tar_of_another_program_is_a_bag() {
    let (_world, bag) = small();
    let folder = TempDir::new().expect("a folder");
    for format in ["gnu", "ustar", "pax", "v7"] {
        let path = folder.path().join(format!("{format}.tar.gz"));
        let mut tar = std::process::Command::new("tar");
        tar.arg("-czf").arg(&path).arg(format!("--format={format}"));
        tar.arg("-C").arg(bag.parent().expect("a folder")).arg("bag");
        assert!(tar.status().expect("tar").success());
        assert_sound(&path, "");
    }
}
