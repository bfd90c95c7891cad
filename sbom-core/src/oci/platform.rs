//! Platforms of images, as `OS/ARCHITECTURE/VARIANT`.
//!
//! Names are Go's (`amd64`, `arm64`); what other worlds call them (`x86_64`, `aarch64`, `armhf`) is understood.
//! Two names of one platform compare equal after [`Platform::normalized`]. The rules are containerd's.

use std::{fmt, str::FromStr};

/// A platform, as an image's configuration or a user names it.
///
/// ```
/// use sbom_core::oci::Platform;
/// let wanted: Platform = "arm64".parse()?;
/// assert_eq!(wanted.to_string(), "linux/arm64");
/// assert!(wanted.matches(&"linux/aarch64/v8".parse()?));
/// assert!(!wanted.matches(&"linux/amd64".parse()?));
/// # Ok::<(), sbom_core::oci::platform::PlatformError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`, …: Go's names.
    pub architecture: String,
    /// `v8`, `v7`, …
    pub variant: Option<String>,
    /// The version of the operating system, which Windows images name.
    pub os_version: Option<String>,
}

impl Platform {
    /// The platform under its one usual name: Go's architecture names, and no variant where it is the
    /// architecture's only or first one (`arm64/v8`, `amd64/v1`), but always one for `arm` (`v7`).
    #[must_use]
    pub fn normalized(&self) -> Self {
        let os = match self.os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let written = self.architecture.to_ascii_lowercase();
        let (architecture, implied) = canonical_architecture(&written);
        let variant = self.variant.as_deref().map(str::to_ascii_lowercase);
        let variant = variant.filter(|variant| !variant.is_empty()).or(implied.map(str::to_owned));
        let variant = match (architecture, variant.as_deref()) {
            ("arm64", Some("8" | "v8")) | ("amd64", Some("v1")) => None,
            ("arm", None) => Some("v7".to_owned()),
            ("arm", Some(digit @ ("5" | "6" | "7" | "8"))) => Some(format!("v{digit}")),
            _ => variant,
        };
        Self { os, architecture: architecture.to_owned(), variant, os_version: self.os_version.clone() }
    }

    /// Whether `image` is what is meant by this platform: the same operating system, architecture and variant
    /// under any of their names. A version of the operating system, where one is wanted, must be the image's
    /// or its beginning (`10.0.17763` is met by `10.0.17763.5329`).
    pub fn matches(&self, image: &Self) -> bool {
        let (wanted, image) = (self.normalized(), image.normalized());
        let version = match (&wanted.os_version, &image.os_version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(found)) => found
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        };
        version
            && wanted.os == image.os
            && wanted.architecture == image.architecture
            && wanted.variant == image.variant
    }

    /// Whether neither operating system nor architecture is named.
    pub fn is_unknown(&self) -> bool {
        let unknown = |name: &str| matches!(name, "" | "unknown");
        unknown(&self.os) && unknown(&self.architecture)
    }

    /// What `self` does not name, taken from `other`.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let or = |mine: String, theirs: &String| if mine.is_empty() { theirs.clone() } else { mine };
        // The variant belongs to the architecture beside it.
        let same = self.architecture.is_empty() || self.architecture == other.architecture;
        Self {
            os: or(self.os, &other.os),
            architecture: or(self.architecture, &other.architecture),
            variant: self.variant.or_else(|| other.variant.clone().filter(|_| same)),
            os_version: self.os_version.or_else(|| other.os_version.clone()),
        }
    }
}

/// `OS/ARCHITECTURE[/VARIANT]`, with the version of the operating system, if any, as `OS(VERSION)/…`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_unknown = |name: &str| if name.is_empty() { "unknown".to_owned() } else { name.to_owned() };
        f.write_str(&or_unknown(&self.os))?;
        if let Some(version) = &self.os_version {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", or_unknown(&self.architecture))?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

/// A text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a platform: expected OS/ARCHITECTURE[/VARIANT], such as linux/amd64 or linux/arm/v7, or an architecture"
)]
pub struct PlatformError {
    /// What was read, cut to a length fit for a message.
    pub text: String,
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Reads `OS/ARCHITECTURE[/VARIANT]`; a known architecture alone is one of Linux. The result is normalised.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        parse(text).ok_or_else(|| PlatformError { text: text.chars().take(160).collect() })
    }
}

fn parse(text: &str) -> Option<Platform> {
    let parts: Vec<&str> = text.split('/').collect();
    let (os, architecture, variant) = match *parts.as_slice() {
        [architecture] if is_known_architecture(architecture) => ("linux", architecture, None),
        [os, architecture] => (os, architecture, None),
        [os, architecture, variant] => (os, architecture, Some(variant)),
        _ => return None,
    };
    let (os, os_version) = match os.split_once('(') {
        Some((os, version)) => (os, Some(version.strip_suffix(')')?)),
        None => (os, None),
    };
    let named = [Some(os), Some(architecture), variant, os_version];
    if !named.into_iter().flatten().all(is_component) {
        return None;
    }
    let platform = Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
        os_version: os_version.map(str::to_owned),
    };
    Some(platform.normalized())
}

fn is_component(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}

/// Go's name for an architecture, and the variant that the other name implies.
fn canonical_architecture(name: &str) -> (&str, Option<&'static str>) {
    match name {
        "x86_64" | "x86-64" | "x64" => ("amd64", None),
        "i386" | "i486" | "i586" | "i686" | "x86" => ("386", None),
        "aarch64" => ("arm64", None),
        "armhf" | "armv7l" => ("arm", Some("v7")),
        "armel" | "armv6l" => ("arm", Some("v6")),
        "powerpc64le" => ("ppc64le", None),
        "loongarch64" => ("loong64", None),
        other => (other, None),
    }
}

fn is_known_architecture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(
        canonical_architecture(&name).0,
        "386"
            | "amd64"
            | "arm"
            | "arm64"
            | "loong64"
            | "mips"
            | "mips64"
            | "mips64le"
            | "mipsle"
            | "ppc64"
            | "ppc64le"
            | "riscv64"
            | "s390x"
            | "wasm"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_other_worlds_become_those_of_go() {
        for (written, normal) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("Linux/AMD64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64/8", "linux/arm64"),
            ("armhf", "linux/arm/v7"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("armel", "linux/arm/v6"),
            ("i686", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
            ("windows(10.0.17763.5329)/amd64", "windows(10.0.17763.5329)/amd64"),
        ] {
            assert_eq!(platform(written).to_string(), normal, "{written}");
        }
    }

    #[test]
    fn what_is_not_a_platform_is_refused() {
        let bad =
            ["", "/", "linux", "windows", "linux/", "/amd64", "a/b/c/d", "linux/a b", "linux(1/amd64", "z80"];
        for text in bad {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_variant_must_be_the_one_that_is_wanted() {
        let check = |wanted: &str, image: &str, expected: bool| {
            assert_eq!(platform(wanted).matches(&platform(image)), expected, "{wanted} {image}");
        };
        check("linux/arm/v7", "linux/arm/v7", true);
        check("linux/arm/v7", "linux/arm", true);
        check("linux/arm/v7", "linux/arm/v6", false);
        check("linux/arm64", "linux/arm64/v8", true);
        check("linux/arm64/v8", "linux/arm64", true);
        check("linux/arm64", "linux/arm64/v9", false);
        check("linux/amd64", "windows/amd64", false);
        check("windows/amd64", "windows(10.0.17763.1)/amd64", true);
        check("windows(10.0.17763)/amd64", "windows(10.0.17763.1)/amd64", true);
        check("windows(10.0.1)/amd64", "windows(10.0.17763.1)/amd64", false);
        check("windows(10.0)/amd64", "windows/amd64", false);
    }

    #[test]
    fn a_variant_is_taken_over_only_with_its_architecture() {
        let described = platform("linux/arm/v6");
        let arm = Platform { os: "linux".into(), architecture: "arm".into(), ..Platform::default() };
        assert_eq!(arm.or(&described).variant.as_deref(), Some("v6"));
        assert_eq!(platform("linux/amd64").or(&described).variant, None);
        assert_eq!(Platform::default().or(&described), described);
    }

    proptest! {
        #[test]
        fn a_platform_survives_being_written_and_read(
            os in "[a-zA-Z0-9]{1,8}",
            architecture in "[a-zA-Z0-9_]{1,8}|arm|arm64|aarch64|armhf|x86_64",
            variant in proptest::option::of("[a-z0-9.]{1,4}|v[5-9]|[5-9]"),
            os_version in proptest::option::of("[0-9.]{1,12}"),
        ) {
            let normal = Platform { os, architecture, variant, os_version }.normalized();
            prop_assert_eq!(&normal.normalized(), &normal);
            prop_assert_eq!(&platform(&normal.to_string()), &normal);
            prop_assert!(normal.matches(&normal));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = text.parse::<Platform>();
        }
    }
}
