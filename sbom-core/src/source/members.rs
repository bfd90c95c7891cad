//! What of an image a machine may choose to run, whether it is read as an image here or not.
//!
//! Runtimes look at less than a scanner does: some take an entry of an index by the platform beside it, some by the
//! platform in the configuration, whatever that calls itself. So whoever demands something of each platform has to demand
//! it of all that any of them could choose, in nested indexes too.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    ContentStore, SourceError,
    image::{Found, read_config_bytes, read_manifest, walk},
};
use crate::{
    digest::Digest,
    limits::Limits,
    oci::{
        Descriptor, Platform,
        manifest::{Document, Manifest, ManifestError},
    },
};

/// A manifest that a machine may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its digest.
    pub digest: Digest,
    /// The platform for which it is chosen. What names none may be chosen for any.
    pub platform: Platform,
}

/// Everything that `root` leads to and a machine may choose, each manifest once, in the order of the indexes.
///
/// Where an index names the platform, what it leads to is not read.
pub fn members(
    store: &dyn ContentStore,
    root: &Descriptor,
    limits: &Limits,
) -> Result<Vec<Member>, SourceError> {
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    for found in walk(store, std::slice::from_ref(root), limits)? {
        let (digest, platform) = match found {
            Found::Candidate(candidate) => {
                let chosen = choosable(&candidate.descriptor, candidate.manifest, store, limits)?;
                (candidate.descriptor.digest, chosen)
            }
            Found::PassedOver(descriptor) => {
                let chosen = choosable(&descriptor, None, store, limits)?;
                (descriptor.digest, chosen)
            }
        };
        if let Some(platform) = platform
            && seen.insert(digest.clone())
        {
            members.push(Member { digest, platform });
        }
    }
    Ok(members)
}

/// For what a machine may choose an entry; none if no machine does.
fn choosable(
    descriptor: &Descriptor,
    read: Option<(Vec<u8>, Manifest)>,
    store: &dyn ContentStore,
    limits: &Limits,
) -> Result<Option<Platform>, SourceError> {
    if let Some(platform) = named(descriptor) {
        return Ok(Some(platform));
    }
    let manifest = match read {
        Some((_, manifest)) => manifest,
        // Some runtimes go by what the bytes are, and not by what the index calls them.
        None => match Document::parse(&read_manifest(store, descriptor, limits)?, "") {
            Ok(Document::Manifest(manifest)) => manifest,
            Ok(Document::Index(_)) => return Ok(Some(Platform::default())),
            Err(_) => return Ok(None),
        },
    };
    by_configuration(&manifest, store, limits)
}

/// The platform that the index names.
fn named(descriptor: &Descriptor) -> Option<Platform> {
    descriptor.platform.clone().filter(|platform| !platform.is_unknown())
}

/// The platform that the configuration names, whatever its type. An image whose configuration names none may be chosen
/// for any; an artifact is chosen for none then.
fn by_configuration(
    manifest: &Manifest,
    store: &dyn ContentStore,
    limits: &Limits,
) -> Result<Option<Platform>, SourceError> {
    #[derive(Deserialize, Default)]
    struct Named {
        os: Option<String>,
        architecture: Option<String>,
        variant: Option<String>,
    }
    let bytes = read_config_bytes(store, &manifest.config, limits)?;
    // What is no JSON object names nothing.
    let Named { os, architecture, variant } = serde_json::from_slice(&bytes).unwrap_or_default();
    let platform = Platform {
        os: os.unwrap_or_default(),
        architecture: architecture.unwrap_or_default(),
        variant: variant.filter(|variant| !variant.is_empty()),
        ..Platform::default()
    };
    let is_image = !matches!(manifest.check_is_image(), Err(ManifestError::Artifact(_)));
    Ok(if platform.is_unknown() { is_image.then(Platform::default) } else { Some(platform) })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read, sync::Arc};

    use serde_json::json;

    use super::{
        super::image::{Naming, Selection, resolve},
        *,
    };
    use crate::oci::manifest::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};

    const ARTIFACT: &str = "application/vnd.example.thing";

    /// Documents and blobs by digest.
    #[derive(Debug, Default)]
    struct Shelf(BTreeMap<Digest, Vec<u8>>);

    impl Shelf {
        fn keep(&mut self, media_type: &str, text: &str) -> Descriptor {
            let bytes = text.as_bytes().to_vec();
            let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
            self.0.insert(descriptor.digest.clone(), bytes);
            descriptor
        }

        /// A manifest with a configuration of this type and content.
        fn described(&mut self, config_type: &str, config: &str) -> Descriptor {
            let config = self.keep(config_type, config);
            let config =
                json!({ "mediaType": config_type, "digest": config.digest.to_string(), "size": config.size });
            let text = json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string();
            self.keep(OCI_MANIFEST, &text)
        }

        fn index(&mut self, entries: &[(&Descriptor, serde_json::Value)]) -> Descriptor {
            let entries: Vec<_> = entries
                .iter()
                .map(|(entry, more)| {
                    let mut json = json!({ "mediaType": entry.media_type, "digest": entry.digest.to_string(), "size": entry.size });
                    json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                    json
                })
                .collect();
            let text =
                json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries }).to_string();
            self.keep(OCI_INDEX, &text)
        }
    }

    impl ContentStore for Shelf {
        fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
            self.0.get(&descriptor.digest).cloned().ok_or_else(|| SourceError::BlobMissing {
                digest: descriptor.digest.clone(),
                place: "shelf".to_owned(),
            })
        }

        fn blob(&self, digest: &Digest, _: u64) -> Result<Box<dyn Read + Send>, SourceError> {
            let bytes = self.manifest(&Descriptor::new("", digest.clone(), 0))?;
            Ok(Box::new(std::io::Cursor::new(bytes)))
        }
    }

    fn on(platform: &str) -> serde_json::Value {
        let (os, architecture) = platform.split_once('/').unwrap();
        json!({ "platform": { "os": os, "architecture": architecture } })
    }

    /// The platforms of the members of an index that holds an index of `entries`.
    fn check(shelf: &mut Shelf, entries: &[(&Descriptor, serde_json::Value)], expected: &[&str]) {
        let nested = shelf.index(entries);
        let root = shelf.index(&[(&nested, json!({}))]);
        let members = members(&*shelf, &root, &Limits::default()).unwrap();
        let found: Vec<String> = members
            .iter()
            .map(|member| format!("{}/{}", member.platform.os, member.platform.architecture))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_an_index_lists_for_a_platform_may_be_chosen_whatever_it_is() {
        let mut shelf = Shelf::default();
        let artifact = shelf.described(ARTIFACT, "{}");
        let image = shelf.described(OCI_CONFIG, r#"{"os":"linux","architecture":"amd64"}"#);
        let mut odd = shelf.described("", r#"{"layers":[]}"#);
        odd.media_type = "application/vnd.example.manifest".to_owned();
        let entries =
            [(&artifact, on("linux/arm64")), (&image, on("linux/amd64")), (&odd, on("linux/s390x"))];
        check(&mut shelf, &entries, &["linux/arm64", "linux/amd64", "linux/s390x"]);
        check(&mut shelf, &[(&artifact, on("unknown/unknown")), (&image, json!({}))], &["linux/amd64"]);
    }

    #[test]
    fn a_configuration_that_names_a_platform_is_chosen_whatever_its_type() {
        let mut shelf = Shelf::default();
        let posing = shelf.described(ARTIFACT, r#"{"os":"linux","architecture":"amd64"}"#);
        let plain = shelf.described(ARTIFACT, "{}");
        let text = shelf.described(ARTIFACT, "no JSON");
        let image = shelf.described(OCI_CONFIG, r#"{"rootfs":{}}"#);
        let entries = [(&posing, json!({})), (&plain, json!({})), (&text, json!({})), (&image, json!({}))];
        check(&mut shelf, &entries, &["linux/amd64", "/"]);
    }

    #[test]
    fn an_entry_for_no_platform_does_not_hide_the_same_bytes_for_one() {
        let mut shelf = Shelf::default();
        let artifact = shelf.described(ARTIFACT, "{}");
        let entries = [(&artifact, json!({})), (&artifact, on("linux/arm64"))];
        check(&mut shelf, &entries, &["linux/arm64"]);
    }

    #[test]
    fn an_image_that_is_listed_for_two_platforms_is_one() {
        let mut shelf = Shelf::default();
        let image = shelf.described(OCI_CONFIG, r#"{"os":"linux","architecture":"amd64"}"#);
        let entries = [(&image, on("linux/amd64")), (&image, on("linux/arm64"))];
        check(&mut shelf, &entries, &["linux/amd64"]);
        let root = shelf.index(&entries);
        let store: Arc<dyn ContentStore> = Arc::new(shelf);
        let sources = resolve(&store, &[root], &Naming::default(), &Selection::All, &Limits::default());
        assert_eq!(sources.unwrap().len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_left_out() {
        let mut shelf = Shelf::default();
        let artifact = shelf.described(ARTIFACT, r#"{"os":"linux","architecture":"amd64"}"#);
        shelf.0.remove(&Digest::of(br#"{"os":"linux","architecture":"amd64"}"#));
        let root = shelf.index(&[(&artifact, json!({}))]);
        assert!(members(&shelf, &root, &Limits::default()).is_err());
    }
}
