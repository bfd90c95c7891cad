//! Bills of any content that an image could have, as far as documents are concerned.

use proptest::prelude::*;

use super::{samples, schema};
use crate::{
    bom::{
        Bom, Component, ComponentKind, CustomLicense, EdgeKind, Evidence, Gap, GapKind, Party, PartyKind,
        Scope, Technique, draft::Draft,
    },
    document::Document,
    image_path::ImagePath,
    limits::Limits,
    purl::Purl,
};

/// Texts as an image may hold them.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("same".to_owned()),
        "[a-z]{1,8}",
        any::<String>(),
        Just("\"\\\u{0}\u{1b}[31m\u{202e}\u{1f980}\r\n: ".to_owned()),
    ]
}

fn any_party() -> impl Strategy<Value = Option<Party>> {
    proptest::option::of((any::<bool>(), any_text(), proptest::option::of(any_text()), any_text()).prop_map(
        |(person, name, email, url)| Party {
            kind: if person { PartyKind::Person } else { PartyKind::Organization },
            name,
            email,
            url: Some(url),
        },
    ))
}

prop_compose! {
    fn any_component()(
        kind in 0..4_usize,
        name in any_text(),
        version in proptest::option::of(any_text()),
        has_purl in any::<bool>(),
        texts in proptest::collection::vec(any_text(), 6),
        parties in (any_party(), any_party()),
        places in proptest::collection::vec((0..5_usize, any_text(), any::<u8>()), 0..3),
        layers in (0..5_usize, 0..5_usize),
        license in 0..4_usize,
    ) -> Component {
        use ComponentKind::{Application, Library, OperatingSystem, OsPackage};
        let [description, cpe, url, detail, value, text] = texts.try_into().unwrap();
        let mut component = Component::new([OsPackage, Application, Library, OperatingSystem][kind], name.clone());
        let purl = || Purl::new(["deb", "golang", "cargo", "generic"][kind], &name).qualifier("distro", &value);
        component.purl = has_purl.then(|| purl().version(version.as_deref().unwrap_or_default()));
        component.version = version;
        component.description = Some(description);
        component.cpes.push(cpe);
        (component.supplier, component.originator) = parties;
        let kind = crate::bom::ReferenceKind::Website;
        component.references.push(crate::bom::ExternalReference { kind, url: url.clone() });
        component.references.push(crate::bom::ExternalReference { kind, url: format!("https://{url}") });
        component.property("sbomctl:some:property", value);
        for (layer, path, confidence) in places {
            component.evidence.push(Evidence {
                layer,
                path: ImagePath::from(path.as_str()),
                technique: Technique::ManifestAnalysis,
                confidence,
                detail: Some(detail.clone()),
            });
        }
        (component.layers.introduced, component.layers.changed) = layers;
        let expression = [None, Some("MIT"), Some("LicenseRef-a"), Some("MIT OR LicenseRef-a")][license];
        component.licenses.expression = expression.map(str::to_owned);
        if license > 1 {
            component.licenses.custom = vec![CustomLicense { id: "LicenseRef-a".into(), name, text: text.into() }];
        }
        component
    }
}

prop_compose! {
    pub(super) fn any_bom()(
        components in proptest::collection::vec(any_component(), 0..8),
        edges in proptest::collection::vec((0..8_usize, 0..8_usize, 0..7_usize), 0..20),
        gaps in proptest::collection::vec((any_text(), proptest::option::of(0..5_usize)), 0..6),
        sample in 0..7_usize,
        name in any_text(),
    ) -> Bom {
        use EdgeKind::{Breaks, BuildDependsOn, DependsOn, DependsOnAlternative, Owns, Recommends, Suggests};
        let kinds = [DependsOn, DependsOnAlternative, Recommends, Suggests, Breaks, BuildDependsOn, Owns];
        let mut draft = Draft::default();
        let handles: Vec<_> = components.into_iter().map(|component| draft.add(component)).collect();
        for (from, to, kind) in edges {
            if let (Some(&from), Some(&to)) = (handles.get(from), handles.get(to)) {
                draft.edge(from, to, kinds[kind]);
            }
        }
        for (message, layer) in gaps {
            let mut gap = Gap::new(GapKind::Malformed, message);
            gap.layer = layer;
            draft.gap(gap);
        }
        let (_, like) = samples::all().swap_remove(sample);
        let mut subject = like.subject;
        subject.name = name;
        let mut limits = Limits::default();
        limits.set("gaps", 3);
        draft.finish(subject, like.operating_system, Scope::Squashed, &limits)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_document_has_every_component_edge_and_gap_of_its_bill_and_all_is_reached(bom in any_bom()) {
        let document = Document::of(bom.clone());
        let place = |id: &str| document.components.iter().position(|component| component.id == id).unwrap();
        let added = 1 + usize::from(bom.operating_system.is_some());
        prop_assert_eq!(document.components.len(), bom.components.len() + added);
        for edge in &bom.edges {
            let [from, to] = [edge.from, edge.to].map(|end| place(&bom.components[end].id));
            prop_assert!(document.outgoing(from).iter().any(|relationship| relationship.to == to));
        }
        prop_assert_eq!(document.gap_count(), bom.gaps.len() as u64 + bom.gaps_not_listed);
        let mut reached = std::collections::BTreeSet::new();
        let mut next = vec![document.root.unwrap()];
        while let Some(index) = next.pop() {
            if reached.insert(index) {
                let needs = document.outgoing(index).iter().filter(|relationship| relationship.kind.is_need());
                next.extend(needs.map(|relationship| relationship.to));
            }
        }
        prop_assert_eq!(reached.len(), document.components.len());
    }
}

#[test]
fn documents_of_any_bill_are_valid() {
    let Some(validators) = schema::validators() else { return };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(32));
    let checked = runner.run(&any_bom(), |bom| {
        schema::check("any bill", &Document::of(bom), &validators);
        Ok(())
    });
    checked.unwrap();
}
