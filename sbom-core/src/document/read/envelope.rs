//! What bills of materials come wrapped in: in-toto statements, DSSE envelopes, Sigstore bundles, answers of services.
//!
//! They are opened, and nothing else: no signature is verified here.
//!
//! Sources: in-toto attestation framework (Statement 0.1 and 1), DSSE 1.0, `sigstore_bundle.proto` 0.1 to 0.3.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;

use super::{
    ReadError,
    members::{Member, Members},
    shortened,
    sniff::{text, unrecognised},
};

/// Something that a document was wrapped in. What it says is **not verified**.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrapper {
    /// An in-toto statement, whose predicate is the document.
    Statement {
        /// Its `predicateType`.
        predicate_type: String,
        /// What it is about.
        subjects: Vec<StatementSubject>,
    },
    /// A DSSE envelope, signed or not.
    Dsse {
        /// Its `payloadType`.
        payload_type: String,
    },
    /// A Sigstore bundle.
    SigstoreBundle {
        /// Its `mediaType`.
        media_type: String,
    },
    /// An object with the document in one member, as services answer with.
    Export {
        /// The name of that member: `sbom` of GitHub, `SPDX` of `BuildKit`.
        member: &'static str,
    },
}

/// What an in-toto statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StatementSubject {
    /// Its name, as whoever wrote the statement calls it.
    #[serde(default)]
    pub name: String,
    /// Its digests in hex, by algorithm (`sha256`).
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
}

/// Which [`Wrapper`] a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Statement,
    Dsse,
    SigstoreBundle,
    GitHub,
    BuildKit,
}

impl Kind {
    /// Objects that are known by one member alone.
    pub(super) const EXPORTS: [Self; 2] = [Self::GitHub, Self::BuildKit];

    /// The member that holds the content.
    pub(super) fn member(self) -> &'static str {
        match self {
            Self::Statement => "predicate",
            Self::Dsse => "payload",
            Self::SigstoreBundle => "dsseEnvelope",
            Self::GitHub => "sbom",
            Self::BuildKit => "SPDX",
        }
    }
}

impl fmt::Display for Wrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement { predicate_type, .. } => {
                write!(f, "an in-toto statement of type {:?}", shortened(predicate_type))
            }
            Self::Dsse { payload_type } => write!(f, "a DSSE envelope of {:?}", shortened(payload_type)),
            Self::SigstoreBundle { .. } => f.write_str("a Sigstore bundle"),
            Self::Export { member } => write!(f, "an object with the member {member:?}"),
        }
    }
}

/// Takes the content out of `text`, which is of `kind`.
pub(super) fn open(kind: Kind, text: &str) -> Result<(Wrapper, Cow<'_, str>), ReadError> {
    let mut members = Members::of(text).ok_or_else(|| unrecognised("no JSON object"))?;
    let mut found: BTreeMap<String, Member<'_>> = BTreeMap::new();
    while let Some(member) = members.next()? {
        let wanted = kind.member() == member.name
            || matches!(&*member.name, "predicateType" | "subject" | "payloadType" | "mediaType");
        if wanted && found.insert(member.name.clone().into_owned(), member).is_some() {
            return Err(content(kind, "stands there twice"));
        }
    }
    if !members.rest().is_empty() {
        return Err(unrecognised("more than one JSON value; give them one at a time"));
    }
    let word = |name: &str| found.get(name).and_then(Member::text).unwrap_or_default();
    let inner = found.get(kind.member()).ok_or_else(|| content(kind, "is missing"))?;
    let (wrapper, inner) = match kind {
        Kind::Statement => {
            let subjects = found.get("subject").map_or(Ok(Vec::new()), |member| {
                serde_json::from_str(member.value).map_err(|error| ReadError::Content {
                    format: FORMAT,
                    place: "subject".to_owned(),
                    message: error.to_string(),
                })
            })?;
            let predicate_type = word("predicateType");
            let inner = predicate(inner.value)?;
            (Wrapper::Statement { predicate_type, subjects }, inner)
        }
        Kind::Dsse => {
            let payload = inner.text().ok_or_else(|| content(kind, "is no text"))?;
            (Wrapper::Dsse { payload_type: word("payloadType") }, Cow::Owned(decode(kind, &payload)?))
        }
        Kind::SigstoreBundle => {
            (Wrapper::SigstoreBundle { media_type: word("mediaType") }, Cow::Borrowed(inner.value))
        }
        Kind::GitHub | Kind::BuildKit => {
            (Wrapper::Export { member: kind.member() }, Cow::Borrowed(inner.value))
        }
    };
    Ok((wrapper, inner))
}

const FORMAT: &str = "the envelope";

fn content(kind: Kind, message: &str) -> ReadError {
    ReadError::Content { format: FORMAT, place: kind.member().to_owned(), message: message.to_owned() }
}

/// The document that a predicate is. It is an object, or a text that holds the document; cosign before 2.0 put
/// either into a member `Data`.
fn predicate(value: &str) -> Result<Cow<'_, str>, ReadError> {
    if let Some(mut members) = Members::of(value) {
        while let Some(member) = members.next()? {
            if member.name == "Data" {
                return Ok(member.text().map_or(Cow::Borrowed(member.value), Cow::Owned));
            }
        }
        return Ok(Cow::Borrowed(value));
    }
    serde_json::from_str(value).map(Cow::Owned).map_err(|_no_text| content(Kind::Statement, "is no document"))
}

/// Base64 of either alphabet, with or without padding and line breaks.
fn decode(kind: Kind, encoded: &str) -> Result<String, ReadError> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet =
        if encoded.contains(['-', '_']) { &base64::alphabet::URL_SAFE } else { &base64::alphabet::STANDARD };
    let encoded: Cow<'_, str> = if encoded.contains(|c: char| c.is_ascii_whitespace()) {
        Cow::Owned(encoded.split_ascii_whitespace().collect())
    } else {
        Cow::Borrowed(encoded)
    };
    let bytes = GeneralPurpose::new(alphabet, config)
        .decode(&*encoded)
        .map_err(|error| content(kind, &format!("is not base64: {error}")))?;
    text(&bytes).map(str::to_owned)
}
