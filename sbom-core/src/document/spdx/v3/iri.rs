//! Identifiers of elements: those of the document, and the individuals of the specification.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{
    digest::Digest,
    document::{identity, json},
};

/// An identifier in parts, which are joined as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Iri<'a> {
    base: &'a str,
    prefix: &'static str,
    fragment: &'a str,
    suffix: &'static str,
}

impl<'a> Iri<'a> {
    /// That there is no such element.
    pub(super) const NONE: Iri<'static> = Iri::new(CORE, "NoneElement");
    /// That nobody says which elements there are.
    pub(super) const NO_ASSERTION: Iri<'static> = Iri::new(CORE, "NoAssertionElement");

    pub(super) const fn new(base: &'a str, fragment: &'a str) -> Self {
        Self { base, prefix: "", fragment, suffix: "" }
    }

    /// Of what is said about the element.
    pub(super) const fn about(self, prefix: &'static str, suffix: &'static str) -> Self {
        Self { prefix, suffix, ..self }
    }
}

const CORE: &str = "https://spdx.org/rdf/3.0.1/terms/Core/";

impl fmt::Display for Iri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.suffix.is_empty() { "" } else { "-" };
        let parts = [self.base, self.prefix, self.fragment, suffix, self.suffix];
        parts.into_iter().try_for_each(|part| f.write_str(part))
    }
}

impl Serialize for Iri<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The fragment of an element that is known by its content alone: `KIND-SLUG-HASH`. The hash is long enough that
/// nobody makes two contents with the same.
pub(super) fn fragment(kind: &str, name: &str, content: &impl Serialize) -> String {
    let hash = Digest::of(json::line(content).as_bytes());
    let hash = hash.hex().get(..32).unwrap_or_default();
    format!("{kind}-{}-{hash}", identity::slug(name))
}
