//! What Ubuntu records of packages outside dpkg's database: chisel's manifest, the package list of a snap base,
//! and the state of Ubuntu Pro.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{
    super::{Gap, GapKind, unpack},
    Report,
    package::Package,
};
use crate::{digest::unhex, image_path::ImagePath, limits::Limits};

/// The manifest of an image that chisel cut out of packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chisel {
    /// The packages of which slices were taken.
    pub packages: Vec<Arc<Package>>,
    /// What is there of each package, by its name.
    pub contents: BTreeMap<String, Contents>,
}

/// What chisel took of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// SHA-256 of the package's archive.
    pub archive: Option<[u8; 32]>,
    /// Files and links with the SHA-256 that they have in the image.
    pub files: Vec<(ImagePath, Option<[u8; 32]>)>,
}

/// A path is written once for all packages that have it, so they may be longer than the manifest, but not by more.
const PATHS_PER_BYTE: usize = 4;
/// A line that is read.
const LINE_BYTES: usize = 1 << 20;

/// One line of a manifest.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Package {
        name: String,
        version: String,
        arch: String,
        #[serde(default)]
        sha256: String,
    },
    Path {
        path: String,
        #[serde(default)]
        sha256: String,
        #[serde(default)]
        final_sha256: String,
        #[serde(default)]
        slices: Vec<String>,
    },
    #[serde(other)]
    Other,
}

/// Reads chisel's manifest: a line of header, then lines of JSON, compressed with zstd. What was unpacked counts as
/// `taken`. Source: chisel's `jsonwall`.
pub(super) fn chisel(
    bytes: &[u8],
    limits: &Limits,
    taken: &mut u64,
    report: &mut Report<'_>,
) -> Result<Chisel, Gap> {
    let unreadable =
        |error: &dyn std::fmt::Display| Gap::new(GapKind::Malformed, format!("not zstd: {error}"));
    let decoder = zstd::Decoder::with_buffer(bytes).map_err(|error| unreadable(&error))?;
    let text = unpack(decoder, limits, taken).map_err(|error| unreadable(&error))?;
    let mut manifest = Chisel::default();
    let mut path_bytes = text.len().saturating_mul(PATHS_PER_BYTE).saturating_add(1 << 20);
    let (mut listed, mut left_out) = (0_u64, 0_u64);
    let mut offset = 0;
    for line in text.split(|&byte| byte == b'\n') {
        let at = offset;
        offset += line.len() + 1;
        // The header is the one line without a kind.
        if line.is_empty() || line.starts_with(br#"{"jsonwall""#) {
            continue;
        }
        if line.len() > LINE_BYTES {
            report.gap(Gap::new(GapKind::Limit, "a line of more than a MiB is not read").at(at));
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(Line::Package { name, version, arch, sha256 }) => {
                manifest.contents.entry(name.clone()).or_default().archive = unhex(sha256.as_bytes());
                let architecture = Some(arch);
                manifest.packages.push(Arc::new(Package {
                    name,
                    version,
                    architecture,
                    ..Package::default()
                }));
            }
            Ok(Line::Path { path, sha256, final_sha256, slices }) if !path.ends_with('/') => {
                // What chisel's own scripts changed has a second digest: that of the file as it is.
                let digest = unhex(final_sha256.as_bytes()).or_else(|| unhex(sha256.as_bytes()));
                let path = ImagePath::from(path.as_str());
                let mut owners: Vec<&str> =
                    slices.iter().filter_map(|slice| slice.split('_').next()).collect();
                owners.sort_unstable();
                owners.dedup();
                for owner in owners {
                    let has_room = limits.records.check(listed + 1).is_ok();
                    let rest = path_bytes.checked_sub(path.as_bytes().len());
                    let Some(rest) = rest.filter(|_| has_room) else {
                        left_out += 1;
                        continue;
                    };
                    path_bytes = rest;
                    listed += 1;
                    let contents = manifest.contents.entry(owner.to_owned()).or_default();
                    contents.files.push((path.clone(), digest));
                }
            }
            Ok(Line::Path { .. } | Line::Other) => {}
            Err(error) => {
                report.gap(
                    Gap::new(GapKind::Malformed, format!("a line that is not as expected: {error}")).at(at),
                );
            }
        }
        if let Err(limit) = limits.packages.check(manifest.packages.len() as u64) {
            report.gap(Gap::new(GapKind::Limit, limit.to_string()).at(at));
            break;
        }
    }
    if left_out > 0 {
        let message = format!(
            "{left_out} files of packages are left out: there are too many, or too many packages share them"
        );
        report.gap(Gap::new(GapKind::Limit, message));
    }
    Ok(manifest)
}

/// Reads the packages in a snap base's `dpkg.yaml`: under `packages:`, a line `- NAME[:ARCHITECTURE]=VERSION` for each.
pub(super) fn snap(bytes: &[u8], limits: &Limits, report: &mut Report<'_>) -> Vec<Arc<Package>> {
    let mut packages = Vec::new();
    let mut listing = false;
    let mut offset = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let at = offset;
        offset += line.len() + 1;
        let text = String::from_utf8_lossy(line.trim_ascii());
        let Some(item) = text.strip_prefix('-') else {
            listing = text == "packages:" || (listing && text.is_empty());
            continue;
        };
        if !listing {
            continue;
        }
        let item = item.trim().trim_matches(['"', '\'']);
        let Some((name, version)) =
            item.split_once('=').filter(|(name, version)| !name.is_empty() && !version.is_empty())
        else {
            report
                .gap(Gap::new(GapKind::Malformed, format!("not a package and its version: {item:?}")).at(at));
            continue;
        };
        let (name, architecture) = match name.split_once(':') {
            Some((name, architecture)) => (name, Some(architecture.to_owned())),
            None => (name, None),
        };
        if let Err(limit) = limits.packages.check(packages.len() as u64 + 1) {
            report.gap(Gap::new(GapKind::Limit, limit.to_string()).at(at));
            break;
        }
        let (name, version) = (name.to_owned(), version.to_owned());
        packages.push(Arc::new(Package { name, version, architecture, ..Package::default() }));
    }
    packages
}

/// Reads which services of Ubuntu Pro are enabled.
pub(super) fn pro(bytes: &[u8]) -> Result<Vec<String>, Gap> {
    #[derive(Deserialize)]
    struct Pro {
        #[serde(default)]
        services: Vec<Service>,
    }
    #[derive(Deserialize)]
    struct Service {
        name: String,
        #[serde(default)]
        status: String,
    }
    let pro: Pro = serde_json::from_slice(bytes)
        .map_err(|error| Gap::new(GapKind::Malformed, format!("the state of Ubuntu Pro: {error}")))?;
    let enabled = pro.services.into_iter().filter(|service| service.status == "enabled");
    Ok(enabled.map(|service| service.name).collect())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{DpkgFile, Finding},
        *,
    };

    fn reported<T>(read: impl FnOnce(&Limits, &mut Report<'_>) -> T) -> (T, Vec<Gap>) {
        let mut gaps = Vec::new();
        let limits = Limits::default();
        let value = read(&limits, &mut Report::new(&mut gaps, &limits));
        (value, gaps)
    }

    #[test]
    fn a_chisel_manifest_gives_packages_files_and_digests() {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        let text = format!(
            r#"{{"jsonwall":"1.0","schema":"1.0","count":5}}
{{"kind":"content","slice":"libc6_libs","path":"/usr/lib/libc.so.6"}}
{{"kind":"package","name":"libc6","version":"2.39-0ubuntu8","sha256":"{one}","arch":"amd64"}}
{{"kind":"path","path":"/usr/lib/","mode":"0755","slices":["libc6_libs"]}}
{{"kind":"path","path":"/usr/lib/libc.so.6","mode":"0755","slices":["libc6_libs","libc6_all"],"sha256":"{one}","final_sha256":"{two}","size":1}}
{{"kind":"package","name":7}}
"#
        );
        let bytes = zstd::encode_all(text.as_bytes(), 0).unwrap();
        let mut taken = 0;
        let (manifest, gaps) = reported(|limits, report| chisel(&bytes, limits, &mut taken, report).unwrap());
        assert_eq!(manifest.packages[0].name, "libc6");
        let contents = &manifest.contents["libc6"];
        assert_eq!(contents.archive, Some([0x11; 32]));
        assert_eq!(contents.files, [("usr/lib/libc.so.6".into(), Some([0x22; 32]))]);
        assert_eq!(gaps.len(), 1);
        assert_eq!(Finding::Dpkg(DpkgFile::Chisel(manifest)).records(), 2);
        assert_eq!(taken, text.len() as u64);
        assert!(reported(|limits, report| chisel(b"no zstd", limits, &mut taken, report)).0.is_err());
    }

    #[test]
    fn of_a_manifest_that_lists_too_many_files_the_others_are_left_out() {
        let path = r#"{"kind":"path","path":"/a","slices":["a_b","c_d","e_f"]}"#;
        let long = format!(r#"{{"kind":"path","path":"/{}","slices":["g_h"]}}"#, "a".repeat(LINE_BYTES));
        let bytes = zstd::encode_all([path, &long, path].join("\n").as_bytes(), 0).unwrap();
        let mut limits = Limits::default();
        limits.set("records", 4);
        let mut gaps = Vec::new();
        let manifest = chisel(&bytes, &limits, &mut 0, &mut Report::new(&mut gaps, &limits)).unwrap();
        assert_eq!(Finding::Dpkg(DpkgFile::Chisel(manifest)).records(), 4);
        let messages: Vec<_> = gaps.iter().map(|gap| gap.message.as_str()).collect();
        assert!(
            matches!(messages[..], [one, two] if one.contains("a MiB") && two.starts_with("2 files")),
            "{messages:?}"
        );
    }

    #[test]
    fn a_snap_base_lists_its_packages() {
        let text = b"package-repositories:\n- type: apt\npackages:\n- adduser=3.118ubuntu2\n- 'libc6:amd64=2.31'\n- broken\nother:\n- a=b\n";
        let (packages, gaps) = reported(|limits, report| snap(text, limits, report));
        let names: Vec<_> = packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        assert_eq!(names, [("adduser", "3.118ubuntu2"), ("libc6", "2.31")]);
        assert_eq!(gaps.len(), 1);
    }

    #[test]
    fn enabled_services_of_ubuntu_pro_are_named() {
        let text = br#"{"services":[{"name":"esm-infra","status":"enabled"},{"name":"livepatch","status":"disabled"}]}"#;
        assert_eq!(pro(text).unwrap(), ["esm-infra"]);
        assert!(pro(b"[").is_err());
    }
}
