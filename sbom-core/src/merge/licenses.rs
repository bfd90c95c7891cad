//! Licences outside of the SPDX list whose identifiers are the same in several documents, but not their texts.

use std::collections::{BTreeMap, BTreeSet};

use super::PREFIX;
use crate::{
    digest::Digest,
    document::model::{Component, CustomLicense, Document, Licensing},
    license,
};

/// Digits of a hash in an identifier, as [`license::custom`](crate::license::custom) has them.
const DIGITS: usize = 12;

/// Gives licences of their own texts identifiers of their own: where two texts share one, a hash of the text is added
/// to it. An identifier that has it already counts as the one without, so that the result is the same however many
/// documents are looked at together.
pub(super) fn tell_apart(documents: &mut [Document]) {
    let mut texts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for license in documents.iter().flat_map(|document| &document.components).flat_map(customs) {
        texts.entry(base(license)).or_default().insert(&license.text);
    }
    let clashes: BTreeSet<String> =
        texts.iter().filter(|(_, texts)| texts.len() > 1).map(|(base, _)| (*base).to_owned()).collect();
    if clashes.is_empty() {
        return;
    }
    for component in documents.iter_mut().flat_map(|document| &mut document.components) {
        let properties = &mut component.properties;
        for (licensing, fact) in
            [(&mut component.declared, "license"), (&mut component.concluded, "concluded-license")]
        {
            let renamed: BTreeMap<String, String> = licensing
                .custom
                .iter()
                .filter(|license| clashes.contains(base(license)))
                .map(|license| (license.id.clone(), format!("{}-{}", base(license), hash(&license.text))))
                .collect();
            if renamed.is_empty() {
                continue;
            }
            *licensing = std::mem::take(licensing).renamed(&renamed);
            // What an earlier merge kept names the same licences.
            for kept in properties.iter_mut().filter(|kept| kept.name.strip_prefix(PREFIX) == Some(fact)) {
                let expression = Some(std::mem::take(&mut kept.value));
                let value = Licensing { expression, custom: Vec::new() }.renamed(&renamed).expression;
                kept.value = license::canonical(&value.unwrap_or_default());
            }
        }
    }
}

fn customs(component: &Component) -> impl Iterator<Item = &CustomLicense> {
    component.declared.custom.iter().chain(&component.concluded.custom)
}

fn base(license: &CustomLicense) -> &str {
    let stripped = license.id.rsplit_once('-').filter(|(_, tail)| {
        tail.len() == DIGITS
            && tail.bytes().all(|byte| byte.is_ascii_hexdigit())
            && *tail == hash(&license.text)
    });
    stripped.map_or(license.id.as_str(), |(base, _)| base)
}

fn hash(text: &str) -> String {
    Digest::of(text.as_bytes()).hex().chars().take(DIGITS).collect()
}
