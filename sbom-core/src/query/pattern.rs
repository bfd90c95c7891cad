//! What users ask for: package URLs, licences and layers, with `*` for what is left open.

use std::str::FromStr;

use super::glob::Glob;
use crate::{
    digest::Digest,
    document::model::{Component, Document, Licensing},
    license,
    purl::{Purl, PurlError},
};

/// Digits by which a digest can be told from a number.
const SHORTEST_DIGEST: usize = 6;

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A package URL must follow the form of one.
    #[error(
        "{text:?} is no pattern of a package URL, as pkg:deb/debian/libssl* or pkg:*/openssl@3.*: {source}"
    )]
    Purl {
        /// What was given.
        text: String,
        /// What it lacks.
        source: PurlError,
    },
    /// A licence must be named.
    #[error("a licence is an SPDX identifier, with * for any characters, or an expression")]
    License,
    /// A layer is a number or a digest.
    #[error(
        "{text:?} names no layer: expected a number, 0 the lowest, or a digest or its first {SHORTEST_DIGEST} digits or more"
    )]
    Layer {
        /// What was given.
        text: String,
    },
}

/// A package URL in which `*` stands for any characters within a part. What it leaves out (namespace, version,
/// qualifiers) may be anything; a subpath as well.
///
/// ```
/// use sbom_core::query::PurlPattern;
/// let pattern: PurlPattern = "pkg:deb/libssl*@3.*".parse()?;
/// assert!(pattern.matches_purl(&"pkg:deb/debian/libssl3@3.0.11-1?arch=amd64".parse().unwrap()));
/// assert!(!pattern.matches_purl(&"pkg:deb/debian/libssl1.1@1.1.1".parse().unwrap()));
/// # Ok::<(), sbom_core::query::PatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurlPattern {
    kind: Glob,
    namespace: Option<Glob>,
    name: Glob,
    version: Option<Glob>,
    qualifiers: Vec<(String, Glob)>,
    subpath: Option<Glob>,
}

impl FromStr for PurlPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let error = |source| PatternError::Purl { text: text.to_owned(), source };
        let rest = text.strip_prefix("pkg:").ok_or_else(|| error(PurlError::Scheme))?;
        let (kind, rest) = rest.split_once('/').ok_or_else(|| error(PurlError::Name))?;
        // A type has no `*`, so it is read apart from the rest.
        let plain: Purl = format!("pkg:{}/{rest}", kind.replace(['*'], "x")).parse().map_err(error)?;
        let namespace = plain.namespace_segments().join("/");
        let subpath = plain.subpath_segments().join("/");
        Ok(Self {
            kind: Glob::text(kind),
            namespace: (!namespace.is_empty()).then(|| Glob::path(&namespace)),
            name: Glob::path(plain.name()),
            version: plain.get_version().map(Glob::text),
            qualifiers: plain.qualifiers().map(|(key, value)| (key.to_owned(), Glob::text(value))).collect(),
            subpath: (!subpath.is_empty()).then(|| Glob::path(&subpath)),
        })
    }
}

impl PurlPattern {
    /// Whether it matches the package URL of `component`.
    pub fn matches(&self, component: &Component) -> bool {
        let purl: Option<Purl> = component.purl.as_deref().and_then(|purl| purl.parse().ok());
        purl.is_some_and(|purl| self.matches_purl(&purl))
    }

    /// Whether it matches `purl`.
    pub fn matches_purl(&self, purl: &Purl) -> bool {
        let open =
            |pattern: &Option<Glob>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(text));
        self.kind.matches(purl.kind())
            && open(&self.namespace, &purl.namespace_segments().join("/"))
            && self.name.matches(purl.name())
            && open(&self.version, purl.get_version().unwrap_or_default())
            && open(&self.subpath, &purl.subpath_segments().join("/"))
            && self
                .qualifiers
                .iter()
                .all(|(key, value)| purl.get_qualifier(key).is_some_and(|found| value.matches(found)))
    }
}

/// A licence to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicensePattern {
    /// One that the expression names, anywhere in it; with `*` for any characters.
    Named(Glob),
    /// The whole expression, in any order of its operands.
    Expression(String),
    /// None that is known: `NOASSERTION`.
    Unknown,
}

impl FromStr for LicensePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        match license::terms(text).count() {
            0 => Err(PatternError::License),
            1 if text.eq_ignore_ascii_case("NOASSERTION") => Ok(Self::Unknown),
            1 => {
                let canonical = license::canonical(text);
                // `GPL-2.0+` is one identifier in the end, some old names are two.
                let one = license::terms(&canonical).count() == 1;
                Ok(if one { Self::Named(Glob::text(&canonical)) } else { Self::Expression(canonical) })
            }
            _ => Ok(Self::Expression(license::canonical(text))),
        }
    }
}

impl LicensePattern {
    /// Whether it matches what `component` declares, or what was concluded.
    pub fn matches(&self, component: &Component) -> bool {
        let both = [&component.declared, &component.concluded];
        match self {
            Self::Unknown => both.iter().all(|licensing| licensing.expression.is_none()),
            _ => both.iter().any(|licensing| self.matches_licensing(licensing)),
        }
    }

    fn matches_licensing(&self, licensing: &Licensing) -> bool {
        let Some(expression) = &licensing.expression else { return false };
        let canonical = license::canonical(expression);
        match self {
            Self::Named(name) => {
                license::terms(&canonical).chain(license::terms(expression)).any(|term| name.matches(term))
                    || licensing.custom.iter().any(|license| name.matches(&license.name))
            }
            Self::Expression(wanted) => *wanted == canonical,
            Self::Unknown => false,
        }
    }
}

/// A layer to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerPattern {
    /// By its number, 0 the lowest.
    Index(usize),
    /// By the first hex digits of its digest, compressed or not.
    Digest(String),
}

impl FromStr for LayerPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let digits = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha512:"));
        let is_digest = |digits: &str| {
            digits.len() >= SHORTEST_DIGEST && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if digits.is_none()
            && text.len() < SHORTEST_DIGEST
            && let Ok(index) = text.parse()
        {
            return Ok(Self::Index(index));
        }
        let digits = digits.unwrap_or(text);
        if is_digest(digits) {
            return Ok(Self::Digest(digits.to_ascii_lowercase()));
        }
        Err(PatternError::Layer { text: text.to_owned() })
    }
}

impl LayerPattern {
    /// The layers of `document` that it names; an image may have one several times.
    pub fn find(&self, document: &Document) -> Vec<usize> {
        let of = |digest: &Option<Digest>, digits: &str| {
            digest.as_ref().is_some_and(|digest| digest.hex().starts_with(digits))
        };
        let layers = document.layers.iter().enumerate();
        let named = layers.filter(|(index, layer)| match self {
            Self::Index(wanted) => index == wanted,
            Self::Digest(digits) => of(&layer.diff_id, digits) || of(&layer.digest, digits),
        });
        named.map(|(index, _)| index).collect()
    }
}
