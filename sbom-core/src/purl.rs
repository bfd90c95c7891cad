//! Package URLs in their canonical form. Source: ECMA-427 and the type definitions of the purl specification.

use std::{borrow::Cow, fmt, str::FromStr};

/// A package URL, written canonically by `Display`.
///
/// ```
/// use sbom_core::purl::Purl;
/// let purl = Purl::new("deb", "attr").namespace("debian").version("1:2.5.1-4+b1").qualifier("arch", "amd64");
/// assert_eq!(purl.to_string(), "pkg:deb/debian/attr@1:2.5.1-4%2Bb1?arch=amd64");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    pub(crate) kind: Box<str>,
    pub(crate) namespace: Vec<String>,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    /// Sorted by their keys, each of which is there once.
    pub(crate) qualifiers: Vec<(String, String)>,
    pub(crate) subpath: Vec<String>,
}

impl Purl {
    /// A package of type `kind` (`apk`, `deb`, `golang`, …) called `name`, which is opaque: a `/` in it is encoded.
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_ascii_lowercase().into(),
            namespace: Vec::new(),
            name: name.to_owned(),
            version: None,
            qualifiers: Vec::new(),
            subpath: Vec::new(),
        }
    }

    /// Sets the namespace, whose segments are separated by `/`.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
        self
    }

    /// Sets the version; an empty one is none.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned()).filter(|version| !version.is_empty());
        self
    }

    /// Sets the qualifier `key`, which must be lower-case; an empty value is none.
    #[must_use]
    pub fn qualifier(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            let at = self.place_of(key).unwrap_or_else(|at| {
                self.qualifiers.insert(at, (key.to_owned(), String::new()));
                at
            });
            if let Some((_, known)) = self.qualifiers.get_mut(at) {
                value.clone_into(known);
            }
        }
        self
    }

    /// Sets the subpath; empty, `.` and `..` segments are dropped.
    #[must_use]
    pub fn subpath(mut self, subpath: &str) -> Self {
        self.subpath =
            subpath.split('/').filter(|s| !matches!(*s, "" | "." | "..")).map(str::to_owned).collect();
        self
    }

    /// The type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The segments of the namespace.
    pub fn namespace_segments(&self) -> &[String] {
        &self.namespace
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if it has one.
    pub fn get_version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The qualifiers, sorted by their keys.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.qualifiers.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The segments of the subpath.
    pub fn subpath_segments(&self) -> &[String] {
        &self.subpath
    }

    /// The value of the qualifier `key`.
    pub fn get_qualifier(&self, key: &str) -> Option<&str> {
        let (_, value) = self.qualifiers.get(self.place_of(key).ok()?)?;
        Some(value)
    }

    /// Where the qualifier `key` is, or would be.
    fn place_of(&self, key: &str) -> Result<usize, usize> {
        self.qualifiers.binary_search_by(|(known, _)| known.as_str().cmp(key))
    }
}

/// Reads a package URL in any form that the standard allows; it is written canonically whatever its form was.
impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = Parts::of(text)?;
        let mut purl = Self::new(parts.kind, &parts.name).version(&parts.version);
        purl.namespace = parts.namespace.into_iter().map(Cow::into_owned).collect();
        for (key, value) in parts.qualifiers {
            purl = purl.qualifier(&key.to_ascii_lowercase(), &value);
        }
        purl.subpath = parts.subpath.into_iter().map(Cow::into_owned).collect();
        Ok(purl)
    }
}

/// The parts of the text of a package URL, without what encodes them, as they stand there.
pub(crate) struct Parts<'t> {
    kind: &'t str,
    /// Its segments.
    pub(crate) namespace: Vec<Cow<'t, str>>,
    name: Cow<'t, str>,
    /// Empty if there is none.
    version: Cow<'t, str>,
    qualifiers: Vec<(&'t str, Cow<'t, str>)>,
    subpath: Vec<Cow<'t, str>>,
}

impl<'t> Parts<'t> {
    pub(crate) fn of(text: &'t str) -> Result<Self, PurlError> {
        let rest = text.strip_prefix("pkg:").ok_or(PurlError::Scheme)?.trim_start_matches('/');
        let (rest, subpath) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, path) = rest.split_once('/').ok_or(PurlError::Name)?;
        let of_kind = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if kind.is_empty() || !kind.bytes().all(of_kind) {
            return Err(PurlError::Kind);
        }
        // An `@` before the last `/` belongs to the namespace.
        let name_at = path.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        let (namespace, last) = path.split_at_checked(name_at).ok_or(PurlError::Name)?;
        let (name, version) = last.rsplit_once('@').unwrap_or((last, ""));
        let name = decode(name.trim_end_matches('/'))?;
        if name.is_empty() {
            return Err(PurlError::Name);
        }
        let version = decode(version)?;
        let namespace = namespace.split('/').filter(|segment| !segment.is_empty());
        let namespace = namespace.map(decode).collect::<Result<_, _>>()?;
        let qualifiers = qualifiers.split('&').filter(|qualifier| !qualifier.is_empty());
        let qualifiers = qualifiers.map(qualifier).collect::<Result<_, _>>()?;
        let subpath = subpath.split('/').filter(|segment| !matches!(*segment, "" | "." | ".."));
        let subpath = subpath.map(decode).collect::<Result<_, _>>()?;
        Ok(Self { kind, namespace, name, version, qualifiers, subpath })
    }

    /// The value of the qualifier `key`, in lower case; of several, the last that is not empty.
    pub(crate) fn qualifier(&self, key: &str) -> Option<&str> {
        let mut last_first = self.qualifiers.iter().rev();
        let (_, value) =
            last_first.find(|(known, value)| known.eq_ignore_ascii_case(key) && !value.is_empty())?;
        Some(value)
    }
}

fn qualifier(text: &str) -> Result<(&str, Cow<'_, str>), PurlError> {
    let (key, value) = text.split_once('=').ok_or(PurlError::Qualifier)?;
    let of_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if key.is_empty() || !key.bytes().all(of_key) {
        return Err(PurlError::Qualifier);
    }
    Ok((key, decode(value)?))
}

/// What a text lacks to be a package URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurlError {
    /// It does not begin with `pkg:`.
    #[error("a package URL begins with `pkg:`")]
    Scheme,
    /// Its type is missing or has other characters than letters, digits, `.` and `-`.
    #[error("the type of a package URL is letters, digits, `.` and `-`")]
    Kind,
    /// It has no name.
    #[error("a package URL needs a name")]
    Name,
    /// A qualifier is not `key=value`.
    #[error("a qualifier of a package URL is `key=value`")]
    Qualifier,
    /// A `%` is not followed by two hex digits, or the bytes are not UTF-8.
    #[error("the percent-encoding of a package URL must give UTF-8")]
    Encoding,
}

fn decode(text: &str) -> Result<Cow<'_, str>, PurlError> {
    if !text.contains('%') {
        return Ok(text.into());
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(PurlError::Encoding) };
        out.push(high << 4 | low);
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_not_utf8| PurlError::Encoding)
}

impl Purl {
    /// The canonical text, made in one piece.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::with_capacity(96);
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        out.extend(["pkg:", &self.kind]);
        for segment in &self.namespace {
            out.push('/');
            encode(segment, out);
        }
        out.push('/');
        encode(&self.name, out);
        if let Some(version) = &self.version {
            out.push('@');
            encode(version, out);
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            out.extend([if index == 0 { "?" } else { "&" }, key, "="]);
            encode(value, out);
        }
        for (index, segment) in self.subpath.iter().enumerate() {
            out.push(if index == 0 { '#' } else { '/' });
            encode(segment, out);
        }
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Appends `text` with all but unreserved characters and `:` percent-encoded.
pub(crate) fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |at: u8| char::from(DIGITS.get(usize::from(at)).copied().unwrap_or_default());
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(|byte| !stands_for_itself(byte)).unwrap_or(rest.len());
        let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.push_str(before);
        let mut chars = after.chars();
        let Some(special) = chars.next() else { return };
        for &byte in special.encode_utf8(&mut [0; 4]).as_bytes() {
            out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
        rest = chars.as_str();
    }
}

#[inline]
fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_encoded_as_the_standard_says() {
        let purl = Purl::new("oci", "demo")
            .version("sha256:ab")
            .qualifier("repository_url", "docker.io/library/demo")
            .qualifier("tag", "1+2,3@4 (5)~")
            .qualifier("arch", "");
        assert_eq!(
            purl.to_string(),
            "pkg:oci/demo@sha256:ab?repository_url=docker.io%2Flibrary%2Fdemo&tag=1%2B2%2C3%404%20%285%29~"
        );
    }

    #[test]
    fn namespace_and_subpath_keep_their_slashes() {
        let purl = Purl::new("golang", "crane")
            .namespace("github.com/google/")
            .version("v1.0.0+incompatible")
            .subpath("./cmd/../crane/");
        assert_eq!(purl.to_string(), "pkg:golang/github.com/google/crane@v1.0.0%2Bincompatible#cmd/crane");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "pkg:github/nlnetlabs/unbound@release-1.23.0",
            "pkg:github/wolfi-dev/os@23e8#unbound.yaml",
            "pkg:deb/debian/attr@1:2.5.1-4%2Bb1?arch=amd64",
            "pkg:golang/github.com/google/crane@v1.0.0%2Bincompatible#cmd/crane",
            "pkg:npm/%40scope/name@1",
            "pkg:generic/%C3%A9%2F%C3%A4",
        ] {
            assert_eq!(text.parse::<Purl>().unwrap().to_string(), text);
        }
        let loose: Purl = "pkg://NPM/@scope/name@1.0?Z=1&a=&b=x%20y#/./a/../b/".parse().unwrap();
        assert_eq!(loose.to_string(), "pkg:npm/%40scope/name@1.0?b=x%20y&z=1#a/b");
    }

    #[test]
    fn what_is_no_purl_is_an_error() {
        for (text, error) in [
            ("", PurlError::Scheme),
            ("http://x", PurlError::Scheme),
            ("pkg:x", PurlError::Name),
            ("pkg:x/", PurlError::Name),
            ("pkg:x/@1", PurlError::Name),
            ("pkg:é/x", PurlError::Kind),
            ("pkg:/x", PurlError::Name),
            ("pkg:a/b?c", PurlError::Qualifier),
            ("pkg:a/b%2", PurlError::Encoding),
            ("pkg:a/b%ff", PurlError::Encoding),
        ] {
            assert_eq!(text.parse::<Purl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn qualifiers_are_sorted() {
        let purl = Purl::new("apk", "musl").qualifier("distro", "alpine-3.20").qualifier("arch", "x86_64");
        assert_eq!(purl.to_string(), "pkg:apk/musl?arch=x86_64&distro=alpine-3.20");
    }

    #[test]
    fn other_scripts_are_encoded_as_utf8() {
        assert_eq!(Purl::new("generic", "é/ä").to_string(), "pkg:generic/%C3%A9%2F%C3%A4");
    }
}
