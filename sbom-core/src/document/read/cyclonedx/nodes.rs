//! The nodes of an XML text, one after the other: elements by name, and texts with their references resolved.
//!
//! Document type declarations are refused, so no entity but the five predefined ones exists, and nothing expands.

use std::borrow::Cow;

use quick_xml::{
    NsReader, XmlVersion,
    errors::Error,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

use crate::document::read::{ReadError, shortened};

/// What errors call the format.
pub(super) const FORMAT: &str = "CycloneDX XML";

/// Elements within one another; documents have up to four for each level of components, of which there are fewer.
const MAX_DEPTH: usize = 1000;

/// Goes through the nodes of a text.
pub(super) struct Nodes<'x> {
    text: &'x str,
    reader: NsReader<&'x [u8]>,
    depth: usize,
    /// The namespace of the document's own elements; none before the first.
    namespace: Option<String>,
}

/// What stands in a text.
pub(super) enum Node<'x> {
    /// An element begins.
    Start(Start<'x>),
    /// Text, or a part of it.
    Text(Cow<'x, str>),
    /// An element ends; every one that began does.
    End,
    /// The text ends.
    Eof,
}

/// The begin of an element.
pub(super) struct Start<'x> {
    tag: BytesStart<'x>,
    /// Whether it belongs to the namespace of the document.
    own: bool,
}

/// Something in a text is not as it must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position<'x> {
    text: &'x str,
    at: usize,
}

impl Position<'_> {
    /// An error there.
    pub(super) fn error(self, message: impl Into<String>) -> ReadError {
        let before = self.text.as_bytes().get(..self.at).unwrap_or(self.text.as_bytes());
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        ReadError::Syntax {
            format: FORMAT,
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: before.len() - line_start + 1,
            message: message.into(),
        }
    }
}

impl<'x> Nodes<'x> {
    pub(super) fn of(text: &'x str) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { text, reader, depth: 0, namespace: None }
    }

    /// The namespace of the first element.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Where reading has got to.
    pub(super) fn position(&self) -> Position<'x> {
        Position { text: self.text, at: usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX) }
    }

    /// The next node.
    pub(super) fn next(&mut self) -> Result<Node<'x>, ReadError> {
        loop {
            let event = self.reader.read_event().map_err(|error| self.malformed(&error))?;
            return Ok(match event {
                Event::Start(tag) | Event::Empty(tag) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(self.position().error("elements are nested too deeply"));
                    }
                    let own = self.is_own(&tag);
                    Node::Start(Start { tag, own })
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Node::End
                }
                Event::Text(text) => Node::Text(line_ends(text.into_inner())),
                Event::CData(text) => Node::Text(line_ends(text.into_inner())),
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref() {
                        Ok(Some(c)) => Some(Cow::Owned(c.to_string())),
                        Ok(None) => resolve_xml_entity(&reference).map(Cow::Borrowed),
                        Err(error) => return Err(self.malformed(&error)),
                    };
                    let Some(text) = resolved else {
                        let message = format!("&{}; stands for nothing", shortened(&reference));
                        return Err(self.position().error(message));
                    };
                    Node::Text(text)
                }
                Event::Decl(declaration) => {
                    let encoding =
                        declaration.encoding().and_then(Result::ok).unwrap_or(Cow::Borrowed("utf-8"));
                    if !["utf-8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str())
                        && !self.text.is_ascii()
                    {
                        let message = format!(
                            "the encoding {:?} is not read; convert the file to UTF-8",
                            shortened(&encoding)
                        );
                        return Err(self.position().error(message));
                    }
                    continue;
                }
                Event::DocType(_) => {
                    return Err(self.position().error("a document type declaration is not accepted"));
                }
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof if self.depth > 0 => {
                    return Err(self.position().error("the text ends within an element"));
                }
                Event::Eof => Node::Eof,
            });
        }
    }

    /// Passes over the rest of the element that began last. How many elements stood directly in it.
    pub(super) fn skip(&mut self) -> Result<u64, ReadError> {
        let outside = self.depth.saturating_sub(1);
        let mut elements = 0;
        while self.depth > outside {
            if let Node::Start(_) = self.next()? {
                elements += u64::from(self.depth == outside + 2);
            }
        }
        Ok(elements)
    }

    /// Sees to it that nothing but white space follows.
    pub(super) fn finish(&mut self) -> Result<(), ReadError> {
        loop {
            match self.next()? {
                Node::Eof => return Ok(()),
                Node::Text(text) if text.trim_ascii().is_empty() => {}
                _ => return Err(self.position().error("something follows the document")),
            }
        }
    }

    fn is_own(&mut self, tag: &BytesStart<'_>) -> bool {
        let (resolved, _) = self.reader.resolver().resolve_element(tag.name());
        let namespace = match resolved {
            ResolveResult::Bound(Namespace(name)) => name,
            ResolveResult::Unbound | ResolveResult::Unknown(_) => "",
        };
        *self.namespace.get_or_insert_with(|| namespace.to_owned()) == *namespace
    }

    fn malformed(&self, error: &Error) -> ReadError {
        let at = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
        let at = if at == 0 { self.position() } else { Position { text: self.text, at } };
        at.error(error.to_string())
    }
}

impl Start<'_> {
    /// Its name, without prefix if it is one of the document's own.
    pub(super) fn name(&self) -> String {
        let name = self.tag.name();
        let local = self.tag.local_name();
        if self.own {
            AsRef::<str>::as_ref(&local).to_owned()
        } else {
            AsRef::<str>::as_ref(&name).to_owned()
        }
    }

    /// Whether it belongs to the namespace of the document.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// Its attributes, without those of other namespaces, which say how to read the document.
    pub(super) fn attributes(&self, position: Position<'_>) -> Result<Vec<(String, String)>, ReadError> {
        // Whether one stands there twice is noticed by those who take it; here it would cost quadratic time.
        let mut attributes = Vec::new();
        for attribute in self.tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| position.error(error.to_string()))?;
            let name: &str = attribute.key.as_ref();
            if name == "xmlns" || name.contains(':') {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| position.error(error.to_string()))?;
            attributes.push((name.to_owned(), value.into_owned()));
        }
        Ok(attributes)
    }
}

/// `text` with line feeds alone as ends of lines, as XML wants it read.
fn line_ends(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text }
}
