//! CycloneDX as XML → what its text states.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{Kind, Raw};

/// Elements within one another; the reader allows fewer.
const DEPTH: usize = 256;

/// An element that is open.
struct Open {
    name: String,
    /// The item that facts about it belong to.
    item: usize,
    /// Whether it is a component, whose name and version are wanted.
    component: bool,
    /// Whether it is the component that the document is about.
    subject: bool,
    /// Whether it was said that there are components within it.
    nesting: bool,
    /// Elements in it so far.
    children: usize,
    /// Facts there were when it was opened.
    facts: usize,
    /// The algorithm of a digest.
    algorithm: Option<String>,
    text: String,
}

/// What the text of `document` states. Where it is not well formed the walk ends; the reader says where.
pub(in crate::validate) fn walk(document: &str) -> Raw<'static> {
    let mut raw = Raw::new();
    let mut open: Vec<Open> = Vec::new();
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) if open.len() >= DEPTH => return raw,
            Ok(Event::Start(element)) => enter(&element, &mut open, &mut raw),
            Ok(Event::Empty(element)) => {
                enter(&element, &mut open, &mut raw);
                leave(&mut open, &mut raw);
            }
            Ok(Event::End(_)) => leave(&mut open, &mut raw),
            Ok(Event::Text(text)) => {
                if let Some(last) = open.last_mut() {
                    last.text.push_str(&text);
                }
            }
            Ok(Event::CData(text)) => {
                if let Some(last) = open.last_mut() {
                    last.text.push_str(&text);
                }
            }
            Ok(Event::GeneralRef(entity)) => {
                let character = entity.resolve_char_ref().ok().flatten().map(String::from);
                let named = || quick_xml::escape::resolve_predefined_entity(&entity).map(str::to_owned);
                if let (Some(last), Some(text)) = (open.last_mut(), character.or_else(named)) {
                    last.text.push_str(&text);
                }
            }
            Ok(Event::Eof) | Err(_) => return raw,
            Ok(_) => {}
        }
    }
}

/// Opens an element, with what its attributes state.
fn enter(element: &BytesStart<'_>, open: &mut Vec<Open>, raw: &mut Raw<'static>) {
    let name = element.local_name().as_ref().to_owned();
    let parent = open.last().map(|parent| parent.name.clone()).unwrap_or_default();
    let component = name == "component";
    let subject = component && parent == "metadata";
    let nested = component && parent == "components" && !open.iter().any(|element| element.name == "tools");
    let facts = raw.facts.len();
    let mut item = open.last().map_or(0, |parent| parent.item);
    if component || matches!(name.as_str(), "service" | "dependency" | "composition" | "vulnerability") {
        let place = place(open, &name);
        item = raw.item(&place);
    }
    let outer = open.iter_mut().rev().find(|element| element.component && nested);
    if let Some(outer) = outer.filter(|outer| !outer.nesting && !outer.subject) {
        outer.nesting = true;
        raw.add(Kind::Nested, outer.item, "components", "");
    }
    let mut algorithm = None;
    for attribute in element.attributes().with_checks(false).flatten() {
        let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { continue };
        match (name.as_str(), attribute.key.as_ref()) {
            ("bom", "serialNumber") => raw.add(Kind::Serial, 0, "serialNumber", value.into_owned()),
            ("hash", "alg") => algorithm = Some(value.into_owned()),
            (_, "bom-ref") => {
                if subject {
                    raw.add(Kind::Describes, 0, "metadata.component", value.to_string());
                }
                raw.add(Kind::Id, item, "bom-ref", value.into_owned());
            }
            ("dependency", "ref") => {
                if parent == "dependencies" {
                    raw.add(Kind::Node, item, "ref", value.to_string());
                }
                raw.add(Kind::Use, item, "ref", value.into_owned());
            }
            ("assembly" | "vulnerability", "ref") => {
                raw.add(Kind::Use, item, "ref", value.into_owned());
            }
            _ => {}
        }
    }
    if let Some(parent) = open.last_mut() {
        parent.children = parent.children.saturating_add(1);
    }
    let text = String::new();
    open.push(Open { name, item, component, subject, nesting: false, children: 0, facts, algorithm, text });
}

/// Closes an element, with what its text states.
fn leave(open: &mut Vec<Open>, raw: &mut Raw<'static>) {
    let Some(element) = open.pop() else { return };
    let item = element.item;
    let text = element.text.trim();
    let parent = open.last();
    let in_component = parent.is_some_and(|parent| parent.component);
    let parent = parent.map_or("", |parent| parent.name.as_str());
    match (parent, element.name.as_str()) {
        (_, "name" | "group" | "version") if in_component => {
            if let Some(component) = raw.items.get_mut(item) {
                let field = match element.name.as_str() {
                    "name" => &mut component.name,
                    "group" => &mut component.group,
                    _ => &mut component.version,
                };
                *field = Some(text.to_owned().into());
            }
        }
        (_, "purl") => raw.add(Kind::Purl, item, "purl", text.to_owned()),
        (_, "cpe") => raw.add(Kind::Cpe, item, "cpe", text.to_owned()),
        (_, "email") => raw.add(Kind::Mail, item, "email", text.to_owned()),
        (_, "timestamp") => raw.add(Kind::Timestamp, item, "timestamp", text.to_owned()),
        ("hashes", "hash") => {
            let algorithm = element.algorithm.unwrap_or_default();
            raw.add_with(Kind::Hash, item, "hashes", text.to_owned(), algorithm);
        }
        ("license", "id") => raw.add(Kind::LicenseId, item, "id", text.to_owned()),
        ("licenses", "expression") => raw.add(Kind::Expression, item, "expression", text.to_owned()),
        (_, "licenses") if element.children > 1 && has_expression(raw, element.facts) => {
            raw.add(Kind::MixedLicenses, item, "licenses", element.children.to_string());
        }
        ("affects", "target") | ("target", "ref") | ("subjects", "subject") => {
            raw.add(Kind::Use, item, "ref", text.to_owned());
        }
        _ => {}
    }
}

/// Whether there is an expression among the facts from the one at `start` on.
fn has_expression(raw: &Raw<'_>, start: usize) -> bool {
    raw.facts.iter().skip(start).any(|fact| fact.kind == Kind::Expression)
}

/// `components.component[3]`: the path of the element, the number of the last among its siblings.
fn place(open: &[Open], name: &str) -> String {
    let mut place = String::new();
    for pair in open.windows(2) {
        if let [parent, element] = pair {
            place.push_str(&element.name);
            if parent.children > 1 {
                place.extend(["[", &parent.children.saturating_sub(1).to_string(), "]"]);
            }
            place.push('.');
        }
    }
    let index = open.last().map_or(0, |parent| parent.children);
    if open.last().is_some_and(|parent| matches!(parent.name.as_str(), "metadata")) {
        return format!("{place}{name}");
    }
    format!("{place}{name}[{index}]")
}
