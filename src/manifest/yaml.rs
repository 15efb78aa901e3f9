//! YAML as drtool accepts it: one document, no anchors, no tags, no duplicate keys, nothing deep, nothing large.
//!
//! The only module that names the YAML crate. It reads text into a tree of [`Node`]s that know where they stand; what the
//! tree means is `typed`'s business. Every limit is checked before or while reading, never after.

use serde_saphyr::granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span};

use crate::failure::{At, Failure, Sources};
use crate::printable::Printable;

pub const LARGEST: usize = 1024 * 1024;
pub const DEEPEST: usize = 32;
pub const MOST_NODES: usize = 20_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub what: What,
    pub at: At,
}

#[derive(Clone, Debug)]
pub enum What {
    /// `plain`: written without quotes, so that `no` and `5` may mean more than text.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub struct Key {
    pub text: String,
    pub at: At,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.what {
            What::Mapping(members) => members
                .iter()
                .find(|(k, _)| k.text == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// An empty plain scalar, `~` or `null`: nothing was written.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.what, What::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }
}

/// Reads the bytes of `name`, adds the text to `sources` and returns its tree.
pub fn read(sources: &mut Sources, name: &str, bytes: &[u8]) -> Result<Node, Failure> {
    if bytes.len() > LARGEST {
        return Err(Failure::input(
            "E1002",
            format_args!(
                "{} is larger than 1 MiB ({} bytes)",
                Printable(name),
                bytes.len()
            ),
        )
        .hint("a manifest is a few hundred lines: is this the right file?"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Failure::input(
            "E1004",
            format_args!(
                "{} is not UTF-8: it begins with a UTF-16 byte order mark",
                Printable(name)
            ),
        )
        .placed(name, 1, 1)
        .hint("save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let offset = error.valid_up_to();
            let line = bytes[..offset].iter().filter(|b| **b == b'\n').count() + 1;
            let begin = bytes[..offset].iter().rposition(|b| *b == b'\n');
            let column = offset - begin.map_or(0, |at| at + 1) + 1;
            return Err(Failure::input(
                "E1004",
                format_args!(
                    "{} is not UTF-8: byte {offset} (line {line})",
                    Printable(name)
                ),
            )
            .placed(name, line, column)
            .hint("save it as UTF-8"));
        }
    };
    let file = sources.add(name, text.to_owned());
    Reader {
        sources,
        file,
        text,
        bytes_of: Offsets::new(text),
        nodes: 0,
    }
    .document()
}

/// The parser counts characters; labels want bytes.
struct Offsets {
    lines: Vec<usize>,
}

impl Offsets {
    fn new(text: &str) -> Offsets {
        Offsets {
            lines: std::iter::once(0)
                .chain(text.match_indices('\n').map(|(i, _)| i + 1))
                .collect(),
        }
    }

    fn byte(&self, text: &str, mark: &Marker) -> usize {
        if let Some(offset) = mark
            .byte_offset()
            .filter(|offset| text.is_char_boundary(*offset))
        {
            return offset;
        }
        let start = self
            .lines
            .get(mark.line().saturating_sub(1))
            .copied()
            .unwrap_or(text.len());
        let line = &text[start..];
        line.char_indices()
            .nth(mark.col())
            .map_or(text.len(), |(i, _)| start + i)
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    file: u16,
    text: &'a str,
    bytes_of: Offsets,
    nodes: usize,
}

/// A collection being read, its children so far, and for a mapping the key that waits for its value.
enum Open {
    Sequence(Vec<Node>, At),
    Mapping {
        members: Vec<(Key, Node)>,
        waiting: Option<Key>,
        at: At,
    },
}

impl Reader<'_> {
    fn document(mut self) -> Result<Node, Failure> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.emit_unresolved_aliases = true;
        options.disallow_directives = true;
        options.flow_nesting_limit = DEEPEST + 8;
        options.block_nesting_limit = DEEPEST + 8;
        let mut open: Vec<Open> = vec![];
        let mut root: Option<Node> = None;
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            let at = self.at(&span);
            let anchored = |anchor: usize| anchor != 0;
            match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(self.fail(
                            "E1011",
                            "one document a file",
                            at,
                            "a second one begins here",
                        )
                        .hint("take the `---` away, or put what follows it into a file of its own"));
                    }
                }
                Event::Alias(_) | Event::UnresolvedAlias(_) => return Err(self.anchor(at)),
                Event::Anchor(..) => return Err(self.anchor(at)),
                Event::Scalar(_, _, anchor, _)
                | Event::SequenceStart(_, anchor, _)
                | Event::MappingStart(_, anchor, _)
                    if anchored(anchor) =>
                {
                    return Err(self.anchor(at));
                }
                Event::Scalar(_, _, _, Some(_))
                | Event::SequenceStart(_, _, Some(_))
                | Event::MappingStart(_, _, Some(_)) => {
                    return Err(self
                        .fail("E1013", "tags are not allowed", at, "this value carries a tag (`!…`)")
                        .hint("write the value plainly; drtool includes no files and builds no objects"));
                }
                Event::Scalar(text, style, ..) => {
                    self.count(at)?;
                    let plain = style == ScalarStyle::Plain;
                    self.close(
                        Node {
                            what: What::Scalar {
                                text: text.into_owned(),
                                plain,
                            },
                            at,
                        },
                        &mut open,
                        &mut root,
                    )?;
                }
                Event::SequenceStart(..) => {
                    self.deeper(&open, at)?;
                    open.push(Open::Sequence(vec![], at));
                }
                Event::MappingStart(..) => {
                    self.deeper(&open, at)?;
                    open.push(Open::Mapping {
                        members: vec![],
                        waiting: None,
                        at,
                    });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let node = match open.pop() {
                        Some(Open::Sequence(items, at)) => Node {
                            what: What::Sequence(items),
                            at,
                        },
                        Some(Open::Mapping { members, at, .. }) => Node {
                            what: What::Mapping(members),
                            at,
                        },
                        None => continue,
                    };
                    self.close(node, &mut open, &mut root)?;
                }
                _ => {}
            }
        }
        match root {
            Some(node) if !node.is_nothing() => Ok(node),
            _ => {
                let name = self.sources.get(self.file).map_or("", |s| s.name.as_str());
                Err(
                    Failure::input("E1001", format_args!("{} is empty", Printable(name)))
                        .hint("manifests/redmine.yaml is an example"),
                )
            }
        }
    }

    fn close(&self, node: Node, open: &mut [Open], root: &mut Option<Node>) -> Result<(), Failure> {
        match open.last_mut() {
            None => *root = Some(node),
            Some(Open::Sequence(items, _)) => items.push(node),
            Some(Open::Mapping {
                members, waiting, ..
            }) => match waiting.take() {
                Some(key) => members.push((key, node)),
                None => {
                    let What::Scalar { text, .. } = node.what else {
                        return Err(self.fail(
                            "E1010",
                            "a key must be a plain word",
                            node.at,
                            "this key is a collection",
                        ));
                    };
                    if let Some((first, _)) = members.iter().find(|(k, _)| k.text == text) {
                        return Err(self
                            .fail(
                                "E1016",
                                format!("the key `{}` is written twice", Printable(&text)),
                                first.at,
                                "first here",
                            )
                            .at(self.sources, node.at, "and again here")
                            .hint("keep one of them: which one would count is not guessed"));
                    }
                    if text == "<<" {
                        return Err(self.anchor(node.at));
                    }
                    *waiting = Some(Key { text, at: node.at });
                }
            },
        }
        Ok(())
    }

    fn count(&mut self, at: At) -> Result<(), Failure> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(self.fail(
                "E1015",
                format!("more than {MOST_NODES} values"),
                at,
                "the reading stopped here",
            ));
        }
        Ok(())
    }

    fn deeper(&mut self, open: &[Open], at: At) -> Result<(), Failure> {
        self.count(at)?;
        if open.len() >= DEEPEST {
            return Err(self.fail(
                "E1014",
                format!("deeper than {DEEPEST} levels"),
                at,
                "this is one too deep",
            ));
        }
        Ok(())
    }

    fn anchor(&self, at: At) -> Failure {
        self.fail(
            "E1012",
            "anchors, aliases and merge keys are not allowed",
            at,
            "here",
        )
        .hint("write the value out where it is needed")
    }

    fn syntax(&self, error: &serde_saphyr::granit_parser::ScanError) -> Failure {
        let start = self.bytes_of.byte(self.text, error.marker());
        let mark = error.marker();
        let at = At {
            file: self.file,
            start: start as u32,
            end: start as u32,
            line: mark.line() as u32,
            column: mark.col() as u32 + 1,
        };
        let what = error.kind().to_string();
        // The parser's own limits are ours, reached inside a token where no event could be counted.
        if what.contains("recursion") || what.contains("nesting") || what.contains("depth") {
            return self.fail(
                "E1014",
                format!("deeper than {DEEPEST} levels"),
                at,
                "this is one too deep",
            );
        }
        let failure = self.fail("E1010", format!("this is not YAML: {what}"), at, "here");
        if what.contains("tab") {
            failure.hint("indent with spaces")
        } else {
            failure
        }
    }

    fn at(&self, span: &Span) -> At {
        let start = self.bytes_of.byte(self.text, &span.start);
        let end = self.bytes_of.byte(self.text, &span.end).max(start);
        // A block collection ends far below: its first line is what a reader wants to see.
        let end = self.text[start..end].find('\n').map_or(end, |i| start + i);
        At {
            file: self.file,
            start: start as u32,
            end: end as u32,
            line: span.start.line() as u32,
            column: span.start.col() as u32 + 1,
        }
    }

    fn fail(&self, code: &'static str, message: impl Into<String>, at: At, label: &str) -> Failure {
        Failure::input(code, message.into()).at(self.sources, at, label)
    }
}

/// Data of drtool's own, without positions: the sandbox's stacks.
pub fn plain<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}
