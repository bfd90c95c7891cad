//! The objects of CycloneDX as all its versions have them, with everything optional that not all have. JSON is made
//! of them by `serde`, XML by [`xml`](super::xml).

use std::borrow::Cow;

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) timestamp: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lifecycles: Vec<Lifecycle>,
    pub(super) tools: Tools<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) authors: Vec<Contact<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<Component<'a>>,
    /// Who made the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manufacturer: Option<Entity<'a>>,
    /// Who made the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manufacture: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supplier: Option<Entity<'a>>,
    pub(super) licenses: [LicenseChoice<'a>; 1],
    pub(super) properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Lifecycle {
    pub(super) phase: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Tools<'a> {
    Components { components: Vec<Tool<'a>> },
    List(Vec<Tool<'a>>),
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "bom-ref")]
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supplier: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manufacturer: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authors: Option<[Contact<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) publisher: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'a str>,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<LicenseChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copyright: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) swid: Option<Swid<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pedigree: Option<Pedigree<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_references: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Property<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

#[derive(Serialize)]
pub(super) struct Entity<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contact: Option<[Contact<'a>; 1]>,
}

#[derive(Serialize)]
pub(super) struct Contact<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Hash<'a> {
    pub(super) alg: &'static str,
    pub(super) content: &'a str,
}

/// Where Syft and Grype look for the distribution's own identifier.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Swid<'a> {
    pub(super) tag_id: &'a str,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Pedigree<'a> {
    pub(super) ancestors: Vec<Ancestor<'a>>,
}

#[derive(Serialize)]
pub(super) struct Ancestor<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Reference<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash<'a>>,
}

#[derive(Serialize, Default)]
pub(super) struct Evidence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<Identity<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) occurrences: Vec<Occurrence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<LicenseChoice<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) copyright: Vec<Copyright<'a>>,
}

/// An object, not a list: 1.6 and 1.7 allow both, and some readers only this.
#[derive(Serialize)]
pub(super) struct Identity<'a> {
    pub(super) field: &'static str,
    pub(super) confidence: f64,
    pub(super) methods: Vec<Method<'a>>,
}

#[derive(Serialize)]
pub(super) struct Method<'a> {
    pub(super) technique: &'static str,
    pub(super) confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Occurrence<'a> {
    pub(super) location: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_context: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Copyright<'a> {
    pub(super) text: &'a str,
}

/// An entry of a list of licences. An expression must be the only entry.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum LicenseChoice<'a> {
    Expression(Expression<'a>),
    License { license: License<'a> },
}

#[derive(Serialize)]
pub(super) struct Expression<'a> {
    pub(super) expression: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acknowledgement: Option<&'static str>,
}

/// A licence by its identifier or, if it is not on the SPDX list, by name and text.
#[derive(Serialize, Default)]
pub(super) struct License<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acknowledgement: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Text<'a> {
    pub(super) content: &'a str,
}

/// What a component needs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency<'a> {
    #[serde(rename = "ref")]
    pub(super) from: &'a str,
    pub(super) depends_on: Vec<&'a str>,
}

impl<'a> Property<'a> {
    pub(super) fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl Evidence<'_> {
    pub(super) fn is_empty(&self) -> bool {
        let Self { identity, occurrences, licenses, copyright } = self;
        identity.is_none() && occurrences.is_empty() && licenses.is_empty() && copyright.is_empty()
    }
}
