//! YAML text → a tree that knows the line of everything in it.
//!
//! One document of YAML 1.2 without tags, whose keys are texts and never repeat. Aliases are followed within a budget of
//! nodes, so that a few lines cannot become gigabytes.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Bytes of a policy; the largest known has a few kilobytes.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// Nodes, those behind aliases as often as they are named.
const MAX_NODES: usize = 200_000;
/// Lists and mappings in one another.
const MAX_DEPTH: usize = 64;

/// Where something stands: both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text; `plain` without quotes, where it may also be a number, a truth or nothing.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Place, String, Node)>),
}

/// A text is not YAML as policies are written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlFault {
    /// It breaks the grammar.
    #[error("this is not YAML: {0}")]
    Syntax(String),
    /// It is longer than any policy.
    #[error("more than {MAX_BYTES} bytes")]
    Bytes,
    /// Too much stands in it, or behind its aliases.
    #[error("more than {MAX_NODES} values, those behind aliases as often as they are named")]
    Nodes,
    /// Its lists and mappings are nested too deep.
    #[error("more than {MAX_DEPTH} lists and mappings in one another")]
    Depth,
    /// A key stands twice in a mapping.
    #[error("the key {0:?} is there twice")]
    Duplicate(String),
    /// A key is no text.
    #[error("a key must be a text")]
    Key,
    /// An alias stands for what it is itself part of, or for nothing.
    #[error("an alias stands for nothing that was complete before it")]
    Alias,
    /// A tag.
    #[error("tags as in !!binary are not accepted")]
    Tag,
    /// More than one document.
    #[error("more than one document; `---` may stand only at the beginning")]
    Documents,
    /// Nothing.
    #[error("the file is empty")]
    Empty,
}

/// Reads the one document that `text` is.
pub(super) fn parse(text: &str) -> Result<Node, (Place, YamlFault)> {
    let start = Place { line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        return Err((start, YamlFault::Bytes));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        builder.take(event, place(span)).map_err(|fault| (place(span), fault))?;
    }
    builder.root.ok_or((start, YamlFault::Empty))
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col().saturating_add(1) }
}

fn syntax(error: &ScanError) -> (Place, YamlFault) {
    let marker = error.marker();
    let place = Place { line: marker.line(), column: marker.col().saturating_add(1) };
    (place, YamlFault::Syntax(error.info().chars().take(200).collect()))
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    /// What anchors stand for, with the number of nodes in it.
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

/// A list or mapping that goes on.
struct Open {
    place: Place,
    anchor: usize,
    /// Nodes before it.
    nodes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Place, String, Node)>, key: Option<(Place, String)> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), YamlFault> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 { Err(YamlFault::Documents) } else { Ok(()) }
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(YamlFault::Tag),
            Event::Scalar(text, style, anchor, None) => {
                self.count(1)?;
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.complete(Node { place, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, None) => self.open(place, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, None) => {
                self.open(place, anchor, Content::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let (node, size) =
                    self.anchors.get(&anchor).ok_or(YamlFault::Alias)?.clone_within(|size| {
                        self.nodes.checked_add(size).is_some_and(|nodes| nodes <= MAX_NODES)
                    })?;
                self.count(size)?;
                self.complete(node, 0, size)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize) -> Result<(), YamlFault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES { Err(YamlFault::Nodes) } else { Ok(()) }
    }

    fn open(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), YamlFault> {
        let nodes_before = self.nodes;
        self.count(1)?;
        self.open.push(Open { place, anchor, nodes_before, content });
        if self.open.len() > MAX_DEPTH { Err(YamlFault::Depth) } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), YamlFault> {
        let Some(Open { place, anchor, nodes_before, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(nodes) => Value::List(nodes),
            Content::Map { entries, .. } => Value::Map(entries),
        };
        self.complete(Node { place, value }, anchor, self.nodes.saturating_sub(nodes_before))
    }

    fn complete(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), YamlFault> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(nodes)) => nodes.push(node),
            Some(Content::Map { entries, key }) => {
                if let Some((place, name)) = key.take() {
                    entries.push((place, name, node));
                    return Ok(());
                }
                let Value::Scalar { text, .. } = node.value else { return Err(YamlFault::Key) };
                if entries.iter().any(|(_, known, _)| *known == text) {
                    return Err(YamlFault::Duplicate(text));
                }
                *key = Some((node.place, text));
            }
        }
        Ok(())
    }
}

trait CloneWithin {
    fn clone_within(&self, fits: impl Fn(usize) -> bool) -> Result<(Node, usize), YamlFault>;
}

impl CloneWithin for (Node, usize) {
    /// A copy, unless there is no room for it.
    fn clone_within(&self, fits: impl Fn(usize) -> bool) -> Result<(Node, usize), YamlFault> {
        if fits(self.1) { Ok(self.clone()) } else { Err(YamlFault::Nodes) }
    }
}

impl Node {
    /// The text of a scalar that is not nothing.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain } if !(*plain && is_null(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing, as where a key is followed by no value.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if is_null(text))
    }

    /// The truth that a plain scalar is.
    pub(super) fn truth(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, plain: true } => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same as JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::List(nodes) => Json::Array(nodes.iter().map(Self::to_json).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(_, key, node)| (key.clone(), node.to_json())).collect())
            }
            Value::Scalar { text, plain } if *plain => {
                if let Some(truth) = self.truth() {
                    return Json::Bool(truth);
                }
                if is_null(text) {
                    return Json::Null;
                }
                // A number of JSON is one of YAML; what is spelt otherwise stays a text.
                let number = serde_json::from_str::<serde_json::Number>(text);
                number.map_or_else(|_text| Json::String(text.clone()), Json::Number)
            }
            Value::Scalar { text, .. } => Json::String(text.clone()),
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fault(text: &str) -> (usize, YamlFault) {
        let (place, fault) = parse(text).unwrap_err();
        (place.line, fault)
    }

    #[test]
    fn everything_has_its_line() {
        let node = parse("a: 1\nb:\n  - x\n  - {c: \"true\", d: true, e: }\n").unwrap();
        let Value::Map(entries) = &node.value else { panic!("{node:?}") };
        let Value::List(list) = &entries[1].2.value else { panic!("{node:?}") };
        assert_eq!((list[1].place.line, list[1].place.column), (4, 5));
        let json = serde_json::json!({"a": 1, "b": ["x", {"c": "true", "d": true, "e": null}]});
        assert_eq!(node.to_json(), json);
    }

    #[test]
    fn aliases_are_followed_within_a_budget() {
        assert_eq!(parse("a: &x [1, 2]\nb: *x").unwrap().to_json()["b"], serde_json::json!([1, 2]));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let previous = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{previous}]\n");
        }
        assert!(parse(&bomb).is_err());
        assert!(parse("a: &a [*a]").is_err());
        assert!(parse("a: *nobody").is_err());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        assert_eq!(fault("a: 1\na: 2"), (2, YamlFault::Duplicate("a".to_owned())));
        assert_eq!(fault("a: !!binary aGk="), (1, YamlFault::Tag));
        assert_eq!(fault("a: 1\n---\nb: 2").1, YamlFault::Documents);
        assert_eq!(fault("[a]: 1").1, YamlFault::Key);
        assert_eq!(fault("").1, YamlFault::Empty);
        assert_eq!(fault(&"[".repeat(100)).1, YamlFault::Depth);
        assert!(matches!(fault("a: [").1, YamlFault::Syntax(_)));
    }

    #[test]
    fn deep_and_long_texts_end_soon() {
        assert!(parse(&format!("{}{}", "- ".repeat(100_000), "x")).is_err());
        assert!(parse(&"- x\n".repeat(300_000)).is_err());
    }
}
