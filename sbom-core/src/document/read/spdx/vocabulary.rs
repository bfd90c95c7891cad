//! Words of SPDX that stand for those of the model: purposes, algorithms, parties, tools, kinds of link.

use crate::document::{
    model::{ComponentKind, Hash, HashAlgorithm, LifecyclePhase, Party, PartyKind, ReferenceKind, Tool},
    syntax,
};

/// What `primaryPackagePurpose` says, in the spelling of SPDX 2 or 3; none if it is none of its words.
pub(in crate::document::read) fn purpose(text: &str) -> Option<ComponentKind> {
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    Some(match letters.to_ascii_lowercase().as_str() {
        "application" | "executable" => ComponentKind::Application,
        "framework" => ComponentKind::Framework,
        "library" | "module" => ComponentKind::Library,
        "container" => ComponentKind::Container,
        "platform" => ComponentKind::Platform,
        "operatingsystem" => ComponentKind::OperatingSystem,
        "device" => ComponentKind::Device,
        "devicedriver" => ComponentKind::DeviceDriver,
        "firmware" => ComponentKind::Firmware,
        "file" => ComponentKind::File,
        "model" => ComponentKind::MachineLearningModel,
        "data" => ComponentKind::Data,
        "source" => ComponentKind::Source,
        "archive" => ComponentKind::Archive,
        "install" => ComponentKind::Install,
        "other" => ComponentKind::Other,
        _ => return None,
    })
}

/// What the identifier of a package without a purpose says of it, in the way that Trivy and Syft make identifiers.
pub(in crate::document::read) fn kind_by_id(id: &str) -> ComponentKind {
    let rest = id.strip_prefix("SPDXRef-").unwrap_or(id);
    let kinds = [
        ("OperatingSystem-", ComponentKind::OperatingSystem),
        ("ContainerImage-", ComponentKind::Container),
        ("Application-", ComponentKind::Application),
        ("DocumentRoot-Image-", ComponentKind::Container),
        ("DocumentRoot-Directory-", ComponentKind::Application),
        ("DocumentRoot-File-", ComponentKind::File),
    ];
    kinds
        .iter()
        .find(|(prefix, _)| rest.starts_with(prefix))
        .map_or(ComponentKind::Library, |&(_, kind)| kind)
}

/// A digest, if the algorithm is one of the model and the digits are such. Digits that are all zero stand for a
/// digest that was never computed.
pub(in crate::document::read) fn hash(algorithm: &str, digits: &str) -> Option<Hash> {
    let algorithm =
        HashAlgorithm::ALL.iter().copied().find(|known| plain(known.name()).eq(plain(algorithm)))?;
    let digits = digits.trim();
    let valid =
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits.bytes().any(|byte| byte != b'0');
    valid.then(|| Hash { algorithm, hex: digits.to_ascii_lowercase() })
}

/// The letters and digits of a name, in which its spellings agree.
fn plain(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// `Organization: NAME (MAIL)` or `Person: NAME (MAIL)`; none where nobody is named. Mail addresses are also
/// found in angle brackets, where Trivy leaves them, and addresses of web sites in either.
pub(in crate::document::read) fn party(text: &str) -> Option<Party> {
    let text = text.trim();
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) if kind.eq_ignore_ascii_case("person") => (PartyKind::Person, name),
        Some((kind, name)) if kind.eq_ignore_ascii_case("organization") => (PartyKind::Organization, name),
        _ => (PartyKind::Organization, text),
    };
    let name = name.trim();
    if matches!(name, "" | "NOASSERTION" | "NONE") {
        return None;
    }
    let mut party = Party { kind, name: name.to_owned(), email: None, url: None };
    let bracketed = [('(', ')'), ('<', '>')].into_iter().find_map(|(open, close)| {
        let (name, inner) = name.strip_suffix(close)?.rsplit_once(open)?;
        Some((name.trim(), inner.trim()))
    });
    if let Some((name, inner)) = bracketed {
        if inner.is_empty() {
            name.clone_into(&mut party.name);
        } else if inner.contains('@') && !inner.contains("://") {
            name.clone_into(&mut party.name);
            party.email = Some(inner.to_owned());
        } else if syntax::is_address(inner) {
            name.clone_into(&mut party.name);
            party.url = Some(inner.to_owned());
        }
    } else if syntax::is_mail(name) {
        party.email = Some(std::mem::take(&mut party.name));
    }
    Some(party)
}

/// `NAME-VERSION`, where the version begins with a number; `NAME (VERSION)` is also found.
pub(in crate::document::read) fn tool(text: &str) -> Tool {
    let text = text.trim();
    if let Some((name, version)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
        return Tool { name: name.trim().to_owned(), version: version.trim().to_owned() };
    }
    // What Syft writes where it knows no version.
    let text = text.strip_suffix("[not provided]").unwrap_or(text);
    let split = text.match_indices('-').find_map(|(at, _)| {
        let (name, version) = text.split_at_checked(at)?;
        let version = version.strip_prefix('-')?;
        is_version(version).then_some((name, version))
    });
    let (name, version) = split.unwrap_or((text.strip_suffix('-').unwrap_or(text), ""));
    Tool { name: name.trim().to_owned(), version: version.trim().to_owned() }
}

fn is_version(text: &str) -> bool {
    let digits = text.strip_prefix('v').unwrap_or(text);
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < digits.len() && (rest.is_empty() || rest.starts_with('.'))
}

/// When in the life of its subject a document of this type is made; the types are those of CISA.
pub(in crate::document::read) fn lifecycle(sbom_type: &str) -> Option<LifecyclePhase> {
    Some(match sbom_type.trim().to_ascii_lowercase().as_str() {
        "design" => LifecyclePhase::Design,
        "source" => LifecyclePhase::PreBuild,
        "build" => LifecyclePhase::Build,
        "analyzed" => LifecyclePhase::PostBuild,
        "deployed" | "runtime" => LifecyclePhase::Operations,
        _ => return None,
    })
}

/// What a reference of SPDX 2 leads to, by its type.
pub(in crate::document::read) fn reference(category: &str, kind: &str) -> ReferenceKind {
    if let Some(kind) = ReferenceKind::from_name(kind) {
        return kind;
    }
    match (category, kind) {
        ("SECURITY", "advisory") => ReferenceKind::Advisories,
        _ => ReferenceKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_taken_apart() {
        let check = |text: &str, name: &str, email: Option<&str>, url: Option<&str>| {
            let party = party(text).unwrap();
            assert_eq!(
                (party.name.as_str(), party.email.as_deref(), party.url.as_deref()),
                (name, email, url),
                "{text}"
            );
        };
        check("Person: Jane Doe (jane@example.org)", "Jane Doe", Some("jane@example.org"), None);
        check("Organization: Trivy <a@example.org>", "Trivy", Some("a@example.org"), None);
        check("Organization: Anchore, Inc", "Anchore, Inc", None, None);
        check("Organization: Empty ()", "Empty", None, None);
        check("Organization: Foo (Bar)", "Foo (Bar)", None, None);
        check("Organization: Foo (https://foo.example)", "Foo", None, Some("https://foo.example"));
        check("person: jane@example.org", "", Some("jane@example.org"), None);
        check("Somebody", "Somebody", None, None);
        for nobody in ["", "NOASSERTION", "Person:", "Organization: NOASSERTION"] {
            assert_eq!(party(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn tools_have_names_and_versions() {
        for (text, name, version) in [
            ("syft-1.18.1", "syft", "1.18.1"),
            ("cargo-sbom-0.9.1", "cargo-sbom", "0.9.1"),
            ("sbomctl-0.1.0-rc.1", "sbomctl", "0.1.0-rc.1"),
            ("sbom-2-spdx-v1.0", "sbom-2-spdx", "v1.0"),
            ("melange (v0.23.9+dirty)", "melange", "v0.23.9+dirty"),
            ("syft-[not provided]", "syft", ""),
            ("spdx-generator", "spdx-generator", ""),
            ("", "", ""),
        ] {
            let tool = tool(text);
            assert_eq!((tool.name.as_str(), tool.version.as_str()), (name, version), "{text}");
        }
    }

    #[test]
    fn algorithms_are_known_in_every_spelling() {
        for (text, algorithm) in [
            ("SHA1", HashAlgorithm::Sha1),
            ("sha256", HashAlgorithm::Sha256),
            ("SHA3-512", HashAlgorithm::Sha3_512),
            ("sha3_512", HashAlgorithm::Sha3_512),
            ("BLAKE2b-256", HashAlgorithm::Blake2b256),
            ("blake2b256", HashAlgorithm::Blake2b256),
        ] {
            assert_eq!(hash(text, "AB").unwrap(), Hash { algorithm, hex: "ab".to_owned() });
        }
        for (algorithm, digits) in [("SHA1", "0000"), ("SHA1", ""), ("SHA1", "xy"), ("CRC", "ab")] {
            assert_eq!(hash(algorithm, digits), None);
        }
    }
}
