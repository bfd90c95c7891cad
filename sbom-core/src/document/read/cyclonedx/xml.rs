//! CycloneDX as XML: elements are read by the same tables as objects of JSON, straight from the text.

use super::{
    nodes::{Node, Nodes, Start},
    record::{Outcome, Record, Scope, Source, Text},
    records::{Bom, Component, Root},
};
use crate::document::read::{ReadError, shortened, sniff};

/// What the namespaces begin with; the version follows.
pub(super) const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";

/// Elements that the model has no place for, and that are lists in JSON.
const LISTS: &[&str] = &[
    "annotations",
    "citations",
    "commits",
    "descendants",
    "externalReferences",
    "formulation",
    "hashes",
    "patches",
    "properties",
    "services",
    "tags",
    "variants",
    "vulnerabilities",
];

/// Reads the whole of `text`.
pub(super) fn read(text: &str, scope: &mut Scope<'_>) -> Result<Bom, ReadError> {
    let mut nodes = Nodes::of(text);
    let start = loop {
        match nodes.next()? {
            Node::Start(start) => break start,
            Node::Text(text) if text.trim_ascii().is_empty() => {}
            Node::Text(_) | Node::End | Node::Eof => {
                return Err(nodes.position().error("not an XML document"));
            }
        }
    };
    let version = nodes.namespace().and_then(|name| name.strip_prefix(NAMESPACE)).map(str::to_owned);
    let (Some(version), "bom") = (version, start.name().as_str()) else {
        return Err(sniff::unrecognised(&format!("XML with the element {:?}", shortened(&start.name()))));
    };
    let mut bom = Bom { spec_version: Some(version), ..Bom::default() };
    read_into(&mut nodes, scope, &start, &mut bom)?;
    nodes.finish()?;
    Ok(bom)
}

/// An element whose content is still to be read.
struct Element<'s, 'a, 'x> {
    nodes: &'s mut Nodes<'x>,
    scope: &'s mut Scope<'a>,
    start: Start<'x>,
}

/// Reads the attributes and the content of the element that `start` began into `record`.
fn read_into<'x, T: Record>(
    nodes: &mut Nodes<'x>,
    scope: &mut Scope<'_>,
    start: &Start<'x>,
    record: &mut T,
) -> Result<(), ReadError> {
    let position = nodes.position();
    let error = |message: String| position.error(message);
    for (name, value) in start.attributes(position)? {
        if !record.member(&name, &mut Text::new(value, &error))? {
            scope.lost.add(&name, 1);
        }
    }
    let mut text = String::new();
    let mut elements = false;
    loop {
        match nodes.next()? {
            Node::Start(start) => {
                elements = true;
                let name = start.name();
                let mut element = Element { nodes: &mut *nodes, scope: &mut *scope, start };
                if !element.start.is_own() || !record.member(&name, &mut element)? {
                    element.lose(&name)?;
                }
            }
            Node::Text(part) => text.push_str(&part),
            Node::End | Node::Eof => break,
        }
    }
    // White space between elements is no content.
    if text.is_empty() || text.trim_ascii().is_empty() && (elements || T::BODY.is_none()) {
        return Ok(());
    }
    let Some(body) = T::BODY else {
        scope.lost.add("text", 1);
        return Ok(());
    };
    record.member(body, &mut Text::new(text, &error)).map(drop)
}

impl<'x> Element<'_, '_, 'x> {
    /// Counts the element as lost: what is in it if it is a list, else itself.
    fn lose(&mut self, name: &str) -> Result<(), ReadError> {
        let elements = self.nodes.skip()?;
        self.scope.lost.add(name, if LISTS.contains(&name) { elements } else { 1 });
        Ok(())
    }

    /// The text of the element, without space around it. Elements in it are lost.
    fn content(&mut self) -> Result<String, ReadError> {
        let mut text = String::new();
        loop {
            match self.nodes.next()? {
                Node::Start(start) => {
                    let name = start.name();
                    Element { nodes: &mut *self.nodes, scope: &mut *self.scope, start }.lose(&name)?;
                }
                Node::Text(part) => text.push_str(&part),
                Node::End | Node::Eof => break,
            }
        }
        let trimmed = text.trim_ascii();
        Ok(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
    }

    /// Hands each element within to `item`.
    fn children(
        &mut self,
        mut item: impl FnMut(&mut Element<'_, '_, 'x>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        loop {
            match self.nodes.next()? {
                Node::Start(start) => {
                    let mut child = Element { nodes: &mut *self.nodes, scope: &mut *self.scope, start };
                    if child.start.is_own() {
                        item(&mut child)?;
                    } else {
                        let name = child.start.name();
                        child.lose(&name)?;
                    }
                }
                Node::Text(text) => {
                    self.scope.lost.add("text", u64::from(!text.trim_ascii().is_empty()));
                }
                Node::End | Node::Eof => return Ok(()),
            }
        }
    }

    fn item<T: Record>(&mut self) -> Result<T, ReadError> {
        let mut item = T::default();
        let name = self.start.name();
        if T::ITEMS_ARE_MEMBERS {
            if !item.member(&name, self)? {
                self.lose(&name)?;
            }
        } else {
            read_into(self.nodes, self.scope, &self.start, &mut item)?;
        }
        Ok(item)
    }

    fn component(&mut self, within: Option<usize>) -> Result<(), ReadError> {
        let place = self.scope.lost.enter_components();
        let index = self.scope.builder.begin(within)?;
        let mut component = Component { within: Some(index), ..Component::default() };
        read_into(self.nodes, self.scope, &self.start, &mut component)?;
        self.scope.component(index, component)?;
        self.scope.lost.leave_components(place);
        Ok(())
    }

    /// The attribute `ref` of the element, which is read to its end.
    fn reference(&mut self) -> Result<Option<String>, ReadError> {
        let attributes = self.start.attributes(self.nodes.position())?;
        Ok(attributes.into_iter().find(|(name, _)| name == "ref").map(|(_, value)| value))
    }
}

impl Source for Element<'_, '_, '_> {
    type Error = ReadError;

    fn mismatch(&mut self, wanted: &'static str) -> ReadError {
        self.nodes.position().error(format!("{:?} should be {wanted}", self.start.name()))
    }

    fn text(&mut self, _: &'static str, into: &mut Option<String>) -> Result<(), ReadError> {
        let text = self.content()?;
        if into.is_some() {
            return Err(self.nodes.position().error(format!("{:?} stands there twice", self.start.name())));
        }
        *into = Some(text);
        Ok(())
    }

    fn skip(&mut self, _: &'static str, (): &mut ()) -> Result<(), ReadError> {
        self.nodes.skip().map(drop)
    }

    fn texts(&mut self, _: &'static str, into: &mut Vec<String>) -> Result<(), ReadError> {
        into.push(self.content()?);
        Ok(())
    }

    fn refs(&mut self, name: &'static str, into: &mut Vec<String>) -> Result<(), ReadError> {
        if let Some(reference) = self.reference()? {
            into.push(reference);
            let elements = self.nodes.skip()?;
            self.scope.lost.add(name, elements);
            return Ok(());
        }
        self.children(|child| {
            match child.reference()? {
                Some(reference) => into.push(reference),
                None => child.scope.lost.add(name, 1),
            }
            child.nodes.skip().map(drop)
        })
    }

    fn record<T: Record>(&mut self, name: &'static str, into: &mut Option<T>) -> Result<(), ReadError> {
        if into.is_some() {
            return Err(self.nodes.position().error(format!("{name:?} stands there twice")));
        }
        self.scope.lost.enter(name, "");
        let mut record = T::default();
        read_into(self.nodes, self.scope, &self.start, &mut record)?;
        *into = Some(record);
        self.scope.lost.leave();
        Ok(())
    }

    fn list<T: Record>(&mut self, name: &'static str, into: &mut Vec<T>) -> Result<(), ReadError> {
        self.scope.lost.enter(name, "[]");
        self.children(|child| {
            into.push(child.item()?);
            Ok(())
        })?;
        self.scope.lost.leave();
        Ok(())
    }

    fn each<T: Record>(&mut self, name: &'static str, into: &mut Vec<T>) -> Result<(), ReadError> {
        self.scope.lost.enter(name, "[]");
        into.push(self.item()?);
        self.scope.lost.leave();
        Ok(())
    }

    fn stream<T: Record>(
        &mut self,
        name: &'static str,
        item: fn(&mut Scope<'_>, T) -> Outcome,
    ) -> Result<(), ReadError> {
        self.scope.lost.enter(name, "[]");
        self.children(|child| {
            let record = child.item()?;
            item(child.scope, record)
        })?;
        self.scope.lost.leave();
        Ok(())
    }

    fn components(&mut self, _: &'static str, within: &mut Option<usize>) -> Result<(), ReadError> {
        self.scope.builder.enter_list()?;
        self.children(|child| child.component(*within))?;
        self.scope.builder.leave_list();
        Ok(())
    }

    fn root(&mut self, _: &'static str, _: &mut Root) -> Result<(), ReadError> {
        self.scope.builder.enter_root()?;
        self.component(None)?;
        self.scope.builder.leave_root();
        Ok(())
    }
}
