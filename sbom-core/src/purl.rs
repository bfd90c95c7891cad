//! Package URLs in their canonical form. Source: ECMA-427 and the type definitions of the purl specification.

use std::{collections::BTreeMap, fmt};

/// A package URL, written canonically by `Display`.
///
/// ```
/// use sbom_core::purl::Purl;
/// let purl = Purl::new("deb", "attr").namespace("debian").version("1:2.5.1-4+b1").qualifier("arch", "amd64");
/// assert_eq!(purl.to_string(), "pkg:deb/debian/attr@1:2.5.1-4%2Bb1?arch=amd64");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    kind: Box<str>,
    namespace: Vec<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Vec<String>,
}

impl Purl {
    /// A package of type `kind` (`apk`, `deb`, `golang`, …) called `name`, which is opaque: a `/` in it is encoded.
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_ascii_lowercase().into(),
            namespace: Vec::new(),
            name: name.to_owned(),
            version: None,
            qualifiers: BTreeMap::new(),
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
            self.qualifiers.insert(key.to_owned(), value.to_owned());
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

    /// The value of the qualifier `key`.
    pub fn get_qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}", self.kind)?;
        for segment in &self.namespace {
            write!(f, "/{}", Encoded(segment))?;
        }
        write!(f, "/{}", Encoded(&self.name))?;
        if let Some(version) = &self.version {
            write!(f, "@{}", Encoded(version))?;
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}={}", if index == 0 { '?' } else { '&' }, Encoded(value))?;
        }
        for (index, segment) in self.subpath.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { '#' } else { '/' }, Encoded(segment))?;
        }
        Ok(())
    }
}

/// Percent-encodes all but unreserved characters and `:`.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
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
    fn qualifiers_are_sorted() {
        let purl = Purl::new("apk", "musl").qualifier("distro", "alpine-3.20").qualifier("arch", "x86_64");
        assert_eq!(purl.to_string(), "pkg:apk/musl?arch=x86_64&distro=alpine-3.20");
    }

    #[test]
    fn other_scripts_are_encoded_as_utf8() {
        assert_eq!(Purl::new("generic", "é/ä").to_string(), "pkg:generic/%C3%A9%2F%C3%A4");
    }
}
