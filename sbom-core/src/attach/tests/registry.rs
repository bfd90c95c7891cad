//! Repositories of registries as stores, over HTTP.

use std::{collections::BTreeSet, sync::Arc};

use sbomctl_testkit::{FaultKind, ImageBuilder, ReferrersApi, Registry};

use super::*;
use crate::{
    oci::reference::Reference,
    registry::{Client, ClientConfig},
    source::registry::RegistryStore,
};

const API: ReferrersApi = ReferrersApi::On { filter: true, page: 100 };

/// A registry with an image in it, the image's name and a client that asks once.
fn registry(api: ReferrersApi) -> (Registry, Reference, Arc<Client>) {
    let registry = Registry::start();
    registry.referrers_api(api);
    let image = ImageBuilder::new().layer(|l| l.file("a", "1")).build();
    let reference = registry.push("app", "1", &image.root()).parse().unwrap();
    let mut limits = Limits::default();
    limits.set("attempts", 1);
    let client = Client::new(ClientConfig { limits, ..ClientConfig::default() }).unwrap();
    (registry, reference, Arc::new(client))
}

fn attach_in(store: &RegistryStore, subject: &Descriptor, text: &str, seed: u64) -> Attached {
    let (bundle, subjects) = (bundle(text), [subject.clone()]);
    let attachment = Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created: None };
    let (clock, limits) = (Stopwatch::default(), Limits::default());
    let settings = Settings { clock: &clock, seed, also_legacy: true, limits: &limits };
    attach(store, &[attachment], &settings).unwrap().remove(0)
}

#[test]
fn what_is_attached_is_found_in_registries_with_and_without_lists() {
    for api in [API, ReferrersApi::Off] {
        let (_registry, reference, client) = registry(api);
        let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
        let attached = attach_in(&store, &subject, "one", 0);
        assert_eq!(attached.listing == Listing::Store, api == API);
        assert!(!attach_in(&store, &subject, "one", 0).new);
        let found = find_all(&store, &subject.digest);
        assert_eq!(found.signed().count(), 2, "the bundle, and its old form");
        assert!(found.is_complete() && found.notes.is_empty(), "{found:?}");
    }
}

#[test]
fn six_writers_at_once_lose_nothing_in_a_registry() {
    for conditions in [false, true] {
        let (registry, reference, client) = registry(ReferrersApi::Off);
        registry.conditions(conditions);
        let (_, subject) = RegistryStore::resolve(&client, &reference).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..6_u64 {
                let (client, reference, subject) = (&client, &reference, &subject);
                scope.spawn(move || {
                    let store = RegistryStore::new(client, reference.repository().clone());
                    attach_in(&store, subject, &format!("w{writer}"), writer);
                });
            }
        });
        let store = RegistryStore::new(&client, reference.repository().clone());
        let found = find_all(&store, &subject.digest);
        let digests: BTreeSet<_> = found.attestations.iter().map(|one| one.digest.clone()).collect();
        assert_eq!(digests.len(), 12, "conditions: {conditions}");
    }
}

#[test]
fn a_list_that_is_refused_leaves_it_undecided() {
    for status in [403, 500, 503] {
        let (registry, reference, client) = registry(API);
        let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
        attach_in(&store, &subject, "one", 0);
        registry.fault("/referrers/", 1, FaultKind::Status(status, String::new(), String::new()));
        let found = find_all(&store, &subject.digest);
        assert_eq!(codes(&found), ["UNREACHABLE"], "{status}");
        assert_eq!(found.signed().count(), 1, "what the other lists name is found all the same");
    }
}

#[test]
fn a_registry_that_gives_wrong_bytes_is_noted() {
    let (registry, reference, client) = registry(API);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let attached = attach_in(&store, &subject, "one", 0);
    for path in [attached.manifest.to_string(), attached.bundle.to_string()] {
        registry.fault(&path, 1, FaultKind::OtherBytes);
        let found = find_all(&store, &subject.digest);
        assert_eq!(notes(&found), ["damaged"]);
        assert!(found.is_complete());
        assert_eq!(found.signed().count(), 1, "the old form is there");
    }
}

#[test]
fn an_endless_bundle_is_not_taken_and_hides_nothing_else() {
    let (registry, reference, client) = registry(API);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let attached = attach_in(&store, &subject, "one", 0);
    registry.fault(&format!("/blobs/{}", attached.bundle), 1, FaultKind::Endless);
    let found = find_all(&store, &subject.digest);
    assert_eq!(found.signed().count(), 1, "the old form is there: {found:?}");
}

#[test]
fn five_hundred_junk_referrers_cost_a_bounded_number_of_requests() {
    let (registry, reference, client) = registry(API);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let good = attach_in(&store, &subject, "good", 0);
    let empty = registry.insert_blob("app", b"{}");
    for number in 0..500 {
        let text = format!("junk {number}");
        let digest = registry.insert_blob("app", text.as_bytes());
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": BUNDLE,
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 },
            "layers": [{ "mediaType": BUNDLE, "digest": digest, "size": text.len() }],
            "subject": { "mediaType": OCI_MANIFEST, "digest": subject.digest.to_string(), "size": subject.size },
        });
        registry.insert_manifest("app", None, OCI_MANIFEST, manifest.to_string().as_bytes());
    }
    registry.clear_log();
    let found = find_all(&store, &subject.digest);
    assert!(registry.log().len() <= 8 + 2 * 257, "{} requests", registry.log().len());
    assert_eq!(codes(&found), ["LIMIT"]);
    assert_eq!(found.attestations[0].place.manifest(), &good.manifest);
}

#[test]
fn an_image_is_copied_with_everything_about_it_and_the_lists_are_written_anew() {
    let (_first, reference, client) = registry(API);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    attach_in(&store, &subject, "one", 0);
    let second = Registry::start();
    let there: Reference = format!("{}/other/app:2", second.host()).parse().unwrap();
    let sink = RegistryStore::new(&client, there.repository().clone());
    let (clock, limits) = (Stopwatch::default(), Limits::default());
    let settings = Settings { clock: &clock, seed: 0, also_legacy: false, limits: &limits };
    let plan = || {
        let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
        copy::plan(&store, &subject, &mut spending).unwrap()
    };
    for _twice in 0..2 {
        let copied = copy::copy(&store, plan(), &sink, there.tag(), &settings).unwrap();
        assert_eq!((copied.manifests, copied.referrers, copied.tags.len()), (2, 1, 1));
        assert_eq!(RegistryStore::resolve(&client, &there).unwrap().1.digest, subject.digest);
        assert_eq!(find_all(&sink, &subject.digest).signed().count(), 2);
    }
    let mut archives = Vec::new();
    for _twice in 0..2 {
        let mut archive = Vec::new();
        let carried = [(archive::Carried::Policy, b"version: 1\n".to_vec())];
        archive::write(&store, plan(), there.tag(), &carried, &mut archive).unwrap();
        archives.push(archive);
    }
    assert_eq!(archives[0], archives[1], "the same bytes");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    std::fs::write(&path, &archives[0]).unwrap();
    let layout = Layout::archive(&path, &limits).unwrap();
    assert_eq!(layout.resolve(&crate::source::Choice::Only).unwrap().digest, subject.digest);
    assert_eq!(find_all(&layout, &subject.digest).signed().count(), 2);
    let (_, policy) = archive::carried(&layout, &archive::Carried::Policy).unwrap().unwrap();
    assert_eq!(policy, b"version: 1\n");
    assert_eq!(archive::carried(&layout, &archive::Carried::TrustedRoot).unwrap(), None);
}

#[test]
fn a_damaged_layer_is_never_copied() {
    let (registry, reference, client) = registry(API);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let limits = Limits::default();
    let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
    let plan = copy::plan(&store, &subject, &mut spending).unwrap();
    registry.fault("/blobs/", 100, FaultKind::OtherBytes);
    assert!(archive::write(&store, plan, None, &[], &mut Vec::new()).is_err());
}

#[test]
fn a_list_of_another_tool_is_put_right_and_loses_nothing() {
    let (registry, reference, client) = registry(ReferrersApi::Off);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let attached = attach_in(&store, &subject, "one", 0);
    let Listing::Tag(tag) = &attached.listing else { panic!("{attached:?}") };
    let list = serde_json::json!({ "schemaVersion": 2, "mediaType": crate::oci::manifest::OCI_INDEX, "manifests": [
        { "mediaType": OCI_MANIFEST, "digest": attached.manifest.to_string(), "size": 1000,
          "artifactType": "application/vnd.oci.empty.v1+json", "urls": ["kept"] },
        { "mediaType": OCI_MANIFEST, "digest": subject.digest.to_string(), "size": subject.size, "odd": true,
          "artifactType": crate::oci::manifest::OCI_CONFIG },
    ] });
    let size = registry.manifest("app", &attached.manifest.to_string()).unwrap().bytes.len();
    let list = list.to_string().replace("1000", &size.to_string());
    registry.insert_manifest("app", Some(tag.as_str()), crate::oci::manifest::OCI_INDEX, list.as_bytes());
    let (clock, limits) = (Stopwatch::default(), Limits::default());
    let settings = Settings { clock: &clock, seed: 0, also_legacy: false, limits: &limits };
    let mut wrong = Vec::new();
    for dry_run in [true, false, false] {
        let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
        let repaired = repair::repair(&store, &subject.digest, dry_run, &settings, &mut spending).unwrap();
        wrong.push(repaired.corrected.len());
    }
    assert_eq!(wrong, [1, 1, 0]);
    let bytes = registry.manifest("app", tag.as_str()).unwrap().bytes;
    let list: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(list["manifests"][0]["artifactType"], BUNDLE);
    assert_eq!(list["manifests"][0]["annotations"]["dev.sigstore.bundle.predicateType"], SPDX);
    assert_eq!(list["manifests"][0]["urls"][0], "kept");
    assert_eq!(list["manifests"][1]["odd"], true);
}

#[test]
fn what_is_taken_away_is_no_longer_listed() {
    for api in [API, ReferrersApi::Off] {
        let (_registry, reference, client) = registry(api);
        let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
        let attached = attach_in(&store, &subject, "one", 0);
        let (clock, limits) = (Stopwatch::default(), Limits::default());
        let settings = Settings { clock: &clock, seed: 0, also_legacy: false, limits: &limits };
        let removed = repair::remove(&store, &subject.digest, &attached.manifest, &settings).unwrap();
        assert_eq!((removed.from_tag, removed.manifest), (api == ReferrersApi::Off, true));
        let found = find_all(&store, &subject.digest);
        assert_eq!(found.signed().count(), 1, "the old form stays");
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }
}

#[test]
fn an_entry_that_leads_nowhere_does_not_keep_others_out() {
    let (_registry, reference, client) = registry(ReferrersApi::Off);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let first = attach_in(&store, &subject, "first", 0);
    // Somebody deletes the manifest, and leaves the list as it is.
    assert!(store.delete_manifest(&first.manifest).unwrap());
    let second = attach_in(&store, &subject, "second", 0);
    let found = find_all(&store, &subject.digest);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    assert!(found.attestations.iter().any(|one| *one.place.manifest() == second.manifest));
}

#[test]
fn a_tree_shows_referrers_of_referrers_and_ends() {
    let (_registry, reference, client) = registry(API);
    let (store, subject) = RegistryStore::resolve(&client, &reference).unwrap();
    let first = attach_in(&store, &subject, "first", 0);
    let upon = Descriptor::new(OCI_MANIFEST, first.manifest.clone(), 0);
    let second = attach_in(&store, &upon, "second", 0);
    let limits = Limits::default();
    let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
    let tree = tree::tree(&store, &subject, &mut spending);
    let referrer = tree.root.children.iter().find(|node| node.role == tree::Role::Referrer).unwrap();
    assert_eq!(referrer.digest, first.manifest);
    assert_eq!(referrer.predicate_type.as_deref(), Some(SPDX));
    assert_eq!(referrer.children[0].digest, second.manifest);
    assert!(tree.root.children.iter().any(|node| matches!(node.role, tree::Role::Tagged(_))));
    assert!(tree.notes.is_empty() && tree.incomplete.is_empty());
}
