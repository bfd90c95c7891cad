//! Rules about what identifies software outside of the document: package URLs, CPE names, digests.

use std::collections::{BTreeMap, BTreeSet};

use sha1::{Digest as _, Sha1};

use crate::{
    digest::hex,
    document::{
        model::{Component, ComponentKind, Document, HashAlgorithm, RelationshipKind},
        syntax::is_cpe,
    },
    purl::Purl,
    validate::{
        Examined, Findings, Quoted, Rule,
        Severity::{Error, Warning},
        raw::{Item, Kind},
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "purl-form",
        severity: Error,
        says: "a package URL can be parsed (ECMA-427)",
        mend: "write `pkg:TYPE/NAMESPACE/NAME@VERSION?KEY=VALUE#SUBPATH`, percent-encoded",
        check: purl_form,
    },
    Rule {
        id: "purl-canonical",
        severity: Warning,
        says: "a package URL is in its canonical form, so that equal ones are equal texts",
        mend: "write it as the finding says",
        check: purl_canonical,
    },
    Rule {
        id: "purl-agrees",
        severity: Warning,
        says: "a package URL has the name and version of its component",
        mend: "correct whichever of the two is wrong: scanners look for the package URL, people for the name",
        check: purl_agrees,
    },
    Rule {
        id: "purl-repeated",
        severity: Warning,
        says: "no two components have the same package URL",
        mend: "make them one component with several places, unless they are different files",
        check: purl_repeated,
    },
    Rule {
        id: "cpe-form",
        severity: Error,
        says: "a CPE name is a formatted string of CPE 2.3, or a URI of CPE 2.2",
        mend: "write `cpe:2.3:PART:VENDOR:PRODUCT:VERSION:…`, eleven parts in all",
        check: cpe_form,
    },
    Rule {
        id: "hash-form",
        severity: Error,
        says: "a digest has as many hex digits as its algorithm gives",
        mend: "write the digest in hex; a digest in base64, or of another algorithm, is none",
        check: hash_form,
    },
    Rule {
        id: "file-name-relative",
        severity: Error,
        says: "the name of a file is relative to the root of its package: `./bin/a` (SPDX 2)",
        mend: "put `.` before it",
        check: file_name_relative,
    },
    Rule {
        id: "file-digest",
        severity: Error,
        says: "a file has a SHA-1 digest, whatever others it has (SPDX 2 as JSON)",
        mend: "add a checksum of the algorithm `SHA1`",
        check: file_digest,
    },
    Rule {
        id: "verification-code",
        severity: Error,
        says: "a package verification code is the SHA-1 of the SHA-1 digests of the package's files (SPDX 2)",
        mend: "list all files of the package with their SHA-1, or set `filesAnalyzed` to false and leave the code out",
        check: verification_code,
    },
];

fn purl_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Purl) {
        if let Err(error) = fact.text.parse::<Purl>() {
            findings.add(|| examined.raw.place(fact), || format!("{}: {error}", Quoted(&fact.text)));
        }
    }
}

fn purl_canonical(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Purl) {
        let Ok(purl) = fact.text.parse::<Purl>() else { continue };
        let canonical = purl.to_string();
        if canonical != fact.text {
            let message = || format!("{} is {} in canonical form", Quoted(&fact.text), Quoted(&canonical));
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

fn purl_agrees(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Purl) {
        let (Ok(purl), Some(item)) = (fact.text.parse::<Purl>(), examined.raw.items.get(fact.item)) else {
            continue;
        };
        if let Some(name) = item.name.as_deref().filter(|name| !names_agree(&purl, item, name)) {
            let message = || format!("{} is called {}", Quoted(&fact.text), Quoted(name));
            findings.add(|| examined.raw.place(fact), message);
        }
        let versions = purl.get_version().zip(item.version.as_deref());
        if let Some((_, version)) =
            versions.filter(|(of_purl, version)| !versions_agree(&purl, of_purl, version))
        {
            let message = || format!("{} has the version {}", Quoted(&fact.text), Quoted(version));
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

/// Whether the last part of the name is the package URL's, in the loosest spelling: types differ in case and
/// separators, and some tools put namespace and name into one.
fn names_agree(purl: &Purl, item: &Item<'_>, name: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let of_purl = plain(purl.name());
    let group = item.group.as_deref().map(plain).unwrap_or_default();
    let name = plain(name);
    // A program of a Go module is called by its module, or by its own name.
    let subpath = purl.subpath_segments().last().map(|segment| plain(segment));
    name.ends_with(&of_purl)
        || of_purl.ends_with(&name)
        || format!("{group}{name}").ends_with(&of_purl)
        || subpath.is_some_and(|subpath| subpath == name)
        || purl.namespace_segments().iter().any(|segment| plain(segment) == name)
}

/// Whether the versions are the same, but for epochs, a leading `v`, and what images are called by.
fn versions_agree(purl: &Purl, of_purl: &str, version: &str) -> bool {
    let plain = |text: &str| -> String {
        let text = text.strip_prefix('v').unwrap_or(text);
        text.split_once(':').map_or(text, |(_epoch, rest)| rest).to_ascii_lowercase()
    };
    matches!(purl.kind(), "oci" | "docker") || version.is_empty() || plain(of_purl) == plain(version)
}

fn purl_repeated(examined: &Examined<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<&str, &Component> = BTreeMap::new();
    for component in examined.document.into_iter().flat_map(|document| &document.components) {
        let Some(purl) = component.purl.as_deref() else { continue };
        if let Some(before) = first.get(purl) {
            let message = || format!("{} is also that of {}", Quoted(purl), Quoted(&before.id));
            findings.add(|| component.id.clone(), message);
        } else {
            first.insert(purl, component);
        }
    }
}

fn cpe_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Cpe) {
        let is_uri = ["cpe:/a:", "cpe:/h:", "cpe:/o:"].iter().any(|part| fact.text.starts_with(part));
        if !is_cpe(&fact.text) && !is_uri && !has_wildcards(&fact.text) {
            findings.add(|| examined.raw.place(fact), || format!("{} is no CPE name", Quoted(&fact.text)));
        }
    }
}

/// Wildcards within words make a pattern, which documents may carry.
fn has_wildcards(text: &str) -> bool {
    let text = text.replace('?', "x");
    let plain = |part: &str| if part == "*" { part.to_owned() } else { part.replace('*', "x") };
    is_cpe(&text.split(':').map(plain).collect::<Vec<_>>().join(":"))
}

fn hash_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Hash) {
        let algorithm = fact.beside.as_deref().unwrap_or_default();
        let is_hex = !fact.text.is_empty() && fact.text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let expected = digits(algorithm);
        if !is_hex || expected.is_some_and(|digits| digits != fact.text.len()) {
            let message = || match expected {
                Some(digits) => format!(
                    "{} of {algorithm} has {} characters, not {digits} hex digits",
                    Quoted(&fact.text),
                    fact.text.len()
                ),
                None => format!("{} is not hex", Quoted(&fact.text)),
            };
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

/// How many hex digits the algorithm gives, in any spelling of its name; none if that is open.
fn digits(algorithm: &str) -> Option<usize> {
    let plain: String = algorithm.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match plain.to_ascii_lowercase().as_str() {
        "adler32" => 8,
        "md2" | "md4" | "md5" => 32,
        "sha1" => 40,
        "sha224" => 56,
        "sha256" | "sha3256" | "blake2b256" | "streebog256" => 64,
        "sha384" | "sha3384" | "blake2b384" => 96,
        "sha512" | "sha3512" | "blake2b512" | "streebog512" => 128,
        _ => return None,
    })
}

fn file_name_relative(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::FileName).filter(|fact| fact.text.starts_with('/')) {
        findings.add(|| examined.raw.place(fact), || format!("{} is absolute", Quoted(&fact.text)));
    }
}

fn file_digest(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::FileWithoutSha1) {
        findings.add(|| examined.raw.place(fact), || format!("{} has none", Quoted(&fact.text)));
    }
}

fn verification_code(examined: &Examined<'_>, findings: &mut Findings) {
    let Some(document) = examined.document.filter(|_| examined.is_spdx2()) else { return };
    for (index, component) in document.components.iter().enumerate() {
        let Some(code) = component.verification_code.as_deref() else { continue };
        let (files, computed) = computed_code(document, index, component);
        if !computed.eq_ignore_ascii_case(code) {
            let message =
                || format!("it is {}; the {files} files that are listed give {computed}", Quoted(code));
            findings.add(|| component.id.clone(), message);
        }
    }
}

/// The number of files that the component at `index` contains, and the code that they give.
fn computed_code(document: &Document, index: usize, component: &Component) -> (usize, Box<str>) {
    let excluded: BTreeSet<&str> = component
        .properties
        .iter()
        .filter(|property| property.name == "spdx:packageVerificationCodeExcludedFile")
        .map(|property| relative(&property.value))
        .collect();
    let parts = document.outgoing(index).iter().filter(|edge| edge.kind == RelationshipKind::Contains);
    let files = parts
        .filter_map(|edge| document.components.get(edge.to))
        .filter(|part| part.kind == ComponentKind::File && !excluded.contains(relative(&part.name)));
    let digests =
        files.filter_map(|file| file.hashes.iter().find(|hash| hash.algorithm == HashAlgorithm::Sha1));
    let mut digests: Vec<&str> = digests.map(|hash| hash.hex.as_str()).collect();
    digests.sort_unstable();
    let mut hasher = Sha1::new();
    for digest in &digests {
        hasher.update(digest.as_bytes());
    }
    (digests.len(), hex(&hasher.finalize()))
}

/// A file name as SPDX writes it, without what it begins with.
fn relative(name: &str) -> &str {
    name.trim_start_matches("./").trim_start_matches('/')
}
