//! Every whole format says the same: what is written in any of them is read back as the document that it was
//! written from.

use proptest::prelude::*;

use super::{any::any_bom, full, samples};
use crate::{
    bom::Party,
    digest::Digest,
    document::{
        Document, Format,
        model::{Component, Evidence, Header},
        read::{Read, read},
        syntax, write,
    },
    limits::Limits,
};

/// The formats that hold all of a document.
fn whole() -> impl Iterator<Item = Format> {
    let lists = [Format::Table, Format::Github, Format::Purls, Format::Csv, Format::Markdown];
    Format::ALL.iter().copied().filter(move |format| !lists.contains(format))
}

/// `document` without what a reader or writer adds to its header, and without what the format has no words for.
fn essence(mut document: Document, format: Format) -> Document {
    for component in &mut document.components {
        for party in [&mut component.supplier, &mut component.originator] {
            *party = party.take().map(|party| std::sync::Arc::new(in_words_of(format, &party)));
        }
    }
    document.header = Header {
        name: String::new(),
        origin: crate::document::model::Origin::Content,
        identity: None,
        timestamp: None,
        tools: Vec::new(),
        ..document.header
    };
    document
}

/// SPDX sets off mail addresses by round brackets.
fn in_words_of(format: Format, party: &Party) -> Party {
    match format {
        Format::SpdxJson(_) | Format::SpdxTagValue(_) => {
            Party { name: party.name.replace('(', "[").replace(')', "]"), ..party.clone() }
        }
        _ => party.clone(),
    }
}

pub(super) fn written_and_read(document: &Document, format: Format) -> Read {
    let mut bytes = Vec::new();
    write(document, format, &samples::inputs(), &mut bytes).unwrap();
    read(&bytes, &Limits::default()).unwrap()
}

#[test]
fn documents_of_samples_are_read_as_they_were_written() {
    for (name, bom) in samples::all() {
        let document = Document::of(bom);
        for format in whole() {
            check(name, &document, format);
        }
    }
}

#[test]
fn a_document_with_every_field_is_read_from_cyclonedx_as_it_was_written() {
    let document = full::document();
    for format in Format::ALL.iter().copied().filter(|format| format.name().starts_with("cyclonedx")) {
        let read = written_and_read(&document, format);
        assert!(read.losses.is_empty(), "{format}: {}", read.losses);
        let shown = |document| format!("{:#?}", essence(document, format));
        let (found, expected) = (shown(read.document), shown(document.clone()));
        let differ = |(found, expected): (&str, &str)| found != expected;
        if let Some(line) = found.lines().zip(expected.lines()).position(differ) {
            let about = |text: &str| {
                text.lines().skip(line.saturating_sub(9)).take(12).collect::<Vec<_>>().join("\n")
            };
            panic!("{format}: read\n{}\nfor\n{}", about(&found), about(&expected));
        }
        assert_eq!(found.len(), expected.len(), "{format}");
    }
}

pub(super) fn check(name: &str, document: &Document, format: Format) {
    let read = written_and_read(document, format);
    assert!(read.losses.is_empty(), "{name} {format}: {}", read.losses);
    let (found, expected) = (essence(read.document, format), essence(document.clone(), format));
    for (found, expected) in found.components.iter().zip(&expected.components) {
        assert_eq!(found, expected, "{name} {format}");
    }
    assert_eq!(found, expected, "{name} {format}");
}

/// What has to be the same whatever texts an image holds: which components there are, where they were found, how
/// they hang together, and what is missing.
fn skeleton(document: Document, format: Format) -> Document {
    // Tag-value has no way to write control characters, and no empty names. Space around a text is none of its own.
    let plain = |text: String| match format {
        Format::SpdxTagValue(_) => syntax::one_line(&text).into_owned(),
        _ => text.trim().to_owned(),
    };
    let id = |id: String| match format {
        Format::SpdxTagValue(_) => id.replace('\r', ""),
        _ => id,
    };
    // Space at the ends of a text means nothing in XML, and some characters it has no way to write; where evidence
    // travels in records of JSON, it has.
    let plain_in_xml = |text: &str| as_xml_writes(text).trim().to_owned();
    let places = |evidence: Vec<Evidence>| match format {
        Format::CycloneDxXml(_) => {
            let place = |evidence: Evidence| Evidence {
                location: plain_in_xml(&evidence.location),
                detail: evidence.detail.as_deref().map(plain_in_xml).filter(|detail| !detail.is_empty()),
                ..evidence
            };
            let mut evidence: Vec<Evidence> = evidence.into_iter().map(place).collect();
            evidence.sort();
            evidence.dedup();
            evidence
        }
        _ => evidence,
    };
    let bare = |component: Component| Component {
        id: id(component.id),
        kind: component.kind,
        name: match plain(component.name) {
            name if name.is_empty() && matches!(format, Format::SpdxTagValue(_)) => "unnamed".to_owned(),
            name => name,
        },
        version: component.version.map(plain).filter(|version| !version.is_empty()),
        purl: component.purl,
        usage: component.usage,
        completeness: component.completeness,
        evidence: places(component.evidence),
        layers: component.layers,
        ..Component::default()
    };
    Document {
        header: Header::default(),
        components: document.components.into_iter().map(bare).collect(),
        ..document
    }
}

fn as_xml_writes(text: &str) -> String {
    let is_char = |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || "\t\n\r".contains(c);
    text.replace(|c| !is_char(c), "\u{fffd}")
}

/// What XML has no way to write is replaced, and an identifier with such characters gets a mark.
fn in_xml(mut document: Document) -> Document {
    let written = |text: &mut String| *text = as_xml_writes(text);
    for component in &mut document.components {
        let digest = Digest::of(component.id.as_bytes());
        written(&mut component.id);
        if component.id.contains('\u{fffd}') {
            let mark: String = digest.hex().chars().take(12).collect();
            component.id = format!("{}|{mark}", component.id);
        }
        written(&mut component.name);
        component.version.iter_mut().for_each(written);
        for evidence in &mut component.evidence {
            written(&mut evidence.location);
            evidence.detail.iter_mut().for_each(written);
        }
        component.evidence.sort();
    }
    // In records of JSON, that has a way.
    document.normalise();
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_of_any_bill_have_the_same_components_relationships_and_gaps_in_every_format(bom in any_bom()) {
        let document = Document::of(bom);
        for format in whole() {
            let read = written_and_read(&document, format);
            let expected = match format {
                Format::CycloneDxXml(_) => in_xml(document.clone()),
                _ => document.clone(),
            };
            let (found, expected) = (skeleton(read.document, format), skeleton(expected, format));
            for (found, expected) in found.components.iter().zip(&expected.components) {
                prop_assert_eq!(found, expected, "{}", format);
            }
            prop_assert_eq!(found, expected, "{}", format);
        }
    }
}
