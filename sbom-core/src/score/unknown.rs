//! What the text of a document marks as not known: `NOASSERTION`, where the model has nothing.
//!
//! The model tells no difference between what is left out and what is said to be unknown, as no reader of a bill can
//! do more with one than with the other. Profiles do.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Deserialize;

use super::question::Element;
use crate::document::{
    model::Component,
    read::{Plain, Syntax},
};

/// The property by which CycloneDX's taxonomy says what is not known of a component.
const PROPERTY: &str = "cdx:cisa:unknown-information";

/// What a document marks as not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknowns {
    /// Of which component, by name and version, which element.
    marked: BTreeSet<(String, String, Element)>,
}

impl Unknowns {
    /// What the text of `plain` marks: by `NOASSERTION` in SPDX 2 and CycloneDX JSON. Of texts that cannot be read, nothing.
    pub fn of(plain: &Plain<'_>) -> Self {
        let mut unknowns = Self::default();
        match plain.syntax {
            Syntax::CycloneDxJson => unknowns.cyclonedx(&plain.text),
            Syntax::SpdxJson => unknowns.spdx(&plain.text),
            Syntax::SpdxTagValue => unknowns.tag_value(&plain.text),
            _ => {}
        }
        unknowns
    }

    /// Whether `element` of `component` is said to be unknown.
    pub(super) fn marks(&self, component: &Component, element: Element) -> bool {
        let version = component.version.as_deref().filter(|version| !is_unknown(version)).unwrap_or_default();
        let by_text = || self.marked.contains(&(component.name.clone(), version.to_owned(), element));
        let by_property = |value: &str| value.split([',', ' ']).any(|name| name == element.name());
        component.properties.iter().any(|property| property.name == PROPERTY && by_property(&property.value))
            || by_text()
    }

    fn mark(&mut self, name: &str, version: &str, elements: &[(bool, Element)]) {
        let version = if is_unknown(version) { "" } else { version };
        for (_, element) in elements.iter().filter(|(marked, _)| *marked) {
            self.marked.insert((name.trim().to_owned(), version.trim().to_owned(), *element));
        }
    }

    fn spdx(&mut self, text: &str) {
        let Ok(document) = serde_json::from_str::<Spdx<'_>>(text) else { return };
        for package in document.packages {
            self.package(&package);
        }
    }

    fn package(&mut self, package: &Package<'_>) {
        let producer = is_unknown(&package.supplier) || is_unknown(&package.originator);
        let license = is_unknown(&package.concluded) || is_unknown(&package.declared);
        self.mark(
            &package.name,
            &package.version,
            &[
                (producer, Element::Producer),
                (license, Element::License),
                (is_unknown(&package.version), Element::Version),
            ],
        );
    }

    fn tag_value(&mut self, text: &str) {
        let mut package = Package::default();
        for (tag, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = Cow::Borrowed(value.trim());
            match tag {
                "PackageName" => {
                    self.package(&package);
                    package = Package { name: value, ..Package::default() };
                }
                "PackageVersion" => package.version = value,
                "PackageSupplier" => package.supplier = value,
                "PackageOriginator" => package.originator = value,
                "PackageLicenseConcluded" => package.concluded = value,
                "PackageLicenseDeclared" => package.declared = value,
                _ => {}
            }
        }
        self.package(&package);
    }

    fn cyclonedx(&mut self, text: &str) {
        let Ok(document) = serde_json::from_str::<CycloneDx<'_>>(text) else { return };
        for component in document.metadata.component.iter().chain(&document.components) {
            self.component(component);
        }
    }

    /// Components lie within one another as deep as the parser allows, which is 128.
    fn component(&mut self, component: &Named<'_>) {
        let unknown = |party: &Option<Party<'_>>| party.as_ref().is_some_and(|party| is_unknown(&party.name));
        let license = component.licenses.iter().any(|entry| {
            is_unknown(&entry.expression)
                || entry
                    .license
                    .as_ref()
                    .is_some_and(|license| is_unknown(&license.name) || is_unknown(&license.id))
        });
        self.mark(
            &component.name,
            &component.version,
            &[
                (unknown(&component.supplier) || unknown(&component.manufacturer), Element::Producer),
                (license, Element::License),
                (is_unknown(&component.version), Element::Version),
            ],
        );
        for part in &component.components {
            self.component(part);
        }
    }
}

/// Whether a text stands for something that is not known.
pub(super) fn is_unknown(text: &str) -> bool {
    text == "NOASSERTION" || text.eq_ignore_ascii_case("unknown")
}

#[derive(Deserialize)]
struct Spdx<'a> {
    #[serde(borrow, default)]
    packages: Vec<Package<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, rename = "versionInfo")]
    version: Cow<'a, str>,
    #[serde(borrow)]
    supplier: Cow<'a, str>,
    #[serde(borrow)]
    originator: Cow<'a, str>,
    #[serde(borrow, rename = "licenseConcluded")]
    concluded: Cow<'a, str>,
    #[serde(borrow, rename = "licenseDeclared")]
    declared: Cow<'a, str>,
}

#[derive(Deserialize)]
struct CycloneDx<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(borrow, default)]
    components: Vec<Named<'a>>,
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    component: Option<Named<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    supplier: Option<Party<'a>>,
    #[serde(borrow)]
    manufacturer: Option<Party<'a>>,
    #[serde(borrow)]
    licenses: Vec<LicenseEntry<'a>>,
    #[serde(borrow)]
    components: Vec<Named<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Party<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LicenseEntry<'a> {
    #[serde(borrow)]
    expression: Cow<'a, str>,
    #[serde(borrow)]
    license: Option<License<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct License<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}
