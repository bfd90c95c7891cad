//! What is put, that it is found afterwards, and that writers lose nothing of each other's.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::*;
use crate::{
    attach::{
        Listing,
        store::{companion_tag, fallback_tag},
    },
    oci::manifest::OCI_INDEX,
};

fn list_of(store: &Memory, subject: &Digest) -> Value {
    let tagged = store.tagged(&fallback_tag(subject).unwrap()).unwrap().unwrap();
    serde_json::from_slice(&tagged.bytes).unwrap()
}

#[test]
fn a_list_under_a_tag_names_type_and_annotations() {
    let store = Memory::default();
    let subject = image(&store);
    let attached = attach_one(&store, &subject, "one").unwrap();
    assert_eq!(attached.listing, Listing::Tag(fallback_tag(&subject.digest).unwrap()));
    let list = list_of(&store, &subject.digest);
    let entry = &list["manifests"][0];
    assert_eq!(entry["digest"], attached.manifest.to_string());
    assert_eq!(entry["artifactType"], BUNDLE);
    assert_eq!(entry["annotations"]["dev.sigstore.bundle.predicateType"], SPDX);
    assert_eq!(entry["annotations"]["dev.sigstore.bundle.content"], "dsse-envelope");
}

#[test]
fn where_the_store_keeps_lists_no_tag_is_written() {
    let store = Memory::with_api();
    let subject = image(&store);
    assert_eq!(attach_one(&store, &subject, "one").unwrap().listing, Listing::Store);
    assert_eq!(store.tagged(&fallback_tag(&subject.digest).unwrap()).unwrap(), None);
}

#[test]
fn the_same_bundle_is_not_attached_twice() {
    for store in [Memory::with_api(), Memory::default()] {
        let subject = image(&store);
        let first = attach_one(&store, &subject, "one").unwrap();
        let (bundle, subjects) = (bundle("one"), [subject.clone()]);
        let created = Some(crate::timestamp::Timestamp::from_unix(99).unwrap());
        let later = Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created };
        let limits = Limits::default();
        let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: true, limits: &limits };
        let again = attach(&store, &[later], &settings).unwrap().remove(0);
        assert!(first.new && !again.new);
        assert_eq!(again.manifest, first.manifest);
        assert_eq!(find_all(&store, &subject.digest).attestations.len(), 2, "the bundle, and its old form");
        attach(&store, &[later], &settings).unwrap();
        assert_eq!(find_all(&store, &subject.digest).attestations.len(), 2);
    }
}

#[test]
fn one_bundle_is_put_beside_platform_and_index() {
    for store in [Memory::with_api(), Memory::default()] {
        let platform = image(&store);
        let index = store.keep(OCI_INDEX, br#"{"schemaVersion":2,"manifests":[]}"#);
        let (bundle, subjects) = (bundle("both"), [platform.clone(), index.clone()]);
        let attachment =
            Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created: None };
        let limits = Limits::default();
        let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: true, limits: &limits };
        let attached = attach(&store, &[attachment], &settings).unwrap();
        assert_eq!(attached.len(), 2);
        assert_eq!(attached[0].bundle, attached[1].bundle);
        assert_ne!(attached[0].manifest, attached[1].manifest);
        for subject in [&platform, &index] {
            let found = find_all(&store, &subject.digest);
            assert_eq!(found.signed().count(), 2, "the bundle, and its old form");
        }
    }
}

#[test]
fn a_store_that_does_not_list_what_it_took_is_no_success() {
    let store = Memory { forgets: true, ..Memory::with_api() };
    let subject = image(&store);
    let error = attach_one(&store, &subject, "one").unwrap_err();
    assert!(matches!(error, AttachError::NotVisible { .. }), "{error}");
}

#[test]
fn an_image_under_the_tag_is_not_overwritten() {
    let store = Memory::default();
    let subject = image(&store);
    store.tag(&fallback_tag(&subject.digest).unwrap(), OCI_MANIFEST, br#"{"config":{},"layers":[]}"#);
    let error = attach_one(&store, &subject, "one").unwrap_err();
    assert!(matches!(error, AttachError::Tagged { .. }), "{error}");
}

#[test]
fn six_writers_at_once_lose_nothing() {
    for conditions in [false, true] {
        let store = Memory { conditions, slowness: Duration::from_millis(3), ..Memory::default() };
        let subject = image(&store);
        let limits = Limits::default();
        std::thread::scope(|scope| {
            for writer in 0..6_u64 {
                let (store, subject, limits) = (&store, &subject, &limits);
                scope.spawn(move || {
                    let clock = Stopwatch::default();
                    let settings = Settings { clock: &clock, seed: writer, also_legacy: true, limits };
                    let (bundle, subjects) = (bundle(&format!("w{writer}")), [subject.clone()]);
                    let attachment = Attachment {
                        bundle: &bundle,
                        predicate_type: SPDX,
                        subjects: &subjects,
                        created: None,
                    };
                    attach(store, &[attachment], &settings).unwrap();
                });
            }
        });
        let found = find_all(&store, &subject.digest);
        let bundles: BTreeSet<_> = found.attestations.iter().map(|one| one.digest.clone()).collect();
        assert_eq!(bundles.len(), 12, "conditions: {conditions}: six bundles, and six in the old form");
        let tag = companion_tag(&subject.digest, "att").unwrap();
        assert!(store.tagged(&tag).unwrap().is_some());
    }
}
