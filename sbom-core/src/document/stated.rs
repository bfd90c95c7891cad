//! What users state themselves: facts about the subject and the document that no image shows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    json,
    model::{Document, Licensing, LifecyclePhase, Party, PartyKind, Reference, ReferenceKind},
    syntax,
};

/// Facts that go into documents as they are stated, before what an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Stated {
    /// Facts about the subject.
    pub subject: Subject,
    /// Facts about the document.
    pub document: Header,
}

/// Facts about the subject of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Subject {
    /// What it is called.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its licence, an SPDX expression.
    pub license: Option<String>,
    /// Who distributes it.
    pub supplier: Option<StatedParty>,
    /// Who made it.
    pub manufacturer: Option<StatedParty>,
    /// Whom to tell of a weakness: a mail address, or the address of a page.
    pub security_contact: Option<String>,
}

/// Facts about a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Header {
    /// Who answers for it.
    pub authors: Vec<StatedParty>,
    /// At which point of the subject's life it is made: one of CycloneDX's phases.
    pub lifecycle: Option<String>,
}

/// Someone, as a user writes it: a table of name, email and url, or a text `NAME <EMAIL> (URL)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StatedParty {
    /// `NAME <EMAIL> (URL)`; all but the name may be left out.
    Text(String),
    /// A table.
    Fields(PartyFields),
}

/// Someone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartyFields {
    /// The name.
    pub name: String,
    /// The mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The web site.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether it is a person, and not an organisation.
    #[serde(default)]
    pub person: bool,
}

/// A stated fact cannot go into a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {value:?} is no {expected}")]
pub struct StatedError {
    /// Which fact, as in the configuration file: `subject.license`.
    pub key: &'static str,
    /// What is stated.
    pub value: String,
    /// What it should be.
    pub expected: String,
}

impl Stated {
    /// These facts, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let (subject, document) = (self.subject, self.document);
        let none = document.authors.is_empty();
        Self {
            subject: Subject {
                name: subject.name.or(other.subject.name),
                version: subject.version.or(other.subject.version),
                license: subject.license.or(other.subject.license),
                supplier: subject.supplier.or(other.subject.supplier),
                manufacturer: subject.manufacturer.or(other.subject.manufacturer),
                security_contact: subject.security_contact.or(other.subject.security_contact),
            },
            document: Header {
                authors: if none { other.document.authors } else { document.authors },
                lifecycle: document.lifecycle.or(other.document.lifecycle),
            },
        }
    }

    /// A text that differs whenever the facts do.
    pub fn fingerprint(&self) -> String {
        json::line(self)
    }

    /// Puts the facts into `document`. Nothing is changed if any of them cannot be.
    pub fn apply(&self, document: &mut Document) -> Result<(), StatedError> {
        let facts = Checked::new(self)?;
        if !facts.authors.is_empty() {
            document.header.authors = facts.authors;
        }
        if let Some(phase) = facts.lifecycle {
            document.header.lifecycles = vec![phase];
        }
        if let Some(supplier) = &facts.supplier {
            document.header.supplier = Some(supplier.clone());
        }
        if let Some(manufacturer) = &facts.manufacturer {
            document.header.manufacturer = Some(manufacturer.clone());
        }
        if let Some(name) = &self.subject.name {
            document.header.name.clone_from(name);
        }
        let Some(root) = document.root.and_then(|root| document.components.get_mut(root)) else {
            return Ok(());
        };
        if let Some(name) = &self.subject.name {
            root.name.clone_from(name);
        }
        if self.subject.version.is_some() {
            root.version.clone_from(&self.subject.version);
        }
        if let Some(license) = facts.license {
            root.declared = license;
        }
        root.supplier = facts.supplier.map(Arc::new).or(root.supplier.take());
        root.originator = facts.manufacturer.map(Arc::new).or(root.originator.take());
        if let Some(url) = facts.security_contact {
            let kind = ReferenceKind::SecurityContact;
            root.references.retain(|reference| reference.kind != kind);
            root.references.push(Reference { kind, url, comment: None, hashes: Vec::new() });
        }
        document.normalise();
        Ok(())
    }

    /// Fails if any fact cannot go into a document.
    pub fn check(&self) -> Result<(), StatedError> {
        Checked::new(self).map(drop)
    }
}

/// The facts in the terms of the model.
struct Checked {
    authors: Vec<Party>,
    lifecycle: Option<LifecyclePhase>,
    license: Option<Licensing>,
    supplier: Option<Party>,
    manufacturer: Option<Party>,
    security_contact: Option<String>,
}

impl Checked {
    fn new(stated: &Stated) -> Result<Self, StatedError> {
        let subject = &stated.subject;
        for (key, text) in [("subject.name", &subject.name), ("subject.version", &subject.version)] {
            if let Some(text) = text {
                line(key, text)?;
            }
        }
        let authors = stated.document.authors.iter();
        Ok(Self {
            authors: authors.map(|author| party("document.authors", author)).collect::<Result<_, _>>()?,
            lifecycle: stated.document.lifecycle.as_deref().map(phase).transpose()?,
            license: subject.license.as_deref().map(license).transpose()?,
            supplier: subject.supplier.as_ref().map(|who| party("subject.supplier", who)).transpose()?,
            manufacturer: subject
                .manufacturer
                .as_ref()
                .map(|who| party("subject.manufacturer", who))
                .transpose()?,
            security_contact: subject.security_contact.as_deref().map(contact).transpose()?,
        })
    }
}

fn fault(key: &'static str, value: &str, expected: impl Into<String>) -> StatedError {
    StatedError { key, value: value.to_owned(), expected: expected.into() }
}

/// Text of one line that says something.
fn line(key: &'static str, text: &str) -> Result<(), StatedError> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err(fault(key, text, "text of one line"));
    }
    Ok(())
}

fn phase(name: &str) -> Result<LifecyclePhase, StatedError> {
    LifecyclePhase::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = LifecyclePhase::ALL.iter().map(|phase| phase.name()).collect();
        fault("document.lifecycle", name, format!("phase; the phases are {}", names.join(", ")))
    })
}

fn license(expression: &str) -> Result<Licensing, StatedError> {
    let refers_elsewhere = expression.contains("Ref-");
    if refers_elsewhere || spdx::Expression::parse(expression).is_err() {
        return Err(fault("subject.license", expression, "SPDX licence expression"));
    }
    Ok(Licensing { expression: Some(expression.to_owned()), custom: Vec::new() })
}

fn contact(text: &str) -> Result<String, StatedError> {
    if syntax::is_mail(text) {
        return Ok(format!("mailto:{text}"));
    }
    if syntax::is_address(text) {
        return Ok(text.to_owned());
    }
    Err(fault("subject.security-contact", text, "mail address and no address of a page"))
}

fn party(key: &'static str, stated: &StatedParty) -> Result<Party, StatedError> {
    let fields = match stated {
        StatedParty::Fields(fields) => fields.clone(),
        StatedParty::Text(text) => split(text),
    };
    line(key, &fields.name)?;
    if let Some(email) = fields.email.as_ref().filter(|email| !syntax::is_mail(email)) {
        return Err(fault(key, email, "mail address"));
    }
    if let Some(url) = fields.url.as_ref().filter(|url| !syntax::is_address(url)) {
        return Err(fault(key, url, "address of a page"));
    }
    let kind = if fields.person { PartyKind::Person } else { PartyKind::Organization };
    Ok(Party { kind, name: fields.name, email: fields.email, url: fields.url })
}

/// `NAME <EMAIL> (URL)`.
fn split(text: &str) -> PartyFields {
    let cut = |text: &str, open: char, close: char| -> (String, Option<String>) {
        match text.strip_suffix(close).and_then(|text| text.rsplit_once(open)) {
            Some((rest, inner)) => (rest.trim_end().to_owned(), Some(inner.to_owned())),
            None => (text.to_owned(), None),
        }
    };
    let (rest, url) = cut(text.trim(), '(', ')');
    let (name, email) = cut(&rest, '<', '>');
    PartyFields { name, email, url, person: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::model::{Component, ComponentKind};

    fn document() -> Document {
        let root = Component { id: "a".into(), kind: ComponentKind::Container, ..Component::default() };
        Document { components: vec![root], root: Some(0), ..Document::default() }
    }

    #[test]
    fn facts_go_where_documents_have_a_place_for_them() {
        let mut document = document();
        let stated = Stated {
            subject: Subject {
                name: Some("shop".into()),
                version: Some("1.2".into()),
                license: Some("Apache-2.0 OR MIT".into()),
                supplier: Some(StatedParty::Text(
                    "Example Ltd <sbom@example.org> (https://example.org)".into(),
                )),
                manufacturer: None,
                security_contact: Some("security@example.org".into()),
            },
            document: Header {
                authors: vec![StatedParty::Text("Example Ltd".into())],
                lifecycle: Some("build".into()),
            },
        };
        stated.apply(&mut document).unwrap();
        let root = document.root().unwrap();
        assert_eq!((root.name.as_str(), root.version.as_deref()), ("shop", Some("1.2")));
        let supplier = root.supplier.as_deref().unwrap();
        assert_eq!(supplier.email.as_deref(), Some("sbom@example.org"));
        assert_eq!(supplier.url.as_deref(), Some("https://example.org"));
        assert_eq!(root.references[0].url, "mailto:security@example.org");
        assert_eq!(document.header.lifecycles, [LifecyclePhase::Build]);
        assert_eq!(document.header.authors[0].name, "Example Ltd");
    }

    #[test]
    fn a_fact_that_no_document_can_hold_is_refused_and_nothing_changes() {
        let check = |change: fn(&mut Stated), expected: &str| {
            let (mut stated, mut changed) = (Stated::default(), document());
            stated.subject.name = Some("shop".into());
            change(&mut stated);
            let error = stated.apply(&mut changed).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(changed, document());
        };
        check(
            |s| s.subject.license = Some("Foo".into()),
            r#"subject.license: "Foo" is no SPDX licence expression"#,
        );
        check(
            |s| s.document.lifecycle = Some("later".into()),
            "document.lifecycle: \"later\" is no phase; the phases are design, pre-build, build, post-build, \
             operations, discovery, decommission",
        );
        check(
            |s| s.subject.supplier = Some(StatedParty::Text("X <no mail>".into())),
            r#"subject.supplier: "no mail" is no mail address"#,
        );
        check(
            |s| s.subject.version = Some("1\n2".into()),
            r#"subject.version: "1\n2" is no text of one line"#,
        );
    }

    #[test]
    fn flags_go_before_the_file() {
        let name = |name: &str| Stated {
            subject: Subject { name: Some(name.into()), version: Some(name.into()), ..Subject::default() },
            ..Stated::default()
        };
        let mut flag = name("flag");
        flag.subject.version = None;
        let both = flag.or(name("file"));
        assert_eq!(both.subject.name.as_deref(), Some("flag"));
        assert_eq!(both.subject.version.as_deref(), Some("file"));
    }
}
