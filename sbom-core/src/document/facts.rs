//! What documents say of a component beyond the fields of their format: names and values, the same in every
//! format. Properties in CycloneDX, annotations `NAME: VALUE` in SPDX. [`of`] and its siblings make them for
//! writers; [`absorb`] takes them back for readers.
//!
//! Most follow from fields of the model, and are not kept in it: names of ours, `sbomctl:`; names of Trivy's, by
//! which it and Dependency-Track find vulnerabilities; Syft's for the distribution.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    json,
    model::{
        Ancestor, Attribution, Completeness, Component, ComponentKind, Document, Evidence, LayerDescriptor,
        LifecyclePhase, Property, Reference, Technique, Usage,
    },
    syntax,
};
use crate::digest::Digest;

mod absorb;
pub(super) mod beyond;

pub(super) use absorb::absorb;

/// A name and a value.
pub(super) type Fact<'a> = (Cow<'a, str>, Cow<'a, str>);

/// One of Trivy's names.
macro_rules! trivy {
    ($name:literal) => {
        concat!("aquasecurity:trivy:", $name)
    };
}

/// What Trivy's names begin with in CycloneDX; its annotations in SPDX go without.
pub(super) const TRIVY: &str = trivy!("");

/// The longest build instruction that is repeated at each component; the image itself carries it whole.
const CREATED_BY_CHARS: usize = 256;

/// Room for what only some formats say of most components.
const OTHERS: usize = 4;
/// Room for what follows from the fields of most components.
const DERIVED: usize = 12;

/// What is said of the component at `index` in every format, sorted by name and without repetition. Values of one
/// name keep the order that they mean something in.
pub(super) fn of(document: &Document, index: usize) -> Vec<Fact<'_>> {
    let Some(component) = document.components.get(index) else { return Vec::new() };
    let mut derived = derived(document, index, component);
    sort(&mut derived);
    let mut stated = component.properties.iter().peekable();
    let mut facts: Vec<Fact<'_>> =
        Vec::with_capacity(derived.len().saturating_add(stated.len()).saturating_add(OTHERS));
    // Both are sorted already.
    for next in derived {
        while let Some(property) = stated.next_if(|property| *property.name < *next.0) {
            facts.push(stated_by(property));
        }
        facts.push(next);
    }
    facts.extend(stated.map(stated_by));
    facts.dedup();
    facts
}

/// Adds `more` to facts that are sorted by their names: behind those of the same name.
pub(super) fn add<'a>(facts: &mut Vec<Fact<'a>>, more: Vec<Fact<'a>>) {
    if !more.is_empty() {
        facts.extend(more);
        sort(facts);
    }
}

/// What SPDX says beside [`of`], as it has no fields for it.
pub(super) fn without_field_in_spdx<'a>(document: &'a Document, component: &'a Component) -> Vec<Fact<'a>> {
    let mut facts: Vec<Fact<'a>> = Vec::new();
    let mut add = |name: &'static str, value: Cow<'a, str>| facts.push((name.into(), value));
    let purl = component.purl.as_ref();
    let valid = purl.filter(|purl| syntax::is_purl(purl));
    if valid != Some(&component.id) {
        add("sbomctl:id", (&component.id).into());
    }
    if let Some(purl) = purl.filter(|_| valid.is_none()) {
        add("sbomctl:purl", purl.into());
    }
    for cpe in component.cpes.iter().filter(|cpe| !syntax::is_cpe(cpe) && !syntax::is_cpe_22(cpe)) {
        add("sbomctl:cpe", cpe.into());
    }
    if let Some(code) = component.verification_code.as_ref().filter(|code| !syntax::is_sha1(code)) {
        add("sbomctl:spdx:verificationCode", code.into());
    }
    if let Some(group) = &component.group {
        add("sbomctl:group", group.into());
    }
    for evidence in &component.evidence {
        add("sbomctl:evidence", evidence_record(document, evidence).into());
    }
    for ancestor in &component.ancestors {
        add("sbomctl:ancestor", ancestor_record(ancestor).into());
    }
    facts
}

/// What SPDX 2 says beside [`of`] and [`without_field_in_spdx`]. It has fields for the references `said`.
pub(super) fn without_field_in_spdx_2<'a>(
    component: &'a Component,
    said: [Option<&Reference>; 2],
) -> Vec<Fact<'a>> {
    let mut facts: Vec<Fact<'a>> = Vec::new();
    let mut add = |name: Cow<'a, str>, value: Cow<'a, str>| facts.push((name, value));
    match component.completeness {
        Completeness::Complete => add("sbomctl:completeness".into(), "complete".into()),
        Completeness::Incomplete => add("sbomctl:completeness".into(), "incomplete".into()),
        Completeness::Unknown => {}
    }
    for reference in component.references.iter().filter(|reference| syntax::is_address(&reference.url)) {
        if reference.comment.is_some() || !reference.hashes.is_empty() {
            let (name, value) = beyond::reference(reference);
            add(name, value);
        } else if !said.into_iter().flatten().any(|said| std::ptr::eq(said, reference)) {
            add(reference_name(reference), (&reference.url).into());
        }
    }
    let parties =
        [("sbomctl:supplier:url", &component.supplier), ("sbomctl:originator:url", &component.originator)];
    for (name, party) in parties {
        if let Some(url) = party.as_ref().and_then(|party| party.url.as_ref()) {
            add(name.into(), url.into());
        }
    }
    facts
}

/// What is said of the document itself: its properties, each gap as a record of JSON, and how many there are.
pub(super) fn of_header(document: &Document) -> impl Iterator<Item = Fact<'_>> {
    let own = document.header.properties.iter();
    let own = own.map(stated_by);
    let gaps = document.gaps.iter().map(|gap| ("sbomctl:gap".into(), json::line(gap).into()));
    let count = [("sbomctl:gaps:count".into(), document.gap_count().to_string().into())];
    let hidden = document.gaps_not_listed;
    let hidden = (hidden > 0).then(|| ("sbomctl:gaps:notListed".into(), hidden.to_string().into()));
    own.chain(gaps).chain(count).chain(hidden)
}

/// What SPDX says of the document beside [`of_header`]: points of life that it has no word for, and who supplies and
/// makes the subject, where the subject itself names others.
pub(super) fn of_header_in_spdx(document: &Document) -> impl Iterator<Item = Fact<'_>> {
    let header = &document.header;
    let wordless = [LifecyclePhase::Discovery, LifecyclePhase::Decommission];
    let phases = header.lifecycles.iter().filter(move |phase| wordless.contains(phase));
    let phases = phases.map(|phase| ("sbomctl:document:lifecycle".into(), phase.name().into()));
    let root = document.root();
    let parties = [
        ("sbomctl:document:supplier", &header.supplier, root.and_then(|root| root.supplier.as_deref())),
        (
            "sbomctl:document:manufacturer",
            &header.manufacturer,
            root.and_then(|root| root.originator.as_deref()),
        ),
    ];
    let parties = parties.into_iter().filter_map(move |(name, party, of_root)| {
        let party = party.as_ref()?;
        let is_said = root.is_some() && party.url.is_none() && of_root.is_none_or(|other| other == party);
        (!is_said).then(|| beyond::party(name, party))
    });
    phases.chain(parties)
}

/// One sentence on how much of the subject the document lists.
pub(super) fn completeness_in_words(document: &Document) -> String {
    if document.gaps.iter().any(|gap| gap.kind == "nothing-recognised") {
        return "unknown; nothing in the subject was recognised".to_owned();
    }
    match document.gap_count() {
        0 => "unknown; all that was recognised could be read".to_owned(),
        1 => "incomplete; 1 gap is listed".to_owned(),
        count if document.gaps_not_listed == 0 => format!("incomplete; {count} gaps are listed"),
        count => {
            let listed = document.gaps.len();
            format!("incomplete; there are {count} gaps, of which {listed} are listed")
        }
    }
}

/// The place of a layer, as `layer=DIGEST index=N`; the digest is that of the uncompressed layer, if known.
pub(super) fn layer_place(document: &Document, index: usize) -> String {
    let layer = document.layers.get(index);
    match layer.and_then(|layer| layer.diff_id.as_ref().or(layer.digest.as_ref())) {
        Some(digest) => ["layer=", digest.as_str(), " index=", &index.to_string()].concat(),
        None => format!("index={index}"),
    }
}

/// The first CPE name that is one.
pub(super) fn cpe(component: &Component) -> Option<&str> {
    component.cpes.iter().map(String::as_str).find(|cpe| syntax::is_cpe(cpe))
}

/// Hundredths as a number from 0 to 1.
pub(super) fn confidence(hundredths: u8) -> f64 {
    f64::from(hundredths.min(100)) / 100.0
}

/// A number from 0 to 1 in hundredths.
pub(super) fn hundredths(confidence: f64) -> Option<u8> {
    (0..=100_u8).find(|&hundredths| (f64::from(hundredths) / 100.0 - confidence).abs() <= 0.005)
}

/// `sbomctl:reference:vcs`, whose value is the address.
pub(super) fn reference_name(reference: &Reference) -> Cow<'static, str> {
    ["sbomctl:reference:", reference.kind.name()].concat().into()
}

/// One piece of evidence, in a record of JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    technique: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diff_id: Option<String>,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What something was derived from, in a record of JSON.
#[derive(Serialize, Deserialize)]
struct AncestorRecord {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

/// All of one piece of evidence, on one line.
pub(super) fn evidence_record(document: &Document, evidence: &Evidence) -> String {
    let layer = evidence.layer.and_then(|layer| document.layers.get(layer));
    json::line(&EvidenceRecord {
        technique: evidence.technique.map(Technique::name).map(str::to_owned),
        confidence: evidence.confidence.map(confidence),
        layer: evidence.layer,
        diff_id: layer.and_then(|layer| layer.diff_id.as_ref()).map(ToString::to_string),
        path: evidence.location.clone(),
        detail: evidence.detail.clone(),
    })
}

fn ancestor_record(ancestor: &Ancestor) -> String {
    json::line(&AncestorRecord {
        name: ancestor.name.clone(),
        version: ancestor.version.clone(),
        purl: ancestor.purl.as_ref().map(ToString::to_string),
    })
}

fn stated_by(property: &Property) -> Fact<'_> {
    (property.name.as_str().into(), property.value.as_str().into())
}

/// By name; values of one name stay in their order.
fn sort(facts: &mut [Fact<'_>]) {
    facts.sort_by(|a, b| a.0.cmp(&b.0));
}

/// What follows from the model's fields, mostly in the order of the names.
fn derived<'a>(document: &'a Document, index: usize, component: &'a Component) -> Vec<Fact<'a>> {
    let mut facts = Vec::with_capacity(DERIVED);
    let mut add = |name: Cow<'a, str>, value: Cow<'a, str>| facts.push((name, value));
    let is_root = document.root == Some(index);
    let is_part = !is_root && !is_system(document, index);
    if is_root {
        subject(document, &mut add);
    } else if is_part {
        for_trivy(document, component, &mut add);
    } else {
        distribution(document, component, &mut add);
    }
    let first = cpe(component);
    for other in component.cpes.iter().filter(|other| Some(other.as_str()) != first) {
        add("sbomctl:cpe".into(), other.into());
    }
    if is_part {
        of_layers(document, component, &mut add);
    }
    for reference in component.references.iter().filter(|reference| !syntax::is_address(&reference.url)) {
        if reference.comment.is_some() || !reference.hashes.is_empty() {
            let (name, value) = beyond::reference(reference);
            add(name, value);
        } else {
            add(reference_name(reference), (&reference.url).into());
        }
    }
    if component.usage == Usage::BuildOnly {
        add("sbomctl:usage".into(), "build-only".into());
    }
    facts
}

fn is_system(document: &Document, index: usize) -> bool {
    document.distribution.as_ref().is_some_and(|distribution| distribution.component == index)
}

fn subject<'a>(document: &'a Document, add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>)) {
    if !document.layers.is_empty() {
        add("sbomctl:oci:layers".into(), document.layers.len().to_string().into());
    }
    for (index, layer) in document.layers.iter().enumerate() {
        for (name, value) in layer_facts(layer) {
            add(format!("sbomctl:oci:layer:{index}:{name}").into(), value);
        }
    }
    // By layer, and not sorted: Trivy takes them in this order.
    for diff_id in document.layers.iter().filter_map(|layer| layer.diff_id.as_ref()) {
        add(trivy!("DiffID").into(), diff_id.as_str().into());
    }
}

fn layer_facts(layer: &LayerDescriptor) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
    let media_type = Some(layer.media_type.as_str()).filter(|name| !name.is_empty());
    [
        ("digest", layer.digest.as_ref().map(|digest| digest.as_str().into())),
        ("diffId", layer.diff_id.as_ref().map(|digest| digest.as_str().into())),
        ("size", layer.size.map(|size| size.to_string().into())),
        ("mediaType", media_type.map(Cow::Borrowed)),
        ("createdBy", layer.created_by.as_deref().map(Cow::Borrowed)),
        ("partial", layer.partial.map(|proof| proof.code().into())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn distribution<'a>(
    document: &'a Document,
    component: &'a Component,
    add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>),
) {
    add(trivy!("Class").into(), "os-pkgs".into());
    add(trivy!("Type").into(), (&component.name).into());
    let Some(system) = &document.distribution else { return };
    add("syft:distro:id".into(), (&system.id).into());
    for (index, like) in system.id_like.iter().enumerate() {
        add(format!("syft:distro:idLike:{index}").into(), like.into());
    }
    for (name, value) in [
        ("syft:distro:versionID", &system.version_id),
        ("syft:distro:versionCodename", &system.codename),
        ("sbomctl:os:codename", &system.codename),
        ("syft:distro:prettyName", &system.pretty_name),
    ] {
        if let Some(value) = value {
            add(name.into(), value.into());
        }
    }
}

/// What Trivy says of a package.
fn for_trivy<'a>(
    document: &'a Document,
    component: &'a Component,
    add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>),
) {
    // What a foreign document says under one of Trivy's names stands.
    let mut add = |name: &'static str, value: Option<&'a str>| {
        if let Some(value) = value.filter(|_| component.property(name).is_none()) {
            add(name.into(), value.into());
        }
    };
    let is_program_or_part = matches!(component.purl_type(), Some("golang" | "cargo"))
        || component.kind == ComponentKind::Application;
    let evidence = component.evidence.first().filter(|_| is_program_or_part);
    add(trivy!("FilePath"), evidence.map(|evidence| evidence.location.trim_start_matches('/')));
    let layer = component.layers.filter(|_| component.kind != ComponentKind::File);
    let layer = layer.and_then(|layers| document.layers.get(layers.introduced));
    let text = Digest::as_str;
    add(trivy!("LayerDiffID"), layer.and_then(|layer| layer.diff_id.as_ref()).map(text));
    add(trivy!("LayerDigest"), layer.and_then(|layer| layer.digest.as_ref()).map(text));
    add(trivy!("PkgType"), package_type(document, component));
    let source = component.source.as_ref().filter(|_| component.is_os_package());
    add(trivy!("SrcName"), source.map(|source| source.name.as_str()));
    add(trivy!("SrcVersion"), source.map(|source| source.version.as_str()));
}

/// In which layers `component` came, changed and went, and what made these.
fn of_layers<'a>(
    document: &'a Document,
    component: &'a Component,
    add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>),
) {
    let Some(Attribution { introduced, changed, removed }) = component.layers else { return };
    let changed = Some(changed).filter(|&changed| changed != introduced);
    for (event, created_by, index) in [
        ("sbomctl:layer:changed", "sbomctl:layer:changed:createdBy", changed),
        ("sbomctl:layer:introduced", "sbomctl:layer:introduced:createdBy", Some(introduced)),
        ("sbomctl:layer:removed", "sbomctl:layer:removed:createdBy", removed),
    ] {
        let Some(index) = index else { continue };
        add(event.into(), layer_place(document, index).into());
        if component.kind == ComponentKind::File {
            continue;
        }
        if let Some(instruction) = document.layers.get(index).and_then(|layer| layer.created_by.as_deref()) {
            add(created_by.into(), shortened(instruction));
        }
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= CREATED_BY_CHARS {
        return Cow::Borrowed(text);
    }
    let plain = text.get(..CREATED_BY_CHARS).filter(|begin| begin.is_ascii());
    let begin = plain.or_else(|| text.get(..text.char_indices().nth(CREATED_BY_CHARS)?.0));
    begin.map_or(Cow::Borrowed(text), |begin| Cow::Owned([begin, "…"].concat()))
}

/// Trivy's name of the kind of package: for one of an operating system the name of its family.
fn package_type<'a>(document: &'a Document, component: &'a Component) -> Option<&'a str> {
    match component.purl_type()? {
        "golang" => Some("gobinary"),
        "cargo" => Some("rustbinary"),
        "apk" | "deb" | "rpm" => {
            let id = namespace(component.purl.as_deref()?)?;
            let of_system = document.distribution.as_ref().filter(|distribution| distribution.id == id);
            let system = of_system.and_then(|distribution| document.components.get(distribution.component));
            Some(system.map_or_else(|| super::of_bom::family(id), |system| system.name.as_str()))
        }
        _ => None,
    }
}

/// The last part of the namespace of a package URL: `debian` of `pkg:deb/debian/bash@5`.
fn namespace(purl: &str) -> Option<&str> {
    let path = purl.split(['@', '?', '#']).next()?;
    let (_, path) = path.split_once('/')?;
    let (namespace, _) = path.rsplit_once('/')?;
    namespace.rsplit('/').next()
}
