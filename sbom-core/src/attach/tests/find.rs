//! What is found, what is noted, and what stays undecided.

use std::time::Duration;

use serde_json::json;

use super::{super::document::artifact, *};
use crate::{
    attach::{
        kind::{EMPTY, ENVELOPE},
        store::{companion_tag, fallback_tag},
    },
    attest::Signed,
    oci::manifest::{OCI_CONFIG, OCI_INDEX},
};

/// A referrer of any type, and its entry for lists.
fn referrer(store: &Memory, subject: &Descriptor, kind: &str, layer: &str, text: &str) -> Descriptor {
    let mut blob = store.keep_blob(text.as_bytes());
    blob.media_type = layer.to_owned();
    let made = artifact(kind, &blob, Annotations::new(), Some(subject));
    store.keep(OCI_MANIFEST, &made.bytes);
    made.entry
}

fn texts(found: &Found) -> Vec<String> {
    let text = |(_, signed): (_, &Signed)| String::from_utf8(signed.bytes().to_vec()).unwrap();
    found.signed().map(text).collect()
}

#[test]
fn what_was_attached_is_found_with_and_without_the_store_s_lists() {
    for store in [Memory::with_api(), Memory::default()] {
        let subject = image(&store);
        let attached = attach_one(&store, &subject, "one").unwrap();
        let found = find_all(&store, &subject.digest);
        assert_eq!(texts(&found), [String::from_utf8(bundle("one")).unwrap()]);
        let [only] = found.attestations.as_slice() else { panic!("{found:?}") };
        assert_eq!(only.place, Place::Referrer(attached.manifest));
        assert_eq!(only.predicate_type.as_deref(), Some(SPDX));
        assert!(found.is_complete() && found.notes.is_empty());
    }
}

#[test]
fn a_bundle_does_not_hide_what_lies_under_the_old_tag() {
    let store = Memory::with_api();
    let subject = image(&store);
    attach_one(&store, &subject, "new").unwrap();
    let old = store.keep_blob(b"old");
    let layer = json!({ "mediaType": ENVELOPE, "digest": old.digest.to_string(), "size": 3,
        "annotations": { "predicateType": SPDX, "dev.sigstore.cosign/certificate": "PEM" } });
    let config = json!({ "mediaType": OCI_CONFIG, "digest": old.digest.to_string(), "size": 3 });
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] }).to_string();
    store.tag(&companion_tag(&subject.digest, "att").unwrap(), OCI_MANIFEST, manifest.as_bytes());
    let found = find_all(&store, &subject.digest);
    let annotated = found.signed().filter_map(|(_, signed)| match signed {
        Signed::Envelope { annotations, .. } => annotations.get("dev.sigstore.cosign/certificate"),
        Signed::Bundle(_) => None,
    });
    assert_eq!(annotated.collect::<Vec<_>>(), ["PEM"]);
    assert_eq!(found.attestations.len(), 2);
}

#[test]
fn the_tag_that_stands_in_for_lists_is_read_where_there_are_lists_too() {
    let store = Memory::with_api();
    let subject = image(&store);
    let plain = Memory::default();
    image(&plain);
    let attached = attach_one(&plain, &subject, "before").unwrap();
    // What a registry kept under the tag before it learned to keep lists.
    let bytes = plain_manifest(&plain, &attached.manifest);
    store.keep_blob(&bundle("before"));
    store.keep(OCI_MANIFEST, &bytes);
    store.delete_manifest(&attached.manifest).unwrap();
    let list = json!({ "manifests": [{ "mediaType": OCI_MANIFEST, "digest": attached.manifest.to_string(), "size": bytes.len() }] });
    let tag = fallback_tag(&subject.digest).unwrap();
    store.tag(&tag, OCI_INDEX, list.to_string().as_bytes());
    assert_eq!(notes(&find_all(&store, &subject.digest)), ["not-listed", "missing"]);
}

fn plain_manifest(store: &Memory, digest: &Digest) -> Vec<u8> {
    use crate::source::ContentStore as _;
    store.manifest(&Descriptor::new("", digest.clone(), 0)).unwrap()
}

#[test]
fn a_list_that_says_little_is_enough() {
    for kind in [None, Some(EMPTY), Some(OCI_CONFIG), Some("application/vnd.example")] {
        let store = Memory::default();
        let subject = image(&store);
        let mut entry = referrer(&store, &subject, BUNDLE, BUNDLE, "{}");
        entry.artifact_type = kind.map(str::to_owned);
        entry.annotations.clear();
        let list = super::super::document::list_with(None, &[entry]).unwrap().unwrap();
        store.tag(&fallback_tag(&subject.digest).unwrap(), OCI_INDEX, &list);
        assert_eq!(texts(&find_all(&store, &subject.digest)), ["{}"], "{kind:?}");
    }
}

#[test]
fn unsigned_statements_are_told_apart_and_not_fetched() {
    let store = Memory::with_api();
    let subject = image(&store);
    referrer(&store, &subject, "application/spdx+json", "application/spdx+json", "raw");
    referrer(&store, &subject, "application/vnd.in-toto+json", "application/vnd.in-toto+json", "scout");
    referrer(&store, &subject, "application/vnd.cyclonedx+json", "application/octet-stream", "oras");
    let before = store.requests();
    let found = find_all(&store, &subject.digest);
    assert_eq!(store.requests() - before, 6, "three lists and three manifests");
    assert_eq!(found.signed().count(), 0);
    let kinds: Vec<Kind> = found.attestations.iter().map(|attestation| attestation.kind).collect();
    assert_eq!(kinds, [Kind::Statement, Kind::Sbom, Kind::Sbom]);
}

#[test]
fn statements_of_buildkit_stand_in_the_index() {
    let store = Memory::default();
    let subject = image(&store);
    let layer = json!({ "mediaType": "application/vnd.in-toto+json", "digest": subject.digest.to_string(), "size": 1,
        "annotations": { "in-toto.io/predicate-type": SPDX } });
    let config = json!({ "mediaType": OCI_CONFIG, "digest": subject.digest.to_string(), "size": 1 });
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] }).to_string();
    let statements = store.keep(OCI_MANIFEST, manifest.as_bytes());
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        { "mediaType": OCI_MANIFEST, "digest": subject.digest.to_string(), "size": subject.size },
        { "mediaType": OCI_MANIFEST, "digest": statements.digest.to_string(), "size": statements.size, "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject.digest.to_string() } },
    ] });
    let index = store.keep(OCI_INDEX, index.to_string().as_bytes());
    let mut spending = Spending::new(&Limits::default(), Box::new(Still::default()));
    let wanted = Wanted { subject: &subject.digest, index: Some(&index.digest), likely: &[] };
    let found = find(&store, wanted, &mut spending);
    let [only] = found.attestations.as_slice() else { panic!("{found:?}") };
    assert_eq!(only.place, Place::Beside(statements.digest));
    assert_eq!(only.predicate_type.as_deref(), Some(SPDX));
    assert!(matches!(only.content, Content::Unsigned(_)));
}

#[test]
fn a_lying_store_is_noted_and_hides_nothing_else() {
    let store = Memory::with_api();
    let subject = image(&store);
    let good = attach_one(&store, &subject, "good").unwrap();
    let wrong_blob = attach_one(&store, &subject, "wrong blob").unwrap();
    store.lie(&wrong_blob.bundle, &bundle("wrong-blob"));
    let wrong_manifest = attach_one(&store, &subject, "wrong manifest").unwrap();
    store.lie(&wrong_manifest.manifest, &plain_manifest(&store, &good.manifest));
    let missing = attach_one(&store, &subject, "missing").unwrap();
    store.forget(&missing.manifest);
    let other = Descriptor::new(OCI_MANIFEST, Digest::of(b"another image"), 13);
    let of_other = attach_one(&store, &other, "of another image").unwrap();
    let entry = Descriptor::new(OCI_MANIFEST, of_other.manifest, 0);
    store.list(&subject.digest, entry);
    let found = find_all(&store, &subject.digest);
    assert_eq!(texts(&found), [String::from_utf8(bundle("good")).unwrap()]);
    let mut notes = notes(&found);
    notes.sort();
    assert_eq!(notes, ["damaged", "damaged", "missing", "other-subject"]);
    assert!(found.is_complete());
}

#[test]
fn a_refused_list_leaves_it_undecided() {
    let store = Memory::with_api();
    let subject = image(&store);
    store.refuse_lists();
    let found = find_all(&store, &subject.digest);
    assert_eq!(codes(&found), ["UNREACHABLE"]);
    assert!(!found.is_complete());
    assert!(found.withdrawals_missed, "what is in the list, nobody knows");
}

#[test]
fn junk_costs_a_bounded_number_of_requests_and_leaves_it_undecided() {
    let store = Memory::with_api();
    let subject = image(&store);
    for number in 0..500 {
        referrer(&store, &subject, BUNDLE, BUNDLE, &format!("junk {number}"));
    }
    let good = attach_one(&store, &subject, "good").unwrap();
    let before = store.requests();
    let found = find_all(&store, &subject.digest);
    assert_eq!(store.requests() - before, 3 + 2 * 256);
    assert_eq!(codes(&found), ["LIMIT"]);
    // Its predicate type is the likely one, so it comes before the junk, which names none.
    assert_eq!(found.attestations[0].place, Place::Referrer(good.manifest));
    assert!(found.withdrawals_missed, "what is called nothing may withdraw something");
    let store = Memory::with_api();
    let subject = image(&store);
    for number in 0..300 {
        attach_one(&store, &subject, &format!("one of many {number}")).unwrap();
    }
    let found = find_all(&store, &subject.digest);
    assert_eq!(codes(&found), ["LIMIT"]);
    assert!(!found.withdrawals_missed, "nothing that was left out claims to withdraw anything");
}

#[test]
fn what_is_of_another_kind_costs_nothing() {
    let store = Memory::with_api();
    let subject = image(&store);
    let kind = "application/vnd.cncf.notary.signature";
    for number in 0..500 {
        referrer(&store, &subject, kind, "application/jose+json", &format!("signature {number}"));
    }
    let before = store.requests();
    assert!(find_all(&store, &subject.digest).is_complete());
    assert_eq!(store.requests() - before, 3);
}

#[test]
fn every_bound_leaves_it_undecided() {
    let store = Memory::with_api();
    let subject = image(&store);
    attach_one(&store, &subject, "one").unwrap();
    attach_one(&store, &subject, "two").unwrap();
    for (limit, value) in [
        ("attestation-bytes", 10),
        ("attestations-bytes", 200),
        ("attestation-requests", 4),
        ("referrers", 1),
        ("attestation-requests", 0),
    ] {
        let mut limits = Limits::default();
        assert!(limits.set(limit, value));
        let found = find_within(&store, &subject.digest, &limits);
        assert!(codes(&found).contains(&"LIMIT"), "{limit}");
        assert!(found.incomplete[0].to_string().contains(&format!("--limit {limit}")), "{limit}");
    }
    let late = Box::new(Still(Duration::from_secs(3600)));
    let mut spending = Spending::new(&Limits::default(), late);
    let wanted = Wanted { subject: &subject.digest, index: None, likely: &[] };
    let found = find(&store, wanted, &mut spending);
    assert!(codes(&found).contains(&"LIMIT") && found.attestations.is_empty());
}

/// A referrer whose bundle is called `size` bytes long; `number` tells it from others.
fn called(store: &Memory, subject: &Descriptor, bytes: &[u8], size: u64, number: u32) {
    let blob = Descriptor { media_type: BUNDLE.to_owned(), size, ..store.keep_blob(bytes) };
    let hint = ("dev.sigstore.bundle.predicateType".to_owned(), format!("https://example.test/{number}"));
    let made = artifact(BUNDLE, &blob, Annotations::from([hint]), Some(subject));
    store.keep(OCI_MANIFEST, &made.bytes);
}

#[test]
fn what_many_call_too_large_is_measured_once() {
    let mut limits = Limits::default();
    limits.set("attestation-bytes", 10);
    let requests = |many: u32| {
        let store = Memory::with_api();
        let (one, other) = (image(&store), store.keep(OCI_MANIFEST, b"{\"layers\":[]}"));
        let mut spending = Spending::new(&limits, Box::new(Still::default()));
        let before = store.requests();
        for subject in [&one, &other] {
            for number in 0..many {
                called(&store, subject, b"small", 100, number);
            }
            let wanted = Wanted { subject: &subject.digest, index: None, likely: &[] };
            let found = find(&store, wanted, &mut spending);
            assert!(found.is_complete() && notes(&found) == ["damaged"], "{found:?}");
        }
        store.requests() - before
    };
    assert_eq!(requests(20) - requests(1), 2 * 19, "the manifests alone");
}

#[test]
fn what_is_too_large_is_told_of_all_that_it_is_called() {
    let store = Memory::with_api();
    let subject = image(&store);
    for (number, size) in [(1, 100), (2, 100), (3, 90)] {
        called(&store, &subject, b"longer than it may be", size, number);
    }
    let mut limits = Limits::default();
    limits.set("attestation-bytes", 10);
    let found = find_within(&store, &subject.digest, &limits);
    let hints: std::collections::BTreeSet<_> = found.incomplete.iter().filter_map(Incomplete::hint).collect();
    assert_eq!(hints.len(), 3, "{found:?}");
}

#[test]
fn what_is_measured_is_bounded_and_crowds_nothing_out() {
    let store = Memory::with_api();
    let subject = image(&store);
    referrer(&store, &subject, BUNDLE, BUNDLE, "a signed");
    for number in 0..5 {
        called(&store, &subject, format!("junk   {number}").as_bytes(), 100, number);
    }
    let mut limits = Limits::default();
    limits.set("attestation-bytes", 10);
    limits.set("attestations-bytes", 25);
    let found = find_within(&store, &subject.digest, &limits);
    assert_eq!(texts(&found), ["a signed"]);
    assert_eq!((notes(&found).len(), codes(&found)), (3, vec!["LIMIT"; 2]), "{found:?}");
}

#[test]
fn the_newest_comes_first_and_then_the_digest_decides() {
    let store = Memory::with_api();
    let subject = image(&store);
    let limits = Limits::default();
    let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: false, limits: &limits };
    for (text, created) in [("b", 5), ("a", 9), ("c", 7)] {
        let (bundle, subjects) = (bundle(text), [subject.clone()]);
        let created = Some(crate::timestamp::Timestamp::from_unix(created).unwrap());
        let attachment = Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created };
        attach(&store, &[attachment], &settings).unwrap();
    }
    let found = find_all(&store, &subject.digest);
    let created: Vec<_> = found.attestations.iter().map(|one| one.created.unwrap().unix()).collect();
    assert_eq!(created, [9, 7, 5]);
}
