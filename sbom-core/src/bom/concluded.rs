//! What the texts of licences, that packages ship and the SPDX list knows no name for, turn out to be.

use std::{collections::HashMap, sync::Arc};

use super::{Gap, GapKind, Scope, draft::Draft};
use crate::{
    license::{
        conclude,
        text::{Reading, recognise},
    },
    limits::{LimitExceeded, Limits},
};

/// What texts turned out to be.
pub(super) type Readings = HashMap<Arc<str>, Option<Reading>>;

/// Reads the licence texts of all components within `scope`, but for those `known`.
pub(super) fn assemble(limits: &Limits, scope: Scope, known: &Readings, draft: &mut Draft) {
    let mut texts = Texts { limits, known, read: HashMap::new(), bytes: 0, unread: 0 };
    let open: Vec<_> = draft
        .components()
        .filter(|(_, component)| !component.licenses.custom.is_empty())
        .filter(|(_, component)| scope == Scope::AllLayers || component.layers.removed.is_none())
        .map(|(handle, _)| handle)
        .collect();
    for handle in open {
        let Some(component) = draft.get(handle) else { continue };
        let concluded = conclude(&component.licenses, |license| texts.read(&license.text));
        // A document repeats the texts of what was not recognised.
        let weight = concluded.custom.iter().map(|license| license.text.len()).sum();
        if concluded.expression.is_some()
            && draft.may_copy("what is concluded of their licences", weight, limits)
            && let Some(component) = draft.get_mut(handle)
        {
            component.concluded = concluded;
        }
    }
    if texts.unread > 0 {
        let exceeded = LimitExceeded { limit: limits.license_bytes };
        let message =
            format!("{} licence texts were not compared with the SPDX list: {exceeded}", texts.unread);
        draft.gap(Gap::new(GapKind::Limit, message));
    }
}

/// The texts of one scan.
struct Texts<'a> {
    limits: &'a Limits,
    known: &'a Readings,
    /// Every text is read once, whoever ships it.
    read: Readings,
    bytes: u64,
    unread: u64,
}

impl Texts<'_> {
    fn read(&mut self, text: &Arc<str>) -> Option<Reading> {
        if let Some(known) = self.read.get(text) {
            return known.clone();
        }
        let bytes = self.bytes.saturating_add(text.len() as u64);
        if self.limits.license_bytes.check(bytes).is_err() {
            self.unread += 1;
            return None;
        }
        self.bytes = bytes;
        let reading = self.known.get(text).cloned().unwrap_or_else(|| recognise(text));
        self.read.insert(text.clone(), reading.clone());
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bom::{Bom, Component, ComponentKind, Licensing},
        license::custom,
        oci::{Subject, SubjectKind},
    };

    const FSFUL: &str = "This configure script is free software; the Free Software Foundation gives unlimited \
        permission to copy, distribute and modify it.";

    fn bill(texts: &[&str], limits: &Limits) -> Bom {
        let mut draft = Draft::default();
        for text in texts {
            let mut component = Component::new(ComponentKind::OsPackage, "a");
            component.licenses = Licensing::from(custom("own", text));
            draft.add(component);
        }
        assemble(limits, Scope::Squashed, &Readings::new(), &mut draft);
        let subject =
            Subject { kind: SubjectKind::Folder, name: "test".into(), tag: None, layers: Vec::new() };
        draft.finish(subject, None, Scope::Squashed, limits)
    }

    #[test]
    fn what_is_declared_stays_as_it_was() {
        let bom = bill(&[FSFUL, "Do what you like."], &Limits::default());
        let by_text =
            |text: &str| bom.components.iter().find(|c| &*c.licenses.custom[0].text == text).unwrap();
        assert_eq!(by_text(FSFUL).licenses, Licensing::from(custom("own", FSFUL)));
        assert_eq!(by_text(FSFUL).concluded.expression.as_deref(), Some("FSFUL"));
        assert_eq!(by_text("Do what you like.").concluded, Licensing::default());
        assert_eq!(bom.gaps, []);
    }

    #[test]
    fn texts_beyond_the_limit_are_a_gap() {
        let mut limits = Limits::default();
        limits.set("license-bytes", FSFUL.len() as u64);
        assert_eq!(bill(&[FSFUL, FSFUL, FSFUL], &limits).gaps, []);
        let bom = bill(&[FSFUL, "Something else."], &limits);
        assert_eq!(bom.gaps.len(), 1);
        assert!(bom.gaps[0].message.contains("license-bytes"), "{:?}", bom.gaps);
    }
}
