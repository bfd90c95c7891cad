//! Which format a text has, by its content alone and without reading more of it than that takes.

use std::collections::BTreeSet;

use quick_xml::{
    NsReader,
    events::Event,
    name::{Namespace, ResolveResult},
};

use super::{ReadError, Syntax, envelope::Kind, members::Members, shortened};

/// What a text turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A bill of materials.
    Plain(Syntax),
    /// Something that a bill of materials may be wrapped in.
    Wrapped(Kind),
}

/// What can be read, as messages say it.
const KNOWN: &str = "CycloneDX (JSON, XML), SPDX (JSON, tag-value, 3.0 as JSON-LD) and Syft's JSON can be read, also \
                     in an in-toto statement, a DSSE envelope or a Sigstore bundle";

/// Names that are kept of an object to say what it looks like.
const MAX_NAMES: usize = 64;

/// How compressed files and archives begin.
const BINARY: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip-compressed data; decompress it first"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data; decompress it first"),
    (b"\xfd7zXZ", "xz-compressed data; decompress it first"),
    (b"BZh", "bzip2-compressed data; decompress it first"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"\x7fELF", "an ELF executable; `scan` reads those"),
];

/// JSON objects that people take for bills of materials, by names in them.
const LOOKALIKES: &[(&[&str], &str)] = &[
    (&["SchemaVersion", "ArtifactName"], "a report of Trivy; have it written as CycloneDX or SPDX"),
    (&["matches", "descriptor"], "a report of Grype, which lists weaknesses"),
    (&["version", "runs"], "a SARIF log, which lists results of an analysis"),
    (&["@context", "statements"], "a VEX document, which says what weaknesses mean"),
    (&["schemaVersion", "layers"], "an image manifest; `scan` reads images"),
    (&["schemaVersion", "manifests"], "an image index; `scan` reads images"),
    (&["detector", "manifests"], "a dependency snapshot as GitHub takes it"),
    (&["lockfileVersion"], "a lock file of npm"),
];

/// The text that `bytes` are, without a byte order mark.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    if let Some((_, found)) = BINARY.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(unrecognised(found));
    }
    let text = str::from_utf8(bytes).map_err(|error| ReadError::Encoding { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // ASCII in UTF-16 is valid UTF-8, every other byte of which is 0.
    match text.bytes().take(2).position(|byte| byte == 0) {
        Some(offset) => Err(ReadError::Encoding { offset }),
        None => Ok(text),
    }
}

/// The form of `text`.
pub(super) fn form(text: &str) -> Result<Form, ReadError> {
    let trimmed = text.trim_ascii_start();
    if let Some(members) = Members::of(text) {
        return object(members);
    }
    match trimmed.bytes().next() {
        None => Err(unrecognised("an empty file")),
        Some(b'<') => xml(trimmed),
        Some(b'[') => Err(unrecognised("a JSON list")),
        Some(_) if is_tag_value(text) => Ok(Form::Plain(Syntax::SpdxTagValue)),
        Some(_) => Err(unrecognised(&prose(trimmed))),
    }
}

fn object(mut members: Members<'_>) -> Result<Form, ReadError> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut in_order = Vec::new();
    while let Some(member) = members.next()? {
        let text = || member.text().unwrap_or_default();
        let form = match &*member.name {
            "bomFormat" if text() == "CycloneDX" => Some(Form::Plain(Syntax::CycloneDxJson)),
            "spdxVersion" | "SPDXID" => Some(Form::Plain(Syntax::SpdxJson)),
            "@context" if member.value.contains("spdx.org/rdf/3") => Some(Form::Plain(Syntax::SpdxJsonLd)),
            "_type" if text().starts_with("https://in-toto.io/Statement/") => {
                Some(Form::Wrapped(Kind::Statement))
            }
            "payloadType" => Some(Form::Wrapped(Kind::Dsse)),
            "mediaType" if text().starts_with("application/vnd.dev.sigstore.bundle") => {
                Some(Form::Wrapped(Kind::SigstoreBundle))
            }
            "dsseEnvelope" => Some(Form::Wrapped(Kind::SigstoreBundle)),
            _ => None,
        };
        if let Some(form) = form {
            return Ok(form);
        }
        if names.len() < MAX_NAMES {
            let name = shortened(&member.name);
            in_order.push(name.clone());
            names.insert(name);
        }
        if names.contains("artifacts")
            && (names.contains("schema") || names.contains("artifactRelationships"))
        {
            return Ok(Form::Plain(Syntax::SyftJson));
        }
    }
    let has = |wanted: &[&str]| wanted.iter().all(|&name| names.contains(name));
    if let Some(kind) = Kind::EXPORTS.iter().find(|kind| has(&[kind.member()])) {
        return Ok(Form::Wrapped(*kind));
    }
    if let Some((_, found)) = LOOKALIKES.iter().find(|(wanted, _)| has(wanted)) {
        return Err(unrecognised(found));
    }
    Err(unrecognised(&match in_order.as_slice() {
        [] => "an empty JSON object".to_owned(),
        all => format!(
            "a JSON object with the names {}",
            all.iter().take(8).cloned().collect::<Vec<_>>().join(", ")
        ),
    }))
}

/// The first element says it. What cannot even be read up to there may be anything.
fn xml(text: &str) -> Result<Form, ReadError> {
    let mut reader = NsReader::from_str(text);
    let (name, namespace) = loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                let (resolved, name) = reader.resolver().resolve_element(tag.name());
                let namespace = match resolved {
                    ResolveResult::Bound(Namespace(namespace)) => namespace,
                    ResolveResult::Unbound | ResolveResult::Unknown(_) => "",
                };
                break (AsRef::<str>::as_ref(&name).to_owned(), namespace.to_owned());
            }
            Ok(Event::Eof) | Err(_) => {
                return Err(unrecognised("something like XML, but without an element"));
            }
            Ok(_) => {}
        }
    };
    if name == "bom" && namespace.starts_with("http://cyclonedx.org/schema/") {
        return Ok(Form::Plain(Syntax::CycloneDxXml));
    }
    if name == "RDF" {
        return Err(unrecognised("RDF as XML; if it is SPDX, convert it to JSON first"));
    }
    let name = shortened(&name);
    Err(unrecognised(&format!("XML with the element {name:?} of the namespace {:?}", shortened(&namespace))))
}

/// Whether one of the first lines names the version of SPDX; comments and the licence of the data may precede it.
fn is_tag_value(text: &str) -> bool {
    text.lines().take(100).any(|line| line.trim_start().starts_with("SPDXVersion:"))
}

fn prose(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let columns: Vec<&str> = first.split_whitespace().collect();
    if columns.starts_with(&["NAME", "VERSION"]) {
        return "a table, as Syft prints it unless asked for another output".to_owned();
    }
    if text.lines().take(100).any(|line| line.starts_with("spdxVersion:")) {
        return "SPDX as YAML; convert it to JSON first".to_owned();
    }
    format!("a text that begins with {:?}", shortened(first))
}

/// It looks like `found`, which cannot be read.
pub(super) fn unrecognised(found: &str) -> ReadError {
    ReadError::Unrecognised { found: format!("it is {found} ({KNOWN})") }
}
