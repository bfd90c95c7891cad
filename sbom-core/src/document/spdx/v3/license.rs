//! Licences: each expression once, each text that one names once, and who has which.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{
    Element, Graph,
    iri::{Iri, fragment},
};
use crate::document::model::{CustomLicense, Document, Licensing};

/// The identifiers of all expressions and texts.
pub(super) struct Licenses<'a> {
    expressions: BTreeMap<&'a Licensing, String>,
    texts: BTreeMap<&'a CustomLicense, String>,
    /// Names of texts that are identifiers, too.
    names: HashSet<&'a str>,
    /// Of the document itself.
    data: &'a Licensing,
}

impl<'a> Licenses<'a> {
    pub(super) fn of(model: &'a Document, data: &'a Licensing) -> Self {
        let (expressions, texts, names) = (BTreeMap::new(), BTreeMap::new(), HashSet::new());
        let mut licenses = Self { expressions, texts, names, data };
        let parts = model.components.iter().flat_map(|part| [&part.declared, &part.concluded]);
        for licensing in parts.chain([data]) {
            licenses.add(licensing);
        }
        licenses
    }

    fn add(&mut self, licensing: &'a Licensing) {
        let Some(expression) = &licensing.expression else { return };
        if self.expressions.contains_key(licensing) {
            return;
        }
        let texts: Vec<String> = licensing.custom.iter().map(|license| self.text(license)).collect();
        self.expressions.insert(licensing, fragment("LicenseExpression", expression, &(expression, texts)));
    }

    /// Identified by the name that expressions have for it, as long as only one text has that name.
    fn text(&mut self, license: &'a CustomLicense) -> String {
        if let Some(known) = self.texts.get(license) {
            return known.clone();
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let id = if license.id.chars().all(is_plain) && self.names.insert(&license.id) {
            license.id.clone()
        } else {
            fragment("License", &license.id, &(&license.id, &license.name, &*license.text))
        };
        self.texts.insert(license, id.clone());
        id
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "it is what the format calls it, too")]
pub(super) struct Expression<'a> {
    #[serde(rename = "simplelicensing_licenseExpression")]
    expression: &'a str,
    #[serde(rename = "simplelicensing_licenseListVersion")]
    list_version: &'static str,
    #[serde(rename = "simplelicensing_customIdToUri", skip_serializing_if = "Vec::is_empty")]
    custom: Vec<Entry<'a>>,
}

/// What a name within an expression stands for.
#[derive(Serialize)]
#[serde(tag = "type", rename = "DictionaryEntry")]
struct Entry<'a> {
    key: &'a str,
    value: Iri<'a>,
}

#[derive(Serialize)]
pub(super) struct Text<'a> {
    name: &'a str,
    #[serde(rename = "simplelicensing_licenseText")]
    text: &'a str,
}

impl Graph<'_> {
    /// The expression that `licensing` is.
    pub(super) fn expression(&self, licensing: &Licensing) -> Option<Iri<'_>> {
        Some(self.iri(self.licenses.expressions.get(licensing)?))
    }

    pub(super) fn data_license(&self) -> Option<Iri<'_>> {
        self.expression(self.licenses.data)
    }

    pub(super) fn expressions(&self) -> impl Iterator<Item = Element<'_, Expression<'_>>> {
        let mut expressions: Vec<_> = self.licenses.expressions.iter().map(|(&of, id)| (id, of)).collect();
        expressions.sort_unstable();
        expressions.into_iter().filter_map(|(id, licensing)| {
            let custom = licensing.custom.iter();
            let custom = custom.filter_map(|license| {
                Some(Entry { key: &license.id, value: self.iri(self.licenses.texts.get(license)?) })
            });
            let body = Expression {
                expression: licensing.expression.as_deref()?,
                list_version: spdx::license_version(),
                custom: custom.collect(),
            };
            Some(self.element("simplelicensing_LicenseExpression", id, body))
        })
    }

    pub(super) fn license_texts(&self) -> impl Iterator<Item = Element<'_, Text<'_>>> {
        let mut texts: Vec<_> = self.licenses.texts.iter().map(|(&of, id)| (id, of)).collect();
        texts.sort_unstable();
        texts.into_iter().map(|(id, license)| {
            let body = Text { name: &license.name, text: &license.text };
            self.element("simplelicensing_SimpleLicensingText", id, body)
        })
    }
}
