//! Pages as a reader sees them: blocks of code, code between words, links and headings.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

pub(super) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown file of the repository.
pub(super) struct Page {
    /// Its path in the repository.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    /// The pieces of code between words.
    pub(super) codes: Vec<String>,
    pub(super) links: Vec<String>,
    /// What a link to a heading may name.
    pub(super) anchors: BTreeSet<String>,
}

/// A fenced block of code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) language: String,
    pub(super) text: String,
    /// The anchor of the heading above it.
    pub(super) section: String,
    /// Where it is in the page, fences included.
    pub(super) place: Range<usize>,
}

impl Page {
    pub(super) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(repository().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self::parse(name, text)
    }

    pub(super) fn parse(name: &str, text: String) -> Self {
        let mut page = Self {
            name: name.to_owned(),
            text: String::new(),
            blocks: Vec::new(),
            codes: Vec::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let mut reader = Reader::default();
        for (event, place) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            reader.take(event, place, &mut page);
        }
        page.text = text;
        page
    }

    /// The folder that its links start from.
    pub(super) fn folder(&self) -> &Path {
        Path::new(&self.name).parent().expect("a page is in a folder")
    }
}

/// What is open while a page is read.
#[derive(Default)]
struct Reader {
    section: String,
    heading: Option<String>,
    block: Option<Block>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, place: Range<usize>, page: &mut Page) {
        match event {
            Event::Start(Tag::Heading { .. }) => self.heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                self.section = anchor(&self.heading.take().unwrap_or_default());
                page.anchors.insert(self.section.clone());
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                let (text, section) = (String::new(), self.section.clone());
                self.block = Some(Block { language, text, section, place });
            }
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(self.block.take()),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Text(text) => match (&mut self.block, &mut self.heading) {
                (Some(block), _) => block.text.push_str(&text),
                (None, Some(heading)) => heading.push_str(&text),
                (None, None) => {}
            },
            Event::Code(code) => {
                if let Some(heading) = &mut self.heading {
                    heading.push_str(&code);
                }
                page.codes.push(code.into_string());
            }
            _ => {}
        }
    }
}

/// The anchor that GitHub gives a heading, as its documentation of Markdown describes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_page_is_read_as_a_reader_sees_it() {
    let text = "# What it can't do\n\n1. Run `auditsync status`:\n\n   ```console\n   $ \
        auditsync\n   \
                Nothing is due.\n   ```\n\n[A](b.md#c) ![d](e.svg)\n";
    let page = Page::parse("docs/page.md", text.to_owned());
    assert_eq!(page.anchors.iter().collect::<Vec<_>>(), ["what-it-cant-do"]);
    assert_eq!(page.codes, ["auditsync status"]);
    assert_eq!(page.links, ["b.md#c", "e.svg"]);
    let block = &page.blocks[0];
    assert_eq!((block.language.as_str(), block.section.as_str()), ("console", "what-it-cant-do"));
    assert_eq!(block.text, "$ auditsync\nNothing is due.\n");
    assert!(page.text[block.place.clone()].starts_with("```console\n   $ "), "{block:?}");
    assert_eq!(page.folder(), Path::new("docs"));
}
